"""Gathers what is already known of the customer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import get_args

import structlog

from gateway.model import Context, Turn, TurnKind
from gateway.pipeline.validation import check_types
from gateway.ports import ContextSource, Records, SelectiveSource
from gateway.runtime.metrics import Metrics
from gateway.runtime.tasks import with_timeout

log = structlog.get_logger()


@dataclass
class ContextGatherer:
    """Calls all sources side by side. A source that fails or takes longer than ``timeout`` seconds
    is left out of this turn, and counted."""

    sources: Sequence[ContextSource]
    _: KW_ONLY
    records: Records
    timeout: float
    metrics: Metrics

    def __post_init__(self) -> None:
        self._by_kind = {
            kind: [source for source in self.sources if _has_something(source, kind)]
            for kind in get_args(TurnKind)
        }

    async def gather(self, turn: Turn) -> Context:
        sources = self._by_kind[turn.kind]
        if len(sources) == 1:  # the usual case, without the cost of `asyncio.gather`
            return await self._call(sources[0], turn)
        contexts = await asyncio.gather(*(self._call(source, turn) for source in sources))
        return Context(
            facts=tuple(fact for context in contexts for fact in context.facts),
            earlier=tuple(past for context in contexts for past in context.earlier),
            surveys=tuple(survey for context in contexts for survey in context.surveys),
            promises=tuple(made for context in contexts for made in context.promises),
        )

    async def _call(self, source: ContextSource, turn: Turn) -> Context:
        try:
            with self.metrics.measure("context", source.name):
                context = await with_timeout(self.timeout, source.gather(turn, self.records))
            return check_types(context, Context)
        except Exception:
            log.exception("context.failed", source=source.name, turn=turn.id)
            self.metrics.plugin_failed(source.name)
            return Context()


def _has_something(source: ContextSource, kind: str) -> bool:
    return not isinstance(source, SelectiveSource) or kind in source.turn_kinds
