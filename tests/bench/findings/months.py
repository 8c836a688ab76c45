"""How often the findings see what is planted in simulated months, and what is not there.

Each seed gives three months without a gateway: one with every plant, one with a smaller unanswered
question and a confounded "sorry", and one with nothing to find.

    python -m tests.bench.findings.months SEED FOLDER

prints the same of a month that went through the whole gateway: FOLDER is what `warmline simulate
--seed SEED --perception truth --out FOLDER` wrote, with ``--plant`` for each plant of "everything".
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import tempfile
from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import gateway
from gateway import CaseRecord, ExamplesFile, read_shape
from gateway.testing.simulation import (
    ConfoundedSorry,
    DriftingChannel,
    Ledger,
    OverworkedAgent,
    Plant,
    RewrittenAnswer,
    Scenario,
    TriggerPhrase,
    UnansweredQuestion,
    read_ledger,
    simulate_records,
)
from gateway.testing.simulation.floor import find_victim
from plugins.insights.findings import FindingInputs, LabelledText, find
from plugins.insights.findings.overload import WorkLog, overloaded_agents
from plugins.insights.model import Discovery, IntentDraft
from plugins.nlu_local.encoder import SentenceEncoder, load_encoder
from plugins.nlu_local.protocol import UNIVERSAL
from tests.bench.insights.perception import simulated_cases

DEMO = Path(gateway.__file__).parents[1] / "plugins/demo_shop/demo"
PLANTED: Mapping[str, tuple[Plant, ...]] = {
    "everything": (
        TriggerPhrase(),
        ConfoundedSorry(),
        DriftingChannel(),
        RewrittenAnswer(),
        OverworkedAgent(),
        UnansweredQuestion(messages=20),
    ),
    "small": (ConfoundedSorry(), UnansweredQuestion(messages=12)),
    "nothing": (),
}
TRIGGER = ("nothing further", "nichts hinzuzufügen", "rien à ajouter", "nada que añadir")
SORRY = re.compile(r"\b(?:sorry|leid|tut|désol\w+|navr\w+|lamento|siento|lamentamos)\b")


class Outcome(NamedTuple):
    """What was found in one month. ``found`` says of each plant whether it was, ``others`` names
    what was found that nobody planted."""

    seed: int
    month: str
    found: dict[str, bool]
    others: tuple[str, ...]


class Encoder:
    """The packaged encoder as the services offer it, without a process of its own."""

    embedding_model = UNIVERSAL

    def __init__(self) -> None:
        self._encoder: SentenceEncoder = load_encoder(UNIVERSAL, encoder_folder())

    async def embed(self, texts: Sequence[str]) -> list[array[float]]:
        return [array("f", row.tolist()) for row in self._encoder.encode(list(texts))]


@lru_cache(1)
def shop_inputs() -> FindingInputs:
    """The demo shop's examples in all languages, and the packaged encoder."""
    return FindingInputs(encoder=Encoder(), examples=shop_examples())


@lru_cache(1)
def shop_examples() -> tuple[LabelledText, ...]:
    return tuple(
        LabelledText(text=text, intent=entry.intent)
        for file in sorted(DEMO.glob("nlu*.yml"))
        for entry in read_shape(file, ExamplesFile).nlu
        if entry.intent
        for text in entry.examples
    )


def study(seed: int, month: str) -> Outcome:
    """Simulate a month, look for findings, and compare them with what was planted."""
    scenario = Scenario(seed=seed, plants=PLANTED[month])
    cases, ledger = simulate_records(scenario)
    found = asyncio.run(_find(cases, scenario))
    return Outcome(seed, month, *judge(found, cases, ledger, PLANTED[month]))


