"""What pydantic finds wrong in a file, in words for the people who wrote it: what is wrong, and
what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.settings.corrections import (
    KEY,
    NAMED_KEY,
    Correction,
    Loc,
    correction,
    known_keys,
    later_mistakes,
    meant_key,
    model_at,
    models_within,
    written_at,
)
from gateway.settings.word_forms import nearest

SHAPES = ("must be a list", "must be a mapping")
"""What is wrong with a value of another shape."""
_NUMBER = ("is not a number", "write digits alone, with a dot before decimals")
_PLAIN_WORDS: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("tuple_type", "list_type", "set_type", "frozen_set_type"),
        ("must be a list", "write `[one, two]`, or a line `- one` for each item below it"),
    ),
    **dict.fromkeys(
        ("model_type", "model_attributes_type", "dict_type"),
        ("must be a mapping", "write `name: value` below it"),
    ),
    "bool": ("is neither true nor false", "write `true` or `false`"),
    "int_from_float": ("is not a whole number", "write it without a fraction"),
    "int_": _NUMBER,
    "float_": _NUMBER,
    "date": ("is no date", "write it as `2026-12-25`: year, month, day"),
    "string_type": ("must be a text", "put it in quotes"),
}
"""The beginnings of pydantic's kinds of errors whose messages are about Python, and ours: what is
wrong, and what to do."""
_LIMITS = {
    "less_than_equal": ("le", "at most"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "greater_than": ("gt", "above"),
}
MOST_CORRECTED = 60
"""Mistakes of one file for which a correction is tried: each validates the file again."""


def validation_mistakes(
    model: type[BaseModel], tree: Any, error: ValidationError, *, missing: str
) -> Iterator[tuple[str, str]]:
    """The key, with dots, and the message of each mistake in ``tree``, which ``model`` refused
    with ``error``. ``missing`` is the message for a missing value."""
    errors = [*error.errors(include_url=False), *later_mistakes(model, tree)]
    meant = {
        (*one["loc"][:-1], meant_key(model, one["loc"], tree))
        for one in errors
        if one["type"] == "extra_forbidden"
    }
    for number, one in enumerate(errors):
        loc = one["loc"]
        key = ".".join(str(part) for part in loc if part != KEY)
        if one["type"] == "extra_forbidden":
            yield key, _unknown_key(model, loc, tree)
        elif one["type"] != "missing":
            better = correction(model, tree, one) if number < MOST_CORRECTED else None
            yield _told(key, one, written_at(tree, loc), better)
        elif loc not in meant:  # else it is there, under the unknown key
            yield key, missing


def _told(
    key: str, error: ErrorDetails, written: Any, better: Correction | None
) -> tuple[str, str]:
    """The key and the message of a wrong value."""
    what, advice = _words(error, written)
    if error["type"] == "value_error" and (named := NAMED_KEY.fullmatch(what)):
        key, what = f"{key}.{named[1]}".lstrip("."), named[2]
    elif better is not None:
        of_key = error["loc"][-1] == KEY
        advice = f"did you mean `{better.text}`?" if of_key else f"write `{better.text}`"
    return key, f"{what}; {advice}"


def _words(error: ErrorDetails, written: Any) -> tuple[str, str]:
    """What is wrong, and what to do when there is no better advice."""
    kind, message = error["type"], error["msg"]
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "value_error":
        what, _, advice = message.removeprefix("Value error, ").partition("; ")
        return what, advice or "change the value"
    if plain := next((words for at, words in _PLAIN_WORDS.items() if kind.startswith(at)), None):
        return plain
    if kind in _LIMITS:
        name, limit = _LIMITS[kind]
        return f"must be {limit} {context[name]:g}", "change the number"
    what, advice = f"{message[0].lower()}{message[1:]}", "change the value"
    if kind == "literal_error":
        what, advice = f"is none of {_one_of(str(context['expected']))}", "choose one of these"
    elif kind == "string_pattern_mismatch":
        what, advice = _form(str(context["pattern"])), "change it"
    elif kind.endswith("_too_short") and not written:
        what, advice = "is empty", "write something, or remove the key"
    return what, advice


def _one_of(expected: str) -> str:
    return re.sub(r"'([^']*)'", r"`\1`", expected)


def _form(pattern: str) -> str:
    """What a text must look like, for the patterns that our files use."""
    if pattern in (r"^[a-z]{2}$", r"^[a-z]{2,3}$", r"^([a-z]{2,3}|\*)$"):
        return "is no language code: two small letters such as `en` or `de` (ISO 639-1)"
    if "[0-9a-fA-F]{6}" in pattern:
        return 'is no colour such as `"#1f5f6b"`, in quotes'
    if pattern.startswith("^[a-z][a-z0-9_]"):
        return "is no name: small letters, digits and `_`, beginning with a letter"
    return f"does not have the form `{pattern}`"


def _unknown_key(model: type[BaseModel], loc: Loc, tree: Any) -> str:
    near, written = model_at(model, loc[:-1]), str(loc[-1])
    if (meant := meant_key(model, loc, tree)) is not None:
        best = nearest(written, known_keys(near))
        if best is not None and best != meant:
            return f"unknown key; did you mean `{best}`? It is there already, so join the two"
        field = next(f for name, f in near.model_fields.items() if meant in (name, f.alias))
        what = f": {field.description}" if field.description else ""
        return f"unknown key; did you mean `{meant}`{what}?"
    if (place := _belongs(model, written)) is not None:
        return f"unknown key here; `{written}` belongs below `{place}`, so check the indentation"
    return f"unknown key; known keys are {', '.join(sorted(known_keys(near)))}"


def _belongs(model: type[BaseModel], name: str) -> str | None:
    """The only place in ``model`` that has the key ``name``, as a path; None: none, or several."""
    found: list[str] = []

    def look(kind: Any, path: str, depth: int) -> None:
        if depth > 4:  # deeper than any of our files
            return
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            for key, field in kind.model_fields.items():
                if key == name and path:
                    found.append(path)
                look(field.annotation, f"{path}.{key}".lstrip("."), depth + 1)
            return
        by_name = isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Mapping)
        for inner in get_args(kind)[-1 if by_name else 0 :]:
            if any(name in each.model_fields for each in _reachable(inner)):
                look(inner, f"{path}.NAME" if by_name else path, depth)

    look(model, "", 0)
    return found[0] if len(set(found)) == 1 else None


def _reachable(kind: Any) -> tuple[type[BaseModel], ...]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return models_within(kind)
    return tuple(model for inner in get_args(kind) for model in _reachable(inner))
