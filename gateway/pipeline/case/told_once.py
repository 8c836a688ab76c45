"""A fact that the customer gave is not asked for again."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.model import CaseFact, ContextCard, Finding, Message, Reply, Turn
from gateway.pipeline.case.story import case_facts
from gateway.support.statements import asked_for, facts_told

RULE = "told_once"
LABELS = {
    "order": "order number",
    "email": "e-mail address",
    "phone": "phone number",
    "address": "address",
    "name": "name",
    "date": "date",
    "item": "article",
    "size": "size",
    "colour": "colour",
    "amount": "amount",
    "photo": "photo",
}
"""Facts as colleagues read them."""
STEADY = frozenset({"order", "email", "phone"})
"""Facts that a context source, such as a CRM, states for the customer. Not an address, for example:
there is an old one, and they may be moving."""


def told_once(text: str, card: ContextCard, zone: ZoneInfo) -> tuple[Finding, ...]:
    """Advice for an agent whose answer ``text`` asks for what the customer has given."""
    held = held_facts(card)
    who = card.customer.name or "The customer"
    found = []
    for asked in asked_for(text, card.conversation.language or "en"):
        if (fact := held.get(asked.name)) is None:
            continue
        when = _when(fact.at.astimezone(zone), card.messages[-1].at.astimezone(zone))
        gave = "sent a photo" if fact.name == "photo" else f"gave {_what(fact)}"
        found.append(
            Finding(
                rule=RULE,
                severity="info",
                start=asked.start,
                end=asked.end,
                message=f"{who} {gave} {when}.",
            )
        )
    return tuple(found)


def held_facts(card: ContextCard) -> dict[str, CaseFact]:
    """What is held for the case, the newest of each; on the channel ``email`` the address too."""
    held = {fact.name: fact for fact in case_facts(card)}
    address = card.conversation.address
    if address.channel == "email" and "email" not in held and card.messages:
        first = card.messages[0]
        held["email"] = CaseFact(name="email", value=address.value, message=first.id, at=first.at)
    return held


def _what(fact: CaseFact) -> str:
    return f"their {LABELS.get(fact.name, fact.name)} {fact.value}"


def _when(at: datetime, now: datetime) -> str:
    if at.date() == now.date():
        return f"at {at:%H:%M}"
    return f"on {at.day} {at:%B, %H:%M}"


def without_known_questions(reply: Reply, turn: Turn) -> Reply:
    """``reply`` of the bot, or a draft for an agent, without the sentences that ask for what the
    customer has given. One that would say nothing then stays as it is, and so does one with
    buttons: it asks to choose."""
    if reply.buttons:
        return reply
    parts = (*reply.body, reply.next_step or "")
    if not any(asked_for(part, reply.language) for part in parts):
        return reply
    told = _told(turn)
    if not told:
        return reply
    body = tuple(_without(part, reply.language, told) for part in reply.body)
    after = reply.replace(
        body=tuple(part for part in body if part),
        next_step=_without(reply.next_step or "", reply.language, told) or None,
    )
    return after if after.body or after.next_step else reply


def _told(turn: Turn) -> set[str]:
    """What the customer gave in this conversation, this message included."""
    own: list[Message] = [m for m in (*turn.history, turn.message) if m.author == "customer"]
    told = {fact.name for m in own for fact in facts_told(m.text, turn.language)}
    told |= {"photo" for message in own if message.attachments}
    # Slots with these names, facts of messages and the address of a mail count, too.
    known = tuple(fact for fact in turn.context.facts if fact.name in STEADY)
    given = turn.replace(context=turn.context.replace(facts=known))
    return told | {name for name in LABELS if given.given(name) is not None}


def _without(text: str, language: str, told: set[str]) -> str:
    by_sentence: dict[tuple[int, int], set[str]] = {}
    for asked in asked_for(text, language):
        by_sentence.setdefault((asked.start, asked.end), set()).add(asked.name)
    for (start, end), names in sorted(by_sentence.items(), reverse=True):
        if names <= told:
            text = f"{text[:start]}{text[end:]}"
    return " ".join(text.split()) if by_sentence else text
