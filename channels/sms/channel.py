"""The channel ``sms``, and the webhooks that Twilio calls for it and for ``whatsapp`` alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from aiohttp import web
from multidict import MultiDict
from twilio.rest.api.v2010.account.message import MessageInstance
from twilio.twiml.messaging_response import MessagingResponse

from channels.sms import SmsSettings
from channels.sms.media import SMS_FILES, WHATSAPP_FILES, MediaLinks, TwilioMediaFetcher
from channels.sms.numbers import KnownForms, in_e164
from channels.sms.parse import (
    WHATSAPP_PREFIX,
    OptOutKeywords,
    UnreadableForm,
    parse_message,
    parse_receipt,
    read_form,
    unreadable_message,
)
from channels.sms.twilio import (
    WINDOW_IS_OVER,
    TwilioAccount,
    TwilioSender,
    TwilioSignature,
    traits_of,
)
from channels.sms.whatsapp import WhatsApp, all_messages
from gateway import (
    Address,
    Channel,
    Clock,
    Fact,
    File,
    HealthProblem,
    Inbound,
    Json,
    Outbound,
    Receipt,
    RefusedByChannel,
    RenderContext,
    Reply,
    Sent,
    Services,
    Settings,
    packaged_yaml,
)

WEBHOOK = "/channels/sms/webhook"
STATUS = "/channels/sms/status"
SUPPORT_ADDRESS = "support_address"
"""The parameter by which a status callback names our number."""


class Sms:
    """Customers reach us by text message. It also serves the webhooks of WhatsApp.

    ``public_url`` is None when Twilio cannot reach us. Twilio calls one address for all our
    numbers: the first one serves it, and passes on to ``numbers``, by their names.
    """

    name = "sms"

    def __init__(
        self,
        settings: SmsSettings,
        sender: TwilioSender,
        *,
        public_url: str | None,
        signature: TwilioSignature,
        fetcher: TwilioMediaFetcher,
        whatsapp: WhatsApp,
        support_address: str = "",
        numbers: Mapping[str, Sms] | None = None,
    ) -> None:
        self.support_address, self._numbers = support_address, numbers or {}
        self.traits = traits_of(settings, SMS_FILES, public_url)
        self._settings, self._sender, self._account = settings, sender, sender.account
        self._public_url, self._signature, self._fetcher = public_url, signature, fetcher
        self._keywords = OptOutKeywords(
            opt_out=settings.opt_out_words, opt_in=settings.opt_in_words
        )
        self._forms, self._whatsapp = KnownForms(), whatsapp
        self._services: Services | None = None

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        """The webhooks for messages and for delivery statuses, and the files that we send."""
        self._use(services)
        if self.support_address:
            return ()
        empty_answer = str(MessagingResponse())

        async def receive(request: web.Request) -> web.Response:
            number, body, form = await self._verified(request)
            await services.intake.accept(await number.parse(services, body, form))
            return web.Response(text=empty_answer, content_type="text/xml")

        async def receive_status(request: web.Request) -> web.Response:
            number, _, form = await self._verified(request)
            message = request.query.get("message")
            receipt = parse_receipt(form, message=message, at=services.clock.now())
            if receipt is not None:
                await number.report(services, receipt, form, template="template" in request.query)
            return web.Response(status=204)

        return (
            web.post(WEBHOOK, receive),
            web.post(STATUS, receive_status),
            *self._sender.links.routes(services),
        )

    def describe(self) -> Mapping[str, Json]:
        """The routes, for ``/openapi.json``."""
        if self.support_address:
            return {}
        part: dict[str, Json] = packaged_yaml("channels.sms", "openapi.yaml")
        return part

    async def run(self, services: Services) -> None:
        """Keep the connections to Twilio open."""
        self._use(services)
        await self._account.run()

    async def trouble(self) -> str | None:
        """Why messages cannot come in or go out, as far as we know."""
        if self._public_url is None:
            return "set WARMLINE_PUBLIC_URL to the https address at which Twilio reaches us"
        return self._account.problem()

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:  # noqa: ARG002  (part of HealthCheck)
        """Whether the account is active, and Twilio calls our webhook for our number. A Messaging
        Service has a webhook of its own, which is not checked."""
        if (trouble := await self.trouble()) is not None:
            return [HealthProblem(what=trouble, fix="until then no messages come in")]
        sid, number = self._settings.account_sid, self._settings.number
        account = await self._account.call(
            lambda client: client.api.v2010.accounts(sid).fetch_async()
        )
        if str(account.status) != "active":
            return [
                HealthProblem(
                    what=f"Twilio's account is {account.status}",
                    fix="see the Twilio console: it may be unpaid",
                )
            ]
        if number is None:
            return ()
        owned = await self._account.call(
            lambda client: client.incoming_phone_numbers.list_async(phone_number=number, limit=1)
        )
        if not owned:
            return [
                HealthProblem(
                    what=f"the number in `{self._key}.from` is not one of this account",
                    fix="buy it, or set one that the Twilio console shows",
                )
            ]
        webhook = f"{self._public_url}{WEBHOOK}"
        current = str(owned[0].sms_url or "no webhook")
        if current.partition("#")[0] == webhook or owned[0].sms_application_sid:
            return ()
        return [
            HealthProblem(
                what=f"for incoming messages Twilio calls {current}, not {webhook}",
                fix="set the latter as the number's webhook for messages in the Twilio console",
            )
        ]

    async def send(self, message: Outbound) -> Sent:
        record, _ = await self._sender.send(message)
        return self._sent(record, message.text)

    async def find(self, message: Outbound) -> Sent | None:
        record = await self._sender.find(message)
        return self._sent(record, message.text) if record else None

    def _use(self, services: Services) -> None:
        self._services = services
        self._whatsapp.use(services)

    @property
    def _key(self) -> str:
        """Where our settings are."""
        name = self.support_address
        return f"channels.sms.numbers.{name}" if name else "channels.sms"

    async def _verified(self, request: web.Request) -> tuple[Sms, bytes, dict[str, str]]:
        """The number that the request is about, whose account must have signed it."""
        signature = self._signature.read(request)
        body = await request.read()
        form = read_form(body)
        number = self._number_of(request.query.get(SUPPORT_ADDRESS, ""), form)
        number.verify(request, form, signature)
        return number, body, dict(form)

    def _number_of(self, name: str, form: Mapping[str, str]) -> Sms:
        """The number called ``name``, or that ``form`` was written to; else the first one."""
        if name in self._numbers:
            return self._numbers[name]
        ours = {form.get("To", "").removeprefix(WHATSAPP_PREFIX), form.get("MessagingServiceSid")}
        for number in self._numbers.values():
            if not number.addressed.isdisjoint(ours):
                return number
        return self

    async def first_contact(
        self,
        address: Address,
        *,
        known: bool,
        files: bool = False,  # noqa: ARG002  (they go as links where there is no MMS)
    ) -> Address:
        """``address`` in E.164. We may write to any mobile number; the law on consent is the
        team's to keep."""
        if self._public_url is None:
            raise RefusedByChannel("Twilio cannot reach us: set WARMLINE_PUBLIC_URL.")
        return address if known else in_e164(address)

    @property
    def addressed(self) -> frozenset[str]:
        """See `SmsSettings.addressed`."""
        return self._settings.addressed

    def verify(self, request: web.Request, form: MultiDict[str], signature: str) -> None:
        """Raises HTTPForbidden when our account has not signed it."""
        self._signature.verify(request, form, signature)

    async def report(
        self, services: Services, receipt: Receipt, form: Mapping[str, str], *, template: bool
    ) -> None:
        """Record ``receipt`` of a message that left from this number, with ``template`` in one. A
        message that came too late for WhatsApp's window is sent again, in a template."""
        if receipt.address is not None:
            known = await self._forms.find(self._own(receipt.address), services.mailbox)
            receipt = receipt.replace(address=known)
        refused = form.get("ErrorCode") == str(WINDOW_IS_OVER) and receipt.status == "failed"
        retry = refused and not template
        if not retry or not await self._whatsapp.resend_as_template(receipt):
            await services.intake.report(receipt)

    def _own(self, address: Address) -> Address:
        return address.replace(support_address=self.support_address)

    async def parse(self, services: Services, body: bytes, form: dict[str, str]) -> Inbound:
        """A message to this number, with its files."""
        now, by_twilio = services.clock.now(), self._settings.help_by_twilio
        try:
            message = parse_message(form, at=now, keywords=self._keywords, help_by_twilio=by_twilio)
        except UnreadableForm as error:
            if not form.get("From"):
                raise web.HTTPBadRequest(text=f"this is not a message: {error}") from None
            file = File(name="sms.txt", media_type="application/x-www-form-urlencoded", data=body)
            stored = await services.files.keep(file)
            unreadable = unreadable_message(form, at=now, digest=stored.digest)
            return unreadable.replace(address=self._own(unreadable.address))
        inbound = message.inbound
        known = await self._forms.find(self._own(inbound.address), services.mailbox)
        inbound = inbound.replace(address=known)
        if message.replied_to:
            quoted = await _quoted(services, inbound.address, message.replied_to)
            inbound = inbound.replace(facts=(*inbound.facts, quoted))
        if message.media:
            kept, missing = await self._fetcher.fetch(
                message.media, services.files, services.public_http
            )
            inbound = inbound.replace(attachments=kept, facts=(*inbound.facts, *missing))
        return inbound

    def _sent(self, record: MessageInstance, text: str) -> Sent:
        return Sent(remote_id=record.sid, facts=self._cost_facts(record, text))

    def _cost_facts(self, record: MessageInstance, text: str) -> tuple[Fact, ...]:
        """The segments, and their cost by the price in the settings. Twilio counts the segments of
        a Messaging Service later and says 0 until then: we count those ourselves."""
        counted = str(record.num_segments or "")
        segments = int(counted) if counted.isdecimal() else 0
        segments = segments or self._count_segments(text)
        if not segments:
            return ()
        facts = [Fact(name="segments", value=str(segments))]
        if (price := self._settings.price_per_segment) is not None:
            cost = f"{segments * price:.4f} {self._settings.currency}"
            facts.append(Fact(name="estimated cost", value=cost))
        return tuple(facts)

    def _count_segments(self, text: str) -> int:
        """As the brand voice counts, which knows the alphabets; 0 when it does not count."""
        if self._services is None:
            return 0
        reply = Reply(opener="", body=(text,), purpose="message")
        rendered = self._services.voice.render(reply, RenderContext(channel="sms", author="agent"))
        return rendered.segments or 0


