"""Opening hours as a form, and the form as changes in the format of the team's files."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gateway import AdoptedChange, Json, KeyPath, SetValue
from plugins.lead_rooms.editing import RoomForm, listed

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
USUAL: dict[str, Json] = {"timezone": "UTC", "week": {}, "holidays": [], "exceptions": {}}
"""Where a form begins that was always open: with no hours at all."""
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})\b[:\s]*(.*)\Z")


def hours_path(brand: str) -> KeyPath:
    """Where the hours of ``brand`` are."""
    return ("brands", brand, "hours") if brand else ("hours",)


def hours_fields(hours: Json) -> dict[str, str]:
    """The fields of hours in force; None is always open."""
    tree = hours if isinstance(hours, dict) else USUAL
    week, dates = _mapping(tree.get("week")), _mapping(tree.get("exceptions"))
    fields = {f"week-{day}": _spans(week.get(day)) for day in DAYS}
    return fields | {
        "always": "" if isinstance(hours, dict) else "1",
        "timezone": str(tree.get("timezone") or "UTC"),
        "holidays": "\n".join(map(str, _items(tree.get("holidays")))),
        "exceptions": "\n".join(
            f"{date} {_spans(spans) or 'closed'}" for date, spans in dates.items()
        ),
    }


def hours_changes(brand: str, hours: Json, form: RoomForm) -> list[AdoptedChange]:
    """What the form changes; mistakes are noted in it."""
    at = hours_path(brand)
    if form.value("always"):
        return [SetValue(at=at, value=None)] if form.changed("always") else []
    holidays = [line.split()[0] for line in listed(form.value("holidays"))]
    exceptions = _exceptions(form)
    if not isinstance(hours, dict):  # from now on there are hours: say them whole
        if not form.changed("always"):
            return []
        week: dict[str, Json] = {day: _parsed(form.value(f"week-{day}")) for day in DAYS}
        whole: dict[str, Json] = {"timezone": form.value("timezone") or "UTC", "week": week}
        whole["holidays"] = list(holidays)
        return [SetValue(at=at, value=whole | ({"exceptions": exceptions} if exceptions else {}))]
    changes: list[AdoptedChange] = [
        SetValue(at=(*at, "week", day), value=_parsed(form.value(f"week-{day}")))
        for day in DAYS
        if form.changed(f"week-{day}")
    ]
    if form.changed("timezone"):
        changes.append(SetValue(at=(*at, "timezone"), value=form.value("timezone")))
    if form.changed("holidays"):
        changes.append(SetValue(at=(*at, "holidays"), value=list(holidays)))
    if form.changed("exceptions"):
        known = _mapping(hours.get("exceptions"))
        changes += [
            SetValue(at=(*at, "exceptions", date), value=exceptions.get(date))
            for date in sorted({*known, *exceptions})
            if exceptions.get(date) != known.get(date)
        ]
    return changes


def field_of(key: str) -> str:
    """The field of the form that a problem's key is about."""
    part, _, rest = key.removeprefix("hours").lstrip(".").partition(".")
    if part == "week":
        return f"week-{rest.partition('.')[0]}"
    return part if part in ("timezone", "holidays", "exceptions") else ""


def _exceptions(form: RoomForm) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for line in listed(form.value("exceptions")):
        match = _DATE.fullmatch(line)
        if match is None:
            form.say("exceptions", f"`{line[:40]}` is no date; write `2026-12-24 09:00-12:00`")
            continue
        found[match[1]] = _parsed(match[2])
    return found


def _parsed(text: str) -> list[Json]:
    """``09:00-12:30, 14:00-18:00`` as spans; nothing or ``closed`` is none."""
    plain = text.replace("–", "-").strip()
    if plain.casefold() in ("", "closed"):
        return []
    return [span.strip() for span in re.split(r"[,;]|\band\b", plain) if span.strip()]


def _spans(value: Json) -> str:
    return ", ".join(map(str, _items(value)))


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, dict) else {}
