"""Mail that no person wrote: automatic mail, bounces, and loops with other robots.

Sources: RFC 3834 (automatic responses), RFC 2919 and 2369 (mailing lists), RFC 3462 and 3464
(delivery reports), and the headers in use before them.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import MutableMapping
from datetime import datetime, timedelta
from email.message import Message

from cachetools import LRUCache

from channels.email.addresses import parse_addresses
from channels.email.body import payload_bytes
from channels.email.headers import Headers, decode, first, message_ids, read_headers
from gateway import Value

OUR_MARK = ".warmline"

_OUR_ID = re.compile(rf"<[0-9a-f]{{32}}{re.escape(OUR_MARK)}@[^<>\s]{{1,255}}>")
_RETURNED_ID = re.compile(
    rf"^Message-ID:\s*({_OUR_ID.pattern})".encode(), re.IGNORECASE | re.MULTILINE
)
_BULK = {"bulk", "list", "junk", "auto_reply"}
_LIST_HEADERS = ("list-id", "list-post", "list-unsubscribe")
_LIST_ADDRESSES = ("list-post", "mailing-list", "x-beenthere")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w.-]{1,255}")
_REPLY_HEADERS = ("x-autoreply", "x-autorespond", "x-autoreply-from", "x-mail-autoreply",
                  "x-failed-recipients")  # fmt: skip
_MACHINES = re.compile(
    r"(?:mailer-?daemon|(?:do[-_.]?)?no[-_.]?t?[-_.]?(?:reply|respond)|postmaster|bounces?|listserv|majordomo)"
    r"(?:[+=._-].*)?"
)
_RECIPIENT_FIELD = re.compile(rb"^(?:Final|Original)-Recipient:", re.IGNORECASE | re.MULTILINE)
_MAX_SENDERS = 10_000


class Bounce(Value, frozen=True, kw_only=True):
    """A report on one mail of ours: ``remote_id`` is that mail's Message-ID."""

    remote_id: str
    delivered: bool
    detail: str


class LoopGuard:
    """Counts mails by sender to find robots that do not identify themselves.

    ``max_mails`` of one sender in ``window`` seconds are answered.
    """

    def __init__(self, *, max_mails: int, window: float) -> None:
        self._max_mails, self._window = max_mails, timedelta(seconds=window)
        self._times: MutableMapping[str, deque[datetime]] = LRUCache(_MAX_SENDERS)

    def reason(self, sender: str, now: datetime) -> str | None:
        """Why one more mail of ``sender`` is not answered, or None."""
        recent = [at for at in self._times.get(sender, ()) if at > now - self._window]
        if len(recent) < self._max_mails:
            return None
        seconds = int(self._window.total_seconds())
        return f"its sender wrote {self._max_mails} mails in {seconds} s"

    def count(self, sender: str, now: datetime) -> None:
        """Count a mail of ``sender``. Only the latest senders are remembered."""
        self._times.setdefault(sender, deque(maxlen=self._max_mails)).append(now)


