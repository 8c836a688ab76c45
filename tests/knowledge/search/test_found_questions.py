"""The questions about the test help centre find their passages, with the packaged encoder."""

from __future__ import annotations

import pytest

from tests.knowledge.search.scoring import score
from tests.knowledge.search.shop import HELP_CENTRES, HelpCentre, asked

FLOORS = {"ordinary": (0.78, 0.92), "other_language": (0.56, 0.77), "paraphrase": (0.20, 0.35)}
"""By style: the least share of questions whose first passage is right, and one of the first three.
They are a little below what docs/retrieval.md says."""


async def test_questions_find_their_passages() -> None:
    """In the same language, in another one, and in other words."""
    shares = await score(asked())
    for style, (first, in_three) in FLOORS.items():
        assert shares[style].first >= first, (style, shares[style])
        assert shares[style].in_three >= in_three, (style, shares[style])


@pytest.mark.parametrize("centre", HELP_CENTRES, ids=lambda centre: centre.folder.name)
def test_pages_have_the_answers(centre: HelpCentre) -> None:
    """Each question with an answer has it in a passage of its page, and none is there twice."""
    passages: dict[str, list[str]] = {}
    for document in centre.documents():
        place = document.location.partition("#")[0]
        for each in document.passages:
            words = " ".join((*each.headings, each.question, each.text))
            passages.setdefault(place, []).append(" ".join(words.split()).casefold())
    missing = [
        each.fragment
        for each in asked(centre)
        if not any(each.fragment.casefold() in words for words in passages[each.file])
    ]
    assert missing == []
    rows = [(row["question"], row["language"]) for row in centre.rows()]
    assert len(set(rows)) == len(rows)
