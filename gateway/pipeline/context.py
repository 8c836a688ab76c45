"""What was known before the message was read."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import structlog

from gateway.model import Context, Turn
from gateway.pipeline.validation import is_valid_text
from gateway.ports import ContextSource, Records
from gateway.runtime.metrics import Metrics
from gateway.runtime.tasks import with_timeout

log = structlog.get_logger()


class ContextGatherer:
    """Asks every source side by side. One that fails or takes longer than ``timeout`` seconds is
    left out of this turn, and counted."""

    def __init__(
        self,
        sources: Sequence[ContextSource],
        *,
        records: Records,
        timeout: float,
        metrics: Metrics,
    ) -> None:
        self._sources = tuple(sources)
        self._records = records
        self._timeout = timeout
        self._metrics = metrics

    async def gather(self, turn: Turn) -> Context:
        if len(self._sources) == 1:  # nothing to do side by side
            return await self._ask(self._sources[0], turn)
        known = await asyncio.gather(*(self._ask(source, turn) for source in self._sources))
        return Context(
            facts=tuple(fact for one in known for fact in one.facts),
            earlier=tuple(past for one in known for past in one.earlier),
        )

    async def _ask(self, source: ContextSource, turn: Turn) -> Context:
        try:
            with self._metrics.working("context", source.name):
                told = await with_timeout(self._timeout, source.gather(turn, self._records))
            is_valid_text(told)
        except Exception:
            log.exception("context.failed", source=source.name, turn=turn.id)
            self._metrics.failures.labels(source.name).inc()
            return Context()
        return told
