"""What to do about a file that is not YAML: the parser's words are about its own work."""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml

from gateway.settings.corrections import as_yaml

_COLON = "{line} is no `key: value`; write a colon and a space after the key"
_ADVICE: Mapping[tuple[str, ...], tuple[bool, str]] = {
    ("unknown escape character",): (
        False,
        "`\\` in double quotes begins an escape; write the text in single quotes: {single}",
    ),
    ("unexpected end of stream",): (True, "{line} has a quote without an end; add it"),
    ("cannot start any token", "undefined alias"): (
        False,
        "a value cannot begin with this character; write {quoted}",
    ),
    ("expected ',' or",): (
        True,
        "what begins here lacks a comma or its `{closing}`, or has text after a quote; add it",
    ),
    ("expected key", "block end", "expected '-'"): (
        False,
        "{line} does not fit the lines above; indent what belongs together equally, close quotes",
    ),
}
"""What the parser says, whether the mistake is where the thing began, and what to do."""
_PAIR = re.compile(r"(\s*(?:- )?)([\w-]+):\s+(.*\S)\s*")


def explain_yaml_mistake(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """The line (from 1), and what is wrong there and what to write instead."""
    lines = text.splitlines() or [""]
    mark = error.problem_mark or error.context_mark
    number = min(mark.line + 1 if mark else 1, len(lines))
    begin = error.context_mark.line + 1 if error.context_mark else number
    found = _explained(str(error.problem or ""), lines, number, begin)
    return found[0], f"not YAML: {found[1]}"


def _explained(problem: str, lines: list[str], number: int, begin: int) -> tuple[int, str]:
    """``number``: the line at which the parser gave up; ``begin``: where what it read began."""
    line = lines[number - 1]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return number, "the line begins with a tab; indent with spaces"
    if "mapping values are not allowed" in problem:
        return number, _second_colon(line, lines, number)
    if "could not find expected ':'" in problem:
        number = _without_colon(lines, number)
        return number, _COLON.format(line=_shorten(lines[number - 1]))
    for words, (at_begin, advice) in _ADVICE.items():
        if any(each in problem for each in words):
            at = begin if at_begin else number
            written = lines[at - 1]
            return at, advice.format(
                line=_shorten(written),
                single=_single_quoted(written),
                quoted=_quoted(written),
                closing="]" if "]" in problem else "}",
            )
    return number, f"{problem}; correct the line"


def _second_colon(line: str, lines: list[str], number: int) -> str:
    pair = _PAIR.fullmatch(line)
    if pair and ": " in pair[3]:
        return f"a second colon; put the text in quotes: `{pair[2]}: {as_yaml_text(pair[3])}`"
    above = lines[number - 2] if number > 1 else ""
    if ":" not in above and above.strip():
        return f"{_shorten(above)}, above this line, lacks a colon; write `key: value`"
    return (
        f"{_shorten(line)} is indented below {_shorten(above)}, which has a value "
        "already; give both lines the same number of spaces, or remove that value"
    )


def as_yaml_text(text: str) -> str:
    """``text`` in the quotes that it needs."""
    return "'" + text.replace("'", "''") + "'" if '"' in text else as_yaml(text)


def _quoted(line: str) -> str:
    pair = _PAIR.fullmatch(line)
    return f"`{pair[2]}: {as_yaml_text(pair[3])}`" if pair else "the text in quotes"


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
