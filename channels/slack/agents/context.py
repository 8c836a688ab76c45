"""What the parts of this plugin share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from channels.slack.agents.line import Line
from channels.slack.agents.people import People
from channels.slack.agents.settings import AgentsSlackSettings
from channels.slack.agents.store import Book, Past, Reply, Tell
from gateway import Card, House, WarmlineError

log = structlog.get_logger(__name__)


OK = ""
"""What Slack gets when there is nothing to say."""


class Click(msgspec.Struct, frozen=True, kw_only=True):
    """One press of a button. ``id`` is the same when Slack tells of it twice."""

    id: str
    user: str
    action: str
    value: str
    trigger: str


class Office(msgspec.Struct, frozen=True, kw_only=True):
    """The house and Slack, with what we know of both. ``wake`` sets the workers going, with a
    conversation that has changed (0: none); ``largest`` bounds a file, in bytes."""

    house: House
    settings: AgentsSlackSettings
    line: Line
    book: Book
    people: People
    wake: Callable[[int], None]
    largest: int

    @property
    def channel(self) -> str:
        return self.settings.channel

    @property
    def seconds(self) -> float:
        return self.house.clock.now().timestamp()

    @property
    def today(self) -> str:
        return self.house.clock.now().date().isoformat()

    async def tell(self, id: str, conversation: int = 0, **what: object) -> None:
        """Remember to tell an agent something; see `Tell`. It is told once Slack takes it."""
        await self.book.tell(id, msgspec.convert(what, Tell), conversation)
        self.wake(0)

    async def say(self, click: Click, text: str, conversation: int = 0) -> None:
        """Tell who pressed a button."""
        await self.tell(click.id, conversation, user=click.user, thread="", text=text)

    async def card(self, click: Click) -> Card:
        """The card whose button was pressed."""
        return await self.house.desk.card(int(click.value.partition(":")[0]))

    async def open(self, click: Click, view: dict[str, Any]) -> None:
        """Open a form; Slack allows it for three seconds after the press."""
        await self.line.now("views.open", trigger_id=click.trigger, view=view)

    async def thread(self, card: Card) -> str:
        """The thread in which a conversation is followed, empty when it is not."""
        return await self.book.thread_of(card.conversation.id) or ""

    async def queue(
        self, id: str, card: Card, user: str, text: str, suggestion: int | None
    ) -> None:
        """Send ``text`` like a reply in the thread: once, whatever happens in between."""
        if await self.book.get(f"past/{id}", Past) is not None:
            return
        reply = Reply(
            id=id,
            conversation=card.conversation.id,
            thread=await self.thread(card),
            user=user,
            text=text,
            suggestion=suggestion,
        )
        await self.book.add(f"live/{id}", reply, conversation=reply.conversation)
        self.wake(reply.conversation)


class Backoff:
    """How long to wait after a failure: what the provider asks, else twice as long each time."""

    def __init__(self, most: float = 30.0) -> None:
        self._most, self._failures = most, 0

    def after(self, error: WarmlineError) -> float:
        """Seconds."""
        self._failures += 1
        told: float | None = getattr(error, "after", None)
        return told if told is not None else min(self._most, 2.0 ** (self._failures - 1))

    def over(self) -> None:
        self._failures = 0
