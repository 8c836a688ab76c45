"""Our words and files on their way to a chat.

Text leaves without a ``parse_mode``: nothing in it is markup, so nothing has to be escaped.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

from telegram import Bot, InlineKeyboardMarkup, LinkPreviewOptions, Message, ReplyParameters
from telegram.constants import MessageLimit
from telegram.error import BadRequest, ChatMigrated

from channels.telegram.api import Api
from channels.telegram.keyboard import keyboard
from channels.telegram.recent import Recent
from gateway import File, Outbound, Sent, Undeliverable

LONGEST = int(MessageLimit.MAX_TEXT_LENGTH)
"""4,096, in UTF-16 code units as Telegram counts."""
_PHOTOS = ("image/jpeg", "image/png")
_LARGEST_PHOTO = 10_000_000
_NO_PREVIEW = LinkPreviewOptions(is_disabled=True)

Step = Callable[[Bot, int], Awaitable[Message]]


class Outgoing:
    """Sends messages. One that fails between two of its pieces goes on where it stopped."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._begun: Recent[str, tuple[int, ...]] = Recent(1_000)
        self._moved: Recent[int, int] = Recent()
        self._ours: Recent[str, bool] = Recent()

    async def send(self, message: Outbound, files: Sequence[File]) -> Sent:
        """Raises TryLater, Undeliverable or Unsure."""
        steps = self._steps(message, files)
        if not steps:
            raise Undeliverable("there is nothing to send")
        chat = int(message.address.value.partition(":")[0])
        done = self._begun.get(message.key, ())
        for step in steps[len(done) :]:
            async with self._api.calling() as bot:
                sent = await self._follow(step, bot, chat)
            done += (sent.message_id,)
            self._begun.set(message.key, done)
            self._ours.set(f"{sent.chat.id}:{sent.message_id}", True)
        self._begun.forget(message.key)
        return Sent(remote_id=f"{self._moved.get(chat, chat)}:{done[0]}")

    async def _follow(self, step: Step, bot: Bot, chat: int) -> Message:
        """Do ``step``, in the chat that a group has become when it is one."""
        try:
            return await step(bot, self._moved.get(chat, chat))
        except ChatMigrated as moved:
            self._moved.set(chat, moved.new_chat_id)
            return await step(bot, moved.new_chat_id)

    def _steps(self, message: Outbound, files: Sequence[File]) -> list[Step]:
        group = ":" in message.address.value
        text = unpinged(message.text) if group and message.author == "bot" else message.text
        said = pieces(text)
        markup = keyboard(message)
        answered = self._answered(message) if group else None
        steps = [
            _text(piece, markup if last else None, answered if place == 0 else None)
            for place, piece in enumerate(said)
            for last in [place == len(said) - 1]
        ]
        return steps + [_file(file) for file in files]

    def _answered(self, message: Outbound) -> ReplyParameters | None:
        """In a group: the customer's message, so that all see who is meant."""
        for id in message.thread:
            chat, _, number = id.partition(":")
            if re.fullmatch(r"-?\d+", chat) and number.isdecimal() and id not in self._ours:
                return ReplyParameters(int(number), allow_sending_without_reply=True)
        return None


def _text(text: str, markup: InlineKeyboardMarkup | None, answered: ReplyParameters | None) -> Step:
    async def step(bot: Bot, chat: int) -> Message:
        return await bot.send_message(
            chat,
            text,
            reply_markup=markup,
            reply_parameters=answered,
            link_preview_options=_NO_PREVIEW,
        )

    return step


def _file(file: File) -> Step:
    async def step(bot: Bot, chat: int) -> Message:
        if file.media_type in _PHOTOS and len(file.data) <= _LARGEST_PHOTO:
            try:
                return await bot.send_photo(chat, file.data, filename=file.name)
            except BadRequest as error:
                if not re.search(r"photo|image", error.message, re.I):
                    raise
        return await bot.send_document(
            chat, file.data, filename=file.name, disable_content_type_detection=True
        )

    return step


def unpinged(text: str) -> str:
    """``text`` in which no ``@name`` calls anybody; mail addresses stay as they are."""
    return re.sub(r"(?<!\w)@(?=\w)", "@\N{WORD JOINER}", text)


def pieces(text: str, most: int = LONGEST) -> list[str]:
    """``text`` in messages of at most ``most`` UTF-16 units, cut at line ends or spaces."""
    found = []
    rest = text.strip()
    while rest:
        head = _fitting(rest, most)
        if len(head) < len(rest):
            end = max(head.rfind("\n"), head.rfind(" "))
            head = head[:end] if end > len(head) // 2 else head
        found.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    return found


def _fitting(text: str, most: int) -> str:
    units = 0
    for place, sign in enumerate(text):
        units += 2 if ord(sign) > 0xFFFF else 1
        if units > most:
            return text[:place]
    return text
