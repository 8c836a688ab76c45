"""A lead changes the hours, and sees what customers are told."""

from __future__ import annotations

from typing import Any

from gateway.testing import RunningGateway
from tests.lead_rooms.conftest import Enter

HOURS = "/desk/hours"
WEEK = {"week_monday": "09:00-12:00, 13:00-18:00", "week_friday": "09:00–15:00"}


async def test_what_customers_are_told_is_previewed_and_saved(
    shop: RunningGateway, enter: Enter
) -> None:
    """The clock says Monday, 2 March 2026, 10:00."""
    ana = await enter()
    await ana.open(HOURS)
    assert "Open: people are there." in ana.words
    changed = {"always": "", "timezone": "Europe/Berlin", "holidays": "2026-12-25", **WEEK}
    await ana.submit(HOURS, "preview", **changed, at="2026-03-07T12:00")
    assert "Now Mon 2 March 2026, 11:00 Open: people are there." in ana.words
    christmas = "At Christmas, 11:00 Fri 25 December 2026, 11:00 Closed."
    assert f"{christmas} People are there again on Monday 28 December, 09:00." in ana.words
    assert "When you asked for Sat 7 March 2026, 12:00 Closed." in ana.words
    assert not await shop.services.versions.history()
    assert await ana.submit(HOURS, "save", why="lunch") == 200
    assert "Saved as version 1" in ana.words
    assert ana.typed("week-monday") == WEEK["week_monday"]
    hours = shop.gateway.infrastructure.hours.of("south")
    assert hours is not None
    assert (hours.timezone, len(hours.week["monday"]), len(hours.holidays)) == (
        "Europe/Berlin", 2, 1,
    )  # fmt: skip


async def test_a_date_has_hours_of_its_own_and_loses_them(
    shop: RunningGateway, enter: Enter
) -> None:
    ana = await enter()
    await ana.open(HOURS)
    exceptions = "2026-12-24 09:00-12:00\n2026-12-31 closed"
    await ana.submit(HOURS, "save", always="", exceptions=exceptions, why="holidays", **WEEK)
    assert ana.typed("exceptions") == exceptions
    await ana.submit(HOURS, "save", exceptions="2026-12-31 closed", why="open as usual")
    assert ana.typed("exceptions") == "2026-12-31 closed"
    await ana.submit(HOURS, "save", always="1", why="somebody is there")
    assert shop.gateway.infrastructure.hours.of("") is None


MISTAKES: tuple[tuple[Any, ...], ...] = (
    ({"week_monday": "18:00-09:00"}, "ends before it starts"),
    ({"week_monday": "nine to five"}, "no opening time such as `09:00-17:30`"),
    ({"timezone": "Mars"}, "no time zone `Mars`"),
    ({"holidays": "Christmas"}, "date"),
    ({"exceptions": "Christmas closed"}, "`Christmas closed` is no date"),
    ({"exceptions": "2026-02-30 closed"}, "date"),
)


async def test_mistakes_stand_at_their_fields(enter: Enter) -> None:
    """Each says what is wrong, and keeps what was typed."""
    ana = await enter()
    for changed, says in MISTAKES:
        await ana.open(HOURS)
        assert await ana.submit(HOURS, "save", **{"always": "", "why": "x", **changed}) == 422
        assert says.casefold() in ana.words.casefold()
        for name, value in changed.items():
            assert ana.typed(name.replace("_", "-")) == value


async def test_a_brand_has_hours_of_its_own(shop: RunningGateway, enter: Enter) -> None:
    """Its lead may change them, and those of all only leads of all."""
    nora = await enter("nora")
    await nora.open(HOURS)
    assert await nora.submit(HOURS, "save", always="", why="x", **WEEK) == 403
    own = f"{HOURS}?brand=north"
    await nora.open(own)
    assert await nora.submit(own, "save", always="", why="x", **WEEK) == 200
    hours = shop.gateway.infrastructure.hours
    assert hours.of("south") is None
    assert hours.of("north") is not None
    assert (await nora.open(f"{HOURS}?brand=south")).status == 404
