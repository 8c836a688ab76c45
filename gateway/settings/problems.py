"""What is wrong with a configuration, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.ports import WarmlineError

M = TypeVar("M", bound=BaseModel)
LIST = "must be a list: `[one, two]`, or a line `- one` for each below it"
MAPPING = "must be a mapping; write `name: value` below it"
_SHAPES = {
    **dict.fromkeys(("tuple_type", "list_type", "set_type", "frozen_set_type"), LIST),
    **dict.fromkeys(("model_type", "model_attributes_type", "dict_type"), MAPPING),
}
"""Kinds of pydantic's errors whose words speak of Python and not of YAML."""


class Problem(BaseModel):
    """One mistake in a configuration: where, what, and what to do."""

    model_config = ConfigDict(frozen=True)

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key}: {self.message}"


class BadConfig(WarmlineError):
    """The configuration cannot be used; ``problems`` says all that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = problems


class YamlLines:
    """The line of each key of a YAML file. ``repeated`` are the keys written twice, as problems."""

    def __init__(self, file: str, marks: Iterable[tuple[str, int]] = ()) -> None:
        self.file, self._lines = file, dict[str, int]()
        self.repeated: list[Problem] = []
        below = "."  # the keys below a repeated one follow it and are not reported
        for key, line in marks:
            if (first := self._lines.get(key)) and not key.startswith(below):
                what = f"is written twice, first in line {first}; keep one"
                self.repeated.append(Problem(file=file, line=line, key=key, message=what))
                below = f"{key}."
            self._lines[key] = line

    def problem(self, key: object, message: str) -> Problem:
        """A problem at the line of ``key``, or of the nearest key above it that is there."""
        key = near = str(key)
        while near and near not in self._lines:
            near = near.rpartition(".")[0]
        return Problem(file=self.file, line=self._lines.get(near, 1), key=key, message=message)


def validate(
    model: type[M],
    values: Mapping[str, Any],
    name: str,
    lines: YamlLines,
    problems: list[Problem],
    *,
    missing: str = "is required; set it here or in the environment",
) -> M | None:
    """``values`` as a ``model``; None when they are wrong, with ``problems`` added for each
    mistake, keyed below ``name``; ``missing`` is the advice where a value lacks."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            path = ((name,) if name else ()) + one["loc"]
            key = ".".join(str(part) for part in path if part != "[key]")
            near = _model_at(model, one["loc"][:-1])
            advice = missing if one["type"] == "missing" else _advice(one["type"], one["msg"], near)
            problems.append(lines.problem(key, advice))
        return None


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel]:
    """The model nested in ``model`` at ``loc``, or the nearest above it."""
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


def _advice(kind: str, message: str, model: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        return f"unknown key; known are {', '.join(sorted(model.model_fields))}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind in _SHAPES:
        return _SHAPES[kind]
    return f"{message[0].lower()}{message[1:]}; change the value"
