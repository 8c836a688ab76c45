"""The reasons to step back as the policy file has them: a switch, thresholds, tier and priority.

What each means is told in ``docs/routing.md``; `gateway.services.reasons` asks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from gateway.model import Label

Share = Annotated[float, Field(ge=0, le=1)]
Language = Annotated[str, Field(pattern="^[a-z]{2}$")]


class Part(BaseModel):
    """A part of the policy: a value, with no keys but its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    below: Share = 0.55


class OutOfScope(Rule):
    intents: frozenset[str] = frozenset({"oos", "out_of_scope"})


class Reasons(Part):
    """Every reason to step back, in the order of precedence."""

    @cached_property
    def enabled(self) -> frozenset[str]:
        """Those that are switched on."""
        return frozenset(code for code in type(self).model_fields if getattr(self, code).enabled)

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
