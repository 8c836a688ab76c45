"""The state of the model: what is true at one moment, and which mishaps may still happen.

One customer writes to one conversation, and two processes work. A `ModelProcess` holds what a
process has in memory; everything else is in the database or at the provider.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Policy = Literal["ask", "resend", "find", "mailbox"]


class Rules(NamedTuple):
    """The rules of the protocol. Turning one off is a bug that the exploration must find."""

    commit_before_ack: bool = True
    """The provider's OK comes after the commit."""
    deduplicated: bool = True
    """A message id is stored once, however often it is delivered."""
    turn_fenced: bool = True
    """A turn commits only while its inbox row is unhandled."""
    one_commit: bool = True
    """The row is handled in the commit that writes the reply."""
    epoch_at_commit: bool = True
    """A turn that began in an earlier epoch sends no reply."""
    epoch_at_delivery: bool = True
    """A reply of an earlier epoch that waits in the outbox is not sent."""
    in_order: bool = True
    """A later reply waits while an earlier one is being sent or backs off."""
    result_fenced: bool = True
    """Only the attempt that holds the row records that a send failed."""
    late_replies_reported: bool = True
    """An agent who claims is told of replies that may have arrived, also of those that wait to be
    sent again."""
    timer_once: bool = True
    """The commit that writes a timer to the inbox deletes the timer."""
    sweeps: bool = True
    """The sweep finds lanes whose wake was lost."""


class Budget(NamedTuple):
    """How often each mishap, and each action of a person, may still happen."""

    duplicates: int = 0
    lost_wakes: int = 0
    crashes: int = 0
    stalls: int = 0
    """A living worker loses its lock because it pauses for too long."""
    send_stalls: int = 0
    """A living sender loses its reply for the same reason."""
    refusals: int = 0
    cuts: int = 0
    claims: int = 0
    returns: int = 0
    """An agent hands the conversation back to the bot."""
    agent_messages: int = 0
    """An agent writes to the customer."""


class Scenario(NamedTuple):
    """A small world that can be explored completely."""

    messages: str = "A"
    """The customer's messages in their order, one letter each."""
    timer: bool = False
    """Whether the first answer sets a timer."""
    policy: Policy = "ask"
    """``ask``: a person decides about an unsure reply. ``resend``: it is sent again, and its
    receiver recognises it. ``find``: the provider is asked for it first. ``mailbox``: customers
    fetch their messages, so a committed reply is a sent one."""
    budget: Budget = Budget()
    rules: Rules = Rules()


class InboxRow(NamedTuple):
    """A row of the inbox. ``end``: empty while it is ready, ``answered``, or ``silent`` when a
    person has the conversation or a timer is out of date."""

    what: str
    epoch: int = 0
    end: str = ""


class OutboxRow(NamedTuple):
    """A row of the outbox. ``may_have_arrived``: although it waits to be sent again;
    ``known_sent``: it was recorded as sent once."""

    row: int
    author: Literal["bot", "agent"]
    epoch: int
    state: Literal["ready", "sending", "sent", "unsure", "discarded"] = "ready"
    attempt: int = 0
    may_have_arrived: bool = False
    known_sent: bool = False


class TurnInProgress(NamedTuple):
    """A worker's turn: the index of its inbox row, and the epoch at which it began."""

    row: int
    epoch: int
    silent: bool


class SendInProgress(NamedTuple):
    """A send: the index of its outbox row. ``result``: the provider's answer; empty before the
    call."""

    out: int
    attempt: int
    result: Literal["", "took", "refused", "cut"] = ""


class ModelProcess(NamedTuple):
    turn: TurnInProgress | None = None
    sending: SendInProgress | None = None


class State(NamedTuple):
    budget: Budget
    arriving: tuple[str, str] = ("", "")
    """The message that the first process is accepting, and its stage: ``came``, ``stored``,
    ``acked``."""
    acked: str = ""
    inbox: tuple[InboxRow, ...] = ()
    outbox: tuple[OutboxRow, ...] = ()
    timers: tuple[int, ...] = ()
    """The epochs in which the pending timers were set."""
    epoch: int = 0
    person: bool = False
    lock: int | None = None
    woken: bool = False
    processes: tuple[ModelProcess, ...] = (ModelProcess(), ModelProcess())
    received: tuple[int, ...] = ()
    """Indexes of outbox rows in the order in which they arrived."""
    reported: frozenset[int] = frozenset()
    """Indexes of outbox rows of which a person knows that they may have arrived."""
    violation: str = ""
    """The invariant that a step violated."""

    def process(self, number: int, **changed: object) -> State:
        return self._replace(processes=_with(self.processes, number, **changed))

    def row(self, number: int, **changed: object) -> State:
        return self._replace(inbox=_with(self.inbox, number, **changed))

    def out(self, number: int, **changed: object) -> State:
        return self._replace(outbox=_with(self.outbox, number, **changed))

    def spend(self, what: str) -> State:
        """This state with one ``what`` less in the budget."""
        left: int = getattr(self.budget, what)
        return self._replace(budget=self.budget._replace(**{what: left - 1}))


def _with(rows: tuple, number: int, **changed: object) -> tuple:  # type: ignore[type-arg]
    return (*rows[:number], rows[number]._replace(**changed), *rows[number + 1 :])


class Step(NamedTuple):
    """What happened, and the process, row or message that it happened to. A ``mishap`` (or a
    person's action) may happen; all other steps happen sooner or later."""

    what: str
    who: int | str = ""
    mishap: bool = False

    def __str__(self) -> str:
        name = f"process {self.who}: " if isinstance(self.who, int) else ""
        return f"{name}{self.what} {'' if name else self.who}".rstrip()
