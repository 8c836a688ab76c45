"""What codes are called on the card: pure functions from values to plain English."""

from __future__ import annotations

from datetime import datetime

from gateway import Address, Card, Cue, Emotion, Message, Reason

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
    "undeliverable": "A message could not be delivered",
    "no_answer": "Nobody here had an answer",
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
    "webchat": "web chat",
    "email": "e-mail",
    "sms": "SMS",
    "whatsapp": "WhatsApp",
    "rest": "REST",
    "slack": "Slack",
    "telegram": "Telegram",
}
FACES = {
    "calm": "😐",
    "pleased": "🙂",
    "confused": "🤔",
    "anxious": "😟",
    "frustrated": "😣",
    "angry": "😠",
    "urgent": "🚨",
}
PRIORITIES = ("normal", "soon", "high", "at once")
ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth",
            "ninth", "tenth")  # fmt: skip


def code(of: str) -> str:
    """``billing_dispute`` as words."""
    return of.replace("_", " ").replace(".", " ").strip() or "unknown"


def reason(of: Reason) -> str:
    return REASONS.get(of.code) or code(of.code).capitalize()


def cue(of: Cue) -> str:
    return CUES.get(of.kind) or code(of.kind)


def channel(name: str) -> str:
    return CHANNELS.get(name) or name


def priority(value: int) -> str:
    return PRIORITIES[max(0, min(value, 3))]


def face(label: str) -> str:
    return FACES.get(label, FACES["calm"])


def mood(emotion: Emotion) -> str:
    if emotion.label == "calm":
        return "calm"
    if emotion.intensity >= 0.7:
        return f"very {emotion.label}"
    return f"slightly {emotion.label}" if emotion.intensity < 0.35 else emotion.label


def name(customer: str | None, address: Address) -> str:
    """Whom we speak with: a name, else the address."""
    return customer or address.value


def who(message: Message, customer: str) -> str:
    if message.author == "customer":
        return customer
    if message.author == "agent" and message.agent is not None:
        return message.agent.name
    return {"bot": "Bot", "agent": "A colleague", "system": "Warmline"}[message.author]


def waited(since: datetime, now: datetime) -> str:
    """How long it has been, in steps that grow: a card need not change every minute for hours."""
    minutes = max(0, int((now - since).total_seconds() // 60))
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes if minutes < 10 else minutes // 5 * 5} min"
    if minutes < 24 * 60:
        half = " 30 min" if minutes % 60 >= 30 else ""
        return f"{minutes // 60} h{half}"
    days = minutes // (24 * 60)
    return "1 day" if days == 1 else f"{days} days"


def waiting_since(card: Card) -> datetime | None:
    """When the customer's first message came that no person has answered; None: nothing waits."""
    since: datetime | None = None
    for message in card.messages:
        if message.author == "agent" and not message.internal:
            since = None
        elif message.author == "customer" and since is None:
            since = message.at
    return since


def repeats(card: Card, now: datetime) -> str | None:
    """``third contact about this in 9 days``; None when it is the first."""
    about = card.conversation.intent
    same = [one for one in card.earlier if about and one.intent == about]
    if not same:
        return None
    count = len(same) + 1
    days = max(1, (now - min(one.opened_at for one in same)).days)
    nth = ORDINALS[count] if count < len(ORDINALS) else f"{count}th"
    within = "a day" if days == 1 else f"{days} days"
    return f"{nth.capitalize()} contact about this ({code(about or '')}) in {within}"


def size(count: int) -> str:
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.0f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"
