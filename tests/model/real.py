"""The real store, driven step by step as the model goes, by two processes' worth of connections."""

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
from tests.model.state import State, Step, World

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
WHO = Address(channel="pigeon", value="carla")
ANA = Agent(id="desk:ana", name="Ana")
STILL = ("the provider", "acknowledges", "the sweep", "the lock", "sleeps until", "sends:", "asks,")
"""Steps that change nothing in the database."""


class Seen(NamedTuple):
    """What model and database both know."""

    inbox: tuple[tuple[str, bool], ...]
    outbox: tuple[tuple[str, str, int], ...]
    """Author, state, attempts."""
    timers: tuple[int, ...]
    epoch: int
    person: bool


def seen(s: State) -> Seen:
    """What the model says that the database holds."""
    return Seen(
        tuple((row.what, bool(row.end)) for row in s.inbox),
        tuple((out.author, out.state, out.attempt) for out in s.outbox),
        s.timers,
        s.epoch,
        s.person,
    )


def look(connection: Connection, mailbox: bool) -> Seen:
    """What it holds. ``mailbox``: there is no outbox, a stored reply is a sent one."""
    came = connection.execute(select(inbox).order_by(inbox.c.id)).all()
    here = connection.execute(select(conversations)).one_or_none()
    if mailbox:
        said = select(messages).where(messages.c.author.in_(("bot", "agent")))
        replies = [
            (row.author, row.status, 0) for row in connection.execute(said.order_by(messages.c.id))
        ]
    else:
        rows = connection.execute(select(outbox).order_by(outbox.c.id))
        replies = [(row.author, row.state, row.attempts) for row in rows]
    alarms = connection.execute(select(timers.c.epoch).order_by(timers.c.id)).scalars()
    return Seen(
        tuple((_name(row), row.state == "handled") for row in came),
        tuple(replies),
        tuple(alarms),
        here.epoch if here else 0,
        bool(here) and here.state != "bot",
    )


def _name(row: Row[Any]) -> str:
    return str(row.remote_id if row.kind == "message" else row.kind)


