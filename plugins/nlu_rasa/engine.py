"""Rasa's NLU as an understander, and its dialogue as a handler."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

from gateway import Button, Guess, Insight, Reason, Reply, Services, Turn

from .client import RasaClient, RasaMessage, RasaParse

FALLBACK = "nlu_fallback"
"""Rasa's intent for what it does not know."""
OUT_OF_SCOPE = "oos"
"""Our name for it."""
HANDOVER = "handover"
"""The key of a ``custom`` payload that hands the conversation to a person."""
LANGUAGE = "language"
"""The slot that holds the customer's language."""
HANDOVER_TEXT = "A person will read your message and answer you here."
_SLASHES = re.compile(r"^[\s/]+")


@dataclass(kw_only=True, eq=False)
class RasaUnderstander:
    """Finds intents with a Rasa server; language, emotion and signals come from others.

    ``at_once``: the most calls at the same time. Implements `Understander`, `RemoteUnderstander`
    and `Poller` (which only keeps connections open).
    """

    name = "nlu_rasa"
    priority = 20
    client: RasaClient
    at_once: int

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        """One call for each turn."""
        return [
            Insight(ranking=_ranking(await self.client.parse(_readable(turn)))) for turn in turns
        ]

    async def run(self, services: Services) -> None:  # noqa: ARG002  (part of Poller)
        """Keep connections open until the gateway stops."""
        async with self.client.kept_open():
            await asyncio.Event().wait()


@dataclass(kw_only=True, eq=False)
class RasaDialogue:
    """Sends a turn to Rasa's REST channel and answers with what comes back.

    Rasa keeps its own state of each conversation, under a hash that says nothing of the customer.
    It is asked only when the bot may answer. A ``custom`` payload with `HANDOVER` hands the
    conversation to a person; no answer at all leaves the turn to the next handler.
    """

    name = "rasa_dialogue"
    priority = 45
    client: RasaClient

    async def handle(self, turn: Turn) -> Reply | None:
        """Rasa's answer."""
        if turn.kind != "message" or turn.route.action != "automate":
            return None
        # The same for all turns of a conversation, another for the customer's next one.
        opened = int(turn.conversation.opened_at.timestamp())
        seed = f"{turn.conversation.address.lane}\n{opened}"
        sender = blake2b(seed.encode(), digest_size=16).hexdigest()
        await self.client.set_slot(sender, LANGUAGE, turn.language)
        metadata = {"turn": str(turn.id), "language": turn.language}
        messages = await self.client.converse(sender, _readable(turn), metadata)
        return reply_from(messages, turn.language)


def reply_from(messages: Sequence[RasaMessage], language: str) -> Reply | None:
    """Rasa's messages as one reply; None when there is nothing in them."""
    texts = (text for message in messages for text in (message.text, message.image))
    body = tuple(text.strip() for text in texts if text and text.strip())
    if any(message.custom and message.custom.get(HANDOVER) for message in messages):
        return Reply(
            opener="",
            body=body or (HANDOVER_TEXT,),
            language=language if body else "en",
            purpose="handover",
            escalate=(Reason(code="rasa_handover", detail="Rasa's dialogue asks for a person"),),
        )
    if not body:
        return None
    buttons = tuple(
        Button(title=button.title, payload=button.payload)
        for message in messages
        for button in message.buttons
    )
    return Reply(opener="", body=body, buttons=buttons, language=language)


def _readable(turn: Turn) -> str:
    """The text that Rasa gets. Rasa takes a message that begins with a slash for the name of an
    intent: only the buttons of our last message may do that, a customer's slashes are removed."""
    text = turn.message.text
    last = next((m for m in reversed(turn.history) if m.author == "bot"), None)
    offered = {button.payload for button in last.buttons} if last else set()
    return text if text in offered else _SLASHES.sub("", text)


def _ranking(parse: RasaParse) -> tuple[Guess, ...]:
    """Confidence as Rasa returns it. Rasa's fallback becomes `OUT_OF_SCOPE` and stays in front,
    although its own figure may be below that of the best intent."""
    found = {
        i.name: i.confidence for i in reversed((parse.intent, *parse.intent_ranking)) if i.name
    }
    guesses = [Guess(name=name, confidence=c) for name, c in found.items() if name != FALLBACK]
    guesses.sort(key=lambda guess: -guess.confidence)
    if parse.intent.name != FALLBACK:
        return tuple(guesses)
    best = guesses[0].confidence if guesses else 0.0
    return (Guess(name=OUT_OF_SCOPE, confidence=max(parse.intent.confidence, best)), *guesses)
