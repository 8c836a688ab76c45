"""Which processes and lines there are, and how they are told of one another."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import yaml

from tests.crash.harness import WAITING
from tests.faults import guest
from tests.faults.cellars import Postgres, Redis, Sqlite
from tests.faults.far_ends import FarEnds
from tests.faults.programs import Program, Warmline
from tests.faults.wire import Wire
from tests.sms import fake_twilio as twilio

ROOT = Path(__file__).parents[2]
POLICY = """
reasons:
  low_confidence: {enabled: false}
  plugin_failed: {enabled: false}
  bot_failed: {enabled: false}
  loop: {enabled: false}
"""
LEASE, SWEEP, TIMEOUT = 8.0, 3.0, 4.0
"""Seconds: after which a silent process is taken for dead; between two looks for forgotten work;
for one call of a provider."""


class Layout:
    """``crew``: two processes with doors and three that work, on PostgreSQL and Redis; else one
    that does all on SQLite. ``planted``: a guest with a bug, instead of the harness's own."""

    def __init__(
        self, folder: Path, rng: random.Random, *, crew: bool, planted: str | None = None
    ) -> None:
        self._folder, self._rng, self._crew = folder, rng, crew
        self._planted = planted or "tests.faults.guest"
        self.wires: dict[str, Wire] = {}
        self.programs: dict[str, Program] = {}
        self.warmlines: list[Warmline] = []
        self.cellar: Sqlite | Postgres = Sqlite(folder / "var" / "warmline.db")

    @property
    def urls(self) -> tuple[str, ...]:
        """The doors."""
        return tuple(one.url for one in self.warmlines if not one.name.startswith("worker"))

    async def open(self, far_ends: FarEnds) -> None:
        for name in ("pigeons", "twilio", "engine"):
            await self._wire(name, far_ends.port)
        if self._crew:
            await self._cellars()
        names = ("web1", "web2", "worker1", "worker2", "worker3") if self._crew else ("all",)
        config = self._folder / "warmline.yaml"
        shelf = guest.install(self._folder / "guests", self._planted)
        for name in names:
            environ = {
                "PYTHONPATH": f"{shelf}:{ROOT}:{ROOT / 'tests' / 'guard'}",
                "PYTHONUNBUFFERED": "1",
                guest.FAR_END: f"http://127.0.0.1:{self.wires['pigeons'].port}",
            }
            if self._crew:
                environ["WARMLINE_ROLE"] = "web" if name.startswith("web") else "worker"
                environ["WARMLINE_PROCESS__NAME"] = name
            one = Warmline(name, config, self._folder, environ)
            self.warmlines.append(one)
            self.programs[name] = one
        self._write(config)
        for one in self.warmlines:
            one.keep()
        for one in self.warmlines:
            await one.ready()

    async def waiting(self) -> int:
        """How much is to be handled or sent."""
        return int((await self.cellar.ask(WAITING))[0][0])

    async def well(self) -> None:
        """Wait until every process is ready."""
        for one in self.warmlines:
            await one.ready()

    async def close(self) -> None:
        for program in reversed(self.programs.values()):
            await program.close()
        for wire in self.wires.values():
            await wire.close()

    async def _wire(self, name: str, target: int | str) -> Wire:
        wire = self.wires[name] = Wire(name, target, self._rng)
        await wire.open()
        return wire

    async def _cellars(self) -> None:
        postgres, redis = Postgres(self._folder), Redis(self._folder)
        self.cellar = postgres
        self.programs |= {"postgres": postgres, "redis": redis}
        for program in (postgres, redis):
            program.keep()
        await postgres.ready()
        await self._wire("to postgres", postgres.socket)
        await self._wire("to redis", redis.port)

    def _write(self, config: Path) -> None:
        (self._folder / "policy.yaml").write_text(POLICY, "utf-8")
        config.write_text(yaml.safe_dump(self._settings()), "utf-8")

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "data_dir": str(self._folder / "var"),
            "policy": "policy.yaml",
            "public_url": self.urls[0],
            "logs": "json",
            "worker": {"attempts": 50, "drain": 3.0},
            "delivery": {
                "attempts": 1000, "backoff_first": 0.1, "backoff_most": 1.0, "timeout": TIMEOUT
            },
            "brand_voice": {},
            "channels": {
                "rest": {},
                "webchat": {
                    "messages_per_minute": 6000,
                    "sessions_per_minute": 6000,
                    "origins": list(self.urls),
                    "heartbeat": 5,
                },
                "sms": {
                    "account_sid": twilio.SID,
                    "auth_token": twilio.TOKEN,
                    "from": twilio.NUMBER,
                    "api_base": f"http://127.0.0.1:{self.wires['twilio'].port}",
                    "timeout": TIMEOUT - 1,
                },
            },
            "plugins": {
                "nlu_rasa": {"url": f"http://127.0.0.1:{self.wires['engine'].port}", "timeout": 1.0}
            },
        }  # fmt: skip
        if self._crew:
            settings["worker"]["sweep"] = SWEEP
            settings["process"] = {"lease": LEASE}
            settings["redis"] = {"timeout": 0.5, "lock": LEASE, "sweep": SWEEP}
            settings["redis_url"] = f"redis://127.0.0.1:{self.wires['to redis'].port}/0"
            port = self.wires["to postgres"].port
            settings["database_url"] = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        return settings
