"""A Bot API server, as https://core.telegram.org/bots/api documents it.

It checks the token, the shape and the limits of every call and remembers each that no bot should
make: `BotApi.wrong` must be empty at the end of a test.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any, Literal

from aiohttp import web

Trouble = Literal["busy", "broken", "never", "blocked", "cut", "hang", "html", "token", "migrated"]

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
_SENDS = ("send_message", "send_document", "send_photo")


class Refused(Exception):
    """An answer that is no OK."""

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code, self.description, self.parameters = code, description, parameters


class BotApi:
    """One bot, its chats and its updates."""

    def __init__(self) -> None:
        self.base = ""
        """What ``api_base`` must be."""
        self.wrong: list[str] = []
        self.ledger: list[tuple[str, dict[str, Any]]] = []
        self.sent: list[dict[str, Any]] = []
        self.answered: list[dict[str, Any]] = []
        self.uploads: list[tuple[int, bytes]] = []
        self.webhook: dict[str, Any] = {"url": ""}
        self.nobody: set[int] = set()
        """Chats that do not exist."""
        self.moved: dict[int, int] = {}
        self.odd_photos = False
        """Pictures are refused as Telegram refuses odd ones."""
        self.files: dict[str, bytes] = {}
        self.file_troubles: list[int] = []
        self.tries = 0
        self.down = False
        self.confirmed = 0
        self._updates: list[dict[str, Any]] = []
        self._news = asyncio.Event()
        self._troubles: list[Trouble] = []
        self._number = 7_000
        self._release = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=60_000_000)
        app.add_routes(
            [
                web.route("*", "/bot{token}/{method}", self._call),
                web.get("/file/bot{token}/{path:.+}", self._file),
            ]
        )
        return app

    # -- for tests -------------------------------------------------------------------------------

    def trouble(self, *kinds: Trouble) -> None:
        """What the next calls that send meet, one each."""
        self._troubles += kinds

    def update(self, **parts: Any) -> dict[str, Any]:
        """Queue an update for getUpdates, with the next id."""
        self._number += 1
        update = {"update_id": self._number, **parts}
        self.queue(update)
        return update

    def queue(self, *updates: dict[str, Any]) -> None:
        self._updates += updates
        self._news.set()

    def store(self, file_id: str, data: bytes) -> None:
        """A file that a customer sent."""
        self.files[file_id] = data

    def texts(self, chat: int) -> list[str]:
        """What this chat read, in order."""
        return [one["text"] for one in self.sent if one["chat"]["id"] == chat and "text" in one]

    def calls(self, method: str) -> list[dict[str, Any]]:
        return [given for name, given in self.ledger if name == method]

    def release(self) -> None:
        """Let calls go on that hang."""
        self._release.set()

    # -- the protocol ----------------------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            return web.Response(status=502, text="<html>Bad Gateway</html>")
        if request.match_info["token"] != TOKEN:
            return _refusal(Refused(401, "Unauthorized"))
        methods: dict[str, Callable[..., Any]] = {
            name[4:].replace("_", ""): getattr(self, name)
            for name in dir(self)
            if name.startswith("_do_")
        }
        method = methods.get(request.match_info["method"].lower())
        if method is None:
            self.wrong.append(f"no such method: {request.match_info['method']}")
            return _refusal(Refused(404, "Not Found"))
        given = await _given(request)
        name = method.__name__.removeprefix("_do_")
        self.ledger.append((name, given))
        try:
            after = await self._trouble(request) if name in _SENDS else None
            result = await method(given)
        except Refused as refused:
            return _refusal(refused)
        except asyncio.CancelledError:
            raise
        except web.HTTPException as page:
            return web.Response(status=page.status, text=page.text)
        except Exception as error:
            self.wrong.append(f"{name}: {error!r}")
            raise
        if after == "cut" and request.transport is not None:
            request.transport.abort()
        return web.json_response({"ok": True, "result": result})

    async def _trouble(self, request: web.Request) -> Trouble | None:
        self.tries += 1
        trouble = self._troubles.pop(0) if self._troubles else None
        match trouble:
            case "busy":
                raise Refused(429, "Too Many Requests: retry after 40", retry_after=40)
            case "broken":
                raise Refused(500, "Internal Server Error")
            case "never":
                raise Refused(400, "Bad Request: chat not found")
            case "blocked":
                raise Refused(403, "Forbidden: bot was blocked by the user")
            case "token":
                raise Refused(401, "Unauthorized")
            case "html":
                page = f"<html>no upstream for {request.path}</html>"
                raise web.HTTPBadGateway(text=page)
            case "hang":
                await self._release.wait()
        return trouble

    async def _do_get_me(self, given: dict[str, Any]) -> Any:
        return BOT

    async def _do_set_webhook(self, given: dict[str, Any]) -> Any:
        self._only(given, {"url", "secret_token", "allowed_updates", "max_connections"})
        if not SECRET.fullmatch(given.get("secret_token", "x")):
            raise Refused(400, "Bad Request: secret token contains unallowed characters")
        if not 1 <= given["max_connections"] <= 100:
            raise Refused(400, "Bad Request: max_connections is out of range")
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
            self.wrong.append("updates that waited were dropped")
        self.webhook = {"url": ""}
        return True

    async def _do_get_updates(self, given: dict[str, Any]) -> Any:
        self._only(given, {"offset", "timeout", "allowed_updates", "limit"})
        if self.webhook["url"]:
            raise Refused(
                409, "Conflict: can't use getUpdates method while webhook is active; delete it"
            )
        offset = given.get("offset", 0)
        self.confirmed = max(self.confirmed, offset - 1)
        self._updates = [one for one in self._updates if one["update_id"] >= offset]
        if not self._updates and given.get("timeout"):
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), given["timeout"])
            except TimeoutError:
                return []
        if self.down:
            raise web.HTTPBadGateway(text="<html>Bad Gateway</html>")
        return self._updates[:100]

    async def _do_send_message(self, given: dict[str, Any]) -> Any:
        self._only(
            given, {"chat_id", "text", "reply_markup", "reply_parameters", "link_preview_options"}
        )
        text = given["text"].strip()
        if not text:
            raise Refused(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > 4096:
            self.wrong.append("a text of more than 4,096 UTF-16 units")
            raise Refused(400, "Bad Request: message is too long")
        if not given.get("link_preview_options", {}).get("is_disabled"):
            self.wrong.append("a link preview was asked for")
        return self._keep(given, text=text)

    async def _do_send_document(self, given: dict[str, Any]) -> Any:
        self._only(given, {"chat_id", "document", "disable_content_type_detection"})
        name, data = given["document"]
        if len(data) > 50_000_000:
            raise Refused(413, "Request Entity Too Large")
        self.uploads.append((int(given["chat_id"]), data))
        return self._keep(given, document={"file_name": name, **_ids(len(self.uploads))})

    async def _do_send_photo(self, given: dict[str, Any]) -> Any:
        self._only(given, {"chat_id", "photo"})
        if self.odd_photos:
            raise Refused(400, "Bad Request: PHOTO_INVALID_DIMENSIONS")
        _, data = given["photo"]
        self.uploads.append((int(given["chat_id"]), data))
        sizes = [{"width": 90, "height": 60, **_ids(len(self.uploads))}]
        return self._keep(given, photo=sizes)

    async def _do_get_file(self, given: dict[str, Any]) -> Any:
        self._only(given, {"file_id"})
        data = self.files.get(given["file_id"])
        if data is None:
            raise Refused(400, "Bad Request: invalid file_id")
        if len(data) > 20_000_000:
            raise Refused(400, "Bad Request: file is too big")
        return {**_ids(given["file_id"]), "file_path": f"documents/{given['file_id']}"}

    async def _do_answer_callback_query(self, given: dict[str, Any]) -> Any:
        self._only(given, {"callback_query_id", "text"})
        if len(given.get("text", "")) > 200:
            raise Refused(400, "Bad Request: MESSAGE_TOO_LONG")
        if given["callback_query_id"] == "too old":
            raise Refused(400, "Bad Request: query is too old and response timeout expired")
        self.answered.append(given)
        return True

    async def _do_edit_message_reply_markup(self, given: dict[str, Any]) -> Any:
        self._only(given, {"chat_id", "message_id"})
        for one in self.sent:
            if one["message_id"] == int(given["message_id"]):
                one.pop("reply_markup", None)
                return one
        raise Refused(400, "Bad Request: message to edit not found")

    async def _file(self, request: web.Request) -> web.Response:
        if request.match_info["token"] != TOKEN:
            return web.Response(status=404)
        if self.file_troubles:
            return web.Response(status=self.file_troubles.pop(0))
        return web.Response(body=self.files[request.match_info["path"].removeprefix("documents/")])

    def _keep(self, given: dict[str, Any], **content: Any) -> dict[str, Any]:
        chat = int(given["chat_id"])
        if chat in self.nobody:
            raise Refused(400, "Bad Request: chat not found")
        if chat in self.moved:
            raise Refused(
                400,
                "Bad Request: group chat was upgraded to a supergroup chat",
                migrate_to_chat_id=self.moved[chat],
            )
        self._number += 1
        message = {
            "message_id": self._number,
            "date": 1_772_445_600,
            "chat": {"id": chat, "type": "private" if chat > 0 else "supergroup"},
            "from": BOT,
            **content,
        }
        if markup := given.get("reply_markup"):
            message["reply_markup"] = self._checked(markup)
        if answered := given.get("reply_parameters"):
            if not answered.get("allow_sending_without_reply"):
                self.wrong.append("a reply that fails when its message was deleted")
            message["answers"] = answered["message_id"]
        self.sent.append(message)
        return {key: value for key, value in message.items() if key != "answers"}

    def _checked(self, markup: dict[str, Any]) -> dict[str, Any]:
        for button in [one for row in markup["inline_keyboard"] for one in row]:
            if set(button) != {"text", "callback_data"} or not button["text"]:
                self.wrong.append(f"a button with {sorted(button)}")
            if not 1 <= len(button["callback_data"].encode()) <= 64:
                raise Refused(400, "Bad Request: BUTTON_DATA_INVALID")
        return markup

    def _only(self, given: dict[str, Any], known: set[str]) -> None:
        """No parameter that we did not mean to send; a ``parse_mode`` above all."""
        if odd := set(given) - known:
            self.wrong.append(f"unexpected parameters: {sorted(odd)}")


def _ids(number: object) -> dict[str, Any]:
    return {"file_id": f"{number}", "file_unique_id": f"u{number}"}


def _refusal(refused: Refused) -> web.Response:
    body: dict[str, Any] = {
        "ok": False,
        "error_code": refused.code,
        "description": refused.description,
    }
    if refused.parameters:
        body["parameters"] = refused.parameters
    return web.json_response(body, status=refused.code)


async def _given(request: web.Request) -> dict[str, Any]:
    """The parameters, from a form or a multipart body, JSON values read."""
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
