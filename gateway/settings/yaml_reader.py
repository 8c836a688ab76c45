"""Reads YAML files that people wrote, and reports each mistake with file, line and key.

Files that would harm the process are refused before anything is built. libyaml's composer uses one
C stack frame for each level of nesting, so a file of brackets alone crashes the process. With
aliases a hundred bytes can stand for gigabytes, or contain themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.ports import WarmlineError
from gateway.settings.advice import validation_mistakes
from gateway.settings.corrections import as_meant, dates_in
from gateway.settings.yaml_mistakes import explain_yaml_mistake

M = TypeVar("M", bound=BaseModel)
DEEPEST = 64
"""Levels of nesting allowed; files written by people have ten at most."""
MOST = 1_000_000
"""Nodes allowed, with aliases expanded: about ten thousand answers or a hundred thousand
examples."""


Weight = tuple[int, int]
"""Number of nodes, and levels of nesting."""


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
    """The configuration cannot be used. ``problems`` has every mistake."""

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
                what = f"is written twice, first on line {first}; keep one"
                self.repeated.append(Problem(file=file, line=line, key=key, message=what))
                below = f"{key}."
            self._lines[key] = line

    def with_other_names(self, names: Mapping[str, str]) -> YamlLines:
        """The same lines, also for the keys that read as other ``names``: old to new."""
        found = YamlLines(self.file, self._lines.items())
        for old, new in names.items():
            found._lines |= {
                new + key.removeprefix(old): line
                for key, line in self._lines.items()
                if key == old or key.startswith(f"{old}.")
            }
        return found

    def key_at(self, line: int) -> str:
        """The key that stands on ``line``; empty: none."""
        return next((key for key, at in self._lines.items() if at == line), "")

    def problem(self, key: object, message: str) -> Problem:
        """A problem at the line of ``key``, or of its nearest parent that exists."""
        key = self._written(str(key))
        near = key
        while near and near not in self._lines:
            near = near.rpartition(".")[0]
        return Problem(file=self.file, line=self._lines.get(near, 1), key=key, message=message)

    def _written(self, key: str) -> str:
        """``key`` without the indices that no line has: a text may stand for a list of one."""
        parts = key.split(".")
        for end, part in enumerate(parts[1:], 1):
            parent = ".".join(parts[:end])
            if part.isdigit() and parent in self._lines and f"{parent}.{part}" not in self._lines:
                return parent
        return key


def validate(
    model: type[M],
    values: Mapping[str, Any],
    name: str,
    lines: YamlLines,
    problems: list[Problem],
    *,
    missing: str = "is required; set it here or in the environment",
) -> M | None:
    """``values`` as a ``model``, or None if they are wrong.

    Each mistake is added to ``problems``, with a key below ``name``. ``missing`` is the message
    for a missing value.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        for key, message in validation_mistakes(model, values, error, missing=missing):
            at = ".".join(part for part in (name, key) if part)
            problems.append(lines.problem(at, message))
        return None


# -- reading -------------------------------------------------------------------------------------


def compose_yaml(text: str, file: str, loader: Any = yaml.CSafeLoader) -> yaml.Node | None:
    """The root node of ``text``, None if it is empty; ``loader`` resolves its scalars.

    Raises BadConfig with ``file`` and line if ``text`` is not YAML, is nested deeper than
    `DEEPEST`, has a tag (``!!x``) or an alias that refers to itself, or has more nodes than `MOST`.
    """
    try:
        _look(text, file)
        node: yaml.Node | None = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        raise _bad(file, *explain_yaml_mistake(error, text)) from None
    except (yaml.YAMLError, UnicodeError) as error:
        reason = str(error).splitlines()[0]
        raise _bad(file, 1, f"not YAML: {reason}; save the file as UTF-8 text") from None
    if node is not None:
        _weigh(node, file, {})
    return node


def packaged_yaml(package: str, name: str) -> Any:
    """The content of a YAML file in ``package``'s own data."""
    text = files(package).joinpath(name).read_text("utf-8")
    return construct_yaml(compose_yaml(text, name), name)


def construct_yaml(node: yaml.Node | None, file: str, loader: Any = yaml.CSafeLoader) -> Any:
    """The values of a node from `compose_yaml`. Raises BadConfig for a scalar that looks like a
    date or a number and is not a valid one."""
    if node is None:
        return None
    try:
        return loader("").construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _bad(file, line, f"not YAML: {error.problem}; correct the line") from None
    except (ValueError, OverflowError) as error:
        scalar = _unreadable(node, loader) or node
        dates = " or ".join(f"`{day}`" for day in dates_in(str(scalar.value)))
        fix = f"write {dates}" if dates else "put quotes around it"
        message = f"not YAML: a date or number is not valid ({error}); {fix}"
        raise _bad(file, scalar.start_mark.line + 1, message) from None


