"""``/healthz``: the process is alive. ``/readyz``: it can take messages. ``/metrics``: metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

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


def routes(
    checks: Mapping[str, Readiness],
    metrics: Metrics,
    warnings: Mapping[str, Readiness],
    refresh: Callable[[], Awaitable[object]],
) -> Iterable[web.RouteDef]:
    """The three routes. ``/readyz`` answers 503 when one of ``checks`` fails; it only shows
    ``warnings``. ``refresh`` updates the gauges; when it fails, ``/metrics`` answers all the
    same."""

    async def healthz(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def readyz(_: web.Request) -> web.Response:
        failed = await failed_checks(checks)
        state = {
            "ready": not failed,
            "checks": {name: failed.get(name, "ok") for name in checks},
            "warnings": await failed_checks(warnings),
        }
        return web.Response(
            body=msgspec.json.encode(state),
            status=503 if failed else 200,
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
