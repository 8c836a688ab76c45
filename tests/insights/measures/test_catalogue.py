"""Groups are compared by every measure; planted effects are found, and their size is told."""

from __future__ import annotations

import numpy as np

from plugins.insights.measures.catalogue import (
    MEASURES,
    compare,
    figures,
    pilot,
    with_notable,
)
from plugins.insights.measures.tally import EMPTY, Observation, Tally, duration_bin

RUNS = 150
LEAST = 30


def contained(yes: int, number: int) -> Tally:
    return Tally.of(
        [
            Observation("contained", 1, yes),
            Observation("contained", 0, number - yes),
        ]
    )


def test_a_planted_effect_of_ten_points_is_shown() -> None:
    """A pilot of 450 conversations with 60 % among 900 others with 50 %: among all measures that
    are compared with it, it stands in at least eight of ten runs, and its interval covers the
    truth in 90 to 99 % of them."""
    random = np.random.default_rng(9)
    stands, covered = 0, 0
    for _ in range(RUNS):
        pilot = contained(int(random.binomial(450, 0.6)), 450)
        rest = contained(int(random.binomial(900, 0.5)), 900)
        found = with_notable({"": compare(pilot, rest, LEAST)})[""]["containment"]
        low, high = found.difference.low, found.difference.high
        assert low is not None
        assert high is not None
        stands += found.notable
        covered += low <= 0.1 <= high
    assert stands / RUNS >= 0.8
    assert 0.9 <= covered / RUNS <= 0.995


def test_a_pilot_has_the_effect_that_it_did_not_have_before() -> None:
    """Its kind of conversation was contained ten points more often anyway; now it is twenty, or
    still ten. The effect stands in at least eight of ten runs, and where there is none in 5 %."""
    random = np.random.default_rng(11)

    def side(share: float, number: int) -> Tally:
        return contained(int(random.binomial(number, share)), number)

    stands, false, covered = 0, 0, 0
    for _ in range(RUNS):
        before = (side(0.6, 900), side(0.5, 2_000))
        for truth in (0.1, 0.0):
            now = (side(0.6 + truth, 900), side(0.5, 2_000))
            found = pilot(now, before, LEAST)["containment"]
            assert found.effect is not None
            assert found.judged is found.effect
            low, high = found.effect.difference.low, found.effect.difference.high
            assert low is not None
            assert high is not None
            covered += low <= truth <= high
            if truth:
                stands += found.effect.notable
            else:
                false += found.effect.notable
                assert found.now.notable  # it was apart before, and still is
    assert stands / RUNS >= 0.8
    assert false / RUNS <= 0.1
    assert 0.9 <= covered / (2 * RUNS) <= 0.99


def test_a_pilot_without_a_time_before_is_judged_by_its_difference() -> None:
    """A channel that is new has no time before, and one with few cases has none that tells."""
    now, nothing = (contained(300, 400), contained(500, 1_000)), Tally()
    new = pilot(now, (nothing, contained(500, 1_000)), LEAST)["containment"]
    assert (new.before, new.effect) == (None, None)
    assert new.judged is new.now
    assert new.now.notable
    few = pilot(now, (contained(10, 20), contained(500, 1_000)), LEAST)["containment"]
    assert few.effect is not None
    assert few.effect.p is None
    assert few.judged is few.now
    alone = pilot(now, None, LEAST)["containment"]
    assert (alone.now, alone.effect) == (new.now, None)


def test_groups_without_a_difference_seldom_stand() -> None:
    """Ten channels alike, by two measures: any of the 20 comparisons stands in about 5 %."""
    random = np.random.default_rng(10)
    false, runs = 0, 40
    for _ in range(runs):
        groups = {}
        for channel in range(10):
            tallies = [
                contained(int(random.binomial(200, 0.5)), 200)
                + Tally.of(
                    Observation("resolution", duration_bin(seconds))
                    for seconds in random.lognormal(5, 1, 60)
                )
                for _ in range(2)
            ]
            names = ("containment", "resolution_seconds_p90")
            groups[str(channel)] = compare(*tallies, LEAST, names)
        found = with_notable(groups)
        false += any(one.notable for group in found.values() for one in group.values())
    assert false / runs <= 0.125


def test_few_cases_are_neither_tested_nor_notable() -> None:
    found = with_notable({"": compare(contained(0, 29), contained(900, 900), LEAST)})[""]
    comparison = found["containment"]
    assert comparison.p is None
    assert not comparison.notable
    assert not comparison.difference.enough
    assert comparison.difference.value == -1


def test_nothing_has_no_figures() -> None:
    assert all(figure.value is None and figure.n == 0 for figure in figures(EMPTY, LEAST).values())
    assert all(one.p is None for one in compare(EMPTY, EMPTY, LEAST).values())


def test_every_measure_has_a_title_of_its_own() -> None:
    titles = [measure.info.title for measure in MEASURES.values()]
    assert len(titles) == len(set(titles))
