"""The web application around a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from aiohttp import web

from gateway.app.gateway import Gateway, plugin_name
from gateway.plugins import BadPlugin
from gateway.ports import HttpRoutes, Services
from gateway.web import errors, health, openapi


def routes(gateway: Gateway) -> Iterable[web.RouteDef]:
    """Every route of the house and its guests, and the description of them all."""
    infrastructure = gateway.infrastructure
    serves_http: list[web.RouteDef] = []
    for component in infrastructure.components:
        if not isinstance(component, HttpRoutes):
            continue
        made = _made(component, gateway.services)  # in any case: some learn the house so
        serves_http += made if infrastructure.serves_http else ()
    told = gateway.checks(), gateway.metrics, gateway.warnings(), gateway.backlog.read
    serves_http += health.routes(*told)
    plugins = infrastructure.components if infrastructure.serves_http else ()
    return [*serves_http, *openapi.routes(openapi.described(plugins), serves_http)]


def _made(component: HttpRoutes, services: Services) -> list[web.RouteDef]:
    """Raises BadGuest when there is something else among them (``web.static``)."""
    made = list(component.routes(services))
    for one in made:
        if not isinstance(one, web.RouteDef):
            what = f"must give what web.get, web.post or web.route make, not {type(one).__name__}"
            raise BadPlugin(f"{plugin_name(component)}: routes() {what}")
    return made


def build_app(gateway: Gateway) -> web.Application:
    """The web application around ``gateway``: started and stopped with it."""
    https = gateway.settings.core.public_url.startswith("https://")
    app = web.Application(client_max_size=gateway.settings.core.limits.body)
    app.add_routes(list(errors.shape(routes(gateway), gateway.metrics, https=https)))

    async def live(_: web.Application) -> AsyncIterator[None]:
        await gateway.start()
        yield
        await gateway.stop()

    async def quiesce(_: web.Application) -> None:
        await gateway.quiesce()

    app.cleanup_ctx.append(live)
    app.on_shutdown.append(quiesce)
    return app
