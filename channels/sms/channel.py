"""SMS, with the doors for WhatsApp as well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aiohttp import web
from twilio.rest.api.v2010.account.message import MessageInstance
from twilio.twiml.messaging_response import MessagingResponse

from channels.sms.account import Account
from channels.sms.health import examine
from channels.sms.incoming import (
    Heard,
    Unreadable,
    parse,
    read_form,
    receipt,
    unreadable,
)
from channels.sms.media import Fetcher
from channels.sms.proof import Proof
from channels.sms.settings import SmsSettings
from channels.sms.shelf import MOST, Shelf
from channels.sms.whatsapp import WhatsApp
from channels.sms.words import Words
from gateway import (
    Channel,
    Clock,
    Fact,
    File,
    HealthProblem,
    Inbound,
    Json,
    RenderContext,
    Reply,
    Services,
    Settings,
    packaged_yaml,
)

WEBHOOK = "/channels/sms/webhook"
STATUS = "/channels/sms/status"


class Sms(WhatsApp):
    """Customers reach us by text message. Twilio calls the same two doors for both channels."""

    name = "sms"
    _prefix = ""
    _most_files = MOST

    def __init__(
        self,
        settings: SmsSettings,
        account: Account,
        *,
        callback: str | None,
        shelf: Shelf,
        proof: Proof,
        fetcher: Fetcher,
    ) -> None:
        super().__init__(settings, account, callback=callback, shelf=shelf)
        self._proof, self._fetcher = proof, fetcher
        self._words = Words(more_out=settings.opt_out_words, more_in=settings.opt_in_words)
        self._services: Services | None = None

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        """The webhook for messages, the one for what became of ours, and the door for files."""
        self._services = services
        nothing = str(MessagingResponse())

        async def hear(request: web.Request) -> web.Response:
            raw, form = await self._verified(request)
            await services.intake.accept(await self._message(services, raw, form))
            return web.Response(text=nothing, content_type="text/xml")

        async def learn(request: web.Request) -> web.Response:
            _, form = await self._verified(request)
            message = request.query.get("message")
            if told := receipt(form, message=message, at=services.clock.now()):
                await services.intake.report(told)
            return web.Response(status=204)

        serves_http = (web.post(WEBHOOK, hear), web.post(STATUS, learn))
        return (*serves_http, *self._shelf.routes(services))

    def describe(self) -> Mapping[str, Json]:
        """What its doors take and answer, for ``/openapi.json``."""
        part: dict[str, Json] = packaged_yaml("channels.sms", "openapi.yaml")
        return part

    async def run(self, services: Services) -> None:  # noqa: ARG002  (a Poller)
        """Keep the connections to Twilio."""
        await self._account.run()

    async def trouble(self) -> str | None:
        """What keeps messages from coming in or going out, as far as we know."""
        if self._callback is None:
            return "set WARMLINE_PUBLIC_URL to the https address at which Twilio reaches us"
        return await self._account.trouble()

    @property
    def _hook(self) -> str:
        return (self._callback or "").removesuffix(STATUS) + WEBHOOK

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:  # noqa: ARG002  (a Checkup)
        """Whether Twilio knows the account, and calls us for our number where we are."""
        if (trouble := await self.trouble()) is not None:
            return [HealthProblem(what=trouble, fix="then customers' messages come in")]
        return await examine(self._account, self._settings, hook=self._hook)

    async def _verified(self, request: web.Request) -> tuple[bytes, dict[str, str]]:
        signature = self._proof.present(request)
        raw = await request.read()
        form = read_form(raw)
        self._proof.check(request, form, signature)
        return raw, dict(form)

    async def _message(self, services: Services, raw: bytes, form: dict[str, str]) -> Inbound:
        now = services.clock.now()
        try:
            heard = parse(
                form, at=now, known=self._words, help_answered=self._settings.help_by_twilio
            )
        except Unreadable as error:
            if not form.get("From"):
                raise web.HTTPBadRequest(text=f"this is no message: {error}") from None
            file = File(name="sms.txt", media_type="application/x-www-form-urlencoded", data=raw)
            kept = await services.files.keep(file)
            return unreadable(form, at=now, raw=kept.digest)
        return await self._with_files(services, heard)

    async def _with_files(self, services: Services, heard: Heard) -> Inbound:
        if not heard.media:
            return heard.message
        kept, missing = await self._fetcher.keep(heard.media, services.files, services.public_http)
        message = heard.message
        return message.replace(attachments=kept, facts=(*message.facts, *missing))

    def _sender(self) -> tuple[str | None, str | None]:
        return self._settings.number, self._settings.service

    def _costs(self, taken: MessageInstance, body: str) -> tuple[Fact, ...]:
        """The segments, as Twilio counts them (a Messaging Service's only later, as 0 until then),
        and what they cost by the price in the settings."""
        counted = str(taken.num_segments or "")
        segments = int(counted) if counted.isdecimal() else 0
        segments = segments or (_segments(self._services, body) if self._services else 0)
        if not segments:
            return ()
        told = [Fact(name="segments", value=str(segments))]
        if (price := self._settings.price_per_segment) is not None:
            cost = f"{segments * price:.4f} {self._settings.currency}"
            told.append(Fact(name="estimated cost", value=cost))
        return tuple(told)


def _segments(services: Services, text: str) -> int:
    """By the brand voice, which knows the alphabets; 0 when the voice at hand does not count."""
    reply = Reply(opener="", body=(text,), purpose="message")
    return services.voice.render(reply, RenderContext(channel="sms", author="agent")).segments or 0


def channels(account: SmsSettings, settings: Settings) -> tuple[Channel, ...]:
    """SMS and WhatsApp, as the configuration has them."""
    public = settings.core.public_url.rstrip("/")
    callable_ = public.startswith("https://") or account.overridden
    callback = public + STATUS if callable_ else None
    proof = Proof(account.auth_token, public_url=public, proxies=account.trusted_proxies)
    fetcher = Fetcher(account, largest=settings.core.limits.attachment)
    shelf = Shelf(account.auth_token, public_url=public)
    line = Account(account)
    return (
        Sms(account, line, callback=callback, shelf=shelf, proof=proof, fetcher=fetcher),
        WhatsApp(account, line, callback=callback, shelf=shelf),
    )
