"""What to write in place of a wrong value: guesses, each tried before anybody reads it.

A guess is made from what was written (``9-17``, ``0,55``, ``ja``, ``25.12.2026``). It is suggested
only if the file would be right there with it, so a suggestion is never as wrong as the value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from functools import cache
from types import UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.settings.word_forms import nearest

M = TypeVar("M", bound=BaseModel)

Loc = tuple[int | str, ...]
"""Keys and indices from the root of a file to a value, as pydantic has them."""
KEY = "[key]"
"""What pydantic adds to the place of a mapping's key that is wrong."""
LONGEST = 200
"""Characters of a value from which a guess is made."""
COLOURS = {
    "black": "#000000", "white": "#ffffff", "red": "#ff0000", "green": "#008000",
    "blue": "#0000ff", "yellow": "#ffff00", "orange": "#ffa500", "purple": "#800080",
    "grey": "#808080", "gray": "#808080", "navy": "#000080", "teal": "#008080",
    "maroon": "#800000", "olive": "#808000", "silver": "#c0c0c0", "pink": "#ffc0cb",
    "brown": "#a52a2a", "schwarz": "#000000", "rot": "#ff0000", "grün": "#008000",
    "blau": "#0000ff", "noir": "#000000", "rouge": "#ff0000", "vert": "#008000",
    "bleu": "#0000ff", "rojo": "#ff0000", "verde": "#008000", "azul": "#0000ff",
}  # fmt: skip
"""Names of colours, by CSS Color Module Level 4, section 6.1, and in other languages."""
FIRST_MORNING = "06:00"
"""From this time on `9 to 5` is a day: an earlier one may be a night."""
_CLOCK = r"(\d{1,2})(?:\s*(?:[:.h]|uhr)\s*(\d{2}))?\s*(?:uhr|h|o'clock)?\s*(am|pm|a\.m\.|p\.m\.)?"
_SPAN = re.compile(
    rf"{_CLOCK}\s*(?:-|–|—|−|to|till|until|bis|à|a|al|hasta|tot)\s*{_CLOCK}", re.IGNORECASE
)
_NUMBER = re.compile(r"[-+]?\d+(?:[.,]\d+)?")
_DATE = re.compile(r"(\d{1,4})\s*[./-]\s*(\d{1,2})\s*[./-]\s*(\d{1,4})")
_ENDLESS = re.compile(r"(?<!\\)[*+]")


class Correction(NamedTuple):
    """What to write, as YAML, and the tree with it."""

    text: str
    tree: Any


def correction(model: type[BaseModel], tree: Any, error: ErrorDetails) -> Correction | None:
    """What to write at the place of ``error``; None: there is no good guess.

    ``tree`` is what ``model`` refused. A secret is never repeated.
    """
    loc = error["loc"]
    if error["type"] == "extra_forbidden":
        meant = meant_key(model, loc, tree)
        renamed = _renamed(tree, loc, meant) if meant else None
        return Correction(meant, renamed) if meant and renamed is not None else None
    if loc and loc[-1] == KEY:
        return _right_key(model, tree, loc[:-1], error)
    written = written_at(tree, loc)
    if isinstance(written, Mapping) or _is_secret(model, loc):
        return None
    for guess in _guesses(written, error, loc):
        if guess == written:
            continue
        changed = replaced(tree, loc, guess)
        if _fits(model, changed, loc):
            name = next((part for part in reversed(loc) if isinstance(part, str)), "")
            listed = isinstance(loc[-1], int) and is_listed(tree, loc)
            shown = as_yaml(guess)
            return Correction(shown if listed or not name else f"{name}: {shown}", changed)
    return None


def _right_key(
    model: type[BaseModel], tree: Any, loc: Loc, error: ErrorDetails
) -> Correction | None:
    written = str(loc[-1])
    for guess in (
        nearest(written, _options(error)),
        nearest(written, LANGUAGES),
        _as_name(written),
    ):
        if guess is None or guess == written:
            continue
        renamed = _renamed(tree, loc, guess)
        if renamed is not None and _fits(model, renamed, (*loc[:-1], guess, KEY)):
            return Correction(guess, renamed)
    return None


LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr", "ar", "ja")
"""Languages whose names people write in place of their codes (ISO 639-1)."""
MOST_MENDED = 60
"""Mistakes after which a file is no longer read as it was meant: each costs a validation."""


def as_meant(model: type[M], tree: Mapping[str, Any]) -> M | None:
    """``tree`` as a ``model``, with its mistakes corrected where that is possible and else left
    out; None: what is left is no model."""
    return _mend(model, tree)[0]


