"""Tallies are a commutative monoid, and adding up sheets is adding up conversations."""

from __future__ import annotations

from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from plugins.insights.facts.case_facts import CaseFacts
from plugins.insights.facts.derive import TextDetectors, derive_facts
from plugins.insights.measures.observe import observe
from plugins.insights.measures.sheets import SheetSums, build_sheet, cell_of, matches, pack, unpack
from plugins.insights.measures.tally import (
    EMPTY,
    Observation,
    Tally,
    duration_bin,
    duration_in,
    longest_in,
    shortest_in,
)
from plugins.insights.measures.values import DIMENSIONS, EVERYTHING, Filters
from tests.insights.measures.made_up import BEGIN, any_case

NO_WORDS = TextDetectors(
    told_again=lambda messages: (),
    human_moments=lambda messages, name: (),
    edit_kinds=lambda suggested, sent: (),
)
TALLIES = st.builds(
    Tally.of,
    st.lists(
        st.builds(
            Observation,
            st.sampled_from(["contained", "to_person", "score:csat"]),
            st.integers(-4, 900),
            st.integers(1, 50),
        )
    ),
)


@given(TALLIES, TALLIES, TALLIES)
def test_the_grouping_does_not_matter(a: Tally, b: Tally, c: Tally) -> None:
    assert (a + b) + c == a + (b + c)


@given(TALLIES, TALLIES)
def test_the_order_does_not_matter(a: Tally, b: Tally) -> None:
    assert a + b == b + a


@given(TALLIES)
def test_the_empty_one_changes_nothing(a: Tally) -> None:
    assert a + EMPTY == a == EMPTY + a


@given(st.floats(1, 3e8))
def test_a_duration_is_kept_to_one_percent(seconds: float) -> None:
    number = duration_bin(seconds)
    assert abs(duration_in(number) - seconds) <= 0.01 * seconds
    assert shortest_in(number) <= seconds * 1.000_001
    assert seconds <= longest_in(number) * 1.000_001


def facts(number: int, seed: int = 1) -> list[CaseFacts]:
    random = Random(seed)  # noqa: S311  (not for secrets)
    zone = ZoneInfo("UTC")
    return [
        derive_facts(any_case(random, id, random.randrange(1, 30), BEGIN), zone, {}, NO_WORDS)
        for id in range(1, number + 1)
    ]


def whole(cases: list[CaseFacts]) -> Tally:
    return Tally.of(observation for case in cases for observation in observe(case))


def test_sheets_of_days_add_up_to_their_conversations() -> None:
    """Packed and unpacked, without filters, filtered, by every dimension, and split."""
    cases = facts(60)
    sheets = {
        day: unpack(pack(build_sheet(part)))
        for day, part in (("2026-03-01", cases[:20]), ("2026-03-02", cases[20:]))
    }
    sums = SheetSums(sheets)
    assert sums.tally(EVERYTHING) == whole(cases)
    some = Filters(channel=("sms", "email"), language=("en",))
    chosen = [case for case in cases if matches(cell_of(case), some)]
    assert 0 < len(chosen) < len(cases)
    assert sums.tally(some) == whole(chosen)
    one, rest = sums.split(some, EVERYTHING)
    assert one == whole(chosen)
    assert one + rest == whole(cases)
    for at, dimension in enumerate(DIMENSIONS):
        by = sums.by(dimension, EVERYTHING)
        assert list(by) == sorted({cell_of(case)[at] for case in cases})
        for value, tally in by.items():
            assert tally == whole([case for case in cases if cell_of(case)[at] == value])


def test_what_cannot_be_known_yet_is_pending() -> None:
    """The days that wait are not mixed with those that are over."""
    cases = facts(30)
    sheets = {"2026-03-01": build_sheet(cases[:10]), "2026-03-02": build_sheet(cases[10:])}
    sums = SheetSums(sheets, lambda day, name: day == "2026-03-02" and name == "back_7d")
    tally = sums.tally(EVERYTHING)
    assert tally.number("back_7d") == 10
    assert tally.number("pending:back_7d") == 20
    assert tally.number("back_30d") == 30


def test_nothing_adds_up_to_nothing() -> None:
    sums = SheetSums({})
    assert sums.tally(EVERYTHING) == EMPTY
    assert sums.by("channel", EVERYTHING) == {}
    assert unpack(pack(build_sheet([]))).cells == ()
