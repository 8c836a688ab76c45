"""What pydantic finds wrong in a file, in words for the people who wrote it: what is wrong, and
what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gateway.settings.corrections import KEY, Loc, correction, models_within, written_at
from gateway.settings.word_forms import nearest

LIST = "must be a list: `[one, two]`, or a line `- one` for each item below it"
MAPPING = "must be a mapping; write `name: value` below it"
_SHAPES = {
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), LIST),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), MAPPING),
}
"""Kinds of pydantic's errors whose messages are about Python types rather than YAML."""
_LIMITS = {"le": "at most", "ge": "at least", "lt": "below", "gt": "above"}
_LIMIT_KINDS = ("less_than", "less_than_equal", "greater_than", "greater_than_equal")
_NAMED_KEY = re.compile(r"`([\w.-]+)`: (.+)", re.DOTALL)
"""How a check of a whole model names the key that it is about."""
MOST_CORRECTED = 60
"""Mistakes of one file for which a correction is tried: each validates the file again."""


def validation_mistakes(
    model: type[BaseModel], tree: Any, error: ValidationError, *, missing: str
) -> Iterator[tuple[str, str]]:
    """The key, with dots, and the message of each mistake in ``tree``, which ``model`` refused
    with ``error``. ``missing`` is the message for a missing value."""
    errors = error.errors(include_url=False)
    meant = {
        (*one["loc"][:-1], _meant_key(model, one["loc"], tree))
        for one in errors
        if one["type"] == "extra_forbidden"
    }
    for number, one in enumerate(errors):
        loc = one["loc"]
        if one["type"] == "missing" and loc in meant:
            continue  # it is there, under the unknown key
        key = ".".join(str(part) for part in loc if part != KEY)
        if one["type"] == "missing":
            yield key, missing
            continue
        if one["type"] == "extra_forbidden":
            yield key, _unknown_key(model, loc, tree)
            continue
        what, advice = _words(one, written_at(tree, loc))
        if one["type"] == "value_error" and (named := _NAMED_KEY.fullmatch(what)):
            key = f"{key}.{named[1]}".lstrip(".")
            yield key, named[2] if not advice else f"{named[2]}; {advice}"
            continue
        better = correction(model, tree, one) if number < MOST_CORRECTED else None
        if better is not None:
            advice = f"did you mean `{better.text}`?" if loc[-1] == KEY else f"write `{better.text}`"
        yield key, f"{what}; {advice}" if advice else what


def _words(error: ErrorDetails, written: Any) -> tuple[str, str]:
    """What is wrong, and what to do when there is no better advice."""
    kind, message, context = error["type"], error["msg"], error.get("ctx", {})
    if kind == "value_error":
        what, _, advice = message.removeprefix("Value error, ").partition("; ")
        return what, advice or "change the value"
    if kind in _SHAPES:
        what, _, advice = _SHAPES[kind].partition("; ")
        return what, advice
    if kind.startswith("bool"):
        return "is neither true nor false", "write `true` or `false`"
    if kind.startswith(("int", "float", "decimal")):
        return "is not a number" if "from_float" not in kind else "is not a whole number", (
            "write digits alone, with a dot before decimals"
        )
    if kind.startswith("date"):
        return "is no date", "write it as `2026-12-25`: year, month, day"
    if kind == "literal_error":
        return f"is none of {_one_of(str(context['expected']))}", "choose one of these"
    if kind == "string_type":
        return "must be a text", "put it in quotes"
    if kind == "string_pattern_mismatch":
        return _form(str(context["pattern"])), "change it"
    for limit, words in _LIMITS.items():
        if limit in context and kind in _LIMIT_KINDS:
            return f"must be {words} {context[limit]:g}", "change the number"
    if kind == "string_too_short" and written in ("", None):
        return "is empty", "write something, or remove the key"
    return f"{message[0].lower()}{message[1:]}", "change the value"


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
    if (meant := _meant_key(model, loc, tree)) is not None:
        field = next(f for name, f in near.model_fields.items() if meant in (name, f.alias))
        what = f": {field.description}" if field.description else ""
        return f"unknown key; did you mean `{meant}`{what}?"
    if (place := _belongs(model, written)) is not None:
        return f"unknown key here; `{written}` belongs below `{place}`, so check the indentation"
    return f"unknown key; known keys are {', '.join(sorted(_keys(near)))}"


def _keys(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def _meant_key(model: type[BaseModel], loc: Loc, tree: Any) -> str | None:
    """The key that somebody most likely meant by the unknown one at ``loc``: first one that is
    not there yet."""
    known, written = _keys(model_at(model, loc[:-1])), str(loc[-1])
    beside = written_at(tree, loc[:-1])
    taken = set(beside) if isinstance(beside, Mapping) else set()
    return nearest(written, known - taken) or nearest(written, known)


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
        by_name = isinstance(get_origin(kind), type) and issubclass(get_origin(kind), Mapping)  # type: ignore[arg-type]  # what it asks
        for inner in get_args(kind)[-1 if by_name else 0 :]:
            if any(name in each.model_fields for each in _reachable(inner)):
                look(inner, f"{path}.NAME" if by_name else path, depth)

    look(model, "", 0)
    return found[0] if len(set(found)) == 1 else None


def _reachable(kind: Any) -> tuple[type[BaseModel], ...]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return models_within(kind)
    return tuple(model for inner in get_args(kind) for model in _reachable(inner))


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
