"""The one place that knows how things are joined.

`ground` is what everything stands on, `way` what a message passes, `beside` what runs besides,
`gateway` all of it together, and `doors` the web application around it.
"""

from collections.abc import Iterable

from gateway.app.gateway import Gateway
from gateway.app.web import build_app, routes
from gateway.plugins import InstalledPlugin, PluginRegistry
from gateway.ports import Clock
from gateway.settings import Settings

__all__ = ["Gateway", "build_app", "put_together", "routes"]


def build_gateway(
    plugins: Iterable[InstalledPlugin], settings: Settings, *, clock: Clock | None = None
) -> Gateway:
    """A gateway of these guests. Raises BadConfig or BadGuest."""
    return Gateway(PluginRegistry(plugins), settings, clock=clock)
