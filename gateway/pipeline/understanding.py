"""What the customer means and how they feel, by all engines together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import structlog

from gateway.model import Emotion, Insight, Language, Turn, Understanding
from gateway.pipeline.validation import validated_insight
from gateway.ports import RemoteUnderstander, TryLater, Understander, Warmable
from gateway.runtime.breaker import CircuitBreaker
from gateway.runtime.metrics import Metrics

log = structlog.get_logger()
MOST = 24
"""Turns in one call. Meanwhile the turns of the call before are finished: smaller calls cost more
for each turn, and with larger ones all would wait for the last."""
SURE = 0.55
"""As the built-in policy has it, `reasons.low_confidence.below`."""
GRAVE = frozenset({"frustrated", "angry", "anxious", "urgent"})
"""Moods that can call for a person by themselves."""


class GuardedEngine:
    """One understander behind a time-out and a circuit breaker: it tells, or has failed."""

    def __init__(
        self, engine: Understander, *, timeout: float, metrics: Metrics, breaker: CircuitBreaker
    ) -> None:
        self.name, self.priority = engine.name, engine.priority
        self._engine = engine
        self._timeout = timeout
        self._metrics = metrics
        self._breaker = breaker
        self._warm = not isinstance(engine, Warmable)

    async def insights(self, turns: Sequence[Turn]) -> Sequence[Insight | None]:
        """One for each turn; None for all of them when it fails, is too slow or is left out."""
        if not self._breaker.allows():
            return [None] * len(turns)
        try:
            insights = await self._told(turns)
        except asyncio.CancelledError:
            self._breaker.abandoned()
            raise
        except Exception as error:  # noqa: BLE001  (logged and counted there)
            if len(turns) > 1 and not isinstance(error, TimeoutError):
                return await self._one_by_one(turns)
            self._failed(turns, error)
            return [None] * len(turns)
        self._breaker.succeeded()
        return insights

    async def _one_by_one(self, turns: Sequence[Turn]) -> Sequence[Insight | None]:
        """So that a message it chokes on costs the others nothing."""
        self._breaker.abandoned()
        return [one for turn in turns for one in await self.insights([turn])]

    async def _told(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        if not self._warm and isinstance(self._engine, Warmable):
            await self._engine.warm()
            self._warm = True
        with self._metrics.working("engine", self.name):
            async with asyncio.timeout(self._timeout):
                insights = await self._engine.understand(turns)
        return [
            validated_insight(one, turn.message.text)
            for turn, one in zip(turns, insights, strict=True)
        ]

    def _failed(self, turns: Sequence[Turn], error: Exception) -> None:
        self._metrics.failures.labels(self.name).inc()
        after = error.after or 0.0 if isinstance(error, TryLater) else None
        remote = isinstance(self._engine, RemoteUnderstander)
        log.warning(
            "understander.failed",
            engine=self.name,
            turns=[turn.id for turn in turns],
            error=type(error).__name__,
            exc_info=None if remote else error,  # a provider's may quote the message
        )
        if rest := self._breaker.failed(after=after):
            log.warning("understander.left_out", engine=self.name, seconds=round(rest, 1))


class EngineQueue(Protocol):
    """A way of asking an engine."""

    @property
    def name(self) -> str: ...

    async def ask(self, turn: Turn) -> Insight | None:
        """The engine's insight; None when it failed or was too slow."""
        ...


class BatchedEngine:
    """An engine on this machine, asked for the turns that wait at that moment in one call."""

    def __init__(self, engine: GuardedEngine) -> None:
        self.name = engine.name
        self._engine = engine
        self._waiting: deque[tuple[Turn, asyncio.Future[Insight | None]]] = deque()
        self._working: asyncio.Task[None] | None = None

    async def ask(self, turn: Turn) -> Insight | None:
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
                insights = await self._engine.insights([turn for turn, _ in batch])
                for (_, done), insight in zip(batch, insights, strict=True):
                    if not done.done():
                        done.set_result(insight)
        finally:
            self._working = None


