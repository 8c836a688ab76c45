"""What the gateway understands of a message (language, intent, emotion), and the route."""

from __future__ import annotations

from gateway.model.base import Action, MoodLabel, Value


class Cue(Value, frozen=True, kw_only=True):
    """Words of a message that show an emotion or a signal: ``text == message[start:end]``."""

    kind: str
    text: str
    start: int
    end: int


class Emotion(Value, frozen=True, kw_only=True):
    """How the customer feels. ``intensity``, 0..1, is how strongly they feel ``label``.

    ``distress``, 0..1, ranks messages by how much they call for a person, whatever the label. The
    emotion arc and the policy's thresholds use it.
    """

    label: MoodLabel = "calm"
    intensity: float = 0.0
    distress: float = 0.0
    cues: tuple[Cue, ...] = ()


class Guess(Value, frozen=True, kw_only=True):
    """An intent with a calibrated confidence, 0..1: of all guesses with 0.8, eight in ten are
    right."""

    name: str
    confidence: float


class Question(Value, frozen=True, kw_only=True):
    """One of several questions in a message: ``text == message[start:end]``, and its intent."""

    text: str
    start: int
    end: int
    guess: Guess


class SentenceIntent(Value, frozen=True, kw_only=True):
    """One of several sentences in a message, ``message[start:end]``, and its intent when it is read
    alone."""

    start: int
    end: int
    guess: Guess


class Language(Value, frozen=True, kw_only=True):
    """An ISO 639-1 code, or ``und`` when the language is not known; ``confidence`` 0..1."""

    code: str = "und"
    confidence: float = 0.0


class Slot(Value, frozen=True, kw_only=True):
    """A fact that the customer stated, such as an order number: ``value == text[start:end]`` of
    their message. Both are 0 when it is from the subject."""

    name: str
    value: str
    start: int = 0
    end: int = 0


class Insight(Value, frozen=True, kw_only=True):
    """What one understander finds in one message. What it does not know stays None.

    ``signals`` are cues that routing knows by kind: ``asked_for_person``, ``harm``, ``legal``,
    ``not_helped`` (the bot's last answer did not help).
    """

    language: Language | None = None
    ranking: tuple[Guess, ...] | None = None
    questions: tuple[Question, ...] = ()
    """Two or more when the message asks several things and each has a sure guess, else empty.
    ``ranking`` is then that of the first question."""
    sentences: tuple[SentenceIntent, ...] = ()
    """The sentences of a message of several that are surely about one intent each, which
    ``ranking`` does not name first or is not sure of: a matter beside the main one."""
    emotion: Emotion | None = None
    signals: tuple[Cue, ...] = ()


class Understanding(Value, frozen=True, kw_only=True):
    """The joined findings of all understanders on one message. ``ranking`` is best first."""

    language: Language = Language()
    ranking: tuple[Guess, ...] = ()
    questions: tuple[Question, ...] = ()
    """As in `Insight`."""
    sentences: tuple[SentenceIntent, ...] = ()
    """As in `Insight`."""
    emotion: Emotion = Emotion()
    signals: tuple[Cue, ...] = ()
    slots: tuple[Slot, ...] = ()
    """What this message states, in the order of the text."""
    engines: tuple[str, ...] = ()
    """Names of the understanders that found something, in the order in which they are believed."""
    failed: tuple[str, ...] = ()
    """Names of the understanders that raised, timed out or returned something invalid, or that
    are left out for a while because they failed before."""
    ranked_by: str | None = None
    """Which of ``engines`` gave ``ranking``; None when none did."""

    @property
    def intent(self) -> Guess:
        return self.ranking[0] if self.ranking else Guess(name="none", confidence=0.0)

    def has(self, kind: str) -> bool:
        return any(signal.kind == kind for signal in self.signals)


class Reason(Value, frozen=True, kw_only=True):
    """Why a turn was routed as it was. ``code`` is for programs, ``detail`` for the agent."""

    code: str
    detail: str = ""


class Route(Value, frozen=True, kw_only=True):
    """What happens with a turn."""

    action: Action
    tier: str = "bot"
    skills: tuple[str, ...] = ()
    reasons: tuple[Reason, ...] = ()
    priority: int = 0
    """Its place in the queue, 0 (normal) to 3 (at once)."""
