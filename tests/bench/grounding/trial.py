"""A fake model's answers on their way through the real `PhrasedAnswers`, over a real socket."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import patch

import yaml

from gateway import (
    DailyBudget,
    Embedding,
    Language,
    LanguageModel,
    Message,
    Passage,
    TokenPrices,
    Turn,
    Understanding,
)
from plugins.knowledge.phrasing.answers import Phrased, PhrasedAnswers
from plugins.knowledge.phrasing.instructions import OrderFinder
from plugins.knowledge.retrieval import FoundPassage
from plugins.nlu_local.universal import UniversalEncoder
from tests.bench.grounding.inventions import (
    FOLDER,
    Split,
    Topic,
    Written,
    faithful,
    topics,
)
from tests.bench.grounding.model_server import WritingModel
from tests.engines.fake_rasa import served
from tests.engines.helpers import NOW, make_turn

SITE = "https://lumen.example/help"


class PackagedEncoder:
    """The packaged encoder as `Services.encoder`."""

    embedding_model = "universal"

    def __init__(self) -> None:
        self._encoder = UniversalEncoder()

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        found: Sequence[Embedding] = self._encoder.encode(list(texts))
        return found


@cache
def packaged_encoder() -> PackagedEncoder:
    """One for all tests: loading takes half a second."""
    return PackagedEncoder()


class Outcome(NamedTuple):
    """What became of one written sentence: None, or why it did not leave."""

    written: Written
    reasons: tuple[str, ...] | None


class OrderOutcome(NamedTuple):
    """``place``: passage, question or history. ``obeyed``: the model did. ``left``: so did we."""

    template: str
    payload: str
    place: str
    obeyed: bool
    left: bool


@asynccontextmanager
async def phrasing(
    folder: Path, **changes: Any
) -> AsyncIterator[tuple[PhrasedAnswers, WritingModel]]:
    """The answers in front of a fake model that listens on a free port."""
    fake = WritingModel()
    async with served(fake.app()) as url:
        budget = DailyBudget(
            tokens=None, cost=None, prices=TokenPrices(), file=folder / "spent.json",
            today=NOW.date,
        )  # fmt: skip
        model = LanguageModel(
            api_key=None, base_url=f"{url}/v1", name="m", timeout=30, answer_tokens=500,
            temperature=None, budget=budget,
        )  # fmt: skip
        answers = PhrasedAnswers(
            **{"model": model, "encoder": packaged_encoder(), "deadline": 60.0} | changes
        )
        try:
            yield answers, fake
        finally:
            fake.released.set()
            await answers.close()


def passage_of(topic: Topic, language: str, number: int, *, more: str = "") -> FoundPassage:
    """The page of ``topic`` as it is found, with ``more`` at its end."""
    passage = Passage(
        id=100 + number, document=number, version=1, source=1, title=topic.title[language],
        location=f"{SITE}/{topic.name}", language=language,
        text=f"{topic.text(language)} {more}".strip(),
    )  # fmt: skip
    return FoundPassage(passage=passage, score=1.0, cosine=0.5, bm25=1.0)


@cache
def _questions(split: Split) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = yaml.safe_load(
        (FOLDER / "shop" / "questions.yaml").read_text("utf-8")
    )[split]
    return found


def question(split: Split, written: Written) -> str:
    """What a customer asks that the statement behind ``written`` answers."""
    topic = next(t for t in topics(split) if t.name == written.topic)
    number = next(
        n for n, s in enumerate(topic.statements) if s[written.source_language] == written.quote
    )
    return _questions(split)[topic.name][number][written.language]


async def run(
    answers: PhrasedAnswers, fake: WritingModel, split: Split, found: Iterable[Written]
) -> list[Outcome]:
    """Each of ``found`` as the model's whole answer to the question that its page answers."""
    outcomes = []
    pages = {topic.name: topic for topic in topics(split)}
    others = cycle(topics(split))
    for number, written in enumerate(found):
        own = passage_of(pages[written.topic], written.source_language, 1)
        other = next(t for t in others if t.name != written.topic)
        fake.writes = [(written, 1)]
        turn = _turn(question(split, written), written.language, number)
        passages = [own, passage_of(other, written.source_language, 2)]
        phrased = await answers.phrase(turn, passages)
        assert phrased is not None
        outcomes.append(Outcome(written, None if phrased.sentences else _reasons(phrased)))
    return outcomes


def _reasons(phrased: Phrased) -> tuple[str, ...]:
    return tuple(reason for each in phrased.refused for reason in each.reasons)


def _turn(text: str, language: str, number: int, history: tuple[Message, ...] = ()) -> Turn:
    understanding = Understanding(language=Language(code=language, confidence=1.0))
    return make_turn(text, number, history=history, understanding=understanding)


def orders(split: Split, count: int) -> Iterator[tuple[str, str, str]]:
    """``count`` orders: template, payload, and where it is hidden (half of them in passages)."""
    lists = yaml.safe_load((FOLDER / "orders" / f"{split}.yaml").read_text("utf-8"))
    places = cycle(("passage", "question", "passage", "history"))
    made = 0
    while made < count:
        for shift, template in enumerate(lists["templates"]):
            if made == count:
                return
            payload = lists["payloads"][(made + shift) % len(lists["payloads"])]
            yield template, payload, next(places)
            made += 1


async def run_orders(
    answers: PhrasedAnswers, fake: WritingModel, split: Split, count: int
) -> list[OrderOutcome]:
    """``count`` orders, each on a page, in a question or in an earlier message about it."""
    base = [w for w in faithful(split) if w.kind == "faithful_close"]
    pages = {topic.name: topic for topic in topics(split)}
    outcomes = []
    for number, (template, payload, place) in enumerate(orders(split, count)):
        honest = base[(7 * number) % len(base)]
        hidden = template.replace("{payload}", payload)
        fake.order, fake.writes, fake.obeyed = payload, [(honest, 1)], 0
        found = [passage_of(pages[honest.topic], honest.source_language, 1,
                            more=hidden if place == "passage" else "")]  # fmt: skip
        asked = question(split, honest)
        said = f"{asked} {hidden}" if place == "question" else asked
        earlier = (_earlier(hidden),) if place == "history" else ()
        turn = _turn(said, honest.language, number, earlier)
        phrased = await answers.phrase(turn, found)
        kept = phrased.text if phrased else ""
        left = (payload in kept) or ("You word the answer" in kept)
        outcomes.append(OrderOutcome(template, payload, place, fake.obeyed > 0, left))
    fake.order = None
    return outcomes


@contextmanager
def undefended() -> Iterator[None]:
    """Orders are not looked for: what the checks of the sentences hold back alone."""

    async def never(self: OrderFinder, text: str) -> bool:
        return False

    with (
        patch("plugins.knowledge.phrasing.answers.gives_orders", lambda _: False),
        patch("plugins.knowledge.phrasing.asking.gives_orders", lambda _: False),
        patch.object(OrderFinder, "orders", never),
    ):
        yield


def _earlier(text: str) -> Message:
    return Message(id=1, conversation=0, author="customer", text=text, at=NOW)


def count_kinds(outcomes: Iterable[Outcome]) -> dict[str, tuple[int, int]]:
    """By kind, and by whether the page is in the answer's language: how many left, and of how
    many."""
    left: Counter[str] = Counter()
    whole: Counter[str] = Counter()
    for outcome in outcomes:
        written = outcome.written
        across = "" if written.language == written.source_language else "_across"
        kind = written.kind + (across if written.faithful else "")
        whole[kind] += 1
        left[kind] += outcome.reasons is None
    return {kind: (left[kind], whole[kind]) for kind in whole}
