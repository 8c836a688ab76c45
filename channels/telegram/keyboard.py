"""Buttons on their way out, and back.

A button carries at most 64 bytes (``callback_data``, Bot API). A longer payload stays with us and
the button names it: ``#message.place``. Whoever presses gets what their own conversation holds,
so a made-up name is of no use.
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

MOST_BYTES = 64
MOST_BUTTONS = 100
_NAMED = re.compile(r"#(\d{1,18})\.(\d{1,3})")


def keyboard(message: Outbound) -> InlineKeyboardMarkup | None:
    """The buttons of ``message``, one to a row, and 1 to 5 for a survey; None without any."""
    rows = [
        [InlineKeyboardButton(button.title or button.payload, callback_data=data)]
        for place, button in enumerate(message.buttons[:MOST_BUTTONS])
        for data in [_data(button.payload or button.title, message.message, place)]
        if data
    ]
    if message.survey and message.survey.scale != "text":
        sign = "★" if message.survey.scale == "stars" else ""
        rows.append([InlineKeyboardButton(f"{n}{sign}", callback_data=str(n)) for n in range(1, 6)])
    return InlineKeyboardMarkup(rows) if rows else None


def pressed(data: str) -> tuple[int, int] | None:
    """Which button ``data`` names, by message id and place; None when it is the payload itself."""
    found = _NAMED.fullmatch(data)
    return (int(found[1]), int(found[2])) if found else None


def title_of(query: CallbackQuery) -> str | None:
    """What the pressed button says, as long as Telegram still shows the message to us."""
    shown = query.message
    if isinstance(shown, InaccessibleMessage) or not isinstance(shown, Message):
        return None
    markup = shown.reply_markup
    buttons = [one for row in markup.inline_keyboard for one in row] if markup else []
    return next((one.text for one in buttons if one.callback_data == query.data), None)


def _data(payload: str, message: int, place: int) -> str:
    if len(payload.encode()) <= MOST_BYTES and not _NAMED.fullmatch(payload):
        return payload
    return f"#{message}.{place}"
