"""What of a message is no text, in words that a person (and the bot) can read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from telegram import Contact, Dice, Location, Message, Poll, Sticker, Venue
from telegram.constants import MessageAttachmentType, MessageType

from channels.telegram.sdk import seconds

# What Telegram itself says in a chat: somebody joined, a message was pinned, a gift was sent.
_SERVICE = (
    {one.value for one in MessageType}
    - {one.value for one in MessageAttachmentType}
    - {"text", "effect_id", "sender_boost_count", "sender_business_bot", "reply_to_story"}
    - {"checklist", "suggested_post_info"}
)
_GREETINGS = {
    "ar": "مرحبا",
    "de": "Hallo",
    "en": "Hello",
    "es": "Hola",
    "fr": "Bonjour",
}


def greeting(language: str | None) -> str:
    """What somebody who pressed Start would have said."""
    return _GREETINGS.get(language or "en", _GREETINGS["en"])


def is_service(message: Message) -> bool:
    """Telegram tells of something that happened in the chat; nobody wrote it."""
    return any(getattr(message, name, None) for name in _SERVICE)


def described(message: Message) -> str | None:
    """What stands for text in ``message``; None when nothing does."""
    found = ((getattr(message, name), say) for name, say in _SAY)
    return next((say(one) for one, say in found if one), None)


def unheard(message: Message) -> str | None:
    """A recording, which a bot cannot hear; None when ``message`` is none."""
    for name, what in (
        ("voice", "voice message"),
        ("audio", "audio file"),
        ("video_note", "video message"),
        ("video", "video"),
    ):
        if found := getattr(message, name):
            minutes, rest = divmod(int(seconds(found.duration)), 60)
            return f"({what}, {minutes}:{rest:02d})"
    return None


def _place(location: Location) -> str:
    return f"{location.latitude:.6f}, {location.longitude:.6f}"


def _location(location: Location) -> str:
    return f"Location: {_place(location)}"


def _venue(venue: Venue) -> str:
    return f"Location: {venue.title}, {venue.address} ({_place(venue.location)})"


def _contact(contact: Contact) -> str:
    name = " ".join(filter(None, (contact.first_name, contact.last_name)))
    return f"Contact: {name}, {contact.phone_number}"


def _poll(poll: Poll) -> str:
    return "\n".join([f"Poll: {poll.question}", *(f"- {one.text}" for one in poll.options)])


def _sticker(sticker: Sticker) -> str:
    return sticker.emoji or "(a sticker)"


def _dice(dice: Dice) -> str:
    return f"{dice.emoji} {dice.value}"


# A venue is told as a location too.
_SAY: tuple[tuple[str, Callable[[Any], str]], ...] = (
    ("venue", _venue),
    ("location", _location),
    ("contact", _contact),
    ("poll", _poll),
    ("sticker", _sticker),
    ("dice", _dice),
)
