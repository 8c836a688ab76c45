"""What Twilio tells, in our words. Everything here is pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web
from multidict import MultiDict

from channels.sms.refusals import OPTED_OUT, words
from channels.sms.words import Meaning, Words
from gateway import Address, Fact, Inbound, Receipt

WHATSAPP = "whatsapp:"
MOST_MEDIA = 10
"""Media of one message, after Twilio's "Accepted content types for media"."""
_PHONE = re.compile(r"\+?\d{7,20}")
_TYPES: Mapping[str, Meaning] = {"STOP": "out", "START": "in", "HELP": "help"}
_STATUSES: Mapping[str, str] = {
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
    "canceled": "failed",
}


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """A file that the customer sent and that Twilio keeps for us."""

    url: str
    media_type: str


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """A message, without its files, and where those are."""

    message: Inbound
    media: tuple[Media, ...] = ()


class Unreadable(Exception):
    """It is Twilio's, and not what we know."""


def read_form(raw: bytes) -> MultiDict[str]:
    """The fields of a form. Raises HTTPForbidden on what is no form: Twilio did not sign it."""
    try:
        fields = parse_qsl(
            raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=500
        )
    except ValueError:
        raise web.HTTPForbidden(text="this is no form of Twilio's") from None
    return MultiDict(fields)


def address(given: str) -> Address:
    """Whose number it is, and on which of the two channels."""
    if given.startswith(WHATSAPP):
        return Address(channel="whatsapp", value=given.removeprefix(WHATSAPP))
    return Address(channel="sms", value=given)


def parse(form: Mapping[str, str], *, at: datetime, known: Words, help_answered: bool) -> Heard:
    """An incoming message. Raises Unreadable. ``help_answered``: Twilio answers HELP on SMS."""
    sender = address(form.get("From", ""))
    sid = form.get("MessageSid") or form.get("SmsMessageSid") or form.get("SmsSid")
    if not sender.value or not sid:
        raise Unreadable("no sender or no id")
    text = form.get("Body", "")
    meaning = _meaning(form, text, known)
    helped = help_answered and sender.channel == "sms"
    message = Inbound(
        address=sender,
        text=text or _place(form),
        at=at,
        remote_id=sid,
        name=form.get("ProfileName") or None,
        facts=_facts(form),
        consent=meaning if meaning in ("out", "in") else None,
        answered=meaning == "help" and (helped or form.get("OptOutType") == "HELP"),
        # A name or a short code is a machine's; nobody reads what is sent there.
        automatic=not _PHONE.fullmatch(sender.value),
    )
    return Heard(message=message, media=_media(form))


def unreadable(form: Mapping[str, str], *, at: datetime, raw: str) -> Inbound:
    """What could not be read, for a person; ``raw`` is the digest under which it was kept."""
    return Inbound(
        address=address(form["From"]), text="", at=at, remote_id=raw, kind="unreadable", raw=raw
    )


def receipt(form: Mapping[str, str], *, message: str | None, at: datetime) -> Receipt | None:
    """What a status callback tells; None for a status on the way (queued, sending, sent).

    ``message`` is our own id for it, when the callback brought it back. Raises HTTPBadRequest.
    """
    sid = form.get("MessageSid") or form.get("SmsSid")
    given = (form.get("MessageStatus") or form.get("SmsStatus") or "").lower()
    to = address(form.get("To", ""))
    if not sid or not given or not to.value:
        raise web.HTTPBadRequest(text="a status needs MessageSid, MessageStatus and To")
    status = _STATUSES.get(given)
    if status is None:
        return None
    code = form.get("ErrorCode", "")
    reason = int(code) if code.isascii() and code.isdecimal() else None
    ours = message is not None and message.isascii() and message.isdecimal()
    return Receipt(
        channel=to.channel,
        ids=(message,) if ours and message else (sid,),
        address=to if ours else None,
        status=status,  # type: ignore[arg-type]  # the values of _STATUSES
        at=at,
        detail=words(reason) if status == "failed" else None,
        opted_out=reason == OPTED_OUT,
    )


def _meaning(form: Mapping[str, str], text: str, known: Words) -> Meaning | None:
    """What Twilio tells (Advanced Opt-Out) goes before what we read."""
    return _TYPES.get(form.get("OptOutType", "")) or known.meaning(text)


def _media(form: Mapping[str, str]) -> tuple[Media, ...]:
    count = form.get("NumMedia") or "0"
    if not (count.isascii() and count.isdecimal()):
        raise Unreadable("NumMedia is no number")
    found = []
    for index in range(min(int(count), MOST_MEDIA)):
        url = form.get(f"MediaUrl{index}")
        if not url:
            raise Unreadable("a file has no address")
        kind = form.get(f"MediaContentType{index}") or "application/octet-stream"
        found.append(Media(url=url, media_type=kind.partition(";")[0].strip().lower()))
    return tuple(found)


def _place(form: Mapping[str, str]) -> str:
    """A place that was shared on WhatsApp, as words."""
    latitude, longitude = form.get("Latitude"), form.get("Longitude")
    if not latitude or not longitude:
        return ""
    named = ", ".join(filter(None, (form.get("Label"), form.get("Address"))))
    return f"{named} ({latitude}, {longitude})" if named else f"{latitude}, {longitude}"


def _facts(form: Mapping[str, str]) -> tuple[Fact, ...]:
    """What Twilio knows besides, for the agent to see."""
    place = ", ".join(filter(None, (form.get("FromCity"), form.get("FromCountry"))))
    told = (("written to", form.get("To", "")), ("number from", place))
    return tuple(Fact(name=name, value=value[:200]) for name, value in told if value)
