"""What a channel is, and what else it may offer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import msgspec

from gateway.model import Json, Outbound, Sent

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.ports.services import Services


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway must know of a channel to serve it.

    ``mailbox``: customers fetch their messages from us (web chat, REST), so a committed message
    is a sent one; such a channel has no ``send``. ``unsure``: what to do with a message whose
    sending was cut off and that the provider cannot be asked about. ``rate``: messages a second
    that the provider allows us, None for no limit; ``at_once``: sends side by side.
    ``max_length``: the most that the provider takes in one message, in UTF-16 code units (never
    fewer than characters), None for no limit. The brand-voice guide may only lower it.
    """

    mailbox: bool = False
    unsure: Literal["resend", "ask"] = "ask"
    rate: float | None = None
    at_once: int = 16
    buttons: bool = False
    attachments: bool = False
    max_length: int | None = None


@runtime_checkable
class Channel(Protocol):
    """A way by which customers reach us. What else it can do, it says by having the members of
    `Sender`, `HttpRoutes`, `Poller`, `ReadinessProbe` or `Reconciler`."""

    @property
    def name(self) -> str: ...
    @property
    def traits(self) -> Traits: ...


@runtime_checkable
class Sender(Protocol):
    """Sends to a provider. Raises `TryLater` or `Undeliverable`; any other exception, a time-out
    included, is treated as `TryLater` when nothing can have left, else as unsure."""

    async def send(self, message: Outbound) -> Sent: ...


@runtime_checkable
class Reconciler(Protocol):
    """Can ask the provider whether a message whose sending was cut off had arrived."""

    async def find(self, message: Outbound) -> Sent | None: ...


@runtime_checkable
class HttpRoutes(Protocol):
    """Has HTTP routes. Handlers verify first, then parse, then `InboxIntake.accept`."""

    def routes(self, services: Services) -> Iterable[web.RouteDef]: ...


@runtime_checkable
class OpenApiProvider(Protocol):
    """Describes its routes for programs and their authors: ``GET /openapi.json`` joins what all
    guests tell.

    ``describe`` gives a part of an OpenAPI 3.1 document: ``paths`` (by the path templates of its
    routes) and, where it needs any, ``components`` and ``tags``. An operation that is not routed
    is left out. Component names begin with the guest's own; the house's responses can be
    referred to (`gateway/web/openapi.yaml`). Called once at start-up.
    """

    def describe(self) -> Mapping[str, Json]: ...


@runtime_checkable
class WebhookSubscriber(Protocol):
    """Takes part in a door that another guest keeps. Some providers call one address for all that
    an app does, though several guests serve that app, and guests do not know one another.

    ``endpoint`` is its name; the guide of the guest that keeps it tells what comes in by
    it. The keeper verifies and parses each payload, offers it to the door's tenants one after
    another, in the order of their registration, and keeps what none of them takes.
    """

    @property
    def endpoint(self) -> str: ...

    async def take(self, payload: Mapping[str, Json], services: Services) -> Json:
        """Take ``payload``, or give None to leave it to the next one.

        What is returned is the answer to the provider: a mapping or a list as JSON, a text as it
        is, an empty text for a bare OK. It has to be durable by then, and quick: the provider
        waits. What is raised becomes an error for the provider, which may then deliver again.
        """
        ...
