"""Messages as they are received, stored and sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from gateway.model.base import Address, Agent, Author, Fact, Purpose, Status, Value
from gateway.model.understanding import Route, Understanding

ALBUM_WAIT = 3.0
"""Seconds after the last message of an album until it is handled: a provider delivers the next one
only when we have taken this one with its file."""
UNREADABLE = "\N{REPLACEMENT CHARACTER} unreadable"
"""Stands for a stored text that is damaged, and is shown as it is."""


class File(Value, frozen=True, kw_only=True):
    """An attachment as a channel receives it, not stored yet."""

    name: str
    media_type: str
    data: bytes


class Attachment(Value, frozen=True, kw_only=True):
    """A stored file. ``digest`` is the SHA-256 of its bytes in hex, ``size`` is in bytes."""

    name: str
    media_type: str
    size: int
    digest: str


class FileLimits(Value, frozen=True, kw_only=True):
    """Which files one message may carry.

    ``most``: how many. ``size``: bytes of each; ``image_size``: of each image; ``total``: bytes of
    all together; None for no limit beyond ``limits.attachment``. ``types``: the media types that
    are taken, or their beginnings (``image/``); empty for any. ``hint``: what an agent should know
    besides, in a short sentence.
    """

    most: int
    size: int | None = None
    image_size: int | None = None
    total: int | None = None
    types: tuple[str, ...] = ()
    hint: str = ""

    def refusal(self, files: Sequence[Attachment]) -> str | None:
        """Why ``files`` cannot go in one message, and what to do, for an agent; None if they
        can."""
        if len(files) > self.most:
            several = "one file" if self.most == 1 else f"{self.most} files"
            return f"A message here carries at most {several}. Send the others in a second message."
        for file in files:
            if self.types and not file.media_type.startswith(self.types):
                return f"{file.name} is of a type that cannot be sent here ({file.media_type})."
            largest = self.image_size if file.media_type.startswith("image/") else None
            largest = largest or self.size
            if largest is not None and file.size > largest:
                return f"{file.name} is too large to be sent here: at most {megabytes(largest)}."
        if self.total is not None and sum(file.size for file in files) > self.total:
            return f"These files are too large for one message: at most {megabytes(self.total)}."
        return None


def megabytes(size: int) -> str:
    """``size`` bytes in MB, as people read it: ``5 MB``, ``0.6 MB``."""
    return f"{size / 1_000_000:.1f}".removesuffix(".0") + " MB"


class Inbound(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One message from a provider, as the gateway's value.

    ``remote_id`` is the provider's id: a message with the same address and id is handled once.
    Without it nothing is deduplicated. ``kind`` is ``unreadable`` when the payload could not be
    parsed: ``raw`` is then the digest under which it is stored, and a person gets it.
    """

    address: Address
    text: str
    at: datetime
    remote_id: str | None = None
    kind: Literal["message", "edit", "unreadable"] = "message"
    name: str | None = None
    """The display name that the provider sent: shown, never trusted."""
    subject: str | None = None
    thread: tuple[str, ...] = ()
    """Remote ids of the messages this one answers, nearest first (a mail's References)."""
    attachments: tuple[Attachment, ...] = ()
    copies: tuple[str, ...] = ()
    """Who else got it, as the channel writes addresses (a mail's To and Cc, without ours)."""
    forwards: tuple[str, ...] | None = None
    """None, unless it passes on what others wrote: then who wrote it, as the channel writes
    addresses and as far as it says so. What `thread` names is passed on, too. Their erasure reaches
    the conversation that such a message begins."""
    language: str | None = None
    """A hint, such as the language of the page where the customer writes."""
    ref: str | None = None
    """The customer's id at the company, if the channel has verified it."""
    automatic: bool = False
    """A machine wrote it (RFC 3834): it is stored and shown, and never answered."""
    wordless: bool = False
    """The customer sent no words: ``text`` is our description of what they sent (a recording, a
    place, a contact, a sticker). A person gets it; no engine reads it."""
    album: str | None = None
    """The provider's id of several messages that were sent together, each with a file. Those of
    one album are handled as one message, `ALBUM_WAIT` after the last one came."""
    raw: str | None = None
    facts: tuple[Fact, ...] = ()
    """What else the channel knows and the agent should see (the page, the device)."""
    consent: Literal["out", "in"] | None = None
    """``out``: the customer wants no more messages at this address (STOP). This takes effect at
    once and is never answered. ``in``: the customer takes that back. From an address that did not
    opt out, it is an ordinary message."""
    answered: bool = False
    """The provider answers it by itself (HELP on SMS): it is stored and shown, not answered."""
    fingerprint: str | None = None
    """Of the contents, where providers may give several messages the same ``remote_id``: another
    fingerprint is then another message."""
    trace: str | None = None
    """The trace it belongs to (a W3C ``traceparent``). The gateway sets it."""
    brand: str = ""
    """The brand of its support address. The gateway sets it."""


