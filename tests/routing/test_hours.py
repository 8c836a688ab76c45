"""Opening hours, also on the days when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.hours import is_open, next_opening, reopens_at
from gateway.routing.policy import Hours, Policy

WEEK: dict[str, Any] = {
    "monday": ["08:00-12:00", "13:00-24:00"],
    "tuesday": "00:00-06:00",
    "wednesday": "closed",
    "saturday": ["13:00-15:00", "09:00-11:00"],
}


def berlin(**known: Any) -> Hours:
    return Hours.model_validate({"timezone": "Europe/Berlin", "week": WEEK, **known})


def at(wall: str, zone: str = "Europe/Berlin", *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("wall", "there", "back"),
    [
        ("2026-11-23 07:59", False, "2026-11-23T08:00:00+01:00"),
        ("2026-11-23 08:00", True, "2026-11-23T08:00:00+01:00"),
        ("2026-11-23 12:00", False, "2026-11-23T13:00:00+01:00"),
        ("2026-11-23 23:59", True, "2026-11-23T23:59:00+01:00"),
        ("2026-11-24 00:00", True, "2026-11-24T00:00:00+01:00"),
        ("2026-11-24 06:00", False, "2026-11-28T09:00:00+01:00"),
        ("2026-11-25 10:00", False, "2026-11-28T09:00:00+01:00"),
        ("2026-11-28 12:00", False, "2026-11-28T13:00:00+01:00"),
        ("2026-11-28 15:00", False, "2026-11-30T08:00:00+01:00"),
    ],
)
def test_the_opening_hours_of_a_week(wall: str, there: bool, back: str) -> None:
    """The end of a span is closed; spans may have any order and meet at midnight."""
    assert is_open(berlin(), at(wall)) is there
    found = next_opening(berlin(), at(wall))
    assert found
    assert found.isoformat() == back


def test_holidays_are_closed() -> None:
    """The next opening skips holidays."""
    hours = berlin(holidays=["2026-11-30", "2026-12-01"])
    assert not is_open(hours, at("2026-11-30 10:00"))
    back = next_opening(hours, at("2026-11-29 10:00"))
    assert back == at("2026-12-05 09:00")


@pytest.mark.parametrize(
    ("span", "wall", "opens"),
    [
        # Spring, 29 March 2026: the clocks go from 02:00 to 03:00.
        ("09:00-17:00", "2026-03-28 20:00", "2026-03-29T09:00:00+02:00"),
        ("02:30-05:00", "2026-03-29 00:00", "2026-03-29T03:30:00+02:00"),
        # Autumn, 25 October 2026: 02:00 to 03:00 comes twice.
        ("09:00-17:00", "2026-10-24 20:00", "2026-10-25T09:00:00+01:00"),
        ("02:30-05:00", "2026-10-25 00:00", "2026-10-25T02:30:00+02:00"),
    ],
)
def test_opening_when_the_clocks_change(span: str, wall: str, opens: str) -> None:
    """Opening times are wall-clock times; a skipped one is the moment after the gap."""
    hours = berlin(week={"sunday": span})
    found = next_opening(hours, at(wall))
    assert found
    assert found.isoformat() == opens


@pytest.mark.parametrize(
    ("span", "start", "end", "last"),
    [
        ("00:00-24:00", "2026-03-29 00:00", "2026-03-30 00:00", 23),
        ("00:00-24:00", "2026-10-25 00:00", "2026-10-26 00:00", 25),
        ("01:00-02:30", "2026-03-29 01:00", "2026-03-29 03:30", 1.5),
        ("01:00-02:30", "2026-10-25 01:00", "2026-10-25 02:30", 2.5),
    ],
)
def test_days_of_23_and_25_hours_are_open_to_their_end(
    span: str, start: str, end: str, last: float
) -> None:
    """And not a moment longer."""
    hours = berlin(week={"sunday": span})
    closing = at(end, fold=1)
    assert closing - at(start) == timedelta(hours=last)
    assert is_open(hours, at(start))
    assert is_open(hours, closing - timedelta(seconds=1))
    assert not is_open(hours, closing)


def test_reopens_at() -> None:
    """The next opening while it is closed; None while it is open or the policy has no hours."""
    policy = Policy.model_validate({"hours": {"timezone": "Asia/Kolkata"}})
    back = reopens_at(policy.hours, datetime(2026, 11, 21, 0, 0, tzinfo=UTC))
    assert back
    assert back.isoformat() == "2026-11-23T09:00:00+05:30"
    assert reopens_at(policy.hours, datetime(2026, 11, 23, 4, 0, tzinfo=UTC)) is None
    assert reopens_at(None, datetime(2026, 11, 21, 0, 0, tzinfo=UTC)) is None


def test_a_week_without_hours_has_no_opening() -> None:
    """`next_opening` returns None."""
    hours = berlin(week={})
    assert next_opening(hours, at("2026-11-23 10:00")) is None


moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  (made aware by ``timezones``)


@given(moments, st.sampled_from(["Europe/Berlin", "America/New_York", "Africa/Cairo", "UTC"]))
def test_next_opening_is_the_first(moment: datetime, zone: str) -> None:
    """It is open then, not in the past, and it is closed just before."""
    hours = berlin(timezone=zone, holidays=["2026-12-26"])
    back = next_opening(hours, moment)
    assert back is not None
    assert back >= moment
    assert is_open(hours, back)
    if back > moment:
        assert not is_open(hours, moment)
        assert not is_open(hours, back - timedelta(seconds=1))
