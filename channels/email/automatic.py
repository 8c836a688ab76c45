"""Mail that no person wrote, and reports of mail that did not arrive.

Sources: RFC 3834 (automatic responses), RFC 2919 and 2369 (mailing lists), RFC 3462 and 3464
(delivery reports), and the headers in use before them.
"""

from __future__ import annotations

import re
from email.message import Message

from channels.email.body import data_of
from channels.email.headers import Headers, addresses, decode, first, ids, read_headers
from gateway import Value

OUR_MARK = ".warmline"

_OUR_ID = re.compile(rf"<[0-9a-f]{{32}}{re.escape(OUR_MARK)}@[^<>\s]{{1,255}}>")
_RETURNED_ID = re.compile(
    rf"^Message-ID:\s*({_OUR_ID.pattern})".encode(), re.IGNORECASE | re.MULTILINE
)
_BULK = {"bulk", "list", "junk", "auto_reply"}
_LIST_HEADERS = ("list-id", "list-post", "list-unsubscribe")
_REPLY_HEADERS = ("x-autoreply", "x-autorespond", "x-autoreply-from", "x-mail-autoreply",
                  "x-failed-recipients")  # fmt: skip
_MACHINES = re.compile(
    r"(?:mailer-?daemon|(?:do[-_.]?)?no[-_.]?t?[-_.]?(?:reply|respond)|postmaster|bounces?|listserv|majordomo)"
    r"(?:[+=._-].*)?"
)
_REPORT = re.compile(rb"^(?:Final|Original)-Recipient:", re.IGNORECASE | re.MULTILINE)


class Bounce(Value, frozen=True, kw_only=True):
    """A report on one mail of ours: ``remote_id`` is that mail's Message-ID."""

    remote_id: str
    delivered: bool
    detail: str


def is_ours(remote_id: str) -> bool:
    """Whether a Message-ID has the form of those that we make."""
    return bool(_OUR_ID.fullmatch(remote_id))


def automatic(
    headers: Headers, *, sender: str, envelope: str | None, ours: frozenset[str]
) -> str | None:
    """Why this mail must not be answered, in words; None when a person may have written it.

    ``envelope`` is the SMTP sender where it is known, ``<>`` or empty for the null one.
    """
    submitted = first(headers, "auto-submitted").partition(";")[0].strip().lower()
    suppress = first(headers, "x-auto-response-suppress").lower()
    path = first(headers, "return-path").strip() if envelope is None else envelope.strip()
    null_path = path in ("<>", "") if envelope is not None else path == "<>"
    local = sender.rpartition("@")[0]
    reasons = (
        (submitted not in ("", "no"), f"Auto-Submitted: {submitted[:40]}"),
        (first(headers, "precedence").strip().lower() in _BULK, "Precedence says bulk"),
        (any(name in headers for name in _LIST_HEADERS), "it came by a mailing list"),
        (any(name in headers for name in _REPLY_HEADERS), "it says it is an automatic reply"),
        (bool({"all", "autoreply"} & set(re.split(r"[,\s]+", suppress))), "it asks for no answer"),
        (null_path, "its return path is empty"),
        (bool(_MACHINES.fullmatch(local)), "its sender takes no mail"),
        (_content_type(headers).startswith("multipart/report"), "it is a delivery report"),
        (is_ours(first(headers, "message-id").strip()), "it is our own mail, come back"),
        (sender in ours, "it is from our own address"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def bounces(message: Message, raw: bytes, headers: Headers) -> tuple[Bounce, ...]:
    """What ``message`` reports of mail of ours; empty when it reports none.

    A delivery report (RFC 3464) is read by its fields; older mail servers only say
    ``X-Failed-Recipients``. Either must give back our mail's headers, or name it as the one that
    it answers. A delay is no result, and is
    not reported.
    """
    remote_id = _returned(raw, headers)
    if not remote_id:
        return ()
    if "x-failed-recipients" in headers:
        who = ", ".join(one for _, one in addresses(headers["x-failed-recipients"]))
        detail = f"not delivered to {who or 'the recipient'}"
        return (Bounce(remote_id=remote_id, delivered=False, detail=detail),)
    if not _content_type(headers).startswith("multipart/report"):
        return ()
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            return _from_status(part, remote_id)
    return ()


def _returned(raw: bytes, headers: Headers) -> str | None:
    """The Message-ID of the mail of ours that came back; not one that it only refers to."""
    if given_back := _RETURNED_ID.search(raw):
        return given_back.group(1).decode("utf-8", "replace")
    answered = ids(headers.get("in-reply-to", ()))
    return next((one for one in answered if is_ours(one)), None)


def _from_status(part: Message, remote_id: str) -> tuple[Bounce, ...]:
    """One result for the mail: failed when it failed for anyone (we write to one address)."""
    outcomes = []
    for group in _groups(part):
        action = first(group, "action").strip().lower()
        if action in ("failed", "delivered"):
            said = first(group, "diagnostic-code").partition(";")[2] or first(group, "status")
            outcomes.append((action == "delivered", " ".join(said.split())[:500]))
    if not outcomes:
        return ()
    delivered, detail = min(outcomes)
    return (Bounce(remote_id=remote_id, delivered=delivered, detail=detail or "no reason given"),)


def _groups(part: Message) -> list[Headers]:
    """The fields of a delivery-status part; the parser makes a message of each group."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [read_headers(one) for one in payload if isinstance(one, Message)]
    return [_fields(decode(group, None)) for group in _split(data_of(part))]


def _split(data: bytes) -> list[bytes]:
    groups = re.split(rb"\r?\n\r?\n", data)
    return [group for group in groups if _REPORT.search(group)]


def _fields(text: str) -> Headers:
    pairs = (line.partition(":") for line in text.split("\n") if ":" in line)
    return {name.strip().lower(): (value.strip(),) for name, _, value in pairs}


def _content_type(headers: Headers) -> str:
    return first(headers, "content-type").strip().lower()
