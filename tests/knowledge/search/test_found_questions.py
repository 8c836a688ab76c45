"""The questions about the test help centre find their passages, with the packaged encoder."""

from __future__ import annotations

from tests.knowledge.search.scoring import score
from tests.knowledge.search.shop import asked

FLOORS = {"ordinary": (0.78, 0.92), "other_language": (0.56, 0.77), "paraphrase": (0.22, 0.37)}
"""By style: the least share of questions whose first passage is right, and one of the first three.
They are a little below what docs/retrieval.md says."""


async def test_questions_find_their_passages() -> None:
    """In the same language, in another one, and in other words."""
    shares = await score(asked())
    for style, (first, in_three) in FLOORS.items():
        assert shares[style].first >= first, (style, shares[style])
        assert shares[style].in_three >= in_three, (style, shares[style])
