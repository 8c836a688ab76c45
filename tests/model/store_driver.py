"""Drives the real store through the steps of the model, with one store for each process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, select

from gateway.adapters.sql.schema import conversations, inbox, messages, outbox, timers
from gateway.adapters.sql.store import SqlStore
from gateway.model import Address, Agent, Conversation, Inbound, Message, Sent, Timer
from gateway.store import (
    AgentMessage,
    AlreadyHandled,
    ConversationChanged,
    HandoffRequest,
    OutboxItem,
    TurnOutcome,
    WorkItem,
)
from tests.model.state import Scenario, State, Step

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
CUSTOMER = Address(channel="fake", value="carla")
ANA = Agent(id="desk:ana", name="Ana")
NO_CHANGE = (
    *("the provider", "acknowledges", "the sweep", "the lock", "pauses until", "sends:", "asks,"),
)
"""How the steps begin that change nothing in the database."""


class Snapshot(NamedTuple):
    """The part of the state that both the model and the database have."""

    inbox: tuple[tuple[str, bool], ...]
    outbox: tuple[tuple[str, str, int], ...]
    """Author, state, attempts."""
    timers: tuple[int, ...]
    epoch: int
    person: bool


def expected_snapshot(s: State) -> Snapshot:
    """What the database should hold, by the model."""
    return Snapshot(
        tuple((row.what, bool(row.end)) for row in s.inbox),
        tuple((out.author, out.state, out.attempt) for out in s.outbox),
        s.timers,
        s.epoch,
        s.person,
    )


def read_snapshot(connection: Connection, mailbox: bool) -> Snapshot:
    """What the database holds. ``mailbox``: there is no outbox, and a stored reply is a sent
    one."""
    rows = connection.execute(select(inbox).order_by(inbox.c.id)).all()
    conversation = connection.execute(select(conversations)).one_or_none()
    if mailbox:
        query = select(messages).where(messages.c.author.in_(("bot", "agent")))
        stored = connection.execute(query.order_by(messages.c.id))
        replies = [(row.author, row.status, 0) for row in stored]
    else:
        queued = connection.execute(select(outbox).order_by(outbox.c.id))
        replies = [(row.author, row.state, row.attempts) for row in queued]
    epochs = connection.execute(select(timers.c.epoch).order_by(timers.c.id)).scalars()
    return Snapshot(
        tuple((_name(row), row.state == "handled") for row in rows),
        tuple(replies),
        tuple(epochs),
        conversation.epoch if conversation else 0,
        bool(conversation) and conversation.state != "bot",
    )


def _name(row: Row[Any]) -> str:
    return str(row.remote_id if row.kind == "message" else row.kind)


class StoreDriver:
    """Two processes on one database. What they hold in memory is lost when they are killed."""

    def __init__(self, scenario: Scenario, stores: tuple[SqlStore, SqlStore]) -> None:
        self._scenario, self._stores = scenario, stores
        self._turns: list[WorkItem | None] = [None, None]
        self._sends: list[OutboxItem | None] = [None, None]
        self._agent_messages = 0
        self._actions: dict[str, Callable[[int, State], Awaitable[None]]] = {
            "the timer fires": self._fire_timer,
            "locks the lane and takes its first row": self._take_turn,
            "commits its turn": self._commit,
            "is killed": self._kill,
            "takes a reply to send it": self._take_reply,
            "finds only replies of an earlier epoch": self._take_reply,
            "records that the provider took it": self._record_sent,
            "records that the provider refused it": self._record_refused,
            "records that the provider cut it": self._record_cut,
            "a cut-off reply is settled: row": self._recover,
            "an agent claims the conversation": self._claim,
            "the agent hands it back to the bot": self._hand_back,
            "the agent writes": self._write,
        }

    async def apply(self, step: Step, before: State) -> None:
        """Apply ``step``, which the model made in the state ``before``, to the database."""
        if step.what.startswith("commits to the inbox"):
            await self._accept(str(step.who))
        elif (action := self._actions.get(step.what)) is not None:
            await action(int(step.who or 0), before)
        else:
            assert step.what.startswith(NO_CHANGE), f"this driver has no action for: {step}"

    async def _accept(self, what: str) -> None:
        message = Inbound(address=CUSTOMER, text=f"message {what}", at=NOW, remote_id=what)
        await self._stores[0].inbox.accept(message, NOW)

    async def _fire_timer(self, _: int, before: State) -> None:
        fired = await self._stores[len(before.inbox) % 2].timers.fire(NOW)
        assert fired == (CUSTOMER.lane,)

    async def _take_turn(self, process: int, _: State) -> None:
        work = await self._stores[process].inbox.take(CUSTOMER.lane, NOW)
        assert isinstance(work, WorkItem)
        self._turns[process] = work

    async def _commit(self, process: int, before: State) -> None:
        work, turn = self._turns[process], before.processes[process].turn
        assert work is not None
        assert turn is not None
        self._turns[process] = None
        outcome = _outcome(work, before, silent=turn.silent, scenario=self._scenario)
        # A refused commit changes nothing, as the comparison with the model shows.
        with suppress(AlreadyHandled, ConversationChanged):
            await self._stores[process].inbox.commit(outcome, NOW)

    async def _kill(self, process: int, _: State) -> None:
        self._turns[process] = self._sends[process] = None

    async def _take_reply(self, process: int, _: State) -> None:
        item = await self._stores[process].outbox.take(CUSTOMER.lane, NOW)
        self._sends[process] = item if isinstance(item, OutboxItem) else None

    def _end_send(self, process: int) -> OutboxItem:
        item, self._sends[process] = self._sends[process], None
        assert item is not None
        return item

    async def _record_sent(self, process: int, _: State) -> None:
        item = self._end_send(process)
        await self._stores[process].outbox.mark_sent(item.outbound.id, Sent(remote_id=None))

    async def _record_refused(self, process: int, _: State) -> None:
        item = self._end_send(process)
        await self._stores[process].outbox.retry_later(item.outbound.id, "busy", NOW)

    async def _record_cut(self, process: int, before: State) -> None:
        await self._settle(self._stores[process], self._end_send(process), before)

    async def _recover(self, _: int, before: State) -> None:
        (item,) = await self._stores[1].outbox.take_over()
        await self._settle(self._stores[1], item, before)

    async def _settle(self, store: SqlStore, item: OutboxItem, before: State) -> None:
        """Do what `OutboxDelivery` does."""
        id = item.outbound.id
        number = next(n for n, out in enumerate(before.outbox) if out.state == "sending")
        if self._scenario.policy == "find" and number in before.received:
            await store.outbox.mark_sent(id, Sent())
        elif self._scenario.policy in ("find", "resend"):
            await store.outbox.retry_later(id, "cut", NOW, may_have_arrived=True)
        else:
            if not before.person:
                await store.handoffs.move(
                    item.conversation,
                    None,
                    before.epoch,
                    NOW,
                    state="waiting",
                    line="Handed over",
                    handoff=HandoffRequest(reasons=(), tier="front"),
                )
            await store.outbox.close(id, "unsure", "cut")

    async def _conversation(self) -> Conversation:
        return await self._stores[1].queries.conversation(1)

    async def _claim(self, _: int, before: State) -> None:
        now = await self._conversation()
        _, late = await self._stores[1].handoffs.claim(now.id, ANA, now.epoch, NOW)
        expected = [
            out
            for out in before.outbox
            if out.author == "bot"
            and (out.state == "sending" or (out.state == "ready" and out.may_have_arrived))
        ]
        assert len(late) == len(expected), "the claim returns the replies that may have arrived"

    async def _hand_back(self, _: int, before: State) -> None:
        now = await self._conversation()
        await self._stores[1].handoffs.move(now.id, ANA, now.epoch, NOW, state="bot", line="Back")

    async def _write(self, _: int, before: State) -> None:
        self._agent_messages += 1
        number = self._agent_messages
        message = AgentMessage(conversation=1, agent=ANA, text=f"message {number}")
        await self._stores[1].inbox.accept_agent_message(
            message, CUSTOMER.lane, f"key{number}", NOW
        )


def _outcome(work: WorkItem, before: State, *, silent: bool, scenario: Scenario) -> TurnOutcome:
    """The outcome of a worker's turn: one reply, or none when a person has the conversation."""
    conversation = work.conversation or Conversation(address=CUSTOMER, opened_at=NOW)
    reply = Message(
        id=0, conversation=conversation.id, author="bot", text="reply", at=NOW, turn=work.id
    )
    received = None
    if work.kind == "agent":
        reply, silent = reply.replace(author="agent", agent=ANA), False
    elif work.inbound is not None:
        received = reply.replace(author="customer", text=work.inbound.text)
    elif before.person:
        silent = True
    sets_timer = scenario.timer and not before.outbox and not silent
    return TurnOutcome(
        work=work,
        conversation=conversation,
        customer=work.customer,
        message=received,
        replies=() if silent else (reply,),
        mailbox=scenario.policy == "mailbox",
        timers=(Timer(name="later", due_at=NOW),) if sets_timer else (),
    )
