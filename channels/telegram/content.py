"""What a message contains besides its text: descriptions, files, facts and buttons. Pure.

A button carries at most 64 bytes (``callback_data``, Bot API). A longer payload stays with us, and
the button carries a reference to it: ``#message.index``. A reference is looked up only in the
conversation of the customer who pressed, so a made-up one is useless.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from telegram import (
    CallbackQuery,
    Chat,
    Contact,
    InaccessibleMessage,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Location,
    Message,
    PhotoSize,
    RefundedPayment,
    SuccessfulPayment,
    User,
    UsersShared,
)
from telegram.constants import MessageAttachmentType, MessageType

from channels.telegram.api import seconds
from gateway import Fact, Outbound, contact_text, location_text

MAX_BUTTON_BYTES = 64
MAX_BUTTONS = 100
_REFERENCE = re.compile(r"#(\d{1,18})\.(\d{1,3})")

# Messages of Telegram itself: somebody joined, a message was pinned, a gift was sent.
_SERVICE = (
    {kind.value for kind in MessageType}
    - {kind.value for kind in MessageAttachmentType}
    - {"text", "effect_id", "sender_boost_count", "sender_business_bot", "reply_to_story"}
    - {"checklist", "suggested_post_info"}
    # What a person did on purpose: pressed a button that shares, paid, or sent from a Mini App.
    - {"web_app_data", "users_shared", "chat_shared", "successful_payment", "refunded_payment"}
    - {"passport_data"}
)
_GREETINGS = {
    "ar": "مرحبا",
    "de": "Hallo",
    "en": "Hello",
    "es": "Hola",
    "fr": "Bonjour",
    "it": "Buongiorno",
    "ja": "こんにちは",
    "nl": "Hallo",
    "pl": "Dzień dobry",
    "pt": "Olá",
    "sv": "Hej",
    "tr": "Merhaba",
}
_RECORDINGS = {
    "voice": "voice message",
    "audio": "audio file",
    "video_note": "video message",
    "video": "video",
}


class TelegramFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that Telegram keeps for us. ``size`` is in bytes, None when Telegram did not say."""

    id: str
    name: str
    media_type: str
    size: int | None = None


def greeting(language: str | None) -> str:
    """What a customer who pressed Start says, in their language."""
    return _GREETINGS.get(language or "en", _GREETINGS["en"])


def is_service(message: Message) -> bool:
    """Whether Telegram itself reports an event in the chat; no person wrote the message."""
    return any(getattr(message, name, None) for name in _SERVICE)


def app_data(message: Message) -> str | None:
    """What the customer sent from a Mini App (``Telegram.WebApp.sendData``); None when nothing."""
    return message.web_app_data.data if message.web_app_data else None


def description(message: Message) -> str | None:
    """A text for a location, a contact and the like; None when there is none."""
    found = ((getattr(message, name), describe) for name, describe in _DESCRIPTIONS.items())
    return next((describe(content) for content, describe in found if content), None)


def recording(message: Message) -> str | None:
    """A description of a recording, which a bot cannot hear; None when there is none."""
    for name, kind in _RECORDINGS.items():
        if found := getattr(message, name):
            minutes, rest = divmod(int(seconds(found.duration)), 60)
            return f"({kind}, {minutes}:{rest:02d})"
    return None


def language(user: User | None) -> str | None:
    """ISO 639-1 code of the language of the user's app, which Telegram sends as an IETF tag."""
    code = (user.language_code if user else None) or ""
    found = re.match(r"[a-z]{2}(?=-|$)", code)
    return found[0] if found else None


def sender_facts(user: User | None, chat: Chat) -> tuple[Fact, ...]:
    """The sender's username, and the group where they wrote."""
    facts = []
    if user and user.username:
        facts.append(Fact(name="on Telegram", value=f"@{user.username}"))
    if chat.type != Chat.PRIVATE:
        facts.append(Fact(name="group", value=(chat.title or str(chat.id))[:128]))
    return tuple(facts)


def message_facts(message: Message) -> tuple[Fact, ...]:
    """Who the message is forwarded from, what it replies to, and links behind its words."""
    facts = []
    if message.forward_origin:
        origin = message.forward_origin.to_dict()
        author = origin.get("sender_user_name") or _forwarded_from(message) or "somebody else"
        facts.append(Fact(name="forwarded from", value=str(author)[:128]))
    replied = message.reply_to_message
    quote = message.quote.text if message.quote else None
    if quoted := quote or (replied and (replied.text or replied.caption)):
        facts.append(Fact(name="in reply to", value=quoted[:200]))
    if message.web_app_data:
        facts.append(Fact(name="sent with", value=message.web_app_data.button_text[:128]))
    entities = (*message.entities, *message.caption_entities)
    links = [entity.url for entity in entities if entity.url]
    facts += [Fact(name="link", value=url[:500]) for url in links[:10]]
    return tuple(facts)


