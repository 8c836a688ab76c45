"""What the customer means and how they feel, by all engines together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

import structlog

from gateway.model import Emotion, Insight, Language, Turn, Understanding
from gateway.ports import Understander, Warm
from gateway.services.metrics import Metrics

log = structlog.get_logger()
MOST = 64


class Batches:
    """One engine, asked for all turns that wait at that moment in one call."""

    def __init__(self, engine: Understander, *, timeout: float, metrics: Metrics) -> None:
        self.name, self.priority = engine.name, engine.priority
        self._engine = engine
        self._timeout = timeout
        self._metrics = metrics
        self._waiting: deque[tuple[Turn, asyncio.Future[Insight | None]]] = deque()
        self._working: asyncio.Task[None] | None = None
        self._warm = False

    async def ask(self, turn: Turn) -> Insight | None:
        """The engine's insight; None when it failed or was too slow."""
        done: asyncio.Future[Insight | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, done))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await done

    async def _work(self) -> None:
        try:
            while self._waiting:
                size = min(MOST, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(size)]
                insights = await self._insights([turn for turn, _ in batch])
                for (_, done), insight in zip(batch, insights, strict=True):
                    if not done.done():
                        done.set_result(insight)
        finally:
            self._working = None

    async def _insights(self, turns: Sequence[Turn]) -> Sequence[Insight | None]:
        try:
            if isinstance(self._engine, Warm) and not self._warm:
                await self._engine.warm()
                self._warm = True
            async with asyncio.timeout(self._timeout):
                insights = await self._engine.understand(turns)
            return [one for _, one in zip(turns, insights, strict=True)]
        except Exception:
            log.exception("understander.failed", engine=self.name, messages=len(turns))
            self._metrics.failures.labels(self.name).inc()
            return [None] * len(turns)


class Understandings:
    """All engines; the one with the lowest priority number is believed first."""

    def __init__(
        self, engines: Sequence[Understander], *, timeout: float, metrics: Metrics
    ) -> None:
        ordered = sorted(engines, key=lambda engine: engine.priority)
        self._engines = [Batches(one, timeout=timeout, metrics=metrics) for one in ordered]

    async def of(self, turn: Turn) -> Understanding:
        """What ``turn.message`` means; a message without words has no meaning to tell."""
        if turn.kind != "message" or not turn.message.text.strip():
            return Understanding()
        told = await asyncio.gather(*(engine.ask(turn) for engine in self._engines))
        names = [engine.name for engine in self._engines]
        heard = [(name, one) for name, one in zip(names, told, strict=True) if one is not None]
        return join(heard, failed=tuple(n for n, one in zip(names, told, strict=True) if not one))


def join(heard: Sequence[tuple[str, Insight]], *, failed: tuple[str, ...] = ()) -> Understanding:
    """The first that tells a thing is believed; cues and signals of all are kept."""
    insights = [insight for _, insight in heard]
    language = next((one.language for one in insights if one.language), Language())
    ranking = next((one.ranking for one in insights if one.ranking is not None), ())
    emotions = [one.emotion for one in insights if one.emotion]
    emotion = emotions[0] if emotions else Emotion()
    cues = tuple(dict.fromkeys(cue for one in emotions for cue in one.cues))
    return Understanding(
        language=language,
        ranking=ranking,
        emotion=emotion.replace(cues=cues),
        signals=tuple(dict.fromkeys(cue for one in insights for cue in one.signals)),
        engines=tuple(name for name, _ in heard),
        failed=failed,
    )
