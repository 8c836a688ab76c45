"""Trains understanders for evaluations, in a process of its own: the server's does not wait, and
the memory is freed afterwards."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import pickle
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from gateway.model import Address, Conversation, Customer, Insight, Message, Turn, Value
from gateway.ports import Trainable

BATCH = 32


class IntentPrediction(Value, frozen=True, kw_only=True):
    """What a trained understander makes of a message. ``intent`` is empty when it has no guess;
    ``language`` is an ISO 639-1 code or ``und``."""

    intent: str
    confidence: float
    language: str


class TrialTrainer:
    """Trains copies of an understander on rows of text and intent, one after the other.

    An understander that cannot be sent to another process is trained in a thread. Use it as an
    asynchronous context: it frees everything at the end.
    """

    def __init__(self, trainable: Trainable) -> None:
        self._trainable = trainable
        self._executor: Executor | None = None

    async def __aenter__(self) -> Self:
        try:
            sent = pickle.dumps(self._trainable)
        except (pickle.PicklingError, TypeError, AttributeError):
            self._executor = ThreadPoolExecutor(1, initializer=_use, initargs=(self._trainable,))
        else:
            self._executor = ProcessPoolExecutor(
                1,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_begin,
                initargs=(sent,),
            )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._executor is not None:
            await asyncio.to_thread(self._executor.shutdown, wait=True, cancel_futures=True)

    async def predict(
        self, rows: Sequence[tuple[str, str]], texts: Sequence[str]
    ) -> list[IntentPrediction]:
        """Train on ``rows`` and return what is made of each of ``texts``, which are those of new
        customers."""
        insights = await self.understand(rows, [_first_message(text) for text in texts])
        return [_prediction(insight) for insight in insights]

    async def understand(
        self, rows: Sequence[tuple[str, str]], turns: Sequence[Turn]
    ) -> list[Insight]:
        """Train on ``rows`` and return what is made of each of ``turns``."""
        loop = asyncio.get_running_loop()
        alone = isinstance(self._executor, ProcessPoolExecutor)
        work = _understand_and_free if alone else _understand_now
        return await loop.run_in_executor(self._executor, work, list(rows), list(turns))


_trained_here: Trainable | None = None


def _begin(sent: bytes) -> None:
    """In the process: customers' messages go first."""
    with suppress(OSError, AttributeError):
        os.nice(10)
    _use(pickle.loads(sent))  # noqa: S301  (our own object, from the process that started this one)


def _use(trainable: Trainable) -> None:
    global _trained_here  # noqa: PLW0603  (an executor's initializer can only leave it here)
    _trained_here = trainable


def _understand_now(rows: list[tuple[str, str]], turns: list[Turn]) -> list[Insight]:
    assert _trained_here is not None  # noqa: S101  (the initializer ran)
    return asyncio.run(_understand(_trained_here, rows, turns))


def _understand_and_free(rows: list[tuple[str, str]], turns: list[Turn]) -> list[Insight]:
    """In the process: models are large and refer to themselves, so they are collected at once."""
    try:
        return _understand_now(rows, turns)
    finally:
        gc.collect()


async def _understand(
    trainable: Trainable, rows: list[tuple[str, str]], turns: list[Turn]
) -> list[Insight]:
    trained = trainable.train(rows)
    found: list[Insight] = []
    for start in range(0, len(turns), BATCH):
        found += await trained.understand(turns[start : start + BATCH])
    return found


def _prediction(insight: Insight) -> IntentPrediction:
    top = insight.ranking[0] if insight.ranking else None
    return IntentPrediction(
        intent=top.name if top else "",
        confidence=top.confidence if top else 0.0,
        language=insight.language.code if insight.language else "und",
    )


def _first_message(text: str) -> Turn:
    at = datetime.now(UTC)
    return Turn(
        id=0,
        at=at,
        message=Message(id=0, conversation=0, author="customer", text=text, at=at),
        customer=Customer(),
        conversation=Conversation(address=Address(channel="cli", value="trial"), opened_at=at),
    )
