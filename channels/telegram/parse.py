"""From an update to what a customer said. Pure: tried with recorded updates and no server.

The SDK checks no types: an odd update may raise anything here, and whoever calls keeps it raw.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec
from telegram import CallbackQuery, Chat, Message, Update, User

from channels.telegram.details import Wanted, about, files_of, language, who
from channels.telegram.keyboard import pressed, title_of
from channels.telegram.words import described, greeting, is_service, unheard
from gateway import Address, Fact, Inbound, Json

NAME = "telegram"
_START = re.compile(r"/start(?:@\w+)?(?:\s+(?P<with>\S+))?\s*")


class Press(msgspec.Struct, frozen=True, kw_only=True):
    """A button was pressed. ``keyboard`` is the id of the message it stood under; ``button``
    names one of ours by message id and place when its payload was too long for Telegram."""

    query: str
    chat: int
    keyboard: int | None
    title: str
    button: tuple[int, int] | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What one update says. ``album`` is Telegram's id of pictures that were sent as one."""

    inbound: Inbound
    files: tuple[Wanted, ...] = ()
    press: Press | None = None
    album: str | None = None


_EXACT = msgspec.json.Decoder(Heard)


class Whereabouts(msgspec.Struct, frozen=True, kw_only=True):
    """Where an update comes from, as far as even an odd one tells."""

    chat: int
    private: bool


def whereabouts(update: Mapping[str, Json]) -> Whereabouts | None:
    """The chat of an update, whatever else is wrong with it; None when it has none."""
    for kind in ("message", "edited_message", "callback_query", "my_chat_member"):
        found: Json = update.get(kind)
        if kind == "callback_query" and isinstance(found, dict):
            found = found.get("message")
        chat = found.get("chat") if isinstance(found, dict) else None
        number = chat.get("id") if isinstance(chat, dict) else None
        if isinstance(chat, dict) and isinstance(number, int) and abs(number) < 2**53:
            return Whereabouts(chat=number, private=chat.get("type") == "private")
    return None


def parse(update: Update, *, me: User | None, groups: bool, now: datetime) -> Heard | None:
    """What a customer said in ``update``; None when it is nothing for us. ``me`` is this bot,
    needed in groups, which are heard only with ``groups``."""
    if update.callback_query is not None:
        heard = _press(update.callback_query, now)
    elif update.edited_message is not None:
        heard = _edit(update.edited_message, update.update_id, me if groups else None, now)
    elif update.message is not None:
        heard = _message(update.message, me if groups else None, now)
    else:
        heard = None
    if heard is not None:
        _EXACT.decode(msgspec.json.encode(heard))  # raises when a field is not of its type
    return heard


def _message(message: Message, me: User | None, now: datetime) -> Heard | None:
    if not _for_us(message, me) or is_service(message):
        return None
    inbound, files = _said(message, me, now)
    return Heard(inbound=inbound, files=files, album=message.media_group_id)


def _edit(message: Message, update: int, me: User | None, now: datetime) -> Heard | None:
    # A live location is "edited" every few seconds for hours.
    if not _for_us(message, me) or message.location:
        return None
    inbound, files = _said(message, me, now)
    at = min(message.edit_date or now, now)
    id = f"{inbound.remote_id}:edit:{update}"
    return Heard(inbound=inbound.replace(kind="edit", remote_id=id, at=at), files=files)


def _press(query: CallbackQuery, now: datetime) -> Heard | None:
    shown = query.message
    if shown is None or not query.data or query.from_user.is_bot:
        return None
    title = title_of(query)
    inbound = Inbound(
        address=_address(shown.chat, query.from_user.id),
        text=query.data,
        at=now,
        remote_id=f"callback:{query.id}",
        name=query.from_user.full_name[:128],
        language=language(query.from_user),
        facts=who(query.from_user, shown.chat),
    )
    button = pressed(query.data)
    press = Press(
        query=query.id,
        chat=shown.chat.id,
        keyboard=shown.message_id or None,
        title=title or (query.data if button is None else ""),
        button=button,
    )
    if button is not None:
        inbound = inbound.replace(text=title or "(a button)")
    return Heard(inbound=inbound, press=press)


def _for_us(message: Message, me: User | None) -> bool:
    """In a private chat all is for us; in a group what names the bot, or answers it."""
    sender = message.from_user
    if message.chat.type == Chat.PRIVATE:
        return sender is None or not sender.is_bot
    if message.chat.type not in (Chat.GROUP, Chat.SUPERGROUP) or me is None:
        return False
    if message.is_automatic_forward or (sender and sender.is_bot and not message.sender_chat):
        return False
    answered = message.reply_to_message
    if answered and answered.from_user and answered.from_user.id == me.id:
        return True
    return _named(message, me)


def _named(message: Message, me: User) -> bool:
    at = f"@{me.username}".casefold()
    for entity, text in {**message.parse_entities(), **message.parse_caption_entities()}.items():
        if entity.type == "mention" and text.casefold() == at:
            return True
        if entity.type == "bot_command" and text.casefold().endswith(at):
            return True
        if entity.type == "text_mention" and entity.user and entity.user.id == me.id:
            return True
    return False


def _said(message: Message, me: User | None, now: datetime) -> tuple[Inbound, tuple[Wanted, ...]]:
    sender, writer = message.from_user, message.sender_chat or message.from_user
    spoken = language(sender)
    files, text = files_of(message), _text(message, me)
    facts = (*who(sender, message.chat), *about(message))
    if start := _START.fullmatch(text):
        text = greeting(spoken)
        facts += (Fact(name="pressed", value=f"Start {start['with'] or ''}".strip()),)
    # A recording no bot can hear, and what we have no words for, is a person's.
    recording = None if text else unheard(message)
    inbound = Inbound(
        address=_address(message.chat, writer.id if writer else message.chat.id),
        text=recording or text,
        at=min(message.date, now),
        remote_id=f"{message.chat.id}:{_number(message.message_id)}",
        kind="unreadable" if recording or not (text or files) else "message",
        name=sender.full_name[:128] if sender else None,
        language=spoken,
        facts=facts,
    )
    return inbound, files


def _text(message: Message, me: User | None) -> str:
    """What was written, or stands for it; in a group without the bot's own name."""
    text = message.text or message.caption or described(message) or ""
    if message.chat.type == Chat.PRIVATE or me is None:
        return text
    left = re.sub(rf"@{me.username}\b", "", text, flags=re.IGNORECASE).strip()
    return left or ("/start" if text else "")  # who only names the bot says hello


def _address(chat: Chat, writer: int) -> Address:
    """A chat; in a group each member is a customer of their own."""
    place, member = _number(chat.id), _number(writer)
    value = str(place) if chat.type == Chat.PRIVATE else f"{place}:{member}"
    return Address(channel=NAME, value=value)


def _number(id: int) -> int:
    """``id``, which the SDK did not look at."""
    if not isinstance(id, int):
        raise TypeError("an id that is no number")
    return id