def study_folder(seed: int, folder: Path) -> Outcome:
    """The same of the month in ``folder``."""
    scenario = Scenario(seed=seed, plants=PLANTED["everything"])
    cases = asyncio.run(simulated_cases(folder / "data"))
    ledger = read_ledger(folder / "ledger.jsonl")
    found = asyncio.run(_find(cases, scenario))
    return Outcome(seed, "gateway", *judge(found, cases, ledger, scenario.plants))


def judge(
    found: Sequence[Discovery], cases: Sequence[CaseRecord], ledger: Ledger, plants: Sequence[Plant]
) -> tuple[dict[str, bool], tuple[str, ...]]:
    """Which plants were found, and what else."""
    outcome: dict[str, bool] = {}
    explained: set[int] = set()
    for plant in plants:
        seen = [at for at, one in enumerate(found) if _shows(one, plant, found, ledger)]
        outcome[plant.name] = bool(seen)
        if isinstance(plant, OverworkedAgent) and seen:
            outcome[plant.name] = _right_agent(cases, plant)
        explained.update(seen)
        if isinstance(plant, TriggerPhrase | RewrittenAnswer):  # their other words, too
            kinds = ("phrase_hurts", "phrase_helps")
            explained.update(
                at for at, one in enumerate(found) if one.kind in kinds and not _sorry(one)
            )
    others = tuple(
        f"{one.kind}: {one.title}" for at, one in enumerate(found) if at not in explained
    )
    return outcome, others


def _shows(one: Discovery, plant: Plant, found: Sequence[Discovery], ledger: Ledger) -> bool:
    match plant:
        case TriggerPhrase():
            shows = one.kind == "phrase_hurts" and _is_trigger(one)
        case ConfoundedSorry():
            shows = _sorry(one)
        case DriftingChannel():
            shows = one.kind == "channel_drift" and one.evidence["channel"] == plant.channel
        case RewrittenAnswer():
            shows = one.kind == "rewritten_answer" and one.evidence["intent"] == plant.intent
        case OverworkedAgent():
            shows = one.kind == "overload" and one.evidence["people"] == 1
        case UnansweredQuestion():
            first = [d for d in found if d.kind == "unanswered_question"][:3]
            shows = one in first and _planted_messages(one, ledger) >= 4
        case _:
            shows = False
    return shows


def _planted_messages(one: Discovery, ledger: Ledger) -> int:
    planted = {row.conversation for row in ledger if UnansweredQuestion.name in row.planted}
    draft = one.draft
    assert isinstance(draft, IntentDraft)
    hits = sum(example.conversation in planted for example in draft.examples)
    return hits if 2 * hits >= len(draft.examples) else 0


def _is_trigger(one: Discovery) -> bool:
    """Whether most of its examples have the planted phrase."""
    hits = sum(any(text in e.text.casefold() for text in TRIGGER) for e in one.examples)
    return hits >= 2


def _sorry(one: Discovery) -> bool:
    return one.kind == "phrase_hurts" and bool(SORRY.search(str(one.evidence["phrase"])))


def _right_agent(cases: Sequence[CaseRecord], plant: OverworkedAgent) -> bool:
    work = WorkLog()
    for case in cases:
        work.add(case)
    victim = find_victim(Scenario(seed=0).staff, plant)
    return set(overloaded_agents(work.work())) == {victim.id}


async def _find(cases: Sequence[CaseRecord], scenario: Scenario) -> tuple[Discovery, ...]:
    async def pages() -> AsyncIterator[Sequence[CaseRecord]]:
        for start in range(0, len(cases), 200):
            yield cases[start : start + 200]

    return await find(pages(), since=scenario.start, until=scenario.end, inputs=shop_inputs())


@lru_cache(1)
def encoder_folder() -> Path:
    return Path(tempfile.gettempdir()) / "warmline-findings"


def as_json(outcome: Outcome) -> dict[str, Any]:
    return outcome._asdict()


if __name__ == "__main__":
    print(json.dumps(as_json(study_folder(int(sys.argv[1]), Path(sys.argv[2])))))  # noqa: T201
