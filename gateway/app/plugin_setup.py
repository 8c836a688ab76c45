"""Gives plugins the gateway's services, and gets them ready before the first message."""

from __future__ import annotations

from collections.abc import Iterator
from time import monotonic

import structlog

from gateway.app.infrastructure import Infrastructure, plugin_name
from gateway.plugins import BadPlugin, InstalledPlugin, place_of
from gateway.ports import NeedsServices, NeedsSetup, NeedsTeardown, Services, WarmlineError
from gateway.runtime.tasks import call_plugin, with_timeout

SETUP_TIMEOUT = 60.0
"""Seconds that one plugin's ``setup`` may take: the server answers nobody meanwhile."""

TOO_SLOW = f"setup took longer than {SETUP_TIMEOUT:g} s; do what is slow in `run` (Poller)"

log = structlog.get_logger()


class PluginSetup:
    """Calls the members of `NeedsServices`, `NeedsSetup` and `NeedsTeardown` of everything that
    the plugins registered."""

    def __init__(self, infrastructure: Infrastructure) -> None:
        self._infrastructure = infrastructure
        self._ready: list[object] = []
        """What is set up, or has nothing to set up, in order."""

    def hand_out(self, services: Services) -> None:
        """Give ``services`` to who needs them. Raises BadPlugin."""
        for plugin in self._objects():
            if isinstance(plugin, NeedsServices):
                try:
                    call_plugin(plugin.use_services, services)
                except Exception as error:
                    raise self.failed(plugin, "use_services", error) from error

    async def setup(self, services: Services) -> None:
        """Set everything up, one after another. Raises BadPlugin; what was set up before is torn
        down again then."""
        for plugin in self._objects():
            if isinstance(plugin, NeedsSetup):
                started = monotonic()
                try:
                    await with_timeout(SETUP_TIMEOUT, plugin.setup(services))
                except Exception as error:
                    await self.teardown()
                    if isinstance(error, TimeoutError) and monotonic() - started >= SETUP_TIMEOUT:
                        error = WarmlineError(TOO_SLOW)
                    raise self.failed(plugin, "setup", error) from error
            self._ready.append(plugin)

    async def teardown(self) -> None:
        """Release what plugins hold, in the reverse order. A failure is logged."""
        drain = self._infrastructure.settings.core.worker.drain
        while self._ready:
            plugin = self._ready.pop()
            if isinstance(plugin, NeedsTeardown):
                try:
                    await with_timeout(drain, plugin.teardown())
                except Exception:
                    name = plugin_name(plugin)
                    log.exception("plugin.teardown_failed", plugin=self._owner(plugin))
                    self._infrastructure.metrics.plugin_failed(name)

    def _objects(self) -> Iterator[object]:
        """Each object once, in the order of registration, in the order of the stages of a turn."""
        found = self._infrastructure.registrations
        everything = (
            *found.sources,
            *found.understanders,
            *found.handlers,
            *found.voices,
            *found.channels.values(),
            *found.components,
            *found.desk_pages,
        )
        for plugin in {id(each): each for each in everything}.values():
            if self._infrastructure.is_active(plugin):
                yield plugin

    def _owner(self, plugin: object) -> str:
        name, owner = plugin_name(plugin), self._infrastructure.registrations.owners.get(id(plugin))
        return f"{owner} ({name})" if owner and owner != name else name

    def failed(self, plugin: object, member: str, error: Exception) -> BadPlugin:
        """What stops the start where ``member`` of ``plugin`` raised ``error``."""
        if isinstance(error, WarmlineError):  # which says what to do
            return BadPlugin(f"{self._owner(plugin)}: {error}")
        place = place_of(error, self._package(plugin))
        return self.wrong(plugin, f"{member} raised {error!r}{place}")

    def wrong(self, plugin: object, what: str) -> BadPlugin:
        """What stops the start where ``plugin`` has a mistake, with its package."""
        return BadPlugin(f"{self._owner(plugin)}: {what}", self._package(plugin))

    def _package(self, plugin: object) -> InstalledPlugin | None:
        found = self._infrastructure.registrations
        return found.plugins.get(found.owners.get(id(plugin), ""))
