"""The simulated customer says what fits their mood and what is still open."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise, product
from typing import get_args

import pytest

from plugins.practice.lookback import NAMES, WHY, look_back
from plugins.practice.phrases import LANGUAGES
from plugins.practice.scenarios import common_lines, shipped_scenario, shipped_scenarios
from plugins.practice.simulation import MOST_EXCHANGES, answer, customer_lines, emotion_at
from plugins.practice.values import (
    MoveKind,
    Need,
    PracticeExchange,
    PracticeLanguage,
    PracticeScenario,
    PracticeSession,
)
from tests.practice.shop import BAD, GOOD, NOON


def late(language: PracticeLanguage = "en") -> PracticeScenario:
    scenario = shipped_scenario("shipped-late_parcel", language)
    assert scenario
    return scenario


def play(scenario: PracticeScenario, *replies: str) -> tuple[list[PracticeExchange], bool]:
    exchanges: list[PracticeExchange] = []
    ended = False
    for text in replies:
        exchange, ended = answer(scenario, exchanges, text)
        exchanges.append(exchange)
        if ended:
            break
    return exchanges, ended


def session(exchanges: list[PracticeExchange]) -> PracticeSession:
    return PracticeSession(
        id="1", agent="desk:ana", agent_name="Ana", brand="", scenario="shipped-late_parcel",
        language="en", began_at=NOON, exchanges=tuple(exchanges), ended=True,
    )  # fmt: skip


def test_there_are_twelve_scenarios_in_four_languages() -> None:
    """Each with an opening and lines of its own, and all different."""
    for language in LANGUAGES:
        scenarios = shipped_scenarios(language)
        assert len(scenarios) == 12
        assert len({each.opening for each in scenarios}) == 12
        assert all(each.needs and len(each.lines) >= 4 for each in scenarios)
        assert {*get_args(Need), "worse", "softer", "settled", "leaves"} == {
            *common_lines(language)
        }


def test_a_customer_is_settled_by_what_helps() -> None:
    """A whole answer, and a friendly end."""
    exchanges, ended = play(late(), GOOD, "You are welcome. I will write tomorrow at 1 pm.")
    assert ended
    assert exchanges[-1].line.startswith("settled/")
    assert late().distress > exchanges[0].distress > exchanges[1].distress


def test_a_customer_leaves_in_the_end() -> None:
    """Form letters make it worse each time, and no line is said twice in a row."""
    exchanges, ended = play(late(), *[BAD] * 5)
    assert ended
    assert exchanges[-1].line == "leaves/0"
    levels = [each.distress for each in exchanges]
    assert levels == sorted(levels)
    lines = customer_lines(late(), exchanges)
    assert all(first != second for first, second in pairwise(lines))


def test_a_customer_asks_for_what_is_open() -> None:
    """After sympathy for the step, after a step for the time."""
    [sympathy], _ = play(late(), "Three messages without an answer, that must be maddening, sorry.")
    assert sympathy.line == "next_step/0"
    exchanges, _ = play(
        late(), "That must be maddening. I will call the depot and send it by express."
    )
    assert exchanges[-1].line == "time/0"


def test_a_practice_ends() -> None:
    """Whatever the agent writes."""
    exchanges, ended = play(late(), *["Thank you for your parcel and the depot today."] * 20)
    assert ended
    assert len(exchanges) <= MOST_EXCHANGES


def test_the_same_replies_lead_to_the_same_lines() -> None:
    """The model has no chance in it."""
    assert play(late(), BAD, GOOD) == play(late(), BAD, GOOD)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_feeling_keeps_its_name_or_eases(language: PracticeLanguage) -> None:
    """At the beginning it is the scenario's; without distress it is over."""
    for scenario in shipped_scenarios(language):
        assert emotion_at(scenario, scenario.distress).label == scenario.mood
        assert emotion_at(scenario, 0.05).label == "pleased"


def test_turning_points_name_the_sentence_and_why() -> None:
    """The one that did most in the direction of the change."""
    exchanges, _ = play(late(), "You should have checked our website.", GOOD)
    worse, better = look_back(late(), session(exchanges)).turns
    assert (worse.better, worse.sentence) == (False, "You should have checked our website.")
    assert worse.why == WHY["blame"]
    assert better.better
    assert better.sentence in GOOD


def test_what_worked_is_listed() -> None:
    """Most first, and apart from what hurt."""
    exchanges, _ = play(late(), GOOD, BAD)
    back = look_back(late(), session(exchanges))
    assert NAMES["next_step"] in [move.name for move in back.worked]
    assert NAMES["robotic"] in [move.name for move in back.hurt]
    assert not {move.name for move in back.worked} & {move.name for move in back.hurt}


@pytest.mark.parametrize("words", [WHY, NAMES])
def test_every_move_is_explained(words: Mapping[MoveKind, str]) -> None:
    """In a sentence and in a word."""
    assert {*words} == {*get_args(MoveKind)}


def test_every_line_of_every_scenario_can_be_said() -> None:
    """Also when there are more replies than lines."""
    for language, number in product(LANGUAGES, range(9)):
        for scenario in shipped_scenarios(language):
            exchange = PracticeExchange(reply="", moves=(), distress=0.5, line=f"worse/{number}")
            assert all(customer_lines(scenario, [exchange]))
