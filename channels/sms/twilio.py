"""Twilio as SMS and WhatsApp share it: the account, sending, and the webhooks' signature."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, TypeVar

import aiohttp
from aiohttp import web
from multidict import MultiDict
from pydantic import SecretStr
from twilio.base import values
from twilio.base.exceptions import TwilioException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.message import MessageInstance

from channels.sms import SmsSettings
from channels.sms.errors import delivery_error, describe
from channels.sms.media import MediaLinks, basic_auth, split_media, takes_mms
from channels.sms.parse import RCS_PREFIX
from gateway import (
    Attachment,
    FileLimits,
    Outbound,
    Traits,
    TryLater,
    Undeliverable,
    Unsure,
    WarmlineError,
    retry_after,
)

T = TypeVar("T")
WINDOW = timedelta(hours=24)
"""How long after a customer's message we may write freely ("Key Concepts and Terms for the
WhatsApp Business Platform with Twilio", customer service windows)."""
WINDOW_IS_OVER = 63016
TEMPLATE_TEXT = "1"
"""The variable of a template that takes our text."""
MAX_TEMPLATE_TEXT = 1024
"""Characters of a template's body (WhatsApp, "Template components")."""
_SID = re.compile(r'"sid"\s*:\s*"((?:SM|MM)[0-9a-fA-F]{32})"')
MAX_BODY = 1600
"""Characters in one ``Body``, on every channel of Twilio ("Messages resource", errors 21617 and
21658)."""
CLOCK_SKEW = timedelta(minutes=1)
"""How far Twilio's clock and ours may differ."""
MAX_LISTED = 50
"""Messages to one customer among which a lost one is looked for, newest first."""
SIGNATURE_HEADER = "X-Twilio-Signature"
_SILENT_LOGGER = logging.Logger("twilio", logging.CRITICAL)
"""The SDK would log customers' numbers."""


class TwilioHttpClient(AsyncTwilioHttpClient):  # type: ignore[misc]  # the SDK ships no types
    """The SDK's HTTP client. It reads Retry-After, which the SDK's errors do not carry, and sends
    the credentials in a header: the SDK's own way is deprecated in aiohttp."""

    async def request(self, *args: Any, **kwargs: Any) -> Response:
        user, password = kwargs.pop("auth")
        kwargs["headers"] = {**kwargs["headers"], **basic_auth(user, password)}
        response = await super().request(*args, **kwargs)
        if response.status_code == 429 or response.status_code >= 500:
            after = retry_after((response.headers or {}).get("Retry-After"))
            raise TryLater(f"Twilio answered {response.status_code}", after=after)
        if is_created(args, kwargs) and 200 <= response.status_code < 300:
            response.content = read_created(response.text)
        return response


