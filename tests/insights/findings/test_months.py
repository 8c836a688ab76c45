"""What is planted in a simulated month is found, and nothing else: the small version of
``make bench PARTS=findings``."""

from __future__ import annotations

import pytest

from tests.bench.findings.months import study


@pytest.fixture(scope="module")
def planted() -> dict[str, bool]:
    """What was found in a month with every plant."""
    return study(50_003, "everything").found


@pytest.mark.parametrize(
    "plant",
    [
        "trigger_phrase",
        "drifting_channel",
        "rewritten_answer",
        "overworked_agent",
        "unanswered_question",
    ],
)
@pytest.mark.xdist_group("findings")
def test_a_plant_is_found(planted: dict[str, bool], plant: str) -> None:
    """The report finds what was planted."""
    assert planted[plant]


@pytest.mark.xdist_group("findings")
def test_sorry_is_not_blamed(planted: dict[str, bool]) -> None:
    """A word that follows anger is not taken for its cause."""
    assert not planted["confounded_sorry"]


@pytest.mark.xdist_group("findings")
def test_nothing_is_found_where_nothing_is() -> None:
    """A month without plants has no findings."""
    assert study(50_004, "nothing").others == ()
