"""What is done to many conversations at once, with an undo.

Nothing happens for `HOLD`: an act is stored, and carried out when the time is over. Until then it
can be taken back whole, and no customer notices anything: nobody is resolved, so no survey goes
out, no webhook, and no timer begins. A conversation that somebody else changed meanwhile, or whose
customer wrote again, is left as it is, and named.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

import msgspec
import structlog
from structlog.contextvars import bound_contextvars

from gateway import (
    Agent,
    Conflict,
    ContextCard,
    Event,
    NotAccepted,
    NotFound,
    Outdated,
    Services,
    Value,
    WarmlineError,
)
from plugins.agents_desk.access.accounts import (
    PLUGIN,
    DeskAccount,
    DeskAccounts,
    may_see,
    may_work_on,
    stored_entries,
)
from plugins.agents_desk.access.sessions import DeskSession
from plugins.agents_desk.settings import Role

log = structlog.get_logger()
PREFIX = "bulk/"
HOLD = timedelta(seconds=10)
"""How long an act can be taken back: about as long as a person needs to see a mistake, and no
longer than an agent would wait for the outcome."""
MOST = 50
"""Conversations of one act: those of a page."""
KEPT = timedelta(days=1)
"""How long the outcome of an act is kept."""
LOST = timedelta(minutes=5)
"""An act that no process has carried out by then is given up: its agent has gone on."""
LOOK = 30.0
"""Seconds between two looks for acts of a process that died."""

ActName = Literal["claim", "resolve", "label", "unlabel", "snooze", "assign"]
WORDS: dict[ActName, tuple[str, str]] = {
    "claim": ("claim", "claimed"),
    "resolve": ("resolve", "resolved"),
    "label": ("label", "labelled"),
    "unlabel": ("take the label off", "changed"),
    "snooze": ("snooze", "snoozed"),
    "assign": ("assign", "assigned"),
}


class BulkAct(Value, frozen=True, kw_only=True):
    """An act on ``chosen``: conversations, each with the epoch that the agent saw and the id of its
    newest message."""

    id: str
    name: ActName
    chosen: tuple[tuple[int, int, int], ...]
    agent: Agent
    account: str
    """The sign-in name of who does it."""
    role: Role
    due_at: datetime
    state: Literal["held", "running", "done", "undone"] = "held"
    label: str = ""
    hours: int = 0
    """How long to snooze; 0: until the customer writes."""
    to: str = ""
    """The sign-in name of the colleague whom it is assigned to."""
    origin: str = ""
    left: tuple[tuple[int, str], ...] = ()
    """The conversations that were left as they were, and why."""


@dataclass(kw_only=True)
class BulkActs:
    """Holds acts, takes them back, and carries them out."""

    services: Services
    accounts: DeskAccounts
    changed: Callable[[], object]
    """Called when the queue has changed."""
    _wake: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    async def hold(self, act: BulkAct) -> None:
        """Store ``act``, to be carried out when it is due."""
        await self.services.storage.put(PLUGIN, _key(act.account, act.id), _json(act))
        self._wake.set()

    async def find(self, session: DeskSession, id: str) -> BulkAct | None:
        """An act of this person."""
        entry = await self.services.storage.get(PLUGIN, _key(session.name, id))
        return msgspec.json.decode(entry.value, type=BulkAct) if entry else None

    async def undo(self, session: DeskSession, id: str) -> bool:
        """Take the act back; False when it has been carried out."""
        return await self._set_state(_key(session.name, id), "undone") is not None

    async def hasten(self, session: DeskSession, id: str) -> None:
        """Carry the act out now."""
        await self._carry_out(_key(session.name, id))

    async def run(self) -> None:
        """Carry out what is due, also what another process left, until cancelled."""
        while True:
            self._wake.clear()
            try:
                due = await self._carry_out_due()
            except Exception:
                log.exception("desk.bulk_not_read")  # the next round tries again
                due = None
            await self._wait(due)

    async def _wait(self, due: datetime | None) -> None:
        """Until the next act is due, or a new one is held."""
        clock = self.services.clock
        seconds = LOOK if due is None else min(LOOK, (due - clock.now()).total_seconds())
        sleep = asyncio.ensure_future(clock.sleep(max(0.0, seconds)))
        wake = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({sleep, wake}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleep.cancel()
            wake.cancel()

    async def _carry_out_due(self) -> datetime | None:
        """Carry out what is due; return when the next act is."""
        now, coming = self.services.clock.now(), list[datetime]()
        async for entry in stored_entries(self.services.storage, PREFIX):
            act = msgspec.json.decode(entry.value, type=BulkAct)
            if act.due_at + KEPT < now:
                await self._drop(entry.key, entry.version)
            elif act.state == "held" and act.due_at <= now:
                await self._carry_out(entry.key)
            elif act.state == "held":
                coming.append(act.due_at)
        return min(coming, default=None)

    async def _drop(self, key: str, version: int) -> None:
        try:
            await self.services.storage.drop(PLUGIN, key, version=version)
        except Outdated:
            return

    async def _set_state(self, key: str, state: Literal["running", "undone"]) -> BulkAct | None:
        """Take the held act from all others; None when somebody was faster."""
        entry = await self.services.storage.get(PLUGIN, key)
        if entry is None:
            return None
        act = msgspec.json.decode(entry.value, type=BulkAct)
        if act.state != "held":
            return None
        try:
            taken = act.replace(state=state)
            await self.services.storage.put(PLUGIN, key, _json(taken), version=entry.version)
        except Outdated:
            return None
        return taken

    async def _carry_out(self, key: str) -> None:
        act = await self._set_state(key, "running")
        if act is None:
            return
        left: list[tuple[int, str]] = []
        late = self.services.clock.now() > act.due_at + LOST
        with bound_contextvars(origin=act.origin):
            for id, epoch, last in act.chosen:
                problem = (
                    "the server was not running" if late else await self._do(act, id, epoch, last)
                )
                if problem:
                    left.append((id, problem))
        entry = await self.services.storage.get(PLUGIN, key)
        done = act.replace(state="done", left=tuple(left))
        version = entry.version if entry else 0
        await self.services.storage.put(PLUGIN, key, _json(done), version=version)
        self.changed()
        self.services.events.publish(Event(topic="desk", name="bulk"))

    async def _do(self, act: BulkAct, id: int, epoch: int, last: int) -> str:
        """Do it to one conversation; return why it was left as it was, if so."""
        try:
            card = await self.services.desk.card(id)
            if not may_work_on(act.role, act.agent, card.conversation):
                raise NotAccepted("a colleague has it")  # noqa: TRY301  (told as all refusals are)
            if act.name in ("resolve", "snooze") and _wrote_after(card, last):
                raise NotAccepted("the customer wrote meanwhile")  # noqa: TRY301
            await self._act_on(act, card, epoch)
        except NotFound:
            return "it is not there any more"
        except (Conflict, NotAccepted) as refused:
            return str(refused)
        except WarmlineError:
            log.exception("desk.bulk_failed", act=act.name, conversation=id)
            return "it could not be stored; please try again"
        return ""

    async def _act_on(self, act: BulkAct, card: ContextCard, epoch: int) -> None:
        desk, id, state = self.services.desk, card.conversation.id, card.conversation.state
        if state == "resolved" and act.name not in ("label", "unlabel"):
            raise NotAccepted("it is resolved already")
        if act.name == "claim":
            await desk.claim(id, act.agent, epoch=epoch)
        elif act.name == "resolve":
            await desk.resolve(id, act.agent, epoch=epoch)
        elif act.name == "snooze":
            until = self.services.clock.now() + timedelta(hours=act.hours) if act.hours else None
            await desk.snooze(id, act.agent, until=until, epoch=epoch)
        elif act.name == "assign":
            await self._assign(act, card, epoch)
        else:
            add, remove = ((act.label,), ()) if act.name == "label" else ((), (act.label,))
            await desk.label(id, act.agent, add=add, remove=remove)

    async def _assign(self, act: BulkAct, card: ContextCard, epoch: int) -> None:
        account = await self.accounts.find(act.to)
        if account is None or account.locked:
            raise NotAccepted(f"{act.to} does not work here any more")
        if not works_for(account, card):
            raise NotAccepted(f"{account.agent.name} does not work for {card.place}")
        await self.services.desk.claim(card.conversation.id, account.agent, epoch=epoch)
        await self.services.audit.record(
            act.agent.id,
            "assigned",
            conversation=card.conversation.id,
            detail=f"to {account.agent.id}",
        )


def works_for(account: DeskAccount, card: ContextCard) -> bool:
    """Whether the conversation could be the account's."""
    return may_see(account.role, account.agent, card.conversation.replace(owner=None))


def new_id() -> str:
    return secrets.token_hex(8)


def outcome(act: BulkAct) -> str:
    """What has become of ``act``, in a sentence."""
    count = len(act.chosen)
    what = "1 conversation" if count == 1 else f"{count} conversations"
    verb, done = WORDS[act.name]
    if act.state == "held":
        return f"About to {verb} {what}. Nothing has happened yet."
    if act.state == "undone":
        return f"Taken back: nothing happened to {what}."
    if act.state == "running":
        return f"{what} being {done} …".capitalize()
    number = count - len(act.left)
    return f"{number} of {what} {done}." if act.left else f"{what} {done}."


def _wrote_after(card: ContextCard, last: int) -> bool:
    return any(m.author == "customer" and m.id > last for m in card.messages)


def newest_message(card: ContextCard) -> int:
    """The id of the newest message; 0 when there is none."""
    return card.messages[-1].id if card.messages else 0


def _key(account: str, id: str) -> str:
    return f"{PREFIX}{account.casefold()}/{id}"


def _json(act: BulkAct) -> str:
    return msgspec.json.encode(act).decode()
