"""What to do about a file that is not YAML: the parser's words are about its own work."""

from __future__ import annotations

import re

import yaml

from gateway.settings.corrections import as_yaml

_PAIR = re.compile(r"(\s*(?:- )?)([\w-]+):\s+(.*\S)\s*")


def explain_yaml_mistake(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """The line (from 1), and what is wrong there and what to write instead."""
    lines = text.splitlines() or [""]
    mark = error.problem_mark or error.context_mark
    number = min(mark.line + 1 if mark else 1, len(lines))
    line = lines[number - 1]
    problem = str(error.problem or "")
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return number, "not YAML: the line begins with a tab; indent with spaces"
    if "unknown escape character" in problem:
        return number, (
            "not YAML: `\\` in double quotes begins an escape; write the text in single quotes: "
            f"{_single_quoted(line)}"
        )
    if "quoted scalar" in str(error.context or "") and "end of stream" in problem:
        begin = error.context_mark.line + 1 if error.context_mark else number
        return begin, f"not YAML: {_shorten(lines[begin - 1])} has a quote without an end; add it"
    if "mapping values are not allowed" in problem:
        return number, _second_colon(line, lines, number)
    if "cannot start any token" in problem or "undefined alias" in problem:
        pair = _PAIR.fullmatch(line)
        quoted = f"`{pair[2]}: {as_yaml_text(pair[3])}`" if pair else "the text in quotes"
        return number, f"not YAML: a value cannot begin with this character; write {quoted}"
    if "expected ',' or ']'" in problem or "expected ',' or '}'" in problem:
        begin = error.context_mark.line + 1 if error.context_mark else number
        closing = "]" if "]" in problem else "}"
        return begin, (
            f"not YAML: what begins on this line lacks a comma or its `{closing}`, or has text "
            "after a closing quote; add it"
        )
    if "could not find expected ':'" in problem:
        at = _without_colon(lines, number)
        return at, (
            f"not YAML: {_shorten(lines[at - 1])} is no `key: value`; write a colon and a space "
            "after the key"
        )
    if "expected key" in problem or "block end" in problem or "expected <block" in problem:
        return number, (
            f"not YAML: {_shorten(line)} does not fit the lines above it; give lines that belong "
            "together the same number of spaces, and close each quote"
        )
    return number, f"not YAML: {problem}; correct the line"


def _second_colon(line: str, lines: list[str], number: int) -> str:
    pair = _PAIR.fullmatch(line)
    if pair and ": " in pair[3]:
        return (
            "not YAML: a second colon; put the text in quotes: "
            f"`{pair[2]}: {as_yaml_text(pair[3])}`"
        )
    above = lines[number - 2] if number > 1 else ""
    return (
        f"not YAML: {_shorten(line)} is indented below {_shorten(above)}, which has a value "
        "already; give both lines the same number of spaces, or remove that value"
    )


def as_yaml_text(text: str) -> str:
    """``text`` in the quotes that it needs."""
    return "'" + text.replace("'", "''") + "'" if '"' in text else as_yaml(text)


def _single_quoted(line: str) -> str:
    pair = _PAIR.fullmatch(line)
    value = pair[3].strip('"') if pair else line.strip()
    return f"`{pair[2]}: '{value}'`" if pair else f"'{value}'"


def _without_colon(lines: list[str], number: int) -> int:
    """The line at or before ``number`` that lacks its colon."""
    for at in range(number, 0, -1):
        bare = lines[at - 1].strip()
        if bare and not bare.startswith(("#", "- ")) and ":" not in bare:
            return at
    return number


def _shorten(line: str) -> str:
    bare = line.strip()
    return f"`{bare[:40]}…`" if len(bare) > 41 else f"`{bare}`"
