"""What codes are called on the page: pure functions from values to plain English."""

from __future__ import annotations

from datetime import datetime

from gateway import Address, Conversation, Emotion, LinkedAddress, Message, Reason, Route

REASONS = {
    "asked_for_person": "Asked for a person",
    "harm": "Speaks of harm or danger",
    "legal": "Speaks of legal steps",
    "urgent": "Urgent",
    "strong_emotion": "Strong feelings",
    "sensitive_intent": "A sensitive matter",
    "language": "A language the bot does not serve well",
    "plugin_failed": "Something of ours failed",
    "unreadable": "The message could not be read",
    "loop": "Two machines were answering each other",
    "bot_failed": "The bot's answers did not help",
    "survey_unsolved": "Said afterwards that it is not solved",
    "repeat_contact": "Has written about this before",
    "out_of_scope": "Outside what the bot knows",
    "low_confidence": "The bot was not sure what is meant",
    "unclaimed": "Nobody took it in time",
    "transferred": "Transferred by a colleague",
    "transfer": "Transferred by a colleague",
}
CUES = {
    "shouting": "in capitals",
    "repetition": "said again",
    "punctuation": "repeated marks",
    "elongation": "drawn-out letters",
    "asked_for_person": "asks for a person",
    "not_helped": "the last answer missed",
    "harm": "harm",
    "legal": "legal words",
    "urgency": "urgent",
    "thanks": "thanks",
}
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
    "discarded": "held back, never sent",
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
    "clarify": "asked back",
    "fallback": "had no answer",
    "handover": "handed over",
    "notice": "gave notice",
    "survey": "asked how it went",
    "thanks": "said thanks",
}
ACTIONS = {
    "automate": "The bot may answer",
    "clarify": "Ask back once",
    "escalate": "To a person",
    "pass": "On to the person who has it",
}
PRIORITIES = ("normal", "soon", "high", "at once")


def plain(code: str) -> str:
    """``asked_for_person`` as words, for codes that we have no words for."""
    return code.replace("_", " ").replace(".", " ").strip() or "unknown"


def reason(of: Reason) -> str:
    return REASONS.get(of.code) or plain(of.code).capitalize()


def cue(kind: str) -> str:
    return CUES.get(kind) or plain(kind)


def channel(name: str) -> str:
    return CHANNELS.get(name) or name.capitalize()


def linked(of: LinkedAddress, me: str = "") -> str:
    """On what proof an address was linked."""
    if of.how == "code":
        return "proven by a code"
    if of.agent is None:
        return "linked by a colleague"
    return "linked by you" if of.agent.id == me else f"linked by {of.agent.name}"


def priority(value: int) -> str:
    return PRIORITIES[max(0, min(value, 3))]


def mood(emotion: Emotion) -> str:
    """The label with how strongly it is felt: ``slightly anxious``, ``very angry``."""
    if emotion.label == "calm":
        return "calm"
    if emotion.intensity >= 0.7:
        return f"very {emotion.label}"
    return f"slightly {emotion.label}" if emotion.intensity < 0.35 else emotion.label


def state(of: Conversation, me: str = "") -> str:
    """Where a conversation is, as one line: ``With Ana``."""
    if of.state != "person" or of.owner is None:
        return STATES[of.state]
    return "With you" if of.owner.id == me else f"With {of.owner.name}"


def author(message: Message, customer: str, me: str = "") -> str:
    if message.author == "customer":
        return customer
    if message.author == "agent" and message.agent is not None:
        return "You" if message.agent.id == me else message.agent.name
    return {"bot": "Bot", "agent": "A colleague", "system": "Warmline"}[message.author]


def route(of: Route) -> str:
    """What was decided, without its reasons."""
    if of.action != "escalate":
        return ACTIONS[of.action]
    skills = f", for {', '.join(of.skills)}" if of.skills else ""
    pressing = f", {priority(of.priority)}" if of.priority else ""
    return f"To a person: {plain(of.tier)}{skills}{pressing}"


def name(customer: str | None, address: Address) -> str:
    """Whom we speak with: a name, else the address; of a web chat, whose address is a number
    nobody can remember, its beginning."""
    if not customer and address.channel == "webchat":
        return f"Visitor {address.value[:4]}"
    return customer or address.value


def percent(share: float) -> str:
    return f"{round(100 * share)} %"


def span(start: datetime, end: datetime) -> str:
    """How long it has been, in the coarsest words that still help: ``now``, ``7 min``,
    ``2 h 5 min``, ``3 days``."""
    minutes = max(0, int((end - start).total_seconds())) // 60
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        hours, rest = divmod(minutes, 60)
        return f"{hours} h {rest} min" if rest and hours < 10 else f"{hours} h"
    days = minutes // (24 * 60)
    return "1 day" if days == 1 else f"{days} days"


def since(at: datetime, now: datetime) -> str:
    """How long ago it was: ``just now``, ``7 min ago``."""
    told = span(at, now)
    return "just now" if told == "now" else f"{told} ago"


def exact(at: datetime) -> str:
    return f"{at:%d %B %Y, %H:%M} UTC".lstrip("0")


def size(count: int) -> str:
    """Bytes as people read them."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
