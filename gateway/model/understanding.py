"""What the gateway makes of a message: language, intent, emotion, and the route."""

from __future__ import annotations

from gateway.model.base import Action, MoodLabel, Value


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

    label: MoodLabel = "calm"
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
