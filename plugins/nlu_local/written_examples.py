"""Writes adopted examples into the team's files of examples, and takes them out again.

Only sentences in a colleague's own words: those of customers stay in the database, where an erasure
finds them. Every other line of a file stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from gateway import (
    BadConfig,
    CannotEdit,
    FilesWritten,
    Json,
    Overlay,
    compose_yaml,
    counted,
    replace_text,
)

from .examples import Example, parse_examples

EMPTY = "empty nlu in "
"""Begins the keys of originals that say how a file's empty list of intents was written."""


def write_examples(
    files: Sequence[Path], before: Overlay, after: Overlay, originals: Mapping[str, Json]
) -> FilesWritten:
    """Write the examples that two overlays differ in. ``originals`` names the sentences that were
    written earlier, with their files: no other one is taken out. Blocks."""
    known = dict(originals)
    written: dict[str, None] = {}
    problems: list[str] = []
    old, new = ({each.id: each for each in overlay.examples} for overlay in (before, after))
    added = [each for id, each in new.items() if id not in old]
    for example in added:
        if example.conversation:
            continue
        row = (example.text, example.intent)
        try:
            if (file := _add(files, row, known)) is not None:
                known[_key(row)] = str(file)
                written[str(file)] = None
        except (CannotEdit, OSError, UnicodeDecodeError) as error:
            problems.append(f"examples.{example.intent}: {error}")
    kept = {(each.text, each.intent) for each in new.values()}
    for example in (each for id, each in old.items() if id not in new):
        row = (example.text, example.intent)
        path = known.pop(_key(row), None) if row not in kept else None
        try:
            if isinstance(path, str) and _remove(Path(path), row, known):
                written[path] = None
        except (CannotEdit, OSError, UnicodeDecodeError) as error:
            problems.append(f"examples.{example.intent}: {error}")
    if of_customers := sum(bool(each.conversation) for each in added):
        stay = counted(of_customers, "sentence of a customer stays", "sentences of customers stay")
        problems.append(f"{stay} in the database alone, so that an erasure finds all of it")
    return FilesWritten(written=tuple(written), not_written=tuple(problems), originals=known)


def _key(row: Example) -> str:
    return f"{row[1]}: {row[0]}"


def _add(files: Sequence[Path], row: Example, known: dict[str, Json]) -> Path | None:
    """Add an example to the file that has its intent, else to the first one; None when one of them
    has it. How an empty list of intents was written is kept in ``known``."""
    examples = {file: _read(file) for file in files}
    if any(row in found for found in examples.values()):
        return None
    if not files:
        raise CannotEdit("there is no file of yours for it; name one in `knowledge`")
    intent = row[1]
    having = [file for file, found in examples.items() if any(name == intent for _, name in found)]
    file = next(iter((*having, *(file for file, found in examples.items() if found), *files)))
    text = file.read_bytes().decode("utf-8")
    found = examples[file]
    changed = with_example(text, row)
    _check(changed, file, sorted([*found, row]))
    replace_text(file.resolve(), changed)
    if (empty := _empty_list(text)) is not None:
        known[f"{EMPTY}{file}"] = text[slice(*empty)]
    return file


def _remove(file: Path, row: Example, known: dict[str, Json]) -> bool:
    """Take an example out of a file; False when it is not there any more."""
    found = _read(file)
    if row not in found:
        return False
    text = file.read_bytes().decode("utf-8")
    empty = known.get(f"{EMPTY}{file}")
    changed = without_example(text, row, empty=empty if isinstance(empty, str) else None)
    _check(changed, file, sorted(each for each in found if each != row))
    replace_text(file.resolve(), changed)
    if not _sections(changed):
        known.pop(f"{EMPTY}{file}", None)
    return True


def _read(file: Path) -> list[Example]:
    try:
        return parse_examples(file.read_text("utf-8"), file, required=False)
    except BadConfig as error:
        raise CannotEdit(f"the file has mistakes: {error.problems[0]}; correct it") from None


def _check(text: str, file: Path, expected: list[Example]) -> None:
    """Raises CannotEdit unless the changed text reads as it should."""
    try:
        found = sorted(parse_examples(text, file, required=False))
    except BadConfig:
        found = None
    if found != expected:
        raise CannotEdit(f"{file.name} is written so that this cannot be changed in place")