class Receipt(Value, frozen=True, kw_only=True):
    """A provider's later report on a message we sent.

    With ``address``, ``ids`` are our message ids (mailbox channels, and providers that return our
    id); without it they are remote ids.
    """

    channel: str
    ids: tuple[str, ...]
    status: Literal["delivered", "read", "failed"]
    at: datetime
    detail: str | None = None
    address: Address | None = None
    """The address that the messages with these ids must have gone to."""
    support_address: str | None = None
    """The support address they must have left from, where remote ids are not unique over all of
    them; None for any."""
    opted_out: bool = False
    """It failed because the customer opted out of messages at this address."""
    unreachable: bool = False
    """It failed because the address takes no messages at all: it is suspended until the customer
    writes from it."""
    temporary: bool = False
    """It failed for a passing reason (a full mailbox): the conversation shows it, and nobody is
    called for it."""
    words: str = ""
    """What the report returns of the message. Without ``ids``, the newest message to ``address``
    whose words or subject these contain is meant."""


class Accepted(Value, frozen=True, kw_only=True):
    """The message is committed to the inbox. ``turn`` is the id of the turn that handles it.
    ``conversation`` is where an agent's answer goes; 0 for what a customer wrote."""

    turn: int
    duplicate: bool = False
    conversation: int = 0


class Button(Value, frozen=True, kw_only=True):
    """A quick reply, shown as ``title``. A click sends a message with the text ``payload``."""

    title: str
    payload: str


SurveyKind = Literal["felt_heard", "csat", "ces", "heard_aspect"]
"""Felt heard, satisfied (CSAT), easy (CES), or one `SurveyAspect` of feeling heard."""
SurveyAspect = Literal[
    "voice",
    "attention",
    "focus",
    "perspective",
    "feelings",
    "respect",
    "interest",
    "common_ground",
]
"""One side of feeling heard, after the five components of the Feeling Heard Scale: voice, attention
(attention, focus), empathy (perspective, feelings), respect (respect, interest), common ground
(Roos, Postmes and Koudenburg 2023, PLOS ONE 18(11), doi 10.1371/journal.pone.0292865)."""


class SurveyQuestion(Value, frozen=True, kw_only=True):
    """The question asked after a case is closed. ``scale`` is how it can be answered: 1 to 5, of
    which 5 is best, as stars or as a number, or in words alone. ``aspect`` is set where ``kind`` is
    ``heard_aspect``."""

    kind: SurveyKind = "felt_heard"
    scale: Literal["stars", "number", "text"] = "stars"
    aspect: SurveyAspect | None = None


class Message(Value, frozen=True, kw_only=True):
    """One message of a conversation. ``internal`` messages (notes, system lines) are never
    sent."""

    id: int
    conversation: int
    author: Author
    text: str
    at: datetime
    turn: int | None = None
    status: Status = "received"
    internal: bool = False
    purpose: Purpose = "message"
    agent: Agent | None = None
    remote_id: str | None = None
    buttons: tuple[Button, ...] = ()
    survey: SurveyQuestion | None = None
    attachments: tuple[Attachment, ...] = ()
    understanding: Understanding | None = None
    route: Route | None = None
    handler: str | None = None
    """The name of the handler that answered, for the agent and the report."""
    applied: tuple[AppliedRule, ...] = ()
    detail: str | None = None
    """Why it failed, as the provider puts it."""
    facts: tuple[Fact, ...] = ()
    edited: bool = False
    copies: tuple[str, ...] = ()
    """Who else got it, or gets it: the Cc of a mail."""
    subject: str | None = None
    """A customer's subject, where it is new: of the first message, or changed within a thread."""

    @property
    def by_machine(self) -> bool:
        """Whether a machine wrote it in the customer's place, such as an out-of-office reply."""
        reasons = self.route.reasons if self.author == "customer" and self.route else ()
        return any(reason.code == "automatic" for reason in reasons)

    @property
    def asks_nothing(self) -> bool:
        """Whether the customer waits for no answer to it: a machine wrote it, or it is thanks or a
        goodbye to the person who has the conversation, and nothing else."""
        silent = self.author == "customer" and self.purpose in ("notice", "thanks")
        return silent or self.by_machine


class AppliedRule(Value, frozen=True, kw_only=True):
    """One voice rule that changed the text."""

    rule: str
    before: str
    after: str


class Outbound(Value, frozen=True, kw_only=True):
    """One part of a message to send to a provider. ``key`` is the same at every attempt."""

    id: int
    key: str
    message: int
    address: Address
    text: str
    author: Literal["bot", "agent"]
    at: datetime
    attempt: int = 1
    agent: str | None = None
    language: str = "en"
    subject: str | None = None
    thread: tuple[str, ...] = ()
    """Remote ids of the conversation's messages, newest first."""
    buttons: tuple[Button, ...] = ()
    survey: SurveyQuestion | None = None
    purpose: Purpose = "message"
    attachments: tuple[Attachment, ...] = ()
    copies: tuple[str, ...] = ()
    """Who else gets it, on a channel with `Traits.copies`."""
    automatic: bool = True
    with_bot: bool = False
    """The bot has the conversation, so a customer who wants a person must say so."""
    question: str | None = None
    """The customer's text that this follows, for channels with `Traits.quotes`."""
    trace: str | None = None
    """As in `Inbound`."""


class Sent(Value, frozen=True, kw_only=True):
    """The provider took a message. ``remote_id`` is the provider's id for it."""

    remote_id: str | None = None
    facts: tuple[Fact, ...] = ()
    """What to store with the message, such as segments and price."""
