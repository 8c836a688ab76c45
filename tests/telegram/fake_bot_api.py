"""A fake Bot API, as https://core.telegram.org/bots/api documents it.

It checks the token, the shape and the limits of every call, and keeps each violation:
`FakeBotApi.violations` must be empty at the end of a test.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any, Literal

from aiohttp import web

from gateway.testing import PolledQueue

BotApiFailure = Literal[
    "busy", "broken", "never", "blocked", "cut", "hang", "html", "token", "none"
]

TOKEN = "4839574812:AAFD39kkdpWt3ywyRZergyOLMaJhac60qcK"
BOT = {
    "id": 4839574812,
    "is_bot": True,
    "first_name": "Lantern & Loom",
    "username": "lantern_loom_bot",
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": False,
}
SECRET = re.compile(r"[A-Za-z0-9_-]{1,256}")
_PLACE = {"message_thread_id", "reply_parameters"}
_SENDS = ("send_message", "send_document", "send_photo")


class BotApiError(Exception):
    """An error answer."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


class FakeBotApi:
    """One bot, its chats and its updates."""

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token
        self.others: dict[str, FakeBotApi] = {}
        """Further bots of the same server, by their tokens."""
        self.base = ""
        """What `api_base` in the settings must be."""
        self.violations: list[str] = []
        self.ledger: list[tuple[str, dict[str, Any]]] = []
        self.topics: set[int] | None = None
        """The open topics of the forums; None: there are no forums."""
        self.odd_answers: list[Any] = []
        """What the next calls that send answer with 200, after they took the message: bytes as
        they are, anything else as ``result``."""
        self.sent: list[dict[str, Any]] = []
        self.answered: list[dict[str, Any]] = []
        self.uploads: list[tuple[int, bytes]] = []
        self.webhook: dict[str, Any] = {"url": ""}
        self.missing_chats: set[int] = set()
        """They do not exist."""
        self.migrated: dict[int, int] = {}
        self.reject_photos = False
        """Refuse pictures, as Telegram refuses those of odd dimensions."""
        self.files: dict[str, bytes] = {}
        self.file_failures: list[int] = []
        self.send_calls = 0
        self.down = False
        self.confirmed = 0
        self._updates: list[dict[str, Any]] = []
        self.polled: PolledQueue[dict[str, Any]] | None = None
        """Updates whose confirmation the test waits for."""
        self._queued = asyncio.Event()
        self._failures: list[BotApiFailure] = []
        self._number = 7_000
        self._release = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=60_000_000)
        app.add_routes(
            [
                web.route("*", "/bot{token}/{method}", self._call_bot),
                web.get("/file/bot{token}/{path:.+}", self._file),
            ]
        )
        return app

    # -- for tests -------------------------------------------------------------------------------

    def fail_next(self, *kinds: BotApiFailure) -> None:
        """Fail the next calls that send, one for each kind."""
        self._failures += kinds

    def update(self, **parts: Any) -> dict[str, Any]:
        """Queue an update for getUpdates, with the next id."""
        self._number += 1
        update = {"update_id": self._number, **parts}
        self.queue(update)
        return update

    def queue(self, *updates: dict[str, Any]) -> None:
        self._updates += updates
        self._queued.set()

    def store(self, file_id: str, data: bytes) -> None:
        """Keep a file that a customer sent."""
        self.files[file_id] = data

    def texts(self, chat: int) -> list[str]:
        """The texts sent to this chat, in order."""
        return [m["text"] for m in self.sent if m["chat"]["id"] == chat and "text" in m]

    def calls(self, method: str) -> list[dict[str, Any]]:
        return [given for name, given in self.ledger if name == method]

    def release(self) -> None:
        """Let hanging calls go on."""
        self._release.set()

    # -- the protocol ----------------------------------------------------------------------------

    async def _call_bot(self, request: web.Request) -> web.StreamResponse:
        bot = self.others.get(request.match_info["token"], self)
        return await bot._call(request)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            return web.Response(status=502, text="<html>Bad Gateway</html>")
        if request.match_info["token"] != self.token:
            return _error_response(BotApiError(401, "Unauthorized"))
        methods: dict[str, Callable[..., Any]] = {
            name[4:].replace("_", ""): getattr(self, name)
            for name in dir(self)
            if name.startswith("_do_")
        }
        method = methods.get(request.match_info["method"].lower())
        if method is None:
            self.violations.append(f"no such method: {request.match_info['method']}")
            return _error_response(BotApiError(404, "Not Found"))
        given = await _given(request)
        name = method.__name__.removeprefix("_do_")
        self.ledger.append((name, given))
        try:
            after = await self._fail(request) if name in _SENDS else None
            result = await method(given)
        except BotApiError as error:
            return _error_response(error)
        except asyncio.CancelledError:
            raise
        except web.HTTPException as error:
            return web.Response(status=error.status, text=error.text)
        except Exception as error:
            self.violations.append(f"{name}: {error!r}")
            raise
        if after == "cut" and request.transport is not None:
            request.transport.abort()
        return self._answer(result, sends=name in _SENDS)

    def _answer(self, result: Any, *, sends: bool) -> web.Response:
        if sends and self.odd_answers:
            result = self.odd_answers.pop(0)
            if isinstance(result, bytes):
                return web.Response(body=result, content_type="application/json")
        return web.json_response({"ok": True, "result": result})

    async def _fail(self, request: web.Request) -> BotApiFailure | None:
        self.send_calls += 1
        failure = self._failures.pop(0) if self._failures else None
        match failure:
            case "busy":
                raise BotApiError(429, "Too Many Requests: retry after 40", retry_after=40)
            case "broken":
                raise BotApiError(500, "Internal Server Error")
            case "never":
                raise BotApiError(400, "Bad Request: chat not found")
            case "blocked":
                raise BotApiError(403, "Forbidden: bot was blocked by the user")
            case "token":
                raise BotApiError(401, "Unauthorized")
            case "html":
                page = f"<html>no upstream for {request.path}</html>"
                raise web.HTTPBadGateway(text=page)
            case "hang":
                await self._release.wait()
        return failure

    async def _do_get_me(self, given: dict[str, Any]) -> Any:
        return BOT

    async def _do_set_webhook(self, given: dict[str, Any]) -> Any:
        self._only(given, {"url", "secret_token", "allowed_updates", "max_connections"})
        if not SECRET.fullmatch(given.get("secret_token", "x")):
            raise BotApiError(400, "Bad Request: secret token contains unallowed characters")
        if not 1 <= given["max_connections"] <= 100:
            raise BotApiError(400, "Bad Request: max_connections is out of range")
        self.webhook = given
        return True

    async def _do_get_webhook_info(self, given: dict[str, Any]) -> Any:
        return {
            "url": self.webhook["url"],
            "has_custom_certificate": False,
            "pending_update_count": 0,
        }

    async def _do_delete_webhook(self, given: dict[str, Any]) -> Any:
        if given.get("drop_pending_updates"):
            self.violations.append("waiting updates were dropped")
        self.webhook = {"url": ""}
        return True

    async def _do_get_updates(self, given: dict[str, Any]) -> Any:
        self._only(given, {"offset", "timeout", "allowed_updates", "limit"})
        if self.webhook["url"]:
            raise BotApiError(
                409, "Conflict: can't use getUpdates method while webhook is active; delete it"
            )
        offset = given.get("offset", 0)
        if self.polled is not None:
            self.polled.confirm(offset - 1)
            return [{**update, "update_id": number} for number, update in await self.polled.offer()]
        self.confirmed = max(self.confirmed, offset - 1)
        self._updates = [update for update in self._updates if update["update_id"] >= offset]
        if not self._updates and given.get("timeout"):
            self._queued.clear()
            try:
                await asyncio.wait_for(self._queued.wait(), given["timeout"])
            except TimeoutError:
                return []
        if self.down:
            raise web.HTTPBadGateway(text="<html>Bad Gateway</html>")
        return self._updates[:100]

    async def _do_send_message(self, given: dict[str, Any]) -> Any:
        self._only(
            given,
            {"chat_id", "text", "reply_markup", "link_preview_options", *_PLACE},
        )
        text = given["text"].strip()
        if not text:
            raise BotApiError(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > 4096:
            self.violations.append("a text of more than 4,096 UTF-16 code units")
            raise BotApiError(400, "Bad Request: message is too long")
        if not given.get("link_preview_options", {}).get("is_disabled"):
            self.violations.append("a link preview is enabled")
        return self._keep(given, text=text)

    async def _do_send_document(self, given: dict[str, Any]) -> Any:
        self._only(given, {"chat_id", "document", "disable_content_type_detection", *_PLACE})
        name, data = given["document"]
        if len(data) > 50_000_000:
            raise BotApiError(413, "Request Entity Too Large")
        self.uploads.append((int(given["chat_id"]), data))
        return self._keep(given, document={"file_name": name, **_ids(len(self.uploads))})

    async def _do_send_photo(self, given: dict[str, Any]) -> Any:
        self._only(given, {"chat_id", "photo", *_PLACE})
        if self.reject_photos:
            raise BotApiError(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
        _, data = given["photo"]
        self.uploads.append((int(given["chat_id"]), data))
        sizes = [{"width": 90, "height": 60, **_ids(len(self.uploads))}]
        return self._keep(given, photo=sizes)

    async def _do_get_file(self, given: dict[str, Any]) -> Any:
        self._only(given, {"file_id"})
        data = self.files.get(given["file_id"])
        if data is None:
            raise BotApiError(400, "Bad Request: invalid file_id")
        if len(data) > 20_000_000:
            raise BotApiError(400, "Bad Request: file is too big")
        return {**_ids(given["file_id"]), "file_path": f"documents/{given['file_id']}"}

    async def _do_answer_callback_query(self, given: dict[str, Any]) -> Any:
        self._only(given, {"callback_query_id", "text"})
        if len(given.get("text", "")) > 200:
            raise BotApiError(400, "Bad Request: MESSAGE_TOO_LONG")
        if given["callback_query_id"] == "too old":
            raise BotApiError(400, "Bad Request: query is too old and response timeout expired")
        self.answered.append(given)
        return True

    async def _do_edit_message_reply_markup(self, given: dict[str, Any]) -> Any:
        self._only(given, {"chat_id", "message_id"})
        for message in self.sent:
            if message["message_id"] == int(given["message_id"]):
                message.pop("reply_markup", None)
                return message
        raise BotApiError(400, "Bad Request: message to edit not found")

    async def _file(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != self.token:
            return web.Response(status=404)
        if self.file_failures:
            return web.Response(status=self.file_failures.pop(0))
        return web.Response(body=self.files[request.match_info["path"].removeprefix("documents/")])

    def _keep(self, given: dict[str, Any], **content: Any) -> dict[str, Any]:
        chat = int(given["chat_id"])
        if chat in self.missing_chats:
            raise BotApiError(400, "Bad Request: chat not found")
        if chat in self.migrated:
            raise BotApiError(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=self.migrated[chat],
            )
        self._number += 1
        topic = given.get("message_thread_id")
        if topic is not None and topic not in (self.topics or ()):
            raise BotApiError(400, "Bad Request: message thread not found")
        message = {
            "message_id": self._number,
            "date": 1_772_445_600,
            "chat": {"id": chat, "type": "private" if chat > 0 else "supergroup"},
            "from": BOT,
            **content,
        }
        if topic is not None:
            message |= {"message_thread_id": topic, "is_topic_message": True}
        if markup := given.get("reply_markup"):
            message["reply_markup"] = self._checked(markup)
        if answered := given.get("reply_parameters"):
            if not answered.get("allow_sending_without_reply"):
                self.violations.append("a reply that fails when its message is deleted")
            message["answers"] = answered["message_id"]
        self.sent.append(message)
        return {key: value for key, value in message.items() if key != "answers"}

    def _checked(self, markup: dict[str, Any]) -> dict[str, Any]:
        for button in [button for row in markup["inline_keyboard"] for button in row]:
            if set(button) != {"text", "callback_data"} or not button["text"]:
                self.violations.append(f"a button with {sorted(button)}")
            if not 1 <= len(button["callback_data"].encode()) <= 64:
                raise BotApiError(400, "Bad Request: BUTTON_DATA_INVALID")
        return markup

    def _only(self, given: dict[str, Any], known: set[str]) -> None:
        """Check that no other parameter is sent, above all no ``parse_mode``."""
        if unexpected := set(given) - known:
            self.violations.append(f"unexpected parameters: {sorted(unexpected)}")


def _ids(number: object) -> dict[str, Any]:
    return {"file_id": f"{number}", "file_unique_id": f"u{number}"}


def _error_response(error: BotApiError) -> web.Response:
    body: dict[str, Any] = {
        "ok": False,
        "error_code": error.code,
        "description": error.description,
    }
    if error.parameters:
        body["parameters"] = error.parameters
    return web.json_response(body, status=error.code)


async def _given(request: web.Request) -> dict[str, Any]:
    """The parameters of a form or a multipart body, with JSON values parsed."""
    given: dict[str, Any] = {}
    for name, value in (await request.post()).items():
        if isinstance(value, web.FileField):
            given[name] = (value.filename, value.file.read())
        elif isinstance(value, str) and name not in {"text", "callback_query_id", "file_id"}:
            given[name] = _read(value)
        else:
            given[name] = value
    for name, value in given.items():  # "attach://<name>" points at another part
        if isinstance(value, str) and value.startswith("attach://"):
            given[name] = given[value.removeprefix("attach://")]
    return {k: v for k, v in given.items() if not k.startswith("attached")}


def _read(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value
