"""A reply as it is said on one channel, in one mood."""

from __future__ import annotations

from collections.abc import Sequence

from brand_voice.book import Book, translated
from brand_voice.fitting import limit, split
from brand_voice.guide import ChannelGuide, Role
from brand_voice.lint import lint
from brand_voice.masking import Mask, hidden
from brand_voice.segments import count, encoding, transliterate
from brand_voice.sentences import sentences
from brand_voice.wording import Manner, calm_marks, reword, without_emoji
from gateway import Applied, Button, Finding, Link, Occasion, Rendered, Reply

Pieces = dict[Role, list[str]]

_SPARED: tuple[Role, ...] = ("sign_off", "greeting", "opener")
"""What goes first when a reply is too long: never a word of the body."""

_UNGREETED = frozenset({"survey", "thanks", "notice"})
_BETWEEN = {"blank_line": "\n\n", "line": "\n", "space": " "}


def render(book: Book, reply: Reply, occasion: Occasion) -> Rendered:
    """The parts in which ``reply`` is said on ``occasion``, and the rules that made them so.

    No part is longer than the channel's guide allows, and nothing the reply states is left out:
    what does not fit goes into more parts. A reply without words has none.
    """
    writer = _Writer(book, reply, occasion)
    if occasion.author == "agent":
        return writer.finished(writer.agent(), lint(book, _words(reply), _told(occasion, reply)))
    return writer.finished(writer.bot(), ())


