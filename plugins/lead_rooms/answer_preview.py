"""An answer on every channel, before it is saved; and what the bot would say to a message."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway import (
    Address,
    AdoptedChange,
    Conversation,
    Customer,
    Guess,
    Language,
    Message,
    RenderContext,
    Reply,
    Route,
    Services,
    TrialAnswer,
    Turn,
    Understanding,
    Value,
)

USUAL_CHANNELS = ("webchat", "email", "sms")
"""Where no channel is awake."""


class ChannelPreview(Value, frozen=True, kw_only=True):
    """A reply as one channel sends it. ``problems`` keep it from being saved, ``advice`` does
    not; ``segments`` are those of SMS, of all parts."""

    channel: str
    parts: tuple[str, ...]
    segments: int | None = None
    encoding: str | None = None
    rules: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    advice: tuple[str, ...] = ()


class LiveTest(Value, frozen=True, kw_only=True):
    """What the bot says to a message now, and what it would say."""

    text: str
    now: TrialAnswer
    then: TrialAnswer


@dataclass(kw_only=True)
class AnswerPreviews:
    """Renders answers as they would be with changes."""

    services: Services

    async def on_channels(
        self, intent: str, language: str, brand: str, changes: Sequence[AdoptedChange]
    ) -> tuple[ChannelPreview, ...]:
        """The answer in ``language`` on every channel that is awake. Raises ChangeRefused."""
        trials = self.services.trials
        turn = _asking(intent, language, brand, self.services)
        reply = await trials.answer(turn, changes)
        if reply is None:
            return ()
        channels = trials.channels or dict.fromkeys(USUAL_CHANNELS)
        found: list[ChannelPreview] = []
        for channel, traits in channels.items():
            longest = traits.max_length if traits else None
            found.append(self._preview(reply, channel, brand, language, longest))
        return tuple(found)

    def _preview(
        self, reply: Reply, channel: str, brand: str, language: str, longest: int | None
    ) -> ChannelPreview:
        voice, name = self.services.voice, channel.partition("/")[0]
        context = RenderContext(channel=name, brand=brand, first=True, max_length=longest)
        rendered = voice.render(reply, context)
        text = " ".join([*reply.body, reply.next_step or ""]).strip()
        checked = RenderContext(
            channel=name, brand=brand, author="agent", language=language, max_length=longest
        )
        findings = voice.lint(text, checked)
        return ChannelPreview(
            channel=channel,
            parts=rendered.parts,
            segments=rendered.segments,
            encoding=rendered.encoding,
            rules=tuple(dict.fromkeys(each.rule for each in rendered.applied)),
            problems=tuple(f.message for f in findings if f.severity == "error"),
            advice=tuple(dict.fromkeys(f.message for f in findings if f.severity != "error")),
        )


def _asking(intent: str, language: str, brand: str, services: Services) -> Turn:
    """The turn of a customer who asks for this answer."""
    at = services.clock.now()
    return Turn(
        id=0,
        at=at,
        message=Message(id=0, conversation=0, author="customer", text="?", at=at),
        customer=Customer(),
        conversation=Conversation(
            address=Address(channel="webchat", value="trial"),
            opened_at=at,
            brand=brand,
            language=language,
        ),
        understanding=Understanding(
            language=Language(code=language, confidence=1.0),
            ranking=(Guess(name=intent, confidence=1.0),),
        ),
        route=Route(action="automate"),
    )
