"""What a page's address asks for: presets, two days, filters; mistakes are said."""

from __future__ import annotations

from datetime import date

import pytest

from gateway import Agent, WarmlineError
from plugins.insights.report.asking import parse_day, parse_request

TODAY = date(2026, 11, 29)


def days(**query: str) -> tuple[date, date]:
    query = {name.rstrip("_"): value for name, value in query.items()}
    found = parse_request(query, TODAY).query
    return found.since, found.until


def test_a_period_that_ends_today_stays_current() -> None:
    assert days(period="week") == (date(2026, 11, 23), TODAY)
    assert days() == (date(2026, 11, 2), TODAY)
    assert days(period="nonsense") == days()


def test_two_days_or_one_of_them() -> None:
    assert days(from_="2026-03-01", to="2026-03-31") == (date(2026, 3, 1), date(2026, 3, 31))
    assert days(from_="2026-11-20") == (date(2026, 11, 20), TODAY)
    assert days(to="2026-03-28") == (date(2026, 3, 1), date(2026, 3, 28))


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"from": "yesterday"}, "'yesterday' is not a date; write year, month and day"),
        ({"from": "2026-03-31", "to": "2026-03-01"}, "is before the first"),
        ({"from": "1990-01-01"}, "more than five years"),
        ({"to": "0001-01-05"}, "0001-01-05 is not a day of 1970 to 2999; choose another"),
        ({"from": "9999-12-30", "to": "9999-12-31"}, "is not a day of 1970 to 2999"),
    ],
)
def test_a_mistake_is_said_and_the_default_shown(query: dict[str, str], problem: str) -> None:
    found = parse_request(query, TODAY)
    assert problem in found.problem
    assert found.query.since == date(2026, 11, 2)


def test_an_address_is_a_bookmark() -> None:
    """It keeps the period and the filters, and nothing else."""
    found = parse_request({"period": "week", "channel": "sms", "x": "y", "language": ""}, TODAY)
    assert found.address() == "?period=week&channel=sms"
    assert found.address(period="year") == "?period=year&channel=sms"
    fixed = parse_request({"from": "2026-03-01", "to": "2026-03-31"}, TODAY)
    assert fixed.address() == "?from=2026-03-01&to=2026-03-31"


@pytest.mark.parametrize("wanted", ["", "south", "north"])
def test_a_person_of_one_brand_gets_that_brand(wanted: str) -> None:
    """Whatever the address says."""
    agent = Agent(id="desk:ana", name="Ana", brands=("north",))
    found = parse_request({"brand": wanted}, TODAY, agent)
    assert found.query.filters.brand == ("north",)


def test_a_date_that_does_not_exist_is_refused() -> None:
    with pytest.raises(WarmlineError, match="'2026-02-30' is not a date"):
        parse_day("2026-02-30")
