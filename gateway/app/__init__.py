"""The composition root: the one package that knows how all parts are joined.

`infrastructure` holds what everything else needs (database, cluster, metrics), `pipeline` the
services that a message passes through, `gateway` both together with the background tasks, and
`web` the web application around them.
"""

from collections.abc import Iterable

from gateway.app.gateway import Gateway
from gateway.app.web import build_app, routes
from gateway.plugins import InstalledPlugin, PluginRegistry
from gateway.ports import Clock
from gateway.settings import Settings

__all__ = ["Gateway", "build_app", "build_gateway", "routes"]


def build_gateway(
    plugins: Iterable[InstalledPlugin], settings: Settings, *, clock: Clock | None = None
) -> Gateway:
    """A gateway with these plugins. Raises BadConfig or BadPlugin."""
    return Gateway(PluginRegistry(plugins), settings, clock=clock)
