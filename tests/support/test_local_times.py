"""Dates and opening hours as customers read them."""

from __future__ import annotations

from datetime import date

import pytest

from gateway import HOURS_LANGUAGES, OpeningTimes, format_date, hours_in_words, joined_hours

DAY = ("09:00-17:00",)
WEEK = (*[DAY] * 5, ("10:00-12:00", "13:00-14:00"), ())
NEW_YEAR = ((date(2026, 12, 31), ()), (date(2027, 1, 1), ()))


def said(language: str, times: OpeningTimes) -> str:
    return joined_hours(hours_in_words(times, language), language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Monday to Friday, 09:00 to 17:00; Saturday, 10:00 to 12:00 and 13:00 to 14:00"),
        ("de", "Montag bis Freitag, 09:00–17:00 Uhr; Samstag, 10:00–12:00 Uhr und 13:00–14:00 Uhr"),
        ("fr", "du lundi au vendredi, 09:00–17:00 ; samedi, 10:00–12:00 et 13:00–14:00"),
        ("es", "de lunes a viernes, 09:00–17:00; sábado, 10:00–12:00 y 13:00–14:00"),
        ("it", "lunedì–venerdì, 09:00–17:00; sabato, 10:00–12:00 e 13:00–14:00"),
        ("pt", "de segunda-feira a sexta-feira, 09:00–17:00; sábado, 10:00–12:00 e 13:00–14:00"),
        (
            "nl",
            "maandag tot en met vrijdag, 09:00–17:00 uur; zaterdag, 10:00–12:00 uur en 13:00–14:00 uur",  # noqa: E501
        ),
        ("pl", "poniedziałek–piątek, 09:00–17:00; sobota, 10:00–12:00 i 13:00–14:00"),
        ("sv", "måndag–fredag, 09:00–17:00; lördag, 10:00–12:00 och 13:00–14:00"),
        ("tr", "Pazartesi–Cuma, 09:00–17:00; Cumartesi, 10:00–12:00 ve 13:00–14:00"),
        (
            "ar",
            "من الإثنين إلى الجمعة، من 09:00 إلى 17:00؛ السبت، من 10:00 إلى 12:00 ومن 13:00 إلى 14:00",  # noqa: E501
        ),
        ("ja", "月曜日～金曜日 09:00～17:00、土曜日 10:00～12:00と13:00～14:00"),
    ],
)
def test_days_with_the_same_times_are_one_span(language: str, text: str) -> None:
    assert said(language, OpeningTimes(week=WEEK)) == text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "every day, 09:00 to 17:00; 31 December to 1 January: closed"),
        ("de", "täglich, 09:00–17:00 Uhr; 31. Dezember bis 1. Januar: geschlossen"),
        ("fr", "tous les jours, 09:00–17:00 ; du 31 décembre au 1er janvier : fermé"),
        ("es", "todos los días, 09:00–17:00; del 31 de diciembre al 1 de enero: cerrado"),
        ("pt", "todos os dias, 09:00–17:00; de 31 de dezembro a 1 de janeiro: fechado"),
        ("pl", "codziennie, 09:00–17:00; 31 grudnia – 1 stycznia: nieczynne"),
        ("ja", "毎日 09:00～17:00、12月31日～1月1日：休業"),
    ],
)
def test_dates_that_differ_are_named(language: str, text: str) -> None:
    """Those in a row with the same hours as one."""
    assert said(language, OpeningTimes(week=(DAY,) * 7, dates=NEW_YEAR)) == text


def test_a_date_may_have_hours_of_its_own() -> None:
    dates = ((date(2026, 12, 24), ("09:00-12:00",)), *NEW_YEAR)
    parts = hours_in_words(OpeningTimes(week=(DAY,) * 7, dates=dates), "en")
    assert parts[1:] == ("24 December: 09:00 to 12:00", "31 December to 1 January: closed")


def test_every_language_says_something_of_its_own() -> None:
    """The week, a range of dates and a closed day: no two languages say all of it alike."""
    times = OpeningTimes(week=WEEK, dates=NEW_YEAR)
    assert len({said(code, times) for code in HOURS_LANGUAGES}) == len(HOURS_LANGUAGES) == 12


@pytest.mark.parametrize(
    ("language", "times"), [("fi", OpeningTimes(week=WEEK)), ("en", OpeningTimes(week=((),) * 7))]
)
def test_nothing_is_said_where_there_is_nothing_to_say(language: str, times: OpeningTimes) -> None:
    """The language has no words; nobody is ever there."""
    assert hours_in_words(times, language) == ()


@pytest.mark.parametrize(
    ("language", "text"),
    [("en", "25 May"), ("pl", "25 maja"), ("pt", "25 maio"), ("tr", "25 Mayıs"), ("de", "25 Mai")],
)
def test_a_date_has_the_form_that_dates_have(language: str, text: str) -> None:
    """Polish months are in the genitive, Portuguese ones small."""
    assert format_date(date(2026, 5, 25), "D MMMM", language) == text
