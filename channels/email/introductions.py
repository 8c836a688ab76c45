"""Recognises the lines with which a mail program introduces a quotation or a forward.

No list of formats is complete, so a line is judged by its evidence: a verb of writing, a date, a
time, an address, how it begins and ends, and whether marked lines follow. What a customer may write
as well ("your driver wrote: nobody at home", "From: 3 Linden Way", "To: 9 Harbour Street") is an
introduction only with evidence that people do not write by hand.

All lines are given as `plain` makes them, and every pattern sees at most `_MAX_INTRODUCTION`
characters, so that the time grows with the length of the mail only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

from channels.email.phrases import (
    AFTER_DEVICE,
    BEFORE_DEVICE,
    DEVICES,
    GET_OUTLOOK,
    PHRASES,
    MailPhrases,
)

_MAX_INTRODUCTION = 400
"""Characters of a joined introduction; with long names and addresses they reach about 300."""
_MAX_HEIGHT = 5
_MAX_BLOCK = 24
"""Lines of a block of headers, with long lists of recipients."""
_MAX_WRAPPED = 4
"""Lines over which one header is wrapped."""

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_BLANKS = re.compile(r"\s+")
_MARK = re.compile(r"\s{0,3}>")
_LINKS = re.compile(r"[<(\[]\s*(?:https?|mailto):[^>)\]]*[>)\]]|https?://\S+")


def plain(line: str) -> str:
    """``line`` without invisible characters and needless blanks."""
    return _BLANKS.sub(" ", _INVISIBLE.sub("", line)).strip()


def is_marked(line: str) -> bool:
    """Whether ``line`` begins with the mark of a quotation. ``>>> read this <<<`` does not."""
    return bool(_MARK.match(line)) and not line.rstrip().endswith("<<<")


def unmarked(line: str) -> str:
    """``line`` without one level of the mark of a quotation."""
    match = _MARK.match(line)
    return line[match.end() :].removeprefix(" ") if match else line


def _any(phrases: Iterable[str]) -> str:
    return "|".join(sorted(phrases, key=len, reverse=True))


def every(name: str) -> str:
    """A pattern of the phrases ``name`` of all languages."""

    def of(phrases: MailPhrases) -> Iterable[str]:
        values: tuple[str, ...] = getattr(phrases, name)
        return values

    return _any(dict.fromkeys(chain.from_iterable(map(of, PHRASES.values()))))


def compiled(pattern: str) -> re.Pattern[str]:
    """``pattern``, without regard to case."""
    return re.compile(pattern, re.IGNORECASE)


# -- lines between dashes -------------------------------------------------------------------------

_DASH = "-‐‑‒–—―_=*~#+"
_ORIGINAL = compiled(rf"(?P<dashes>[{_DASH}> ]*)(?:{every('original')})[{_DASH} ]*:?(?P<rest>.*)")
_FORWARDED = compiled(
    rf"(?P<before>[{_DASH}> ]*)(?:{every('forwarded')})(?P<after>[{_DASH} ]*:?[{_DASH} ]*)"
)
_BETWEEN_DASHES = compiled(rf"-{{2,}} ?.{{1,200}}\b(?:{every('wrote')}) ?-{{2,}}")
_DIVIDER = re.compile(rf"[{_DASH} ]{{3,}}")


def is_divider(line: str) -> bool:
    """A line of dashes or the like, as stands above some introductions."""
    return bool(_DIVIDER.fullmatch(line))


def is_forward_marker(line: str) -> bool:
    """ "---------- Forwarded message ---------" or "Begin forwarded message:"."""
    if not line or not (line[-1] in _DASH + ":" or line[0] in _DASH + ">"):
        return False
    match = len(line) <= _MAX_INTRODUCTION and _FORWARDED.fullmatch(line)
    return bool(match and (match["before"].strip("> ") or match["after"].strip()))


def is_forward(subject: str | None) -> bool:
    """Whether ``subject`` says that the mail is a forward ("Fwd:", "WG:"), not an answer to one.
    Mail servers and lists put tags before it ("[EXTERNAL]")."""
    return bool(_SUBJECT_FORWARD.match(subject or ""))


def forwarded_authors(text: str) -> tuple[str, ...]:
    """The addresses of those whose mails ``text`` passes on, lower-case and each once: those of its
    headers ("From: ...") and of the introductions of what was quoted there. At most `_MOST_LINES`
    lines are read."""
    found: dict[str, None] = {}
    for marked in text.split("\n", _MOST_LINES)[:_MOST_LINES]:
        line = plain(marked.lstrip("> \t"))[:_MAX_INTRODUCTION]
        header = _header(line) if "@" in line else None
        if (header and header[0] == "sender") or (_VERB.search(line) and _DATE.search(line)):
            found |= dict.fromkeys(address.lower() for address in _WHOLE_ADDRESS.findall(line))
    return tuple(found)


_MOST_LINES = 2_000
_WHOLE_ADDRESS = re.compile(r"[^\s<>()\[\]@,;:\"]{1,64}@[^\s<>()\[\]@,;:\"]{1,200}\.\w{1,60}")
_SUBJECT_FORWARD = compiled(
    rf"\s*(?:\[[^\]]{{1,60}}\]\s*)*\[?(?:{every('subject_forward')}) ?[:\uff1a]"
)


# -- blocks of headers ----------------------------------------------------------------------------

_KINDS = ("sender", "sent", "to", "subject", "other")
_HEADER = compiled(
    r"[>|*_ ]*(?:"
    + "|".join(f"(?P<{kind}>{every(kind)})" for kind in _KINDS)
    + r") ?[*_]* ?[:\uff1a][*_]* ?(?P<value>.*)"
)
_HEADER_INSIDE = compiled(
    r"(?<![^\W\d_])(?:" + "|".join(f"(?P<{kind}>{every(kind)})" for kind in _KINDS) + ") ?[:\uff1a]"
)
_ORANGE_DATE = compiled(r"message du ?:? (?P<value>\d.*)")
_COLON = re.compile("[:\uff1a]")
_ADDRESS = re.compile(r"[^\s<>()\[\]@,;:\"]{1,64}@[^\s<>()\[\]@,;:\"]{1,200}\.\w")
_TIME = compiled(r"\d{1,2} ?[:.h] ?\d\d|\b\d{1,2} ?[ap]\.? ?m\b|[\u0660-\u0669]{1,2}:")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b|\d[./-]\d{1,2}[./-]\d\d\b|[\u0660-\u0669]{4}|\d{4}年")


def _header(line: str) -> tuple[str, str] | None:
    """(kind, value) of a line in a block of headers."""
    if len(line) > 4 * _MAX_INTRODUCTION or not _COLON.search(line, 0, 60):
        match = _ORANGE_DATE.match(line)
        return ("sent", match["value"]) if match else None
    if match := _ORANGE_DATE.match(line):
        return "sent", match["value"]
    match = _HEADER.match(line)
    if not match:
        return None
    return next(kind for kind in _KINDS if match[kind] is not None), match["value"]


def header_block_end(lines: Sequence[str], start: int) -> int:
    """The index behind the block of headers at ``start``: negative when a customer wrote it, and 0
    when there is none."""
    if _header(lines[start]) is None:
        return 0
    if _is_block_in_line(lines[start]):
        return start + 1
    found: dict[str, str] = {}
    at = end = start
    last = min(len(lines), start + _MAX_BLOCK)
    while at < last and at - end <= _MAX_WRAPPED:
        header = _header(lines[at])
        if header:
            found.setdefault(*header)
            end = at + 1
        elif not lines[at]:
            # Blank lines stand between the headers of some programs, but only one at a time.
            following = at + 1 < last and _header(lines[at + 1])
            if not following or following[0] in found:
                break
        elif "subject" in found and len(found) > 2:
            break
        at += 1
    return end if _is_written_by_program(found) else -end


def _is_block_in_line(line: str) -> bool:
    """Whether ``line`` is a block whose line breaks were lost on the way, as where a table became
    text ("Subject: Lamp From: ... To: ..."). Three headers with a subject and an address are no
    customer's; names and values may stand side by side without a blank."""
    if len(line) > 2 * _MAX_INTRODUCTION:
        return False
    names = _HEADER_INSIDE.finditer(line)
    kinds = {kind for match in names for kind in _KINDS if match[kind] is not None} - {"other"}
    return len(kinds) >= 3 and "subject" in kinds and bool(_ADDRESS.search(line))


