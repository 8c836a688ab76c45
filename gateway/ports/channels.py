"""Channels, and what a channel or a plugin may offer besides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

import msgspec

from gateway.model import Address, FileLimits, Json, Outbound, Sent

if TYPE_CHECKING:
    from aiohttp import web

    from gateway.ports.services import Services


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway must know about a channel.

    ``mailbox``: customers fetch their messages from us (web chat, REST), so a message counts as
    sent once it is committed; such a channel needs no ``send``. ``unsure``: what to do with a
    message whose send was cut off, where the provider cannot be asked: send it again, or ask a
    person. ``repeats``: how many times it is sent again before a person is asked all the same: with
    1 there are at most two attempts, and the customer gets at most one copy too many; None for no
    bound of its own. ``rate``: messages a second that the provider allows, None for no limit.
    ``at_once``: how many sends may run at the same time. ``max_length``: the longest message that
    the provider takes, in UTF-16 code units (never fewer than characters), None for no limit; the
    brand voice's guide may only lower it.
    ``buttons``: it shows quick replies; the guide must say ``buttons: native``, too.
    ``quotes``: a message holds the customer's text that it follows (`Outbound.question`), as a mail
    does. ``suspends``: once an address failed for good, people do not write to it either until the
    customer writes again (a mail server that keeps sending to dead mailboxes is soon blocked).
    ``confirms_opt_out``: the provider itself answers a bare STOP or START, so that we do not.
    ``fleeting``: customers leave and may not come back to read (a chat on a web page), so that an
    answer that comes later needs another address.
    ``attachments``: agents may send files; ``files`` says which. ``no_files`` is why not, for
    agents, where the settings are the reason. ``copies``: a message may go to further addresses
    (`Outbound.copies`). ``subjects``: a conversation has a subject, and each begins a thread.
    """

    mailbox: bool = False
    unsure: Literal["resend", "ask"] = "ask"
    repeats: int | None = None
    rate: float | None = None
    at_once: int = 16
    buttons: bool = False
    attachments: bool = False
    files: FileLimits = FileLimits(most=10)
    no_files: str = ""
    copies: bool = False
    subjects: bool = False
    max_length: int | None = None
    quotes: bool = False
    suspends: bool = False
    confirms_opt_out: bool = False
    fleeting: bool = False


@runtime_checkable
class Channel(Protocol):
    """A way for customers to reach us. It may also have the members of `Sender`, `HttpRoutes`,
    `Poller`, `ExclusiveTask`, `ReadinessProbe`, `Reconciler` and the others in this package."""

    @property
    def name(self) -> str: ...
    @property
    def traits(self) -> Traits: ...


@runtime_checkable
class SupportAddressChannel(Protocol):
    """One of several channels with the same name, each for one of our numbers, mailboxes, bots or
    sites. Every `Address` that it makes has its ``support_address``, and it sends only to those.

    The name is that of the settings: lower-case letters, digits, ``-`` and ``_``. It is empty for
    the channel's first one.
    """

    @property
    def support_address(self) -> str: ...


@runtime_checkable
class Sender(Protocol):
    """Sends messages to a provider."""

    async def send(self, message: Outbound) -> Sent:
        """Send ``message``. Raises `TryLater`, `Undeliverable` or `Unsure`. Any other exception,
        also a timeout, counts as `TryLater` if nothing can have been sent, else as `Unsure`."""
        ...


@runtime_checkable
class FirstContact(Protocol):
    """A channel through which people may write to a customer first. Through others they may only
    where the customer has written before."""

    async def first_contact(self, address: Address, *, known: bool, files: bool = False) -> Address:
        """Return ``address`` as the channel writes it (a number in E.164). ``known``: the customer
        has been at this address before; ``files``: the message carries some. Raises
        `RefusedByChannel` when we may or can not write there first."""
        ...


@runtime_checkable
class Reconciler(Protocol):
    """Can ask the provider what became of a send that was cut off."""

    async def find(self, message: Outbound) -> Sent | None:
        """Return what the provider has of ``message``; None if it does not have it."""
        ...


@runtime_checkable
class HttpRoutes(Protocol):
    """Serves HTTP routes."""

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        """Return the routes; called once at start-up. A webhook's handler first verifies the
        request, then parses it, then calls `Intake.accept`, and only then answers."""
        ...


@runtime_checkable
class OpenApiProvider(Protocol):
    """Describes its routes. ``GET /openapi.json`` joins the descriptions of all plugins."""

    def describe(self) -> Mapping[str, Json]:
        """Return a part of an OpenAPI 3.1 document; called once at start-up.

        It has ``paths`` (with the path templates of the routes) and, if needed, ``components`` and
        ``tags``. Operations without a route are left out. Names of components begin with the
        plugin's name. The gateway's own responses in ``gateway/web/openapi.yaml`` may be
        referenced.
        """
        ...


@runtime_checkable
class AlarmReceiver(Protocol):
    """Brings alarms to people who do not look at the desk at that moment.

    An alarm is a system message of purpose ``alarm`` in a conversation of the desk's queue. It is
    committed before the event ``alarm`` of the topic ``desk`` announces it, and it holds no words
    of the customer. The receiver notices by itself which alarms it has not passed on yet.
    """

    @property
    def receives_alarms(self) -> bool:
        """Whether it is set up to pass alarms on. If nobody is, the customer is not told that a
        person was alerted."""
        ...


class Digest(msgspec.Struct, frozen=True, kw_only=True):
    """A short message of a plugin for the team, such as the week's most important figures.

    ``lines`` are plain text, at most nine, without words of customers; ``url`` is where the rest
    stands, if anywhere. ``brand``: it is about this brand alone; empty: about all. The same ``id``
    is the same digest.
    """

    id: str
    title: str
    lines: tuple[str, ...]
    url: str = ""
    brand: str = ""


@runtime_checkable
class DigestReceiver(Protocol):
    """Brings digests to the team where it reads them, such as a channel of its chat or its mail."""

    def receives_digests(self, brand: str) -> bool:
        """Whether it is set up to pass on digests about ``brand`` (empty: about all)."""
        ...

    async def receive_digest(self, digest: Digest, services: Services) -> None:
        """Store ``digest`` and return after the commit; it is passed on once, as soon as that is
        possible. A second one with the same id is ignored."""
        ...


@runtime_checkable
class WebhookSubscriber(Protocol):
    """Handles some of the payloads of a webhook endpoint that another plugin serves.

    Some providers call one URL for everything an app does, and several plugins may serve that
    app without importing one another. The plugin that serves the endpoint verifies and parses
    each payload, offers it to the subscribers one by one in the order of registration, and handles
    it itself if none of them takes it.

    ``endpoint`` is the name of the endpoint. The documentation of the plugin that serves it says
    which payloads come.
    """

    @property
    def endpoint(self) -> str: ...

    async def take(self, payload: Mapping[str, Json], services: Services) -> Json:
        """Handle ``payload``, or return None to leave it to the next subscriber.

        Any other value is the response to the provider: a mapping or a list as JSON, a text as it
        is, an empty text for an empty 200. What was taken must be durable by then. Be quick: the
        provider waits. An exception becomes an error response, and the provider may deliver the
        payload again.
        """
        ...
