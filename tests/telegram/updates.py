"""Updates as Telegram sends them, after the examples in the Bot API's documentation."""

from __future__ import annotations

from typing import Any

from .fake_bot_api import BOT

AT = 1_772_445_500
"""2026-03-02 09:58:20 UTC, a little before a FakeClock's now."""
CARLA = {
    "id": 5_001,
    "is_bot": False,
    "first_name": "Carla",
    "last_name": "Núñez",
    "username": "carla_n",
    "language_code": "es-MX",
}
GROUP = {"id": -1_001_234, "type": "supergroup", "title": "Weavers"}


def user(id: int, name: str) -> dict[str, Any]:
    return {"id": id, "is_bot": False, "first_name": name, "language_code": "en"}


def message(
    id: int = 1, *, by: dict[str, Any] = CARLA, chat: dict[str, Any] | None = None, **content: Any
) -> dict[str, Any]:
    """A Message, private unless there is a ``chat``."""
    private = {"id": by["id"], "type": "private", "first_name": by["first_name"]}
    return {"message_id": id, "date": AT, "from": by, "chat": chat or private, **content}


def text_update(text: str, id: int = 1, update: int = 1, **more: Any) -> dict[str, Any]:
    """An update with a text message."""
    return {"update_id": update, "message": message(id, text=text, **more)}


def mention(text: str) -> list[dict[str, Any]]:
    """The entity of the first @name in ``text``. Offsets count UTF-16 code units."""
    start = text.index("@")
    end = min([i for i in (text.find(" ", start), text.find(",", start)) if i >= 0] or [len(text)])
    offset = len(text[:start].encode("utf-16-le")) // 2
    return [{"type": "mention", "offset": offset, "length": end - start}]


def press(
    shown: dict[str, Any],
    data: str,
    *,
    by: dict[str, Any] = CARLA,
    id: str = "77001",
    update: int = 9,
) -> dict[str, Any]:
    """An update: a button under ``shown``, a message of the bot, was pressed."""
    return {
        "update_id": update,
        "callback_query": {
            "id": id,
            "from": by,
            "message": {**shown, "from": BOT},
            "chat_instance": "1",
            "data": data,
        },
    }


def member(status: str, *, by: dict[str, Any] = CARLA, update: int = 20) -> dict[str, Any]:
    """An update: the customer blocked (``kicked``) or unblocked (``member``) the bot."""
    old = "kicked" if status == "member" else "member"

    def bot(is_now: str) -> dict[str, Any]:
        more = {"until_date": 0} if is_now == "kicked" else {}
        return {"user": BOT, "status": is_now, **more}

    return {
        "update_id": update,
        "my_chat_member": {
            "chat": {"id": by["id"], "type": "private", "first_name": by["first_name"]},
            "from": by,
            "date": AT,
            "old_chat_member": bot(old),
            "new_chat_member": bot(status),
        },
    }
