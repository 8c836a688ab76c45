"""What a conversation adds to its day, by the definitions in docs/measures.md."""

from __future__ import annotations

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from plugins.insights.facts.case_facts import CaseFacts, Returns
from plugins.insights.facts.derive import derive_facts
from plugins.insights.measures.catalogue import MEASURES, figures, pending, scores, shares
from plugins.insights.measures.observe import observe
from plugins.insights.measures.tally import Tally, duration_bin
from tests.insights.measures.made_up import CaseMaker
from tests.insights.measures.test_tallies import NO_WORDS

DAY = 86_400.0
BOT = CaseMaker().customer(0).bot(1)
PERSON = (
    CaseMaker(2).customer(0, "angry").hand_over(1, "emotion").claim(61).agent(100)
    .customer(160, "calm").close(600)
)  # fmt: skip


def facts(made: CaseMaker, **returns: float) -> CaseFacts:
    case = derive_facts(made.done(), ZoneInfo("UTC"), {}, NO_WORDS)
    return case.replace(returns=Returns(**returns))  # type: ignore[arg-type]


def tally(*cases: CaseFacts) -> Tally:
    return Tally.of(observation for case in cases for observation in observe(case))


def test_an_open_conversation_that_the_bot_answered_is_contained() -> None:
    assert figures(tally(facts(BOT), facts(PERSON)), 1)["containment"].value == 0.5


@pytest.mark.parametrize(
    ("case", "is_honest"),
    [
        (facts(BOT), True),
        (facts(BOT, back_same=7 * DAY), False),
        (facts(BOT, back_same=8 * DAY), True),
        (facts(BOT, back=1 * DAY), True),
        (facts(CaseMaker().customer(0).bot(1).survey(9, score=2, answered=20)), False),
        (facts(CaseMaker().customer(0).bot(1).survey(9, score=3, answered=20)), True),
        (facts(PERSON), False),
    ],
)
def test_honest_containment(case: CaseFacts, is_honest: bool) -> None:
    """Contained, not back within seven days about the same matter, and not rated low."""
    assert figures(tally(case), 1)["containment_honest"].value == is_honest


def test_a_first_contact_is_solved_when_it_is_settled_and_nobody_comes_back() -> None:
    """A repeated contact is no first one, and is not counted."""
    cases = [
        facts(BOT),
        facts(PERSON, back_same=DAY),
        facts(PERSON, repeat_after=2 * DAY),
        facts(CaseMaker().customer(0).hand_over(1, "person")),
    ]
    figure = figures(tally(*cases), 1)["first_contact_resolution"]
    assert (figure.value, figure.n) == (pytest.approx(1 / 3), 3)


def test_times_are_those_of_whom_they_happened_to() -> None:
    counted = tally(facts(PERSON), facts(BOT))
    found = figures(counted, 1)
    assert counted.of_name("to_person") == {duration_bin(60): 1}
    assert found["seconds_to_person"].value == pytest.approx(60, rel=0.01)
    assert found["seconds_to_person_upset"].n == 1
    assert found["resolution_seconds"].value == pytest.approx(600, rel=0.01)
    assert found["first_answer_seconds"].n == 2
    assert found["mood_change"].value == 3
    assert found["agent_minutes"].value == pytest.approx((39 + 300) / 60, abs=0.051)


def test_response_rates_are_given_by_mood() -> None:
    angry = CaseMaker().customer(0, "angry").bot(1).survey(2, "ces")
    calm = CaseMaker().customer(0).bot(1).survey(2, "felt_heard", score=4, answered=9)
    counted = tally(facts(angry), facts(calm))
    assert figures(counted, 1)["response_rate"].value == 0.5
    by_mood = shares(counted, 1)["response_rate_by_mood"]
    assert (by_mood["angry"].value, by_mood["calm"].value) == (0, 1)
    assert scores(counted, 1)["felt_heard"].value == 4


def test_every_name_of_the_contract_is_measured() -> None:
    contract = (
        "containment containment_honest seconds_to_person seconds_to_person_upset "
        "first_answer_seconds resolution_seconds csat ces felt_heard response_rate mood_change "
        "repeat_contact_7d repeat_contact_30d first_contact_resolution repeated_themselves "
        "human_moment suggestion_sent suggestion_edited suggestion_ignored voice_hits "
        "agent_minutes sms_segments"
    )
    assert set(contract.split()) <= set(MEASURES)
    assert set(pending(Tally())) == {
        "containment_honest",
        "first_contact_resolution",
        "repeat_contact_7d",
        "repeat_contact_30d",
        "mood_change_next",
    }


def test_every_measure_is_defined_on_the_page() -> None:
    page = (Path(__file__).parents[3] / "docs/measures.md").read_text("utf-8")
    defined = set(re.findall(r"`(\w+)`", page))
    names = {name.removesuffix("_p90") for name in MEASURES}
    assert names - defined == set()
