"""What happens to a whole deployment at once: a full disk, a lock, damaged rows, plugins that raise
what would stop a server, and a database that goes away while messages are being accepted.

Their customers, the *victims*, are not in the ledger of the others. Each has to end with a person,
or, for the burst, with every acknowledged message stored once.
"""

from __future__ import annotations

import asyncio
import random
import resource
import signal
import sqlite3
import sys
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path

import aiohttp
import psutil

from tests.faults.databases import PostgresProgram, SqliteFile
from tests.faults.deployment import Deployment

CRASHES = ("SystemExit", "KeyboardInterrupt", "CancelledError", "RecursionError", "sleep")
"""What the harness's handler does for a message ``crash NAME``; see `tests.faults.plugin`."""
LOST = "\x1e1deadbeef"
"""How a text begins that is encrypted with a key of this name."""
BURST = 40
PATIENCE = 60.0
"""Seconds until a message must be accepted."""
BOUND = 300
"""Tenths of a second until a victim must have a person."""
WEBHOOK = "/webhooks/rest/webhook"


class Incidents:
    """Lets incidents happen to ``deployment``, and then says what did not hold."""

    def __init__(self, deployment: Deployment, rng: random.Random) -> None:
        self._deployment, self._rng = deployment, rng
        self._victims: list[str] = []
        self._bursts: dict[str, list[str]] = {}

    @property
    def names(self) -> Sequence[str]:
        """The incidents that this deployment and this system can have."""
        names = ["unreadable rows", "plugin crash"]
        if isinstance(self._deployment.database, PostgresProgram):
            return [*names, "restart at acceptance"]
        full = ["disk full"] if sys.platform == "linux" else []
        return [*names, "locked", *full]

    async def happen(self, what: str, seconds: float) -> None:
        """Let ``what`` happen; return when it is over."""
        match what:
            case "unreadable rows":
                await self._damage_rows()
            case "plugin crash":
                victim = self._new_victim()
                await self._post(victim, f"crash {self._rng.choice(CRASHES)}")
                self._victims.append(victim)
            case "restart at acceptance":
                await self._restart_at_acceptance()
            case "locked":
                await asyncio.to_thread(_lock, self._sqlite_file(), seconds)
            case "disk full":
                await self._fill_disk(seconds)

    async def broken_promises(self) -> list[str]:
        """Victims without a person, and acknowledged messages of bursts that are not stored once.
        Call when everything has settled."""
        found: list[str] = []
        for victim in self._victims:
            waiting = (
                "SELECT 1 FROM conversations"  # noqa: S608  (the names are our own)
                f" WHERE lane = 'rest:{victim}' AND state = 'waiting'"
            )
            for _ in range(BOUND):
                if await self._deployment.database.query(waiting):
                    break
                await asyncio.sleep(0.1)
            else:
                found.append(f"{victim} has no person")
        for victim, acknowledged in self._bursts.items():
            rows = await self._deployment.database.query(
                f"SELECT remote_id, count(*) FROM inbox WHERE lane = 'rest:{victim}'"  # noqa: S608
                " GROUP BY remote_id"
            )
            stored = {str(remote): int(count) for remote, count in rows}
            found += [f"{victim}: {id} is lost" for id in acknowledged if id not in stored]
            found += [f"{victim}: {id} is stored {n} times" for id, n in stored.items() if n != 1]
        return found

    def _new_victim(self) -> str:
        return f"victim{len(self._victims)}x{self._rng.randrange(10**6)}"

    async def _damage_rows(self) -> None:
        """The history of a customer is encrypted with a key that nobody has."""
        victim = self._new_victim()
        await self._post(victim, "message 1")
        await self._deployment.database.query(
            f"UPDATE messages SET text = '{LOST}' || text WHERE lane = 'rest:{victim}'"  # noqa: S608
        )
        await self._post(victim, "message 2")
        self._victims.append(victim)

    async def _restart_at_acceptance(self) -> None:
        """PostgreSQL is killed while it commits a burst of messages."""
        victim = self._new_victim()
        acknowledged = self._bursts.setdefault(victim, [])
        postgres = self._deployment.programs["postgres"]

        async def post(number: int) -> None:
            if await self._post(victim, f"message {number}", id=f"b{number}", patience=5.0):
                acknowledged.append(f"b{number}")

        posts = [asyncio.create_task(post(number)) for number in range(BURST)]
        await asyncio.sleep(self._rng.uniform(0, 0.05))
        postgres.send(signal.SIGKILL)
        await postgres.wait_ended(20)
        await asyncio.gather(*posts)
        await postgres.ready()

    async def _fill_disk(self, seconds: float) -> None:
        """The server can write to no file (setrlimit(2), RLIMIT_FSIZE), as on a full disk."""
        limited = [p for gateway in self._deployment.gateways for p in gateway.processes()]
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        for process in limited:
            with suppress(psutil.NoSuchProcess):
                process.rlimit(resource.RLIMIT_FSIZE, (0, before[1]))
        try:
            await asyncio.sleep(seconds)
        finally:
            for process in limited:
                with suppress(psutil.NoSuchProcess):
                    process.rlimit(resource.RLIMIT_FSIZE, before)

    def _sqlite_file(self) -> Path:
        assert isinstance(self._deployment.database, SqliteFile)
        return self._deployment.database.file

    async def _post(
        self, victim: str, text: str, *, id: str | None = None, patience: float = PATIENCE
    ) -> bool:
        """Send a message until it is accepted; False if it was not within ``patience`` seconds."""
        body = {"sender": victim, "message": text, "message_id": id or f"{victim}:{text}"}
        with suppress(TimeoutError):
            async with asyncio.timeout(patience), aiohttp.ClientSession() as session:
                while True:
                    url = self._rng.choice(self._deployment.urls) + WEBHOOK
                    with suppress(aiohttp.ClientError, OSError):
                        async with session.post(url, json=body) as response:
                            if response.status == 200:
                                return True
                    await asyncio.sleep(0.3)
        return False


def _lock(file: Path, seconds: float) -> None:
    """Another program writes, slowly."""
    with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(seconds)
        connection.execute("ROLLBACK")
