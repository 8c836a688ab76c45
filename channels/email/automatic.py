"""Mail that no person wrote: automatic mail, and loops with other robots.

Sources: RFC 3834 (automatic responses), RFC 2919 and 2369 (mailing lists), RFC 3462 (delivery
reports), and the headers in use before them.

Out-of-office replies and receipts that no header marks: by form and wording (``absence/
phrases.yaml``), in the languages of `body.LANGUAGES`, and by a learnt model beside them.

Mail programs put fixed words before our subject ("Automatic reply: ..."); these are certain. By its
text alone a mail counts only when it answers one of ours, speaks of absence as such replies do, and
neither asks for something nor says what the writer will do about the matter: a customer who will be
away and wants a parcel kept is a person. Sentences that send us to somebody else ("For orders write
to ...") are no request.
"""

from __future__ import annotations

import re
import unicodedata
from collections import deque
from collections.abc import Iterable, Mapping, MutableMapping
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from zlib import crc32

from cachetools import LRUCache

from channels.email.bounces import is_our_id
from channels.email.headers import Headers, first
from gateway import counted, packaged_yaml

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
        return f"its sender wrote {counted(self._max_mails, 'mail')} in {seconds} s"

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


# -- out-of-office replies that no header marks ---------------------------------------------------

REPLY_MARK = re.compile(r"^(?:\s*(?:re|aw|antw|sv|vs|odp|ref|rif|tr|r)\s*:)+\s*", re.IGNORECASE)


def _compiled(tables: dict[str, Any]) -> dict[str, re.Pattern[str]]:
    return {
        name: re.compile("|".join(f"(?:{part})" for part in parts), re.IGNORECASE)
        for name, parts in tables.items()
    }


PHRASES = _compiled(packaged_yaml("channels.email", "absence/phrases.yaml"))
"""The lists of ``absence/phrases.yaml``, each as one pattern."""

LONGEST = 1_500
"""Characters of a text that the rules may take for an out-of-office reply; longer ones are
letters."""

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_ENOUGH, _PLAIN = 2, 4
"""Signs of a reply that is automatic, and of one that is plainly so."""
_SHORT = 60
_ASKS = ("request", "neighbour", "acts", "own_matter")
_SIGNS = (
    *("absent", "closed", "left", "unread"),
    *("later", "meanwhile", "automatic", "thanks_for_mail"),
)
TEXT_SIGNS = (*_SIGNS, "at_work", "alone")
"""What `AbsenceSigns.found` may hold."""


class AbsenceSigns(NamedTuple):
    """What the rules find in a mail, for themselves and for the model."""

    fixed: str
    """The words of a mail program at the beginning of the subject; empty if there are none."""
    asks: bool
    """It asks us for something, or says what its writer will do."""
    topic: bool
    """It speaks of what people write to a shop about."""
    noted: bool
    """The subject says that somebody is absent."""
    begins: bool
    """So it does, and until when."""
    answers: bool
    """It answers a mail of ours, or looks like an answer."""
    elsewhere: bool
    """A sentence sends us to somebody else."""
    found: frozenset[str]
    """Lists of ``absence/phrases.yaml`` of which the text has a part, and more of `TEXT_SIGNS`."""

    @property
    def weight(self) -> int:
        """How many signs of such a reply there are; 0 where the text does not speak of absence."""
        absent, closed, left, unread, later, meanwhile, automatic, thanks = (
            name in self.found for name in _SIGNS
        )
        gone = left or unread
        deferred = thanks and later and meanwhile and self.elsewhere
        if not (absent or closed or gone or self.begins or deferred):
            return 0
        works = "at_work" in self.found
        signs = (gone or thanks, later, meanwhile, self.elsewhere, closed, works,
                 "alone" in self.found, self.noted, self.begins)  # fmt: skip
        return sum(signs) + 2 * automatic + gone


