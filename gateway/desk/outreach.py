"""What agents send besides an answer's words: files and copies, a first message to a customer, and
conversations forwarded to somebody outside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.model import (
    Address,
    Agent,
    Attachment,
    ContextCard,
    Conversation,
    FileLimits,
    Message,
    SupportAddress,
)
from gateway.pipeline.outcomes import NO_TRAITS, system_line
from gateway.ports import (
    Channel,
    Clock,
    FirstContact,
    RefusedByChannel,
    SupportAddressChannel,
    Traits,
)
from gateway.settings import Brands
from gateway.store import AgentMessage, BegunConversation, ConversationRequest, Store

MOST_COPIES = 10
"""Further addresses of one message: more would be a mailing."""
LONGEST_SUBJECT = 200
FORWARDED = "---------- Forwarded conversation ----------"


@dataclass(kw_only=True)
class Outreach:
    """Checks what a channel takes before anything is stored, and begins conversations.
    ``largest``: bytes of the largest file that is kept (``limits.attachment``)."""

    store: Store
    channels: Mapping[str, Channel]
    brands: Brands
    clock: Clock
    largest: int

    def file_limits(self, address: Address) -> FileLimits:
        """Which files a message to ``address`` may carry; none (``most`` 0, with the reason as its
        ``hint``) where the channel takes none."""
        traits = self._traits(address)
        if not traits.attachments:
            why = traits.no_files or "This channel takes no files."
            return FileLimits(most=0, hint=why)
        size = min(traits.files.size or self.largest, self.largest)
        return traits.files.replace(size=size)

    def takes_copies(self, address: Address) -> bool:
        """Whether a message to ``address`` may go to further addresses."""
        return self._traits(address).copies

    async def check(
        self, address: Address, attachments: Sequence[Attachment], copies: Sequence[str]
    ) -> tuple[str, ...]:
        """``copies`` as the channel writes them, each once. Raises RefusedByChannel when a message
        to ``address`` cannot carry them or ``attachments``."""
        if attachments:
            limits = self.file_limits(address)
            if refusal := limits.refusal(attachments) if limits.most else limits.hint:
                raise RefusedByChannel(refusal)
        return await self._copies(address, copies) if copies else ()

    async def _copies(self, address: Address, copies: Sequence[str]) -> tuple[str, ...]:
        if not self._traits(address).copies:
            raise RefusedByChannel("This channel sends no copies.")
        if len(copies) > MOST_COPIES:
            raise RefusedByChannel(f"A message goes to at most {MOST_COPIES} further addresses.")
        found = [await self._first_contact(address.replace(value=copy)) for copy in copies]
        for copy in found:
            if why := await self.store.beginnings.refusal(copy):
                raise RefusedByChannel(f"{copy.value} cannot get a copy: {why}.")
        values = dict.fromkeys(copy.value for copy in found)
        return tuple(value for value in values if value != address.value)

    def places(self, agent: Agent) -> tuple[SupportAddress, ...]:
        """Our addresses from which ``agent`` may write first."""
        found = []
        for key, channel in self.channels.items():
            brand = self.brands.by_key(key)
            if not agent.works_for(brand):
                continue
            name = channel.support_address if isinstance(channel, SupportAddressChannel) else ""
            parts = (self.brands.title(brand), name if name != brand else "")
            found.append(
                SupportAddress(
                    channel=channel.name,
                    name=name,
                    brand=brand,
                    place=" · ".join(part for part in parts if part),
                    anyone=isinstance(channel, FirstContact),
                    subjects=channel.traits.subjects,
                )
            )
        return tuple(found)

    async def begin(
        self,
        address: Address,
        agent: Agent,
        text: str,
        *,
        key: str,
        subject: str = "",
        attachments: tuple[Attachment, ...] = (),
        copies: tuple[str, ...] = (),
        forwarded_from: int | None = None,
    ) -> BegunConversation:
        """Write to ``address`` first. Raises RefusedByChannel or Conflict."""
        traits, brand = self._traits(address), self.brands.of(address)
        if traits is NO_TRAITS or not agent.works_for(brand):
            raise RefusedByChannel(f"You cannot write from {address.channel_key}.")
        if not text.strip() and not attachments:
            raise RefusedByChannel("There is nothing to send yet.")
        subject = " ".join(subject.split())[:LONGEST_SUBJECT]
        if traits.subjects and not subject:
            raise RefusedByChannel("Give the message a subject.")
        address = await self._first_contact(address, files=bool(attachments))
        copies = await self.check(address, attachments, copies)
        message = AgentMessage(
            conversation=0, agent=agent, text=text.strip(), attachments=attachments, copies=copies
        )
        request = ConversationRequest(
            address=address,
            brand=brand,
            subject=subject if traits.subjects else None,
            suspends=traits.suspends,
            forwarded_from=forwarded_from,
        )
        now = self.clock.now()
        return await self.store.beginnings.begin(request, message, key=key, at=now)

    async def forward(
        self,
        card: ContextCard,
        agent: Agent,
        to: str,
        *,
        key: str,
        note: str,
        messages: Sequence[int] = (),
        files: bool = True,
    ) -> BegunConversation:
        """Send messages of a conversation to an address outside, in a mail thread of its own."""
        address = self._forwarding_address(card.conversation, to)
        address = await self._first_contact(address)
        if any(address.value == known.value for known in card.identities):
            raise RefusedByChannel("This is the customer's own address. Send an answer instead.")
        chosen = _public(card, messages)
        if not chosen:
            raise RefusedByChannel("Choose at least one message to forward.")
        attached = {file.digest: file for message in chosen for file in message.attachments}
        subject = card.conversation.subject or "A customer's message"
        begun = await self.begin(
            address,
            agent,
            forwarded_text(card, chosen, note),
            key=key,
            subject=f"Fwd: {subject}",
            attachments=tuple(attached.values()) if files else (),
            forwarded_from=card.conversation.id,
        )
        if not begun.accepted.duplicate:
            await self._note_forward(card.conversation.id, begun.conversation, agent, len(chosen))
        return begun

    async def _note_forward(self, here: int, there: Conversation, agent: Agent, count: int) -> None:
        """A line in each of the two conversations, which leads to the other."""
        what = "a message" if count == 1 else f"{count} messages"
        to = f"{there.address.lane}; answers come in as conversation {there.id}"
        of = f"conversation {here}; the customer sees nothing of it"
        for id, text in ((here, f"forwarded {what} to {to}"), (there.id, f"forwarded {of}")):
            line = system_line(id, f"{agent.name} {text}", self.clock.now(), agent=agent)
            await self.store.handoffs.note(line)

    def _forwarding_address(self, conversation: Conversation, to: str) -> Address:
        """``to`` at the mailbox of the conversation's brand."""
        here = conversation.address
        name = here.support_address if here.channel == "email" else ""
        address = Address(channel="email", value=to.strip(), support_address=name)
        found = self.brands.address_in(conversation.brand, address)
        if found is None or found.channel_key not in self.channels:
            raise RefusedByChannel("There is no mailbox to forward from.")
        return found

    async def _first_contact(self, address: Address, *, files: bool = False) -> Address:
        if not address.value.isprintable():  # such as NUL, which no database stores
            raise RefusedByChannel("This is not an address.")
        known = await self.store.beginnings.is_known(address)
        channel = self.channels.get(address.channel_key)
        if isinstance(channel, FirstContact):
            return await channel.first_contact(address, known=known, files=files)
        if not known:
            raise RefusedByChannel(
                f"On {address.channel} we may only write to somebody who has written to us."
            )
        return address

    def _traits(self, address: Address) -> Traits:
        channel = self.channels.get(address.channel_key)
        return NO_TRAITS if channel is None else channel.traits


def forwarded_text(card: ContextCard, messages: Sequence[Message], note: str) -> str:
    """``note``, then the messages with who wrote them and when. Addresses stay with us: the agent
    may write one into the note."""
    parts = [note.strip(), FORWARDED] if note.strip() else [FORWARDED]
    customer = card.customer.name or "The customer"
    for message in messages:
        who = customer if message.author == "customer" else _our_name(message)
        files = ", ".join(file.name for file in message.attachments)
        lines = [f"{who}, {message.at:%Y-%m-%d %H:%M} UTC:", message.text]
        parts.append("\n".join([*lines, f"[{files}]"] if files else lines))
    return "\n\n".join(parts)


def _our_name(message: Message) -> str:
    return message.agent.name if message.agent else "Automatic answer"


def _public(card: ContextCard, ids: Sequence[int]) -> tuple[Message, ...]:
    """The messages to forward: those chosen, or all; never what only colleagues see, nor what did
    not reach the customer."""
    return tuple(
        message
        for message in card.messages
        if not message.internal
        and message.author != "system"
        and message.status not in ("failed", "discarded")
        and (not ids or message.id in ids)
    )
