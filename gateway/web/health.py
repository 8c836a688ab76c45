"""``/healthz``: alive. ``/readyz``: able to take messages. ``/metrics``: figures."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

import msgspec
import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from gateway.hookspecs import Readiness
from gateway.runtime.metrics import Metrics

log = structlog.get_logger()
PATIENCE = 2.0
"""Seconds that one check may take."""


Refresh = Callable[[], Awaitable[object]]


def routes(
    checks: Mapping[str, Readiness],
    metrics: Metrics,
    warnings: Mapping[str, Readiness],
    refresh: Refresh,
) -> Iterable[web.RouteDef]:
    """``checks`` decide; ``warnings`` are told. ``refresh`` brings the gauges up to date; when it
    fails the other figures are told."""

    async def heartbeat(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(_: web.Request) -> web.Response:
        found = await troubles(checks)
        state = {
            "ready": not found,
            "checks": {name: found.get(name, "ok") for name in checks},
            "warnings": await troubles(warnings),
        }
        return web.Response(
            body=msgspec.json.encode(state),
            status=503 if found else 200,
            content_type="application/json",
        )

    async def figures(_: web.Request) -> web.Response:
        try:
            async with asyncio.timeout(PATIENCE):
                await refresh()
        except Exception:
            log.exception("figures.stale")
        return web.Response(
            body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    return (web.get("/healthz", heartbeat), web.get("/readyz", ready), web.get("/metrics", figures))


async def troubles(checks: Mapping[str, Readiness]) -> dict[str, str]:
    """What is wrong, by the name of the check; empty when all is well."""
    names = list(checks)
    told = await asyncio.gather(*(_trouble(checks[name]) for name in names))
    return {name: what for name, what in zip(names, told, strict=True) if what}


async def _trouble(check: Readiness) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check()
    except TimeoutError:
        return f"did not answer within {PATIENCE:g} s"
    except Exception as error:  # noqa: BLE001  (a check that fails is a trouble, told by its kind)
        return f"the check raised {type(error).__name__}"
