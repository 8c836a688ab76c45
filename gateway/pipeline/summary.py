"""The summary on the context card: extracted at once, improved by a summariser when one answers."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence

import structlog

from gateway.model import ContextCard, Message, Value
from gateway.ports import Handler, Summariser
from gateway.runtime.metrics import Metrics

LONG = 160
"""Characters of the customer's words that are quoted."""


def summarise(card: ContextCard) -> tuple[str, ...]:
    """A few sentences for the person who takes over, in the order they are needed."""
    customer = [m for m in card.messages if m.author == "customer" and m.text.strip()]
    bot = [m for m in card.messages if m.author == "bot"]
    lines = (_wanted(customer, card.conversation.intent), _tried(bot))
    return (*(line for line in lines if line), *contact_lines(card))


def contact_lines(card: ContextCard) -> tuple[str, ...]:
    """What belongs to any summary, whoever wrote the rest: the mood, and contacts before."""
    customer = [m for m in card.messages if m.author == "customer" and m.text.strip()]
    return tuple(line for line in (_mood(customer), _contacts(card)) if line)


def _wanted(said: list[Message], intent: str | None) -> str:
    """The customer's own words: those that told what it is about, else the first that say much."""
    if not said:
        return ""
    told = [m for m in said if m.understanding and m.understanding.intent.name == intent]
    opening = told[-1] if told else max(said[:3], key=lambda m: min(len(m.text), LONG))
    about = f"About {intent.replace('_', ' ')}: " if intent and told else "Wrote: "
    return f"{about}“{_short(opening.text)}”"


def _tried(said: list[Message]) -> str:
    answers = [m for m in said if m.purpose == "answer"]
    asked = [m for m in said if m.purpose == "clarify"]
    parts = []
    if answers:
        last = answers[-1]
        parts.append(
            f"the bot answered {_times(len(answers))}, last by {last.handler or 'a handler'}: "
            f"“{_short(last.text)}”"
        )
    if asked:
        parts.append(
            "it asked back once" if len(asked) == 1 else f"it asked back {len(asked)} times"
        )
    if not parts:
        return "The bot has not tried to answer."
    told = "; ".join(parts)
    return f"{told[0].upper()}{told[1:]}."


def _mood(said: list[Message]) -> str:
    moods = [m.understanding.emotion.label for m in said if m.understanding]
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
    return flat if len(flat) <= LONG else flat[: LONG - 1].rstrip() + "…"


log = structlog.get_logger()
AT_ONCE = 4
KEPT = 512
"""Conversations whose written summary is remembered; each is some hundred bytes."""


class WrittenSummary(Value, frozen=True, kw_only=True):
    """``lines`` were written when ``last`` was the newest message that counts; none: nobody had
    any, and nobody is asked again before there is something new."""

    last: int
    lines: tuple[str, ...] = ()


class CardSummaries:
    """Gives the extractive summary at once. The first time a card is looked at, and after each
    new message, the summarisers are asked beside it; ``changed`` is called when one has told."""

    def __init__(
        self,
        handlers: Sequence[Handler],
        *,
        timeout: float,
        metrics: Metrics,
        changed: Callable[[int], None],
    ) -> None:
        """``timeout``: seconds for one summariser."""
        self._writers = [(one.name, one) for one in handlers if isinstance(one, Summariser)]
        self._timeout = timeout
        self._metrics = metrics
        self._changed = changed
        self._written: OrderedDict[int, WrittenSummary] = OrderedDict()
        self._working: dict[int, asyncio.Task[None]] = {}

    def of(self, card: ContextCard) -> tuple[str, ...]:
        """The best summary there is at this moment."""
        id, last = card.conversation.id, _last(card)
        known = self._written.get(id)
        if known is not None and known.last == last:
            return (*known.lines, *contact_lines(card)) if known.lines else summarise(card)
        if self._writers and card.conversation.state in ("waiting", "person"):
            self._begin(card, last)
        return summarise(card)

    @property
    def working(self) -> int:
        """Conversations that are being summed up at this moment."""
        return len(self._working)

    async def close(self) -> None:
        tasks = tuple(self._working.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, card: ContextCard, last: int) -> None:
        id = card.conversation.id
        if id not in self._working and len(self._working) < AT_ONCE:
            task = asyncio.create_task(self._write(card, last))
            self._working[id] = task
            task.add_done_callback(lambda _: self._working.pop(id, None))

    async def _write(self, card: ContextCard, last: int) -> None:
        id = card.conversation.id
        lines = await self._ask(card)
        self._written[id] = WrittenSummary(last=last, lines=lines)
        self._written.move_to_end(id)
        if len(self._written) > KEPT:
            self._written.popitem(last=False)
        if lines:
            self._changed(id)

    async def _ask(self, card: ContextCard) -> tuple[str, ...]:
        for name, writer in self._writers:
            try:
                async with asyncio.timeout(self._timeout):
                    lines = await writer.summarise(card)
            except Exception as error:  # noqa: BLE001  (counted; its words may quote a customer)
                self._metrics.failures.labels(name).inc()
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


def _last(card: ContextCard) -> int:
    """The newest message between the customer and us."""
    return max((m.id for m in card.messages if not m.internal), default=0)
