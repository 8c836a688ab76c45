"""Mail that arrives in a mailbox, which we watch over IMAP.

The mailbox itself remembers what is stored: a mail is marked read (or moved) only after the inbox
has committed it. After a crash in between the mail is read again, and the inbox recognises it by
its id. So we store no UID and no UIDVALIDITY, and a rebuilt mailbox needs no special case.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from aioimaplib import AioImapException
from aioimaplib.aioimaplib import IMAP4, Response, quoted

from channels.email.settings import ImapSettings
from gateway import Backoff, Clock, NotAccepted, WarmlineError

log = structlog.get_logger(__name__)

StoreMail = Callable[[bytes], Awaitable[None]]
"""Stores a mail; returns once it is committed, or raises NotAccepted."""
T = TypeVar("T")

_CHECK_AGAIN = 1.0
_MAX_FAILURES = 5


class ImapError(WarmlineError):
    """The mail server refused a command or broke the connection."""


class MailboxWatcher:
    """Watches one folder until cancelled. ``problem`` says what is wrong at the moment."""

    def __init__(
        self, settings: ImapSettings, store: StoreMail, clock: Clock, *, max_bytes: int
    ) -> None:
        self._settings, self._store, self._clock = settings, store, clock
        self._max_bytes = max_bytes
        self._failures: Counter[int] = Counter()
        self.problem: str | None = f"not connected to {settings.host} yet"
        # aioimaplib logs what it receives, customers' mail included.
        logging.getLogger("aioimaplib").setLevel(logging.WARNING)

    async def run(self) -> None:
        """Connect, store unread mail and wait for more; reconnect with back-off on failure."""
        backoff = Backoff(first=1.0, most=60.0, jitter=0.5)
        while True:
            session = _ImapSession(self._settings, self._max_bytes)
            try:
                await session.open()
                while True:
                    busy = await self._store_unread(session)
                    backoff.reset()
                    self.problem = None
                    await session.wait(_CHECK_AGAIN if busy else self._settings.poll)
            except (AioImapException, ImapError, NotAccepted, OSError, TimeoutError) as error:
                pause = backoff.next()
                self.problem = f"{self._settings.host}: {str(error) or type(error).__name__}"
                log.warning("mail.mailbox_failed", error=self.problem, failures=backoff.failures)
            finally:
                await session.close()
            await self._clock.sleep(pause)

    async def _store_unread(self, session: _ImapSession) -> bool:
        """Store all unread mail, oldest first; whether there was any. A mail that has failed
        several times waits behind the others.

        A server may announce a new mail within its answer to another command, where it goes
        unnoticed. So after any mail we check again soon (`_CHECK_AGAIN`).
        """
        unread = await session.unread()
        for uid in sorted(unread, key=lambda uid: (self._failures[uid] >= _MAX_FAILURES, uid)):
            try:
                raw = await session.fetch(uid)
                if raw is not None:
                    await self._store(raw)
                    await session.mark_stored(uid)
            except Exception:
                self._failures[uid] += 1
                raise
            self._failures.pop(uid, None)
        return bool(unread)


async def check_login(settings: ImapSettings) -> str | None:
    """Log in and open the folder, then log out; what went wrong, or None."""
    session = _ImapSession(settings, 1)
    try:
        await session.open()
    except (AioImapException, ImapError, OSError, TimeoutError) as error:
        return f"mailbox {settings.host}: {str(error) or type(error).__name__}"
    finally:
        await session.close()
    return None


class _ImapSession:
    """One connection. Every wait ends when it breaks: aioimaplib leaves that to its user."""

    def __init__(self, settings: ImapSettings, max_bytes: int) -> None:
        self._settings, self._max_bytes = settings, max_bytes
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._client: IMAP4 | None = None

    @property
    def _imap(self) -> IMAP4:
        if self._client is None:
            raise ImapError("not connected")
        return self._client

    async def open(self) -> None:
        settings = self._settings
        self._client = IMAP4(
            settings.host,
            settings.port,
            timeout=settings.timeout,
            conn_lost_cb=self._on_lost,
            ssl_context=settings.tls_context(),
        )
        await self._while_connected(self._client.wait_hello_from_server(), settings.timeout)
        password = settings.password.get_secret_value()
        await self._ok("log in", self._imap.login(quoted(settings.user), password))
        if settings.move_to and not await self._has_folder(settings.move_to):
            await self._ok("create the folder", self._imap.create(quoted(settings.move_to)))
        await self._ok("open the folder", self._imap.select(quoted(settings.folder)))

    async def unread(self) -> list[int]:
        lines = await self._ok("search", self._imap.uid_search("UNSEEN", charset=None))
        uids = lines[0].split() if len(lines) > 1 else []
        return [int(uid) for uid in uids if uid.isdigit()]

    async def fetch(self, uid: int) -> bytes | None:
        """The mail, at most one byte more than the limit; it stays unread. None when the mail
        is no longer there."""
        part = f"(BODY.PEEK[]<0.{self._max_bytes + 1}>)"
        lines = await self._ok("fetch a mail", self._imap.uid("fetch", str(uid), part))
        return next((bytes(line) for line in lines if isinstance(line, bytearray)), None)

    async def mark_stored(self, number: int) -> None:
        """Mark the mail read, and move it where that is configured."""
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
        """Wait until the server announces something new (RFC 2177), at most ``seconds``."""
        if not self._imap.has_capability("IDLE"):
            await self._while_connected(asyncio.sleep(seconds), seconds + 1)
            return
        timeout = self._settings.timeout
        idle = await self._while_connected(self._imap.idle_start(seconds + 60), timeout)
        try:
            await self._while_connected(self._imap.wait_server_push(seconds), seconds + 1)
        except TimeoutError:
            log.debug("mail.nothing_new")
        self._imap.idle_done()
        await self._while_connected(idle, timeout)

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
                await self._while_connected(client.logout(), 2)
        except (AioImapException, ImapError, OSError, TimeoutError) as error:
            log.debug("mail.logout_failed", error=str(error))
        finally:
            if client.protocol.transport is not None:
                client.protocol.transport.close()

    async def _has_folder(self, folder: str) -> bool:
        lines = await self._ok("list the folder", self._imap.list('""', quoted(folder)))
        return any(folder.encode() in bytes(line) for line in lines[:-1])

    async def _ok(self, action: str, command: Awaitable[Response]) -> list[bytes]:
        response = await self._while_connected(command, self._settings.timeout)
        if response.result != "OK":
            answer = bytes(response.lines[-1]).decode("utf-8", "replace") if response.lines else ""
            raise ImapError(f"cannot {action}: {answer[:200]}")
        return list(response.lines)

    async def _while_connected(self, work: Awaitable[T], seconds: float) -> T:
        """The result of ``work``. Raises ImapError when the connection breaks first, and
        TimeoutError after ``seconds``.

        ``work`` runs in a task of its own: aioimaplib waits with `asyncio.wait_for`, which in
        Python 3.11 forgets that it was cancelled when the answer comes in the same moment.
        """
        task = asyncio.ensure_future(work)
        either: set[asyncio.Future[T] | asyncio.Future[None]] = {task, self._lost}
        try:
            await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if self._lost.done():
            raise ImapError("the connection broke")
        raise TimeoutError(f"no answer in {seconds:.0f} s")

    def _on_lost(self, _error: Exception | None) -> None:
        if not self._lost.done():
            self._lost.set_result(None)
