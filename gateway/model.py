"""The words we speak: frozen, keyword-only values that every floor and every guest shares.

A value is made once and never changed; a later stage makes a new one with what it learned
(``turn.replace(route=route)``). All times are aware and in UTC. Texts are what a person wrote or
will read; ids are ours unless a field says ``remote``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self, TypeAlias

import msgspec

Json: TypeAlias = dict[str, Any] | list[Any] | str | int | float | bool | None
"""What a provider may send us. It is typed at the door, by the channel that parses it."""

Label = Literal["calm", "pleased", "confused", "anxious", "frustrated", "angry", "urgent"]
Author = Literal["customer", "bot", "agent", "system"]
Status = Literal["received", "queued", "sent", "delivered", "read", "unsure", "failed", "discarded"]
State = Literal["bot", "waiting", "person", "resolved"]
Purpose = Literal[
    "message", "answer", "clarify", "fallback", "handover", "notice", "survey", "thanks"
]
Action = Literal["automate", "clarify", "escalate", "pass"]
Severity = Literal["info", "warning", "error"]


class Value(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A frozen value with keyword-only fields.

    What is frozen before anybody has it cannot hold itself, so the garbage collector is told not
    to look through values (``gc``, msgspec's documentation on structs): reference counts free them.
    """

    def replace(self, **changes: object) -> Self:
        """Give a copy with ``changes``; raises TypeError on an unknown field."""
        return msgspec.structs.replace(self, **changes)


# -- who, and where ------------------------------------------------------------------------------


class Address(Value, frozen=True, kw_only=True):
    """Where a customer can be reached: ``value`` is an address in the channel's own terms."""

    channel: str
    value: str

    @property
    def lane(self) -> str:
        """The key of everything that must keep its order with this address."""
        return f"{self.channel}:{self.value}"


class Customer(Value, frozen=True, kw_only=True):
    """Who writes to us. ``id`` is 0 until the first turn is committed."""

    id: int = 0
    name: str | None = None
    language: str | None = None
    opted_out: bool = False
    ref: str | None = None
    """The customer's id at the company, proven by a channel (a signed web-chat token)."""


class Agent(Value, frozen=True, kw_only=True):
    """A person who answers. ``id`` is unique among the desks: ``desk:ana``, ``slack:U123``."""

    id: str
    name: str
    skills: tuple[str, ...] = ()
    tier: str = "front"


# -- what comes in -------------------------------------------------------------------------------


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


# -- what we make of it --------------------------------------------------------------------------


class Cue(Value, frozen=True, kw_only=True):
    """The words that showed something: ``text == message[start:end]``."""

    kind: str
    text: str
    start: int
    end: int


class Emotion(Value, frozen=True, kw_only=True):
    """How the customer feels; ``intensity`` 0..1 is how strongly they feel ``label``.

    ``distress`` 0..1 ranks messages by how much they call for a person, whatever the label: the
    arc and the thresholds of the policy are made of it.
    """

    label: Label = "calm"
    intensity: float = 0.0
    distress: float = 0.0
    cues: tuple[Cue, ...] = ()


class Guess(Value, frozen=True, kw_only=True):
    """An intent and how sure we are, 0..1: of all that say 0.8, eight in ten are right."""

    name: str
    confidence: float


class Question(Value, frozen=True, kw_only=True):
    """One of several questions in a message: ``text == message[start:end]``, and its intent."""

    text: str
    start: int
    end: int
    guess: Guess


class Language(Value, frozen=True, kw_only=True):
    """An ISO 639-1 code, or ``und`` when nobody can tell; ``confidence`` 0..1."""

    code: str = "und"
    confidence: float = 0.0


