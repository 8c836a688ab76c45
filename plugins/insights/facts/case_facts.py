"""What measures need of one conversation: numbers and codes, no words."""

from __future__ import annotations

from typing import Literal

import msgspec

from gateway import MoodLabel, State, Value, WorkStep
from plugins.insights.facts.edits import EditKind


class HandoverFacts(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One time that a conversation waited for a person, until somebody claimed it or it ended.

    Times are seconds since the conversation began. ``raised`` counts how often nobody claimed it
    in time and it moved up; the wait goes on from the first moment.
    """

    at: float
    reasons: tuple[str, ...] = ()
    """The codes of the reasons, the deciding one first."""
    tier: str = ""
    """The tier that had it in the end: the team."""
    raised: int = 0
    claimed: float | None = None
    closed: float | None = None
    by_colleague: bool = False
    """A colleague transferred it: the bot did not hand it over."""


class SurveyFacts(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One survey question. ``asked`` and ``answered`` are seconds since the conversation began;
    ``score`` is 1..5 (5 is best). ``solved`` is what the answer says of it, if anything. ``aspect``
    is the side of feeling heard that it asks about, if it does."""

    kind: str
    aspect: str | None = None
    asked: float
    answered: float | None = None
    score: int | None = None
    solved: bool | None = None


class SuggestionFacts(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What an agent made of a suggestion. ``edits`` are the kinds of edit, the main one first.
    ``experience`` is how many days the agent had handled conversations; None: not known."""

    source: str
    outcome: Literal["open", "sent", "edited", "ignored"]
    edits: tuple[EditKind, ...] = ()
    experience: int | None = None


class HandlingFacts(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A time in which one agent had the conversation: for the ledger of that agent's emotional
    load, and for agent minutes; never for a figure about an agent.

    ``begin`` and ``end`` are seconds since 1970 (UTC); ``end`` is None while they still have it.
    ``mood`` is the customer's lowest mood in that time on `MOOD_SCALE`, as far as it is known;
    ``upset_messages`` how many of their messages were of somebody upset.
    """

    agent: str
    begin: float
    end: float | None = None
    steps: tuple[WorkStep, ...] = ()
    """What we count as work: reading and answering, not waiting (see docs/measures.md)."""
    mood: int = 0
    upset_messages: int = 0

    @property
    def worked(self) -> float:
        """The seconds of all steps."""
        return sum(step.seconds for step in self.steps)


class ContactFacts(Value, frozen=True, kw_only=True):
    """A conversation as one of the contacts of its customer. Fields as in `CaseFacts`."""

    conversation: int
    opened: float
    intent: str = "none"
    mood: MoodLabel | None = None


class Returns(Value, frozen=True, kw_only=True, omit_defaults=True):
    """Where a conversation stands among those of its customer, in seconds between beginnings.

    None: there is no such conversation within 30 days.
    """

    back: float | None = None
    """Until the next conversation, about whatever."""
    back_same: float | None = None
    """Until the next conversation about the same matter."""
    back_mood: MoodLabel | None = None
    """The mood at the beginning of the next conversation."""
    repeat_after: float | None = None
    """Since the newest earlier conversation about the same matter. None: it is a first contact."""


class CaseFacts(Value, frozen=True, kw_only=True, omit_defaults=True):
    """One conversation in numbers and codes, stored with its id, exported and erased with it.

    Times are seconds since ``opened`` unless a field says otherwise; None: it has not happened.
    Messages that never reached the customer (failed, discarded) do not count.
    """

    conversation: int
    customer: int
    opened: float
    """Seconds since 1970 (UTC)."""
    day: str
    """The day on which it began, in the time zone of the settings: ``2026-11-29``."""
    hour: int
    """The hour of that day, 0..23."""
    brand: str = ""
    channel: str
    language: str = "und"
    intent: str = "none"
    state: State = "bot"
    team: str = "bot"
    """The tier of the person who claimed it last; ``bot`` when nobody has."""
    messages: int = 0
    """Of the customer, the bot and agents."""
    agent_messages: int = 0
    voiced: int = 0
    """Messages of the bot, which the voice words."""
    answered_by_bot: bool = False
    """The bot answered at least once. A question back, a notice, a survey or the line of a
    hand-over is no answer."""
    handovers: tuple[HandoverFacts, ...] = ()
    first_answer: float | None = None
    """From the customer's first message to the first answer of the bot or a person."""
    resolved: float | None = None
    """When a person resolved it, for the last time."""
    mood_first: MoodLabel | None = None
    """The mood of the customer's first message that was read; None: none was."""
    mood_last: MoodLabel | None = None
    readings: int = 0
    """Messages of the customer whose mood was read."""
    surveys: tuple[SurveyFacts, ...] = ()
    suggestions: tuple[SuggestionFacts, ...] = ()
    voice_rules: dict[str, int] = msgspec.field(default_factory=dict)
    """How often each rule of the voice changed a text."""
    human_moments: tuple[str, ...] = ()
    """The kinds of human moment in agents' messages."""
    told_again: int = 0
    """How often the customer had to tell a person again what they had told."""
    handled: tuple[HandlingFacts, ...] = ()
    segments: int = 0
    """SMS segments of what we sent."""
    tokens: int = 0
    """Tokens of language models, where the messages record them."""
    returns: Returns = Returns()
    spam: bool = False
    """People marked it as spam."""

    @property
    def handed_over(self) -> bool:
        """Whether a person had or should have it."""
        return bool(self.handovers)

    @property
    def contact(self) -> ContactFacts:
        """What its returns are found by."""
        return ContactFacts(
            conversation=self.conversation,
            opened=self.opened,
            intent=self.intent,
            mood=self.mood_first,
        )
