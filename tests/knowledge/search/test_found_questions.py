"""The questions about the test help centre find their passages, with the packaged encoder.

The floors are a little below what is measured; docs/retrieval.md has the figures.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Sequence

import pytest

from gateway import Embedding
from gateway.testing import FakeClock, MemoryKnowledge
from plugins.knowledge.search import PassageSearch
from plugins.nlu_local.universal import UniversalEncoder
from tests.knowledge.search.conftest import services
from tests.knowledge.search.shop import asked, fill

FLOORS = {"ordinary": (0.82, 0.92), "other_language": (0.45, 0.64), "paraphrase": (0.15, 0.27)}
"""By style: the share of questions whose first passage is right, and one of the first three."""


class Packaged:
    """The packaged encoder as a `TextEncoder`."""

    embedding_model = "universal"

    def __init__(self) -> None:
        self._encoder = UniversalEncoder()

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        return [array("f", row) for row in self._encoder.encode(texts)] if texts else []


@pytest.mark.timeout(120)
async def test_questions_find_their_passages() -> None:
    """In the same language, in another one, and in other words."""
    clock = FakeClock()
    store = MemoryKnowledge(clock)
    await fill(store)
    search = PassageSearch()
    search.use(services(knowledge=store, clock=clock, encoder=Packaged()))
    await search.embed_all()
    await search.follow()
    await search.learn_words()
    right = defaultdict[str, list[tuple[bool, bool]]](list)
    for each in asked():
        found = await search.find(each.question, language=each.language, limit=3)
        answers = [each.is_answered_by(one.passage) for one in found]
        right[each.style].append((answers[0], any(answers)))
    for style, floors in FLOORS.items():
        shares = [sum(column) / len(right[style]) for column in zip(*right[style], strict=True)]
        assert all(share >= floor for share, floor in zip(shares, floors, strict=True)), (
            style,
            shares,
        )
