"""What one agent sees of everything: the App Home, and the answers to the slash command."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from channels.slack.agents import blocks as kit
from channels.slack.agents.blocks import Block
from channels.slack.agents.context import AgentContext
from channels.slack.agents.dialogs import open_decision
from channels.slack.agents.labels import (
    customer_label,
    duration_label,
    mood_face,
    place_label,
)
from channels.slack.agents.store import AgentReply, Availability, CardThread, DayCounts
from channels.slack.api import SlackRefused
from channels.slack.markup import escape, one_line, readable
from gateway import (
    QueueItem,
    QueuePage,
    TryLater,
    Unsure,
    Value,
    WarmlineError,
    counted,
    priority_label,
    reason_label,
)

log = structlog.get_logger(__name__)
SHOWN = 15
"""Conversations in a list; a line below it counts the others."""
VIEWED_FOR = timedelta(minutes=15)
"""How long an opened home is kept current."""
NONE_OWNED, NONE_WAITING = "You have no conversations.", "Nobody is waiting."


class AgentHome(Value, frozen=True, kw_only=True):
    """All that concerns agent ``me`` (``slack:U1``). ``threads`` are Slack timestamps by
    conversation; ``held`` replies wait for this agent's decision."""

    me: str
    queue: QueuePage
    threads: dict[int, str]
    held: tuple[AgentReply, ...]
    day: DayCounts
    away_since: str
    archive: str
    """The address below which the channel's messages are; empty when it is not known."""
    now: datetime

    @property
    def owned(self) -> tuple[QueueItem, ...]:
        held = self.queue.held
        return tuple(i for i in held if i.conversation.owner and i.conversation.owner.id == self.me)


class AppHomes:
    """The worker that keeps opened homes current. A home that cannot be shown is shown at the next
    round, or when the agent opens it again: nothing depends on it."""

    def __init__(self, context: AgentContext) -> None:
        self._context = context
        self._viewed: dict[str, datetime] = {}
        self._digests: dict[str, str] = {}
        self._due: dict[str, None] = {}
        self._wake = asyncio.Event()

    def opened(self, user: str) -> None:
        """``user`` opened their home."""
        self._viewed[user] = self._context.services.clock.now()
        self._digests.pop(user, None)
        self.changed(user)

    def changed(self, user: str) -> None:
        """Something that ``user`` sees has changed."""
        if user in self._viewed:
            self._due[user] = None
            self._wake.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._refresh())
            while True:
                self._wake.clear()
                while self._due:
                    user = next(iter(self._due))
                    del self._due[user]
                    await self._publish(user)
                await self._wake.wait()

    async def read(self, user: str) -> AgentHome:
        """All that concerns this agent, now."""
        store = self._context.store
        day = await store.get(f"day/{user}/{self._context.today}", DayCounts)
        availability = await store.get(f"person/{user}", Availability)
        replies = [saved.value for saved in await store.open_replies()]
        threads = [saved.value async for saved in store.scan("open/", CardThread)]
        return AgentHome(
            me=f"slack:{user}",
            queue=await self._context.queue_page(SHOWN),
            threads={thread.conversation: thread.ts for thread in threads},
            held=tuple(r for r in replies if r.user == user and r.stage != "new"),
            day=day.value if day else DayCounts(),
            away_since=availability.value.away_since if availability else "",
            archive=self._context.members.archive,
            now=self._context.services.clock.now(),
        )

    async def _refresh(self) -> None:
        clock = self._context.services.clock
        while True:
            await clock.sleep(self._context.settings.refresh)
            for user, since in tuple(self._viewed.items()):
                if clock.now() - since > VIEWED_FOR:
                    del self._viewed[user]
                else:
                    self.changed(user)

    async def _publish(self, user: str) -> None:
        try:
            agent = await self._context.members.agent(user)
            view = home_view(await self.read(user)) if agent else home_of_others()
            digest = hashlib.sha256(msgspec.json.encode(view)).hexdigest()
            if self._digests.get(user) != digest:
                await self._context.api.call("views.publish", user_id=user, view=view)
                self._digests[user] = digest
        except (TryLater, Unsure, SlackRefused) as error:
            log.info("agents_slack.home_not_shown", error=str(error))
        except WarmlineError as error:
            log.warning("agents_slack.home_failed", error=str(error))