def later_mistakes(model: type[BaseModel], tree: Any) -> list[ErrorDetails]:
    """Mistakes that pydantic finds only where there are no others: those of whole models."""
    return _mend(model, tree)[1]


def _mend(model: type[M], tree: Any) -> tuple[M | None, list[ErrorDetails]]:
    """``tree`` as a ``model``, as it was meant, and the mistakes that showed on the way."""
    first: set[tuple[Loc, str]] | None = None
    later: dict[tuple[Loc, str], ErrorDetails] = {}
    removed: list[Loc] = []
    for _ in range(MOST_MENDED):
        try:
            return model.model_validate(tree), list(later.values())
        except ValidationError as refused:
            errors = refused.errors(include_url=False)
        found = {(each["loc"], each["msg"]): each for each in errors}
        first = set(found) if first is None else first
        later |= {
            place: each
            for place, each in found.items()
            if place not in first and _is_its_own(each, removed)
        }
        # A value that is missing may stand under an unknown key.
        error = next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])
        mended = correction(model, tree, error)
        if mended is None:
            removed.append(error["loc"])
        tree = mended.tree if mended else _without(tree, error)
        if not isinstance(tree, Mapping):
            break
    return None, list(later.values())


def _is_its_own(error: ErrorDetails, removed: Sequence[Loc]) -> bool:
    """Whether ``error`` is a mistake of a whole model that does not come from what was removed."""
    if error["type"] != "value_error":
        return False
    named = NAMED_KEY.search(error["msg"])
    at = (*error["loc"], *(named[1].split(".") if named else ()))
    return not any(loc[: len(at)] == at for loc in removed)


NAMED_KEY = re.compile(r"`([\w.-]+)`: (.+)", re.DOTALL)
"""How a check of a whole model names the key that it is about, and what is wrong."""


def _without(tree: Any, error: ErrorDetails) -> Any:
    """A copy of ``tree`` without what is wrong; for a missing value, without what lacks it."""
    loc = error["loc"]
    if error["type"] == "missing" or not loc:
        loc = loc[:-1]
    while loc and not _has(tree, loc):
        loc = loc[:-1]
    if not loc:
        return None
    parent = written_at(tree, loc[:-1])
    if isinstance(parent, Mapping):
        return replaced(tree, loc[:-1], {key: v for key, v in parent.items() if key != loc[-1]})
    rest = [item for index, item in enumerate(parent) if index != loc[-1]]
    return replaced(tree, loc[:-1], rest)


def _has(tree: Any, loc: Loc) -> bool:
    for part in loc:
        listed = isinstance(tree, list) and part in range(len(tree))
        if not listed and not (isinstance(tree, Mapping) and part in tree):
            return False
        tree = tree[part]
    return True


def _fits(model: type[BaseModel], tree: Any, loc: Loc) -> bool:
    """Whether ``tree`` has no mistake at ``loc`` or below it."""
    try:
        model.model_validate(tree)
    except ValidationError as refused:
        found = refused.errors(include_url=False, include_input=False, include_context=False)
        depth = len(loc)
        return not any(each["loc"][:depth] == loc or loc[: len(each["loc"])] == each["loc"]
                       for each in found if each["loc"])  # fmt: skip
    return True


# -- guesses -------------------------------------------------------------------------------------


def _guesses(written: Any, error: ErrorDetails, loc: Loc) -> Iterator[Any]:
    """What somebody may have meant by ``written``, the likeliest first."""
    kind, text = error["type"], "" if written is None else str(written).strip()
    if len(text) > LONGEST:
        return
    options = _options(error)
    if options and (near := nearest(text, options)) is not None:
        yield near
    if kind.startswith("bool"):
        meant = nearest(text, ("true", "false"))
        yield from () if meant is None else (meant == "true",)
    yield from _numbers(text)
    if kind == "string_type" and isinstance(written, bool | int | float | date):
        yield _word_of(written)
    if kind.endswith("_type") and kind.split("_")[0] in ("tuple", "list", "set", "frozen"):
        yield [written]
    yield from _texts(text)
    if opening := spans_in(text):
        yield opening[0] if len(opening) == 1 else opening
    if nearest(text, ("closed",)):
        yield "closed"
    yield from dates_in(text)
    yield from _zones(text) if "zone" in str(loc[-1:]) else ()


