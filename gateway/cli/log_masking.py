"""Masks personal data and secrets in the logs.

The gateway logs ids, not words. This catches what comes in other people's errors: a message of an
SDK or a driver, a traceback. Every pattern is bounded, so that no text makes matching slow.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, MutableMapping
from typing import Any

from gateway.support.personal_data import EMAIL, INTERNATIONAL_PHONE, luhn

LONGEST = 20_000
"""Characters of one value that are kept; the rest is cut off."""
SHORTEST = 20
"""The fewest characters of a secret that could be a Python name."""
_PLAIN_TYPES = frozenset({int, float, bool, type(None)})
_OWN_KEYS = frozenset({"timestamp", "level"})
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    # Slack, OpenAI and GitHub; JSON Web Tokens; Telegram bots; HTTP headers.
    ("token", re.compile(r"\b(?:xox[a-z]|xapp|sk|ghp|gho)-[A-Za-z0-9-]{8,200}")),
    ("token", re.compile(r"\beyJ[\w-]{8,2000}\.[\w-]{8,4000}(?:\.[\w-]{0,1000})?")),
    ("token", re.compile(r"\b\d{6,12}:[\w-]{30,64}")),
    ("token", re.compile(r"(?i)(?<=\bbearer )[\w.~+/=-]{6,4000}")),
    ("token", re.compile(r"(?i)(?<=\bbasic )[\w+/=-]{6,4000}")),
    ("secret", re.compile(
        r"(?i)\b(?P<before>(?:password|passwd|secret|token|api[_-]?key|authorization)"
        r"[\"']?[=:] ?[\"']?)[^\s\"'&,;]{4,500}")),
    ("secret", re.compile(r"(?<=://)[^\s/:@]{1,100}:[^\s/@]{1,200}(?=@)")),
    ("address", re.compile(EMAIL)),
    ("number", re.compile(INTERNATIONAL_PHONE)),
)  # fmt: skip
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")


def mask(text: str) -> str:
    """``text`` without e-mail addresses, phone and card numbers, tokens and passwords."""
    if len(text) > LONGEST:
        text = text[:LONGEST] + "…"
    text = _CARD.sub(_mask_card, text)
    for kind, pattern in _PATTERNS:
        text = pattern.sub(rf"\g<before>[{kind}]" if pattern.groups else f"[{kind}]", text)
    return text


def mask_event(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor that masks every text of an event, at any depth."""
    for key, value in event.items():
        if type(value) in _PLAIN_TYPES or key in _OWN_KEYS:  # most of what we log
            continue
        if key == "exception":
            event[key] = _escape(mask(str(value)), "\n\t")
        else:
            event[key] = _mask_value(value)
    return event


class MaskedFormatter(logging.Formatter):
    """A formatter for the logs of libraries: masks the whole record, with its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return _escape(mask(super().format(record)), "\n\t")


def _mask_value(value: object) -> object:
    if isinstance(value, str):
        return value if _is_name(value) else _escape(mask(value))
    if isinstance(value, Mapping):
        return {key: _mask_value(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_mask_value(each) for each in value]
    if value is None or isinstance(value, int | float):
        return value
    return _escape(mask(repr(value)))


def _is_name(text: str) -> bool:
    """Whether ``text`` is one of our names, as most logged texts are: no pattern matches one."""
    return len(text) < SHORTEST and text.replace(".", "_").isidentifier()


def _escape(text: str, allowed: str = "") -> str:
    """Escape control characters, so that a text cannot start a new line or control a terminal."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in allowed else char.encode("unicode_escape").decode()
        for char in text
    )


def _mask_card(found: re.Match[str]) -> str:
    """Mask 13 to 19 digits whose check digit is right (ISO/IEC 7812-1)."""
    return "[card]" if luhn(re.sub(r"[ -]", "", found[0])) else found[0]
