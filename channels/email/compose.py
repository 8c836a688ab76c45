"""What we say, as a mail: pure. `EmailMessage` refuses a header that would begin another."""

from __future__ import annotations

import hashlib
import html
import re
from contextlib import suppress
from email.errors import MessageError
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

import nh3

from channels.email.automatic import OUR_MARK
from channels.email.headers import clean, ids, normal, whole
from gateway import File, Outbound, Undeliverable

_POLICY = SMTP.clone(max_line_length=78, refold_source="all")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ANSWERED = re.compile(
    r"^(?:\s*(?:re|aw|antw|sv|vs|odp|ref|rif|ynt|回复|答复)\s*(?:\[\d+\])?\s*[:：])+\s*",
    re.IGNORECASE,
)
_URL = re.compile(r"https?://[^\s<>\"'`{}|\\^\[\]]*[^\s<>\"'`{}|\\^\[\]().,;:!?]")
_MEDIA_NAME = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}")
_REFERENCES = 20


def message_id(key: str, domain: str) -> str:
    """The Message-ID of the message with ``key``: the same whenever it is asked for."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}{OUR_MARK}@{domain}>"


def compose(
    message: Outbound, files: tuple[File, ...], *, sender: MailAddress, subject: str
) -> EmailMessage:
    """The mail that says ``message``: plain text, the same as HTML, and ``files``.

    ``subject`` is used when the conversation has none. Raises Undeliverable when the customer's
    address cannot be written into a mail.
    """
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = sender
    mail["To"] = _recipient(message.address.value)
    mail["Subject"] = _subject(message, subject)
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = message_id(message.key, sender.domain)
    _thread(mail, message)
    if message.automatic:
        _say_automatic(mail, message)
    if re.fullmatch(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", message.language):
        mail["Content-Language"] = message.language
    text = clean(message.text).strip() + "\n"
    mail.set_content(text, cte="quoted-printable")
    mail.add_alternative(as_html(text), subtype="html", cte="quoted-printable")
    for file in files:
        _attach(mail, file)
    return mail


def as_html(text: str) -> str:
    """``text`` as HTML: escaped, addresses of the web made links, paragraphs and line breaks."""
    paragraphs = (one for one in re.split(r"\n[ \t]*\n+", text.strip()) if one.strip())
    body = "".join(f'<p dir="auto">{_inline(one)}</p>\n' for one in paragraphs)
    # Nothing of it can be unsafe after the escaping; this is the second lock on the door.
    safe = nh3.clean(body, tags={"p", "a", "br"}, attributes={"p": {"dir"}, "a": {"href"}})
    return (
        f'<!doctype html>\n<html><head><meta charset="utf-8"></head><body>\n{safe}</body></html>\n'
    )


def _inline(paragraph: str) -> str:
    pieces, at = [], 0
    for found in _URL.finditer(paragraph):
        url = html.escape(found.group())
        pieces += [html.escape(paragraph[at : found.start()]), f'<a href="{url}">{url}</a>']
        at = found.end()
    pieces.append(html.escape(paragraph[at:]))
    return "".join(pieces).replace("\n", "<br>\n")


def _recipient(value: str) -> MailAddress:
    if normal(value) and value == _plain(value):
        with suppress(MessageError, ValueError, IndexError):
            return MailAddress(addr_spec=value)
    raise Undeliverable("the address is not one of mail", unreachable=True)


def _subject(message: Outbound, default: str) -> str:
    """The conversation's subject with one "Re:", whatever stood before it."""
    kept = _plain(message.subject or "")[:300]
    bare = _ANSWERED.sub("", kept)
    if bare and message.thread:
        return f"Re: {bare}"
    return bare or _plain(default)


def _plain(text: str) -> str:
    """``text`` on one line, with nothing in it that reads as an encoded word (RFC 2047): the
    library would decode that, and write what comes out, line ends included."""
    return " ".join(_SPACE.sub(" ", whole(text)).replace("=?", "= ?").split())


def _thread(mail: EmailMessage, message: Outbound) -> None:
    """RFC 5322 section 3.6.4: References holds the ancestors, oldest first."""
    own = mail["Message-ID"]
    earlier = [one for one in ids(message.thread[:200]) if one != own and one == _plain(one)]
    if earlier:
        mail["In-Reply-To"] = earlier[0]
        mail["References"] = " ".join(reversed(earlier[:_REFERENCES]))


def _say_automatic(mail: EmailMessage, message: Outbound) -> None:
    """RFC 3834 section 5: a reply to their mail, or something we begin (a follow-up).

    X-Auto-Response-Suppress (MS-OXCMAIL) keeps Exchange from answering us automatically.
    """
    begun = message.survey is not None or not message.thread
    mail["Auto-Submitted"] = "auto-generated" if begun else "auto-replied"
    mail["X-Auto-Response-Suppress"] = "All"


def _attach(mail: EmailMessage, file: File) -> None:
    major, _, minor = file.media_type.partition("/")
    known = _MEDIA_NAME.fullmatch(major) and _MEDIA_NAME.fullmatch(minor)
    if not known or major.lower() in ("multipart", "message", "text"):
        # A text part would be re-encoded and a message part parsed: we pass bytes on as they are.
        major, minor = "application", "octet-stream"
    name = _plain(file.name) or "file"
    mail.add_attachment(file.data, maintype=major, subtype=minor, filename=name[:150])
