"""The policy file: when the bot steps back, to whom, and when agents are available.

Every key has a default; without a file the built-in policy applies. ``docs/routing.md`` explains
the keys. `load_policy` reads a file and names every mistake in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from gateway.model import MoodLabel
from gateway.routing.reasons import LanguageCode, PolicyPart, Reasons
from gateway.settings import BadConfig, Hours, Problem, read_yaml, validate


class Clarify(PolicyPart):
    """When the bot asks a clarifying question before it hands over to a person."""

    times: int = Field(1, ge=0, le=3, description="clarifying questions; 0: none")
    moods: frozenset[MoodLabel] = frozenset({"calm", "pleased"})


# -- people --------------------------------------------------------------------------------------


class Tier(PolicyPart):
    """A group of agents, and how long a conversation waits for one of them."""

    claim_minutes: float = Field(15, gt=0, description="then it moves up")
    next: str | None = Field(
        None, description="the tier above; none: the case stays and gains priority"
    )


class Skills(PolicyPart):
    """The skills that an agent needs for an intent or a language."""

    intents: Mapping[str, tuple[str, ...]] = {}
    languages: Mapping[LanguageCode, tuple[str, ...]] = {}


class Policy(PolicyPart):
    """All of ``policy.yaml``."""

    reasons: Reasons = Reasons()
    pass_by_intents: frozenset[str] = frozenset(
        {"praise", "thanks", "greeting", "goodbye", "are_you_a_bot", "what_can_you_do"}
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

    def claim_by(self, tier: str, start: datetime) -> datetime | None:
        """When a handoff to ``tier`` that waits since ``start`` moves up; None for an unknown
        tier."""
        found = self.tiers.get(tier)
        return start + timedelta(minutes=found.claim_minutes) if found else None

    @model_validator(mode="after")
    def _tiers_exist(self) -> Self:
        named = {f"tiers.{name}.next": tier.next for name, tier in self.tiers.items()}
        named |= {f"reasons.{name}.tier": rule.tier for name, rule in self.reasons}
        for key, tier in named.items():
            if tier is not None and tier not in self.tiers:
                raise ValueError(
                    f"`{key}`: there is no tier `{tier}`; known tiers are {', '.join(self.tiers)}"
                )
        if "bot" in self.tiers:
            raise ValueError("`bot` is not a tier of agents; choose another name")
        for start in self.tiers:
            seen, at = {start}, self.tiers[start].next
            while at is not None:
                if at in seen:
                    raise ValueError(f"the tiers form a circle at `{at}`; remove one `next`")
                seen.add(at)
                at = self.tiers[at].next
        return self


def load_policy(path: Path | None) -> Policy:
    """Read the policy file at ``path``; None returns the built-in policy.

    Raises BadConfig with every mistake: file, line, key, what is wrong and how to fix it.
    """
    if path is None:
        return Policy()
    tree, lines = read_yaml(path)
    problems: list[Problem] = []
    policy = validate(Policy, tree, "", lines, problems)
    if policy is None:
        raise BadConfig(problems)
    return policy