def find_signs(subject: str, text: str, *, answers_us: bool) -> AbsenceSigns:
    """The signs of a mail with ``subject`` and the new words ``text``."""
    plain = REPLY_MARK.sub("", subject)
    # A person who answers a mail about an automatic reply has its words behind their own "Re:".
    fixed = PHRASES["fixed_subject"].match(subject)
    noted = PHRASES["absent_subject"].match(plain)
    begun = text[: 2 * LONGEST]
    own = _own_sentences(begun)
    found = {name for name in _SIGNS if PHRASES[name].search(begun)}
    if "absent" in found and PHRASES["at_work"].search(begun):
        alone = len(text) <= _SHORT and text.strip().count("\n") == 0
        found |= {"at_work", "alone"} if alone else {"at_work"}
    return AbsenceSigns(
        fixed=fixed.group() if fixed else "",
        asks=any(PHRASES[name].search(own) for name in _ASKS),
        topic=bool(PHRASES["topic"].search(PHRASES["of_mail"].sub(" ", own))),
        noted=noted is not None,
        begins=noted is not None and bool(PHRASES["until"].match(plain, noted.end())),
        answers=answers_us or subject != plain or noted is not None,
        elsewhere=any(map(_sends_elsewhere, _SENTENCE.split(begun))),
        found=frozenset(found),
    )


def fixed_reason(signs: AbsenceSigns, subject: str, text: str) -> str | None:
    """Why the words of a mail program before ``subject`` show that it is an automatic reply."""
    if not signs.fixed:
        return None
    rest = subject[len(signs.fixed) :].strip()
    alone = not rest and not (signs.asks or signs.topic) and len(text) <= LONGEST
    if rest[:1] in tuple(":：([") or REPLY_MARK.match(rest) or alone:
        return f"it reads like an out-of-office reply: {signs.fixed[:40]}"
    return None


def is_absence_by_rules(signs: AbsenceSigns, text: str) -> bool:
    """Whether ``text`` alone shows that it is an out-of-office reply."""
    if len(text) > LONGEST or signs.asks or not signs.answers:
        return False
    return signs.weight >= (_PLAIN if signs.topic else _ENOUGH)


def _own_sentences(text: str) -> str:
    """Without the sentences that send us to somebody else."""
    return " ".join(
        one
        for one in _SENTENCE.split(text)
        if not _sends_elsewhere(one) or PHRASES["neighbour"].search(one)
    )


def _sends_elsewhere(sentence: str) -> bool:
    """ "For orders write to orders@...", "Is it urgent? Ask my colleague." """
    if PHRASES["urgent"].search(sentence) and sentence.rstrip().endswith("?"):
        return True
    if PHRASES["own_matter"].search(sentence):
        return False
    directs = PHRASES["place"].search(sentence) and PHRASES["directs"].search(sentence)
    return bool(directs) and not PHRASES["to_writer"].search(sentence)


# -- the learnt model: logistic regression on hashed n-grams and the signs of the rules ----------

MODEL_FILE = "absence/model.npz"
BUCKETS = 1 << 17
"""Rows of the table of weights. N-grams with one hash share a row."""
LONGEST_SCORED = 800
"""Characters of a text that is scored: twice the longest reply that the weights are learnt from. A
longer one is left to the rules."""
PIECES = (3, 4, 5)
"""Lengths of the n-grams of characters."""
FORM_SCALE = 0.1
"""How much the form counts beside the n-grams while the weights are learnt."""

