"""Sends text and files to a chat.

Text is sent without a ``parse_mode``: nothing in it is markup, so nothing needs escaping.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from cachetools import LRUCache
from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import MessageLimit
from telegram.error import BadRequest, ChatMigrated

from channels.telegram.api import UNKNOWN, TelegramApi
from channels.telegram.content import keyboard
from gateway import File, Outbound, Sent, Undeliverable

MAX_TEXT = int(MessageLimit.MAX_TEXT_LENGTH)
"""4,096 UTF-16 code units: "1-4096 characters after entities parsing" (sendMessage, Bot API)."""
MAX_FILE = 50_000_000
"""Bytes: "Bots can currently send files of any type of up to 50 MB in size" (sendDocument)."""
_PHOTO_TYPES = ("image/jpeg", "image/png")
_MAX_PHOTO = 10_000_000
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

_MESSAGE = re.compile(r"-?\d+:(\d{1,18})(?::topic:\d+)?")
"""The remote id of a message; those of edits and of pressed buttons are of other forms."""
_TOPIC = re.compile(r":topic:(\d{1,18})(?:$|:)")
# The Bot API has no code for a topic that is gone, only these descriptions of error 400.
_NO_TOPIC = re.compile(r"thread not found|topic_(?:closed|deleted)|topic_id_invalid", re.I)

Step = Callable[[Bot, int, int | None], Awaitable[Message]]
"""Sends one part to a chat, in a topic if there is one."""


class TelegramSender:
    """Sends messages. One that fails between two of its parts continues where it stopped."""

    def __init__(self, api: TelegramApi) -> None:
        self._api = api
        self._begun: LRUCache[str, tuple[str | None, ...]] = LRUCache(1_000)
        self._migrated: LRUCache[int, int] = LRUCache(10_000)
        self._sent: LRUCache[str, bool] = LRUCache(10_000)

    async def send(self, message: Outbound, files: Sequence[File]) -> Sent:
        """Raises TryLater, Undeliverable or Unsure."""
        steps = self._steps(message, files)
        if not steps:
            raise Undeliverable("the message has neither text nor files")
        chat, topic = int(message.address.value.partition(":")[0]), topic_of(message.thread)
        done = self._begun.get(message.key, ())
        for step in steps[len(done) :]:
            async with self._api.bot() as bot:
                sent = await self._run(step, bot, chat, topic)
            done += (self._remote_id(chat, topic, sent.message_id),)
            self._begun[message.key] = done
            self._sent[done[-1] or ""] = True
        self._begun.pop(message.key, None)
        return Sent(remote_id=done[0])

    def _remote_id(self, chat: int, topic: int | None, id: int) -> str | None:
        if id == UNKNOWN:
            return None
        where = f":topic:{topic}" if topic else ""
        return f"{self._migrated.get(chat, chat)}:{id}{where}"

    async def _run(self, step: Step, bot: Bot, chat: int, topic: int | None) -> Message:
        """Run ``step``, in the supergroup that a group has become, and outside a topic that was
        closed or deleted meanwhile."""
        try:
            return await step(bot, self._migrated.get(chat, chat), topic)
        except ChatMigrated as migrated:
            self._migrated[chat] = migrated.new_chat_id
            return await step(bot, migrated.new_chat_id, topic)
        except BadRequest as error:
            if topic is None or not _NO_TOPIC.search(error.message):
                raise
            return await step(bot, self._migrated.get(chat, chat), None)

    def _steps(self, message: Outbound, files: Sequence[File]) -> list[Step]:
        group = ":" in message.address.value
        text = without_pings(message.text) if group and message.author == "bot" else message.text
        parts = split_text(text)
        markup = keyboard(message)
        reply = self._reply_parameters(message) if group else None
        steps = [
            _text_step(part, markup if last else None, reply if index == 0 else None)
            for index, part in enumerate(parts)
            for last in [index == len(parts) - 1]
        ]
        return steps + [
            _file_step(file, None if steps or index else reply) for index, file in enumerate(files)
        ]

    def _reply_parameters(self, message: Outbound) -> ReplyParameters | None:
        """In a group we reply to the customer's message, so that all see who is meant."""
        for id in message.thread:
            if (found := _MESSAGE.fullmatch(id)) and id not in self._sent:
                return ReplyParameters(int(found[1]), allow_sending_without_reply=True)
        return None


def _text_step(
    text: str, markup: InlineKeyboardMarkup | None, reply: ReplyParameters | None
) -> Step:
    async def step(bot: Bot, chat: int, topic: int | None) -> Message:
        return await bot.send_message(
            chat,
            text,
            message_thread_id=topic,
            reply_markup=markup,
            reply_parameters=reply,
            link_preview_options=_NO_PREVIEW,
        )

    return step


def _file_step(file: File, reply: ReplyParameters | None) -> Step:
    async def step(bot: Bot, chat: int, topic: int | None) -> Message:
        if file.media_type in _PHOTO_TYPES and len(file.data) <= _MAX_PHOTO:
            try:
                return await bot.send_photo(
                    chat,
                    file.data,
                    filename=file.name,
                    message_thread_id=topic,
                    reply_parameters=reply,
                )
            except BadRequest as error:
                if not re.search(r"photo|image", error.message, re.I):
                    raise
        return await bot.send_document(
            chat,
            file.data,
            filename=file.name,
            message_thread_id=topic,
            reply_parameters=reply,
            disable_content_type_detection=True,
        )

    return step


def topic_of(thread: Sequence[str]) -> int | None:
    """The topic of a forum in which the newest message of the conversation stands."""
    found = _TOPIC.search(next(iter(thread), ""))
    return int(found[1]) if found else None


def without_pings(text: str) -> str:
    """``text`` in which no ``@name`` notifies anybody; mail addresses stay as they are."""
    return re.sub(r"(?<!\w)@(?=\w)", "@\N{WORD JOINER}", text)


def split_text(text: str, limit: int = MAX_TEXT) -> list[str]:
    """``text`` in parts of at most ``limit`` UTF-16 code units, cut at line ends or spaces."""
    parts = []
    rest = text.strip()
    while rest:
        head = _longest_prefix(rest, limit)
        if len(head) < len(rest):
            end = max(head.rfind("\n"), head.rfind(" "))
            head = head[:end] if end > len(head) // 2 else head
        parts.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    return parts


def _longest_prefix(text: str, limit: int) -> str:
    units = 0
    for index, char in enumerate(text):
        units += 2 if ord(char) > 0xFFFF else 1
        if units > limit:
            return text[:index]
    return text
