"""The web application around a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from aiohttp import web

from gateway.app.gateway import Gateway
from gateway.ports import HttpRoutes
from gateway.settings import BadConfig
from gateway.web import errors, health, openapi


def routes(gateway: Gateway) -> Iterable[web.RouteDef]:
    """All routes of the gateway and its plugins, and the route of their OpenAPI document."""
    infrastructure = gateway.infrastructure
    all_routes: list[web.RouteDef] = []
    for plugin in infrastructure.plugin_objects:
        if isinstance(plugin, HttpRoutes):
            # Called in every process: some plugins get their services from this call.
            plugin_routes = _plugin_routes(plugin, gateway)
            all_routes += plugin_routes if infrastructure.serves_http else ()
    all_routes += health.routes(
        health.ReadinessReport(
            gateway.checks(),
            gateway.warnings(),
            gateway.may_degrade(),
            shadow=infrastructure.shadow.is_on,
        ),
        gateway.metrics,
        gateway.backlog.read,
    )
    plugins = infrastructure.plugin_objects if infrastructure.serves_http else ()
    all_routes += openapi.routes(openapi.plugin_parts(plugins), all_routes)
    all_routes.sort(key=lambda route: errors.is_catch_all(route.path))
    return all_routes


def _plugin_routes(plugin: HttpRoutes, gateway: Gateway) -> list[web.RouteDef]:
    """Raises BadPlugin when the plugin raises or returns another kind of route (``web.static``)."""
    try:
        plugin_routes = list(plugin.routes(gateway.services))
    except BadConfig:  # which says where, and what to do
        raise
    except Exception as error:
        raise gateway.plugin_setup.failed(plugin, "routes", error) from error
    for route in plugin_routes:
        if not isinstance(route, web.RouteDef):
            kinds = "web.get, web.post or web.route"
            what = f"routes() must return {kinds}, not {type(route).__name__}"
            raise gateway.plugin_setup.wrong(plugin, what)
    return plugin_routes


def build_app(gateway: Gateway) -> web.Application:
    """The web application around ``gateway``. It starts and stops the gateway."""
    https = gateway.settings.core.public_url.startswith("https://")
    app = web.Application(client_max_size=gateway.settings.core.limits.body)
    app.add_routes(list(errors.wrap_routes(routes(gateway), gateway.metrics, https=https)))

    async def run(_: web.Application) -> AsyncIterator[None]:
        await gateway.start()
        yield
        await gateway.stop()

    async def stop_background(_: web.Application) -> None:
        await gateway.stop_background()

    app.cleanup_ctx.append(run)
    app.on_shutdown.append(stop_background)
    return app
