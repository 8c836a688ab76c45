"""What a customer newly wrote in the text of a mail: without quotations and sign-off.

The text is read line by line, once. A quotation is recognised by its marks or its introduction, and
when it is doubtful whether words are the customer's, they stay: a few lines too many cost less than
a lost sentence. Chosen by measurement (docs/email.md): no library reads the mail programs of ten
languages without losing words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from channels.email.introductions import (
    compiled,
    every,
    header_block_end,
    introduction_end,
    is_device_line,
    is_divider,
    is_forward,
    is_forward_marker,
    is_marked,
    is_salutation,
    original_end,
    plain,
    split_inside,
    unmarked,
)

_OPEN_LINK = re.compile(r"[(<]https?://\S*$")
_LINK = re.compile(r"[(<]https?://[^\s)>]*[)>] ?>?")
_MANY_BLANKS = re.compile(r"\n(?:[^\S\n]*\n){2,}")
_LINES_OF_CLOSING = 8
"""Lines in which a closing ends a mail, names and contact details included."""
_WRAPPED = 60
"""From this length on a quoted line may have been wrapped, its rest losing the mark."""

_MAX_LINES = 12
"""Lines below a closing; longer ends are the customer's."""
_MAX_SEARCHED = 60
"""Lines at the end of a text in which a sign-off is searched."""
_MAX_LENGTH = 80
_DELIMITER = re.compile(r"--|—|–|__|_{5,}|-{5,}|={5,}|\*( \*){2,}")
_CLOSING = compiled(
    rf"(?:{every('closing')})(?:[\s,.!]*(?:(?-i:[A-ZÀ-ÝŁŚŻ])(?:[^\W\d]|['.-]){{1,20}} ?){{1,3}})?"
    r"[\W_]*"
)
_POSTSCRIPT = compiled(rf"[\W_]*(?:{every('postscript')})(?:\s*[:.,)–-]|\s)\s*\S")
_CONTACT = re.compile(
    r"@|https?:|www\.|\+?\d[\d ()/.-]{5,}\d|\||\b(?:tel|fax|phone|mobile?|mob|gmbh|ltd|inc|llc|"
    r"corp|s\.?l|s\.?r\.?l|b\.?v|sarl|ag|ab|aps|sp\. z o\.o)\b",
    re.IGNORECASE,
)
_LIST_FOOTER = re.compile(r"mailing list|listinfo|unsubscribe|@", re.IGNORECASE)
_REFERENCE = re.compile(
    r"#\s?\d{3,}|(?-i:\b[A-Z]{2,5}[- ]?\d{4,})|\b(?:order|bestell|kunden|rechnung|commande|client|"
    r"facture|pedido|factura|ordin|cliente|bestel|klant|ordre|beställ|kund|kunde|zamówieni|klient|"
    r"encomenda|fatura|invoice|customer|ticket)\w*\b.{0,20}\d{3,}",
    re.IGNORECASE,
)
"""Numbers that an answer needs, as some customers put below their name."""
_NAME = re.compile(r"\w[\w'.-]*|(?:[A-ZÀ-ÝŁŚŻ][\w'.-]*\s?){2,4}(?:@\w+)?")
_ONLY_LINK = re.compile(r"https?:")
_SPEAKS = compiled(
    rf"(?<!\w)(?:{every('own')}|please|bitte|svp|stp|s'il vous|por favor|per favore|alstublieft|"
    r"graag|tack|venligst|proszę|favor)(?!\w)"
)
"""Words of people who say something."""


def extract_reply(text: str, *, subject: str | None = None, answers: bool = True) -> str:
    """The customer's own words in ``text``, answers between quoted lines included.

    A forward keeps the forwarded words; ``subject`` helps to recognise one ("Fwd:"), and so does
    ``answers``: a mail that answers none cannot quote what we know. When nothing would be left, all
    of the text stays. The time is linear in the length of ``text``.
    """
    reading = _Reading(text, forward=is_forward(subject), answers=answers)
    reading.read()
    reply = "\n\n".join(filter(None, (_tidy(part) for part in reading.reply())))
    return reply or _tidy(text.replace("\r\n", "\n").split("\n"))


def shorten(text: str, limit: int) -> str:
    """The beginning of ``text``, at most ``limit`` characters, that ends between two words."""
    if len(text) <= limit:
        return text
    words = text[: limit + 1].rsplit(maxsplit=1)
    # Without a blank near the end it is no text of words, and is cut where it must be.
    return words[0] if len(words) > 1 and len(words[0]) > limit // 2 else text[:limit]


