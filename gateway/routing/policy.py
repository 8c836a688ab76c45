"""The policy file: when the bot steps back, to whom, and when agents are available.

Every key has a default; without a file the built-in policy applies. ``docs/routing.md`` explains
the keys. `load_policy` reads a file and names every mistake in it.
"""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self, cast

import structlog
from pydantic import Field, model_validator

from gateway.model import (
    FilesWritten,
    Json,
    KeyPath,
    MoodLabel,
    Overlay,
    OverlayProblem,
    VersionKind,
)
from gateway.routing.reasons import Reasons
from gateway.routing.rules import LanguageCode, PolicyPart
from gateway.settings import (
    BadConfig,
    Hours,
    Problem,
    YamlLines,
    choose_from,
    read_yaml,
    validate,
)
from gateway.support.files import FileWatcher
from gateway.support.overlay_files import OverlayFiles
from gateway.support.overlays import Tree, fitting_part, lay_over, value_at

log = structlog.get_logger()


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
                    f"`{key}`: there is no tier `{tier}`; {choose_from(tier, self.tiers)}"
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
    return PolicySource(path).current


def _read_policy(path: Path | None) -> tuple[dict[str, Any], Policy]:
    """The tree in the file and the policy that it is. Raises BadConfig."""
    tree, lines = read_yaml(path) if path else ({}, YamlLines("the built-in policy"))
    problems = list(lines.repeated)
    policy = validate(Policy, tree, "", lines, problems)
    if policy is None or problems:
        raise BadConfig(problems)
    return tree, policy


_PINNED: ContextVar[tuple[PolicySource, Policy] | None] = ContextVar("pinned_policy", default=None)


class PolicySource:
    """The policy in force: that of a file, with what people adopted laid over it.

    It changes when they adopt something else, and when the file is edited. A turn sees one policy,
    from its beginning to its commit: see `one_policy`. Implements `VersionConsumer`,
    `VersionWriter` and `EditedFile`.
    """

    name = "routing policy"
    version_kinds: frozenset[VersionKind] = frozenset({"policy"})

    def __init__(self, path: Path | None) -> None:
        """Read the file, as `load_policy` does. Raises BadConfig."""
        self._paths = () if path is None else (path,)
        self._watcher = FileWatcher(self._paths)
        self._unread = False
        self._files = OverlayFiles(lambda brand: () if brand else self._paths)
        self._tree, self._policy = _read_policy(path)

    @property
    def current(self) -> Policy:
        """The policy in force; within `one_policy` the one at its beginning."""
        pinned = _PINNED.get()
        return pinned[1] if pinned and pinned[0] is self else self._policy

    @contextmanager
    def one_policy(self) -> Iterator[None]:
        """While this is entered, `current` stays the same in this task."""
        token = _PINNED.set((self, self._policy))
        try:
            yield
        finally:
            _PINNED.reset(token)

    async def check_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        """See `VersionConsumer`."""
        return self._problems(overlay.tree)

    async def use_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        """See `VersionConsumer`."""
        refused = self._read_again()
        self._policy, problems = self._overlaid(overlay)
        return (*refused, *problems)

    async def write_overlay(
        self, before: Overlay, after: Overlay, originals: Mapping[str, Json]
    ) -> FilesWritten:
        """See `VersionWriter`."""
        return await asyncio.to_thread(self._files.write, before.tree, after.tree, originals)

    def edited(self) -> bool:
        """See `EditedFile`."""
        self._unread = self._watcher.changed() or self._unread
        return self._unread

    def _read_again(self) -> Sequence[OverlayProblem]:
        """Read the file if it has changed. With a mistake in it, what was read before stays."""
        if not self.edited():
            return ()
        self._unread = False
        try:
            self._tree, _ = _read_policy(*self._paths)
        except BadConfig as error:
            what = f"the file has mistakes: {error.problems[0]}; correct it"
            return (OverlayProblem(key="", message=what),)
        log.info("policy.changed")
        return ()

    async def trial(self, overlay: Overlay) -> PolicySource:
        """See `TriedConsumer`."""
        other = copy.copy(self)
        other._policy, _ = self._overlaid(overlay)  # noqa: SLF001  (our own class)
        return other

    async def in_force(self, at: KeyPath) -> Json:
        """See `TriedConsumer`. What no file says has the built-in policy's value."""
        return cast(Json, value_at(self.current.model_dump(mode="json"), at))

    def _overlaid(self, overlay: Overlay) -> tuple[Policy, tuple[OverlayProblem, ...]]:
        fitting, problems = fitting_part(overlay.tree, self._problems)
        return Policy.model_validate(lay_over(self._tree, fitting)), problems

    def _problems(self, overlay: Tree) -> list[OverlayProblem]:
        problems: list[Problem] = []
        tree: dict[str, Any] = lay_over(self._tree, overlay)
        validate(Policy, tree, "", YamlLines("policy"), problems)
        return [OverlayProblem(key=found.key, message=found.message) for found in problems]
