"""The channel ``whatsapp``: what WhatsApp asks of a message that goes through Twilio."""

from __future__ import annotations

import structlog
from cachetools import LRUCache

from channels.sms import SmsSettings
from channels.sms.media import WHATSAPP_FILES
from channels.sms.numbers import REMEMBERED, in_e164
from channels.sms.twilio import WINDOW, TwilioSender, traits_of
from gateway import (
    Address,
    Fact,
    Message,
    Outbound,
    Receipt,
    RefusedByChannel,
    Sent,
    Services,
    TryLater,
    Undeliverable,
    Unsure,
)

log = structlog.get_logger(__name__)
PAGE = 1000
"""Messages that are read at a time."""


class WhatsApp:
    """Customers reach us through WhatsApp, by the same Twilio account. `Sms` receives their
    messages. The price depends on the conversation, so no cost is recorded."""

    name = "whatsapp"

    def __init__(
        self,
        settings: SmsSettings,
        sender: TwilioSender,
        *,
        public_url: str | None,
        support_address: str = "",
    ) -> None:
        self.support_address = support_address
        self.traits = traits_of(settings, WHATSAPP_FILES, public_url)
        self._sender = sender
        self._services: Services | None = None
        self._resent: LRUCache[int, bool] = LRUCache(REMEMBERED)

    def use(self, services: Services) -> None:
        """`Sms` serves the routes of both channels, and gets the services for both."""
        self._services = services

    async def send(self, message: Outbound) -> Sent:
        over = bool(self._sender.templates) and not await self._is_in_window(message.address)
        record, template = await self._sender.send(message, window_is_over=over)
        facts = (Fact(name="sent as", value="a WhatsApp template"),) if template else ()
        return Sent(remote_id=record.sid, facts=facts)

    async def resend_as_template(self, receipt: Receipt) -> bool:
        """Send the message of ``receipt`` again, in a template; False if that is not possible.
        WhatsApp refused it after Twilio had taken it: the customer has not got it."""
        if self._services is None or receipt.address is None or not self._sender.templates:
            return False
        id = int(receipt.ids[0])
        if id in self._resent:
            return True
        messages = await all_messages(self._services, receipt.address)
        found = next((m for m in messages if m.id == id), None)
        if found is None or found.author == "customer":
            return False
        read = [m.understanding.language.code for m in messages if m.understanding]
        again = Outbound(
            id=0,
            key=f"template-{id}",
            message=id,
            address=receipt.address,
            text=found.text,
            author="agent" if found.author == "agent" else "bot",
            at=found.at,
            language=next(reversed(read), "en"),
            attachments=found.attachments,
        )
        self._resent[id] = True
        try:
            return await self._sender.send_template(again) is not None
        except (TryLater, Undeliverable, Unsure) as error:
            log.warning("whatsapp.no_template", message=id, error=str(error))
            return False

    async def find(self, message: Outbound) -> Sent | None:
        record = await self._sender.find(message)
        return Sent(remote_id=record.sid) if record else None

    async def first_contact(self, address: Address, *, known: bool, files: bool = False) -> Address:
        """``address`` in E.164. A business may write freely for 24 hours after the customer's last
        message; before that, and later, only by an approved template, which carries text alone
        (WhatsApp Business Platform, "Customer service windows")."""
        if not known:
            address = in_e164(address)
        if await self._is_in_window(address):
            return address
        if not self._sender.templates:
            raise RefusedByChannel(
                "The customer's last message is more than 24 hours old, or there is none. WhatsApp"
                " then takes only approved templates: set `channels.sms.whatsapp_templates`."
            )
        if files:
            raise RefusedByChannel(
                "The customer's last message is more than 24 hours old, or there is none. WhatsApp"
                " then takes no files: write without them, and send them after the answer."
            )
        return address

    async def _is_in_window(self, address: Address) -> bool:
        """Whether the customer's last message is less than 24 hours old, as far as we know."""
        if self._services is None:
            return True
        messages = await all_messages(self._services, address)
        written = [m.at for m in messages if m.author == "customer"]
        return bool(written) and self._services.clock.now() - max(written) < WINDOW


async def all_messages(services: Services, address: Address) -> list[Message]:
    """The public messages from and to ``address``, oldest first."""
    found: list[Message] = []
    while page := await services.mailbox.messages(
        address, after=found[-1].id if found else 0, limit=PAGE, own=True
    ):
        found += page
        if len(page) < PAGE:
            break
    return found
