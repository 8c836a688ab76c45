"""The summary on the context card, bettered by whoever can write one, and never waited for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence

import structlog

from gateway.model import Card, Value
from gateway.ports import Handler, Summariser
from gateway.services.metrics import Metrics
from gateway.services.summary import always, summarise

log = structlog.get_logger()
AT_ONCE = 4
KEPT = 512
"""Conversations whose written summary is remembered; each is some hundred bytes."""


class Written(Value, frozen=True, kw_only=True):
    """``lines`` were written when ``last`` was the newest message that counts; none: nobody had
    any, and nobody is asked again before there is something new."""

    last: int
    lines: tuple[str, ...] = ()


class Summaries:
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
        self._written: OrderedDict[int, Written] = OrderedDict()
        self._working: dict[int, asyncio.Task[None]] = {}

    def of(self, card: Card) -> tuple[str, ...]:
        """The best summary there is at this moment."""
        id, last = card.conversation.id, _last(card)
        known = self._written.get(id)
        if known is not None and known.last == last:
            return (*known.lines, *always(card)) if known.lines else summarise(card)
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

    def _begin(self, card: Card, last: int) -> None:
        id = card.conversation.id
        if id not in self._working and len(self._working) < AT_ONCE:
            task = asyncio.create_task(self._write(card, last))
            self._working[id] = task
            task.add_done_callback(lambda _: self._working.pop(id, None))

    async def _write(self, card: Card, last: int) -> None:
        id = card.conversation.id
        lines = await self._ask(card)
        self._written[id] = Written(last=last, lines=lines)
        self._written.move_to_end(id)
        if len(self._written) > KEPT:
            self._written.popitem(last=False)
        if lines:
            self._changed(id)

    async def _ask(self, card: Card) -> tuple[str, ...]:
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


def _last(card: Card) -> int:
    """The newest message between the customer and us."""
    return max((m.id for m in card.messages if not m.internal), default=0)
