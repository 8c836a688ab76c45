"""An answer that reaches a customer who has left: by mail, at an address that they have proven.

At a hand-over that nobody can take now, a customer on a channel that they may leave (a chat on a
web page) is asked once for an e-mail address. What they then name gets one neutral mail, and
nothing else until it is proven.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from re import compile as pattern

import structlog

from gateway.model import (
    Address,
    Conversation,
    Message,
    Reason,
    RenderContext,
    Reply,
    Route,
    Timer,
    Turn,
)
from gateway.pipeline.answering import HandlerAnswer, HandlerChain
from gateway.pipeline.by_mail.mail_words import (
    MAIL,
    SUBJECT,
    affirms,
    language_of,
    says_only_yes,
)
from gateway.pipeline.outcomes import OutcomeBuilder
from gateway.pipeline.turn_start import begin_turn
from gateway.pipeline.verification import CODE, AddressVerification, digest_of
from gateway.ports import AddressStep, Clock, NotAccepted, Traits, Voice
from gateway.routing.reasons import HARM, spoke_of_harm
from gateway.settings import AnswerByMailSettings, Brands
from gateway.store import ProofMail, ProvenAddress, Store, TurnOutcome, WorkItem
from gateway.support.personal_data import EMAIL

log = structlog.get_logger(__name__)

MAIL_CHANNEL = "email"
ASK_TIMER = "ask_address"
"""The name of the timer that asks while people are there, and nobody has claimed it."""
VALID_FOR = timedelta(minutes=30)
"""How long the code can be repeated in the chat. Longer than one that an agent asks for: the mail
may be read on another device. Five guesses end it at any time."""
LEAVING = frozenset({"goodbye", "thanks"})
"""Intents of a customer who is about to go."""
SURE = 0.6
"""From this confidence on a goodbye counts as one."""
_ADDRESS = pattern(EMAIL)
_LONGEST = 254
"""Characters of an e-mail address (RFC 5321, erratum 1690)."""


@dataclass(kw_only=True)
class AnswerByMail:
    """Asks for the address, has it proven, and says where the answer goes."""

    store: Store
    voice: Voice
    handlers: HandlerChain
    outcomes: OutcomeBuilder
    verification: AddressVerification
    traits: Mapping[str, Traits]
    brands: Brands
    settings: AnswerByMailSettings
    deliver: Callable[[str], None]
    clock: Clock

    # -- in the chat ------------------------------------------------------------------------------

    async def extended(
        self, work: WorkItem, turn: Turn, outcome: TurnOutcome, proven: ProvenAddress | None
    ) -> TurnOutcome:
        """``outcome`` with what is to be said about an address, if anything. ``proven``: the
        message has repeated the code."""
        if turn.kind != "message" or turn.automatic or turn.opted_out or work.damaged:
            return outcome
        if proven is not None:
            told = self._reply(turn, "proven", proven.address.value) if proven.asked else None
            return self.outcomes.extended(outcome, turn, told)
        if outcome.conversation.state != "waiting" or not self.may_ask(turn):
            return outcome
        if any(message.purpose == "ask_address" for message in turn.history):
            return self.outcomes.extended(outcome, turn, await self._heed(turn))
        return self._asking(turn, outcome)

    def _asking(self, turn: Turn, outcome: TurnOutcome) -> TurnOutcome:
        """Ask now, or later, or not at all: the customer waits, and was not asked yet."""
        new = turn.route.action == "escalate"
        if (new and turn.opening) or _leaves(turn):
            told_now = turn.replace(history=(*turn.history, *outcome.replies))
            return self.outcomes.extended(outcome, turn, self._reply(told_now, "ask"))
        if new:
            due = turn.at + timedelta(minutes=self.settings.after_minutes)
            timer = Timer(name=ASK_TIMER, due_at=due)
            return outcome.replace(timers=(*outcome.timers, timer))
        return outcome

    def may_ask(self, turn: Turn) -> bool:
        """Whether the customer of ``turn`` may be asked: never in danger, where every word but help
        would be one too many, and only where the brand has a mailbox."""
        here = turn.conversation
        codes = {reason.code for reason in turn.route.reasons}
        if HARM in codes or turn.understanding.has(HARM) or spoke_of_harm(turn.history):
            return False
        fleeting = self.traits.get(here.address.channel_key, Traits()).fleeting
        return self.settings.enabled and fleeting and self._mailbox(here.brand, "x@y.z") is not None

    async def ask_later(self, work: WorkItem, opening: str | None) -> TurnOutcome:
        """Handle the timer of a hand-over that nobody has claimed."""
        turn = begin_turn(work, self.clock.now()).replace(
            opening=opening, route=Route(action="pass")
        )
        outcome = _nothing(work, turn.conversation)
        asked = any(message.purpose == "ask_address" for message in turn.history)
        if turn.conversation.state != "waiting" or asked or not self.may_ask(turn):
            return outcome
        return self.outcomes.extended(outcome, turn, self._reply(turn, "ask"))

    async def answered_elsewhere(self, work: WorkItem) -> TurnOutcome:
        """Handle the event of a conversation whose answer went by mail: a line to the customer."""
        turn = begin_turn(work, self.clock.now()).replace(route=Route(action="pass"))
        told = self._reply(turn, "answered", str(turn.data.get("address", "")))
        return self.outcomes.extended(_nothing(work, turn.conversation), turn, told)

    async def _heed(self, turn: Turn) -> HandlerAnswer | None:
        """What to say to a message after the question: it may name an address, or be a code."""
        text = turn.message.text
        named = {found.lower() for found in _ADDRESS.findall(text)}
        if len(named) == 1:
            value = named.pop()
            return self._reply(turn, await self._send_code(turn, value), value)
        if CODE.fullmatch(text.strip()) and await self.store.named_addresses.is_pending(
            turn.conversation.id
        ):
            return self._reply(turn, "wrong")
        return None

    async def _send_code(self, turn: Turn, value: str) -> AddressStep:
        here = turn.conversation
        address = self._mailbox(here.brand, value)
        if address is None or len(value) > _LONGEST:
            return "refused"
        code = f"{secrets.randbelow(10**6):06}"
        mail = self._proof_mail(turn, address, code)
        most = self.settings.mails_per_hour
        try:
            own = await self.store.named_addresses.ask(here.id, address, mail, per_hour=most)
        except NotAccepted as refusal:
            log.info("address.not_mailed", conversation=here.id, why=str(refusal))
            return "refused"
        if own:
            return "proven"
        self.deliver(address.lane)
        return "sent"

    def _proof_mail(self, turn: Turn, address: Address, code: str) -> ProofMail:
        language, now = language_of(turn.language), self.clock.now()
        text = MAIL[language].format(code=code)
        return ProofMail(
            message=self._mail(text, address, turn.conversation.brand, language),
            subject=SUBJECT[language],
            language=language,
            digest=digest_of(turn.conversation.id, code),
            expires=now + VALID_FOR,
        )

    def _mail(self, text: str, address: Address, brand: str, language: str) -> Message:
        reply = Reply(opener="", body=(text,), language=language, purpose="notice")
        context = RenderContext(
            channel=address.channel, brand=brand, author="bot", language=language
        )
        return Message(
            id=0,
            conversation=0,
            author="bot",
            text="\n\n".join(self.voice.render(reply, context).parts),
            at=self.clock.now(),
            purpose="notice",
        )

    # -- by mail ----------------------------------------------------------------------------------

    async def confirmed(self, work: WorkItem, opening: str | None) -> TurnOutcome | None:
        """Link the address of ``work`` if it answers our mail with yes. Also the outcome, where it
        says nothing else."""
        inbound = work.inbound
        if inbound is None or inbound.automatic or not inbound.thread or work.kind != "message":
            return None  # an out-of-office note answers for nobody
        if inbound.address.channel != MAIL_CHANNEL:
            return None
        code_alone = CODE.fullmatch(inbound.text.strip()) is not None
        if not (affirms(inbound.text) or code_alone):
            return None
        proven = await self.store.named_addresses.by_reply(
            inbound.address, inbound.thread, self.clock.now()
        )
        if proven is None:
            return None
        await self.verification.note_proof(proven)
        if work.closed is None or not (code_alone or says_only_yes(inbound.text)):
            return None
        kept = work.replace(conversation=work.closed, history=work.closed_history)
        turn = begin_turn(kept, self.clock.now()).replace(
            opening=opening, route=Route(action="pass")
        )
        message = turn.message.replace(route=turn.route)
        outcome = _nothing(kept, turn.conversation).replace(message=message)
        told = self._reply(turn, "proven", inbound.address.value)
        return self.outcomes.extended(outcome, turn, told)

    async def joined(self, work: WorkItem, turn: Turn) -> tuple[Turn, Reason | None]:
        """``turn`` as a part of its history, where the customer comes back while a person has it at
        another address, and why that person gets the message."""
        closed = work.closed
        if closed is None or turn.conversation.id or turn.kind != "message":
            return turn, None
        elsewhere = await self.store.links.open_elsewhere(closed.id)
        if elsewhere is None:
            return turn, None
        here = turn.conversation.replace(continues=closed.root)
        who = elsewhere.owner.name if elsewhere.owner else "somebody"
        detail = f"{who} answers on {elsewhere.address.channel}"
        return turn.replace(conversation=here), Reason(code="open_elsewhere", detail=detail)

    def _reply(self, turn: Turn, step: AddressStep, address: str = "") -> HandlerAnswer | None:
        return self.handlers.about_address(turn, step, address)

    def _mailbox(self, brand: str, value: str) -> Address | None:
        """The address ``value`` at the mailbox of ``brand``; None when it has none."""
        found = self.brands.address_in(brand, Address(channel=MAIL_CHANNEL, value=value))
        return found if found is not None and found.channel_key in self.traits else None


def _nothing(work: WorkItem, conversation: Conversation) -> TurnOutcome:
    return TurnOutcome(work=work, conversation=conversation, customer=work.customer)


def _leaves(turn: Turn) -> bool:
    """Whether a customer who waits says goodbye."""
    guess = turn.understanding.intent
    return turn.route.action == "pass" and guess.name in LEAVING and guess.confidence >= SURE