def _tidy(lines: list[str]) -> str:
    text = "\n".join(line.rstrip() for line in lines)
    return _MANY_BLANKS.sub("\n\n", text).strip()


@dataclass(slots=True)
class _Reading:
    """One pass over the lines. ``parts`` are the customer's words between quotations."""

    text: str
    forward: bool
    answers: bool
    lines: list[str] = field(init=False)
    plain: list[str] = field(init=False)
    marked: list[bool] = field(init=False)
    parts: list[list[str]] = field(default_factory=lambda: [[]])
    forwarded: list[str] = field(default_factory=list)
    _device_seen: bool = False
    _below_device: bool = False
    _no_headers_before: int = 0

    def __post_init__(self) -> None:
        split = (split_inside(line) for line in self.text.replace("\r\n", "\n").split("\n"))
        self.lines = [line for parts in split for line in parts]
        self.plain = [plain(line) for line in self.lines]
        self.marked = [is_marked(line) for line in self.plain]

    def reply(self) -> list[list[str]]:
        """The parts without their sign-offs, and what was forwarded."""
        own = [_without_sign_off(part) for part in self.parts]
        if not (self.forwarded or any(line.strip() for part in own for line in part)):
            own = self.parts
        return [*own, self.forwarded]

    def read(self) -> None:
        at, quoting = 0, False
        while at < len(self.lines):
            line = self.plain[at]
            if self._is_forward_at(at, quoting):
                self._keep_forward(at)
                return
            if not line:
                self.parts[-1].append("")
                at += 1
            elif self.marked[at]:
                at = self._skip_marked(at)
                quoting = True
            elif end := self._introduction_at(at):
                if self.forward or not self._is_marked_after(end):
                    self._end_at(at)
                    return
                self._drop_dividers()
                at, quoting = end, True
            elif self._begins_another_mail(at):
                self._end_at(at)
                return
            else:
                quoting = False
                self._keep(at)
                at += 1

    def _keep(self, at: int) -> None:
        if is_device_line(self.plain[at]):
            self._device_seen = self._below_device = True
            return
        self._below_device = False
        self.parts[-1].append(self.lines[at])

    def _skip_marked(self, at: int) -> int:
        """Skip marked lines, and rests of them that a mail program wrapped."""
        while at < len(self.lines) and (self.marked[at] or self._is_wrapped_rest(at)):
            at += 1
        if self.parts[-1]:
            self.parts.append([])
        return at

    def _is_wrapped_rest(self, at: int) -> bool:
        before, line = self.plain[at - 1], self.plain[at]
        followed = at + 1 < len(self.lines) and self.marked[at + 1]
        wrapped = self.marked[at - 1] and len(before) >= _WRAPPED and before[-1] not in "?:"
        link = self.marked[at - 1] and (_OPEN_LINK.search(before) or _LINK.fullmatch(line))
        return bool(followed and line and (link or (wrapped and line[0].islower())))

    def _introduction_at(self, at: int) -> int:
        end = original_end(self.plain, at)
        if not end and at >= self._no_headers_before:
            end = header_block_end(self.plain, at)
            if end < 0:  # no part of this block can be one
                self._no_headers_before = -end
        if end > 0:
            return end
        return introduction_end(self.plain, at, marked=self.marked, finished=self._is_finished)

    def _begins_another_mail(self, at: int) -> bool:
        """A salutation right below the line of the phone, under words of the customer: a quotation
        whose introduction was lost. With a question or an order number in it, it may be theirs."""
        written = any(line.strip() for part in self.parts for line in part)
        if not (self._below_device and written and is_salutation(self.plain[at])):
            return False
        return not any("?" in line or _REFERENCE.search(line) for line in self.plain[at:])

    def _is_finished(self) -> bool:
        """Whether the customer has closed the mail: "Kind regards", "Sent from my phone"."""
        last = (plain(line) for line in self.parts[-1][-_LINES_OF_CLOSING:])
        return self._device_seen or any(map(_closes, last))

    def _is_marked_after(self, end: int) -> bool:
        following = next((n for n in range(end, len(self.lines)) if self.plain[n]), None)
        return following is not None and (self.marked[following] or self._is_piped(following))

    def _is_piped(self, at: int) -> bool:
        """Lines marked with ``|``: only below an introduction, for tables begin like this, too."""
        end = at
        while end < len(self.lines) and self.plain[end][:1] == "|":
            self.marked[end] = True
            end += 1
        return end > at

    def _is_forward_at(self, at: int, quoting: bool) -> bool:
        line = self.plain[at]
        if self.marked[at]:
            sent_on = self.forward or not self.answers
            return not quoting and (sent_on or is_forward_marker(line))
        return is_forward_marker(line)

    def _end_at(self, at: int) -> None:
        """A quotation that is not marked line by line: it goes to the end of the mail. Of a
        forward, and where nothing was written above it, it is what the customer sends us."""
        written = any(line.strip() for part in self.parts for line in part)
        if self.forward or not (self.answers and written):
            self._keep_forward(at)
        else:
            self._drop_dividers()

    def _keep_forward(self, at: int) -> None:
        self._drop_dividers()
        self.forwarded = [unmarked(line) for line in self.lines[at:]]

    def _drop_dividers(self) -> None:
        part = self.parts[-1]
        while part and (not part[-1].strip() or is_divider(plain(part[-1]))):
            part.pop()


