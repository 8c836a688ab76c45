"""One bot's line to Telegram: python-telegram-bot's Bot, and what its errors mean for us.

The token is part of every address of the Bot API. So the SDK's own errors and logs, which may
quote addresses and customers' words, end here.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

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

from channels.telegram.sdk import seconds
from channels.telegram.settings import TelegramSettings
from gateway import Json, TooLarge, TryLater, Undeliverable, Unsure, WarmlineError

KINDS = ("message", "edited_message", "callback_query", "my_chat_member")
"""The updates we ask for."""

_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)
# The Bot API has no code for it, only these descriptions of its error 400.
_NOBODY = re.compile(
    r"chat not found|user not found|peer_id_invalid|user is deactivated|chat_write_forbidden", re.I
)


class Api:
    """Calls of one bot. Raises TryLater, Undeliverable or Unsure, and no other error of the SDK;
    none of them holds the token."""

    def __init__(self, settings: TelegramSettings) -> None:
        self._settings = settings
        self._token = settings.bot_token.get_secret_value()
        _hush()
        self._request = HTTPXRequest(
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
        self.refused: str | None = None
        """Why Telegram does not know this bot, until it does."""

    @asynccontextmanager
    async def line(self) -> AsyncIterator[None]:
        """Keep connections while the context is open; they are closed by who uses them last."""
        await self._request.initialize()
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                await self._request.shutdown()

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[Bot]:
        """The bot, to call it once or a few times."""
        async with self.line():
            try:
                yield self._bot
            except TelegramError as error:
                raise self._told(error) from None
            self.refused = None

    async def me(self) -> User:
        """Who this bot is. Telegram is asked once."""
        if self._me is None:
            async with self.calling() as bot:
                self._me = await bot.get_me()
        return self._me

    async def updates(self, offset: int | None, wait: int) -> list[Json]:
        """What is new from ``offset`` on, at most 100, not parsed; asking confirms what is older.
        Waits up to ``wait`` seconds."""
        given = {"offset": offset, "timeout": wait, "allowed_updates": list(KINDS)}
        async with self.calling() as bot:
            # `Bot.get_updates` parses: one odd update would hide all others. Methods "are
            # case-insensitive" (Bot API, Making requests); the SDK warns of its own spelling.
            found = await bot.do_api_request(
                "getupdates", api_kwargs=given, read_timeout=wait + self._settings.timeout
            )
        if not isinstance(found, list):
            raise TryLater("Telegram's answer to getUpdates is no list")
        return found

    async def fetch(self, file_id: str, most: int) -> bytes:
        """A file of at most ``most`` bytes. Raises TooLarge, or Undeliverable when Telegram will
        never give it."""
        async with self.calling() as bot:
            try:
                found = await bot.get_file(file_id)
            except BadRequest as error:
                if "too big" in error.message:
                    raise TooLarge("Telegram does not give bots files of that size") from None
                raise
        url = found.file_path or ""
        if not url.startswith(self._settings.file_base.partition("{")[0]):
            raise Undeliverable("Telegram named no address for the file")
        # The SDK would read all of it, however much it is.
        timeout = aiohttp.ClientTimeout(total=self._settings.file_timeout)
        try:
            async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as session:
                return await _download(session, url, most)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TryLater(f"a file did not come: {type(error).__name__}") from None

    def _told(self, error: TelegramError) -> WarmlineError:  # noqa: PLR0911  (a table)
        said = self._clean(error.message)
        cause = error.__cause__
        if isinstance(error, RetryAfter):
            after = seconds(error.retry_after)
            return TryLater("Telegram asks us to write less often", after=after)
        if isinstance(error, Forbidden):
            return Undeliverable(said, unreachable=True)
        if isinstance(error, BadRequest):
            return Undeliverable(said, unreachable=bool(_NOBODY.search(said)))
        if isinstance(error, InvalidToken):
            self.refused = "Telegram does not know this bot token; see @BotFather"
            return TryLater(self.refused)
        if isinstance(error, Conflict):
            return TryLater(f"another program uses this bot: {said}")
        if isinstance(cause, _NOT_SENT):
            return TryLater(f"Telegram cannot be reached: {type(cause).__name__}")
        if isinstance(error, NetworkError) and (cause is None or isinstance(cause, TelegramError)):
            return TryLater(f"Telegram answered: {said}")  # with a status of 500 or above
        return Unsure(f"the call to Telegram was cut off: {type(cause or error).__name__}")

    def _clean(self, text: str) -> str:
        """What Telegram said, short and without the token, in case something echoes it."""
        secrets = (self._token, self._token.rpartition(":")[2])
        for secret in secrets:
            text = text.replace(secret, "***")
        return text[:200]


async def _download(session: aiohttp.ClientSession, url: str, most: int) -> bytes:
    async with session.get(url, allow_redirects=False) as response:
        if response.status != 200:
            raise TryLater(f"a file did not come: Telegram answered {response.status}")
        data = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            data += chunk
            if len(data) > most:
                raise TooLarge(f"the file has more than {most} bytes")
            await asyncio.sleep(0)
        return bytes(data)


def _hush() -> None:
    """httpx logs every address as information, the SDK what customers wrote when it fails."""
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("httpcore").setLevel(logging.WARNING)
    logging.getLogger("telegram").setLevel(logging.CRITICAL + 1)