def _is_written_by_program(headers: dict[str, str]) -> bool:
    """Customers write "From: ... To: ..." for journeys and addresses, and "Date: ..." for visits;
    a program adds a subject, or dates what came from an address of mail."""
    addressed = any(_ADDRESS.search(headers.get(kind, "")) for kind in ("sender", "to"))
    timed = bool(_TIME.search(headers.get("sent", "")))
    kinds = len(headers.keys() - {"other"})
    if "subject" in headers and kinds >= 3:
        return addressed or timed or kinds == 4
    return addressed and (timed or "subject" in headers)


def original_end(lines: Sequence[str], start: int) -> int:
    """The index behind "-----Original Message-----" and its headers at ``start``, or 0."""
    line = lines[start]
    following = next((n for n in range(start + 1, min(len(lines), start + 4)) if lines[n]), start)
    if not line or len(line) > 2 * _MAX_INTRODUCTION:
        return 0
    if line[0] not in _DASH and line[0] != ">" and not _COLON.search(lines[following], 0, 60):
        return 0
    if _BETWEEN_DASHES.fullmatch(line):
        return start + 1
    match = _ORIGINAL.match(line)
    if not match:
        return 0
    rest = match["rest"].strip()
    if rest:
        return start + 1 if match["dashes"].strip("> ") and _header(rest) else 0
    headers = header_block_end(lines, following) if following > start else 0
    return headers if headers > 0 else (start + 1 if match["dashes"].strip("> ") else 0)


