"""What changed is told as people read it."""

from __future__ import annotations

import pytest

from gateway import NewPassage
from plugins.knowledge.sources.differences import (
    Difference,
    differences_between,
    parse_difference,
)
from plugins.knowledge.sources.figures import figures_in


def told(before: str, after: str, **more: str) -> tuple[str, ...]:
    old, new = NewPassage(text=before), NewPassage(text=after)
    return differences_between([old], [new])


@pytest.mark.parametrize(
    ("before", "after", "difference"),
    [
        ("It costs €4.90 to send.", "It costs €5.90 to send.", "price: €4.90 → €5.90"),
        ("Es kostet 4,90 € pro Paket.", "Es kostet 5,90 € pro Paket.", "price: 4,90 € → 5,90 €"),
        ("Free from €1,200 on.", "Free from €1,500 on.", "price: €1,200 → €1,500"),
        ("You have 30 days to return.", "You have 14 days to return.", "time: 30 days → 14 days"),
        (
            "Sie haben 30 Tage Zeit dafür.",
            "Sie haben 14 Tage Zeit dafür.",
            "time: 30 Tage → 14 Tage",
        ),
        (
            "It takes 2 to 3 days now.",
            "It takes 4 to 5 days now.",
            "time: 2 to 3 days → 4 to 5 days",
        ),
        ("You get ten days for it.", "You get twelve days for it.", "time: ten days → twelve days"),
        ("Students get 10 % off all.", "Students get 12 % off all.", "percentage: 10 % → 12 %"),
        (
            "Valid until 3 May 2026 only.",
            "Valid until 9 May 2026 only.",
            "date: 3 May 2026 → 9 May 2026",
        ),
        (
            "Gültig bis 03.05.2026 hier.",
            "Gültig bis 09.05.2026 hier.",
            "date: 03.05.2026 → 09.05.2026",
        ),
        ("We open at 9:00 each day.", "We open at 10:30 each day.", "hour: 9:00 → 10:30"),
        ("Open from 9 am each day.", "Open from 10 am each day.", "hour: 9 am → 10 am"),
        (
            "See https://a.example/x for it.",
            "See https://a.example/y for it.",
            "link: https://a.example/x → https://a.example/y",
        ),
        (
            "Write to help@a.example please.",
            "Write to care@a.example please.",
            "e-mail: help@a.example → care@a.example",
        ),
        (
            "Call +49 461 555 0142 at once.",
            "Call +49 461 555 0199 at once.",
            "telephone: +49 461 555 0142 → +49 461 555 0199",
        ),
        ("Up to 4 cards in one order.", "Up to 6 cards in one order.", "number: 4 → 6"),
        ("It costs €5 and a fee.", "It costs nothing and a fee.", "price removed: €5"),
        ("Returns cost nothing at all.", "Returns cost €5 nothing at all.", "price added: €5"),
        (
            "You pay the return label yourself.",
            "We pay the return label for you.",
            "text: You pay the return label yourself. → We pay the return label for you.",
        ),
    ],
)
def test_a_figure_that_changed(before: str, after: str, difference: str) -> None:
    """Prices, spans, percentages, dates, hours, links, addresses and plain numbers."""
    assert told(before, after) == (difference,)


def test_a_row_of_a_table_names_its_row() -> None:
    """The heading and the first cell say where the price is."""

    def table(price: str) -> list[NewPassage]:
        rows = f"Country | Price\nSpain | €7\nFrance | {price}\nItaly | €9"
        return [NewPassage(headings=("Delivery", "Prices"), text=rows, kind="table")]

    assert differences_between(table("€8"), table("€8.50")) == (
        "price: €8 → €8.50 — Prices: France",
    )


def test_sections_that_come_and_go() -> None:
    """A section is added or removed; one whose heading changed is neither."""

    def section(heading: str, text: str) -> NewPassage:
        return NewPassage(headings=(heading,), text=text)

    first = section("Price", "A parcel costs five euros in every country that we know.")
    second = section("Islands", "Islands take a week more and need a ferry to get there.")
    third = section("Pick-up", "Collect your order at the shop in the old harbour.")
    assert differences_between([first, second], [first, third]) == (
        "section removed: Islands",
        "section added: Pick-up",
    )
    renamed = section("What it costs", first.text)
    assert differences_between([first], [renamed]) == ("heading: Price → What it costs",)


def test_what_is_only_moved_or_spaced_anew_is_no_difference() -> None:
    """Passages may be cut elsewhere, and prices written with other spaces."""
    one = [NewPassage(text="It costs 5 €.\nIt takes two days.")]
    two = [NewPassage(text="It costs 5\u00a0€."), NewPassage(text="It takes two days.")]
    assert differences_between(one, two) == ()


def test_a_rewrite_is_cut() -> None:
    """The last line says how many more there are."""
    old = [NewPassage(text="\n".join(f"Line {n} costs €{n}.00 today." for n in range(1, 80)))]
    new = [NewPassage(text="\n".join(f"Line {n} costs €{n}.50 today." for n in range(1, 80)))]
    found = differences_between(old, new)
    assert len(found) == 30
    assert found[-1] == "50 more differences"


@pytest.mark.parametrize(
    "difference",
    [
        Difference(what="price", before="€4.90", after="€5.90", place="Prices: Spain"),
        Difference(what="time", before="30 days", after="14 days"),
        Difference(what="section", after="Pick-up"),
        Difference(what="link", before="https://a.example/x"),
    ],
)
def test_a_difference_is_read_as_it_was_written(difference: Difference) -> None:
    """The desk reads figures out of stored differences."""
    assert parse_difference(str(difference)) == difference


def test_figures_are_of_one_kind_each() -> None:
    """A price is not also a number, nor a date an hour."""
    text = "From 3 May 2026, 9:00, it costs €4.90 (10 % off) for 30 days: www.a.example/x"
    assert [(f.kind, f.text) for f in figures_in(text)] == [
        ("date", "3 May 2026"),
        ("hour", "9:00"),
        ("price", "€4.90"),
        ("percentage", "10 %"),
        ("span", "30 days"),
        ("link", "www.a.example/x"),
    ]