class _Writer:
    """Writes one reply, and keeps what every rule did."""

    def __init__(self, book: Book, reply: Reply, occasion: Occasion) -> None:
        self._book, self._reply, self._occasion = book, reply, occasion
        self._channel: ChannelGuide = book.channel(occasion.channel)
        self._tongue = book.tongue(reply.language)
        label = occasion.emotion.label
        serious = label in book.serious
        self._manner = Manner(
            channel=self._channel, tongue=self._tongue, serious=serious, label=label
        )
        self._mask = Mask(fact.value for fact in reply.facts)
        self._fits = limit(self._channel)
        self._applied: list[Applied] = []

    # -- whose words -----------------------------------------------------------------------------

    def agent(self) -> list[str]:
        """The agent's words as they are, in parts that the channel can carry."""
        lines = [self._mask.hide(_words(self._reply))]
        lines += [line for asked in self._asking().values() for line in asked]
        parts, applied = self._parts("\n\n".join(line for line in lines if line))
        self._applied += applied
        return parts

    def bot(self) -> list[str]:
        """The bot's words after all rules of the guide."""
        pieces = self._own_words()
        if not any(any(lines) for lines in pieces.values()):
            return []
        self._frame(pieces)
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

    # -- the pieces ------------------------------------------------------------------------------

    def _own_words(self) -> Pieces:
        reply = self._reply
        said = any(
            line.strip() for line in (reply.opener or "", *reply.body, reply.next_step or "")
        )
        pieces: Pieces = {
            "opener": [self._worded(reply.opener or "")],
            "body": [self._worded(line) for line in reply.body],
            "next_step": [self._worded(reply.next_step or "")],
        }
        if said and not any(any(lines) for lines in pieces.values()):
            pieces["body"] = [
                translated(self._book.guide.honesty.acknowledge, reply.language) or ""
            ]
            self._note("acknowledge", "", pieces["body"][0])
        pieces["links"] = self._links(reply.links, "\n".join((*reply.body, reply.next_step or "")))
        pieces |= self._asking()
        return {role: [line for line in lines if line] for role, lines in pieces.items()}

    def _worded(self, text: str) -> str:
        return reword(self._mask.hide(text), self._manner, self._note) if text.strip() else ""

    def _links(self, links: Sequence[Link], said: str) -> list[str]:
        return [self._link(link) for link in links if not _says(said, link.url)]

    def _link(self, link: Link) -> str:
        title = self._worded(link.title).rstrip(" .:")
        url = self._mask.hide(link.url)
        if not title or (self._channel.links == "bare" and not hidden(title)):
            return url
        markup = self._channel.formatting
        if markup != "plain" and not set("[]()<>|") & set(link.title + link.url):
            return f"[{title}]({url})" if markup == "markdown" else f"<{url}|{title}>"
        return f"{title}: {url}"

    def _asking(self) -> Pieces:
        """How to answer, where the channel has no buttons for it."""
        if self._channel.buttons == "native":
            return {}
        asking, code = self._book.guide.asking, self._reply.language
        found: Pieces = {}
        if titles := [self._title(button) for button in self._reply.buttons]:
            last = translated(asking.last, code) or ", "
            options = last.join([part for part in (", ".join(titles[:-1]), titles[-1]) if part])
            line = (translated(asking.buttons, code) or "{options}").format(options=options)
            found["buttons"] = [line]
            self._note("buttons", "", line)
        if self._reply.survey:
            lines = asking.text if self._reply.survey.scale == "text" else asking.number
            line = translated(lines, code) or ""
            found["survey"] = [line]
            self._note("survey", "", line)
        return found

    def _title(self, button: Button) -> str:
        """What to answer for a button; its payload where a calm title has no word left."""
        title = self._mask.hide(button.title)
        if self._occasion.author == "agent" or not self._manner.serious:
            return title
        for said in (title, self._mask.hide(button.payload)):
            if calm := without_emoji(calm_marks(said)).rstrip("."):
                return calm
        return title

    # -- around them -----------------------------------------------------------------------------

    def _frame(self, pieces: Pieces) -> None:
        """Adds what the guide says of its own: a greeting, a first sentence, a signature."""
        if opener := self._opener(pieces):
            pieces["opener"] = [opener]
            self._note("opener", self._reply.opener or "", opener)
        if greeting := self._greeting(pieces):
            pieces["greeting"] = [greeting]
            self._note("greeting", "", greeting)
        if self._channel.sign_off:
            signed = translated(self._book.guide.honesty.sign_off, self._reply.language) or ""
            pieces["sign_off"] = [signed]
            self._note("sign-off", "", signed)

    def _opener(self, pieces: Pieces) -> str:
        """A first sentence of the guide, unless the reply has one or wants none."""
        reply, book = self._reply, self._book
        if reply.opener == "" or pieces["opener"] or not pieces["body"]:
            return ""
        if reply.purpose not in book.guide.openers.purposes:
            return ""
        key = f"{self._occasion.customer or ''}\n{_words(reply)}"
        chosen = book.opener(self._manner.label, reply.language, key)
        first = pieces["body"][0]
        if self._tongue.apologises(chosen) and self._tongue.apologises(first):
            return ""
        return self._house(chosen)

    def _greeting(self, pieces: Pieces) -> str:
        style, reply = self._channel.greeting, self._reply
        if style == "none" or not self._occasion.first or reply.purpose in _UNGREETED:
            return ""
        first = next((lines[0] for role in ("opener", "body") if (lines := pieces.get(role))), "")
        if self._tongue.greets(first):
            return ""
        label = self._manner.label
        return self._house(
            self._book.greeting(style, label, reply.language, self._occasion.customer)
        )

    def _house(self, text: str) -> str:
        """The guide's own words obey its rules too."""
        if self._manner.serious:
            text = calm_marks(text)
        if self._manner.serious or not self._channel.emoji:
            text = without_emoji(text)
        return text

    # -- one text, and its parts -----------------------------------------------------------------

    def _assembled(self, pieces: Pieces) -> str:
        """The pieces in the channel's order; a chat's greeting and opener run into the body."""
        between = _BETWEEN[self._channel.paragraphs]
        text, joint = "", ""
        order = dict.fromkeys((*self._channel.order, *pieces))
        for role in order:
            lines = pieces.get(role)
            if not lines:
                continue
            block = self._joined(role, lines, between)
            text = f"{text}{joint}{block}" if text else block
            flows = role == "opener" or (role == "greeting" and self._channel.greeting == "chat")
            joint = " " if flows and not block.endswith("\n") else between
        return text

    def _joined(self, role: Role, lines: Sequence[str], between: str) -> str:
        if role == "links":
            return ("\n" if between != " " else " ").join(lines)
        if role != "body":
            return between.join(lines)
        abbreviations = self._tongue.abbreviations
        paragraphs = any(len(sentences(line, abbreviations)) > 1 for line in lines)
        return (between if paragraphs else " ").join(lines)

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


def _says(text: str, url: str) -> bool:
    """Whether ``url`` itself, and not a longer one, stands in ``text``."""
    end = text.find(url) + len(url)
    while end >= len(url):
        after = text[end : end + 1]
        longer = after.isalnum() or (after and after in "/?=&#%~_+-")
        if not longer and not (after == "." and text[end + 1 : end + 2].isalnum()):
            return True
        end = text.find(url, end) + len(url)
    return False


def _words(reply: Reply) -> str:
    """All that a reply says, as one text."""
    links = (f"{link.title}: {link.url}" for link in reply.links)
    return "\n\n".join(s for s in (reply.opener, *reply.body, reply.next_step, *links) if s)


def _told(occasion: Occasion, reply: Reply) -> Occasion:
    return occasion if occasion.language else occasion.replace(language=reply.language)
