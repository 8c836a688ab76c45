"""YAML as it was written: every scalar a string, and the line of every key."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import yaml

from gateway import BadConfig, Json, Problem, compose_yaml

Key = tuple[str | int, ...]
DEPTH = 20
"""Far deeper than an answer can be; what goes on longer refers to itself."""


class Source:
    """One file of answers: its ``tree`` and where each key of it stands.

    Scalars stay as written: ``no`` is Norwegian and not false, ``4.90`` keeps its nought.
    """

    def __init__(self, file: str, tree: Json, lines: Mapping[Key, int]) -> None:
        self.file, self.tree, self._lines = file, tree, lines

    def problem(self, key: Key, message: str) -> Problem:
        """Say what is wrong at ``key``, with its line or that of what it stands in."""
        near = key
        while near and near not in self._lines:
            near = near[:-1]
        name = ".".join(str(part) for part in key)
        return Problem(file=self.file, line=self._lines.get(near, 1), key=name, message=message)


def read(path: Path) -> tuple[Source, list[Problem]]:
    """Read ``path``; the problems are keys written twice. Raises BadConfig when it is no YAML."""
    file = str(path)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read: {error}; check the path in `plugins.faq.answers`"
        raise BadConfig([Problem(file=file, line=1, key="", message=what)]) from None
    node = compose_yaml(text, file)
    lines: dict[Key, int] = {}
    wrong: list[tuple[Key, str]] = []
    tree = _plain(node, (), lines, wrong) if node else {}
    source = Source(file, tree, lines)
    return source, [source.problem(key, what) for key, what in wrong]


def _plain(node: yaml.Node, at: Key, lines: dict[Key, int], wrong: list[tuple[Key, str]]) -> Json:
    lines.setdefault(at, node.start_mark.line + 1)
    if len(at) > DEPTH:
        wrong.append((at, "is nested too deep, or an alias refers to itself; write it out"))
        return None
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Json] = {}
        for name, value in node.value:
            key = str(name.value)
            here = (*at, key)
            if key in found:
                wrong.append((here, f"is written twice, first in line {lines[here]}; keep one"))
            lines[here] = name.start_mark.line + 1
            found[key] = _plain(value, here, lines, wrong)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(v, (*at, i), lines, wrong) for i, v in enumerate(node.value)]
    return str(node.value)
