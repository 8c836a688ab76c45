"""The processes under test, the proxies between them, and their configuration."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import yaml

from tests.crash.harness import WAITING
from tests.faults import plugin
from tests.faults.databases import PostgresProgram, RedisProgram, SqliteFile
from tests.faults.programs import Program, WarmlineProgram
from tests.faults.providers import ProviderServer
from tests.faults.proxy import FaultyProxy
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
"""Seconds: after which a silent process counts as dead; between two sweeps; for one call of a
provider."""


class Deployment:
    """``cluster``: two web processes and three workers on PostgreSQL and Redis; else one process on
    SQLite. ``planted``: a plugin with a bug that replaces `tests.faults.plugin`."""

    def __init__(
        self, folder: Path, rng: random.Random, *, cluster: bool, planted: str | None = None
    ) -> None:
        self._folder, self._rng, self._cluster = folder, rng, cluster
        self._planted = planted or "tests.faults.plugin"
        self.proxies: dict[str, FaultyProxy] = {}
        self.programs: dict[str, Program] = {}
        self.gateways: list[WarmlineProgram] = []
        self.database: SqliteFile | PostgresProgram = SqliteFile(folder / "var" / "warmline.db")

    @property
    def urls(self) -> tuple[str, ...]:
        """The URLs of the processes that serve customers."""
        return tuple(g.url for g in self.gateways if not g.name.startswith("worker"))

    async def start(self, providers: ProviderServer) -> None:
        for name in ("provider", "twilio", "engine"):
            await self._add_proxy(name, providers.port)
        if self._cluster:
            await self._start_databases()
        names = ("web1", "web2", "worker1", "worker2", "worker3") if self._cluster else ("all",)
        config = self._folder / "warmline.yaml"
        packages = plugin.install(self._folder / "plugins", self._planted)
        for name in names:
            environ = {
                "PYTHONPATH": f"{packages}:{ROOT}:{ROOT / 'tests' / 'guard'}",
                "PYTHONUNBUFFERED": "1",
                plugin.PROVIDER_URL: f"http://127.0.0.1:{self.proxies['provider'].port}",
            }
            if self._cluster:
                environ["WARMLINE_ROLE"] = "web" if name.startswith("web") else "worker"
                environ["WARMLINE_PROCESS__NAME"] = name
            gateway = WarmlineProgram(name, config, self._folder, environ)
            self.gateways.append(gateway)
            self.programs[name] = gateway
        self._write(config)
        for gateway in self.gateways:
            gateway.supervise()
        await self.ready()

    async def waiting(self) -> int:
        """The number of rows that wait to be handled or sent."""
        return int((await self.database.query(WAITING))[0][0])

    async def ready(self) -> None:
        """Wait until every gateway is ready."""
        for gateway in self.gateways:
            await gateway.ready()

    async def close(self) -> None:
        for program in reversed(self.programs.values()):
            await program.close()
        for proxy in self.proxies.values():
            await proxy.close()

    async def _add_proxy(self, name: str, target: int | str) -> None:
        proxy = self.proxies[name] = FaultyProxy(name, target, self._rng)
        await proxy.open()

    async def _start_databases(self) -> None:
        postgres, redis = PostgresProgram(self._folder), RedisProgram(self._folder)
        self.database = postgres
        self.programs |= {"postgres": postgres, "redis": redis}
        for program in (postgres, redis):
            program.supervise()
        await postgres.ready()
        await self._add_proxy("to postgres", postgres.socket)
        await self._add_proxy("to redis", redis.port)

    def _write(self, config: Path) -> None:
        (self._folder / "policy.yaml").write_text(POLICY, "utf-8")
        config.write_text(yaml.safe_dump(self._settings()), "utf-8")

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {
            "data_dir": str(self._folder / "var"),
            "policy": "policy.yaml",
            "public_url": self.urls[0],
            "logs": "json",
            "worker": {"attempts": 50, "drain": 3.0, "step_timeout": 1.0},
            "delivery": {
                "attempts": 1000, "backoff_first": 0.1, "backoff_most": 1.0, "timeout": TIMEOUT
            },
            "brand_voice": {},
            "channels": {
                "rest": {"open": True, "requests_per_address": None},
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
                    "api_base": f"http://127.0.0.1:{self.proxies['twilio'].port}",
                    "timeout": TIMEOUT - 1,
                },
            },
            "plugins": {
                "nlu_rasa": {
                    "url": f"http://127.0.0.1:{self.proxies['engine'].port}",
                    "timeout": 1.0,
                }
            },
        }  # fmt: skip
        if self._cluster:
            settings["worker"]["sweep"] = SWEEP
            settings["process"] = {"lease": LEASE}
            settings["redis"] = {"timeout": 0.5, "lock": LEASE, "sweep": SWEEP}
            settings["redis_url"] = f"redis://127.0.0.1:{self.proxies['to redis'].port}/0"
            port = self.proxies["to postgres"].port
            settings["database_url"] = f"postgresql://postgres@127.0.0.1:{port}/postgres"
        return settings