def is_created(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Whether a call of the SDK's HTTP client creates a message."""
    method, url = (*args, kwargs.get("method"), kwargs.get("url"))[:2]
    return str(method).upper() == "POST" and str(url).endswith("/Messages.json")


def read_created(text: str) -> str:
    """Of Twilio's answer to a created message, what we need, so that the SDK can parse it whatever
    else is in it. Without a ``sid`` in it the answer stays as it is."""
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        found = _SID.search(text)
        return json.dumps({"sid": found[1]}) if found else text
    if not isinstance(answer, dict) or storable_sid(answer.get("sid")) is None:
        return json.dumps({})
    return json.dumps({name: answer.get(name) for name in ("sid", "status", "num_segments")})


def storable_sid(sid: object) -> str | None:
    """A message's SID; None when Twilio gave none."""
    if isinstance(sid, int) and not isinstance(sid, bool):
        return str(sid)
    return sid if isinstance(sid, str) and sid.strip() else None


class TwilioAccount:
    """Calls Twilio. Connections stay open while `run` runs; without it, while calls overlap."""

    def __init__(self, settings: SmsSettings) -> None:
        self._settings = settings
        self._http: TwilioHttpClient | None = None
        self._users = 0
        self._rejected = False

    async def run(self) -> None:
        """Keep connections open until cancelled. Calls under way then end normally."""
        async with self._open():
            await asyncio.get_running_loop().create_future()

    async def call(self, request: Callable[[Client], Awaitable[T]]) -> T:
        """The result of ``request``. Raises TryLater, Undeliverable, or, when the connection
        broke after Twilio may have received the request, Unsure."""
        try:
            async with asyncio.timeout(self._settings.timeout), self._open() as client:
                result = await request(client)
        except TwilioException as error:
            status, code = getattr(error, "status", None), getattr(error, "code", None)
            if status is None:
                raise Unsure("Twilio's answer could not be read") from None
            if not code or code == status:  # how the SDK reports an error without a code
                code = None
            self._rejected = status == 401 or code == 20003
            # Not `from error`: its text contains the customer's number.
            raise delivery_error(status, code) from None
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise TryLater(f"Twilio cannot be reached ({type(error).__name__})") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Unsure(f"the call to Twilio was cut off ({type(error).__name__})") from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # Not `from error`: the SDK checks no types, and its errors may quote the answer.
            what = f"Twilio's answer could not be read ({type(error).__name__})"
            raise Unsure(what) from None
        self._rejected = False
        return result

    def problem(self) -> str | None:
        """Why Twilio rejected our credentials in the last call; None when it did not."""
        return describe(20003) if self._rejected else None

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Client]:
        if self._http is None:
            self._http = TwilioHttpClient(logger=_SILENT_LOGGER)
        self._users += 1
        try:
            yield self._client(self._http)
        finally:
            self._users -= 1
            if not self._users and self._http is not None:
                http, self._http = self._http, None
                await http.close()

    def _client(self, http: TwilioHttpClient) -> Client:
        token = self._settings.auth_token.get_secret_value()
        # Not from the environment: TWILIO_EDGE and TWILIO_REGION would change the address.
        client = Client(self._settings.account_sid, token, http_client=http, environment={"": ""})
        client.api.base_url = self._settings.base
        return client


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioSender:
    """Sends the messages of one channel, and finds those whose sending was cut off.

    ``prefix`` goes before the customer's number; ``number`` is ours, with the prefix;
    ``service`` is a Messaging Service's SID. ``status_url`` is None when Twilio cannot reach us.
    ``rcs`` is our RCS sender. ``templates`` are SIDs of content templates, by language.
    """

    account: TwilioAccount
    links: MediaLinks
    status_url: str | None
    files: FileLimits
    number: str | None
    service: str | None
    prefix: str = ""
    rcs: str | None = None
    templates: Mapping[str, str] = field(default_factory=dict)

    async def send(
        self, message: Outbound, *, window_is_over: bool = False
    ) -> tuple[MessageInstance, bool]:
        """Send ``message``; the second value tells whether it went in a template, as it does when
        the customer's service window is over, as we know or as Twilio says. A second attempt first
        asks whether the first one arrived."""
        media, shared = self._split(message)
        if message.attempt > 1 and (sent := await self.find(message)):
            return sent, False
        if window_is_over and self._fits_template(message):
            return await self.send_template(message), True
        text = self._with_links(message, shared) or values.unset
        files = [self.links.url(file, message.at) for file in media] or values.unset
        try:
            return await self._create(message, body=text, media_url=files), False
        except Undeliverable as refused:
            if not is_window_over(refused) or not self._fits_template(message):
                raise
        return await self.send_template(message), True

    async def send_template(self, message: Outbound) -> MessageInstance:
        """Send ``message`` in the template of its language. Its line breaks become spaces: a
        variable may have none (WhatsApp, "Template components"). Raises Undeliverable when it does
        not fit."""
        if not self._fits_template(message):
            raise Undeliverable(describe(WINDOW_IS_OVER))
        text = json.dumps({TEMPLATE_TEXT: template_text(message.text)}, ensure_ascii=False)
        return await self._create(
            message,
            content_sid=self._template(message.language),
            content_variables=text,
            callback="&template=1",
        )

    def _fits_template(self, message: Outbound) -> bool:
        text = template_text(message.text)
        return bool(
            self.templates
            and text
            and not message.attachments
            and len(text.encode("utf-16-le")) // 2 <= MAX_TEMPLATE_TEXT
        )

    def _template(self, language: str) -> str:
        known = self.templates
        return known.get(language) or known.get("en") or next(iter(known.values()))

    async def _create(
        self, message: Outbound, *, callback: str = "", **content: Any
    ) -> MessageInstance:
        """Raises Unsure when Twilio's answer names no message: it may have been taken."""
        url = self._callback(message.message, callback)
        to, number, service = self._route(message)
        record = await self.account.call(
            lambda client: client.messages.create_async(
                to=to,
                from_=number or values.unset,
                messaging_service_sid=service or values.unset,
                status_callback=url or values.unset,
                **content,
            )
        )
        if (sid := storable_sid(record.sid)) is None:
            raise Unsure("Twilio's answer names no message")
        record.sid = sid
        return record

    def _route(self, message: Outbound) -> tuple[str, str | None, str | None]:
        """The receiver, and our number or service. A customer of RCS is answered there, or by SMS
        where we have no RCS sender: sender and receiver must be on one channel (error 21910)."""
        to = self.prefix + message.address.value
        if self.prefix or ":" not in to:
            return to, self.number, self.service
        on_rcs = to.startswith(RCS_PREFIX)
        if on_rcs and self.rcs:
            return to, self.rcs, None
        if self.service:
            return to, None, self.service
        if on_rcs:
            return to.removeprefix(RCS_PREFIX), self.number, None
        raise Undeliverable(f"we have no sender on {to.partition(':')[0]}; answer another way")

    async def find(self, message: Outbound) -> MessageInstance | None:
        """Ask Twilio for a message to the same customer with the same text that is not older than
        ``message`` and not another one of the conversation that we know was sent."""
        to, number, service = self._route(message)
        listed = await self.account.call(
            lambda client: client.messages.list_async(
                to=to,
                from_=number if number and not service else values.unset,
                limit=MAX_LISTED,
            )
        )
        matching = (
            record
            for record in reversed(listed)
            if self._may_be(record, message)
            and storable_sid(record.sid)
            not in (
                None,
                *message.thread,
            )
        )
        return next(matching, None)

    def _may_be(self, record: MessageInstance, message: Outbound) -> bool:
        """Whether Twilio's record may be ``message``, by itself or in a template."""
        outbound = str(record.direction or "").startswith("outbound")
        created = record.date_created
        recent = not isinstance(created, datetime) or created >= message.at - CLOCK_SKEW
        body, text = str(record.body or ""), template_text(message.text)
        sent = self._with_links(message, self._split(message)[1])
        same = body == sent or bool(self.templates and text and text in body)
        return outbound and recent and same

    def _callback(self, message: int, more: str) -> str | None:
        if self.status_url is None:
            return None
        sign = "&" if "?" in self.status_url else "?"
        return f"{self.status_url}{sign}message={message}{more}"

    def _split(self, message: Outbound) -> tuple[list[Attachment], list[Attachment]]:
        """The files that Twilio fetches, and those that the customer gets as links."""
        files = message.attachments
        if not files:
            return [], []
        if self.status_url is None:
            raise Undeliverable("Twilio cannot fetch files from us without WARMLINE_PUBLIC_URL")
        if refusal := self.files.refusal(files):
            raise Undeliverable(refusal)
        to, number, _ = self._route(message)
        if ":" in to:  # WhatsApp and RCS
            return list(files), []
        return split_media(files, mms=takes_mms(number, to))

    def _with_links(self, message: Outbound, shared: Sequence[Attachment]) -> str:
        links = [self.links.shared_url(file, message.at) for file in shared]
        return "\n".join(filter(None, (message.text, *links)))


