"""The summary on the context card: extracted at once, later replaced by a summariser's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

import structlog
from cachetools import LRUCache

from gateway.model import ContextCard, Message, Value
from gateway.ports import Handler, Summariser
from gateway.routing.reasons import HARM
from gateway.runtime.metrics import Metrics
from gateway.runtime.tasks import cancel_all, with_timeout

log = structlog.get_logger()
MAX_QUOTE = 160
"""Characters of a message that are quoted."""
MAX_AT_ONCE = 4
"""Conversations that are summarised at the same time."""
CACHE_SIZE = 512
"""Conversations whose written summary is kept in memory, some hundred bytes each."""


def summarise(card: ContextCard) -> tuple[str, ...]:
    """A few sentences for the agent who takes over, in the order they are needed."""
    customer = [m for m in card.messages if m.author == "customer" and m.text.strip()]
    bot = [m for m in card.messages if m.author == "bot"]
    lines = (_request(customer, card.conversation.intent), _attempts(bot))
    return (*(line for line in lines if line), *contact_lines(card))


def contact_lines(card: ContextCard) -> tuple[str, ...]:
    """The lines of every summary, whoever wrote the others: what was said to a customer who speaks
    of harm, the mood and earlier contacts."""
    customer = [m for m in card.messages if m.author == "customer" and m.text.strip()]
    return tuple(line for line in (_advice(card), _mood(customer), _contacts(card)) if line)


def _advice(card: ContextCard) -> str:
    """What the customer was told last at a hand-over for harm."""
    codes = [reason.code for reason in card.handoff.reasons] if card.handoff else []
    told = [m for m in card.messages if m.author == "bot" and m.purpose == "handover"]
    if HARM not in codes or not told:
        return ""
    text = " ".join(m.text for m in told if m.turn == told[-1].turn)
    unsent = told[-1].status in ("failed", "discarded", "unsure")
    return f"{'Was perhaps not' if unsent else 'Was'} told: “{_short(text)}”"


def _request(messages: list[Message], intent: str | None) -> str:
    """The customer's own words: the last message of that intent, else the longest of the first."""
    if not messages:
        return ""
    about = [m for m in messages if m.understanding and m.understanding.intent.name == intent]
    quoted = about[-1] if about else max(messages[:3], key=lambda m: min(len(m.text), MAX_QUOTE))
    start = f"About {intent.replace('_', ' ')}: " if intent and about else "Wrote: "
    return f"{start}“{_short(quoted.text)}”"


def _attempts(messages: list[Message]) -> str:
    answers = [m for m in messages if m.purpose == "answer"]
    questions = sum(m.purpose == "clarify" for m in messages)
    parts = []
    if answers:
        last = answers[-1]
        parts.append(
            f"the bot answered {_times(len(answers))}, last by {last.handler or 'a handler'}: "
            f"“{_short(last.text)}”"
        )
    if questions:
        parts.append(
            "it asked a clarifying question"
            if questions == 1
            else f"it asked {questions} clarifying questions"
        )
    if not parts:
        return "The bot has not tried to answer."
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _mood(messages: list[Message]) -> str:
    moods = [m.understanding.emotion.label for m in messages if m.understanding]
    if not moods:
        return ""
    path = [mood for i, mood in enumerate(moods) if i == 0 or mood != moods[i - 1]]
    if len(path) == 1:
        return f"Sounded {path[0]} throughout." if len(moods) > 1 else f"Sounds {path[0]}."
    return f"Mood went from {' to '.join(path[-4:])}."


def _contacts(card: ContextCard) -> str:
    same = [e for e in card.earlier if e.intent and e.intent == card.conversation.intent]
    if same:
        return f"Wrote about the same thing {_times(len(same))} before."
    if card.earlier:
        return f"Has written to us {_times(len(card.earlier))} before, about other things."
    return ""


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_QUOTE else flat[: MAX_QUOTE - 1].rstrip() + "…"


class WrittenSummary(Value, frozen=True, kw_only=True):
    """The summariser's ``lines``, written when ``last`` was the newest public message. No lines:
    no summariser had any, and none is asked again before there is a newer message."""

    last: int
    lines: tuple[str, ...] = ()


@dataclass
class CardSummaries:
    """Returns the extracted summary at once. When a card is first looked at, and after each new
    message, it asks the summarisers in the background (``timeout`` seconds each) and calls
    ``changed`` with the conversation when one has written a summary."""

    handlers: Sequence[Handler]
    _: KW_ONLY
    timeout: float
    metrics: Metrics
    changed: Callable[[int], None]
    _written: MutableMapping[int, WrittenSummary] = field(
        default_factory=lambda: LRUCache(CACHE_SIZE), init=False
    )
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._writers = [(h.name, h) for h in self.handlers if isinstance(h, Summariser)]

    def best(self, card: ContextCard) -> tuple[str, ...]:
        """The best summary that is there at this moment."""
        conversation, last = card.conversation, _last_public(card)
        written = self._written.get(conversation.id)
        if written is not None and written.last == last:
            return (*written.lines, *contact_lines(card)) if written.lines else summarise(card)
        if self._writers and conversation.state in ("waiting", "person"):
            self._begin(card, last)
        return summarise(card)

    @property
    def working(self) -> int:
        """Conversations that are being summarised at this moment."""
        return len(self._tasks)

    async def close(self) -> None:
        await cancel_all(self._tasks.values())

    def _begin(self, card: ContextCard, last: int) -> None:
        id = card.conversation.id
        if id not in self._tasks and len(self._tasks) < MAX_AT_ONCE:
            task = asyncio.create_task(self._write(card, last))
            self._tasks[id] = task
            task.add_done_callback(lambda _: self._tasks.pop(id, None))

    async def _write(self, card: ContextCard, last: int) -> None:
        lines = await self._ask_writers(card)
        self._written[card.conversation.id] = WrittenSummary(last=last, lines=lines)
        if lines:
            self.changed(card.conversation.id)

    async def _ask_writers(self, card: ContextCard) -> tuple[str, ...]:
        for name, writer in self._writers:
            try:
                lines = await with_timeout(self.timeout, writer.summarise(card))
            except Exception as error:  # noqa: BLE001  (counted; its text may quote a customer)
                self.metrics.plugin_failed(name)
                log.warning(
                    "summariser.failed",
                    summariser=name,
                    conversation=card.conversation.id,
                    error=type(error).__name__,
                )
                continue
            if lines:
                return (*lines, f"Written by {name}.")
        return ()


def _last_public(card: ContextCard) -> int:
    """The id of the newest message between the customer and us."""
    return max((m.id for m in card.messages if not m.internal), default=0)
