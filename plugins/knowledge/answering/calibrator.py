"""Keeps the calibration of a shop: makes it anew when its sources, questions or models change, and
when agents have decided more drafts."""

from __future__ import annotations

import asyncio
import csv
import hashlib
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog

from gateway import Outdated, Pace, Services, WarmlineError
from plugins.knowledge.answering.calibration import (
    Calibration,
    Trial,
    calibrate,
    decided_trials,
)
from plugins.knowledge.answering.confidence import ConfidenceModel, packaged_model
from plugins.knowledge.answering.generated import (
    AskedQuestion,
    all_passages,
    ask_again,
    questions_from,
    try_questions,
)
from plugins.knowledge.retrieval import Retriever

PLUGIN, KEY = "knowledge", "answers/calibration"
"""Where it lies in the `PluginStorage`."""
LOOK_EVERY = 30.0
"""Seconds between two looks at the sources."""
ENOUGH_REAL = 100
"""Questions of people from which on they alone count, and not those made from the sources."""
LEAST_OF_REAL = 0.5
"""The lowest threshold where so many questions of people were asked."""
MOST_DRAFTS = 1_000
"""Decided drafts that are asked again, the newest."""
LEAST_NEW, NEW_SHARE = 10, 0.1
"""So many more decided drafts than at the last calibration, and such a share of those, make another
one; fewer make one after a day."""
A_DAY = timedelta(days=1)
RESTS = 4.0
"""How many times as long as it works the asking again rests: customers' questions are answered by
the same search and encoder."""
PERSON = "person"
"""The answer of a question that only a person can answer, as in ``warmline eval answers``."""

log = structlog.get_logger(__name__)


async def promise(services: Services, *, wrong_at_most: float) -> str:
    """What is promised of the answers that are sent alone, by the calibration that some process
    has stored; empty before the first one."""
    found = await Calibrator(wrong_at_most=wrong_at_most).load(services)
    return found.sentence() if found.state else ""


