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
    counted,
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
CHUNK = 10
"""Conversations whose cards are read together, and after which it is stored how far the act is."""
CUT_OFF = timedelta(minutes=1)
"""An act that is being carried out, and of which nothing was stored for so long, has lost its
process: another one goes on with it."""

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
    reached: int = 0
    """How many of ``chosen`` have been dealt with, in their order."""
    stored_at: datetime | None = None
    """When this was stored last, while it is being carried out."""

    @property
    def cut_off_at(self) -> datetime:
        """When a running act counts as one that has lost its process."""
        return (self.stored_at or self.due_at) + CUT_OFF


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
        key = _key(session.name, id)
        entry = await self.services.storage.get(PLUGIN, key)
        act = msgspec.json.decode(entry.value, type=BulkAct) if entry else None
        if entry is None or act is None or act.state != "held":
            return False
        return await self._store(key, act.replace(state="undone"), entry.version) > 0

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
        """Carry out what is due, and what was cut off; return when the next act is."""
        now, coming = self.services.clock.now(), list[datetime]()
        async for entry in stored_entries(self.services.storage, PREFIX):
            act = msgspec.json.decode(entry.value, type=BulkAct)
            due = {"held": act.due_at, "running": act.cut_off_at}.get(act.state)
            if act.due_at + KEPT < now:
                await self._drop(entry.key, entry.version)
            elif due is not None and due <= now:
                await self._carry_out(entry.key)
            elif due is not None:
                coming.append(due)
        return min(coming, default=None)

    async def _drop(self, key: str, version: int) -> None:
        try:
            await self.services.storage.drop(PLUGIN, key, version=version)
        except Outdated:
            return

    async def _carry_out(self, key: str) -> None:
        """Carry out an act that is held, or go on with one that was cut off."""
        entry = await self.services.storage.get(PLUGIN, key)
        act = msgspec.json.decode(entry.value, type=BulkAct) if entry else None
        now = self.services.clock.now()
        if entry is None or act is None or act.state in ("done", "undone"):
            return
        again = act.state == "running"
        if again and act.cut_off_at > now:
            return
        version = await self._store(key, act.replace(state="running", stored_at=now), entry.version)
        if not version:
            return
        while version and act.state != "done":
            act = await self._carry_on(act, again=again)
            version = await self._store(key, act, version)
            again = False
        self.changed()
        self.services.events.publish(Event(topic="desk", name="bulk"))

    async def _store(self, key: str, act: BulkAct, version: int) -> int:
        """Store ``act`` and return its new version; 0 when somebody else was faster."""
        try:
            kept = await self.services.storage.put(PLUGIN, key, _json(act), version=version)
        except Outdated:
            return 0
        return kept.version

    async def _carry_on(self, act: BulkAct, *, again: bool) -> BulkAct:
        """Deal with the next `CHUNK` conversations. ``again``: some of them may have been dealt
        with already, before the process ended."""
        chunk = act.chosen[act.reached : act.reached + CHUNK]
        now, problems = self.services.clock.now(), dict[int, str]()
        if now > act.due_at + LOST:
            problems = {id: "the server was not running" for id, _, _ in act.chosen[act.reached :]}
            chunk = act.chosen[act.reached :]
        else:
            with bound_contextvars(origin=act.origin):
                cards = await self.services.desk.cards([id for id, _, _ in chunk])
                known = {card.conversation.id: card for card in cards}
                for id, epoch, last in chunk:
                    card = known.get(id)
                    if card and again and await self._is_done(act, card, epoch):
                        continue
                    problems[id] = await self._do(act, card, epoch, last)
        left = ((id, problem) for id, problem in problems.items() if problem)
        reached = act.reached + len(chunk)
        return act.replace(
            state="running" if reached < len(act.chosen) else "done",
            left=(*act.left, *left),
            reached=reached,
            stored_at=now,
        )

    async def _is_done(self, act: BulkAct, card: ContextCard, epoch: int) -> bool:
        """Whether the act has reached this conversation already: nobody else has changed it, and it
        is as the act leaves it. A label may be set twice."""
        conversation = card.conversation
        if act.name == "snooze":
            return conversation.epoch == epoch and conversation.snoozed_until is not None
        if conversation.epoch != epoch + 1:
            return False
        if act.name == "resolve":
            return conversation.state == "resolved"
        to = await self.accounts.find(act.to) if act.name == "assign" else None
        agent = to.agent if to else act.agent
        owner = conversation.owner
        return act.name in ("claim", "assign") and owner is not None and owner.id == agent.id

    async def _do(self, act: BulkAct, card: ContextCard | None, epoch: int, last: int) -> str:
        """Do it to one conversation; return why it was left as it was, if so."""
        try:
            if card is None:
                raise NotFound("it was erased")  # noqa: TRY301  (told as all refusals are)
            if not may_work_on(act.role, act.agent, card.conversation):
                raise NotAccepted("a colleague has it")  # noqa: TRY301
            if act.name in ("resolve", "snooze") and _wrote_after(card, last):
                raise NotAccepted("the customer wrote meanwhile")  # noqa: TRY301
            await self._act_on(act, card, epoch)
        except NotFound:
            return "it is not there any more"
        except (Conflict, NotAccepted) as refused:
            return str(refused)
        except WarmlineError:
            id = card.conversation.id if card else 0
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
    what = counted(count, "conversation")
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
