"""Sending through Twilio, and the channel that does nothing else: WhatsApp."""

from __future__ import annotations

from datetime import timedelta

from twilio.base import values
from twilio.rest.api.v2010.account.message import MessageInstance

from channels.sms.account import Account
from channels.sms.incoming import WHATSAPP
from channels.sms.settings import SmsSettings
from channels.sms.shelf import Shelf
from gateway import Fact, Outbound, Sent, Traits, Undeliverable

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


def _is(one: MessageInstance, message: Outbound) -> bool:
    """Whether Twilio's record may be our message."""
    ours = str(one.direction or "").startswith("outbound")
    created = one.date_created
    recent = created is None or created >= message.at - SKEW
    return ours and recent and (one.body or "") == message.text