def with_example(text: str, row: Example) -> str:
    """A file's text with an example more: below the last one of its intent, else with a section of
    its own at the end. Raises CannotEdit."""
    sentence, intent = row
    newline = "\r\n" if "\r\n" in text else "\n"
    sections = _sections(text)
    section = _section_of(sections, intent)
    if section is not None:
        node = _value(section, "examples")
        if not isinstance(node, yaml.ScalarNode) or node.style not in ("|", ">"):
            raise CannotEdit(f"the examples of `{intent}` are not a block of `- example` lines")
        block = text[node.start_mark.index : node.end_mark.index].rstrip()
        last = block.rsplit("\n", 1)[-1]
        indent = last[: len(last) - len(last.lstrip())]
        at = node.start_mark.index + len(block)
        return f"{text[:at]}{newline}{indent}- {sentence}{text[at:]}"
    margin = " " * (sections[0].start_mark.column - 2) if sections else ""
    added = [f"{margin}- intent: {intent}", f"{margin}  examples: |", f"{margin}    - {sentence}"]
    if (empty := _empty_list(text)) is not None:
        colon, end = empty
        line_end = text.find(newline, end) if newline in text[end:] else len(text)
        begun = text[:colon] + text[end:line_end]
        return newline.join([begun, *added]) + text[line_end:]
    added = [*([""] if sections else ["nlu:"]), *added]
    if (behind := _end_of(text, sections)) is not None:  # other keys follow
        return newline.join([text[:behind], *added]) + text[behind:]
    if text and not text.endswith("\n"):
        return newline.join([text, *added])
    return text + newline.join([*added, ""])


def without_example(text: str, row: Example, *, empty: str | None = None) -> str:
    """A file's text without an example; without its intent, if it was the only one. ``empty``: how
    the team wrote the list before it had an intent; None: there was no list, and it goes with its
    last one. Raises CannotEdit."""
    sentence, intent = row
    sections = _sections(text)
    section = _section_of(sections, intent)
    node = _value(section, "examples") if section is not None else None
    if section is None or not isinstance(node, yaml.ScalarNode):
        raise CannotEdit(f"the examples of `{intent}` are not a block of `- example` lines")
    start, end = node.start_mark.index, node.end_mark.index
    lines = text[start:end].split("\n")
    left = [line for line in lines if line.strip() != f"- {sentence}"]
    if any(line.strip().startswith("- ") for line in left):
        return text[:start] + "\n".join(left) + text[end:]
    begin = text.rfind("\n", 0, section.start_mark.index) + 1
    rest = start + len(text[start:end].rstrip())
    if any(line.strip().startswith("#") for line in text[begin:rest].split("\n")):
        raise CannotEdit(f"the section of `{intent}` has comments of yours; remove it by hand")
    if len(sections) == 1 and empty is not None:
        left_text = _without_lines(text, begin, rest, blank=True)
        colon, end = _empty_list(left_text) or (0, 0)
        return left_text[:colon] + empty + left_text[end:]
    if len(sections) == 1:
        begin = text.rfind("\n", 0, text.rindex("nlu", 0, begin)) + 1
    return _without_lines(text, begin, rest, blank=len(sections) > 1)


def _without_lines(text: str, begin: int, end: int, *, blank: bool) -> str:
    """The text without the lines from ``begin`` to ``end``, and with ``blank`` without the empty
    line above them."""
    newline = "\r\n" if "\r\n" in text else "\n"
    rest = text[end:].removeprefix(newline)
    is_last = rest == text[end:]  # the file's last line has no end, and so has the new one
    head = text[:begin]
    if blank and head.endswith(2 * newline):
        head = head.removesuffix(newline)
    return (head.removesuffix(newline) if is_last else head) + rest


def _sections(text: str) -> list[yaml.Node]:
    root = compose_yaml(text, "file", yaml.CBaseLoader)
    found = _value(root, "nlu") if root is not None else None
    return list(found.value) if isinstance(found, yaml.SequenceNode) else []


def _end_of(text: str, sections: Sequence[yaml.Node]) -> int | None:
    """Where the last section ends, if other keys of the file follow it."""
    examples = _value(sections[-1], "examples") if sections else None
    if examples is None:
        return None
    start, end = examples.start_mark.index, examples.end_mark.index
    end = start + len(text[start:end].rstrip())
    lines = (line.strip() for line in text[end:].splitlines())
    return end if any(line and not line.startswith("#") for line in lines) else None


def _empty_list(text: str) -> tuple[int, int] | None:
    """Where the value of an ``nlu`` that has no intent yet begins, behind the colon, and ends; None
    when there is no such list."""
    root = compose_yaml(text, "file", yaml.CBaseLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else ()
    for key, value in pairs:
        if key.value == "nlu" and not value.value:
            colon = text.index(":", key.end_mark.index) + 1
            start, end = value.start_mark.index, value.end_mark.index
            return colon, max(start + len(text[start:end].rstrip()), colon)
    return None


def _section_of(sections: Sequence[yaml.Node], intent: str) -> yaml.Node | None:
    """The last section of ``intent``."""
    found = None
    for section in sections:
        name = _value(section, "intent")
        if isinstance(name, yaml.ScalarNode) and name.value == intent:
            found = section
    return found


def _value(node: Any, key: str) -> yaml.Node | None:
    pairs = node.value if isinstance(node, yaml.MappingNode) else ()
    return next((value for name, value in pairs if name.value == key), None)
