"""Reads a guide from its file, laid over the packaged one, and finds all its mistakes at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Hashable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from brand_voice import guide as schemas
from brand_voice.guide import Guide
from gateway import BadConfig, Problem, compose_yaml, construct_yaml

LARGEST = 1_000_000
"""Bytes of a guide's file."""

_ADDED = re.compile(r"lexicon\.(?:avoid\.[^.]+\.phrases\.\w+|allow|acronyms|use\.\w+\.[^.]+)\Z")
_KEYS = {
    field
    for model in vars(schemas).values()
    if isinstance(model, type) and issubclass(model, BaseModel)
    for field in model.model_fields
}


def packaged() -> Guide:
    """The guide that comes with the package."""
    return Guide.model_validate(_tree(_packaged_text(), "guide.yaml").values)


def load(path: Path | None) -> Guide:
    """The guide at ``path`` over the packaged one; None: the packaged one alone.

    Raises BadConfig with every problem of the file.
    """
    if path is None:
        return packaged()
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise BadConfig([_problem(path, 1, "", f"over {LARGEST} bytes; make it shorter")])
        text = data.decode("utf-8")
    except OSError as error:
        what = f"cannot be read ({error.strerror}); give the path of a readable file"
        raise BadConfig([_problem(path, 0, "", what)]) from None
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise BadConfig([_problem(path, line, "", "not UTF-8; save it as UTF-8")]) from None
    own = _tree(text, str(path))
    try:
        guide = Guide.model_validate(
            _laid_over(_tree(_packaged_text(), "guide.yaml").values, own.values)
        )
    except ValidationError as error:
        found = [*own.problems, *map(own.located, _errors(error))]
        raise BadConfig(sorted(found, key=lambda problem: problem.line)) from None
    if own.problems:
        raise BadConfig(own.problems)
    return guide


def check(path: Path) -> tuple[str, ...]:
    """Every problem of the guide at ``path``: ``file:line: key: what; what to do``."""
    try:
        load(path)
    except BadConfig as error:
        return tuple(str(problem) for problem in error.problems)
    return ()


def _packaged_text() -> str:
    return files("brand_voice").joinpath("guide.yaml").read_text("utf-8")


class _Reader(yaml.CSafeLoader):
    """YAML whose only truth values are true and false: `no` is a word, and Norwegian besides."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (PyYAML's own way to say it)
        first: [
            (tag, re.compile(r"(?:true|false)\Z") if tag.endswith(":bool") else pattern)
            for tag, pattern in resolvers
            if not tag.endswith(":timestamp")
        ]
        for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


class _Tree:
    """The values of a file, and where each of them stands."""

    def __init__(self, file: str, node: yaml.Node | None, values: Mapping[str, Any]) -> None:
        self.file, self.values = file, values
        self.problems: list[Problem] = []
        self._lines = dict(self._walk(node, "")) if node else {}

    def located(self, error: tuple[str, str]) -> Problem:
        key, message = error
        near = key
        while near and near not in self._lines:
            near = near.rpartition(".")[0]
        return _problem(self.file, self._lines.get(near, 1), key, message)

    def _walk(self, node: yaml.Node, path: str) -> Iterable[tuple[str, int]]:
        if isinstance(node, yaml.MappingNode):
            seen: set[Hashable] = set()
            for key, value in node.value:
                here = f"{path}.{key.value}" if path else str(key.value)
                line = key.start_mark.line + 1
                if here in seen:
                    what = "stands here twice; keep one of the two"
                    self.problems.append(_problem(self.file, line, here, what))
                seen.add(here)
                yield here, line
                yield from self._walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                yield f"{path}.{index}", value.start_mark.line + 1
                yield from self._walk(value, f"{path}.{index}")


def _tree(text: str, file: str) -> _Tree:
    node = compose_yaml(text, file, _Reader)
    if node is not None and _aliased(node):
        what = "aliases (*name) are not read here; write the words out"
        raise BadConfig([_problem(file, 1, "", what)])
    values = construct_yaml(node, file, _Reader) if node is not None else {}
    if not isinstance(values, dict):
        raise BadConfig([_problem(file, 1, "", "must be a mapping; write `key: value`")])
    return _Tree(file, node, values)


def _aliased(node: yaml.Node) -> bool:
    """Whether a node is used twice: a small file of aliases can stand for a huge one."""
    seen: set[int] = set()
    todo = [node]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            return True
        seen.add(id(one))
        if isinstance(one, yaml.MappingNode):
            todo += [each for pair in one.value for each in pair]
        elif isinstance(one, yaml.SequenceNode):
            todo += one.value
    return False


def _laid_over(low: Any, high: Any, path: str = "") -> Any:
    """``high`` over ``low``: mappings join, phrase lists add up, all else is replaced.

    The file's own phrases come first, so that their numbers in a message are those of the file.
    """
    if isinstance(low, Mapping) and isinstance(high, Mapping):
        joined = dict(low)
        for key, value in high.items():
            here = f"{path}.{key}" if path else str(key)
            joined[key] = _laid_over(low[key], value, here) if key in low else value
        return joined
    if isinstance(low, list) and isinstance(high, list) and _ADDED.match(path):
        return [*high, *low]
    return high


def _errors(error: ValidationError) -> Iterable[tuple[str, str]]:
    for one in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in one["loc"] if part != "[key]")
        yield key, _advice(one["type"], one["msg"], key.rpartition(".")[2])


def _advice(kind: str, message: str, name: str) -> str:
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(name, _KEYS, 1)
        return "unknown key; " + (f"did you mean `{near[0]}`?" if near else "take it out")
    if kind == "missing":
        return "is required; add it"
    if kind == "value_error":
        said = message.removeprefix("Value error, ")
        return said if ";" in said else f"{said}; change the text"
    return f"{message[0].lower()}{message[1:]}; change the value"


def _problem(file: object, line: int, key: str, message: str) -> Problem:
    return Problem(file=str(file), line=line, key=key, message=message)
