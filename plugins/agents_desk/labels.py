"""Labels: codes, times and sizes as plain English."""

from __future__ import annotations

from datetime import datetime

from gateway import (
    Address,
    Agent,
    Conversation,
    LinkedAddress,
    Message,
    Promise,
    Route,
    State,
    code_label,
    priority_label,
)

CHANNELS = {
    "webchat": "Web chat",
    "email": "E-mail",
    "sms": "SMS",
    "rest": "REST",
    "slack": "Slack",
    "telegram": "Telegram",
    "whatsapp": "WhatsApp",
}
STATUSES = {
    "received": "received",
    "queued": "sending",
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "unsure": "may not have arrived",
    "failed": "not delivered",
    "discarded": "held back, not sent",
}
STATES = {
    "bot": "With the bot",
    "waiting": "Waiting for a person",
    "person": "With a person",
    "resolved": "Resolved",
}
PURPOSES = {
    "message": "wrote",
    "answer": "answered",
    "clarify": "asked a clarifying question",
    "fallback": "had no answer",
    "handover": "handed over",
    "notice": "sent a notice",
    "survey": "sent a survey",
    "thanks": "said thanks",
    "alarm": "raised an alarm",
    "opt_out": "confirmed the opt-out",
    "ask_address": "asked for an e-mail address",
}
ACTIONS = {
    "automate": "The bot may answer",
    "clarify": "Ask one clarifying question",
    "escalate": "Escalate to a person",
    "pass": "Pass to the person who has it",
}


FACTS = {
    "order": "Order",
    "email": "E-mail",
    "phone": "Phone",
    "item": "Article",
    "colour": "Colour",
}


def fact(name: str) -> str:
    """A fact's name, for the card."""
    return FACTS.get(name) or name.capitalize()


def promise_state(promise: Promise, now: datetime) -> str:
    """``open``, ``kept``, ``kept late``, ``broken``, ``replaced`` or ``withdrawn``."""
    if promise.is_overdue(now):
        return "broken"
    if promise.state == "kept" and promise.is_broken(now):
        return "kept late"
    return promise.state


def due(at: datetime, now: datetime) -> str:
    """Until when: ``due in 2 h``, ``due 3 days ago``."""
    if at >= now:
        return f"due in {duration(now, at)}".replace("in now", "now")
    return f"due {ago(at, now)}"


def channel(name: str) -> str:
    return CHANNELS.get(name) or name.capitalize()


def by_channel(name: str) -> str:
    """The channel within a sentence: ``web chat``, but ``SMS``."""
    title = channel(name)
    return title.lower() if name in ("webchat", "email") else title


def linked(link: LinkedAddress, agent: str = "") -> str:
    """How an address was linked, for the agent with the id ``agent``."""
    if link.how == "code":
        return "confirmed by a code"
    if link.how == "reply":
        return "confirmed by answering our mail"
    if link.agent is None:
        return "linked by a colleague"
    return "linked by you" if link.agent.id == agent else f"linked by {link.agent.name}"


def state(conversation: Conversation, agent: str = "") -> str:
    """Who has a conversation: ``With Ana``."""
    return state_of(conversation.state, conversation.owner, agent)


def state_of(state: State, owner: Agent | None, agent: str = "") -> str:
    """As `state`."""
    if state != "person" or owner is None:
        return STATES[state]
    return "With you" if owner.id == agent else f"With {owner.name}"


def author(message: Message, customer: str, agent: str = "") -> str:
    if message.author == "customer":
        return customer
    if message.author == "agent" and message.agent is not None:
        return "You" if message.agent.id == agent else message.agent.name
    return {"bot": "Bot", "agent": "A colleague", "system": "Warmline"}[message.author]


def decision(route: Route) -> str:
    """What was decided, without the reasons."""
    if route.action != "escalate":
        return ACTIONS[route.action]
    skills = f", skills {', '.join(route.skills)}" if route.skills else ""
    urgency = f", priority {priority_label(route.priority)}" if route.priority else ""
    return f"To a person: {code_label(route.tier)}{skills}{urgency}"


def customer_name(customer: str | None, address: Address) -> str:
    """The customer's name, or else the address. A web chat's address is a long random id: its
    first characters stand for it."""
    if not customer and address.channel == "webchat":
        return f"Visitor {address.value[:4]}"
    return customer or address.value


def percent(share: float) -> str:
    return f"{round(100 * share)} %"


def duration(start: datetime, end: datetime) -> str:
    """A duration, as coarse as is still useful: ``now``, ``7 min``, ``2 h 5 min``, ``3 days``."""
    minutes = max(0, int((end - start).total_seconds())) // 60
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest and hours < 10 else f"{hours} h"
    days = minutes // (24 * 60)
    if days >= 2 * 365:
        return f"{days // 365} years"
    return "1 day" if days == 1 else f"{days} days"


def ago(at: datetime, now: datetime) -> str:
    """How long ago: ``just now``, ``7 min ago``."""
    elapsed = duration(at, now)
    return "just now" if elapsed == "now" else f"{elapsed} ago"


def exact_time(at: datetime) -> str:
    return f"{at:%d %B %Y, %H:%M} UTC".lstrip("0")


def alt_text(name: str) -> str:
    """What a picture's file name says of it: ``IMG_1234.jpg`` is ``Picture: IMG 1234``."""
    stem = name.rpartition(".")[0] or name
    return f"Picture: {stem.replace('_', ' ').replace('-', ' ').strip() or 'without a name'}"


def size(count: int) -> str:
    """A number of bytes: ``48 kB``."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
