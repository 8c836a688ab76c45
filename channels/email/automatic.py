"""Mail that no person wrote: automatic mail, and loops with other robots.

Sources: RFC 3834 (automatic responses), RFC 2919 and 2369 (mailing lists), RFC 3462 (delivery
reports), and the headers in use before them. Out-of-office replies that no header marks are
recognised by `absence`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import MutableMapping
from datetime import datetime, timedelta

from cachetools import LRUCache

from channels.email.bounces import is_our_id
from channels.email.headers import Headers, first

_BULK = {"bulk", "list", "junk", "auto_reply"}
_LIST_HEADERS = ("list-id", "list-post", "list-unsubscribe")
_LIST_ADDRESSES = ("list-post", "mailing-list", "x-beenthere")
_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w.-]{1,255}")
_REPLY_HEADERS = ("x-autoreply", "x-autorespond", "x-autoreply-from", "x-mail-autoreply",
                  "x-failed-recipients")  # fmt: skip
_MACHINES = re.compile(
    r"(?:mailer-?daemon|(?:do[-_.]?)?no[-_.]?t?[-_.]?(?:reply|respond)|postmaster|bounces?"
    r"|listserv|majordomo)"
    r"(?:[+=._-].*)?"
)
_MAX_SENDERS = 10_000


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
        (is_our_id(first(headers, "message-id").strip()), "it is our own mail, sent back to us"),
        (sender in own_addresses, "it is from our own address"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def is_own_list(headers: Headers, own_addresses: frozenset[str]) -> bool:
    """Whether the mail came by a mailing list whose address is our own (a Google Group): then its
    members are our agents, and who wrote to it is a customer.

    ``List-Post`` (RFC 2369 section 3.4) names the list's address; Google's and Yahoo's groups name
    it in ``Mailing-list``, Mailman in ``X-BeenThere``.
    """
    values = [value for name in _LIST_ADDRESSES for value in headers.get(name, ())]
    return any(address.lower() in own_addresses for address in _ADDRESS.findall(" ".join(values)))


def _content_type(headers: Headers) -> str:
    return first(headers, "content-type").strip().lower()
