"""Rasa's dialogue as a handler: it answers what routing leaves to the bot."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from gateway import Button, Reason, Reply, Turn

from .client import Client, Said
from .engine import words_of

HANDOVER = "handover"
LANGUAGE = "language"
WORDLESS = ("A person will read your message and answer you here.",)


class RasaDialogue:
    """Hands a turn to Rasa's REST channel and says what comes back.

    Rasa keeps its own state of a conversation, under a name that tells nothing of the customer.
    It is only asked when the bot may answer; a ``custom`` payload with ``handover`` gives the
    conversation to a person; no answer at all leaves the turn to the next handler.
    """

    name = "rasa_dialogue"
    priority = 45

    def __init__(self, client: Client) -> None:
        self._client = client

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.kind != "message" or turn.route.action != "automate":
            return None
        sender = name_of(turn)
        await self._client.remember(sender, LANGUAGE, turn.language)
        metadata = {"turn": str(turn.id), "language": turn.language}
        return reply(await self._client.say(sender, words_of(turn), metadata), turn.language)


def name_of(turn: Turn) -> str:
    """The same for all turns of a conversation, and another for the customer's next one."""
    opened = int(turn.conversation.opened_at.timestamp())
    seed = f"{turn.conversation.address.lane}\n{opened}"
    return blake2b(seed.encode(), digest_size=16).hexdigest()


def reply(said: Sequence[Said], language: str) -> Reply | None:
    """What Rasa said, as one reply; None when it said nothing."""
    body = tuple(text for one in said for text in _texts(one))
    if any(one.custom and one.custom.get(HANDOVER) for one in said):
        return Reply(
            opener="",
            body=body or WORDLESS,
            language=language if body else "en",
            purpose="handover",
            escalate=(Reason(code="rasa_handover", detail="Rasa's dialogue asks for a person"),),
        )
    if not body:
        return None
    buttons = tuple(Button(title=b.title, payload=b.payload) for one in said for b in one.buttons)
    return Reply(opener="", body=body, buttons=buttons, language=language)


def _texts(said: Said) -> list[str]:
    return [text.strip() for text in (said.text, said.image) if text and text.strip()]
