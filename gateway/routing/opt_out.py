"""Recognises a customer who wants no more messages, in a sentence or by a bare word. Pure.

In the United States a customer may revoke consent "in any reasonable manner" (FCC 24-24, 2024,
paragraph 8), and so also in a sentence. A sentence counts when all of it says so: `stop sending me
messages`, but not `stop sending me the wrong size`. The sentences in twelve languages are our own;
docs/routing.md says how well they do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache
from typing import Any

from gateway.settings import packaged_yaml

LONGEST = 600
"""Characters; a longer message is read by whoever answers it."""
_RAW_SENTENCES = re.compile(r"[^.!?…;\n。！？؟]+[.!?…;\n。！？؟]*")
_CLAUSE_MARK = re.compile("[,،、:–—]")
_SHORT_NOT = re.compile(r"n['’]t\b")
_AFTER_SMS = re.compile(r"(?<=sms)['’]")
_NEITHER_WORD_NOR_SPACE = re.compile(r"[^\w\s]|_")
_E_MAIL = re.compile(r"\be (?=mail|post)")


@cache
def _words() -> Mapping[str, Any]:
    """The content of ``opt_outs.yaml``."""
    found: dict[str, Any] = packaged_yaml("gateway.routing", "opt_outs.yaml")
    return found


@cache
def stop_words() -> frozenset[str]:
    """A message that is one of these words and nothing else opts out, whatever the channel."""
    return frozenset(str(_words()["stop"]).split())


@cache
def _start_words() -> frozenset[str]:
    return frozenset(str(_words()["start"]).split())


@cache
def _sentence(language: str = "") -> re.Pattern[str]:
    """Any sentence of ``language``, or of any language, with what may stand around it."""
    words = _words()
    known = words["languages"]
    sentences = (
        sentence.replace("{media}", known[code].get("media", ""))
        .replace("{messages}", known[code].get("messages", ""))
        .replace("{verb}", words["english"]["verb"])
        .replace("{doing}", words["english"]["doing"])
        for code in ((language,) if language else known)
        for sentence in known[code]["sentences"]
    )
    before, after = "|".join(words["before"]), "|".join(words["after"])
    reasons = "|".join(words["reasons"])
    return re.compile(
        rf"(?:(?:{before})\s+)*(?:{'|'.join(sentences)})(?:\s+(?:{after}))*"
        rf"(?:\s+(?:{reasons})\s.*)?",
        re.DOTALL,
    )


@cache
def _write_instead() -> re.Pattern[str]:
    """A wish to be written to, which an opt-out contradicts."""
    return re.compile("|".join(_words()["write_instead"]))


def is_stop_word(text: str) -> bool:
    """Whether ``text`` is a word such as STOP and nothing else."""
    return len(text) < 64 and _letters(text) in stop_words()


def is_start_word(text: str) -> bool:
    """Whether ``text`` is START and nothing else."""
    return len(text) < 64 and _letters(text) in _start_words()


def asks_for_no_messages(text: str) -> bool:
    """Whether a sentence of ``text`` asks for no more messages."""
    return remainder(text) is not None


def languages_of(text: str) -> tuple[str, ...]:
    """The languages (ISO 639-1) in which a sentence of ``text`` asks for no more messages."""
    parts = [
        plain
        for raw in _RAW_SENTENCES.findall(text)
        for part in (raw, *_CLAUSE_MARK.split(raw))
        if (plain := _plain(part))
    ]
    return tuple(
        code
        for code in _words()["languages"]
        if any(_sentence(code).fullmatch(part) for part in parts)
    )


def remainder(text: str) -> str | None:
    """What else ``text`` says when a sentence of it asks for no more messages; None when none
    does."""
    if len(text) > LONGEST:
        return None
    rest: list[str] = []
    found = False
    for raw in _RAW_SENTENCES.findall(text):
        sentence = _plain(raw)
        if not sentence:
            continue
        if _sentence().fullmatch(sentence):
            found = True
            continue
        parts = _CLAUSE_MARK.split(raw)
        # A sentence of one clause has been matched already.
        clauses = [_plain(part) for part in parts] if len(parts) > 1 else []
        asking = [bool(clause) and bool(_sentence().fullmatch(clause)) for clause in clauses]
        if any(asking):
            others = [clause for clause, asks in zip(clauses, asking, strict=True) if not asks]
            if any(map(_write_instead().fullmatch, others)):
                return None
            found = True
            rest += [clause for clause in others if clause]
        else:
            rest.append(raw.strip())
    if not found or any(_write_instead().fullmatch(_plain(part)) for part in rest):
        return None
    return " ".join(rest)


def _plain(text: str) -> str:
    """``text`` in lower case, with words and spaces only."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("i̇", "i")
    if "'" in folded or "’" in folded:
        folded = _AFTER_SMS.sub("", _SHORT_NOT.sub("nt", folded))
    kept = _NEITHER_WORD_NOR_SPACE.sub(" ", folded)
    return _E_MAIL.sub("e", " ".join(kept.split()))


def _letters(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    if plain.isascii():
        return "".join(filter(str.isalnum, plain))
    return "".join(char for char in plain if char.isalnum() or unicodedata.combining(char))