def files(message: Message) -> tuple[TelegramFile, ...]:
    """The message's file; of a picture the largest size."""
    if message.photo:
        return (_photo(message.photo, message.message_id),)
    # Telegram sends an animation as a document too.
    kinds = (
        ("animation", "animation.mp4", "video/mp4"),
        ("document", "document", "application/octet-stream"),
        ("voice", f"voice-{message.message_id}.ogg", "audio/ogg"),
        ("audio", f"audio-{message.message_id}", "audio/mpeg"),
        ("video", f"video-{message.message_id}.mp4", "video/mp4"),
        ("video_note", f"video-message-{message.message_id}.mp4", "video/mp4"),
        ("sticker", *_sticker_file(message)),
    )
    for kind, default_name, default_type in kinds:
        if file := getattr(message, kind):
            name = getattr(file, "file_name", None) or default_name
            media_type = getattr(file, "mime_type", None) or default_type
            valid = re.fullmatch(r"[\w.+-]+/[\w.+-]+", media_type)
            return (
                TelegramFile(
                    id=file.file_id,
                    name=re.sub(r"[/\\\x00-\x1f\x7f]", "_", name)[-200:],
                    media_type=media_type if valid else default_type,
                    size=file.file_size,
                ),
            )
    return ()


def _sticker_file(message: Message) -> tuple[str, str]:
    """The name and type of a sticker's file: it has neither in an update (Sticker, Bot API)."""
    sticker = message.sticker
    if sticker is not None and sticker.is_animated:
        return f"sticker-{message.message_id}.tgs", "application/x-tgsticker"
    if sticker is not None and sticker.is_video:
        return f"sticker-{message.message_id}.webm", "video/webm"
    return f"sticker-{message.message_id}.webp", "image/webp"


def keyboard(message: Outbound) -> InlineKeyboardMarkup | None:
    """The buttons of ``message``, one in each row, and 1 to 5 for a survey; None without any."""
    rows = [
        [InlineKeyboardButton(button.title or button.payload, callback_data=data)]
        for index, button in enumerate(message.buttons[:MAX_BUTTONS])
        for data in [_callback_data(button.payload or button.title, message.message, index)]
        if data
    ]
    if message.survey and message.survey.scale != "text":
        star = "★" if message.survey.scale == "stars" else ""
        rows.append([InlineKeyboardButton(f"{n}{star}", callback_data=str(n)) for n in range(1, 6)])
    return InlineKeyboardMarkup(rows) if rows else None


def read_reference(data: str) -> tuple[int, int] | None:
    """The message id and index that ``data`` refers to; None when it is the payload itself."""
    found = _REFERENCE.fullmatch(data)
    return (int(found[1]), int(found[2])) if found else None


def pressed_title(query: CallbackQuery) -> str | None:
    """The title of the pressed button, as long as Telegram still sends us the message."""
    message = query.message
    if isinstance(message, InaccessibleMessage) or not isinstance(message, Message):
        return None
    markup = message.reply_markup
    buttons = [button for row in markup.inline_keyboard for button in row] if markup else []
    return next((b.text for b in buttons if b.callback_data == query.data), None)


def _callback_data(payload: str, message: int, index: int) -> str:
    if len(payload.encode()) <= MAX_BUTTON_BYTES and not _REFERENCE.fullmatch(payload):
        return payload
    return f"#{message}.{index}"


def _photo(sizes: tuple[PhotoSize, ...], message: int) -> TelegramFile:
    largest = max(sizes, key=lambda size: size.width * size.height)
    return TelegramFile(
        id=largest.file_id,
        name=f"photo-{message}.jpg",
        media_type="image/jpeg",
        size=largest.file_size,
    )


def _forwarded_from(message: Message) -> str | None:
    origin = message.forward_origin
    user = getattr(origin, "sender_user", None)
    chat = getattr(origin, "chat", None) or getattr(origin, "sender_chat", None)
    if user:
        return str(user.full_name)
    return chat.title if chat else None


def _place(location: Location, *labels: str) -> str:
    return location_text(location.latitude, location.longitude, *labels)


def _contact(contact: Contact) -> str:
    name = " ".join(filter(None, (contact.first_name, contact.last_name)))
    return contact_text(name, (contact.phone_number,))


def _users(shared: UsersShared) -> str:
    people = [
        " ".join(filter(None, (user.first_name, user.last_name))) or user.username or user.user_id
        for user in shared.users
    ]
    return "Shared contacts: " + ", ".join(map(str, people))


def _paid(payment: SuccessfulPayment | RefundedPayment) -> str:
    what = "Refunded" if isinstance(payment, RefundedPayment) else "Paid"
    amount = f"{payment.total_amount} {payment.currency}"
    return f"{what}: {amount} (smallest unit), {payment.invoice_payload}"


# Telegram sends a venue as a location too, so the venue goes first.
_DESCRIPTIONS: Mapping[str, Callable[[Any], str]] = {
    "venue": lambda v: _place(v.location, v.title, v.address),
    "location": _place,
    "contact": _contact,
    "poll": lambda p: "\n".join([f"Poll: {p.question}", *(f"- {o.text}" for o in p.options)]),
    "sticker": lambda sticker: sticker.emoji or "(a sticker)",
    "users_shared": _users,
    "chat_shared": lambda chat: f"Shared chat: {chat.title or chat.username or chat.chat_id}",
    "successful_payment": _paid,
    "refunded_payment": _paid,
    "dice": lambda dice: f"{dice.emoji} {dice.value}",
}