class Calibrator:
    """Knows from which confidence the bot may answer alone.

    ``wrong_at_most`` is the share of answers that may be wrong, 0..1. ``questions`` are CSV files
    with questions of people: ``text``, ``answer`` (a fragment of the right words, or ``person``),
    and ``language`` and ``brand`` where they matter. With ``learns``, what agents made of drafts
    counts too. Until it has calibrated, the conservative threshold applies.
    """

    def __init__(
        self,
        *,
        wrong_at_most: float,
        questions: Sequence[Path] = (),
        model: ConfidenceModel | None = None,
        learns: bool = True,
    ) -> None:
        self._wrong_at_most, self._questions = wrong_at_most, tuple(questions)
        self._learns = learns
        self._model = model or packaged_model()
        self.current = calibrate((), wrong_at_most=wrong_at_most, least=self._model.threshold)

    async def load(self, services: Services) -> Calibration:
        """Use what is stored, if it was made for this share of wrong answers."""
        stored = await services.storage.get(PLUGIN, KEY)
        if stored is not None:
            found = msgspec.json.decode(stored.value, type=Calibration)
            if found.wrong_at_most == self._wrong_at_most:
                self.current = found
        return self.current

    async def refresh(self, services: Services, retriever: Retriever) -> Calibration:
        """Calibrate, if something has changed since. Takes some seconds, the longer the more drafts
        were decided. Raises WarmlineError."""
        await self.load(services)
        state = await self._state(services)
        if self.current.state != state or await self._may_learn(services):
            self.current = await self._made(services, retriever, state)
            await self._put(services)
            log.info("knowledge.calibrated", promise=self.current.sentence())
        return self.current

    async def follow(self, services: Services) -> None:
        """Use what another process has stored, until cancelled."""
        while True:
            await self.load(services)
            await services.clock.sleep(LOOK_EVERY)

    async def keep(self, services: Services, retriever: Retriever) -> None:
        """Calibrate whenever something has changed, until cancelled."""
        while True:
            try:
                await self.refresh(services, retriever)
            except WarmlineError as error:
                log.warning("knowledge.not_calibrated", error=str(error))
            await services.clock.sleep(LOOK_EVERY)

    async def _may_learn(self, services: Services) -> bool:
        """Whether agents have decided enough drafts since, or some of them were erased."""
        if not self._learns or services.knowledge is None:
            return False
        before = self.current.drafts
        now = await services.knowledge.count_decided_drafts(MOST_DRAFTS)
        if abs(now - before) >= max(LEAST_NEW, NEW_SHARE * before):
            return True
        since = services.clock.now() - self.current.at if self.current.at else A_DAY
        return since >= A_DAY and (now != before or now == MOST_DRAFTS)

    async def _state(self, services: Services) -> str:
        """What a calibration depends on."""
        store, encoder = services.knowledge, services.encoder
        files = [await asyncio.to_thread(_digest, path) for path in self._questions]
        parts = (
            str(await store.last_change() if store else 0),
            (encoder.embedding_model if encoder else None) or "",
            hashlib.sha256(msgspec.json.encode(self._model)).hexdigest()[:16],
            "drafts" if self._learns else "no drafts",
            *files,
        )
        return " ".join(parts)

    async def _made(self, services: Services, retriever: Retriever, state: str) -> Calibration:
        passages = await all_passages(services.knowledge) if services.knowledge else []
        asked: list[AskedQuestion] = []
        for path in self._questions:
            asked += await asyncio.to_thread(read_questions, path)
        drafts, learnt = await self._learnt(services, retriever)
        real = len(asked) + sum(not trial.repeated for trial in learnt)
        if real < ENOUGH_REAL:
            asked += await asyncio.to_thread(questions_from, passages)
        trials = [trial async for trial in try_questions(retriever, asked, self._model)]
        least = LEAST_OF_REAL if real >= ENOUGH_REAL else self._model.threshold
        made = calibrate(
            [*trials, *learnt], wrong_at_most=self._wrong_at_most, least=least, state=state
        )
        return made.replace(drafts=drafts, at=services.clock.now())

    async def _learnt(
        self, services: Services, retriever: Retriever
    ) -> tuple[int, Sequence[Trial]]:
        """The number of decided drafts, and what they tell."""
        store = services.knowledge
        if store is None or not self._learns:
            return 0, ()
        drafts = await store.decided_drafts(MOST_DRAFTS)
        told, pace = [], Pace(RESTS)
        for draft in drafts:
            told += [each async for each in ask_again(retriever, (draft,), self._model, store)]
            await pace.rest()
        return len(drafts), decided_trials(told)

    async def _put(self, services: Services) -> None:
        known = await services.storage.get(PLUGIN, KEY)
        value = msgspec.json.encode(self.current).decode()
        try:
            await services.storage.put(PLUGIN, KEY, value, version=known.version if known else 0)
        except Outdated:
            log.info("knowledge.calibrated_elsewhere")


def read_questions(path: Path) -> list[AskedQuestion]:
    """The questions of people in a CSV file. Raises WarmlineError with file, line and what is
    wrong."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise WarmlineError(f"{path}: cannot be read ({error}); save it as CSV in UTF-8") from None
    found = []
    for line, row in enumerate(rows, 2):
        text, answer = (row.get("text") or "").strip(), (row.get("answer") or "").strip()
        if not text or not answer:
            raise WarmlineError(
                f"{path}:{line}: `text` or `answer` is empty; write a fragment of the right words, "
                f"or `{PERSON}`"
            )
        found.append(
            AskedQuestion(
                text=text,
                language=(row.get("language") or "").strip(),
                brand=(row.get("brand") or "").strip(),
                fragment="" if answer == PERSON else answer,
                generated=False,
            )
        )
    return found


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError:
        return "missing"
