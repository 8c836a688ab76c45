"""A message as a mail that looks like the company's, above the words that it answers.

`EmailMessage` refuses a header value that would begin another header.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address as MailAddress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path

import nh3
from jinja2 import Environment, PackageLoader, select_autoescape
from markupsafe import Markup

from channels.email.bounces import OUR_MARK
from channels.email.charsets import drop_surrogates
from channels.email.headers import REPLY_PREFIX, clean, message_ids, normalize_address
from channels.email.settings import LARGEST_LOGO, LOGO_TYPES, EmailSettings
from gateway import (
    File,
    Outbound,
    Undeliverable,
    WarmlineError,
    plain_link,
    titled_links,
    with_titled_links,
)

MAIL_POLICY = SMTP.clone(max_line_length=78, refold_source="all")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_URL = re.compile(r"https?://[^\s<>\"'`{}|\\^\[\]]*[^\s<>\"'`{}|\\^\[\]().,;:!?]")
_MEDIA_NAME = re.compile(r"[A-Za-z0-9!#$&^_.+-]{1,100}")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
_MAX_REFERENCES = 20
MAX_QUOTE = 1_500
"""Characters of the customer's text below our answer."""

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
LOGO_ID = "logo"

PERSON: Mapping[str, str] = {
    "en": "If you would rather hear from a person, reply to this mail and say so.",
    "de": "Wenn Ihnen lieber ein Mensch antworten soll, schreiben Sie das als Antwort auf diese "
    "Mail.",
    "fr": "Si vous préférez qu'une personne vous réponde, dites-le en répondant à ce message.",
    "es": "Si prefiere que le responda una persona, dígalo respondiendo a este correo.",
    "it": "Se preferisce che le risponda una persona, lo scriva rispondendo a questa mail.",
    "pt": "Se preferir que uma pessoa lhe responda, diga-o em resposta a este e-mail.",
    "nl": "Hebt u liever antwoord van een mens? Laat het weten in een antwoord op deze mail.",
    "pl": "Jeśli woli Pan lub Pani odpowiedź od człowieka, proszę napisać to w odpowiedzi na tę "
    "wiadomość.",
    "sv": "Vill du hellre ha svar från en människa, så skriv det i ett svar på det här mejlet.",
    "tr": "Size bir insanın yanıt vermesini isterseniz bu iletiyi yanıtlayıp bunu yazmanız "
    "yeterli.",
    "ar": "إذا كنت تفضّل أن يجيبك شخص من فريقنا فاكتب ذلك ردًا على هذه الرسالة.",
    "ja": "担当者からの返信をご希望の場合は、このメールへの返信でその旨をお知らせください。",
}
"""How a customer reaches a person, in a mail of the bot, by language."""

YOU_WROTE: Mapping[str, str] = {
    "en": "You wrote:",
    "de": "Sie schrieben:",
    "fr": "Vous avez écrit :",
    "es": "Usted escribió:",
    "it": "Lei ha scritto:",
    "pt": "Escreveu:",
    "nl": "U schreef:",
    "pl": "Napisano do nas:",
    "sv": "Du skrev:",
    "tr": "Yazdığınız:",
    "ar": "كتبتَ:",
    "ja": "お客様のメッセージ:",
}
"""What stands above the customer's own words, by language."""


@dataclass(frozen=True, slots=True)
class MailLook:
    """What makes a mail the company's. ``sender`` is our address with the company's name, ``name``
    the name at the top (empty: that of ``sender``), ``subject`` that of a mail in a conversation
    without one. ``logo`` is shown above the text, ``colour`` is that of links and of the line at
    the top, ``footer`` stands below every mail. With ``quote`` the customer's words do, too."""

    sender: MailAddress
    name: str = ""
    subject: str = "Your message"
    logo: File | None = None
    colour: str = "#1f5c4d"
    footer: str = ""
    quote: bool = True

    @classmethod
    def from_settings(cls, settings: EmailSettings, brand: str = "") -> MailLook:
        """The look of a mailbox. ``brand`` is the name of its brand: it stands at the top, and
        before an address that has no name. Reads the logo; raises WarmlineError when that is not
        possible."""
        look, sender = settings.look, settings.mailbox
        if brand and not sender.display_name:
            sender = MailAddress(display_name=brand, addr_spec=sender.addr_spec)
        return cls(
            sender=sender,
            name=brand,
            subject=settings.subject,
            logo=_read_logo(look.logo) if look.logo else None,
            colour=look.colour,
            footer=look.footer.strip(),
            quote=look.quote,
        )


