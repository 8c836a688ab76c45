"""When a document was last changed, as it tells itself."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lxml.html import HtmlElement

META = (
    "article:modified_time",
    "og:updated_time",
    "dateModified",
    "last-modified",
    "dcterms.modified",
    "dc.date.modified",
    "revised",
)
"""Names of metadata with the date of the last change, the surest first."""
SAYS_UPDATED = re.compile(
    r"""\b(?:last\s+(?:updated|modified|changed|edited|reviewed|revised)|updated(?:\s+(?:on|at))?|modified\s+on|
    (?:zuletzt|letztmals)\s+(?:aktualisiert|geändert|bearbeitet)|aktualisiert\s+am|letzte\s+(?:aktualisierung|änderung)|
    (?:mis\s+à\s+jour|dernière\s+(?:mise\s+à\s+jour|modification))(?:\s+le)?|modifié\s+le|
    (?:última\s+(?:actualización|modificación)|actualizado(?:\s+el)?)|
    (?:última\s+(?:atualização|modificação)|atualizado\s+em)|
    (?:ultimo\s+aggiornamento|aggiornato\s+il)|
    (?:laatst\s+(?:bijgewerkt|gewijzigd)|bijgewerkt\s+op)|
    (?:ostatnia\s+aktualizacja|zaktualizowano)|(?:senast\s+(?:uppdaterad|ändrad)|uppdaterad)|
    (?:son\s+güncelleme))\b|\b(?:stand|aktualisiert|updated)\s*:|最終更新(?:日)?|更新日|最后更新|آخر\s+تحديث""",
    re.IGNORECASE | re.VERBOSE,
)
"""Words before such a date."""
NEAR = 60
"""Characters after those words in which the date is looked for."""
MOST_DATE_WORDS = 10
_ISO = re.compile(r"\b((?:19|20)\d\d)-(\d{1,2})-(\d{1,2})")
_EAST = re.compile(r"((?:19|20)\d\d)\s*[年/.]\s*(\d{1,2})\s*[月/.]\s*(\d{1,2})")
_POINTS = re.compile(r"\b(\d{1,2})\.\s?(\d{1,2})\.\s?((?:19|20)\d\d)\b")
_SLASHES = re.compile(r"\b(\d{1,2})[/-](\d{1,2})[/-]((?:19|20)\d\d)\b")
_DAY_FIRST = re.compile(
    r"\b(\d{1,2})(?:st|nd|rd|th|er|º|\.)?\s+(?:de\s+)?([^\W\d_]{3,12})\.?,?\s+(?:de\s+)?((?:19|20)\d\d)\b"
)
_MONTH_FIRST = re.compile(
    r"\b([^\W\d_]{3,12})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+((?:19|20)\d\d)\b"
)
_MONTH_NAMES = (
    "january jan januar janvier enero ene janeiro gennaio gen januari stycznia styczeń ocak",
    "february feb februar février févr fevrier febrero fevereiro fev febbraio februari lutego luty şubat",
    "march mar märz maerz mrz mars marzo março marco maart mrt marca marzec mart",
    "april apr avril avr abril abr aprile kwietnia kwiecień nisan",
    "may mai mayo maio maggio mag mei maja maj mayıs",
    "june jun juni juin junio junho giugno giu czerwca czerwiec haziran",
    "july jul juli juillet juil julio julho luglio lug lipca lipiec temmuz",
    "august aug août aout agosto ago augustus augusti sierpnia sierpień ağustos",
    "september sep sept septembre septiembre setembro settembre set września wrzesień eylül",
    "october oct oktober okt octobre octubre outubro out ottobre ott października październik ekim",
    "november nov novembre noviembre novembro listopada listopad kasım",
    "december dec dezember dez décembre déc decembre diciembre dic dezembro dicembre grudnia grudzień aralık",
)
MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, 1) for name in names.split()}


def dates_of_page(page: HtmlElement) -> datetime | None:
    """When a page was last changed: by its metadata, its structured data, a ``time`` element or
    the words of a line such as "Last updated: 3 May 2026"."""
    for name in META:
        for found in page.xpath(
            "//meta[@property=$n or @name=$n or @itemprop=$n]/@content", n=name
        ):
            if moment := parse_date(str(found)):
                return moment
    return _of_structured_data(page) or _of_words(page)


def _of_structured_data(page: HtmlElement) -> datetime | None:
    """``dateModified`` of JSON-LD (https://schema.org/dateModified)."""
    for script in page.xpath("//script[@type='application/ld+json']"):
        text = script.text or ""
        if len(text) > 100_000:
            continue
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(found := _deep(value, "dateModified", 4), str) and (m := parse_date(found)):
            return m
    return None


def _deep(value: Any, key: str, depth: int) -> Any:
    if depth == 0:
        return None
    inner = (
        value
        if isinstance(value, list)
        else list(value.values())
        if isinstance(value, dict)
        else []
    )
    if isinstance(value, dict) and key in value:
        return value[key]
    return next((found for each in inner if (found := _deep(each, key, depth - 1))), None)


def _of_words(page: HtmlElement) -> datetime | None:
    for element in page.iter(
        "time", "p", "div", "span", "small", "li", "em", "footer", "td", "dd", "i"
    ):
        if element.tag == "time":
            around = " ".join(
                (element.getparent() if element.getparent() is not None else element)
                .text_content()
                .split()
            )
            if (len(around) < 200 and SAYS_UPDATED.search(around)) or "modif" in (
                element.get("itemprop") or ""
            ).lower():
                if moment := parse_date(element.get("datetime") or "") or parse_date(
                    element.text_content()
                ):
                    return moment
            continue
        if len(element) > 8:
            continue
        text = element.text_content()
        if len(text) > 400:
            continue
        if moment := updated_in(text):
            return moment
    return None


def updated_in(text: str) -> datetime | None:
    """The date after words such as "last updated", in a short text."""
    text = " ".join(text.split())
    for said in SAYS_UPDATED.finditer(text):
        if moment := parse_date(text[said.end() : said.end() + NEAR]):
            return moment
    return None


def is_date_line(text: str) -> bool:
    """Whether ``text`` says when the page was changed, and nothing else."""
    return len(text.split()) <= MOST_DATE_WORDS and updated_in(text) is not None


def parse_date(text: str) -> datetime | None:
    """A date in ISO 8601 or as people write it, at 00:00 UTC unless it has a time. ``3/4/2026`` can
    be read in two ways, and is not read; ``3.4.2026`` is 3 April everywhere that writes so."""
    text = " ".join(text.split())[:200]
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        pass
    else:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    if found := _ISO.search(text) or _EAST.search(text):
        return _date(found[1], found[2], found[3])
    if found := _POINTS.search(text):
        return _date(found[3], found[2], found[1])
    if found := _DAY_FIRST.search(text):
        return _date(found[3], MONTHS.get(found[2].lower(), 0), found[1])
    if found := _MONTH_FIRST.search(text):
        return _date(found[3], MONTHS.get(found[1].lower(), 0), found[2])
    if found := _SLASHES.search(text):
        first, second = int(found[1]), int(found[2])
        if first > 12:
            return _date(found[3], second, first)
        if second > 12 or first == second:
            return _date(found[3], first, second)
    return None


def _date(year: str | int, month: str | int, day: str | int) -> datetime | None:
    try:
        return datetime(int(year), int(month), int(day), tzinfo=UTC)
    except ValueError:
        return None
