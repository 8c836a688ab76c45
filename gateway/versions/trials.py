"""Tries what people may adopt, on copies of what would follow it: see `ports.Trials`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from gateway.model import (
    Address,
    AdoptedChange,
    AdoptedExample,
    Conversation,
    Customer,
    Json,
    KeyPath,
    Language,
    Message,
    Overlay,
    Rendered,
    Reply,
    Route,
    Turn,
    Understanding,
    VersionKind,
)
from gateway.pipeline.answering import HandlerAnswer, HandlerChain
from gateway.pipeline.outcomes import render_context
from gateway.pipeline.understanding import UnderstandingStage
from gateway.ports import (
    ChangesByKind,
    Clock,
    ExampleOwner,
    Handler,
    Suggester,
    Trainable,
    Traits,
    TrialAnswer,
    TrialMessage,
    TriedConsumer,
    Understander,
    Voice,
)
from gateway.routing.business_hours import BusinessHours
from gateway.routing.hours import opening_times, reopens_at
from gateway.routing.policy import PolicySource
from gateway.routing.route import (
    ask_details,
    decide,
    may_ask_details,
    with_earlier_matter,
    with_sensitive_matter,
)
from gateway.runtime.metrics import Metrics
from gateway.support.trials.trial_training import TrialTrainer
from gateway.versions.service import VersionService


@dataclass(kw_only=True)
class VersionTrials:
    """See `ports.Trials`."""

    versions: VersionService
    understanders: Sequence[Understander]
    voice_in_use: Voice
    policies: PolicySource
    hours: BusinessHours
    handlers: Sequence[Handler]
    understanding: UnderstandingStage
    channels: Mapping[str, Traits]
    clock: Clock
    timeout: float
    alarms: bool = False
    _metrics: Metrics = field(default_factory=Metrics, init=False)
    """What trials take and how they fail is none of the gateway's figures."""

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
        hours = opening_times(self.hours.of(turn.conversation.brand), turn.at)
        asked = turn.replace(route=Route(action="automate"), hours=hours)
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
            return tuple(decide(with_sensitive_matter(turn, policy), policy) for turn in turns)

        return await asyncio.to_thread(all_routes)

    async def respond(
        self, message: TrialMessage, changes: ChangesByKind | None = None
    ) -> TrialAnswer:
        overlays = {
            kind: await self.versions.preview(kind, found)
            for kind, found in (changes or {}).items()
            if found
        }
        policies, hours, voice = self.policies, self.hours, self.voice_in_use
        if "policy" in overlays:
            policies = await policies.trial(overlays["policy"])
        if "hours" in overlays:
            hours = await hours.trial(overlays["hours"])
        if "guide" in overlays and isinstance(voice, TriedConsumer):
            voice = cast(Voice, await voice.trial(overlays["guide"]))
        turn = _first_turn(message, self.clock)
        understanding = await self._understood(turn, overlays.get("answers"))
        if message.language:
            language = Language(code=message.language, confidence=1.0)
            understanding = understanding.replace(language=language)
        turn = turn.replace(understanding=understanding, route=message.route or turn.route)
        return await self._worked(
            turn,
            policies,
            hours,
            voice,
            answers=overlays.get("answers"),
            routed=bool(message.route),
        )

    async def understand(self, turns: Sequence[Turn]) -> tuple[Understanding, ...]:
        found = await asyncio.gather(*(self.understanding.understand(turn) for turn in turns))
        return tuple(found)

    async def replay(self, turn: Turn) -> TrialAnswer:
        understanding = turn.understanding
        if not understanding.engines:
            understanding = await self.understanding.understand(turn)
        policies = self.policies
        turn = with_earlier_matter(turn.replace(understanding=understanding), policies.current)
        return await self._worked(turn, policies, self.hours, self.voice_in_use)

    async def _worked(
        self,
        turn: Turn,
        policies: PolicySource,
        hours: BusinessHours,
        voice: Voice,
        *,
        answers: Overlay | None = None,
        routed: bool = False,
    ) -> TrialAnswer:
        """What follows from a turn that was understood; ``routed``: its route stands."""
        turn = turn.replace(alarms=self.alarms)
        if not routed:
            turn = with_sensitive_matter(turn, policies.current)
        of_brand = hours.of(turn.conversation.brand)
        opening = reopens_at(of_brand, turn.at)
        turn = turn.replace(
            route=turn.route if routed else decide(turn, policies.current),
            opening=opening.isoformat() if opening else None,
            hours=opening_times(of_brand, turn.at),
        )
        answer = await self._answer(turn, policies, answers)
        rendered = Rendered(parts=())
        if answer.reply is not None:
            channel = turn.conversation.address.channel_key
            longest = self.channels.get(channel, Traits()).max_length
            rendered = voice.render(answer.reply, render_context(answer.turn, longest))
        return TrialAnswer(
            turn=answer.turn, handler=answer.handler, reply=answer.reply, rendered=rendered
        )

    async def _answer(
        self, turn: Turn, policies: PolicySource, answers: Overlay | None
    ) -> HandlerAnswer:
        followers = self._tried("answers")
        handlers = [
            cast(Handler, await each.trial(answers))
            if answers is not None and isinstance(each, TriedConsumer) and each in followers
            else each
            for each in self.handlers
        ]
        chain = HandlerChain(
            handlers, policies=policies, timeout=self.timeout, metrics=self._metrics
        )
        if may_ask_details(turn, policies.current):
            turn = turn.replace(route=ask_details(turn, await chain.needed_slots(turn)))
        return await chain.answer(turn)

    async def _understood(self, turn: Turn, answers: Overlay | None) -> Understanding:
        """What the engines make of the message; its intents by a copy that learnt the examples of
        ``answers``, if they are others than those in use."""
        found = await self.understanding.understand(turn)
        trainable, in_use = self.trainable, await self.versions.overlay("answers")
        if answers is None or trainable is None or answers.examples == in_use.examples:
            return found
        if found.ranked_by not in (None, getattr(trainable, "name", None)):
            return found
        rows = await self._rows_with(in_use.examples, answers.examples)
        async with TrialTrainer(trainable) as trainer:
            [insight] = await trainer.understand(rows, [turn])
        return found.replace(
            ranking=insight.ranking or (),
            questions=insight.questions,
            sentences=insight.sentences,
        )

    async def _rows_with(
        self, before: Sequence[AdoptedExample], after: Sequence[AdoptedExample]
    ) -> list[tuple[str, str]]:
        """The examples that would be learnt."""
        gone = {(each.text, each.intent) for each in before}
        kept = {(each.text, each.intent) for each in after}
        own = [row for row in await self.examples_of_shop() if row not in gone or row in kept]
        return list(dict.fromkeys([*own, *kept, *await self.packaged_examples()]))

    def _tried(self, kind: VersionKind) -> list[TriedConsumer]:
        consumers = self.versions.follower.consumers_of(kind)
        return [each for each in consumers if isinstance(each, TriedConsumer)]


def _first_turn(message: TrialMessage, clock: Clock) -> Turn:
    """The turn of a new customer who writes ``message``."""
    at = message.at or clock.now()
    channel, _, support_address = message.channel.partition("/")
    address = Address(channel=channel, value="trial", support_address=support_address)
    return Turn(
        id=0,
        at=at,
        message=Message(id=0, conversation=0, author="customer", text=message.text, at=at),
        customer=Customer(),
        conversation=Conversation(
            address=address, opened_at=at, brand=message.brand, language=message.language
        ),
        returning=False,
    )
