"""Parses the forms that Twilio posts to our webhooks, and finds opt-out keywords in them: STOP,
START, HELP and words of the same meaning. Everything here is pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from multidict import MultiDict

from channels.sms.errors import OPTED_OUT, describe
from gateway import Address, Fact, Inbound, Receipt, location_text

WHATSAPP_PREFIX = "whatsapp:"
RCS_PREFIX = "rcs:"
MAX_MEDIA = 10
"""Files in one message, after Twilio's "Accepted content types for media"."""

# Opt-out keywords: a message that is exactly one of these words. The English ones are Twilio's
# ("Twilio support for opt-out keywords (SMS STOP filtering)"), which follow CTIA's Messaging
# Principles, section 5.1.3, and FCC 24-24 of 2024 on revoking consent. We added those of other
# languages, one on each line. A word that may also be about an order (``cancelar``) is left out
# in languages where Twilio does not know it either.
STOP = (
    *("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"),
    *("STOPP", "ABMELDEN", "ABBESTELLEN"),
    *("ARRET", "ARRÊT", "DÉSABONNER", "DESABONNER", "DÉSINSCRIRE", "DESINSCRIRE"),
    *("ALTO", "BAJA", "PARAR"),
    *("PARE", "SAIR", "DESCADASTRAR"),
    *("FERMA", "DISISCRIVIMI", "CANCELLAMI"),
    *("AFMELDEN", "UITSCHRIJVEN"),
    *("AVREGISTRERA", "AVSLUTA"),
    *("WYPISZ",),
    *("СТОП", "ОТПИСАТЬСЯ"),
    *("توقف",),
    *("הסר",),
    *("停止", "配信停止"),
    *("退订", "退訂"),
)
START = ("START", "UNSTOP", "YES")
HELP = ("HELP", "INFO")
KeywordMeaning = Literal["out", "in", "help"]

_MACHINE = re.compile(r"\d{3,6}|(?=.*[A-Za-z])[A-Za-z0-9 &+_.-]{1,20}")
"""A sender to whom nobody can reply by SMS: a short code, or an alphanumeric sender id (Twilio's
glossary: "one-way text messaging", 11 characters; some networks pass on longer ones). Every other
sender is a person: a number, ``rcs:`` and a number, and on WhatsApp also an id of Meta's
(``US.13491208655302741918``, "Business-scoped user IDs") when the customer hides the number."""
_NO_WORDS = frozenset({"audio", "voice", "sticker", "location", "contacts"})
"""Values of ``MessageType`` (WhatsApp) with which ``Body`` holds no words of the customer."""
_FILE_NAME = re.compile(r"[^\n]{1,200}\.\w{2,5}")
"""Twilio puts a document's file name into ``Body``."""
_OPT_OUT_TYPES: Mapping[str, KeywordMeaning] = {"STOP": "out", "START": "in", "HELP": "help"}
_STATUSES: Mapping[str, str] = {
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
    "canceled": "failed",
}


class OptOutKeywords:
    """Recognises a message that opts out, opts in or asks for help."""

    def __init__(self, *, opt_out: Iterable[str] = (), opt_in: Iterable[str] = ()) -> None:
        self._meanings: dict[str, KeywordMeaning] = {_normalize(word): "help" for word in HELP}
        self._meanings |= {_normalize(word): "in" for word in (*START, *opt_in)}
        self._meanings |= {_normalize(word): "out" for word in (*STOP, *opt_out)}

    def meaning(self, text: str) -> KeywordMeaning | None:
        """None for a message about anything else. Case, spaces and punctuation do not count:
        ``stop!`` and ``Stop all`` are keywords, ``stop it`` is not."""
        return self._meanings.get(_normalize(text)) if len(text) < 64 else None


