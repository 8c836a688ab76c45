"""The channels: SMS with the doors for both, and WhatsApp."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from aiohttp import web
from twilio.base import values
from twilio.rest.api.v2010.account.message import MessageInstance
from twilio.twiml.messaging_response import MessagingResponse

from channels.sms.account import Account
from channels.sms.incoming import (
    WHATSAPP,
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
from channels.sms.words import Words
from gateway import (
    Channel,
    Fact,
    File,
    House,
    Inbound,
    Occasion,
    Outbound,
    Reply,
    Sent,
    Settings,
    Traits,
    Undeliverable,
)

WEBHOOK = "/channels/sms/webhook"
STATUS = "/channels/sms/status"
SKEW = timedelta(minutes=1)
"""By so much may Twilio's clock and ours differ."""
LOOKED_AT = 50
"""Messages to one customer among which a lost one is looked for, newest first."""


class WhatsApp:
    """Customers reach us through WhatsApp, by the same account."""

    name = "whatsapp"
    _prefix = WHATSAPP
    _most_files = 1

    def __init__(
        self, settings: SmsSettings, account: Account, *, callback: str | None, shelf: Shelf
    ) -> None:
        self._settings, self._account, self._callback = settings, account, callback
        self._shelf = shelf
        # Sent again only after Twilio was asked (see `send`): it is never said twice.
        self.traits = Traits(attachments=True, unsure="resend", rate=settings.rate)

    async def send(self, message: Outbound) -> Sent:
        """Hand one message to Twilio. A second attempt first asks whether the first arrived."""
        files = self._files(message)
        if message.attempt > 1 and (found := await self.find(message)):
            return found
        to, body = self._prefix + message.address.value, message.text
        number, service = self._sender()
        callback = f"{self._callback}?message={message.message}" if self._callback else values.unset

        taken = await self._account.call(
            lambda client: client.messages.create_async(
                to=to,
                body=body or values.unset,
                media_url=files or values.unset,
                from_=number or values.unset,
                messaging_service_sid=service or values.unset,
                status_callback=callback,
            )
        )
        return self._sent(taken, body)

    async def find(self, message: Outbound) -> Sent | None:
        """Ask Twilio for the message: same customer, same words, not older, not another one of the
        conversation that we know to be sent."""
        to = self._prefix + message.address.value
        number, service = self._sender()
        known = await self._account.call(
            lambda client: client.messages.list_async(
                to=to, from_=values.unset if service else number, limit=LOOKED_AT
            )
        )
        for one in reversed(known):
            if _is(one, message) and one.sid not in message.thread:
                return self._sent(one, message.text)
        return None

    def _files(self, message: Outbound) -> list[str]:
        """Where Twilio finds the files of ``message``."""
        if not message.attachments:
            return []
        if self._callback is None:
            raise Undeliverable("Twilio cannot fetch files from us without WARMLINE_PUBLIC_URL")
        if len(message.attachments) > self._most_files:
            raise Undeliverable(f"more files than {self._most_files}; send them one by one")
        return [self._shelf.address(one, message.at) for one in message.attachments]

    def _sender(self) -> tuple[str | None, str | None]:
        """Our number and the Messaging Service, as Twilio wants them told."""
        number = self._settings.whatsapp_from or self._settings.number
        if number is not None:
            number = WHATSAPP + number.removeprefix(WHATSAPP)
        return number, None if self._settings.whatsapp_from else self._settings.service

    def _sent(self, taken: MessageInstance, body: str) -> Sent:
        return Sent(remote_id=taken.sid, facts=self._costs(taken, body))

    def _costs(self, taken: MessageInstance, body: str) -> tuple[Fact, ...]:  # noqa: ARG002
        """What is known of the price: nothing, as WhatsApp's depends on the conversation."""
        return ()


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
        self._house: House | None = None

    def routes(self, house: House) -> Iterable[web.RouteDef]:
        """The webhook for messages, the one for what became of ours, and the door for files."""
        self._house = house
        nothing = str(MessagingResponse())

        async def hear(request: web.Request) -> web.Response:
            raw, form = await self._verified(request)
            await house.intake.accept(await self._message(house, raw, form))
            return web.Response(text=nothing, content_type="text/xml")

        async def learn(request: web.Request) -> web.Response:
            _, form = await self._verified(request)
            message = request.query.get("message")
            if told := receipt(form, message=message, at=house.clock.now()):
                await house.intake.report(told)
            return web.Response(status=204)

        doors = (web.post(WEBHOOK, hear), web.post(STATUS, learn))
        return (*doors, *self._shelf.routes(house))

    async def run(self, house: House) -> None:  # noqa: ARG002  (a Poller)
        """Keep the connections to Twilio."""
        await self._account.run()

    async def trouble(self) -> str | None:
        """What keeps messages from coming in or going out, as far as we know."""
        if self._callback is None:
            return "set WARMLINE_PUBLIC_URL to the https address at which Twilio reaches us"
        return await self._account.trouble()

    async def _verified(self, request: web.Request) -> tuple[bytes, dict[str, str]]:
        signature = self._proof.present(request)
        raw = await request.read()
        form = read_form(raw)
        self._proof.check(request, form, signature)
        return raw, dict(form)

    async def _message(self, house: House, raw: bytes, form: dict[str, str]) -> Inbound:
        now = house.clock.now()
        try:
            heard = parse(
                form, at=now, known=self._words, help_answered=self._settings.help_by_twilio
            )
        except Unreadable as error:
            if not form.get("From"):
                raise web.HTTPBadRequest(text=f"this is no message: {error}") from None
            file = File(name="sms.txt", media_type="application/x-www-form-urlencoded", data=raw)
            kept = await house.files.keep(file)
            return unreadable(form, at=now, raw=kept.digest)
        return await self._with_files(house, heard)

    async def _with_files(self, house: House, heard: Heard) -> Inbound:
        if not heard.media:
            return heard.message
        kept, missing = await self._fetcher.keep(heard.media, house.files)
        message = heard.message
        return message.replace(attachments=kept, facts=(*message.facts, *missing))

    def _sender(self) -> tuple[str | None, str | None]:
        return self._settings.number, self._settings.service

    def _costs(self, taken: MessageInstance, body: str) -> tuple[Fact, ...]:
        """The segments, as Twilio counts them (a Messaging Service's only later, as 0 until then),
        and what they cost by the price in the settings."""
        counted = str(taken.num_segments or "")
        segments = int(counted) if counted.isdecimal() else 0
        segments = segments or (_segments(self._house, body) if self._house else 0)
        if not segments:
            return ()
        told = [Fact(name="segments", value=str(segments))]
        if (price := self._settings.price_per_segment) is not None:
            cost = f"{segments * price:.4f} {self._settings.currency}"
            told.append(Fact(name="estimated cost", value=cost))
        return tuple(told)


def _is(one: MessageInstance, message: Outbound) -> bool:
    """Whether Twilio's record may be our message."""
    ours = str(one.direction or "").startswith("outbound")
    created = one.date_created
    recent = created is None or created >= message.at - SKEW
    return ours and recent and (one.body or "") == message.text


def _segments(house: House, text: str) -> int:
    """By the brand voice, which knows the alphabets; 0 when the voice at hand does not count."""
    reply = Reply(opener="", body=(text,), purpose="message")
    return house.voice.render(reply, Occasion(channel="sms", author="agent")).segments or 0


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