class Insight(Value, frozen=True, kw_only=True):
    """What one understander can tell of one message. What it cannot tell stays None.

    ``signals`` are cues that routing knows by kind: ``asked_for_person``, ``harm``, ``legal``,
    ``not_helped`` (the bot's last answer missed).
    """

    language: Language | None = None
    ranking: tuple[Guess, ...] | None = None
    questions: tuple[Question, ...] = ()
    """Two or more when the message asks several things, each with a sure guess; ``ranking`` is
    then that of the first."""
    emotion: Emotion | None = None
    signals: tuple[Cue, ...] = ()


class Understanding(Value, frozen=True, kw_only=True):
    """What all understanders together make of one message. ``ranking`` is best first."""

    language: Language = Language()
    ranking: tuple[Guess, ...] = ()
    questions: tuple[Question, ...] = ()
    """Two or more when the message asks several things; else none. As in `Insight`."""
    emotion: Emotion = Emotion()
    signals: tuple[Cue, ...] = ()
    engines: tuple[str, ...] = ()
    """Names of the understanders that told something, the one believed first in front."""
    failed: tuple[str, ...] = ()
    """Names of the understanders that raised, timed out, told nonsense, or are left out for a
    while because they did so before."""
    ranked_by: str | None = None
    """Which of ``engines`` told ``ranking``; None when none did."""

    @property
    def intent(self) -> Guess:
        return self.ranking[0] if self.ranking else Guess(name="none", confidence=0.0)

    def has(self, kind: str) -> bool:
        return any(signal.kind == kind for signal in self.signals)


class Reason(Value, frozen=True, kw_only=True):
    """Why a turn was routed as it was: ``code`` for machines, ``detail`` for the agent."""

    code: str
    detail: str = ""


class Route(Value, frozen=True, kw_only=True):
    """What happens with a turn. ``pass`` means: on to the person who has the conversation."""

    action: Action
    tier: str = "bot"
    skills: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    priority: int = 0
    """0 normal .. 3 at once; orders the queue."""


# -- conversations -------------------------------------------------------------------------------


class Button(Value, frozen=True, kw_only=True):
    """A quick reply: shown as ``title``, comes back as a message with the text ``payload``."""

    title: str
    payload: str


class SurveyAsk(Value, frozen=True, kw_only=True):
    """One question after a case is closed; ``scale`` says how it can be answered."""

    kind: Literal["felt_heard", "csat", "ces"] = "felt_heard"
    scale: Literal["stars", "number", "text"] = "stars"


class SurveyAnswer(Value, frozen=True, kw_only=True):
    """``score`` 1..5 (5 is best) or None; ``solved`` None when the answer does not say."""

    score: int | None = None
    solved: bool | None = None
    comment: str = ""
    opt_out: bool = False


class Survey(Value, frozen=True, kw_only=True):
    """A question that was asked, and its answer when it came."""

    id: int
    conversation: int
    ask: SurveyAsk
    asked_at: datetime
    answered_at: datetime | None = None
    answer: SurveyAnswer | None = None


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
    survey: SurveyAsk | None = None
    attachments: tuple[Attachment, ...] = ()
    understanding: Understanding | None = None
    route: Route | None = None
    handler: str | None = None
    """Which plugin answered; for the agent and the report."""
    applied: tuple[Applied, ...] = ()
    detail: str | None = None
    """Why it failed, in the provider's words."""
    facts: tuple[Fact, ...] = ()
    edited: bool = False


class Conversation(Value, frozen=True, kw_only=True):
    """One customer's exchange on one channel until it is resolved.

    ``epoch`` grows with every claim, transfer, hand-back, resolve and re-open; what was composed
    in an earlier epoch is never sent. ``id`` is 0 until the first turn is committed.
    """

    id: int = 0
    address: Address
    state: State = "bot"
    epoch: int = 0
    owner: Agent | None = None
    tier: str = "bot"
    language: str | None = None
    subject: str | None = None
    opened_at: datetime
    resolved_at: datetime | None = None
    intent: str | None = None
    """The last intent we were sure of: what this conversation is about."""


