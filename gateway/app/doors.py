"""The web application around a gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from aiohttp import web

from gateway.app.beside import name_of
from gateway.app.gateway import Gateway
from gateway.guests import BadGuest
from gateway.ports import House, Pages
from gateway.web import errors, health, openapi


def routes(gateway: Gateway) -> Iterable[web.RouteDef]:
    """Every route of the house and its guests, and the description of them all."""
    ground = gateway.ground
    doors: list[web.RouteDef] = []
    for site in ground.sites:
        if not isinstance(site, Pages):
            continue
        made = _made(site, gateway.house)  # in any case: some learn the house so
        doors += made if ground.has_doors else ()
    told = gateway.checks(), gateway.metrics, gateway.warnings(), gateway.backlog.look
    doors += health.routes(*told)
    guests = ground.sites if ground.has_doors else ()
    return [*doors, *openapi.routes(openapi.described(guests), doors)]


def _made(site: Pages, house: House) -> list[web.RouteDef]:
    """Raises BadGuest when there is something else among them (``web.static``)."""
    made = list(site.routes(house))
    for one in made:
        if not isinstance(one, web.RouteDef):
            what = f"must give what web.get, web.post or web.route make, not {type(one).__name__}"
            raise BadGuest(f"{name_of(site)}: routes() {what}")
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