# -- "On Monday, Anna wrote:" ---------------------------------------------------------------------

_VERB = compiled(rf"(?<!\w)(?:{every('wrote')})(?!\w)")
_BY_CUSTOMERS = tuple(
    (
        compiled(rf"(?<!\w)(?:{_any(phrases.wrote)})(?!\w)"),
        compiled(rf"(?<!\w)(?:{_any(phrases.own)})(?!\w)"),
        compiled(rf"(?<!\w)(?:{_any(phrases.articles or ('$',))})(?!\w)"),
    )
    for phrases in PHRASES.values()
    if phrases.own
)
_DAY = rf"(?:{every('weekdays')})"
_MONTH = rf"(?:{every('months')})"
_DATE = compiled(
    rf"\d{{1,4}}[./-]\d{{1,2}}[./-]\d{{1,4}}|\d{{1,2}}[-./]{_MONTH}|{_MONTH}\w*[.,]? \d"
    rf"|\d{{1,2}}(?:\.|st|nd|rd|th|er|º)? (?:de |d')?{_MONTH}|\d{{4}}年|[\u0660-\u0669]{{2}}"
    rf"|\d{{1,4}}\. ?\d{{1,2}}\. ?\d{{0,4}}|\d{{1,2}} tháng"
)
_OPENER = compiled(rf"(?:{every('openers')})(?!\w)[ ,(]?")
_BEGINS_WITH_DATE = compiled(
    rf"[-*> ]*(?:(?:{every('openers')})(?!\w),? ?)?(?:{_DAY}\w*[.,]* ?(?:den )?)?\(?"
    rf"(?:\d{{1,4}}[.:/,-]|\d{{1,2}}(?:\.|st|nd|rd|th|º)? (?:de |d')?{_MONTH}"
    rf"|{_MONTH}\w*[.,]? \d|\d{{1,2}} tháng|\d{{4}}年|[\u0660-\u0669])"
)
_NAMES_FIRST = compiled(r"[^<>]{0,120}<|\"|[^\s@]+@|(?:citando|wiadomość napisana)(?!\w)")
_CLOSES_ADDRESS = compiled(rf">\)? ?(?:{every('wrote')})? ?[:\uff1a]")
_NAMED_ADDRESS = re.compile(r"[<(\[][^<>@\s]{1,80}@[^<>\s]{1,200}[>)\]]|&lt;[^&\s]+@[^&\s]+&gt;")
_ENDS_IN_ADDRESS = re.compile(r"@[^\s<>]{1,200}>?[)\]>]*[:\uff1a]?$")
_STAMPED = re.compile(r"\d{4}-\d\d-\d\d \d{1,2}:\d\d GMT[+-]\d\d:\d\d ")
_BY_ADDRESS = compiled(r"\d[:.h]\d\d (?:by|von|de|par|por|da|van|från|fra|od|av|af) \S+@\S+:$")
_NAME_WROTE = compiled(rf"[^:]{{0,120}}<[^<>@\s]+@[^<>\s]+> ?(?:{every('wrote')}) ?[:\uff1a]")
_INSIDE = compiled(
    rf"(?<=[\w.!?)-])(?P<dashes>-*) ?(?=(?-i:On|Am|Le|El|Il|Op|Den|Em|Dnia) (?:{_DAY}\w*[.,]* )?"
    rf"(?:\d|{_MONTH}))"
)


