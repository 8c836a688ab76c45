"""Replaces people's names and addresses by placeholders that are the same throughout an import.

A placeholder is a keyed hash (HMAC-SHA-256, RFC 2104) of the address or name, with a key that is
random for each import and forgotten at its end: nobody can tell then who it was. What else may be
personal (streets, numbers, links) becomes a gap.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping

from gateway import EMAIL, Fact, ImportedConversation, ImportedMessage, masked
from plugins.history.importing.values import masked_key

_LETTERS = "bcdfghjklmnpqrstvwxz"
"""Without vowels a placeholder is no word, and without digits it is no number."""
_LENGTH = 8
_OPEN, _CLOSE = "\ue000", "\ue001"
"""Of the private use area: no rule of masking takes what stands between them for a word."""
_TOKEN = re.compile(f"{_OPEN}([{_LETTERS}]+){_CLOSE}")
_EMAIL = re.compile(EMAIL)
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_JOINED = re.compile(r"(['’-])")
_SHORTEST = 2
"""Letters of the shortest word of a name; an initial alone tells nobody."""


def mask(conversation: ImportedConversation, secret: str) -> ImportedConversation:
    """``conversation`` with placeholders for its people, in every field."""
    masker = _Masker(conversation, secret)
    address = conversation.address
    value = f"person-{masker.code(address.value)}@masked.invalid"
    return conversation.replace(
        address=address.replace(value=value),
        name=f"Person {masker.code(address.value)}",
        subject=masker.text(conversation.subject) if conversation.subject else None,
        labels=(),
        related=tuple(map(masked_key, conversation.related)),
        messages=tuple(masker.message(message) for message in conversation.messages),
    )


class _Masker:
    def __init__(self, conversation: ImportedConversation, secret: str) -> None:
        self._secret = secret.encode()
        self._words = self._codes(conversation)

    def code(self, text: str) -> str:
        """The placeholder's letters for an address or a name."""
        digest = hmac.new(self._secret, text.strip().casefold().encode(), hashlib.sha256).digest()
        return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:_LENGTH])

    def message(self, message: ImportedMessage) -> ImportedMessage:
        agent = message.author == "agent" and message.name
        return message.replace(
            key=masked_key(message.key),
            text=self.text(message.text),
            name=f"Agent {self.code(message.name)}" if agent else "",
            subject=self.text(message.subject) if message.subject else None,
            facts=tuple(map(self._fact, message.facts)),
        )

    def text(self, text: str) -> str:
        token = text.replace(_OPEN, "").replace(_CLOSE, "")
        token = _EMAIL.sub(lambda found: f"{_OPEN}{self.code(found[0])}{_CLOSE}", token)
        token = _WORD.sub(self._known, token)
        return _TOKEN.sub(r"Person-\1", masked(token, (), ours=True))

    def _known(self, found: re.Match[str]) -> str:
        word = found[0]
        if word.casefold() in self._words:
            return self._token(word)
        parts = _JOINED.split(word)  # "Anna's"
        if len(parts) > 1 and any(part.casefold() in self._words for part in parts):
            return "".join(map(self._token, parts))
        return word

    def _token(self, word: str) -> str:
        code = self._words.get(word.casefold())
        return word if code is None else f"{_OPEN}{code}{_CLOSE}"

    def _codes(self, conversation: ImportedConversation) -> Mapping[str, str]:
        """The placeholder's letters for each word of a name in the conversation."""
        people: list[tuple[str, Iterable[str]]] = [
            (conversation.address.value, (conversation.name, _local(conversation.address.value)))
        ]
        people += [(message.name, (message.name,)) for message in conversation.messages]
        return {
            part.casefold(): self.code(person)
            for person, names in people
            for name in names
            for word in _WORD.findall(name)
            for part in (word, *_JOINED.split(word))
            if len(part) >= _SHORTEST
        }

    def _fact(self, fact: Fact) -> Fact:
        if fact.name == "left out":
            suffix = fact.value.rpartition(".")[2] if "." in fact.value else ""
            return fact.replace(value=f"a file .{suffix[:5]}" if suffix else "a file")
        return fact.replace(value=self.text(fact.value))


def _local(address: str) -> str:
    """The words of an address before the @ that can be a name."""
    return re.sub(r"[\d._+-]+", " ", address.partition("@")[0])
