"""The Bot API, through python-telegram-bot, and what its errors mean for us.

The token is part of every address of the Bot API. So the SDK's errors and logs, which may quote
addresses and customers' messages, end here.

"The response contains a JSON object, which always has a Boolean field 'ok' [...]. If 'ok' equals
True, the request was successful" (Bot API, "Making requests"). A message that Telegram took is not
sent again because the SDK cannot parse what else the answer says (`read_answer`).
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import httpx
from telegram import Bot, User
from telegram.error import (
    BadRequest,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
)
from telegram.request import HTTPXRequest

from channels.telegram import TelegramSettings
from gateway import (
    Json,
    TooLarge,
    TryLater,
    Undeliverable,
    Unsure,
    WarmlineError,
    read_bounded,
)

# The SDK's next version returns durations as timedelta. Without this switch every recording and
# every 429 is a warning. The SDK reads it at each use.
os.environ.setdefault("PTB_TIMEDELTA", "true")

UPDATE_KINDS = ("message", "edited_message", "callback_query", "my_chat_member")
"""The updates that we ask for."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
# The Bot API has no code for an unreachable chat, only these descriptions of error 400.
_UNREACHABLE = re.compile(
    r"chat not found|user not found|peer_id_invalid|user is deactivated|chat_write_forbidden", re.I
)
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


class TelegramApi:
    """Calls the Bot API for one bot. Raises TryLater, Undeliverable or Unsure, and no other error
    of the SDK; none of them contains the token."""

    def __init__(self, settings: TelegramSettings) -> None:
        self._settings = settings
        self._token = settings.bot_token.get_secret_value()
        _silence_loggers()
        self._request = BotApiRequest(
            connection_pool_size=64,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.timeout,
            write_timeout=settings.timeout,
            media_write_timeout=settings.timeout,
            pool_timeout=settings.connect_timeout,
        )
        self._bot = Bot(
            self._token,
            base_url=settings.api_base,
            base_file_url=settings.file_base,
            request=self._request,
            get_updates_request=self._request,
        )
        self._me: User | None = None
        self._users = 0
        self.problem: str | None = None
        """Why Telegram rejected the token in the last call; None when it did not."""

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[None]:
        """Keep connections open inside the context. The last user closes them."""
        await self._request.initialize()
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                await self._request.shutdown()

    @asynccontextmanager
    async def bot(self) -> AsyncIterator[Bot]:
        """The bot, for one or a few calls."""
        async with self.connected():
            try:
                yield self._bot
            except TelegramError as error:
                raise self._convert(error) from None
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                # The SDK checks no types.
                what = f"Telegram's answer could not be read: {type(error).__name__}"
                raise Unsure(what) from None
            self.problem = None

    async def me(self) -> User:
        """Our bot's own user. Telegram is asked once."""
        if self._me is None:
            async with self.bot() as bot:
                self._me = await bot.get_me()
        return self._me

    async def get_updates(self, offset: int | None, wait: int) -> list[Json]:
        """The next updates from ``offset`` on, at most 100, not parsed. Older ones are confirmed.
        Waits up to ``wait`` seconds."""
        parameters = {"offset": offset, "timeout": wait, "allowed_updates": list(UPDATE_KINDS)}
        async with self.bot() as bot:
            # `Bot.get_updates` parses: one odd update would hide all others. Methods "are
            # case-insensitive" (Bot API, Making requests); the SDK warns of its own spelling.
            updates = await bot.do_api_request(
                "getupdates", api_kwargs=parameters, read_timeout=wait + self._settings.timeout
            )
        if not isinstance(updates, list):
            raise TryLater("Telegram's answer to getUpdates is not a list")
        return updates

    async def download(self, file_id: str, largest: int) -> bytes:
        """A file of at most ``largest`` bytes. Raises TooLarge, or Undeliverable when Telegram
        will never send it."""
        async with self.bot() as bot:
            try:
                file = await bot.get_file(file_id)
            except BadRequest as error:
                if "too big" in error.message:
                    raise TooLarge("Telegram does not send bots files of that size") from None
                raise
        url = file.file_path or ""
        if not url.startswith(self._settings.file_base.partition("{")[0]):
            raise Undeliverable("Telegram sent no valid address for the file")
        # The SDK would read all of it, whatever its size.
        timeout = aiohttp.ClientTimeout(total=self._settings.file_timeout)
        try:
            async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
                return await _download(session, url, largest)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TryLater(f"the download failed: {type(error).__name__}") from None

    def _convert(self, error: TelegramError) -> WarmlineError:  # noqa: PLR0911  (a table)
        message = self._without_token(error.message)
        cause = error.__cause__
        if isinstance(error, RetryAfter):
            after = seconds(error.retry_after)
            return TryLater("Telegram's rate limit is reached", after=after)
        if isinstance(error, Forbidden):
            return Undeliverable(message, unreachable=True)
        if isinstance(error, BadRequest):
            return Undeliverable(message, unreachable=bool(_UNREACHABLE.search(message)))
        if isinstance(error, InvalidToken):
            self.problem = "Telegram does not know this bot token; see @BotFather"
            return TryLater(self.problem)
        if isinstance(error, Conflict):
            return TryLater(f"another program uses this bot: {message}")
        if isinstance(cause, _NOT_SENT):
            return TryLater(f"Telegram cannot be reached: {type(cause).__name__}")
        if isinstance(error, NetworkError) and (cause is None or isinstance(cause, TelegramError)):
            return TryLater(f"Telegram answered: {message}")  # with a status of 500 or above
        return Unsure(f"the call to Telegram was cut off: {type(cause or error).__name__}")

    def _without_token(self, text: str) -> str:
        """``text``, shortened, without the token in case Telegram or a proxy echoes it."""
        for secret in (self._token, self._token.rpartition(":")[2]):
            text = text.replace(secret, "***")
        return text[:200]


def seconds(duration: float | timedelta) -> float:
    """``duration``, a timedelta or a number of seconds, in seconds."""
    return duration.total_seconds() if isinstance(duration, timedelta) else duration


async def _download(session: aiohttp.ClientSession, url: str, largest: int) -> bytes:
    async with session.get(url, allow_redirects=False) as response:
        if response.status != 200:
            raise TryLater(f"the download failed: Telegram answered {response.status}")
        return await read_bounded(response.content.iter_chunked(65_536), largest)


def _silence_loggers() -> None:
    """httpx logs every address at level INFO. The SDK logs customers' messages on errors."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    logging.getLogger("telegram").setLevel(logging.CRITICAL + 1)


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
        return (
            (code, _minimal_message(answer.get("result")))
            if answer.get("ok") is True
            else (code, b"")
        )
    if _TAKEN.match(payload) is None:  # not JSON, and it does not say so
        return code, b""
    found = _MESSAGE_ID.search(payload)
    return code, _minimal_message({"message_id": int(found[1])} if found else None)


def _minimal_message(result: object) -> bytes:
    id = result.get("message_id") if isinstance(result, dict) else None
    if isinstance(id, str) and id.isascii() and id.isdecimal() and len(id) < 20:
        id = int(id)
    if not isinstance(id, int) or isinstance(id, bool) or id < 0:
        id = UNKNOWN
    message = {"message_id": id, "date": 0, "chat": {"id": 0, "type": "private"}}
    return json.dumps({"ok": True, "result": message}).encode()
