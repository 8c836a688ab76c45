"""Buttons in both directions: the keyboard under a message, and which button was pressed.

A button carries at most 64 bytes (``callback_data``, Bot API). A longer payload stays with us, and
the button carries a reference to it: ``#message.index``. A reference is looked up only in the
conversation of the customer who pressed, so a made-up one is useless.
"""

from __future__ import annotations

import re

from telegram import (
    CallbackQuery,
    InaccessibleMessage,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
)

from gateway import Outbound

MAX_BYTES = 64
MAX_BUTTONS = 100
_REFERENCE = re.compile(r"#(\d{1,18})\.(\d{1,3})")


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
    if len(payload.encode()) <= MAX_BYTES and not _REFERENCE.fullmatch(payload):
        return payload
    return f"#{message}.{index}"
