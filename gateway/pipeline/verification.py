"""Verifies that an address is the customer's: we send a one-time code there, and the customer
repeats it in the conversation."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from gateway.model import Address, Agent, Conversation, Message, RenderContext, Reply
from gateway.pipeline.outcomes import system_line
from gateway.ports import Clock, Event, Events, NotAccepted, Traits, Voice
from gateway.store import ProvenAddress, Store, WorkItem

VALID_FOR = timedelta(minutes=10)
CODE = re.compile(r"(?<![\d.,-])(\d{3})[ \u00a0]?(\d{3})(?!\d|[.,-]\d)")
TEXTS = {
    "en": "Your code is {code}. Please repeat it in the conversation with us. If you do not know"
    " what this is about, you need not do anything.",
    "de": "Ihr Code ist {code}. Bitte wiederholen Sie ihn im Gespräch mit uns. Wenn Sie nicht"
    " wissen, worum es geht, brauchen Sie nichts zu tun.",
    "fr": "Votre code est {code}. Merci de le répéter dans la conversation avec nous. Si vous ne"
    " savez pas de quoi il s'agit, vous n'avez rien à faire.",
    "es": "Su código es {code}. Repítalo en la conversación con nosotros, por favor. Si no sabe de"
    " qué se trata, no tiene que hacer nada.",
    "ar": "الرمز الخاص بك هو {code}. يرجى تكراره في المحادثة معنا. إذا كنت لا تعرف ما المقصود فلا"
    " داعي لفعل أي شيء.",
    "it": "Il suo codice è {code}. Lo ripeta per favore nella conversazione con noi. Se non sa di"
    " che cosa si tratta, non deve fare nulla.",
    "pt": "O seu código é {code}. Repita-o, por favor, na conversa connosco. Se não sabe de que se"
    " trata, não precisa de fazer nada.",
    "nl": "Uw code is {code}. Herhaal die in het gesprek met ons. Weet u niet waar dit over gaat,"
    " dan hoeft u niets te doen.",
    "pl": "Kod to {code}. Proszę powtórzyć go w rozmowie z nami. Jeśli nie wiadomo, o co chodzi,"
    " nie trzeba nic robić.",
    "sv": "Din kod är {code}. Upprepa den i samtalet med oss. Om du inte vet vad det här gäller"
    " behöver du inte göra något.",
    "tr": "Kodunuz {code}. Lütfen bizimle olan konuşmada tekrarlayın. Bunun ne olduğunu"
    " bilmiyorsanız bir şey yapmanız gerekmez.",
    "ja": "コードは {code} です。私たちとの会話にこのコードをご入力ください。"
    "お心当たりがない場合は、何もする必要はありません。",
}


@dataclass(kw_only=True)
class AddressVerification:
    """Sends one-time codes and recognises them in the customer's messages."""

    store: Store
    voice: Voice
    traits: Mapping[str, Traits]
    deliver: Callable[[str], None]
    events: Events
    clock: Clock

    def traits_of(self, address: Address) -> Traits:
        """The traits of the channel of ``address``. Raises NotAccepted for an unknown channel."""
        found = self.traits.get(address.channel_key)
        if found is None:
            raise NotAccepted(f"there is no channel {address.channel_key}")
        return found

    async def send_code(self, conversation: int, address: Address, agent: Agent) -> None:
        """Send a code to ``address``. Raises NotAccepted when that is not possible."""
        traits = self.traits_of(address)
        here = await self.store.queries.conversation(conversation)
        if here.address == address:
            raise NotAccepted("a code to the address they write from proves nothing")
        code = f"{secrets.randbelow(10**6):06}"
        now = self.clock.now()
        message = Message(
            id=0,
            conversation=0,
            author="bot",
            text=self._render(code, address, here),
            at=now,
            purpose="notice",
        )
        await self.store.links.send_code(
            conversation,
            address,
            digest_of(conversation, code),
            message,
            now + VALID_FOR,
            mailbox=traits.mailbox,
        )
        await self._note(conversation, f"{agent.name} sent a code to {address.lane}", agent)
        self.deliver(address.lane)
        self.events.publish(Event(topic=address.lane, name="message"))

    async def redeem(self, work: WorkItem) -> ProvenAddress | None:
        """Link the two addresses if ``work`` repeats the code sent for its conversation; the
        address that is proven now."""
        if work.inbound is None or work.conversation is None:
            return None
        codes = CODE.findall(work.inbound.text)
        if len(codes) != 1:
            return None
        conversation = work.conversation.id
        code = "".join(str(int(digit)) for half in codes[0] for digit in half)  # of any script
        digest = digest_of(conversation, code)
        proven = await self.store.links.redeem(conversation, digest, self.clock.now())
        if proven is not None:
            await self.note_proof(proven)
        return proven

    async def note_proof(self, proven: ProvenAddress) -> None:
        """Tell agents that the customer of the conversation has the address."""
        lane = proven.address.lane
        await self._note(proven.conversation, f"The customer proved to be {lane}", None)

    def _render(self, code: str, address: Address, here: Conversation) -> str:
        known = here.language if here.language in TEXTS else "en"
        reply = Reply(
            opener="",
            body=(TEXTS[known].format(code=code),),
            language=known,
            purpose="notice",
        )
        context = RenderContext(
            channel=address.channel, brand=here.brand, author="bot", language=known
        )
        return "\n\n".join(self.voice.render(reply, context).parts)

    async def _note(self, conversation: int, text: str, agent: Agent | None) -> None:
        line = system_line(conversation, text, self.clock.now(), agent=agent)
        await self.store.handoffs.note(line)
        self.events.publish(Event(topic="desk", name="conversation", conversation=conversation))


def digest_of(conversation: int, code: str) -> str:
    """What is stored of ``code``."""
    return hashlib.sha256(f"{conversation}:{code}".encode()).hexdigest()