def _read_logo(path: Path) -> File:
    suffix = path.suffix.lower()
    try:
        data = path.read_bytes()
    except OSError as error:
        raise WarmlineError(f"channels.email.look.logo: {path}: {error.strerror}") from error
    if len(data) > LARGEST_LOGO:
        raise WarmlineError(
            f"channels.email.look.logo: {path} has {len(data)} bytes; at most {LARGEST_LOGO}, as "
            "it is in every mail: make it smaller, 80 pixels high are enough"
        )
    return File(name=f"logo{suffix}", media_type=LOGO_TYPES[suffix], data=data)


def compose(message: Outbound, files: tuple[File, ...], look: MailLook) -> EmailMessage:
    """``message`` as a mail: plain text, the same text as HTML, and ``files``.

    Raises Undeliverable when the customer's address cannot be written into a mail.
    """
    mail = EmailMessage(policy=MAIL_POLICY)
    mail["From"] = look.sender
    mail["To"] = _recipient(message.address.value)
    if message.copies:
        mail["Cc"] = [_recipient(copy) for copy in message.copies]
    mail["Subject"] = _subject(message, look.subject)
    mail["Date"] = format_datetime(message.at)
    mail["Message-ID"] = message_id(message.key, look.sender.domain)
    _add_thread(mail, message)
    if message.automatic:
        _mark_automatic(mail, message)
    if _LANGUAGE.fullmatch(message.language):
        mail["Content-Language"] = message.language
    words = _Words.of(message, look)
    mail.set_content(words.plain(), cte="quoted-printable")
    mail.add_alternative(words.html(look), subtype="html", cte="quoted-printable")
    if look.logo is not None:
        _embed_logo(mail, look.logo)
    for file in files:
        _attach(mail, file)
    return mail


def message_id(key: str, domain: str) -> str:
    """The Message-ID of the message with ``key``: the same at every attempt to send it."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}{OUR_MARK}@{domain}>"


# -- the words ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Words:
    """All that a mail says, in order. Empty: left out."""

    text: str
    person: str
    footer: str
    you_wrote: str
    question: str
    language: str

    @classmethod
    def of(cls, message: Outbound, look: MailLook) -> _Words:
        language = message.language.partition("-")[0].lower()
        # A survey asks about all that was said, not about the last message.
        quoted = message.question if look.quote and message.survey is None else None
        return cls(
            text=clean(message.text).strip(),
            person=_in(PERSON, language) if message.with_bot else "",
            footer=clean(look.footer).strip(),
            you_wrote=_in(YOU_WROTE, language),
            question=_shortened(clean(quoted or "").strip()),
            language=message.language if _LANGUAGE.fullmatch(message.language) else "en",
        )

    def plain(self) -> str:
        parts = [with_titled_links(self.text, plain_link)]
        if self.person:
            parts.append(self.person)
        if self.footer:
            parts.append(f"-- \n{self.footer}")  # mail programs know a signature by this line
        if self.question:
            quoted = "\n".join(f"> {line}".rstrip() for line in self.question.splitlines())
            parts.append(f"{self.you_wrote}\n{quoted}")
        return "\n\n".join(parts) + "\n"

    def html(self, look: MailLook) -> str:
        return _TEMPLATE.render(
            language=self.language,
            direction="rtl" if self.language.partition("-")[0] in RIGHT_TO_LEFT else "ltr",
            name=look.name or look.sender.display_name or look.sender.domain,
            logo=f"cid:{LOGO_ID}" if look.logo is not None else None,
            colour=look.colour,
            text=_paragraphs(self.text, look.colour, titled=True),
            person=self.person,
            footer=_paragraphs(self.footer, look.colour),
            you_wrote=self.you_wrote,
            question=_paragraphs(self.question, look.colour),
        )


def _in(texts: Mapping[str, str], language: str) -> str:
    return texts.get(language, texts["en"])


def _shortened(text: str) -> str:
    if len(text) <= MAX_QUOTE:
        return text
    return text[:MAX_QUOTE].rsplit(maxsplit=1)[0] + " ..."


def _paragraphs(text: str, colour: str, *, titled: bool = False) -> Markup:
    """``text`` as HTML: escaped, web addresses as links, with paragraphs and line breaks. Only in
    what we write (``titled``) do links have titles: a customer's own words stay as they are."""
    paragraphs = (part for part in re.split(r"\n[ \t]*\n+", text.strip()) if part.strip())
    inline = _with_titles if titled else _inline
    body = "".join(f'<p dir="auto">{inline(paragraph)}</p>\n' for paragraph in paragraphs)
    # The text is escaped already; cleaning it again guards against a mistake there. Mail programs
    # need the style at the tag.
    return Markup(  # noqa: S704  (escaped by `_inline` and cleaned here)
        nh3.clean(
            body,
            tags={"p", "a", "br"},
            attributes={"p": {"dir"}, "a": {"href"}},
            set_tag_attribute_values={
                "p": {"style": "margin:0 0 16px"},
                "a": {"style": f"color:{colour}", "class": "link"},
            },
        )
    )