class House:
    """Two processes on one database; what they hold in memory is lost when they are killed."""

    def __init__(self, world: World, stores: tuple[SqlStore, SqlStore]) -> None:
        self._world, self._stores = world, stores
        self._works: list[WorkItem | None] = [None, None]
        self._parcels: list[OutboxItem | None] = [None, None]
        self._said = 0
        self._deeds: dict[str, Callable[[int, State], Awaitable[None]]] = {
            "the timer fires": self._fire,
            "locks the lane and takes its head": self._take,
            "commits its turn": self._commit,
            "is killed": self._die,
            "takes a reply to send it": self._take_out,
            "finds nothing but replies of an earlier epoch": self._take_out,
            "writes that the provider took it": self._took,
            "writes that the provider refused it": self._refused,
            "writes that the provider cut it": self._cut,
            "a cut-off reply is settled: row": self._recover,
            "an agent claims the conversation": self._claim,
            "the agent gives it back to the bot": self._give_back,
            "the agent writes": self._write,
        }

    async def follow(self, step: Step, before: State) -> None:
        """Do to the database what the model did."""
        if step.what.startswith("commits to the inbox"):
            await self._accept(str(step.who))
        elif (deed := self._deeds.get(step.what)) is not None:
            await deed(int(step.who or 0), before)
        else:
            assert step.what.startswith(STILL), f"nobody knows how to do: {step}"

    async def _accept(self, what: str) -> None:
        message = Inbound(address=WHO, text=f"message {what}", at=NOW, remote_id=what)
        await self._stores[0].inbox.accept(message, NOW)

    async def _fire(self, _: int, before: State) -> None:
        assert await self._stores[len(before.inbox) % 2].timers.fire(NOW) == (WHO.lane,)

    async def _take(self, process: int, _: State) -> None:
        work = await self._stores[process].inbox.take(WHO.lane, NOW)
        assert isinstance(work, WorkItem)
        self._works[process] = work

    async def _commit(self, process: int, before: State) -> None:
        work, turn = self._works[process], before.processes[process].turn
        assert work is not None
        assert turn is not None
        self._works[process] = None
        outcome = _outcome(work, before, silent=turn.silent, world=self._world)
        with suppress(
            AlreadyHandled, ConversationChanged
        ):  # the comparison shows that nothing changed
            await self._stores[process].inbox.commit(outcome, NOW)

    async def _die(self, process: int, _: State) -> None:
        self._works[process] = self._parcels[process] = None

    async def _take_out(self, process: int, _: State) -> None:
        parcel = await self._stores[process].outbox.take(WHO.lane, NOW)
        self._parcels[process] = parcel if isinstance(parcel, OutboxItem) else None

    def _parcel(self, process: int) -> OutboxItem:
        parcel, self._parcels[process] = self._parcels[process], None
        assert parcel is not None
        return parcel

    async def _took(self, process: int, _: State) -> None:
        parcel = self._parcel(process)
        await self._stores[process].outbox.mark_sent(parcel.outbound.id, Sent(remote_id=None))

    async def _refused(self, process: int, _: State) -> None:
        parcel = self._parcel(process)
        await self._stores[process].outbox.retry_later(parcel.outbound.id, "busy", NOW)

    async def _cut(self, process: int, before: State) -> None:
        await self._settle(self._stores[process], self._parcel(process), before)

    async def _recover(self, _: int, before: State) -> None:
        (parcel,) = await self._stores[1].outbox.take_over()
        await self._settle(self._stores[1], parcel, before)

    async def _settle(self, store: SqlStore, parcel: OutboxItem, before: State) -> None:
        """As `OutboxDelivery` does it."""
        here, id = before, parcel.outbound.id
        number = next(n for n, out in enumerate(here.outbox) if out.state == "sending")
        if self._world.policy == "find" and number in here.received:
            await store.outbox.mark_sent(id, Sent())
        elif self._world.policy in ("find", "resend"):
            await store.outbox.retry_later(id, "cut", NOW, may_have_arrived=True)
        else:
            if not here.person:
                await store.handoffs.move(
                    parcel.conversation,
                    None,
                    here.epoch,
                    NOW,
                    state="waiting",
                    line="Handed over",
                    handoff=HandoffRequest(reasons=(), tier="front"),
                )
            await store.outbox.close(id, "unsure", "cut")

    async def _conversation(self) -> Conversation:
        return await self._stores[1].queries.conversation(1)

    async def _claim(self, _: int, before: State) -> None:
        here = await self._conversation()
        _, late = await self._stores[1].handoffs.claim(here.id, ANA, here.epoch, NOW)
        on_its_way = [
            out
            for out in before.outbox
            if out.author == "bot"
            and (out.state == "sending" or (out.state == "ready" and out.doubt))
        ]
        assert len(late) == len(on_its_way), "who claims is told what may have arrived"

    async def _give_back(self, _: int, before: State) -> None:
        here = await self._conversation()
        await self._stores[1].handoffs.move(here.id, ANA, here.epoch, NOW, state="bot", line="Back")

    async def _write(self, _: int, before: State) -> None:
        self._said += 1
        said = AgentMessage(conversation=1, agent=ANA, text=f"words {self._said}")
        await self._stores[1].inbox.accept_agent_message(said, WHO.lane, f"key{self._said}", NOW)


def _outcome(work: WorkItem, before: State, *, silent: bool, world: World) -> TurnOutcome:
    """The turn that a worker makes of ``work``: one reply, or none when a person has it."""
    here = work.conversation or Conversation(address=WHO, opened_at=NOW)
    words = Message(id=0, conversation=here.id, author="bot", text="reply", at=NOW, turn=work.id)
    heard = None
    if work.kind == "agent":
        words, silent = words.replace(author="agent", agent=ANA), False
    elif work.inbound is not None:
        heard = words.replace(author="customer", text=work.inbound.text)
    elif before.person:
        silent = True
    sets_timer = world.timer and not before.outbox and not silent
    return TurnOutcome(
        work=work,
        conversation=here,
        customer=work.customer,
        message=heard,
        replies=() if silent else (words,),
        mailbox=world.policy == "mailbox",
        timers=(Timer(name="later", due_at=NOW),) if sets_timer else (),
    )
