"""A customer who wants no more messages, or wants them again.

An opt-out in a sentence is confirmed once, and nothing else is said. A bare STOP or START that the
provider answers by itself is never answered by us.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from gateway.model import Message, Reply, Timer, Turn, Value
from gateway.pipeline.subject import base_subject, new_subject
from gateway.ports import Traits
from gateway.routing.opt_out import is_start_word, is_stop_word, languages_of, remainder
from gateway.routing.policy import Policy
from gateway.routing.turn_reading import confident_intent
from gateway.store import WorkItem

UNANSWERED = "unanswered_after_start"
"""The name of the timer that brings a question asked while opted out to a person."""
UNANSWERED_AFTER = timedelta(minutes=10)
LONG_REST = 3
"""From this many words on, what stands beside an opt-out is read by a person when it asks
something."""
_NUMBER = re.compile(r"\d{4}")
NEEDS_PERSON = frozenset({"legal", "asked_for_person", "sensitive_intent", "unreadable"})
"""Reasons of the policy with which a person reads an opt-out."""

CONFIRMED: Mapping[str, str] = {
    "en": "Understood. You will get no more messages from us here. Write START if you want them "
    "again.",
    "de": "Verstanden. Sie bekommen hier keine Nachrichten mehr von uns. Schreiben Sie START, wenn "
    "Sie wieder welche möchten.",
    "fr": "C'est noté. Vous ne recevrez plus de messages de notre part ici. Écrivez START si vous "
    "en voulez à nouveau.",
    "es": "Entendido. No recibirá más mensajes nuestros aquí. Escriba START si los quiere de "
    "nuevo.",
    "ar": "مفهوم. لن تصلك منا رسائل أخرى هنا. اكتب START إذا أردتها من جديد.",
    "it": "Ricevuto. Qui non riceverà più messaggi da noi. Scriva START se li desidera di nuovo.",
    "pt": "Entendido. Não vai receber mais mensagens nossas aqui. Escreva START se as quiser de "
    "novo.",
    "nl": "Begrepen. U krijgt hier geen berichten meer van ons. Schrijf START als u ze weer wilt.",
    "pl": "Rozumiemy. Nie będziemy tu już wysyłać wiadomości. Aby znów je otrzymywać, proszę "
    "napisać START.",
    "sv": "Uppfattat. Du får inga fler meddelanden från oss här. Skriv START om du vill ha dem "
    "igen.",
    "tr": "Anlaşıldı. Burada bizden artık mesaj almayacaksınız. Yeniden almak isterseniz START "
    "yazın.",
    "ja": "承知しました。こちらへのメッセージはもうお送りしません。"
    "再開するには START とお送りください。",
}
RESUMED: Mapping[str, str] = {
    "en": "You will get our messages here again.",
    "de": "Sie bekommen unsere Nachrichten hier wieder.",
    "fr": "Vous recevrez à nouveau nos messages ici.",
    "es": "Volverá a recibir nuestros mensajes aquí.",
    "ar": "ستصلك رسائلنا هنا من جديد.",
    "it": "Qui riceverà di nuovo i nostri messaggi.",
    "pt": "Vai voltar a receber as nossas mensagens aqui.",
    "nl": "U krijgt onze berichten hier weer.",
    "pl": "Nasze wiadomości będą tu znów przychodzić.",
    "sv": "Du får våra meddelanden här igen.",
    "tr": "Mesajlarımızı burada yeniden alacaksınız.",
    "ja": "こちらで再びメッセージをお受け取りいただけます。",
}


class ConsentChange(Value, frozen=True, kw_only=True):
    """What a message says about consent. ``word``: it is a bare STOP or START; ``rest`` is what
    else it says; ``languages`` are those in which it can be read so."""

    consent: Literal["out", "in"]
    word: bool = False
    rest: str = ""
    languages: tuple[str, ...] = ()

    def asks(self, turn: Turn, policy: Policy) -> bool:
        """Whether the rest brings something that a person must read: a question, the number of an
        order, or a matter that was understood."""
        if len(self.rest.split()) < LONG_REST:
            return False
        matter = confident_intent(turn, policy)
        asked = any(mark in self.rest for mark in "?؟？") or _NUMBER.search(self.rest)
        return bool(asked) or matter not in (None, *policy.pass_by_intents)


def _words(work: WorkItem) -> str:
    """What the customer wrote; the subject of a mail that says nothing else."""
    text = work.inbound.text if work.inbound else ""
    return text if text.strip() else base_subject(new_subject(work) or "")


def read_consent(work: WorkItem) -> ConsentChange | None:
    """What the customer's own words say about consent, where the channel has not said it. START
    counts only from an address that opted out. A bare STOP does not count where it belongs to a
    survey: while one is open, or again after one that it has answered."""
    inbound = work.inbound
    if inbound is None or work.kind != "message" or inbound.consent or inbound.answered:
        return None
    if inbound.automatic:
        return None
    text = _words(work)
    if work.opted_out and is_start_word(text):
        return ConsentChange(consent="in", word=True)
    of_survey = work.survey is not None or repeats_stop(work)
    if is_stop_word(text) and not of_survey:
        return ConsentChange(consent="out", word=True)
    rest = remainder(text)
    if rest is None:
        return None
    return ConsentChange(consent="out", rest=rest, languages=languages_of(text))


def repeats_stop(work: WorkItem) -> bool:
    """Whether it is a bare STOP after the end of a case, from a customer who wants no surveys."""
    inbound, over = work.inbound, work.closed is not None
    return over and work.customer.opted_out and bool(inbound and is_stop_word(inbound.text))


def opts_in(work: WorkItem) -> bool:
    """Whether the message takes an opt-out back."""
    inbound = work.inbound
    if inbound is None or work.kind != "message" or not work.opted_out:
        return False
    return inbound.consent == "in" or (inbound.consent is None and is_start_word(_words(work)))


def confirmation(change: ConsentChange, turn: Turn, traits: Traits) -> Reply | None:
    """What the customer is told, once; None when the provider tells them, or when they know."""
    if change.word and traits.confirms_opt_out:
        return None
    if change.consent == "out" and turn.opted_out:
        return None
    texts = CONFIRMED if change.consent == "out" else RESUMED
    spoken = change.languages or (turn.language,)
    language = turn.language if turn.language in spoken else spoken[0]
    language = language if language in texts else "en"
    purpose: Literal["opt_out", "notice"] = "opt_out" if change.consent == "out" else "notice"
    return Reply(opener="", body=(texts[language],), language=language, purpose=purpose)


def unanswered_while_out(history: tuple[Message, ...]) -> bool:
    """Whether the customer asked something while opted out that nobody has answered."""
    for message in reversed(history):
        arrived = message.purpose != "opt_out" and message.status not in ("failed", "discarded")
        if message.author in ("bot", "agent") and not message.internal and arrived:
            return False
        codes = [r.code for r in message.route.reasons] if message.route else []
        action = message.route.action if message.route else None
        if message.author == "customer" and "opted_out" in codes and action == "escalate":
            return True
    return False


def ask_again_timer(work: WorkItem) -> Timer:
    """Brings the question to a person unless the customer goes on with the bot."""
    due = work.at + UNANSWERED_AFTER
    return Timer(name=UNANSWERED, due_at=due, data={"turn": str(work.id)})