_EVIDENCE = re.compile(r"\d|@")
"""Every introduction has a date or an address."""


def introduction_end(
    lines: Sequence[str], start: int, *, marked: Sequence[bool], finished: Callable[[], bool]
) -> int:
    """The index behind the introduction at ``start``, wrapped or not, or 0 when there is none.

    ``marked`` says of each line whether it is quoted. ``finished``: the customer has closed the
    mail before ("Kind regards", "Sent from my phone"), so that weaker evidence suffices.
    """
    first = lines[start]
    window = " ".join(lines[start : start + _MAX_HEIGHT])[: _MAX_INTRODUCTION + 1]
    if len(first) > _MAX_INTRODUCTION or not _EVIDENCE.search(window):
        return 0
    begins = bool(_BEGINS_WITH_DATE.match(first) or _NAMES_FIRST.match(first))
    if not begins and not _OPENER.match(first) and not _VERB.search(first):
        return 0
    joined = ""
    for at in range(start, min(start + _MAX_HEIGHT, len(lines))):
        line = lines[at]
        if at > start and not _continues(lines, at, begins=begins, marked=marked):
            return 0
        joined = f"{joined} {line}".strip()
        if len(joined) > _MAX_INTRODUCTION:
            return 0
        if line and _could_end(line):
            following = next((n for n in range(at + 1, min(len(lines), at + 5)) if lines[n]), None)
            quoted = following is not None and (marked[following] or lines[following][:2] == "| ")
            if _introduces(joined, quoted=quoted, finished=finished):
                return at + 1
    return 0


def _continues(lines: Sequence[str], at: int, *, begins: bool, marked: Sequence[bool]) -> bool:
    """Whether the line ``at`` can belong to the introduction above it, which ``begins`` like one:
    else the line above is the customer's."""
    line = lines[at]
    if not line:
        return at + 1 < len(lines) and lines[at + 1][:1] == "<"  # as Polymail writes
    if marked[at]:
        return bool(_CLOSES_ADDRESS.fullmatch(line))
    if lines[at - 1][-1:] == ",":
        return begins
    return begins and not (_OPENER.match(line) and _BEGINS_WITH_DATE.match(line))


def _could_end(line: str) -> bool:
    return line[-1] in ":：->" or bool(_VERB.search(line) or _STAMPED.match(line))


def _introduces(text: str, *, quoted: bool, finished: Callable[[], bool]) -> bool:
    text = text.strip("-*> ") if text[-1] == "-" else text.lstrip("-*> ")
    if not text:
        return False
    verb, timed = _VERB.search(text), bool(_TIME.search(text))
    if text[-1] not in ":：":
        return _introduces_without_colon(text, quoted=quoted)
    if verb:
        by_program = _NAMED_ADDRESS.search(text) and (
            _DATE.search(text) or _NAME_WROTE.fullmatch(text)
        )
        return bool(by_program) or _wrote(text, timed=timed, quoted=quoted, finished=finished)
    named = _NAMED_ADDRESS.search(text) or _BY_ADDRESS.search(text)
    return bool(named and timed and _DATE.search(text) and _ENDS_IN_ADDRESS.search(text))


def _introduces_without_colon(text: str, *, quoted: bool) -> bool:
    if _STAMPED.match(text):
        return True
    verb, date = _VERB.search(text), _DATE.search(text)
    if verb and _BEGINS_WITH_DATE.match(text) and _TIME.search(text) and not _has_own_words(text):
        return quoted or bool(_ADDRESS.search(text) and len(text) - verb.end() < 4)
    return bool(quoted and date and date.start() < 4 and _ENDS_IN_ADDRESS.search(text))


