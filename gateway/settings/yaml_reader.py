"""YAML that people wrote, without what a broken or hostile file could do to the process.

libyaml's composer goes down one C frame for each level: a file of brackets alone ends the whole
process. Aliases let a hundred bytes stand for gigabytes, or for themselves. Both are refused here,
before anything is built, and every mistake is told with its line.
"""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from gateway.settings.problems import BadConfig, M, Problem, YamlLines, validate

DEEPEST = 64
"""Levels; what people write has ten at most."""
MOST = 1_000_000
"""Nodes, aliases written out: some ten thousand answers or a hundred thousand examples."""


Weight = tuple[int, int]
"""Nodes, and levels."""


def compose_yaml(text: str, file: str, loader: Any = yaml.CSafeLoader) -> yaml.Node | None:
    """The root node of ``text``, None when nothing stands in it; ``loader`` resolves its scalars.

    Raises BadConfig, naming ``file`` and line, for what is no YAML, is nested deeper than
    `DEEPEST`, has a tag (``!!x``), or aliases that refer to themselves or blow it up beyond `MOST`.
    """
    try:
        _look(text, file)
        node: yaml.Node | None = yaml.compose(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _bad(file, line, f"not YAML: {error.problem}; mend the line") from None
    except (yaml.YAMLError, UnicodeError) as error:
        what = str(error).splitlines()[0]
        raise _bad(file, 1, f"not YAML: {what}; save the file as UTF-8 text") from None
    if node is not None:
        _weigh(node, file, {})
    return node


def packaged_yaml(package: str, name: str) -> Any:
    """What stands in a YAML file that ``package`` brings with it, as its authors wrote it."""
    text = files(package).joinpath(name).read_text("utf-8")
    return construct_yaml(compose_yaml(text, name), name)


def construct_yaml(node: yaml.Node | None, file: str, loader: Any = yaml.CSafeLoader) -> Any:
    """The values of a node that `compose_yaml` gave. Raises BadConfig for a scalar that looks like
    a date or a number and is none."""
    if node is None:
        return None
    try:
        return loader("").construct_document(node)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _bad(file, line, f"not YAML: {error.problem}; mend the line") from None
    except (ValueError, OverflowError) as error:
        what = f"not YAML: a date or a number is none ({error}); put quotes around it"
        raise _bad(file, 1, what) from None


def read_yaml(file: Path, loader: Any = yaml.CSafeLoader) -> tuple[dict[str, Any], YamlLines]:
    """The mapping in ``file``, and where its keys stand; ``loader`` resolves its scalars. Raises
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
    """``file`` as a ``model``, every scalar as it was written: ``no`` is Norwegian and not false.

    Raises BadConfig that names each mistake with file, line and key.
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
    """Read it as a row of events, which needs no depth, and refuse what must not be built."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise _bad(file, line, f"is nested deeper than {DEEPEST} levels; write it flatter")
        if (tag := getattr(event, "tag", None)) is not None and tag != "!":
            raise _bad(file, line, f"tags (`{tag[:40]}`) are not read here; take it out")


def _weigh(node: yaml.Node, file: str, known: dict[int, Weight | None]) -> Weight:
    """What it is with its aliases written out; one that is still being weighed contains itself."""
    line = node.start_mark.line + 1
    if id(node) in known:
        weight = known[id(node)]
        if weight is None:
            raise _bad(file, line, "an alias (*name) refers to itself; write the words out")
        return weight
    known[id(node)] = None
    below = [_weigh(one, file, known) for one in _below(node)]
    nodes = 1 + sum(nodes for nodes, _ in below)
    depth = 1 + max((depth for _, depth in below), default=0)
    if nodes > MOST or depth > DEEPEST + 1:
        raise _bad(file, line, "is too large with its aliases (*name) written out; make it smaller")
    known[id(node)] = (nodes, depth)
    return nodes, depth


def _below(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def _bad(file: str, line: int, what: str) -> BadConfig:
    return BadConfig([Problem(file=file, line=line, key="", message=what)])