class ConcurrentEngine:
    """An engine on another machine, asked for each turn by itself, ``at_once`` of them at most."""

    def __init__(self, engine: GuardedEngine, *, at_once: int, patience: float) -> None:
        """A turn that waits ``patience`` seconds for its call to begin goes on without."""
        self.name = engine.name
        self._engine = engine
        self._slots = asyncio.Semaphore(at_once)
        self._patience = patience

    async def ask(self, turn: Turn) -> Insight | None:
        try:
            async with asyncio.timeout(self._patience):
                await self._slots.acquire()
        except TimeoutError:
            log.warning("understander.busy", engine=self.name, turn=turn.id)
            return None
        try:
            [insight] = await self._engine.insights([turn])
        finally:
            self._slots.release()
        return insight


class UnderstandingStage:
    """All engines; the one with the lowest priority number is believed first."""

    def __init__(
        self,
        engines: Sequence[Understander],
        *,
        timeout: float,
        metrics: Metrics,
        sure: float = SURE,
    ) -> None:
        """``timeout``: seconds for one call; ``sure``: see `join_insights`."""
        self._sure = sure
        self._metrics = metrics
        ordered = sorted(engines, key=lambda engine: engine.priority)
        self._engines = [_way(one, timeout, metrics) for one in ordered]

    async def of(self, turn: Turn) -> Understanding:
        """What ``turn.message`` means; a message without words has no meaning to tell."""
        if turn.kind != "message" or not turn.message.text.strip():
            return Understanding()
        with self._metrics.working("stage", "understand"):
            if len(self._engines) == 1:  # nothing to do side by side
                told = [await self._engines[0].ask(turn)]
            else:
                told = await asyncio.gather(*(engine.ask(turn) for engine in self._engines))
        names = [engine.name for engine in self._engines]
        heard = [(name, one) for name, one in zip(names, told, strict=True) if one is not None]
        failed = tuple(n for n, one in zip(names, told, strict=True) if one is None)
        return join_insights(heard, failed=failed, sure=self._sure)


def _way(engine: Understander, timeout: float, metrics: Metrics) -> EngineQueue:
    guarded = GuardedEngine(engine, timeout=timeout, metrics=metrics, breaker=CircuitBreaker())
    if isinstance(engine, RemoteUnderstander):
        return ConcurrentEngine(guarded, at_once=engine.at_once, patience=timeout)
    return BatchedEngine(guarded)


def join_insights(
    heard: Sequence[tuple[str, Insight]], *, failed: tuple[str, ...] = (), sure: float = SURE
) -> Understanding:
    """One understanding of what all engines told, in the order of their priorities.

    The first language is believed; the first ranking whose best guess is at least ``sure``, else
    the first; the first mood that is `GRAVE`, else the one with most distress, and the highest
    distress of all. Cues and signals of all are kept. So an engine that is asked after another
    can add a reason to step back, and take none away.
    """
    if len(heard) == 1:
        return _alone(*heard[0], failed)
    insights = [insight for _, insight in heard]
    language = next((one.language for one in insights if one.language), Language())
    ranked = [(name, one.ranking) for name, one in heard if one.ranking is not None]
    firm = (one for one in ranked if one[1] and one[1][0].confidence >= sure)
    ranked_by, ranking = next(firm, ranked[0] if ranked else (None, ()))
    emotions = [one.emotion for one in insights if one.emotion]
    worst = max(emotions, key=lambda one: one.distress, default=Emotion())
    emotion = next((one for one in emotions if one.label in GRAVE), worst)
    cues = tuple(dict.fromkeys(cue for one in emotions for cue in one.cues))
    return Understanding(
        language=language,
        ranking=ranking,
        questions=next((one.questions for name, one in heard if name == ranked_by), ()),
        emotion=emotion.replace(distress=worst.distress, cues=cues),
        signals=tuple(dict.fromkeys(cue for one in insights for cue in one.signals)),
        engines=tuple(name for name, _ in heard),
        failed=failed,
        ranked_by=ranked_by,
    )


def _alone(name: str, told: Insight, failed: tuple[str, ...]) -> Understanding:
    """What one engine told, as it told it: what `join_insights` gives of it, and most turns have one."""
    emotion = told.emotion or Emotion()
    return Understanding(
        language=told.language or Language(),
        ranking=told.ranking or (),
        questions=told.questions,
        emotion=emotion.replace(cues=tuple(dict.fromkeys(emotion.cues))),
        signals=tuple(dict.fromkeys(told.signals)),
        engines=(name,),
        failed=failed,
        ranked_by=name if told.ranking is not None else None,
    )
