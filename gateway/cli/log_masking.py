"""No address, number or token in the logs, whoever put it there.

We log ids and not words; this is the second lock, for what comes in with an error of somebody
else's: an SDK's message, a driver's, a traceback. Every pattern is bounded, so that no text makes
it slow.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

LONGEST = 20_000
"""Characters of one value that are kept; the rest is cut off."""
SHORTEST = 20
"""No token without a sign that names do not have is shorter."""
_PLAIN = frozenset({int, float, bool, type(None)})
_OURS = frozenset({"timestamp", "level"})
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    # Slack, Twilio, OpenAI, GitHub; JSON Web Tokens; Telegram's bots.
    ("token", re.compile(r"\b(?:xox[a-z]|xapp|sk|ghp|gho)-[A-Za-z0-9-]{8,200}")),
    ("token", re.compile(r"\beyJ[\w-]{8,2000}\.[\w-]{8,4000}(?:\.[\w-]{0,1000})?")),
    ("token", re.compile(r"\b\d{6,12}:[\w-]{30,64}")),
    ("token", re.compile(r"(?i)(?<=\bbearer )[\w.~+/=-]{6,4000}")),
    ("token", re.compile(r"(?i)(?<=\bbasic )[\w+/=-]{6,4000}")),
    ("secret", re.compile(
        r"(?i)\b(?P<before>(?:password|passwd|secret|token|api[_-]?key|authorization)"
        r"[\"']?[=:] ?[\"']?)[^\s\"'&,;]{4,500}")),
    ("secret", re.compile(r"(?<=://)[^\s/:@]{1,100}:[^\s/@]{1,200}(?=@)")),
    ("address", re.compile(
        r"(?<![\w.+-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")),
    ("number", re.compile(r"(?<![\w+])(?:\+|00)\d(?:[ ()./-]?\d){6,14}(?!\d)")),
)  # fmt: skip
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")


def mask(text: str) -> str:
    """``text`` without e-mail addresses, telephone and card numbers, tokens and passwords."""
    if len(text) > LONGEST:
        text = text[:LONGEST] + "…"
    text = _CARD.sub(_card, text)
    for kind, pattern in _PATTERNS:
        text = pattern.sub(rf"\g<before>[{kind}]" if pattern.groups else f"[{kind}]", text)
    return text


def masked(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A processor for structlog: masks every text of an event, however deep."""
    for key, value in event.items():
        if type(value) in _PLAIN or key in _OURS:  # most of what we log
            continue
        if key == "exception":
            event[key] = _visible(mask(str(value)), "\n\t")
        else:
            event[key] = _deep(value)
    return event


class MaskedFormatter(logging.Formatter):
    """For what libraries log: masked as a whole, tracebacks too."""

    def format(self, record: logging.LogRecord) -> str:
        return _visible(mask(super().format(record)), "\n\t")


def _deep(value: object) -> object:
    if isinstance(value, str):
        return value if _is_name(value) else _visible(mask(value))
    if isinstance(value, Mapping):
        return {key: _deep(one) for key, one in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_deep(one) for one in value]
    if value is None or isinstance(value, int | float):
        return value
    return _visible(mask(repr(value)))


def _is_name(text: str) -> bool:
    """Whether it is a name of ours, as most of what we log is: none of the patterns fits one."""
    return len(text) < SHORTEST and text.replace(".", "_").isidentifier()


def _visible(text: str, but: str = "") -> str:
    """Control characters as they are written in a program: no text begins a line of its own, or
    speaks to a terminal."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in but else char.encode("unicode_escape").decode()
        for char in text
    )


def _card(found: re.Match[str]) -> str:
    """Thirteen to nineteen digits are a card's when their check digit fits (ISO/IEC 7812-1)."""
    digits = [int(char) for char in found[0] if char.isdigit()]
    doubled = [2 * one - 9 * (one > 4) for one in digits[-2::-2]]
    fits = (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0
    return "[card]" if fits else found[0]
