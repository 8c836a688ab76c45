"""A reply as it is said on one channel, in one mood."""

from __future__ import annotations

from collections.abc import Sequence

from brand_voice.book import Book
from brand_voice.composing import Composer, Pieces, joined, words
from brand_voice.fitting import limit, lowered, split
from brand_voice.guide import Role
from brand_voice.lint import lint
from brand_voice.masking import Mask, hidden
from brand_voice.segments import count, encoding, transliterate
from brand_voice.sentences import sentences
from brand_voice.wording import Manner
from gateway import Applied, Finding, Occasion, Rendered, Reply

_SPARED: tuple[Role, ...] = ("sign_off", "greeting", "opener")
"""What goes first when a reply is too long: never a word of the body."""

_BETWEEN = {"blank_line": "\n\n", "line": "\n", "space": " "}


def render(book: Book, reply: Reply, occasion: Occasion) -> Rendered:
    """The parts in which ``reply`` is said on ``occasion``, and the rules that made them so.

    No part is longer than the channel's guide allows, and nothing the reply states is left out:
    what does not fit goes into more parts. A reply without words has none.
    """
    writer = _Writer(book, reply, occasion)
    if occasion.author == "bot":
        return writer.finished(writer.bot(), ())
    told = occasion if occasion.language else occasion.replace(language=reply.language)
    return writer.finished(writer.agent(), lint(book, words(reply), told))


class _Writer:
    """Writes one reply, and keeps what every rule did."""

    def __init__(self, book: Book, reply: Reply, occasion: Occasion) -> None:
        self._reply = reply
        self._channel = lowered(book.channel(occasion.channel), occasion.max_length)
        self._tongue = book.tongue(reply.language)
        self._mask = Mask(fact.value for fact in reply.facts)
        self._fits = limit(self._channel)
        self._applied: list[Applied] = []
        label = occasion.emotion.label
        manner = Manner(
            channel=self._channel, tongue=self._tongue, serious=label in book.serious, label=label
        )
        self._composer = Composer(
            book, reply, occasion, manner=manner, mask=self._mask, note=self._note
        )

    def agent(self) -> list[str]:
        """The agent's words as they are, in parts that the channel can carry."""
        lines = [self._mask.hide(words(self._reply))]
        lines += [line for asked in self._composer.asking().values() for line in asked]
        parts, applied = self._parts("\n\n".join(line for line in lines if line))
        self._applied += applied
        return parts

    def bot(self) -> list[str]:
        """The bot's words after all rules of the guide."""
        pieces = self._composer.pieces()
        most = self._channel.max_parts
        parts, applied = self._parts(self._assembled(pieces))
        for role in _SPARED if len(parts) > most else ():
            lines = pieces.get(role, [])
            if lines and not any(map(hidden, lines)):
                self._note("shortened", " ".join(pieces.pop(role)), "")
                parts, applied = self._parts(self._assembled(pieces))
            if len(parts) <= most:
                break
        self._applied += applied
        if len(parts) > most:
            self._note("more-parts", str(most), str(len(parts)))
        return parts

    def finished(self, parts: Sequence[str], advice: tuple[Finding, ...]) -> Rendered:
        if self._channel.max_segments is None:
            return Rendered(parts=tuple(parts), applied=tuple(self._applied), advice=advice)
        costly = any(encoding(part) == "UCS-2" for part in parts)
        return Rendered(
            parts=tuple(parts),
            encoding="UCS-2" if costly else "GSM-7",
            segments=sum(map(count, parts)),
            applied=tuple(self._applied),
            advice=advice,
        )

    def _assembled(self, pieces: Pieces) -> str:
        """The pieces in the channel's order; a chat's greeting and opener run into the body."""
        between = _BETWEEN[self._channel.paragraphs]
        text, joint = "", ""
        for role in dict.fromkeys((*self._channel.order, *pieces)):
            if role in pieces:
                block = joined(role, pieces[role], between, paragraphs=self._long(pieces[role]))
                text = f"{text}{joint}{block}" if text else block
                chat = role == "greeting" and self._channel.greeting == "chat"
                joint = " " if role == "opener" or chat else between
        return text

    def _long(self, lines: Sequence[str]) -> bool:
        """Whether the lines are paragraphs: one has more than one sentence."""
        abbreviations = self._tongue.abbreviations
        return len(lines) > 1 and any(len(sentences(line, abbreviations)) > 1 for line in lines)

    def _parts(self, text: str) -> tuple[list[str], list[Applied]]:
        mask, applied = self._mask, list[Applied]()
        if self._channel.max_segments is not None:
            mask, text = self._spelled(text, applied)
        parts = split(text, mask, self._fits, self._tongue.abbreviations)
        if len(parts) > 1:
            cut = "\n---\n".join(parts)
            applied.append(Applied(rule="split", before=mask.show(text), after=cut))
        return parts, applied

    def _spelled(self, text: str, applied: list[Applied]) -> tuple[Mask, str]:
        """In letters an SMS carries cheaply, where all of it can be said in them faithfully."""
        before = self._mask.show(text)
        if encoding(before) == "GSM-7":
            return self._mask, text
        mask, plain = self._mask.plain(transliterate), transliterate(text)
        after = mask.show(plain)
        if encoding(after) == "UCS-2":
            return self._mask, text
        applied.append(Applied(rule="transliteration", before=before, after=after))
        return mask, plain

    def _note(self, rule: str, before: str, after: str) -> None:
        show = self._mask.show
        self._applied.append(Applied(rule=rule, before=show(before), after=show(after)))