class Earlier(Value, frozen=True, kw_only=True):
    """A past conversation of the same customer, for the card and for repeat contacts."""

    id: int
    channel: str
    opened_at: datetime
    resolved_at: datetime | None = None
    intent: str | None = None
    mood: Label = "calm"
    """How the customer felt at its end."""
    score: int | None = None


class Answered(Value, frozen=True, kw_only=True):
    """How a person answered a conversation that is resolved now.

    ``asked`` is what the customer wrote before, ``said`` the person's first answer, as it was
    sent: both may hold what is the customer's alone. ``names`` are of both of them.
    """

    conversation: int
    customer: int
    language: str
    asked: str
    said: str
    names: tuple[str, ...] = ()


class Fact(Value, frozen=True, kw_only=True):
    """Something known, by name: an amount, a date, an order number. Its value never changes."""

    name: str
    value: str


class Context(Value, frozen=True, kw_only=True):
    """What was known before the message was read. ``repeats`` counts earlier contacts about
    the same thing within the policy's window; sources' contexts are joined."""

    facts: tuple[Fact, ...] = ()
    earlier: tuple[Earlier, ...] = ()


class Timer(Value, frozen=True, kw_only=True):
    """A durable alarm of a conversation. It fires once, in order with the messages."""

    name: str
    due_at: datetime
    data: dict[str, str] = msgspec.field(default_factory=dict)


class Turn(Value, frozen=True, kw_only=True):
    """One inbound message (or a timer, or an event such as ``resolved``) and all we make of it."""

    id: int
    at: datetime
    message: Message
    customer: Customer
    conversation: Conversation
    kind: Literal["message", "timer", "event"] = "message"
    name: str = ""
    """The timer's or the event's name."""
    data: dict[str, str] = msgspec.field(default_factory=dict)
    history: tuple[Message, ...] = ()
    """This conversation so far, oldest first, without ``message``; at most the last 40."""
    context: Context = Context()
    understanding: Understanding = Understanding()
    route: Route = Route(action="automate")
    survey: Survey | None = None
    """The question that waits for an answer, if one was asked."""
    survey_answer: SurveyAnswer | None = None
    opening: str | None = None
    """Outside business hours: when a person will be back, an ISO 8601 date and time on the
    wall clock of the business (with its offset); None while people are there."""
    automatic: bool = False
    """A machine wrote ``message`` (RFC 3834): it is kept and shown, and never answered."""
    unreadable: bool = False
    """The payload of ``message`` could not be parsed: a person gets what was kept of it."""
    opted_out: bool = False
    """The customer asked for no more messages at this address: nothing is sent there."""
    returning: bool = True
    """The customer may have had other conversations; False: this one is their first for certain."""

    @property
    def language(self) -> str:
        """The language to answer in: the message's, else the conversation's, else ``en``."""
        seen = self.understanding.language
        known = self.conversation.language or self.customer.language
        return seen.code if seen.code != "und" else known or "en"


# -- what goes out -------------------------------------------------------------------------------


class Link(Value, frozen=True, kw_only=True):
    title: str
    url: str


class Reply(Value, frozen=True, kw_only=True):
    """What a handler has to say, by role; the brand voice chooses the words around it.

    ``body`` holds sentences or paragraphs with the facts in them, word for word; ``facts`` names
    those the voice must never touch. Besides words a reply may ask for effects, committed in the
    same transaction: ``timers`` to set, a ``survey`` to open, a hand-over (``escalate``).
    A reply without words is silent and still has its effects.
    """

    opener: str | None = None
    """None: the voice chooses one that fits the emotion. An empty string: none at all."""
    body: tuple[str, ...] = ()
    next_step: str | None = None
    links: tuple[Link, ...] = ()
    facts: tuple[Fact, ...] = ()
    buttons: tuple[Button, ...] = ()
    language: str = "en"
    purpose: Purpose = "answer"
    survey: SurveyAsk | None = None
    timers: tuple[Timer, ...] = ()
    escalate: tuple[Reason, ...] = ()
    attachments: tuple[Attachment, ...] = ()


