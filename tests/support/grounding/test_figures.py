"""Figures: what counts as the same, and what does not."""

from __future__ import annotations

import pytest

from gateway.support.grounding import figures_in, unsupported_figures


def says(source: str, sentence: str) -> bool:
    """Whether ``source`` has every figure of ``sentence``."""
    return not unsupported_figures(figures_in(sentence), figures_in(source))


@pytest.mark.parametrize(("source", "sentence"), [
    ("within 14 days", "You have two weeks."), ("in zwei Wochen", "14 Tage"),
    ("deux semaines", "quatorze jours"), ("dos semanas", "catorce días"),
    ("one year", "12 months"), ("ein Jahr", "un an"), ("90 minutes", "1.5 hours"),
    ("3 to 5 working days", "3-5 business days"), ("3 bis 5 Werktage", "entre 3 y 5 días hábiles"),
    ("€4.90", "4,90 Euro"), ("EUR 1,200.50", "1.200,50 €"), ("£18 a month", "18 pounds per month"),
    ("10 %", "10 percent"), ("for orders of €60 or more", "at least 60 euros"),
    ("ab einem Bestellwert von 60 €", "à partir de 60 € de commande"),
    ("9 am to 5 pm", "von 9 bis 17 Uhr"), ("de 10 h à 18 h", "between 10:00 and 18:00"),
    ("on 26 December", "am 26.12."), ("December 26th", "le 26/12"), ("26. Dezember", "26 décembre"),
    ("2026-03-05", "5 March 2026"), ("up to 3 months", "at most three months"),
    ("jusqu'à 3 mois", "bis zu 3 Monate"), ("1.5 kg", "1500 g"), ("a week", "7 Tage"),
])  # fmt: skip
def test_two_ways_to_write_a_figure_are_equal(source: str, sentence: str) -> None:
    """Units, formats and languages are folded."""
    assert says(source, sentence)


@pytest.mark.parametrize(("source", "sentence"), [
    ("14 days", "14 working days"), ("a month", "30 days"), ("one day", "24 hours"),
    ("€4.90", "$4.90"), ("€4.90", "CHF 4.90"), ("€4.90", "4.90"), ("4.90", "€4.90"),
    ("3 to 5 days", "3 days"), ("3 to 5 days", "4 days"), ("up to €60", "from €60"),
    ("ab 60 €", "bis zu 60 €"), ("at least 7 days before", "at most 7 days before"),
    ("within 14 days", "after 14 days"), ("10 %", "10 €"), ("9 am", "9 pm"),
    ("not more than 6 days", "more than 6 days"),
    ("26 December", "26 November"), ("5 March 2026", "5 March 2027"), ("1.200 €", "1,20 €"),
    ("two bags", "three bags"), ("1,5 kg", "15 kg"),
])  # fmt: skip
def test_what_may_differ_is_not_folded(source: str, sentence: str) -> None:
    """A month may have 31 days, 24 hours end at another hour, one currency is not another."""
    assert not says(source, sentence)


@pytest.mark.parametrize("text", [
    "a parcel", "once the order has left", "un article neuf", "write to help2@shop.example",
])  # fmt: skip
def test_an_article_is_no_figure(text: str) -> None:
    """Nor are words that mean a number elsewhere."""
    from gateway.support.grounding.comparing import blank_names  # noqa: PLC0415

    assert figures_in(blank_names(text)) == ()
