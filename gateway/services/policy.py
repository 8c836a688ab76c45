"""The policy file: when the bot steps back, to whom, and when people are there.

Every key has a default, so that no file at all is a policy too: the built-in one. What the keys
mean is told in ``docs/routing.md``; `load_policy` reads a file and names every mistake in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from gateway.model import Label
from gateway.settings import BadConfig, Problem, read_yaml, validate

Share = Annotated[float, Field(ge=0, le=1)]
Language = Annotated[str, Field(pattern="^[a-z]{2}$")]
Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: tuple[Day, ...] = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip


class Part(BaseModel):
    """A part of the policy: a value, with no keys but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# -- reasons to step back ------------------------------------------------------------------------


class Rule(Part):
    """What every reason has: a switch, where it leads, and how it presses."""

    enabled: bool = True
    tier: str | None = Field(None, description="none: the first tier")
    priority: int = Field(0, ge=0, le=3, description="0 normal .. 3 at once")


class AskedForPerson(Rule):
    priority: int = Field(1, ge=0, le=3)
    intents: frozenset[str] = frozenset({"ask_person", "ask_for_person", "talk_to_human"})


class Harm(Rule):
    priority: int = Field(3, ge=0, le=3)


class Legal(Rule):
    priority: int = Field(2, ge=0, le=3)


class Urgent(Rule):
    priority: int = Field(2, ge=0, le=3)
    intensity: Share = Field(0.8, description="how urgent it must be, without words of harm")


class Arc(Part):
    """The mood over the conversation: a running mean of the customer's distress."""

    memory: Share = Field(0.5, description="how much of the mean each message keeps")
    level: Share = Field(0.6, description="a mean as high as this calls for a person")
    rise: Share = Field(0.4, description="so does a rise of the mean by this much")
    messages: int = Field(3, ge=2, description="customer messages before the arc is looked at")


class StrongEmotion(Rule):
    priority: int = Field(2, ge=0, le=3)
    intensity: Mapping[Label, Share] = {"frustrated": 0.6, "angry": 0.45, "anxious": 0.75}
    distress: Share = Field(0.75, description="whatever the label, unless pleased")
    arc: Arc = Arc()


class Sensitive(Rule):
    priority: int = Field(1, ge=0, le=3)
    intents: frozenset[str] = frozenset(
        {"billing_dispute", "outage", "cancellation", "complaint", "data_protection", "fraud"}
    )


class LanguageRule(Rule):
    served: tuple[Language, ...] = ("en", "de", "fr", "es", "ar")
    assisted: tuple[Language, ...] = ()
    assisted_confidence: Share = Field(0.8, description="how sure of the intent to answer there")
    confidence: Share = Field(0.8, description="how sure we must be of the language")
    letters: int = Field(12, ge=0, description="in shorter messages nobody can tell")


class PluginFailed(Rule):
    priority: int = Field(1, ge=0, le=3)


class BotFailed(Rule):
    priority: int = Field(1, ge=0, le=3)
    not_helped: bool = Field(True, description="the customer says that the answer missed")
    same_words: int = Field(2, ge=2, description="the same question, asked this often")
    same_intent: int = Field(3, ge=2, description="the same intent, asked this often")
    fallbacks: int = Field(2, ge=1, description="times the bot had no answer")


class Loop(Rule):
    replies: int = Field(10, ge=2, description="bot replies ...")
    minutes: float = Field(5, gt=0, description="... within this time")


class RepeatContact(Rule):
    priority: int = Field(1, ge=0, le=3)
    count: int = Field(3, ge=2, description="this contact is counted too")
    days: int = Field(14, ge=1)


class SurveyUnsolved(Rule):
    priority: int = Field(1, ge=0, le=3)
    score: int = Field(2, ge=0, le=5, description="so low a score; 0: only `not solved` counts")


class LowConfidence(Rule):
    below: Share = 0.45


class OutOfScope(Rule):
    intents: frozenset[str] = frozenset({"oos", "out_of_scope"})


class Reasons(Part):
    """Every reason to step back, in the order of precedence."""

    asked_for_person: AskedForPerson = AskedForPerson()
    harm: Harm = Harm()
    legal: Legal = Legal()
    urgent: Urgent = Urgent()
    strong_emotion: StrongEmotion = StrongEmotion()
    sensitive_intent: Sensitive = Sensitive()
    language: LanguageRule = LanguageRule()
    plugin_failed: PluginFailed = PluginFailed()
    unreadable: Rule = Rule()
    loop: Loop = Loop()
    bot_failed: BotFailed = BotFailed()
    survey_unsolved: SurveyUnsolved = SurveyUnsolved()
    repeat_contact: RepeatContact = RepeatContact()
    out_of_scope: OutOfScope = OutOfScope()
    low_confidence: LowConfidence = LowConfidence()


