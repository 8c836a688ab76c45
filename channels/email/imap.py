"""The way in by IMAP: a mailbox that we watch.

What was taken in is remembered by the mailbox itself: a mail is marked read (or moved) only after
the inbox has committed it. When we stop in between it is offered again, and the inbox knows it by
its id. So no UIDVALIDITY or UID has to be stored, and a rebuilt mailbox is no special case.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from aioimaplib import AioImapException
from aioimaplib.aioimaplib import IMAP4, Response, quoted

from channels.email.settings import ImapSettings
from channels.email.tls import trusting
from gateway import Clock, NotAccepted, WarmlineError

log = structlog.get_logger(__name__)

Take = Callable[[bytes], Awaitable[None]]
T = TypeVar("T")

_SOON = 1.0
_PATIENCE = 5
_BACKOFF_MOST = 60.0


class MailboxError(WarmlineError):
    """The mail server said no, or said nothing."""


class Watcher:
    """Watches one folder for ever. ``trouble`` says what is wrong at the moment."""

    def __init__(self, settings: ImapSettings, take: Take, clock: Clock, *, largest: int) -> None:
        self._settings, self._take, self._clock = settings, take, clock
        self._largest = largest
        self._failed: Counter[int] = Counter()
        key = "channels.email.imap.ca_file"
        self._context = trusting(settings.ca_file, key=key) if settings.tls else None
        self.trouble: str | None = f"not connected to {settings.host} yet"
        # aioimaplib logs what it receives, customers' mail included.
        logging.getLogger("aioimaplib").setLevel(logging.WARNING)

    async def run(self) -> None:
        """Connect, take in what is unread, wait for more; again, later and later, on failure."""
        failures = 0
        while True:
            session = _Session(self._settings, self._largest, self._context)
            try:
                await session.open()
                while True:
                    busy = await self._drain(session)
                    failures, self.trouble = 0, None
                    await session.wait(_SOON if busy else self._settings.poll)
            except (AioImapException, MailboxError, NotAccepted, OSError, TimeoutError) as error:
                failures += 1
                self.trouble = f"{self._settings.host}: {str(error) or type(error).__name__}"
                log.warning("mail.mailbox_failed", error=self.trouble, failures=failures)
            finally:
                await session.close()
            most = min(2.0 ** min(failures - 1, 6), _BACKOFF_MOST)
            await self._clock.sleep(random.uniform(most / 2, most))  # noqa: S311  (only spreads load)

    async def _drain(self, session: _Session) -> bool:
        """Take in all unread mail, oldest first; whether there was any. A mail that failed again
        and again waits behind the others.

        A server may announce a mail that arrives just then in its answer to another command,
        where it goes unseen; so after any mail we look again soon (`_SOON`).
        """
        unread = await session.unread()
        for uid in sorted(unread, key=lambda uid: (self._failed[uid] >= _PATIENCE, uid)):
            try:
                await self._take_one(session, uid)
            except Exception:
                self._failed[uid] += 1
                raise
        return bool(unread)

    async def _take_one(self, session: _Session, uid: int) -> None:
        raw = await session.fetch(uid)
        if raw is not None:
            await self._take(raw)
            await session.done_with(uid)
        self._failed.pop(uid, None)


async def knock(settings: ImapSettings) -> str | None:
    """Log in and open the folder, then leave; what went wrong, in words."""
    context = (
        trusting(settings.ca_file, key="channels.email.imap.ca_file") if settings.tls else None
    )
    session = _Session(settings, 1, context)
    try:
        await session.open()
    except (AioImapException, MailboxError, OSError, TimeoutError) as error:
        return f"mailbox {settings.host}: {str(error) or type(error).__name__}"
    finally:
        await session.close()
    return None


class _Session:
    """One connection. Every wait ends when it breaks, which aioimaplib leaves to its user."""

    def __init__(
        self, settings: ImapSettings, largest: int, context: ssl.SSLContext | None
    ) -> None:
        self._settings, self._largest, self._context = settings, largest, context
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client: IMAP4 | None = None

    @property
    def _imap(self) -> IMAP4:
        if self._client is None:
            raise MailboxError("not connected")
        return self._client

    async def open(self) -> None:
        told = self._settings
        self._client = IMAP4(
            told.host,
            told.port,
            timeout=told.timeout,
            conn_lost_cb=self._on_lost,
            ssl_context=self._context,
        )
        await self._client.wait_hello_from_server()
        password = told.password.get_secret_value()
        await self._ok("log in", self._imap.login(quoted(told.user), password))
        if told.move_to and not await self._has(told.move_to):
            await self._ok("make the folder", self._imap.create(quoted(told.move_to)))
        await self._ok("open the folder", self._imap.select(quoted(told.folder)))

    async def unread(self) -> list[int]:
        lines = await self._ok("search", self._imap.uid_search("UNSEEN", charset=None))
        uids = lines[0].split() if len(lines) > 1 else []
        return [int(uid) for uid in uids if uid.isdigit()]

    async def fetch(self, uid: int) -> bytes | None:
        """The mail, without marking it read; at most one byte more than the bound. None when it
        is gone meanwhile."""
        part = f"(BODY.PEEK[]<0.{self._largest + 1}>)"
        lines = await self._ok("fetch a mail", self._imap.uid("fetch", str(uid), part))
        return next((bytes(line) for line in lines if isinstance(line, bytearray)), None)

    async def done_with(self, number: int) -> None:
        uid = str(number)
        await self._ok("mark a mail", self._imap.uid("store", uid, "+FLAGS.SILENT", r"(\Seen)"))
        if not self._settings.move_to:
            return
        folder = quoted(self._settings.move_to)
        if self._imap.has_capability("MOVE"):
            await self._ok("move a mail", self._imap.uid("move", uid, folder))
            return
        await self._ok("copy a mail", self._imap.uid("copy", uid, folder))
        await self._ok("mark a mail", self._imap.uid("store", uid, "+FLAGS.SILENT", r"(\Deleted)"))
        if self._imap.has_capability("UIDPLUS"):
            await self._ok("remove a mail", self._imap.uid("expunge", uid))

    async def wait(self, seconds: float) -> None:
        """Until the server tells of something new (RFC 2177), at most ``seconds``."""
        if not self._imap.has_capability("IDLE"):
            await self._while_up(asyncio.sleep(seconds), seconds + 1)
            return
        idle = await self._while_up(self._imap.idle_start(seconds + 60), self._settings.timeout)
        try:
            await self._while_up(self._imap.wait_server_push(seconds), seconds + 1)
        except TimeoutError:
            log.debug("mail.nothing_new")
        self._imap.idle_done()
        await self._while_up(idle, self._settings.timeout)

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        try:
            if self._lost.done():
                return
            if client.has_pending_idle():
                client.idle_done()
            elif client.get_state() in ("AUTH", "SELECTED"):
                await asyncio.wait_for(client.logout(), 2)
        except (AioImapException, OSError, TimeoutError) as error:
            log.debug("mail.goodbye_failed", error=str(error))
        finally:
            if client.protocol.transport is not None:
                client.protocol.transport.close()

    async def _has(self, folder: str) -> bool:
        lines = await self._ok("look for the folder", self._imap.list('""', quoted(folder)))
        return any(folder.encode() in bytes(line) for line in lines[:-1])

    async def _ok(self, what: str, command: Awaitable[Response]) -> list[bytes]:
        response = await self._while_up(command, self._settings.timeout)
        if response.result != "OK":
            said = bytes(response.lines[-1]).decode("utf-8", "replace") if response.lines else ""
            raise MailboxError(f"cannot {what}: {said[:200]}")
        return list(response.lines)

    async def _while_up(self, work: Awaitable[T], seconds: float) -> T:
        task = asyncio.ensure_future(work)
        either: set[asyncio.Future[T] | asyncio.Future[None]] = {task, self._lost}
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        finally:
            task.cancel()
        if self._lost.done():
            raise MailboxError("the connection broke")
        raise TimeoutError(f"no answer in {seconds:.0f} s")

    def _on_lost(self, _error: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)