def _unreadable(node: yaml.Node, loader: Any) -> yaml.Node | None:
    """The first scalar of ``node`` that has no value."""
    if isinstance(node, yaml.ScalarNode):
        try:
            loader("").construct_document(node)
        except (ValueError, OverflowError):
            return node
        return None
    return next((found for child in _children(node) if (found := _unreadable(child, loader))), None)


def read_yaml(file: Path, loader: Any = yaml.CSafeLoader) -> tuple[dict[str, Any], YamlLines]:
    """The mapping in ``file``, and the lines of its keys; ``loader`` resolves its scalars. Raises
    BadConfig."""
    try:
        text = file.read_text("utf-8")
    except OSError as error:
        raise _bad(str(file), 0, f"cannot be read: {error}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _bad(str(file), line, "not UTF-8; save the file as UTF-8 text") from None
    node = compose_yaml(text, str(file), loader)
    tree = construct_yaml(node, str(file), loader)
    found = YamlLines(str(file), _marks(node) if node else ())
    if tree is not None and not isinstance(tree, dict):
        raise BadConfig([found.problem("", "must be a mapping; write `key: value`")])
    return tree or {}, found


def read_shape(file: Path, model: type[M]) -> M:
    """``file`` as a ``model``. Every scalar stays text: ``no`` is Norwegian, not false.

    Raises BadConfig with each mistake's file, line and key.
    """
    return read_shape_and_lines(file, model)[0]


def read_shape_and_lines(file: Path, model: type[M]) -> tuple[M, YamlLines]:
    """As `read_shape`, with the line of each key, for problems that the model cannot see."""
    tree, lines = read_yaml(file, yaml.CBaseLoader)
    problems: list[Problem] = []
    found = validate(model, tree, "", lines, problems, missing="is missing; add it")
    if found is None:
        raise BadConfig([*lines.repeated, *problems])
    return found, lines


def read_as_meant(file: Path, model: type[M]) -> tuple[M | None, YamlLines, list[Problem]]:
    """As `read_shape_and_lines`, for a file with mistakes: what is right or could be corrected,
    and the mistakes; None when nothing is left."""
    try:
        tree, lines = read_yaml(file, yaml.CBaseLoader)
    except BadConfig as bad:
        return None, YamlLines(str(file)), bad.problems
    problems: list[Problem] = []
    found = validate(model, tree, "", lines, problems, missing="is missing; add it")
    return found or as_meant(model, tree), lines, [*lines.repeated, *problems]


def _marks(node: yaml.Node, path: str = "") -> list[tuple[str, int]]:
    pairs: list[tuple[object, yaml.Node, yaml.Node]] = []
    if isinstance(node, yaml.MappingNode):
        pairs = [(key.value, key, value) for key, value in node.value]
    elif isinstance(node, yaml.SequenceNode):
        pairs = [(index, value, value) for index, value in enumerate(node.value)]
    found: list[tuple[str, int]] = []
    for name, at, value in pairs:
        here = f"{path}.{name}" if path else str(name)
        found += [(here, at.start_mark.line + 1), *_marks(value, here)]
    return found


def _look(text: str, file: str) -> None:
    """Refuse deep nesting and tags while reading ``text`` as a flat sequence of events."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _bad(file, line, f"is nested deeper than {DEEPEST} levels; write it flatter")
        if (tag := getattr(event, "tag", None)) is not None and tag != "!":
            raise _bad(file, line, f"tags (`{tag[:40]}`) are not allowed; remove the tag")


def _weigh(node: yaml.Node, file: str, known: dict[int, Weight | None]) -> Weight:
    """The size of ``node`` with its aliases expanded. ``known`` has the nodes weighed before; None
    marks one that is being weighed, so meeting it again means that it contains itself."""
    line = node.start_mark.line + 1
    if id(node) in known:
        weight = known[id(node)]
        if weight is None:
            raise _bad(file, line, "an alias (*name) refers to itself; write its value instead")
        return weight
    known[id(node)] = None
    below = [_weigh(child, file, known) for child in _children(node)]
    nodes = 1 + sum(nodes for nodes, _ in below)
    depth = 1 + max((depth for _, depth in below), default=0)
    if nodes > MOST or depth > DEEPEST + 1:
        raise _bad(file, line, "is too large with its aliases (*name) expanded; make it smaller")
    known[id(node)] = (nodes, depth)
    return nodes, depth


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _bad(file: str, line: int, message: str) -> BadConfig:
    return BadConfig([Problem(file=file, line=line, key="", message=message)])
