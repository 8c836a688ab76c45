"""What is done beside turns and deliveries: guests' polls and watches, and our own rounds."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterator
from datetime import timedelta
from functools import partial

import structlog

from gateway.app.ground import Ground
from gateway.ports import House, Poller, Watch
from gateway.services.audited import AuditRetention
from gateway.services.pressure import Pressure
from gateway.services.retention import Retention
from gateway.services.webhooks import Webhooks

log = structlog.get_logger()
STEADY = timedelta(minutes=5)
"""Who ran for so long and fails then is started again at once."""


class Beside:
    """Coroutines to be run for as long as the gateway does."""

    def __init__(
        self,
        ground: Ground,
        house: House,
        *,
        pressure: Pressure,
        retention: Retention,
        webhooks: Webhooks,
    ) -> None:
        self._ground, self._house = ground, house
        self._pressure, self._retention, self._webhooks = pressure, retention, webhooks

    def all(self) -> Iterator[Coroutine[None, None, None]]:
        yield from self._guests()
        yield from self._ours()

    def _guests(self) -> Iterator[Coroutine[None, None, None]]:
        ground = self._ground
        for site in ground.sites:
            name = name_of(site)
            if isinstance(site, Poller) and not ground.rests(site):
                yield self._keep(name, site.run)
            if isinstance(site, Watch):
                if ground.works:
                    watch = partial(self._keep, name, site.watch)
                    yield ground.crew.hold(name, watch, site.stand_by)
                else:
                    site.stand_by()

    def _ours(self) -> Iterator[Coroutine[None, None, None]]:
        ground, core = self._ground, self._ground.settings.core
        if ground.has_doors:
            yield self._pressure.rounds()
        if ground.works:
            yield AuditRetention(ground.audit, ground.clock, days=core.audit_days).run()
            yield self._retention.rounds()
        if ground.works and core.webhooks.endpoints:
            yield self._webhooks.rounds()

    async def _keep(self, name: str, run: Callable[[House], Awaitable[None]]) -> None:
        """Run a poller for ever: one that fails is started again, later each time."""
        clock, wait = self._ground.clock, 1.0
        while True:
            begun = clock.now()
            try:
                return await run(self._house)
            except Exception:
                log.exception("poller.failed", poller=name)
                self._ground.metrics.failures.labels(name).inc()
            if clock.now() - begun > STEADY:
                wait = 1.0
            await clock.sleep(wait)
            wait = min(60.0, wait * 2)


def name_of(site: object) -> str:
    return str(getattr(site, "name", type(site).__name__))
