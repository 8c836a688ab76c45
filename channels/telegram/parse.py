"""Parses updates into messages. Pure.

The SDK checks no types: an odd update may raise any exception here, and the caller keeps it raw.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import msgspec
from telegram import CallbackQuery, Chat, MaybeInaccessibleMessage, Message, Update, User

from channels.telegram import content
from channels.telegram.api import UPDATE_KINDS
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
    """A parsed update. ``overheard``: a picture of an album in a group, which does not mention the
    bot itself; another one of the album may."""

    inbound: Inbound
    files: tuple[TelegramFile, ...] = ()
    press: TelegramPress | None = None
    overheard: bool = False


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


def unknown_kind(update: Mapping[str, Json]) -> str | None:
    """The kind of an update that we did not ask for, ``other`` for one that the SDK does not know
    either; None when it is one of ours."""
    kinds = [kind for kind in update if kind != "update_id"]
    if any(kind in UPDATE_KINDS for kind in kinds):
        return None
    return next((kind for kind in kinds if kind in Update.ALL_TYPES), "other")


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
    if content.is_service(message):
        return None
    for_us = _is_for_us(message, me)
    if not for_us and not _may_belong(message, me):
        return None
    inbound, files = _read(message, me, now)
    return TelegramUpdate(inbound=inbound, files=files, overheard=not for_us)


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
        remote_id=f"callback:{query.id}{_topic(message)}",
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


def _may_belong(message: Message, me: User | None) -> bool:
    """Whether it is a person's picture of an album in a group where we listen: the mention of the
    bot may stand under another one."""
    sender = message.from_user
    in_group = message.chat.type in (Chat.GROUP, Chat.SUPERGROUP) and me is not None
    by_person = not message.is_automatic_forward and not (sender and sender.is_bot)
    return bool(message.media_group_id) and in_group and by_person


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
    # A person gets what no bot can hear or see, and anything we cannot describe.
    described = None
    if not text and not (described := content.recording(message)):
        described = content.description(message)
    inbound = Inbound(
        address=_address(message.chat, writer.id if writer else message.chat.id),
        text=text or described or "",
        at=min(message.date, now),
        remote_id=f"{message.chat.id}:{_number(message.message_id)}{_topic(message)}",
        kind="message" if text or described or files else "unreadable",
        wordless=described is not None,
        album=f"{message.chat.id}:{message.media_group_id}" if message.media_group_id else None,
        name=sender.full_name[:128] if sender else None,
        language=language,
        facts=facts,
    )
    return inbound, files


def _text(message: Message, me: User | None) -> str:
    """The customer's words; in a group without the bot's own name."""
    text = message.text or message.caption or content.app_data(message) or ""
    if message.chat.type == Chat.PRIVATE or me is None:
        return text
    rest = re.sub(rf"@{me.username}\b", "", text, flags=re.IGNORECASE).strip()
    return rest or ("/start" if text else "")  # only the bot's name: a hello


def _topic(message: MaybeInaccessibleMessage) -> str:
    """The end of the remote id of a message in a topic of a forum: answers go there.

    ``message_thread_id`` is also set in threads of replies outside forums, where nothing may be
    sent to it (Message, Bot API).
    """
    if not isinstance(message, Message) or not message.is_topic_message:
        return ""
    thread = message.message_thread_id
    return f":topic:{_number(thread)}" if thread else ""


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
