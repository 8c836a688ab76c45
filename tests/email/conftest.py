"""In-memory fakes of the gateway for the e-mail channel, and the channel itself."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from channels.email import Email, EmailSettings
from gateway import (
    Accepted,
    Address,
    Attachment,
    File,
    Inbound,
    NotAccepted,
    Outbound,
    Receipt,
    Services,
    TooLarge,
)
from gateway.settings import CoreSettings, Settings

from ..conftest import until

MAILS = Path(__file__).parent / "mails"
ADDRESS = "Lindenhof Shop <help@lindenhof.example>"
OURS = frozenset({"help@lindenhof.example"})
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def mail(name: str) -> bytes:
    """The recorded mail ``name``, with CRLF line ends as in transit."""
    raw = MAILS.joinpath(f"{name}.eml").read_bytes()
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


class FakeIntake:
    """Commits to a list. ``failures`` is the number of next accepts that fail, as when the database
    is down; messages with an id in ``always_refused`` always fail. Commits wait for
    ``may_commit``."""

    def __init__(self) -> None:
        self.accepted: list[Inbound] = []
        self.reported: list[Receipt] = []
        self.knows_reported = True
        self.offered = 0
        self.failures = 0
        self.always_refused: set[str] = set()
        self.may_commit = asyncio.Event()
        self.may_commit.set()
        self._new = asyncio.Event()

    async def accept(self, message: Inbound) -> Accepted:
        self.offered += 1
        msgspec.json.encode(message)  # as the store does: it must be encodable
        self._new.set()
        await self.may_commit.wait()
        if self.failures or message.remote_id in self.always_refused:
            self.failures = max(0, self.failures - 1)
            raise NotAccepted("the database is down")
        known = [inbound.remote_id for inbound in self.accepted]
        if message.remote_id in known:
            return Accepted(turn=known.index(message.remote_id) + 1, duplicate=True)
        self.accepted.append(message)
        return Accepted(turn=len(self.accepted))

    async def report(self, receipt: Receipt) -> bool:
        self.reported.append(receipt)
        self._new.set()
        return self.knows_reported

    async def until(self, condition: Callable[[], object], timeout: float = 15) -> None:
        """Wait for ``condition``; it is checked whenever something was offered or reported."""
        async with asyncio.timeout(timeout):
            while not condition():
                self._new.clear()
                if not condition():
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._new.wait(), 0.2)


class FakeFiles:
    def __init__(self, max_bytes: int = 10_000_000) -> None:
        self.kept: dict[str, bytes] = {}
        self.max_bytes = max_bytes
        self.exempt = ""
        self.error: Exception | None = None

    async def keep(self, file: File) -> Attachment:
        if self.error:
            raise self.error
        if len(file.data) > self.max_bytes and file.name != self.exempt:
            raise TooLarge(f"over {self.max_bytes} bytes")
        digest = hashlib.sha256(file.data).hexdigest()
        self.kept[digest] = file.data
        return Attachment(
            name=file.name, media_type=file.media_type, size=len(file.data), digest=digest
        )

    async def open(self, digest: str) -> bytes:
        return self.kept[digest]


class FakeClock:
    """The real time; ``sleep`` records the seconds and returns almost at once."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.at: datetime | None = None

    def now(self) -> datetime:
        return self.at or datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0.02)


class Fakes:
    """The fakes, and the services made of them."""

    def __init__(self) -> None:
        self.intake, self.files, self.clock = FakeIntake(), FakeFiles(), FakeClock()
        absent: Any = None
        self.services = Services(
            intake=self.intake,
            files=self.files,
            clock=self.clock,
            mailbox=absent,
            events=absent,
            desk=absent,
            voice=absent,
            storage=absent,
            audit=absent,
            public_http=absent,
            records=absent,
            versions=absent,
            trials=absent,
        )


@pytest.fixture
async def fakes() -> Fakes:
    return Fakes()


def channel(tmp_path: Path, **settings: Any) -> Email:
    """The channel as the configuration makes it; sends into a Maildir by default."""
    if "outgoing" not in settings:
        settings.setdefault("maildir", tmp_path / "sent")
    if "imap" not in settings:
        settings.setdefault("smtp_port", 0)
    section = EmailSettings.model_validate({"address": ADDRESS, **settings})
    return Email.from_settings(
        section, Settings(CoreSettings(data_dir=tmp_path), {}, base=tmp_path)
    )


@asynccontextmanager
async def running(email: Email, services: Services) -> AsyncIterator[Email]:
    """Run the channel while the context is open; its readiness probe is content at the start."""

    async def both() -> None:
        await asyncio.gather(email.run(services), email.watch(services))

    task = asyncio.create_task(both())
    try:
        await until(lambda: _settled(email, task), 20)
        if task.done():
            task.result()
        yield email
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _settled(email: Email, task: asyncio.Task[None]) -> bool:
    return task.done() or await email.trouble() is None


def outbound(text: str = "Your parcel is on its way.", **changes: Any) -> Outbound:
    """An outbound message to Anna."""
    given: dict[str, Any] = {
        "id": 7,
        "key": "out-7",
        "message": 11,
        "address": Address(channel="email", value="anna.berg@example.org"),
        "text": text,
        "author": "bot",
        "at": NOON,
        "subject": "Where is my parcel?",
        "thread": ("<q1@example.org>",),
    }
    return Outbound(**{**given, **changes})
