"""Tallies are a commutative monoid, and adding up sheets is adding up conversations."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from gateway import StoredValue
from gateway.testing import MemoryStorage
from plugins.insights.facts.case_facts import CaseFacts
from plugins.insights.facts.derive import TextDetectors, WordsRead, derive_facts
from plugins.insights.facts.store import PLUGIN, FactStore
from plugins.insights.measures.observe import observe
from plugins.insights.measures.sheets import SheetSums, build_sheet, cell_of, matches, pack, unpack
from plugins.insights.measures.tallies import TallyStore
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
    read_words=lambda messages, name: WordsRead(), edit_kinds=lambda suggested, sent: ()
)
TALLIES = st.lists(
    st.tuples(
        st.sampled_from(["contained", "to_person", "score:csat"]),
        st.integers(-4, 900),
        st.integers(1, 50),
    ),
    max_size=8,
).map(lambda observed: Tally.of(Observation(*one) for one in observed))


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
    sums = SheetSums(sheets, lambda day: {"back_7d"} if day == "2026-03-02" else ())
    tally = sums.tally(EVERYTHING)
    assert tally.number("back_7d") == 10
    assert tally.number("pending:back_7d") == 20
    assert tally.number("back_30d") == 30


def test_nothing_adds_up_to_nothing() -> None:
    sums = SheetSums({})
    assert sums.tally(EVERYTHING) == EMPTY
    assert sums.by("channel", EVERYTHING) == {}
    assert unpack(pack(build_sheet([]))).cells == ()


async def test_five_years_have_all_their_days() -> None:
    """Also more days than are read at once, and more than are remembered."""
    storage = MemoryStorage()
    text = pack(build_sheet(facts(1)))
    since = date(2021, 1, 1)
    days = [(since + timedelta(days=n)).isoformat() for n in range(1_826)]
    rows = [StoredValue(key=f"tally/{day}", value=text, version=0) for day in days]
    await storage.put_many(PLUGIN, rows)
    tallies = TallyStore(storage, FactStore(storage))
    for _ in range(2):  # the second time some are remembered
        assert list(await tallies.sheets(since, date(2025, 12, 31))) == days
    assert list(await tallies.sheets(date(2025, 12, 30), date(2025, 12, 31))) == days[-2:]
