"""Examples of what customers say, read from files in Rasa's ``nlu.yml`` format.

The format is that of Rasa's training data, version 3.1: a list ``nlu`` whose entries have an
``intent`` and ``examples`` (a text block of ``- example`` lines, or a list of ``text`` entries).
Entity annotations are read as their words; lookups, synonyms and regexes are skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

import yaml

from gateway import BadConfig, Problem, compose_yaml

Row: TypeAlias = tuple[str, str]

OUT_OF_SCOPE = "oos"
_OTHER_KINDS = frozenset({"lookup", "synonym", "regex"})
_ENTITY = re.compile(r"\[([^\[\]]+)\](?:\([^()]*\)|\{[^{}]*\})")


def read_knowledge(paths: Iterable[Path]) -> list[Row]:
    """All (text, intent) examples of the files; folders stand for the YAML files in them.

    Files in a folder that have no ``nlu`` list (answers, stories) are passed over. Raises
    BadConfig naming every problem with file and line, also when fewer than two intents are told.
    """
    problems: list[Problem] = []
    rows: list[Row] = []
    places = list(paths)
    for path, alone in files_of(places):
        try:
            rows += _read(path, needed=alone)
        except BadConfig as error:
            problems += error.problems
    if places and not problems and len({intent for _, intent in rows} - {OUT_OF_SCOPE}) < 2:
        problems.append(_problem(places[0], 0, "nlu", "tells fewer than two intents; add some"))
    if problems:
        raise BadConfig(problems)
    return list(dict.fromkeys(rows))


def files_of(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """The files, those in folders included; True for one that was named itself."""
    for path in paths:
        if path.is_dir():
            for found in sorted(path.rglob("*.y*ml")):
                yield found, False
        else:
            yield path, True


def _read(path: Path, *, needed: bool) -> list[Row]:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(path, 0, "", f"cannot be read: {error}; mend `knowledge`") from None
    root = compose_yaml(text, str(path))
    sections = _get(root, "nlu")
    if sections is None and not needed:
        return []
    if not isinstance(sections, yaml.SequenceNode):
        raise _bad(path, _line(sections or root), "nlu", "must be a list of intents; write one")
    problems: list[Problem] = []
    rows: list[Row] = []
    for section in sections.value:
        try:
            rows += _section(path, section)
        except BadConfig as error:
            problems += error.problems
    if problems:
        raise BadConfig(problems)
    return rows


def _section(path: Path, section: yaml.Node) -> list[Row]:
    keys = _keys(section)
    if keys & _OTHER_KINDS:
        return []
    intent = _scalar(_get(section, "intent"))
    if not intent:
        raise _bad(path, _line(section), "intent", "is missing; write `- intent: name`")
    examples = _get(section, "examples")
    texts = _texts(path, intent, examples)
    if not texts:
        line = _line(examples or section)
        raise _bad(path, line, f"{intent}.examples", "has none; write `examples: |` and `- ...`")
    return [(text, intent) for text in texts]


def _texts(path: Path, intent: str, examples: yaml.Node | None) -> Sequence[str]:
    if isinstance(examples, yaml.SequenceNode):
        listed = (_scalar(_get(one, "text")) or _scalar(one) for one in examples.value)
        return [_plain(text.removeprefix("- ")) for text in listed if text]
    found: list[str] = []
    first = _line(examples) + (1 if getattr(examples, "style", None) in ("|", ">") else 0)
    for offset, line in enumerate((_scalar(examples) or "").splitlines()):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        if not bare.startswith("-"):
            what = f"`{bare[:40]}` is no example; begin it with `- `"
            raise _bad(path, first + offset, f"{intent}.examples", what)
        if text := _plain(bare[1:]):
            found.append(text)
    return found


def _plain(text: str) -> str:
    """``[two](count) [mugs]{"entity": "thing"}`` is ``two mugs``."""
    return " ".join(_ENTITY.sub(r"\1", text).split())


def _keys(node: yaml.Node | None) -> set[str]:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return {str(key.value) for key, _ in pairs}


def _get(node: yaml.Node | None, name: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    return next((value for key, value in pairs if key.value == name), None)


def _scalar(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _line(node: yaml.Node | None) -> int:
    return int(node.start_mark.line) + 1 if node is not None else 1


def _problem(path: Path, line: int, key: str, message: str) -> Problem:
    return Problem(file=str(path), line=line, key=key, message=message)


def _bad(path: Path, line: int, key: str, message: str) -> BadConfig:
    return BadConfig([_problem(path, line, key, message)])