def _with_titles(paragraph: str) -> str:
    pieces, at = [], 0
    for link in titled_links(paragraph):
        url, title = html.escape(link.url), html.escape(link.title)
        pieces += [_inline(paragraph[at : link.start]), f'<a href="{url}">{title}</a>']
        at = link.end
    return "".join([*pieces, _inline(paragraph[at:])])


def _inline(paragraph: str) -> str:
    pieces, at = [], 0
    for match in _URL.finditer(paragraph):
        url = html.escape(match.group())
        pieces += [html.escape(paragraph[at : match.start()]), f'<a href="{url}">{url}</a>']
        at = match.end()
    pieces.append(html.escape(paragraph[at:]))
    return "".join(pieces).replace("\n", "<br>\n")


_TEMPLATE = Environment(
    loader=PackageLoader("channels.email", "."), autoescape=select_autoescape(["html"])
).get_template("mail.html")


# -- headers and files ----------------------------------------------------------------------------


def _recipient(value: str) -> MailAddress:
    if normalize_address(value) and value == _one_line(value):
        with suppress(MessageError, ValueError, IndexError):
            return MailAddress(addr_spec=value)
    raise Undeliverable("the customer's address is not a valid mail address", unreachable=True)


def _subject(message: Outbound, default: str) -> str:
    """The conversation's subject with one "Re:", whatever prefixes it had."""
    subject = REPLY_PREFIX.sub("", _one_line(message.subject or "")[:300])
    if subject and message.thread:
        return f"Re: {subject}"
    return subject or _one_line(default)


def _one_line(text: str) -> str:
    """``text`` on one line, without anything that looks like an encoded word (RFC 2047): the
    library would decode it and write the result, line ends included."""
    return " ".join(_SPACE.sub(" ", drop_surrogates(text)).replace("=?", "= ?").split())


def _add_thread(mail: EmailMessage, message: Outbound) -> None:
    """RFC 5322 section 3.6.4: References holds the ancestors, oldest first."""
    own = mail["Message-ID"]
    earlier = [id for id in message_ids(message.thread[:200]) if id != own and id == _one_line(id)]
    if earlier:
        mail["In-Reply-To"] = earlier[0]
        mail["References"] = " ".join(reversed(earlier[:_MAX_REFERENCES]))


def _mark_automatic(mail: EmailMessage, message: Outbound) -> None:
    """RFC 3834 section 5: a reply to the customer's mail, or a mail that we begin (a follow-up).

    X-Auto-Response-Suppress (MS-OXCMAIL) keeps Exchange from answering us automatically.
    """
    generated = message.survey is not None or not message.thread
    mail["Auto-Submitted"] = "auto-generated" if generated else "auto-replied"
    mail["X-Auto-Response-Suppress"] = "All"


def _embed_logo(mail: EmailMessage, logo: File) -> None:
    """Beside the HTML (RFC 2387), so that no mail program has to fetch it."""
    rich = mail.get_body(("html",))
    assert rich is not None  # noqa: S101  (`compose` has added it)
    major, _, minor = logo.media_type.partition("/")
    rich.add_related(
        logo.data,
        maintype=major,
        subtype=minor,
        cid=f"<{LOGO_ID}>",
        filename=logo.name,
        disposition="inline",
    )


def _attach(mail: EmailMessage, file: File) -> None:
    major, _, minor = file.media_type.partition("/")
    valid = _MEDIA_NAME.fullmatch(major) and _MEDIA_NAME.fullmatch(minor)
    if not valid or major.lower() in ("multipart", "message", "text"):
        # The library would re-encode a text part and parse a message part; we keep the bytes.
        major, minor = "application", "octet-stream"
    name = _one_line(file.name) or "file"
    mail.add_attachment(file.data, maintype=major, subtype=minor, filename=name[:150])