def is_window_over(error: WarmlineError) -> bool:
    """Whether Twilio refused a message because the customer's service window is over."""
    return str(error) == describe(WINDOW_IS_OVER)


def template_text(text: str) -> str:
    """``text`` as the variable of a template."""
    return " ".join(text.split())


class TwilioSignature:
    """Verifies that a request comes from Twilio: its signature over our address and the form.

    The address is ``public_url``. Behind a trusted proxy, the address in X-Forwarded-Proto and
    X-Forwarded-Host is tried as well; from anybody else these headers are ignored.
    """

    def __init__(
        self,
        token: SecretStr,
        *,
        public_url: str,
        proxies: Sequence[IPv4Network | IPv6Network],
    ) -> None:
        self._validator = RequestValidator(token.get_secret_value())
        self._public_url = public_url.rstrip("/")
        self._proxies = proxies

    def read(self, request: web.Request) -> str:
        """The signature in the request's header. Raises HTTPForbidden when it is missing."""
        signature = request.headers.get(SIGNATURE_HEADER, "")
        if not signature:
            raise web.HTTPForbidden(text=f"{SIGNATURE_HEADER} is missing")
        return signature

    def verify(self, request: web.Request, form: MultiDict[str], signature: str) -> None:
        """Raises HTTPForbidden when ``signature`` is not Twilio's."""
        for base in self._base_urls(request):
            if self._validator.validate(base + request.raw_path, form, signature):
                return
        raise web.HTTPForbidden(text=f"{SIGNATURE_HEADER} does not match this address and form")

    def _base_urls(self, request: web.Request) -> list[str]:
        bases = [self._public_url]
        if self._is_trusted(request.remote):
            proto = _nearest(request.headers.getall("X-Forwarded-Proto", []))
            host = _nearest(request.headers.getall("X-Forwarded-Host", []))
            if proto in ("http", "https") and _is_host(host):
                bases.append(f"{proto}://{host}")
        return bases

    def _is_trusted(self, peer: str | None) -> bool:
        try:
            address = ip_address((peer or "").partition("%")[0])
        except ValueError:
            return False
        return any(address in network for network in self._proxies)


def _nearest(header: Sequence[str]) -> str:
    """What the nearest proxy wrote. Anybody may have written what stands before it."""
    return header[-1].rpartition(",")[2].strip() if header else ""


def _is_host(host: str) -> bool:
    name, _, port = host.partition(":")
    plain = name.replace("-", "").replace(".", "")
    return plain.isascii() and plain.isalnum() and (not port or port.isdecimal())


def traits_of(settings: SmsSettings, files: FileLimits, public_url: str | None) -> Traits:
    """What a channel over Twilio can do with ``files``; without ``public_url`` it sends none."""
    # A cut-off send is repeated only after Twilio was asked for the message (`TwilioSender.send`):
    # the customer never gets it twice.
    return Traits(
        attachments=public_url is not None,
        files=files,
        no_files="" if public_url else "Twilio cannot fetch files: set WARMLINE_PUBLIC_URL.",
        unsure="resend",
        rate=settings.rate,
        max_length=MAX_BODY,
        confirms_opt_out=True,
    )