def _texts(text: str) -> Iterator[str]:
    """Other ways to write a text that has a form: a URL, an origin, a colour, a code, a name."""
    bare = text.strip("\"'“”„‘’<> ")
    if not bare or "\n" in bare:
        return
    if bare != text:
        yield bare
    if (at := re.sub(r"\s*(?:[(\[]at[)\]]|\bat\b)\s*", "@", bare)) != bare and "." in at:
        yield at
    if _ENDLESS.search(bare):
        yield re.sub(r"(?<!\\)\*", "{0,8}", re.sub(r"(?<!\\)\+", "{1,8}", bare))
        return
    yield from _urls(bare)
    yield from _colours(bare)
    if (code := nearest(bare, LANGUAGES)) is not None:
        yield code
    yield from (bare.casefold(), bare.capitalize(), bare.replace(" ", ""))


def _colours(text: str) -> Iterator[str]:
    if text.casefold() in COLOURS:
        yield COLOURS[text.casefold()]
    if re.fullmatch(r"#?[0-9a-fA-F]{6}", text):
        yield f"#{text.lstrip('#')}"
    if re.fullmatch(r"#[0-9a-fA-F]{3}", text):
        yield "#" + "".join(digit * 2 for digit in text[1:])


def _urls(text: str) -> Iterator[str]:
    if "://" not in text and "." in text and " " not in text:
        yield f"https://{text.lstrip('/')}"
        yield f"https://{text.lstrip('/').partition('/')[0]}"
    yield from _origins(text)


def _origins(text: str) -> Iterator[str]:
    try:
        parts = urlsplit(text)
        if parts.scheme and parts.hostname:
            port = f":{parts.port}" if parts.port else ""
            yield f"{parts.scheme.lower()}://{parts.hostname}{port}"
            yield f"https://{parts.hostname}{port}"
    except ValueError:
        return


def _numbers(text: str) -> Iterator[int | float]:
    """The number in ``30 days``, ``0,55`` or ``55 %``; of a percentage first its share of 1."""
    found = _NUMBER.search(text)
    if found is None:
        return
    number = float(found[0].replace(",", "."))
    if "%" in text or 1 < number <= 100:
        yield round(number / 100, 6) if "%" in text else int(number) if number % 1 == 0 else number
        yield round(number / 100, 6)
    yield int(number) if number % 1 == 0 else number