async def _quoted(services: Services, address: Address, sid: str) -> Fact:
    """What the customer replied to: the message's text, or its SID when we do not know it."""
    messages = await all_messages(services, address)
    text = next((m.text for m in messages if m.remote_id == sid), "")
    return Fact(name="in reply to", value=text[:200] or sid)


def channels(section: SmsSettings, settings: Settings) -> tuple[Channel, ...]:
    """SMS and WhatsApp of every number, as configured."""
    links = MediaLinks(section.auth_token, public_url=settings.core.public_url.rstrip("/"))
    numbers: dict[str, Sms] = {}
    found: list[Channel] = []
    for name, account in reversed(
        section.accounts().items()
    ):  # the first one last: it has them all
        sms, whatsapp = _number(account, settings, links, name, {} if name else numbers)
        if name:
            numbers[name] = sms
        found = [sms, whatsapp, *found]
    return tuple(found)


def _number(
    account: SmsSettings,
    settings: Settings,
    links: MediaLinks,
    name: str,
    numbers: Mapping[str, Sms],
) -> tuple[Sms, WhatsApp]:
    url = settings.core.public_url.rstrip("/")
    public_url = url if url.startswith("https://") or account.overridden else None
    twilio = TwilioAccount(account)
    status_url = f"{public_url}{STATUS}" if public_url else None
    if status_url and name:
        status_url += f"?{SUPPORT_ADDRESS}={name}"
    whatsapp_from = account.whatsapp_from or account.number
    sms = TwilioSender(
        account=twilio,
        links=links,
        status_url=status_url,
        files=SMS_FILES,
        number=account.number,
        service=account.service,
        rcs=account.rcs_from,
    )
    whatsapp = TwilioSender(
        account=twilio,
        links=links,
        status_url=status_url,
        files=WHATSAPP_FILES,
        number=whatsapp_from and WHATSAPP_PREFIX + whatsapp_from.removeprefix(WHATSAPP_PREFIX),
        service=None if account.whatsapp_from else account.service,
        prefix=WHATSAPP_PREFIX,
        templates=account.whatsapp_templates,
    )
    signature = TwilioSignature(account.auth_token, public_url=url, proxies=account.trusted_proxies)
    fetcher = TwilioMediaFetcher(account, largest=settings.core.limits.attachment)
    channel = WhatsApp(account, whatsapp, public_url=public_url, support_address=name)
    return (
        Sms(
            account,
            sms,
            public_url=public_url,
            signature=signature,
            fetcher=fetcher,
            whatsapp=channel,
            support_address=name,
            numbers=numbers,
        ),
        channel,
    )
