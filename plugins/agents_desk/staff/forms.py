"""What forms about people contain."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from gateway import WarmlineError
from plugins.agents_desk.guard import safe_target
from plugins.agents_desk.staff import shifts
from plugins.agents_desk.staff.values import Shift, StaffProfile

MOST_UNITS = 200
MOST_NAMES = 40
LONGEST_NAME = 40


def texts(fields: Mapping[str, object]) -> dict[str, str]:
    """The text fields of a form."""
    return {name: value for name, value in fields.items() if isinstance(value, str)}


def back(fields: Mapping[str, str]) -> str:
    """The page of the desk that the form was on."""
    target = safe_target(fields.get("next", ""))
    return "/desk" if urlsplit(target).path.startswith("/desk/me/") else target


def week_rows(profile: StaffProfile) -> list[tuple[str, str, str]]:
    """For each day the key, the name and the shifts as text."""
    return [
        (str(day), name, shifts.shifts_text(profile.week.get(str(day), ())))
        for day, name in enumerate(shifts.DAY_NAMES)
    ]


def profile_of(fields: Mapping[str, str], before: StaffProfile) -> StaffProfile:
    """``before`` with what a lead wrote. Raises WarmlineError with what cannot be read."""
    week: dict[str, tuple[Shift, ...]] = {}
    for day in range(len(shifts.DAY_NAMES)):
        if read := shifts.read_shifts(fields.get(f"day{day}", "")):
            week[str(day)] = read
    return before.replace(
        languages=tuple(_language(code) for code in names(fields.get("languages", ""))),
        skills=names(fields.get("skills", "")),
        capacity=_number(fields.get("capacity", ""), "the capacity"),
        most={
            channel: _number(text, f"the most on {channel}")
            for key, text in fields.items()
            if key.startswith("most.") and text.strip() and (channel := key.partition(".")[2])
        },
        timezone=shifts.read_timezone(fields.get("timezone", "").strip() or "UTC"),
        week=week,
        exceptions=shifts.read_exceptions(fields.get("exceptions", "")),
    )


def names(text: str) -> tuple[str, ...]:
    """Names that are separated by commas, each once."""
    found = (part.strip()[:LONGEST_NAME] for part in text.split(","))
    return tuple(dict.fromkeys(name for name in found if name))[:MOST_NAMES]


def _language(code: str) -> str:
    folded = code.casefold()
    if len(folded) != 2 or not (folded.isascii() and folded.isalpha()):
        raise WarmlineError(f"“{code}” is no code of a language; write two letters, such as de")
    return folded


def _number(text: str, what: str) -> int:
    text = text.strip()
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 5 else -1
    if not 0 <= number <= MOST_UNITS:
        raise WarmlineError(f"{what} must be a number from 0 to {MOST_UNITS}")
    return number
