"""The words of the model: what is true at one moment, and what may go wrong how often.

One customer writes to one conversation; two processes work. Whatever a process holds in memory is
in its `Process`; everything else is in the database, or at the provider's.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Policy = Literal["ask", "resend", "find", "mailbox"]


class Rules(NamedTuple):
    """What the protocol holds to. Each one that is False is a bug."""

    commit_before_ack: bool = True
    """The provider's OK comes after the commit."""
    known_by_id: bool = True
    """A message id is stored once, however often it is delivered."""
    fenced: bool = True
    """A turn commits only while its inbox row is unhandled."""
    one_commit: bool = True
    """The row is handled in the commit that writes the reply."""
    epoch_at_commit: bool = True
    """A turn that began before the conversation changed hands says nothing."""
    epoch_at_delivery: bool = True
    """Neither does a reply that waited meanwhile."""
    in_order: bool = True
    """A later reply waits while an earlier one is on its way or backs off."""
    result_fenced: bool = True
    """That a send failed is written only by the attempt that has the row."""
    doubt_told: bool = True
    """Who claims is told of what may have arrived, also while it waits to be sent again."""
    timer_once: bool = True
    """A timer is gone in the commit that puts it into the inbox."""
    sweeps: bool = True
    """What a lost wake forgot is looked for."""


class Luck(NamedTuple):
    """How often each mishap, and each thing that people do, may still come."""

    duplicates: int = 0
    lost_wakes: int = 0
    crashes: int = 0
    stalls: int = 0
    """A worker that lives has its lock taken away, as it slept for too long."""
    send_stalls: int = 0
    """The same with a reply that a process has on its way."""
    refusals: int = 0
    cuts: int = 0
    claims: int = 0
    returns: int = 0
    """A person gives the conversation back to the bot."""
    words: int = 0
    """An agent writes to the customer."""


class World(NamedTuple):
    messages: str = "A"
    """One letter for each message, in the order in which the customer writes them."""
    timer: bool = False
    """The first answer sets one."""
    policy: Policy = "ask"
    """``find``: the provider can be asked; what it does not have is sent again. ``mailbox``:
    customers fetch what is said to them, so what is committed is sent."""
    luck: Luck = Luck()
    rules: Rules = Rules()


class Row(NamedTuple):
    """Of the inbox. ``end``: empty while it is ready, ``answered``, or ``silent``, when a person
    has the conversation or (a timer) things have moved on."""

    what: str
    epoch: int = 0
    end: str = ""


class Out(NamedTuple):
    """Of the outbox; ``doubt``: it may have arrived, though it is to be sent again; ``sure``: we
    once wrote that it had."""

    row: int
    author: Literal["bot", "agent"]
    epoch: int
    state: Literal["ready", "sending", "sent", "unsure", "discarded"] = "ready"
    attempt: int = 0
    doubt: bool = False
    sure: bool = False


class Turn(NamedTuple):
    """An inbox row in a worker's hands, with the epoch it was taken at."""

    row: int
    epoch: int
    silent: bool


class Sending(NamedTuple):
    """An outbox row in a sender's hands. ``heard``: what the provider said; empty: not called."""

    out: int
    attempt: int
    heard: Literal["", "took", "refused", "cut"] = ""


class Process(NamedTuple):
    turn: Turn | None = None
    sending: Sending | None = None


class State(NamedTuple):
    luck: Luck
    arriving: tuple[str, str] = ("", "")
    """A delivery at the first process's door, and how far it is: ``came``, ``stored``."""
    acked: str = ""
    inbox: tuple[Row, ...] = ()
    outbox: tuple[Out, ...] = ()
    timers: tuple[int, ...] = ()
    """The epochs they were set in."""
    epoch: int = 0
    person: bool = False
    lock: int | None = None
    woken: bool = False
    processes: tuple[Process, ...] = (Process(), Process())
    received: tuple[int, ...] = ()
    """Outbox rows in the order in which the provider took them."""
    told: frozenset[int] = frozenset()
    """Outbox rows of which a person knows that they may have arrived."""
    fault: str = ""
    """A promise that a step broke."""

    def process(self, number: int, **changed: object) -> State:
        one = self.processes[number]._replace(**changed)  # type: ignore[arg-type]
        both = (one, self.processes[1]) if number == 0 else (self.processes[0], one)
        return self._replace(processes=both)

    def row(self, number: int, **changed: object) -> State:
        return self._replace(inbox=_with(self.inbox, number, **changed))

    def out(self, number: int, **changed: object) -> State:
        return self._replace(outbox=_with(self.outbox, number, **changed))

    def spend(self, what: str) -> State:
        left: int = getattr(self.luck, what)
        return self._replace(luck=self.luck._replace(**{what: left - 1}))


def _with(rows: tuple, number: int, **changed: object) -> tuple:  # type: ignore[type-arg]
    return (*rows[:number], rows[number]._replace(**changed), *rows[number + 1 :])


class Step(NamedTuple):
    """What happened: a verb, and the process, row or message it happened to. A ``mishap`` (or
    something that a person does) need not come; everything else comes in the end."""

    what: str
    who: int | str = ""
    mishap: bool = False

    def __str__(self) -> str:
        name = f"process {self.who}: " if isinstance(self.who, int) else ""
        return f"{name}{self.what} {'' if name else self.who}".rstrip()
