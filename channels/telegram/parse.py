"""Parses updates into messages. Pure.

The SDK checks no types: an odd update may raise any exception here, and the caller keeps it raw.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec
from telegram import CallbackQuery, Chat, Message, Update, User

from channels.telegram import content
from channels.telegram.content import TelegramFile
from gateway import Address, Fact, Inbound, Json

NAME = "telegram"
_START = re.compile(r"/start(?:@\w+)?(?:\s+(?P<parameter>\S+))?\s*")


class TelegramPress(msgspec.Struct, frozen=True, kw_only=True):
    """A pressed button. ``keyboard`` is the id of the message above it; ``button`` is the message
    id and index of a button of ours whose payload was too long for Telegram."""

    query: str
    chat: int
    keyboard: int | None
    title: str
    button: tuple[int, int] | None = None


class TelegramUpdate(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed update. ``album`` is Telegram's id of pictures that were sent together."""

    inbound: Inbound
    files: tuple[TelegramFile, ...] = ()
    press: TelegramPress | None = None
    album: str | None = None


_STRICT = msgspec.json.Decoder(TelegramUpdate)


class TelegramChat(msgspec.Struct, frozen=True, kw_only=True):
    """The chat an update comes from."""

    id: int
    private: bool


def chat_of(update: Mapping[str, Json]) -> TelegramChat | None:
    """The chat of an update, whatever else is wrong with it; None when it has none."""
    for kind in ("message", "edited_message", "callback_query", "my_chat_member"):
        part: Json = update.get(kind)
        if kind == "callback_query" and isinstance(part, dict):
            part = part.get("message")
        chat = part.get("chat") if isinstance(part, dict) else None
        id = chat.get("id") if isinstance(chat, dict) else None
        if isinstance(chat, dict) and isinstance(id, int) and abs(id) < 2**53:
            return TelegramChat(id=id, private=chat.get("type") == "private")
    return None


def parse(update: Update, *, me: User | None, groups: bool, now: datetime) -> TelegramUpdate | None:
    """What a customer sent in ``update``; None when it is not for us. ``me`` is our bot, needed
    in groups, which are read only with ``groups``."""
    me = me if groups else None
    if update.callback_query is not None:
        parsed = _press(update.callback_query, now)
    elif update.edited_message is not None:
        parsed = _edit(update.edited_message, update.update_id, me, now)
    elif update.message is not None:
        parsed = _message(update.message, me, now)
    else:
        parsed = None
    if parsed is not None:
        _STRICT.decode(msgspec.json.encode(parsed))  # raises when a field has a wrong type
    return parsed


def _message(message: Message, me: User | None, now: datetime) -> TelegramUpdate | None:
    if not _is_for_us(message, me) or content.is_service(message):
        return None
    inbound, files = _read(message, me, now)
    return TelegramUpdate(inbound=inbound, files=files, album=message.media_group_id)


def _edit(message: Message, update: int, me: User | None, now: datetime) -> TelegramUpdate | None:
    # A live location is "edited" every few seconds for hours.
    if not _is_for_us(message, me) or message.location:
        return None
    inbound, files = _read(message, me, now)
    at = min(message.edit_date or now, now)
    id = f"{inbound.remote_id}:edit:{update}"
    return TelegramUpdate(inbound=inbound.replace(kind="edit", remote_id=id, at=at), files=files)


def _press(query: CallbackQuery, now: datetime) -> TelegramUpdate | None:
    message = query.message
    if message is None or not query.data or query.from_user.is_bot:
        return None
    title, button = content.pressed_title(query), content.read_reference(query.data)
    inbound = Inbound(
        address=_address(message.chat, query.from_user.id),
        text=query.data if button is None else title or "(a button)",
        at=now,
        remote_id=f"callback:{query.id}",
        name=query.from_user.full_name[:128],
        language=content.language(query.from_user),
        facts=content.sender_facts(query.from_user, message.chat),
    )
    press = TelegramPress(
        query=query.id,
        chat=message.chat.id,
        keyboard=message.message_id or None,
        title=title or (query.data if button is None else ""),
        button=button,
    )
    return TelegramUpdate(inbound=inbound, press=press)


def _is_for_us(message: Message, me: User | None) -> bool:
    """In a private chat everything is for us; in a group what mentions the bot or replies to it."""
    sender = message.from_user
    if message.chat.type == Chat.PRIVATE:
        return sender is None or not sender.is_bot
    if message.chat.type not in (Chat.GROUP, Chat.SUPERGROUP) or me is None:
        return False
    if message.is_automatic_forward or (sender and sender.is_bot and not message.sender_chat):
        return False
    replied = message.reply_to_message
    if replied and replied.from_user and replied.from_user.id == me.id:
        return True
    return _mentions(message, me)


def _mentions(message: Message, me: User) -> bool:
    at = f"@{me.username}".casefold()
    entities = {**message.parse_entities(), **message.parse_caption_entities()}
    return any(
        (entity.type == "mention" and text.casefold() == at)
        or (entity.type == "bot_command" and text.casefold().endswith(at))
        or (entity.type == "text_mention" and entity.user and entity.user.id == me.id)
        for entity, text in entities.items()
    )


def _read(
    message: Message, me: User | None, now: datetime
) -> tuple[Inbound, tuple[TelegramFile, ...]]:
    sender, writer = message.from_user, message.sender_chat or message.from_user
    language = content.language(sender)
    files, text = content.files(message), _text(message, me)
    facts = (*content.sender_facts(sender, message.chat), *content.message_facts(message))
    if start := _START.fullmatch(text):
        text = content.greeting(language)
        facts += (Fact(name="pressed", value=f"Start {start['parameter'] or ''}".strip()),)
    # A person gets a recording, which no bot can hear, and anything we cannot describe.
    recording = None if text else content.recording(message)
    inbound = Inbound(
        address=_address(message.chat, writer.id if writer else message.chat.id),
        text=recording or text,
        at=min(message.date, now),
        remote_id=f"{message.chat.id}:{_number(message.message_id)}",
        kind="unreadable" if recording or not (text or files) else "message",
        name=sender.full_name[:128] if sender else None,
        language=language,
        facts=facts,
    )
    return inbound, files


def _text(message: Message, me: User | None) -> str:
    """The text, or a description of the content; in a group without the bot's own name."""
    text = message.text or message.caption or content.description(message) or ""
    if message.chat.type == Chat.PRIVATE or me is None:
        return text
    rest = re.sub(rf"@{me.username}\b", "", text, flags=re.IGNORECASE).strip()
    return rest or ("/start" if text else "")  # only the bot's name: a hello


def _address(chat: Chat, writer: int) -> Address:
    """The chat's address. In a group each member is a customer with an address of their own."""
    id, member = _number(chat.id), _number(writer)
    value = str(id) if chat.type == Chat.PRIVATE else f"{id}:{member}"
    return Address(channel=NAME, value=value)


def _number(id: int) -> int:
    """``id`` itself. The SDK checks no types: raises TypeError when it is not a number."""
    if not isinstance(id, int):
        raise TypeError("an id is not a number")
    return id
