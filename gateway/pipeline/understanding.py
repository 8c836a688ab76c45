"""What the customer means and how they feel, from all engines together."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Protocol

import structlog

from gateway.model import Emotion, Insight, Language, Slot, Turn, Understanding
from gateway.pipeline.validation import validated_insight
from gateway.ports import ParallelUnderstander, RemoteUnderstander, TryLater, Understander, Warmable
from gateway.runtime.metrics import Metrics
from gateway.runtime.tasks import with_timeout
from gateway.settings import EMAIL_SLOT, SlotSettings, compile_slot
from gateway.support.backoff import CircuitBreaker
from gateway.support.personal_data import EMAIL

log = structlog.get_logger()
MAX_BATCH = 24
"""Turns in one call. The turns of one call are finished while the next call runs: smaller calls
cost more for each turn, and with larger ones all turns wait for the last."""
CONFIDENT = 0.55
"""The built-in policy's ``reasons.low_confidence.below``."""
GRAVE = frozenset({"frustrated", "angry", "anxious", "urgent"})
"""Moods that can bring a person by themselves."""
MAX_SLOT_TEXT = 8_000
"""Characters of a message that are searched for slots."""
MAX_SLOTS = 20
"""Slots of one message that are kept."""


@dataclass
class GuardedEngine:
    """An understander behind a timeout (in seconds) and a circuit breaker. It never raises."""

    engine: Understander
    _: KW_ONLY
    timeout: float
    metrics: Metrics
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker)

    def __post_init__(self) -> None:
        self.name = self.engine.name
        self._warm = not isinstance(self.engine, Warmable)

    async def insights(self, turns: Sequence[Turn]) -> Sequence[Insight | None]:
        """One insight for each turn; None for all if the engine fails, is too slow or its
        breaker is open."""
        if not self.breaker.allows():
            return [None] * len(turns)
        try:
            insights = await self._call(turns)
        except asyncio.CancelledError:
            self.breaker.abandoned()
            raise
        except Exception as error:  # noqa: BLE001  (logged and counted by `_failed`)
            if len(turns) > 1 and not isinstance(error, TimeoutError):
                return await self._one_by_one(turns)
            self._failed(turns, error)
            return [None] * len(turns)
        self.breaker.succeeded()
        return insights

    async def _one_by_one(self, turns: Sequence[Turn]) -> Sequence[Insight | None]:
        """The batch failed: call again for each turn, so that only the bad message fails."""
        self.breaker.abandoned()
        return [insight for turn in turns for insight in await self.insights([turn])]

    async def _call(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        if not self._warm and isinstance(self.engine, Warmable):
            await with_timeout(None, self.engine.warm())
            self._warm = True
        with self.metrics.measure("engine", self.name):
            insights = await with_timeout(self.timeout, self.engine.understand(turns))
        return [
            validated_insight(insight, turn.message.text)
            for turn, insight in zip(turns, insights, strict=True)
        ]

    def _failed(self, turns: Sequence[Turn], error: Exception) -> None:
        self.metrics.plugin_failed(self.name)
        after = error.after or 0.0 if isinstance(error, TryLater) else None
        remote = isinstance(self.engine, RemoteUnderstander)
        log.warning(
            "understander.failed",
            engine=self.name,
            turns=[turn.id for turn in turns],
            error=type(error).__name__,
            exc_info=None if remote else error,  # a provider's error may quote the message
        )
        if rest := self.breaker.failed(after=after):
            log.warning("understander.left_out", engine=self.name, seconds=round(rest, 1))


class EngineQueue(Protocol):
    """Where turns wait for an engine."""

    @property
    def name(self) -> str: ...

    @property
    def left_out(self) -> bool:
        """Whether the engine is not asked for a while, because it kept failing."""
        ...

    async def ask(self, turn: Turn) -> Insight | None:
        """The engine's insight; None when it failed or was too slow."""
        ...


class BatchedEngine:
    """An engine on this machine: one call for all turns that wait at that moment, and at most
    ``parallel_calls`` calls at the same time."""

    def __init__(self, engine: GuardedEngine, *, parallel_calls: int = 1) -> None:
        self.name = engine.name
        self._engine = engine
        self._parallel_calls = parallel_calls
        self._waiting: deque[tuple[Turn, asyncio.Future[Insight | None]]] = deque()
        self._working: set[asyncio.Task[None]] = set()

    @property
    def left_out(self) -> bool:
        return self._engine.breaker.open

    async def ask(self, turn: Turn) -> Insight | None:
        done: asyncio.Future[Insight | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((turn, done))
        if len(self._working) < self._parallel_calls:
            self._working.add(asyncio.create_task(self._work()))
        return await done

    async def _work(self) -> None:
        try:
            while self._waiting:
                size = min(MAX_BATCH, len(self._waiting))
                batch = [self._waiting.popleft() for _ in range(size)]
                insights: Sequence[Insight | None] = [None] * size
                try:
                    insights = await self._engine.insights([turn for turn, _ in batch])
                finally:  # whatever happens, no turn may wait for ever
                    for (_, done), insight in zip(batch, insights, strict=True):
                        if not done.done():
                            done.set_result(insight)
        finally:
            self._working = {task for task in self._working if task is not asyncio.current_task()}


class ConcurrentEngine:
    """An engine on another machine: one call for each turn, ``at_once`` at most. A turn whose call
    cannot begin within ``max_wait`` seconds gets no insight."""

    def __init__(self, engine: GuardedEngine, *, at_once: int, max_wait: float) -> None:
        self.name = engine.name
        self._engine = engine
        self._slots = asyncio.Semaphore(at_once)
        self._max_wait = max_wait

    @property
    def left_out(self) -> bool:
        return self._engine.breaker.open

    async def ask(self, turn: Turn) -> Insight | None:
        try:
            async with asyncio.timeout(self._max_wait):
                await self._slots.acquire()
        except TimeoutError:
            log.warning("understander.busy", engine=self.name, turn=turn.id)
            return None
        try:
            [insight] = await self._engine.insights([turn])
        finally:
            self._slots.release()
        return insight


class SlotReader:
    """Finds what a message states: the slots of the settings, and e-mail addresses."""

    def __init__(self, slots: Mapping[str, SlotSettings]) -> None:
        self._patterns = {EMAIL_SLOT: re.compile(EMAIL)}
        self._patterns |= {name: compile_slot(slot.pattern) for name, slot in slots.items()}

    def read(self, turn: Turn) -> tuple[Slot, ...]:
        """The slots in the message, in the order of its text, and those of a new subject."""
        found = self._find(turn.message.text)
        if subject := turn.message.subject:
            known = {(slot.name, slot.value) for slot in found}
            found += [
                slot.replace(start=0, end=0)
                for slot in self._find(subject)
                if (slot.name, slot.value) not in known
            ]
        return tuple(found[:MAX_SLOTS])

    def _find(self, text: str) -> list[Slot]:
        found = [
            Slot(name=name, value=match[0], start=match.start(), end=match.end())
            for name, pattern in self._patterns.items()
            for match in pattern.finditer(text[:MAX_SLOT_TEXT])
        ]
        return sorted(found, key=lambda slot: (slot.start, -slot.end))


class UnderstandingStage:
    """Asks all engines and joins their insights; the lowest priority number comes first.

    ``timeout``: seconds for one call; ``confident``: see `join_insights`; ``slots``: what to find
    besides an e-mail address.
    """

    def __init__(
        self,
        engines: Sequence[Understander],
        *,
        timeout: float,
        metrics: Metrics,
        confident: Callable[[], float] = lambda: CONFIDENT,
        slots: Mapping[str, SlotSettings] | None = None,
    ) -> None:
        self._confident = confident
        self._slots = SlotReader(slots or {})
        self._metrics = metrics
        ordered = sorted(engines, key=lambda engine: engine.priority)
        self._engines = [_queue_for(engine, timeout, metrics) for engine in ordered]

    def left_out(self) -> tuple[str, ...]:
        """The engines that are not asked for a while, because they kept failing."""
        return tuple(engine.name for engine in self._engines if engine.left_out)

    async def understand(self, turn: Turn) -> Understanding:
        """The meaning of ``turn.message``; empty for a message without the customer's words."""
        if turn.kind != "message" or turn.wordless or not turn.message.text.strip():
            return Understanding()
        with self._metrics.measure("stage", "understand"):
            if len(self._engines) == 1:  # the usual case, without the cost of `asyncio.gather`
                answers = [await self._engines[0].ask(turn)]
            else:
                answers = await asyncio.gather(*(engine.ask(turn) for engine in self._engines))
        named = [
            (engine.name, answer) for engine, answer in zip(self._engines, answers, strict=True)
        ]
        understanding = join_insights(
            [(name, insight) for name, insight in named if insight is not None],
            failed=tuple(name for name, insight in named if insight is None),
            confident=self._confident(),
        )
        slots = self._slots.read(turn)
        return understanding.replace(slots=slots) if slots else understanding


def _queue_for(engine: Understander, timeout: float, metrics: Metrics) -> EngineQueue:
    guarded = GuardedEngine(engine, timeout=timeout, metrics=metrics)
    if isinstance(engine, RemoteUnderstander):
        return ConcurrentEngine(guarded, at_once=engine.at_once, max_wait=timeout)
    parallel_calls = engine.parallel_calls if isinstance(engine, ParallelUnderstander) else 1
    return BatchedEngine(guarded, parallel_calls=parallel_calls)


def join_insights(
    named: Sequence[tuple[str, Insight]],
    *,
    failed: tuple[str, ...] = (),
    confident: float = CONFIDENT,
) -> Understanding:
    """One understanding from the insights of all engines, given in the order of priority.

    The first language counts; the first ranking whose best guess is at least ``confident``, else
    the first; the first mood that is `GRAVE`, else the one with most distress, and the highest
    distress of all. The cues and signals of all are kept. So an engine with a higher priority
    number can add a reason to step back, but not remove one.
    """
    if len(named) == 1:
        return _from_one(*named[0], failed)
    insights = [insight for _, insight in named]
    language = next((insight.language for insight in insights if insight.language), Language())
    ranked = [(name, insight) for name, insight in named if insight.ranking is not None]
    sure = (
        (name, insight)
        for name, insight in ranked
        if insight.ranking and insight.ranking[0].confidence >= confident
    )
    ranked_by, best = next(sure, ranked[0] if ranked else (None, Insight()))
    emotions = [insight.emotion for insight in insights if insight.emotion]
    worst = max(emotions, key=lambda emotion: emotion.distress, default=Emotion())
    emotion = next((emotion for emotion in emotions if emotion.label in GRAVE), worst)
    cues = tuple(dict.fromkeys(cue for emotion in emotions for cue in emotion.cues))
    return Understanding(
        language=language,
        ranking=best.ranking or (),
        questions=best.questions,
        sentences=tuple(
            dict.fromkeys(
                sentence
                for insight in insights
                for sentence in insight.sentences
                if sentence.guess not in (best.ranking or ())[:1]
            )
        ),
        emotion=emotion.replace(distress=worst.distress, cues=cues),
        signals=tuple(dict.fromkeys(cue for insight in insights for cue in insight.signals)),
        engines=tuple(name for name, _ in named),
        failed=failed,
        ranked_by=ranked_by,
    )


def _from_one(name: str, insight: Insight, failed: tuple[str, ...]) -> Understanding:
    """What `join_insights` makes of a single insight, faster: most turns have one."""
    emotion = insight.emotion or Emotion()
    return Understanding(
        language=insight.language or Language(),
        ranking=insight.ranking or (),
        questions=insight.questions,
        sentences=insight.sentences,
        emotion=emotion.replace(cues=tuple(dict.fromkeys(emotion.cues))),
        signals=tuple(dict.fromkeys(insight.signals)),
        engines=(name,),
        failed=failed,
        ranked_by=name if insight.ranking is not None else None,
    )