def _wrote(text: str, *, timed: bool, quoted: bool, finished: Callable[[], bool]) -> bool:
    """Whether a program wrote this without an address in brackets, rather than a customer."""
    date = _DATE.search(text)
    if _has_own_words(text) and not (quoted and date and timed):
        return False
    if _ADDRESS.search(text):
        return bool(date or quoted or finished())
    if quoted:
        return bool(date)
    full = date and timed and _YEAR.search(text) and not _names_a_noun(text)
    return bool(full and (_BEGINS_WITH_DATE.match(text) or finished()))


def _has_own_words(text: str) -> bool:
    """ "your driver wrote", in the language of the verb: "du" is French, and German for "you"."""
    return any(wrote.search(text) and own.search(text) for wrote, own, _ in _BY_CUSTOMERS)


def _names_a_noun(text: str) -> bool:
    """ "the driver wrote"; the article of the date ("Le 3 mars", "El lunes") does not count."""
    opener = _OPENER.match(text)
    rest = text[opener.end() :] if opener else text
    return any(wrote.search(text) and noun.search(rest) for wrote, _, noun in _BY_CUSTOMERS)


def split_inside(line: str) -> list[str]:
    """``line`` in two where an introduction begins inside it ("Yes, please On Mon, ... wrote:")."""
    if len(line) > 2 * _MAX_INTRODUCTION or not line.rstrip().endswith(":"):
        return [line]
    for match in _INSIDE.finditer(line):
        rest = plain(line[match.end() :])
        if _ADDRESS.search(rest) and _TIME.search(rest) and _VERB.search(rest[-30:]):
            return [line[: match.start()], rest]
    return [line]


# -- the line of a phone --------------------------------------------------------------------------

_DEVICE = rf"(?:{_any(DEVICES)})(?!\w)"
_BEFORE_DEVICE = rf"(?:(?:{_any(BEFORE_DEVICE)})(?!\w)|(?-i:[A-Z0-9])[\w-]*|\w*['’])"
_AFTER_DEVICE = rf"(?:(?:{_any(AFTER_DEVICE)})(?!\w)|(?-i:[A-Z0-9])[\w.-]*|{_DEVICE})"
_EXCUSE = (
    r"(?:[.,;] ?(?:please )?(?:excuse|forgive|pardon|sorry|entschuldig|excusez|disculp).{0,60})?"
)
_OUTER = re.compile(r"\A[\W_]+|(?<=\w)[\W_]+\Z")
"""What stands around the words of a line."""
_DEVICE_LINE = compiled(
    rf"(?:(?:{every('device')})(?!\w)(?: ?{_BEFORE_DEVICE}){{0,5}}? ?[„\"“]?{_DEVICE}"
    rf"(?: ?-?{_AFTER_DEVICE}){{0,6}}{_EXCUSE}"
    rf"|(?-i:Sent from my [A-Z][^\s,;?!:]*(?: [A-Z0-9][^\s,;?!:]*){{0,5}})"
    rf"|(?=.*(?<!\w){_DEVICE})(?:{every('device_whole')})|{_any(GET_OUTLOOK)})"
)


_SALUTATION = compiled(
    rf"(?:{every('salutation')})"
    r"(?:[ ,]+(?:(?-i:[A-ZÀ-ÝŁŚŻ])[^\s,.!?:;]{0,24}\.?|there|all|team|everyone|zusammen|an alle"
    r"|alle|à tous|a todos|a tutti|allemaal|allihop|wszystkim)){0,4} ?[,.!:–-]*"
)
_MAX_SALUTATION = 60


def is_salutation(line: str) -> bool:
    """ "Hi there!", "Dear Ms Berg,": how a mail begins, all of ``line``."""
    return len(line) <= _MAX_SALUTATION and bool(_SALUTATION.fullmatch(line))


def is_device_line(line: str) -> bool:
    """ "Sent from my iPhone", "Get Outlook for Android" and the like, all of ``line``."""
    short = (
        len(line) <= _MAX_INTRODUCTION
        and _LINKS.sub("", line).replace("[", "").replace("]", "").strip()
    )
    if not short or len(short) > 120 or "?" in short:
        return False
    return bool(_DEVICE_LINE.fullmatch(_OUTER.sub("", short)))
