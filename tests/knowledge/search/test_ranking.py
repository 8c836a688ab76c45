"""The order of the passages found, and what it has learnt from."""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import pytest

from gateway import Passage
from gateway.testing import FakeClock, MemoryKnowledge
from plugins.knowledge.answering.confidence import Weights
from plugins.knowledge.retrieval import FoundPassage
from plugins.knowledge.search.index import Candidate
from plugins.knowledge.search.meaning import ADAPTER_FILE, packaged_adapter
from plugins.knowledge.search.ranking import (
    RANKED,
    RANKING_FEATURES,
    RankingModel,
    packaged_ranking,
    rank,
)
from plugins.knowledge.search.rows import unit
from tests.bench.knowledge.training import fitted_map, read_rows, sources
from tests.knowledge.search.scoring import packaged_search
from tests.knowledge.search.shop import fill


def weights(**counts: float) -> Weights:
    size = len(RANKING_FEATURES)
    return Weights(
        intercept=0.0,
        weights=tuple(counts.get(name, 0.0) for name in RANKING_FEATURES),
        means=(0.0,) * size,
        scales=(1.0,) * size,
    )


def model(same: Weights, other: Weights | None = None) -> RankingModel:
    return RankingModel(features=RANKING_FEATURES, same_language=same, other_language=other or same)


def found(id: int, text: str, language: str = "en") -> FoundPassage:
    passage = Passage(
        id=id,
        document=id,
        version=1,
        source=1,
        title="Repairs",
        location=f"p{id}",
        language=language,
        text=text,
    )
    return FoundPassage(passage=passage, score=-float(id), cosine=0.0, bm25=0.0)


def candidate(each: FoundPassage, plain: tuple[float, float] | None = (0.0, 0.0)) -> Candidate:
    return Candidate(
        id=each.passage.id,
        score=each.score,
        cosine=0.0,
        bm25=0.0,
        sentences=(),
        plain=plain,
    )


QUESTION = "How long does a repair take?"


def test_what_gives_what_is_asked_for_comes_first() -> None:
    """A duration for `how long`, though another passage was found before it."""
    passages = [found(1, "A repair costs 40 euros."), found(2, "A repair takes five days.")]
    places = [candidate(each) for each in passages]
    ordered = rank(QUESTION, places, passages, language="en", model=model(weights(type_given=1)))
    assert [each.passage.id for each in ordered] == [2, 1]
    assert ordered[0].score > ordered[1].score


def test_passages_in_another_language_have_weights_of_their_own() -> None:
    """What counts among words of one language says little across two."""
    passages = [found(1, "Eine Reparatur.", "de"), found(2, "A repair.")]
    places = [candidate(passages[0], (0.5, 0.9)), candidate(passages[1], (0.5, 0.8))]
    only_other = model(weights(), weights(plain_sentence=1))
    ordered = rank(QUESTION, places, passages, language="en", model=only_other)
    assert [each.passage.id for each in ordered] == [1, 2]
    only_same = model(weights(plain_sentence=1), weights())
    ordered = rank(QUESTION, places, passages, language="en", model=only_same)
    assert [each.passage.id for each in ordered] == [2, 1]


def test_those_behind_keep_their_order_and_lower_scores() -> None:
    """Only the first are put into order; scores fall to the end."""
    passages = [found(id, f"Text {id}.") for id in range(RANKED + 5)]
    places = [candidate(each, (0.0, each.passage.id / 100)) for each in passages]
    ordered = rank(
        QUESTION, places, passages, language="en", model=model(weights(plain_sentence=1))
    )
    first = list(reversed(range(RANKED)))
    assert [each.passage.id for each in ordered] == [*first, *range(RANKED, RANKED + 5)]
    scores = [each.score for each in ordered]
    assert scores == sorted(scores, reverse=True)


def test_without_an_adapter_nothing_changes() -> None:
    """With another encoder, or for a long message, the sum alone decides."""
    passages = [found(1, "A repair costs 40 euros."), found(2, "A repair takes five days.")]
    places = [candidate(each, None) for each in passages]
    asked = model(weights(type_given=1))
    assert rank(QUESTION, places, passages, language="en", model=asked) == passages


def test_a_map_is_learnt_from_questions_and_answers() -> None:
    """It brings new questions of the same kind nearer to their answers; here what is asked in one
    half of the numbers is answered in the other."""
    random = np.random.default_rng(3)
    themes = unit(random.normal(size=(300, 8)).astype(np.float32))
    asked, answers = np.hstack([themes, themes * 0]), np.hstack([themes * 0, themes])
    learnt = fitted_map(asked[:250], answers[:250], np.arange(250))
    moved = unit(asked[250:] + asked[250:] @ learnt)
    assert (moved * answers[250:]).sum(axis=1).mean() > 0.1


def test_the_adapter_has_learnt_from_the_rows_there_are() -> None:
    """Whoever changes a row runs ``make train-search``. The file has numbers only."""
    path = files("plugins.knowledge.search").joinpath(ADAPTER_FILE)
    with path.open("rb") as file, np.load(file) as arrays:
        learnt = json.loads(arrays["sources"].tobytes())
        kinds = {arrays[name].dtype.kind for name in arrays.files}
    assert learnt == sources()
    assert kinds == {"f", "u"}
    assert len(path.read_bytes()) < 2_000_000


def test_rows_are_whole_and_each_is_there_once() -> None:
    """In seven columns, none of them empty."""
    rows = read_rows()
    assert len(rows) > 500
    assert all(all(row) for row in rows)
    assert len({(row.answer, row.question) for row in rows}) == len(rows)


def test_the_adapter_keeps_a_question_a_direction() -> None:
    """Of norm 1, and near to what it was."""
    rows = unit(np.random.default_rng(1).normal(size=(4, 512)).astype(np.float32))
    moved = packaged_adapter().adapted(rows)
    assert np.linalg.norm(moved, axis=1) == pytest.approx(1, abs=1e-5)
    assert ((moved * rows).sum(axis=1) > 0.5).all()


async def test_a_long_message_is_not_put_into_order(clock: FakeClock) -> None:
    """The ranking has learnt from questions, and a story has too many words for it."""
    store = MemoryKnowledge(clock)
    await fill(store)
    search = await packaged_search(store, clock)
    short, _ = await search.candidates(QUESTION, language="en")
    assert all(each.plain is not None for each in short)
    story = "I wrote to you. Nobody answered. It is broken. How long does a repair take?"
    places, passages = await search.candidates(story, language="en", limit=5)
    assert all(each.plain is None for each in places)
    assert list(await search.find(story, language="en", limit=5)) == passages[:5]


def test_the_packaged_ranking_fits_the_features() -> None:
    """Other features need another model; loading it says so."""
    assert packaged_ranking().features == RANKING_FEATURES
