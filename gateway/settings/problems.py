"""What is wrong with a configuration, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.ports import WarmlineError

M = TypeVar("M", bound=BaseModel)


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


class Lines:
    """Where each key of a YAML file stands."""

    def __init__(self, file: str, lines: Mapping[str, int]) -> None:
        self.file, self._lines = file, lines

    def problem(self, key: str, message: str) -> Problem:
        """A problem at the line of ``key``, or of the nearest key above it that is there."""
        near = key
        while near and near not in self._lines:
            near = near.rpartition(".")[0]
        return Problem(file=self.file, line=self._lines.get(near, 1), key=key, message=message)


def read_yaml(file: Path) -> tuple[dict[str, Any], Lines]:
    """The mapping in ``file``, and where its keys stand. Raises BadConfig."""
    try:
        node = yaml.compose(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
        tree = yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
    except OSError as error:
        raise BadConfig([Problem(file=str(file), line=0, key="", message=str(error))]) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        what = f"not YAML: {error.problem}; mend the line"
        raise BadConfig([Problem(file=str(file), line=line, key="", message=what)]) from None
    found = Lines(str(file), dict(_marks(node)) if node else {})
    if tree is not None and not isinstance(tree, dict):
        raise BadConfig([found.problem("", "must be a mapping of settings; write `key: value`")])
    return tree or {}, found


def _marks(node: yaml.Node, path: str = "") -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = f"{path}.{key.value}" if path else str(key.value)
            found += [(here, key.start_mark.line + 1), *_marks(value, here)]
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            here = f"{path}.{index}"
            found += [(here, value.start_mark.line + 1), *_marks(value, here)]
    return found


def validate(
    model: type[M], values: Mapping[str, Any], name: str, lines: Lines, problems: list[Problem]
) -> M | None:
    """``values`` as a ``model``; None when they are wrong, with ``problems`` added for each
    mistake, keyed below ``name``."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            key = ".".join(str(p) for p in ((name,) if name else ()) + one["loc"])
            near = _model_at(model, one["loc"][:-1])
            problems.append(lines.problem(key, _advice(one["type"], one["msg"], near)))
        return None


def _model_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel]:
    """The model nested in ``model`` at ``loc``, or the nearest above it."""
    for part in loc:
        field = model.model_fields.get(str(part))
        inner = field.annotation if field else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return model


def _advice(kind: str, message: str, model: type[BaseModel]) -> str:
    if kind == "extra_forbidden":
        return f"unknown key; known are {', '.join(sorted(model.model_fields))}"
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind == "missing":
        return "is required; set it here or in the environment"
    return f"{message[0].lower()}{message[1:]}; change the value"