def automatic_reason(
    headers: Headers, *, sender: str, envelope: str | None, own_addresses: frozenset[str]
) -> str | None:
    """Why this mail must not be answered; None when a person may have written it.

    ``envelope`` is the SMTP sender where it is known, ``<>`` or empty for the null sender.
    """
    submitted = first(headers, "auto-submitted").partition(";")[0].strip().lower()
    suppress = first(headers, "x-auto-response-suppress").lower()
    path = first(headers, "return-path").strip() if envelope is None else envelope.strip()
    null_path = path in ("<>", "") if envelope is not None else path == "<>"
    local = sender.rpartition("@")[0]
    foreign_list = not is_own_list(headers, own_addresses)
    bulk = _BULK if foreign_list else _BULK - {"list"}
    reasons = (
        (submitted not in ("", "no"), f"Auto-Submitted: {submitted[:40]}"),
        (first(headers, "precedence").strip().lower() in bulk, "Precedence says bulk"),
        (
            foreign_list and any(name in headers for name in _LIST_HEADERS),
            "it came by a mailing list",
        ),
        (any(name in headers for name in _REPLY_HEADERS), "it says it is an automatic reply"),
        (bool({"all", "autoreply"} & set(re.split(r"[,\s]+", suppress))), "it asks for no answer"),
        (null_path, "its return path is empty"),
        (bool(_MACHINES.fullmatch(local)), "its sender takes no mail"),
        (_content_type(headers).startswith("multipart/report"), "it is a delivery report"),
        (_is_ours(first(headers, "message-id").strip()), "it is our own mail, sent back to us"),
        (sender in own_addresses, "it is from our own address"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def find_bounces(message: Message, raw: bytes, headers: Headers) -> tuple[Bounce, ...]:
    """The results that ``message`` reports on mail of ours; empty when it reports none.

    A delivery report (RFC 3464) is read by its fields; older mail servers only send
    ``X-Failed-Recipients``. Either must return our mail's headers, or name our mail as the one
    that it answers. A delay is no result, and is not reported.
    """
    remote_id = _returned_id(raw, headers)
    if not remote_id:
        return ()
    if "x-failed-recipients" in headers:
        recipients = parse_addresses(headers["x-failed-recipients"])
        names = ", ".join(address for _, address in recipients) or "the recipient"
        return (Bounce(remote_id=remote_id, delivered=False, detail=f"not delivered to {names}"),)
    if not _content_type(headers).startswith("multipart/report"):
        return ()
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            return _from_status(part, remote_id)
    return ()


def is_own_list(headers: Headers, own_addresses: frozenset[str]) -> bool:
    """Whether the mail came by a mailing list whose address is our own (a Google Group): then its
    members are our agents, and who wrote to it is a customer.

    ``List-Post`` (RFC 2369 section 3.4) names the list's address; Google's and Yahoo's groups name
    it in ``Mailing-list``, Mailman in ``X-BeenThere``.
    """
    values = [value for name in _LIST_ADDRESSES for value in headers.get(name, ())]
    return any(address.lower() in own_addresses for address in _ADDRESS.findall(" ".join(values)))


def _is_ours(remote_id: str) -> bool:
    """Whether a Message-ID has the form of those that we make."""
    return bool(_OUR_ID.fullmatch(remote_id))


def _returned_id(raw: bytes, headers: Headers) -> str | None:
    """The Message-ID of our mail that was returned; not of one that is only referred to."""
    if returned := _RETURNED_ID.search(raw):
        return returned.group(1).decode("utf-8", "replace")
    return next(filter(_is_ours, message_ids(headers.get("in-reply-to", ()))), None)


def _from_status(part: Message, remote_id: str) -> tuple[Bounce, ...]:
    """One result for the mail: failed when it failed for anyone (we write to one address)."""
    outcomes = []
    for group in _status_groups(part):
        action = first(group, "action").strip().lower()
        if action in ("failed", "delivered"):
            code = first(group, "diagnostic-code").partition(";")[2] or first(group, "status")
            outcomes.append((action == "delivered", " ".join(code.split())[:500]))
    if not outcomes:
        return ()
    delivered, detail = min(outcomes)
    return (Bounce(remote_id=remote_id, delivered=delivered, detail=detail or "no reason given"),)


def _status_groups(part: Message) -> list[Headers]:
    """The groups of fields of a delivery-status part; the parser makes a message of each."""
    payload = part.get_payload()
    if isinstance(payload, list):
        return [read_headers(group) for group in payload if isinstance(group, Message)]
    groups = re.split(rb"\r?\n\r?\n", payload_bytes(part))
    return [_fields(decode(group, None)) for group in groups if _RECIPIENT_FIELD.search(group)]


def _fields(text: str) -> Headers:
    pairs = (line.partition(":") for line in text.split("\n") if ":" in line)
    return {name.strip().lower(): (value.strip(),) for name, _, value in pairs}


def _content_type(headers: Headers) -> str:
    return first(headers, "content-type").strip().lower()
