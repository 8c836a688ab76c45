"""``/healthz``: the process is alive. ``/readyz``: it can take messages. ``/metrics``: metrics."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.hookspecs import Readiness
from gateway.runtime.metrics import Metrics
from gateway.runtime.tasks import with_timeout

log = structlog.get_logger()
TIMEOUT = 2.0
"""Seconds that one check may take."""
STARTING = 120.0
"""Seconds after the start for which a process waits for its engines."""


class ReadinessReport:
    """What ``/readyz`` says.

    ``checks`` decide whether messages can be taken, except those in ``may_degrade``: a plugin that
    is no channel stops no message. (True there: an engine. Until it is ready for the first time, at
    most `STARTING` seconds, the process waits for it.) ``warnings`` are only shown.
    """

    def __init__(
        self,
        checks: Mapping[str, Readiness],
        warnings: Mapping[str, Readiness],
        may_degrade: Mapping[str, bool],
        *,
        shadow: Callable[[], Awaitable[bool]],
    ) -> None:
        """``shadow``: whether the gateway is in shadow mode, which is told and is no trouble."""
        self._shadow = shadow
        self._checks, self._warnings, self._may_degrade = checks, warnings, may_degrade
        self._began = time.monotonic()
        self._were_ready: set[str] = set()

    async def read(self) -> dict[str, Any]:
        """The body of the answer; ``ready`` decides on its status."""
        results = await failed_checks(self._checks)
        self._were_ready |= self._checks.keys() - results.keys()
        failed = {name: why for name, why in results.items() if self._stops_messages(name)}
        degraded = {name: why for name, why in results.items() if name not in failed}
        degraded |= await failed_checks(self._warnings)
        return {
            "shadow": await self._in_shadow(),
            "ready": not failed,
            "status": "unavailable" if failed else "degraded" if degraded else "ok",
            "checks": {name: results.get(name, "ok") for name in self._checks},
            "warnings": degraded,
        }

    async def _in_shadow(self) -> bool | None:
        """None: it cannot be told, as the database is away."""
        try:
            return await with_timeout(TIMEOUT, self._shadow())
        except Exception:  # noqa: BLE001  (the check of the database says why)
            return None

    def _stops_messages(self, name: str) -> bool:
        if name not in self._may_degrade:
            return True
        is_engine = self._may_degrade[name]
        starting = time.monotonic() - self._began < STARTING
        return is_engine and starting and name not in self._were_ready


def routes(
    readiness: ReadinessReport,
    metrics: Metrics,
    refresh: Callable[[], Awaitable[object]],
) -> Iterable[web.RouteDef]:
    """The three routes. ``refresh`` updates the gauges; when it fails, ``/metrics`` answers all the
    same."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        state = await readiness.read()
        return web.Response(
            body=msgspec.json.encode(state),
            status=200 if state["ready"] else 503,
            content_type="application/json",
        )

    async def show_metrics(_: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(TIMEOUT):
                await refresh()
        except Exception:
            log.exception("figures.stale")
        return web.Response(
            body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    return (
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", show_metrics),
    )


async def failed_checks(checks: Mapping[str, Readiness]) -> dict[str, str]:
    """Why each failed check failed, by its name. Empty when all succeed."""
    results = await asyncio.gather(*(_run(check) for check in checks.values()))
    return {name: failure for name, failure in zip(checks, results, strict=True) if failure}


async def _run(check: Readiness) -> str | None:
    try:
        return await with_timeout(TIMEOUT, check())
    except TimeoutError:
        return f"did not answer within {TIMEOUT:g} s"
    except Exception as error:  # noqa: BLE001  (its text may hold a secret: only its type is shown)
        return f"the check raised {type(error).__name__}"