# -- sign-off -------------------------------------------------------------------------------------
# A closing or a delimiter alone proves nothing ("Cheers", a lone --): what stands below it must
# look like names and contact details. Sentences, questions and postscripts stay.


def _closes(line: str) -> bool:
    """Whether ``line`` is nothing but a closing formula ("Kind regards,"), with or without name."""
    return len(line) <= _MAX_LENGTH and bool(_CLOSING.fullmatch(line))


def _without_sign_off(lines: list[str]) -> list[str]:
    """``lines`` without the sign-off at their end, a postscript below it kept."""
    start = max(0, len(lines) - _MAX_SEARCHED)
    first = next((n for n, line in enumerate(lines) if line.strip()), len(lines))
    ends = [plain(line) for line in lines[start:]]
    for is_end in (_is_delimiter, _is_closing):
        for at in range(max(0, first + 1 - start), len(ends)):
            if ends[at] and is_end(lines[start + at], ends[at:]):
                return lines[: start + at] + _postscript(lines[start + at + 1 :], ends[at + 1 :])
    return lines


def _is_delimiter(line: str, ends: list[str]) -> bool:
    return bool(_DELIMITER.fullmatch(ends[0])) and _follows_delimiter(line, ends[1:])


def _is_closing(_line: str, ends: list[str]) -> bool:
    return _closes(ends[0]) and _is_signature(ends[1:])


def _postscript(lines: list[str], ends: list[str]) -> list[str]:
    found = _postscript_at(ends)
    return [] if found is None else ["", *lines[found:]]


def _postscript_at(ends: list[str]) -> int | None:
    return next((n for n, line in enumerate(ends) if _POSTSCRIPT.match(line)), None)


def _before_postscript(ends: list[str]) -> list[str]:
    return [line for line in ends[: _postscript_at(ends)] if line]


def _is_signature(ends: list[str]) -> bool:
    written = _before_postscript(ends)
    return len(written) <= _MAX_LINES and not any(map(_is_sentence, written))


def _follows_delimiter(delimiter: str, ends: list[str]) -> bool:
    """Below ``-- `` (RFC 3676, 4.3) stands a signature, unless it asks something or has a number
    that an answer needs. Below any other delimiter there must be a name and contact details, or
    the footer of a mailing list."""
    written = _before_postscript(ends)
    if delimiter.rstrip("\r") == "-- ":
        return not any("?" in line or _REFERENCE.search(line) for line in written)
    if len(written) > _MAX_LINES or any(map(_is_sentence, written)):
        return False
    if len(plain(delimiter)) >= 5:
        return any(_LIST_FOOTER.search(line) for line in written) or not written
    if any(line[-1] in ".!" and len(line.split()) > 2 for line in written):
        return False
    if len(written) > 1:
        return any(_CONTACT.search(line) and not _ONLY_LINK.match(line) for line in written)
    return not written or bool(_NAME.fullmatch(written[0]))


def _is_sentence(line: str) -> bool:
    """Whether ``line``, below a closing, says something: more than names and contact details do."""
    if "?" in line or _REFERENCE.search(line):
        return True
    if line[-1] == ":" and not _CONTACT.search(line):
        return True  # "My new address:"
    if len(line) > _MAX_LENGTH:
        return not _CONTACT.search(line)
    words = len(line.split())
    if words > 2 and _SPEAKS.search(line):
        return True
    if words < 5 or _CONTACT.search(line):
        return False
    return line[-1] in ".!" or "," not in line
