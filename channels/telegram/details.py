"""What comes with a message: who wrote it, what it answers, which files it has."""

from __future__ import annotations

import re

import msgspec
from telegram import Chat, Message, PhotoSize, User

from gateway import Fact


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A file that Telegram has for us. ``size`` is None when it did not say."""

    id: str
    name: str
    media_type: str
    size: int | None = None


def language(user: User | None) -> str | None:
    """ISO 639-1 of the app's language, an IETF tag."""
    code = (user.language_code if user else None) or ""
    found = re.match(r"[a-z]{2}(?=-|$)", code)
    return found[0] if found else None


def who(user: User | None, chat: Chat) -> tuple[Fact, ...]:
    found = []
    if user and user.username:
        found.append(Fact(name="on Telegram", value=f"@{user.username}"))
    if chat.type != Chat.PRIVATE:
        found.append(Fact(name="group", value=(chat.title or str(chat.id))[:128]))
    return tuple(found)


def about(message: Message) -> tuple[Fact, ...]:
    """What else the message shows: where it is from, what it answers, links behind words."""
    found = []
    if message.forward_origin:
        origin = message.forward_origin.to_dict()
        by = origin.get("sender_user_name") or _forwarder(message) or "somebody else"
        found.append(Fact(name="forwarded from", value=str(by)[:128]))
    answered = message.reply_to_message
    quote = message.quote.text if message.quote else None
    said = quote or (answered and (answered.text or answered.caption))
    if said:
        found.append(Fact(name="in reply to", value=said[:200]))
    links = [one.url for one in (*message.entities, *message.caption_entities) if one.url]
    found += [Fact(name="link", value=url[:500]) for url in links[:10]]
    return tuple(found)


def _forwarder(message: Message) -> str | None:
    origin = message.forward_origin
    user = getattr(origin, "sender_user", None)
    chat = getattr(origin, "chat", None) or getattr(origin, "sender_chat", None)
    if user:
        return str(user.full_name)
    return chat.title if chat else None


def files_of(message: Message) -> tuple[Wanted, ...]:
    if message.photo:
        return (_photo(message.photo, message.message_id),)
    # An animation is told as a document too.
    kinds = (
        ("animation", "animation.mp4", "video/mp4"),
        ("document", "document", "application/octet-stream"),
        ("voice", f"voice-{message.message_id}.ogg", "audio/ogg"),
        ("audio", f"audio-{message.message_id}", "audio/mpeg"),
        ("video", f"video-{message.message_id}.mp4", "video/mp4"),
        ("video_note", f"video-message-{message.message_id}.mp4", "video/mp4"),
    )
    for kind, name, media_type in kinds:
        if found := getattr(message, kind):
            given = getattr(found, "file_name", None) or name
            said = getattr(found, "mime_type", None) or media_type
            return (
                Wanted(
                    id=found.file_id,
                    name=re.sub(r"[/\\\x00-\x1f\x7f]", "_", given)[-200:],
                    media_type=said if re.fullmatch(r"[\w.+-]+/[\w.+-]+", said) else media_type,
                    size=found.file_size,
                ),
            )
    return ()


def _photo(sizes: tuple[PhotoSize, ...], message: int) -> Wanted:
    largest = max(sizes, key=lambda one: one.width * one.height)
    return Wanted(
        id=largest.file_id,
        name=f"photo-{message}.jpg",
        media_type="image/jpeg",
        size=largest.file_size,
    )
