"""What a customer wrote this time: their mail without what they quoted and how they sign.

mail-parser-reply knows how mail programs in many languages introduce a quotation and close a
mail. It guesses with patterns, so its findings are checked before anything is dropped: a line
that only begins like a closing ("Thanks, but that did not help") must never cost a customer
the rest of the mail.
"""

from __future__ import annotations

import re
from itertools import chain

from mailparser_reply import EmailMessage, EmailReply
from mailparser_reply.constants import MAIL_LANGUAGES

LANGUAGES = ("en", "de", "fr", "es", "it", "nl", "sv", "da", "pl")

MOST = 20_000
"""Characters that are looked at: the patterns take more than linear time."""
_LINE = 500

_BLANKS = re.compile(r"\n[ \t\xa0]*(?:\n[ \t\xa0]*)+\n")
_LONG = re.compile(rf"([^\n]{{{_LINE}}})(?=[^\n])")
_QUOTED = re.compile(r"^(?:>|\|\s)", re.MULTILINE)
_HEADER_LINE = re.compile(r"^[>* ]*[^\W\d][\w .\-]{0,20}:", re.MULTILINE)
_DELIMITER = re.compile(r"--|__|_{32,}")


def _phrases(key: str) -> str:
    found = (MAIL_LANGUAGES[language].get(key, []) for language in LANGUAGES)
    return "|".join(chain.from_iterable([one] if isinstance(one, str) else one for one in found))


_CLOSING = re.compile(rf"(?:{_phrases('signatures')})[\s,.!]*", re.IGNORECASE)
_SENT_FROM = re.compile(rf"(?:{_phrases('sent_from')}).{{0,60}}", re.IGNORECASE)


def latest(text: str) -> str:
    """The customer's own words in ``text``, answers between quoted lines included.

    When nothing would be left (a mail that is forwarded without a word) all of it stays.
    """
    bounded = _bounded(text)
    mail = EmailMessage(text=bounded, languages=list(LANGUAGES), keep_hyphen_lists=True).read()
    replies = _join_false_starts(mail.replies)
    kept = [
        _between(reply, mail) if reply.headers else _unquoted(_unsigned(reply.content, mail))
        for reply in replies
    ]
    return "\n\n".join(part for part in kept if part) or bounded.strip()


def _bounded(text: str) -> str:
    """Fit for the patterns: few blank lines in a row, no endless lines, a limit to all."""
    return _LONG.sub(r"\1\n", _BLANKS.sub("\n\n", text[:MOST]))


def _join_false_starts(replies: list[EmailReply]) -> list[EmailReply]:
    """A "From:" block counts only with two header lines; else it is the customer's text."""
    joined: list[EmailReply] = []
    for reply in replies:
        block = (reply.headers or "").strip()
        someone_wrote = block.endswith((":", "："))
        genuine = someone_wrote or len(_HEADER_LINE.findall(block)) != 1
        if joined and not genuine:
            joined[-1].content += "\n" + reply.content
        else:
            joined.append(reply)
    return joined


def _unsigned(content: str, mail: EmailMessage) -> str:
    """``content`` without the signature at its end, if it truly looks like one."""
    at = 0
    for _ in range(20):
        found = mail.SIGNATURE_REGEX.search(content, at)
        if not found:
            break
        tail = found.group().strip()
        if _is_signature(tail):
            return content[: found.start()].rstrip()
        at = content.find("\n", found.end() - len(found.group().lstrip())) + 1
        if not at:
            break
    return content


def _is_signature(tail: str) -> bool:
    lines = [line.strip() for line in tail.split("\n")]
    if _DELIMITER.fullmatch(lines[0]):
        return True
    written = [line for line in lines if line]
    if _SENT_FROM.fullmatch(lines[0]):
        return len(written) <= 3
    short = len(written) <= 10 and all(len(line) <= 80 and "?" not in line for line in written)
    return short and bool(_CLOSING.fullmatch(lines[0]))


def _unquoted(content: str) -> str:
    if not _QUOTED.search(content):
        return content.strip()
    lines = [line for line in content.split("\n") if not _QUOTED.match(line)]
    return _BLANKS.sub("\n\n", "\n".join(lines)).strip()


def _between(reply: EmailReply, mail: EmailMessage) -> str:
    """What was written below or between the quoted lines of ``reply``; nothing when the
    quotation is not marked line by line, because then nobody can tell."""
    quoted = _QUOTED.search(reply.content)
    if not quoted:
        return ""
    return _unquoted(_unsigned(reply.content[quoted.start() :], mail))
