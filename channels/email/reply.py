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
    header_block_end,
    introduction_end,
    is_device_line,
    is_divider,
    is_forward,
    is_forward_marker,
    is_marked,
    original_end,
    plain,
    split_inside,
    unmarked,
)
from channels.email.signoff import is_closing, without_sign_off

_OPEN_LINK = re.compile(r"[(<]https?://\S*$")
_LINK = re.compile(r"[(<]https?://[^\s)>]*[)>] ?>?")
_MANY_BLANKS = re.compile(r"\n(?:[^\S\n]*\n){2,}")
_LINES_OF_CLOSING = 8
"""Lines in which a closing ends a mail, names and contact details included."""
_WRAPPED = 60
"""From this length on a quoted line may have been wrapped, its rest losing the mark."""


def extract_reply(text: str, *, subject: str | None = None) -> str:
    """The customer's own words in ``text``, answers between quoted lines included.

    A forward keeps the forwarded words; ``subject`` helps to recognise one ("Fwd:"). When nothing
    would be left, all of the text stays. The time is linear in the length of ``text``.
    """
    reading = _Reading(text, forward=is_forward(subject))
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
    lines: list[str] = field(init=False)
    plain: list[str] = field(init=False)
    marked: list[bool] = field(init=False)
    parts: list[list[str]] = field(default_factory=lambda: [[]])
    forwarded: list[str] = field(default_factory=list)
    _device_seen: bool = False
    _no_headers_before: int = 0

    def __post_init__(self) -> None:
        split = (split_inside(line) for line in self.text.replace("\r\n", "\n").split("\n"))
        self.lines = [line for parts in split for line in parts]
        self.plain = [plain(line) for line in self.lines]
        self.marked = [is_marked(line) for line in self.plain]

    def reply(self) -> list[list[str]]:
        """The parts without their sign-offs, and what was forwarded."""
        own = [without_sign_off(part) for part in self.parts]
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
                if not self._is_marked_after(end):
                    self._end_at(at)
                    return
                self._drop_dividers()
                at, quoting = end, True
            else:
                quoting = False
                self._keep(at)
                at += 1

    def _keep(self, at: int) -> None:
        if is_device_line(self.plain[at]):
            self._device_seen = True
            return
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

    def _is_finished(self) -> bool:
        """Whether the customer has closed the mail: "Kind regards", "Sent from my phone"."""
        last = (plain(line) for line in self.parts[-1][-_LINES_OF_CLOSING:])
        return self._device_seen or any(map(is_closing, last))

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
            return not quoting and (self.forward or is_forward_marker(line))
        return is_forward_marker(line)

    def _end_at(self, at: int) -> None:
        """A quotation that is not marked line by line: it goes to the end of the mail. Of a
        forward, and where nothing was written above it, it is what the customer sends us."""
        written = any(line.strip() for part in self.parts for line in part)
        if self.forward or not written:
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
