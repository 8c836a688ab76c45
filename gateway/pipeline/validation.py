"""Checks the values that plugins return: only valid ones get into a turn, and only what every
database stores is written."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from gateway.model import Fact, Inbound, Insight, Receipt, Sent, Value
from gateway.ports import Malformed

V = TypeVar("V", bound=Value)
Received = TypeVar("Received", Inbound, Receipt)
_BYTES = (bytes, bytearray, memoryview)
"""msgspec would otherwise write them as Base64: bytes in a text's place are a mistake."""
LONGEST_ID = 2000
"""Bytes of an id in UTF-8. PostgreSQL indexes ids, and a B-tree entry may have at most a third of
a page, 2,704 bytes (PostgreSQL's documentation, "B-Tree Indexes")."""


class InvalidValue(ValueError):
    """A plugin returned a value that cannot be used."""


def check_types(value: object, expected: type[V]) -> V:
    """Return ``value``, with a tuple in place of each list. Raises InvalidValue when it is not of
    the ``expected`` class, or a field does not have its declared type: such a value could be
    stored, but never read again."""
    if not isinstance(value, expected):
        raise InvalidValue(f"expected {expected.__name__}, got {type(value).__name__}")
    try:
        plain = msgspec.to_builtins(value, builtin_types=_BYTES)
        return msgspec.convert(plain, type(value), builtin_types=_BYTES)
    except (msgspec.ValidationError, TypeError) as error:
        raise InvalidValue(f"an invalid {type(value).__name__}: {error}") from None


ADVICE = {
    "address": "use Address(channel=..., value=...)",
    "address.value": "use the customer's address as text, not empty",
    "address.channel": "use the channel's name, not empty",
    "at": "use a datetime with a time zone, such as services.clock.now()",
    "attachments": "keep each File with services.files.keep, and use what it returns",
    "ids": "use a tuple of texts",
    "kind": "use message, edit or unreadable",
    "remote_id": "use the provider's id as text, or None",
    "text": "use the customer's words as text; they may be empty",
}
"""How to mend a field of what a channel passes on."""


def check_received(value: object, expected: type[Received]) -> Received:
    """Return what a channel passes on, with a tuple in place of each list. Raises Malformed, which
    names the field and what to write, when it could be stored but not handled."""
    try:
        found = check_types(value, expected)
    except InvalidValue as error:
        what, _, path = str(error).partition(" - at `$.")
        what = what.removeprefix(f"an invalid {type(value).__name__}: ")
        if what.startswith("Invalid enum value"):  # which is not shown: it may be somebody's words
            what = "an unknown value"
        raise _malformed(expected, path.rstrip("`"), what) from None
    if isinstance(found, Inbound):
        if not found.address.value:
            raise _malformed(expected, "address.value", "it is empty")
        if not found.address.channel:
            raise _malformed(expected, "address.channel", "it is empty")
    if found.at.tzinfo is None:
        raise _malformed(expected, "at", "it has no time zone")
    return found


def _malformed(expected: type[Value], path: str, what: str) -> Malformed:
    name = expected.__name__
    advice = ADVICE.get(path) or ADVICE.get(path.partition("[")[0].partition(".")[0])
    advice = advice or f"see {name} in docs/reference/values.md"
    return Malformed(f"{name}{'.' if path else ''}{path}: {what}; {advice}")


def validated_insight(value: object, text: str) -> Insight:
    """``value`` as an insight into a message ``text``, with its ranking best first.

    Raises InvalidValue when it is not an Insight, a number is outside 0..1 (or NaN), or a cue is
    not within the message.
    """
    insight = check_types(value, Insight)
    for number in _shares(insight):
        if not 0.0 <= number <= 1.0:  # also false for NaN
            raise InvalidValue(f"{number} is not within 0..1")
    for cue in (*insight.signals, *(insight.emotion.cues if insight.emotion else ())):
        if not 0 <= cue.start <= cue.end <= len(text):
            raise InvalidValue(f"the cue {cue.kind} at {cue.start} is outside the message")
    for sentence in insight.sentences:
        if not 0 <= sentence.start <= sentence.end <= len(text):
            raise InvalidValue(f"the sentence at {sentence.start} is outside the message")
    if not insight.ranking:
        return insight
    ranking = sorted(insight.ranking, key=lambda guess: -guess.confidence)
    return insight.replace(ranking=tuple(ranking))


def _shares(insight: Insight) -> list[float]:
    """All numbers that must be within 0..1."""
    shares = [guess.confidence for guess in insight.ranking or ()]
    shares += [sentence.guess.confidence for sentence in insight.sentences]
    if insight.language:
        shares.append(insight.language.confidence)
    if insight.emotion:
        shares += [insight.emotion.intensity, insight.emotion.distress]
    return shares


def storable(text: str) -> str:
    """``text`` with a replacement character for each NUL, which PostgreSQL does not store, and for
    each lone surrogate, which JSON can hold (RFC 8259, section 8.2) and UTF-8 cannot."""
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def storable_id(id: object) -> str | None:
    """A provider's id, a text or a whole number, as text; None when it is empty or cannot be
    stored unchanged."""
    if isinstance(id, int) and not isinstance(id, bool) and id.bit_length() <= 64:
        return str(id)
    if not isinstance(id, str) or not id or storable(id) != id:
        return None
    return id if len(id.encode()) <= LONGEST_ID else None


def storable_sent(sent: object) -> Sent:
    """``sent`` as every database stores it. What the provider took stays sent, whatever its id and
    facts look like: an id that cannot be stored is left out, and no receipt is matched with it."""
    if not isinstance(sent, Sent):
        return Sent()
    facts = tuple(fact for fact in sent.facts or () if isinstance(fact, Fact))
    return Sent(
        remote_id=storable_id(sent.remote_id),
        facts=tuple(
            Fact(name=storable(str(fact.name)), value=storable(str(fact.value))) for fact in facts
        ),
    )
