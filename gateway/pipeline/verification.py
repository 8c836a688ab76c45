"""Proof that an address is the customer's: a one-time code, sent there and repeated here."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta

from gateway.model import Address, Agent, Message, RenderContext, Reply
from gateway.pipeline.outcomes import system_line
from gateway.ports import Clock, Event, Events, NotAccepted, Traits, Voice
from gateway.store import Store, WorkItem

LASTS = timedelta(minutes=10)
CODE = re.compile(r"(?<![\d.,-])(\d{3})[ \u00a0]?(\d{3})(?!\d|[.,-]\d)")
WORDS = {
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
}


class AddressVerification:
    """Sends codes, and hears them repeated."""

    def __init__(
        self,
        *,
        store: Store,
        voice: Voice,
        traits: Mapping[str, Traits],
        deliver: Callable[[str], None],
        events: Events,
        clock: Clock,
    ) -> None:
        self._store = store
        self._voice = voice
        self._traits = traits
        self._deliver = deliver
        self._events = events
        self._clock = clock

    def traits(self, address: Address) -> Traits:
        """What the channel of ``address`` can do. Raises NotAccepted when there is no such."""
        found = self._traits.get(address.channel)
        if found is None:
            raise NotAccepted(f"there is no channel {address.channel}")
        return found

    async def ask(self, conversation: int, address: Address, agent: Agent) -> None:
        """Send a code to ``address``. Raises NotAccepted when that cannot be."""
        traits = self.traits(address)
        here = await self._store.queries.conversation(conversation)
        if here.address == address:
            raise NotAccepted("a code to the address they write from proves nothing")
        code = f"{secrets.randbelow(10**6):06}"
        now = self._clock.now()
        message = Message(
            id=0,
            conversation=0,
            author="bot",
            text=self._words(code, address, here.language),
            at=now,
            purpose="notice",
        )
        await self._store.links.send_code(
            conversation,
            address,
            _digest(conversation, code),
            message,
            now + LASTS,
            mailbox=traits.mailbox,
        )
        await self._note(conversation, f"{agent.name} sent a code to {address.lane}", agent)
        self._deliver(address.lane)
        self._events.publish(Event(topic=address.lane, name="message"))

    async def hear(self, work: WorkItem) -> None:
        """If ``work`` repeats the code that its conversation waits for, link the two addresses."""
        if work.inbound is None or work.conversation is None:
            return
        found = CODE.findall(work.inbound.text)
        if len(found) != 1:
            return
        conversation = work.conversation.id
        digits = "".join(str(int(digit)) for half in found[0] for digit in half)
        digest = _digest(conversation, digits)
        proven = await self._store.links.redeem(conversation, digest, self._clock.now())
        if proven is not None:
            await self._note(conversation, f"The customer proved to be {proven.lane}", None)

    def _words(self, code: str, address: Address, language: str | None) -> str:
        known = language if language in WORDS else "en"
        reply = Reply(
            opener="",
            body=(WORDS[known].format(code=code),),
            language=known,
            purpose="notice",
        )
        occasion = RenderContext(channel=address.channel, author="bot", language=known)
        return "\n\n".join(self._voice.render(reply, occasion).parts)

    async def _note(self, conversation: int, text: str, agent: Agent | None) -> None:
        line = system_line(conversation, text, self._clock.now(), agent=agent)
        await self._store.handoffs.note(line)
        self._events.publish(Event(topic="desk", name="conversation", conversation=conversation))


def _digest(conversation: int, code: str) -> str:
    return hashlib.sha256(f"{conversation}:{code}".encode()).hexdigest()