_LINK = re.compile(r"://|\bwww\.|\[\d{1,3}\]")
"""Newsletters and threads of programmers have links, and few replies of a mailbox do."""
_MAIL_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w.-]{1,100}|(?:https?://|www\.)\S{1,200}")
_NUMBER = re.compile(r"\+?\d[\d .:/()-]{0,30}")
_WORD = re.compile(r"[^\W_]{1,40}|[?!@]")
_PHONE = re.compile(r"\d[\d ()/-]{6,20}")


class MailFeatures(NamedTuple):
    """What the model reads of a mail."""

    words: frozenset[int]
    """Buckets of the words and of pairs of words."""
    pieces: frozenset[int]
    """Buckets of the n-grams of characters."""
    form: tuple[float, ...]
    """See `form_of`."""


def fold(text: str) -> str:
    """``text`` without case and accents, each number and date as 0, each address as @."""
    plain = unicodedata.normalize("NFKD", text[:LONGEST_SCORED].casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    return _NUMBER.sub(" 0 ", _MAIL_ADDRESS.sub(" @ ", plain))


def read_features(subject: str, text: str, signs: AbsenceSigns) -> MailFeatures:
    """The features of a mail. A subject that answers is ours, so only another one is read."""
    own = "" if REPLY_MARK.match(subject) else subject[:200]
    words = _WORD.findall(fold(f"{own}\n{text}"))
    line = f" {' '.join(words)} "
    pieces = {line[at : at + size] for size in PIECES for at in range(len(line) - size + 1)}
    grams = [f"w{word}" for word in words] + [f"b{one} {two}" for one, two in pairwise(words)]
    return MailFeatures(_buckets(grams), _buckets(f"c{piece}" for piece in pieces),
                        form_of(text, signs))  # fmt: skip


def form_of(text: str, signs: AbsenceSigns) -> tuple[float, ...]:
    """The signs of the rules, then marks, addresses, whether it is short. Nothing that grows with
    the text: a newsletter is longer than anything that the weights are learnt from."""
    begun = text[:LONGEST_SCORED]
    found = [float(name in signs.found) for name in TEXT_SIGNS]
    said = (signs.asks, signs.topic, signs.noted, signs.begins, signs.elsewhere, bool(signs.fixed))
    marks = ("?" in begun, "!" in begun, "@" in begun, _PHONE.search(begun), len(begun) < 60)
    return (*found, *map(float, said), signs.weight / 4, *(float(bool(mark)) for mark in marks))


def _buckets(grams: Iterable[str]) -> frozenset[int]:
    return frozenset(crc32(gram.encode()) % BUCKETS for gram in grams)


class AbsenceModel:
    """The numbers of ``absence/model.npz``: ``weights`` (`BUCKETS` bytes, times ``scale``),
    ``form`` (one for each number of `form_of`), ``bias`` and ``threshold``."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._weights = arrays["weights"]
        self._scale = float(arrays["scale"])
        self._form = arrays["form"].astype(float).tolist()
        self._bias = float(arrays["bias"])
        self.threshold = float(arrays["threshold"])
        """The score from which a mail is taken for an automatic one."""

    def score(self, features: MailFeatures) -> float:
        """Log odds that a mailbox sent it by itself, not calibrated."""
        grams: float = sum(
            float(self._weights[list(rows)].sum(dtype=int)) / len(rows) ** 0.5
            for rows in (features.words, features.pieces)
            if rows
        )
        form = sum(weight * sign for weight, sign in zip(self._form, features.form, strict=True))
        total: float = self._bias + self._scale * grams + form
        return total

    def is_automatic(self, subject: str, text: str, signs: AbsenceSigns) -> bool:
        """Whether the text shows that nobody wrote it for this mail. Never where it asks for
        something or has a link, and only where it answers a mail."""
        if signs.asks or not signs.answers or not 0 < len(text) <= LONGEST_SCORED:
            return False
        if _LINK.search(text):
            return False
        return self.score(read_features(subject, text, signs)) >= self.threshold


@cache
def packaged_model() -> AbsenceModel:
    """The model of this package, read once."""
    import numpy as np  # noqa: PLC0415  (a server that gets no mail does without)

    with files("channels.email").joinpath(MODEL_FILE).open("rb") as file, np.load(file) as arrays:
        return AbsenceModel({name: arrays[name] for name in arrays.files})


def out_of_office_reason(subject: str, text: str, *, answers_us: bool) -> str | None:
    """Why a mail with ``subject`` and the new words ``text`` is an out-of-office reply; None when a
    person may have written it. ``answers_us``: it names a mail of ours as the one it answers."""
    signs = find_signs(subject, text, answers_us=answers_us)
    if reason := fixed_reason(signs, subject, text):
        return reason
    if is_absence_by_rules(signs, text):
        return "it reads like an out-of-office reply: it speaks of absence"
    if packaged_model().is_automatic(subject, text, signs):
        return "it reads like an out-of-office reply: its wording is that of automatic mail"
    return None
