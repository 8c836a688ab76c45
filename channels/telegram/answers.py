"""Reads the Bot API's answers, so that one the SDK cannot parse loses nothing. Pure but for the
request.

"The response contains a JSON object, which always has a Boolean field 'ok' [...]. If 'ok' equals
True, the request was successful" (Bot API, "Making requests"). A message that Telegram took must
not be sent again because the SDK cannot read what else the answer says.
"""

from __future__ import annotations

import json
import re
from typing import Any

from telegram.request import HTTPXRequest

UNKNOWN = 0
"""The message id of a message that Telegram took without naming it."""
_TAKEN = re.compile(rb'\s*\{\s*"ok"\s*:\s*true\b')
_MESSAGE_ID = re.compile(rb'"result"\s*:\s*\{\s*"message_id"\s*:\s*"?(\d{1,18})\b')


class BotApiRequest(HTTPXRequest):
    """The SDK's HTTP client. Of the answer to a call that sends, it keeps what we need."""

    async def do_request(self, url: str, method: str, *args: Any, **kwargs: Any) -> Any:
        code, payload = await super().do_request(url, method, *args, **kwargs)
        sends = url.rpartition("/")[2].lower().startswith("send")
        return read_answer(code, payload, sends=sends)


def read_answer(code: int, payload: bytes, *, sends: bool) -> tuple[int, bytes]:
    """The status and body as the SDK can parse them.

    An ``ok: false`` gets the status of its ``error_code``, whatever HTTP said. With ``sends``, an
    ``ok: true`` becomes a message with its id and no more; the id is `UNKNOWN` when there is none.
    """
    if not 200 <= code <= 299:
        return code, payload
    try:
        answer = json.loads(payload.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        answer = None
    if isinstance(answer, dict) and answer.get("ok") is False:
        error = answer.get("error_code")
        return (error if isinstance(error, int) and 400 <= error <= 599 else 500), payload
    if not sends:
        return code, payload
    if isinstance(answer, dict):
        return (code, _message(answer.get("result"))) if answer.get("ok") is True else (code, b"")
    if _TAKEN.match(payload) is None:  # not JSON, and it does not say so
        return code, b""
    found = _MESSAGE_ID.search(payload)
    return code, _message({"message_id": int(found[1])} if found else None)


def _message(result: object) -> bytes:
    id = result.get("message_id") if isinstance(result, dict) else None
    if isinstance(id, str) and id.isascii() and id.isdecimal() and len(id) < 20:
        id = int(id)
    if not isinstance(id, int) or isinstance(id, bool) or id < 0:
        id = UNKNOWN
    message = {"message_id": id, "date": 0, "chat": {"id": 0, "type": "private"}}
    return json.dumps({"ok": True, "result": message}).encode()
