"""How often the right passage is among the first: ``python -m tests.knowledge.search.scoring
FILE.csv ...`` prints the shares by style for files of questions like `questions_dev.csv`, and no
question."""

from __future__ import annotations

import asyncio
import sys
from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from gateway import Embedding
from gateway.ops.evaluation import share_with_interval
from gateway.testing import FakeClock, MemoryKnowledge
from plugins.knowledge.search import PassageSearch
from plugins.nlu_local.universal import UniversalEncoder
from tests.knowledge.search.conftest import services
from tests.knowledge.search.shop import MUSIC, Asked, asked, fill


class Packaged:
    """The packaged encoder as a `TextEncoder`."""

    embedding_model = "universal"

    def __init__(self) -> None:
        self._encoder = UniversalEncoder()

    async def embed(self, texts: Sequence[str]) -> Sequence[Embedding]:
        return [array("f", row) for row in self._encoder.encode(texts)] if texts else []


class Shares(NamedTuple):
    """Of ``asked`` questions, those whose right passage is the first, and among the first three;
    and the same where the page's translation is right, too."""

    asked: int
    first: float
    in_three: float
    first_translated: float
    in_three_translated: float


async def packaged_search(store: MemoryKnowledge, clock: FakeClock) -> PassageSearch:
    """A search over ``store`` with the packaged encoder, complete."""
    search = PassageSearch()
    search.use(services(knowledge=store, clock=clock, encoder=Packaged()))
    await search.prepare()
    return search


async def score(questions: Sequence[Asked]) -> Mapping[str, Shares]:
    """The shares by style, over the test help centre."""
    clock = FakeClock()
    store = MemoryKnowledge(clock)
    await fill(store)
    search = await packaged_search(store, clock)
    right = defaultdict[str, list[tuple[bool, ...]]](list)
    for each in questions:
        found = await search.find(each.question, language=each.language, limit=3)
        answers = [each.is_answered_by(one.passage) for one in found]
        too = [
            strict or each.is_answered_in_translation(one.passage)
            for strict, one in zip(answers, found, strict=True)
        ]
        right[each.style].append((answers[0], any(answers), too[0], any(too)))
    return {
        style: Shares(len(rows), *(sum(column) / len(rows) for column in zip(*rows, strict=True)))
        for style, rows in right.items()
    }


def main() -> None:
    files = tuple(map(Path, sys.argv[1:]))
    questions = asked(MUSIC._replace(questions=files))
    for style, shares in asyncio.run(score(questions)).items():
        named = {
            "first": shares.first,
            "in three": shares.in_three,
            "first, or its translation": shares.first_translated,
            "in three, or its translation": shares.in_three_translated,
        }
        for name, share in named.items():
            measured = share_with_interval(round(share * shares.asked), shares.asked)
            figures = f"{share:.3f} [{measured['low']:.3f}, {measured['high']:.3f}]"
            sys.stdout.write(f"{style:15} {name:29} {figures} of {shares.asked}\n")


if __name__ == "__main__":
    main()