class TwilioMedia(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the customer sent. Twilio keeps it at ``url``."""

    url: str
    media_type: str


class TwilioMessage(msgspec.Struct, frozen=True, kw_only=True):
    """An incoming message without its files, and where Twilio keeps those."""

    inbound: Inbound
    media: tuple[TwilioMedia, ...] = ()
    replied_to: str | None = None
    """The SID of the message that this one quotes."""


class UnreadableForm(Exception):
    """Twilio signed the form, but it is not a message as Twilio documents it."""


def read_form(body: bytes) -> MultiDict[str]:
    """The fields of a form. Raises HTTPForbidden when ``body`` is not a form: Twilio did not
    sign it."""
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=500
        )
    except ValueError:
        raise web.HTTPForbidden(text="the body is not a form as Twilio posts it") from None
    return MultiDict(fields)


def parse_address(number: str) -> Address:
    """The customer's address, on ``whatsapp`` or ``sms`` according to the prefix. On ``sms`` other
    prefixes stay: ``rcs:+15550109999``."""
    if number.startswith(WHATSAPP_PREFIX):
        return Address(channel="whatsapp", value=number.removeprefix(WHATSAPP_PREFIX))
    return Address(channel="sms", value=number)


def parse_message(
    form: Mapping[str, str], *, at: datetime, keywords: OptOutKeywords, help_by_twilio: bool
) -> TwilioMessage:
    """An incoming message. ``help_by_twilio``: Twilio itself answers HELP on SMS. Raises
    UnreadableForm."""
    sender = parse_address(form.get("From", ""))
    sid = form.get("MessageSid") or form.get("SmsMessageSid") or form.get("SmsSid")
    if not sender.value or not sid:
        raise UnreadableForm("it has no sender or no id")
    media, text = _media(form), _words(form)
    opt_out_type = form.get("OptOutType", "")
    # Twilio's own reading (Advanced Opt-Out) goes before ours.
    meaning = _OPT_OUT_TYPES.get(opt_out_type) or keywords.meaning(text)
    help_answered = (help_by_twilio and sender.channel == "sms") or opt_out_type == "HELP"
    inbound = Inbound(
        address=sender,
        text=text or _place(form),
        wordless=not text and bool(media or _place(form) or form.get("MessageType")),
        at=at,
        remote_id=sid,
        name=form.get("ProfileName") or None,
        facts=_facts(form),
        consent=meaning if meaning in ("out", "in") else None,
        answered=meaning == "help" and help_answered,
        automatic=sender.channel == "sms" and bool(_MACHINE.fullmatch(sender.value)),
    )
    replied_to = form.get("OriginalRepliedMessageSid") or None
    return TwilioMessage(inbound=inbound, media=media, replied_to=replied_to)


def unreadable_message(form: Mapping[str, str], *, at: datetime, digest: str) -> Inbound:
    """A form that could not be parsed, for a person. Its bytes are stored under ``digest``."""
    return Inbound(
        address=parse_address(form["From"]),
        text="",
        at=at,
        remote_id=digest,
        kind="unreadable",
        raw=digest,
    )


def parse_receipt(form: Mapping[str, str], *, message: str | None, at: datetime) -> Receipt | None:
    """The receipt in a status callback; None for a status on the way (queued, sending, sent).

    ``message`` is our own message id, when the callback brought it back. Raises HTTPBadRequest.
    """
    sid = form.get("MessageSid") or form.get("SmsSid")
    twilio_status = (form.get("MessageStatus") or form.get("SmsStatus") or "").lower()
    recipient = parse_address(form.get("To", ""))
    if not sid or not twilio_status or not recipient.value:
        raise web.HTTPBadRequest(text="a status needs MessageSid, MessageStatus and To")
    status = _STATUSES.get(twilio_status)
    if status is None:
        return None
    error_code = form.get("ErrorCode", "")
    code = int(error_code) if error_code.isascii() and error_code.isdecimal() else None
    own_id = message if message and message.isascii() and message.isdecimal() else None
    return Receipt(
        channel=recipient.channel,
        ids=(own_id or sid,),
        address=recipient if own_id else None,
        status=status,  # type: ignore[arg-type]  # the values of _STATUSES
        at=at,
        detail=describe(code) if status == "failed" else None,
        opted_out=code == OPTED_OUT,
    )


def _normalize(text: str) -> str:
    """``text`` as keywords are compared: letters and digits, without case."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in plain if char.isalnum() or unicodedata.combining(char))


def _media(form: Mapping[str, str]) -> tuple[TwilioMedia, ...]:
    count = form.get("NumMedia") or "0"
    if not (count.isascii() and count.isdecimal()):
        raise UnreadableForm("NumMedia is not a number")
    media = []
    for index in range(min(int(count), MAX_MEDIA)):
        url = form.get(f"MediaUrl{index}")
        if not url:
            raise UnreadableForm(f"MediaUrl{index} is missing")
        media_type = form.get(f"MediaContentType{index}") or "application/octet-stream"
        media.append(TwilioMedia(url=url, media_type=media_type.partition(";")[0].strip().lower()))
    return tuple(media)


def _words(form: Mapping[str, str]) -> str:
    """What the customer wrote or chose; empty for a file, a place or a card alone."""
    text = form.get("Body", "")
    kind = form.get("MessageType", "")
    if kind == "document" and _FILE_NAME.fullmatch(text):
        return ""
    if kind in _NO_WORDS:
        return ""
    return text or form.get("ButtonText") or form.get("ListTitle") or form.get("ButtonPayload", "")


def _place(form: Mapping[str, str]) -> str:
    """A place that was shared on WhatsApp or RCS, as text."""
    try:
        latitude, longitude = float(form["Latitude"]), float(form["Longitude"])
    except (KeyError, ValueError):
        return ""
    if not (abs(latitude) <= 90 and abs(longitude) <= 180):  # also false for NaN
        return ""
    return location_text(latitude, longitude, form.get("Label"), form.get("Address"))


def _facts(form: Mapping[str, str]) -> tuple[Fact, ...]:
    """What else Twilio knows, for the agent to see ("Twilio's request to your incoming message
    Webhook URL")."""
    origin = ", ".join(filter(None, (form.get("FromCity"), form.get("FromCountry"))))
    button = form.get("ButtonPayload") or form.get("ListId") or ""
    forwarded = {"FrequentlyForwarded": "many times", "Forwarded": "yes"}
    facts = (
        ("written to", form.get("To", "")),
        ("number from", origin),
        ("WhatsApp username", form.get("ProfileUsername") or form.get("Username", "")),
        ("WhatsApp user id", form.get("ExternalUserId", "").removeprefix(WHATSAPP_PREFIX)),
        ("pressed", form.get("ButtonText") or form.get("ListTitle", "")),
        ("button", button),
        ("forwarded", next((v for k, v in forwarded.items() if form.get(k) == "true"), "")),
        *_referral(form),
    )
    return tuple(Fact(name=name, value=value[:500]) for name, value in facts if value)


def _referral(form: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The advertisement from which the customer came (click-to-WhatsApp)."""
    words = (form.get("ReferralHeadline"), form.get("ReferralBody"))
    source = (form.get("ReferralSourceType"), form.get("ReferralSourceId"))
    yield "came from", ": ".join(filter(None, words))
    yield "came from page", form.get("ReferralSourceUrl", "")
    yield "came from source", " ".join(filter(None, source))
    yield "came from picture", form.get("ReferralMediaUrl", "")
    yield "click id", form.get("ReferralCtwaClid", "")
