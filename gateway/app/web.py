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
    ground = gateway.ground
    serves_http: list[web.RouteDef] = []
    for site in ground.sites:
        if not isinstance(site, HttpRoutes):
            continue
        made = _made(site, gateway.services)  # in any case: some learn the house so
        serves_http += made if ground.has_doors else ()
    told = gateway.checks(), gateway.metrics, gateway.warnings(), gateway.backlog.look
    serves_http += health.routes(*told)
    guests = ground.sites if ground.has_doors else ()
    return [*serves_http, *openapi.routes(openapi.described(guests), serves_http)]


def _made(site: HttpRoutes, services: Services) -> list[web.RouteDef]:
    """Raises BadGuest when there is something else among them (``web.static``)."""
    made = list(site.routes(services))
    for one in made:
        if not isinstance(one, web.RouteDef):
            what = f"must give what web.get, web.post or web.route make, not {type(one).__name__}"
            raise BadPlugin(f"{plugin_name(site)}: routes() {what}")
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
