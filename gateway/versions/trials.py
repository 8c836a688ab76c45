"""Tries what people may adopt, on copies of what would follow it: see `ports.Trials`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from gateway.model import (
    AdoptedChange,
    Json,
    KeyPath,
    Overlay,
    Reply,
    Route,
    Turn,
    VersionKind,
)
from gateway.ports import (
    ExampleOwner,
    Handler,
    Suggester,
    Trainable,
    TriedConsumer,
    Understander,
    Voice,
)
from gateway.routing.policy import PolicySource
from gateway.routing.route import decide
from gateway.versions.service import VersionService


@dataclass(kw_only=True)
class VersionTrials:
    """See `ports.Trials`."""

    versions: VersionService
    understanders: Sequence[Understander]
    voice_in_use: Voice
    policies: PolicySource

    @property
    def trainable(self) -> Trainable | None:
        return next((each for each in self.understanders if isinstance(each, Trainable)), None)

    async def examples_of_shop(self) -> tuple[tuple[str, str], ...]:
        owner = self.trainable
        return tuple(owner.examples_of_shop()) if isinstance(owner, ExampleOwner) else ()

    async def packaged_examples(self) -> tuple[tuple[str, str], ...]:
        owner = self.trainable
        return tuple(owner.packaged_examples()) if isinstance(owner, ExampleOwner) else ()

    async def in_force(self, kind: VersionKind, at: KeyPath) -> Json:
        for consumer in self._tried(kind):
            if (found := await consumer.in_force(at)) is not None:
                return found
        return None

    async def answer(
        self, turn: Turn, changes: Sequence[AdoptedChange] = (), *, drafted: bool = False
    ) -> Reply | None:
        overlay = await self.versions.preview("answers", changes)
        asked = turn.replace(route=Route(action="automate"))
        for handler in self._tried("answers"):
            tried = await handler.trial(overlay) if changes else handler
            if not drafted:
                reply = await cast(Handler, tried).handle(asked)
            else:
                reply = await tried.suggest(asked) if isinstance(tried, Suggester) else None
            if reply is not None:
                return reply
        return None

    async def voice(self, changes: Sequence[AdoptedChange] = ()) -> Voice:
        overlay = await self.versions.preview("guide", changes)
        if not changes or not isinstance(self.voice_in_use, TriedConsumer):
            return self.voice_in_use
        return cast(Voice, await self.voice_in_use.trial(overlay))

    async def route(
        self, turns: Sequence[Turn], changes: Sequence[AdoptedChange] = ()
    ) -> tuple[Route, ...]:
        overlay: Overlay = await self.versions.preview("policy", changes)
        policy = (await self.policies.trial(overlay)).current

        def all_routes() -> tuple[Route, ...]:
            return tuple(decide(turn, policy) for turn in turns)

        return await asyncio.to_thread(all_routes)

    def _tried(self, kind: VersionKind) -> list[TriedConsumer]:
        consumers = self.versions.follower.consumers_of(kind)
        return [each for each in consumers if isinstance(each, TriedConsumer)]