class Occasion(Value, frozen=True, kw_only=True):
    """To whom, where and in what mood a reply is said."""

    channel: str
    emotion: Emotion = Emotion()
    author: Literal["bot", "agent"] = "bot"
    first: bool = False
    """The first words to this customer in this conversation: a greeting fits."""
    customer: str | None = None
    agent: str | None = None
    language: str | None = None
    """The language an agent writes in, where it is known; a Reply carries its own."""
    max_length: int | None = None
    """The channel's own limit of a part (see `Traits.max_length`). A guide's limit may be lower,
    and has no effect above it."""


class Applied(Value, frozen=True, kw_only=True):
    """One voice rule that changed the text."""

    rule: str
    before: str
    after: str


class Finding(Value, frozen=True, kw_only=True):
    """Advice on ``text[start:end]``; ``suggestion`` would replace it, None when there is none."""

    rule: str
    severity: Severity
    start: int
    end: int
    message: str
    suggestion: str | None = None


class Rendered(Value, frozen=True, kw_only=True):
    """A reply as it will look on one channel, in the parts it is sent in."""

    parts: tuple[str, ...]
    encoding: Literal["GSM-7", "UCS-2"] | None = None
    segments: int | None = None
    applied: tuple[Applied, ...] = ()
    advice: tuple[Finding, ...] = ()


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
    survey: SurveyAsk | None = None
    attachments: tuple[Attachment, ...] = ()
    automatic: bool = True
    trace: str | None = None
    """As in `Inbound`."""


class Sent(Value, frozen=True, kw_only=True):
    """A provider took a message; ``remote_id`` is its own id for it."""

    remote_id: str | None = None
    facts: tuple[Fact, ...] = ()
    """What it cost and how it went, to be kept with the message (segments, price)."""


# -- people --------------------------------------------------------------------------------------


class Handoff(Value, frozen=True, kw_only=True):
    """A conversation on its way from bot to person, or with one."""

    id: int
    conversation: int
    reasons: tuple[Reason, ...]
    tier: str
    skills: tuple[str, ...]
    priority: int
    created_at: datetime
    agent: Agent | None = None
    claimed_at: datetime | None = None
    closed_at: datetime | None = None


class Suggestion(Value, frozen=True, kw_only=True):
    """A draft for the agent. ``outcome`` tells what became of it, with the text as sent."""

    id: int
    conversation: int
    text: str
    source: str
    at: datetime
    outcome: Literal["open", "sent", "edited", "ignored"] = "open"
    final: str | None = None


class QueueItem(Value, frozen=True, kw_only=True):
    """A line of the agents' queue."""

    handoff: Handoff
    conversation: Conversation
    customer: Customer
    preview: str
    """The customer's last words, at most 140 characters."""
    mood: Emotion
    waiting_since: datetime


class Linked(Value, frozen=True, kw_only=True):
    """An address that was linked to a customer, on what proof: a code that was repeated, or a
    person's decision. ``id`` undoes it."""

    id: int
    address: Address
    how: Literal["code", "agent"]
    at: datetime
    agent: Agent | None = None


class Card(Value, frozen=True, kw_only=True):
    """All a person needs to go on without asking again."""

    conversation: Conversation
    customer: Customer
    identities: tuple[Address, ...]
    handoff: Handoff | None
    messages: tuple[Message, ...]
    """Oldest first, notes and system lines included; each customer message carries its mood."""
    earlier: tuple[Earlier, ...]
    facts: tuple[Fact, ...]
    summary: tuple[str, ...]
    """A few sentences: what is wanted, what was tried, the mood."""
    suggestion: Suggestion | None
    on_its_way: tuple[Message, ...] = ()
    """Bot messages that a provider may already have when the person claimed."""
    linked: tuple[Linked, ...] = ()
    """Which of ``identities`` were linked, and how."""
