"""Messages: as they come in, as they are stored, and as they are sent."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from gateway.model.base import Author, Fact, Purpose, Status, Value
from gateway.model.people import Address, Agent
from gateway.model.understanding import Route, Understanding


class File(Value, frozen=True, kw_only=True):
    """An attachment as a channel hands it in, not yet kept."""

    name: str
    media_type: str
    data: bytes


class Attachment(Value, frozen=True, kw_only=True):
    """A kept file: ``digest`` is the SHA-256 of its bytes in hex, ``size`` counts bytes."""

    name: str
    media_type: str
    size: int
    digest: str


class Inbound(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One message from a provider, in our words.

    ``remote_id`` is the provider's own id: the same (address, id) is handled once; without it
    nothing is deduplicated. ``kind`` ``unreadable`` means that the payload could not be parsed:
    ``raw`` is the digest under which it was kept, and a person gets it.
    """

    address: Address
    text: str
    at: datetime
    remote_id: str | None = None
    kind: Literal["message", "edit", "unreadable"] = "message"
    name: str | None = None
    """A display name as the provider tells it: shown, never trusted."""
    subject: str | None = None
    thread: tuple[str, ...] = ()
    """Remote ids of the messages this one answers, nearest first (References of a mail)."""
    attachments: tuple[Attachment, ...] = ()
    language: str | None = None
    """A hint, such as the language of the page the customer writes from."""
    ref: str | None = None
    """The customer's id at the company, where the channel has proof of it."""
    automatic: bool = False
    """A machine wrote it (RFC 3834): it is kept and shown, and never answered."""
    raw: str | None = None
    facts: tuple[Fact, ...] = ()
    """What the channel knows besides, for the agent to see (the page, the device)."""
    consent: Literal["out", "in"] | None = None
    """``out``: asks for no more messages at this address (STOP), which is heeded at once and never
    answered. ``in``: takes that back; from an address that never asked it is a message like any
    other."""
    answered: bool = False
    """The provider answers this by itself (HELP on SMS): it is kept and shown, not answered."""
    trace: str | None = None
    """The trace it belongs to (a W3C ``traceparent``), where work is traced: the house sets it."""


class Receipt(Value, frozen=True, kw_only=True):
    """What a provider says later of a message we sent.

    ``ids`` are our message ids where ``address`` is given (mailbox channels, and providers that
    bring our id back), else remote ids.
    """

    channel: str
    ids: tuple[str, ...]
    status: Literal["delivered", "read", "failed"]
    at: datetime
    detail: str | None = None
    address: Address | None = None
    """When ``ids`` are our message ids: whose messages they must be."""
    opted_out: bool = False
    """It failed because the customer asked for no more messages at this address."""


class Accepted(Value, frozen=True, kw_only=True):
    """Safely in the inbox. ``turn`` is the id of the turn that will handle (or handled) it."""

    turn: int
    duplicate: bool = False


class Button(Value, frozen=True, kw_only=True):
    """A quick reply: shown as ``title``, comes back as a message with the text ``payload``."""

    title: str
    payload: str


class SurveyQuestion(Value, frozen=True, kw_only=True):
    """One question after a case is closed; ``scale`` says how it can be answered."""

    kind: Literal["felt_heard", "csat", "ces"] = "felt_heard"
    scale: Literal["stars", "number", "text"] = "stars"


class Message(Value, frozen=True, kw_only=True):
    """One message of a conversation. ``internal`` ones (notes, system lines) never leave."""

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
    """Which plugin answered; for the agent and the report."""
    applied: tuple[AppliedRule, ...] = ()
    detail: str | None = None
    """Why it failed, in the provider's words."""
    facts: tuple[Fact, ...] = ()
    edited: bool = False


class AppliedRule(Value, frozen=True, kw_only=True):
    """One voice rule that changed the text."""

    rule: str
    before: str
    after: str


class Outbound(Value, frozen=True, kw_only=True):
    """One part on its way to a provider. ``key`` is the same at every attempt."""

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
    attachments: tuple[Attachment, ...] = ()
    automatic: bool = True
    trace: str | None = None
    """As in `Inbound`."""


class Sent(Value, frozen=True, kw_only=True):
    """A provider took a message; ``remote_id`` is its own id for it."""

    remote_id: str | None = None
    facts: tuple[Fact, ...] = ()
    """What it cost and how it went, to be kept with the message (segments, price)."""