# -- views; pure -----------------------------------------------------------------------------------


def home_view(home: AgentHome) -> Block:
    """The App Home of an agent."""
    away = ""
    if home.away_since:
        away = duration_label(datetime.fromisoformat(home.away_since), home.now)
    standing = f"⏸ You are on a break ({away})." if away else "🟢 You are available."
    blocks = [kit.context(standing), kit.header("My conversations")]
    blocks += _list(_lines(home, home.owned, len(home.owned)), NONE_OWNED)
    if home.held:
        blocks.append(kit.header("Waiting for your decision"))
        for reply in home.held[:5]:
            blocks += open_decision(
                reply, readable(reply.text, names={}, emoji=reply.emoji).strip()
            )
    waiting = _lines(home, home.queue.waiting, home.queue.count)
    blocks += [kit.header("Queue"), *_list(waiting, NONE_WAITING)]
    blocks += [kit.header("My day"), kit.section(_counts(home.day))]
    return {"type": "home", "blocks": blocks[:100]}


def home_of_others() -> Block:
    """The App Home of somebody who is not an agent."""
    text = "This is where agents see their customers."
    return {"type": "home", "blocks": [kit.section(text)]}


def command_answer(word: str, home: AgentHome, slash: str) -> Block:
    """The answer to the slash command ``slash`` with ``word``; only its author sees it."""
    if word == "mine":
        lines = _lines(home, home.owned, len(home.owned)) or [NONE_OWNED]
        if count := len(home.held):
            what = counted(count, "reply waits", "replies wait")
            lines.append(f"✋ {what} for your decision: see the Home tab of this app.")
    elif word == "queue":
        lines = _lines(home, home.queue.waiting, home.queue.count) or [NONE_WAITING]
    elif word == "available":
        lines = ["🟢 You are available."]
    elif word == "break":
        back = f"come back with `{slash} available`."
        lines = [f"⏸ You are on a break: cards show it, so that colleagues step in; {back}"]
    else:
        lines = [
            f"`{slash} mine`: your conversations, and replies that wait for your decision",
            f"`{slash} queue`: the waiting conversations, most urgent first",
            f"`{slash} break` and `{slash} available`: whether colleagues should step in for you",
            f"`{slash} help`: this list",
            "Reply in a card's thread to answer; begin with `note:` to write an internal note.",
        ]
    return ephemeral("\n".join(lines))


def ephemeral(text: str) -> Block:
    return {"response_type": "ephemeral", "text": text}


def _list(lines: Sequence[str], none: str) -> list[Block]:
    if not lines:
        return [kit.context(none)]
    more = [kit.context(line) for line in lines[SHOWN:]]
    return [*(kit.section(line) for line in lines[:SHOWN]), *more]


def _lines(home: AgentHome, items: Sequence[QueueItem], count: int) -> list[str]:
    """A line for each of ``items``, at most `SHOWN`, and one for the others of ``count``."""
    more = [f"and {count - SHOWN} more"] if count > SHOWN else []
    return [*(_line(home, item) for item in items[:SHOWN]), *more]


def _line(home: AgentHome, item: QueueItem) -> str:
    conversation, handoff = item.conversation, item.handoff
    name = escape(customer_label(item.customer.name, conversation.address))
    thread = home.threads.get(conversation.id)
    link = f"{home.archive}/p{thread.replace('.', '')}" if thread and home.archive else ""
    parts = (
        f"{mood_face(item.mood.label)} *{name}* on {escape(place_label(item))}",
        f"⏱ {duration_label(item.waiting_since, home.now)}",
        f"priority {priority_label(handoff.priority)}" if handoff.priority else "",
        escape(reason_label(handoff.reasons[0].code)) if handoff.reasons else "",
        f"“{one_line(item.preview, 140)}”" if item.preview else "",
        f"<{link}|open>" if link else "",
    )
    return " · ".join(part for part in parts if part)


def _counts(day: DayCounts) -> str:
    parts = (
        counted(day.answers, "answer"),
        counted(day.claims, "conversation") + " claimed",
        f"{day.resolved} resolved",
        counted(day.notes, "note"),
    )
    return " · ".join(parts)