class Clarify(Part):
    """When the bot asks back once, instead of giving the conversation to a person."""

    times: int = Field(1, ge=0, le=3, description="0: never asks back")
    moods: frozenset[Label] = frozenset({"calm", "pleased"})


# -- people --------------------------------------------------------------------------------------


class Tier(Part):
    """A group of people, and how long a conversation waits for one of them."""

    claim_minutes: float = Field(15, gt=0, description="then it moves up")
    next: str | None = Field(None, description="the tier above; none: it stays, and presses more")


class Skills(Part):
    """What a person must know to take a conversation."""

    intents: Mapping[str, tuple[str, ...]] = {}
    languages: Mapping[Language, tuple[str, ...]] = {}


class Span(Part):
    """Open from ``start`` to ``end`` on one day; ``end`` None is midnight at its end."""

    start: time
    end: time | None

    @model_validator(mode="before")
    @classmethod
    def _from_words(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        start, dash, end = (part.strip() for part in given.partition("-"))
        if not dash:
            raise ValueError("write opening times as `09:00-17:30`")
        return {"start": start.zfill(5), "end": None if end == "24:00" else end.zfill(5)}

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.end is not None and self.end <= self.start:
            raise ValueError("ends before it starts; a night is two spans, `22:00-24:00` and the "
                             "next day's `00:00-06:00`")  # fmt: skip
        return self


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone {name!r}; write it as `Europe/Berlin`") from None
    return name


Zone = Annotated[str, AfterValidator(_zone)]


class Hours(Part):
    """When people are there, by the clock on the wall of ``timezone`` (IANA name)."""

    timezone: Zone = "UTC"
    week: Mapping[Day, tuple[Span, ...]] = {
        day: (Span(start=time(9), end=time(17)),) for day in DAYS[:5]
    }
    holidays: frozenset[date] = frozenset()

    @field_validator("week", mode="before")
    @classmethod
    def _one_span(cls, given: object) -> object:
        """A single span may stand without a list; ``closed`` or nothing is no span."""
        if not isinstance(given, Mapping):
            return given
        closed = (None, "closed", False)
        return {
            day: () if spans in closed else [spans] if isinstance(spans, str) else spans
            for day, spans in given.items()
        }


class Policy(Part):
    """All of ``policy.yaml``."""

    reasons: Reasons = Reasons()
    pass_by_intents: frozenset[str] = frozenset(
        {"praise", "thanks", "greeting", "goodbye", "are_you_a_bot"}
    )
    clarify: Clarify = Clarify()
    tiers: Mapping[str, Tier] = Field(
        {"front": Tier(next="specialist"), "specialist": Tier(claim_minutes=60)}, min_length=1
    )
    skills: Skills = Skills()
    hours: Hours | None = Field(None, description="none: always open")
    again_within_days: int = Field(7, ge=1)

    @property
    def first_tier(self) -> str:
        return next(iter(self.tiers))

    @model_validator(mode="after")
    def _tiers_exist(self) -> Self:
        named = {f"tiers.{name}.next": tier.next for name, tier in self.tiers.items()}
        named |= {f"reasons.{name}.tier": rule.tier for name, rule in self.reasons}
        for key, tier in named.items():
            if tier is not None and tier not in self.tiers:
                raise ValueError(
                    f"`{key}` names no tier: {tier}; known are {', '.join(self.tiers)}"
                )
        if "bot" in self.tiers:
            raise ValueError("`bot` is not a tier of people; choose another name")
        for start in self.tiers:
            seen, at = {start}, self.tiers[start].next
            while at is not None:
                if at in seen:
                    raise ValueError(f"the tiers go round in a circle at `{at}`; end them")
                seen.add(at)
                at = self.tiers[at].next
        return self


def load_policy(path: Path | None) -> Policy:
    """Read the policy file at ``path``; None gives the built-in policy.

    Raises BadConfig with every mistake: file, line, key, what is wrong and what to do.
    """
    if path is None:
        return Policy()
    tree, lines = read_yaml(path)
    problems: list[Problem] = []
    policy = validate(Policy, tree, "", lines, problems)
    if policy is None:
        raise BadConfig(problems)
    return policy