def _word_of(value: bool | float | date) -> str:
    """A text that YAML took for something else."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def spans_in(text: str) -> list[str]:
    """The opening times in ``text`` (``9-17``, ``9am to 5pm``, ``9 bis 12, 13 bis 17 Uhr``), as
    files have them: ``09:00-17:00``."""
    spans = []
    for found in _SPAN.finditer(text):
        start, end = _clock(*found.group(1, 2, 3)), _clock(*found.group(4, 5, 6))
        if start is None or end is None:
            return []
        if end <= start and found[6] is None and end <= "12:00":
            later = f"{int(end[:2]) + 12:02}{end[2:]}"  # `9 to 5` ends in the afternoon
            end = later if FIRST_MORNING <= start < later else end
        if end <= start:  # a night, which is two spans of two days
            return []
        spans.append(f"{start}-{end}")
    return spans


def _clock(hour: str, minute: str | None, half: str | None) -> str | None:
    hours = int(hour)
    if half is not None:
        hours = hours % 12 + (12 if half[0].casefold() == "p" else 0)
    minutes = int(minute or 0)
    return f"{hours:02}:{minutes:02}" if hours <= 24 and minutes < 60 else None


def dates_in(text: str) -> list[str]:
    """The date in ``text`` as files have it; two where day and month may be either."""
    found = _DATE.search(text)
    if found is None:
        return []
    first, second, third = (int(part) for part in found.groups())
    if len(found[1]) == 4:
        orders = [(first, second, third), (first, third, second)]
    else:
        year = third if third > 99 else 2000 + third
        orders = [(year, second, first), (year, first, second)]
    readable = []
    for order in orders:
        try:
            readable.append(date(*order).isoformat())
        except ValueError:
            continue
    return list(dict.fromkeys(readable))


@cache
def _zone_cities() -> Mapping[str, str]:
    return {
        name.rpartition("/")[2].casefold().replace("_", " "): name
        for name in sorted(available_timezones())
        if "/" in name and not name.startswith(("Etc/", "posix/", "right/", "SystemV/"))
    }


def _zones(text: str) -> Iterator[str]:
    """The time zone of a city (``Berlin``), or one written nearly right (``Europe/Berln``)."""
    cities = _zone_cities()
    if (near := nearest(text, available_timezones())) is not None and "/" in text:
        yield near
    city = nearest(text.rpartition("/")[2].replace("_", " "), cities)
    exact = text.rpartition("/")[2].replace("_", " ").casefold()
    yield from (cities[name] for name in (exact, city) if name and name in cities)
    if near is not None:
        yield near


def _as_name(text: str) -> str:
    """``text`` as a name in our files: small letters, digits and ``_``."""
    return re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")


def _options(error: ErrorDetails) -> Sequence[str]:
    """The words that pydantic would have accepted."""
    expected = str(error.get("ctx", {}).get("expected", ""))
    return re.findall(r"'([^']*)'", expected)


# -- trees ---------------------------------------------------------------------------------------


def written_at(tree: Any, loc: Loc) -> Any:
    """What stands at ``loc``, or at its nearest parent: a text stands for a list of one."""
    for part in loc:
        if isinstance(tree, Mapping) and part in tree:
            tree = tree[part]
        elif isinstance(tree, Sequence) and not isinstance(tree, str) and isinstance(part, int):
            tree = tree[part] if part < len(tree) else None
        else:
            return tree
    return tree


def is_listed(tree: Any, loc: Loc) -> bool:
    """Whether ``loc`` is an item of a list that was written as one."""
    return isinstance(written_at(tree, loc[:-1]), list)


def replaced(tree: Any, loc: Loc, value: Any) -> Any:
    """A copy of ``tree`` with ``value`` at ``loc``."""
    if not loc:
        return value
    first, *rest = loc
    if isinstance(tree, Mapping) and first in tree:
        return {**tree, first: replaced(tree[first], tuple(rest), value)}
    if isinstance(tree, list) and isinstance(first, int) and first < len(tree):
        return [
            replaced(item, tuple(rest), value) if index == first else item
            for index, item in enumerate(tree)
        ]
    return value


def _renamed(tree: Any, loc: Loc, name: str) -> Any:
    """A copy of ``tree`` in which the key at ``loc`` is ``name``; if there is one, that stays."""
    parent = written_at(tree, loc[:-1])
    if not isinstance(parent, Mapping):
        return None
    changed = {(name if key == loc[-1] else key): value for key, value in parent.items()}
    return replaced(tree, loc[:-1], {**changed, name: parent[name]} if name in parent else changed)


def _is_secret(model: type[BaseModel], loc: Loc) -> bool:
    """Whether a field on the way to ``loc`` holds a secret."""
    names = {str(part) for part in loc}
    return any("Secret" in str(field.annotation) for found in _models(model)
               for name, field in found.model_fields.items() if name in names)  # fmt: skip


@cache
def _models(model: type[BaseModel]) -> tuple[type[BaseModel], ...]:
    """``model`` and all models within it."""
    found: dict[type[BaseModel], None] = {}

    def add(kind: Any) -> None:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if kind not in found:
                found[kind] = None
                for field in kind.model_fields.values():
                    add(field.annotation)
            return
        for inner in getattr(kind, "__args__", ()):
            add(inner)

    add(model)
    return tuple(found)


models_within: Callable[[type[BaseModel]], tuple[type[BaseModel], ...]] = _models


def as_yaml(value: Any) -> str:
    """``value`` on one line, as people write it in YAML: texts quoted where they must be."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(as_yaml(item) for item in value)}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text_as_yaml(value) if isinstance(value, str) else str(value)


def _text_as_yaml(text: str) -> str:
    if "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return text  # a date, which YAML knows
    bare = re.fullmatch(r"[\w.@/-][\w .@/+-]*", text) and yaml.safe_load(text) == text
    return text if bare else json.dumps(text, ensure_ascii=False)


# -- models --------------------------------------------------------------------------------------


def known_keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def meant_key(model: type[BaseModel], loc: Loc, tree: Any) -> str | None:
    """The key that somebody most likely meant by the unknown one at ``loc``: first one that is
    not there yet."""
    known, written = known_keys(model_at(model, loc[:-1])), str(loc[-1])
    beside = written_at(tree, loc[:-1])
    taken = set(beside) if isinstance(beside, Mapping) else set()
    return nearest(written, known - taken) or nearest(written, known)


def model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel]:
    """The model nested in ``model`` at ``loc``, or its nearest parent."""
    kind: Any = model
    for part in loc:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            kind = field.annotation if field else None
        else:  # a key of a mapping or an index of a list
            kind = next((inner for inner in reversed(get_args(kind)) if inner is not ...), None)
        if isinstance(kind, UnionType) or get_origin(kind) is Union:  # X | None
            kind = get_args(kind)[0]
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            model = kind
    return model
