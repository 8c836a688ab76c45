"""Plain English for the codes on a card. Pure."""

from __future__ import annotations

from datetime import datetime

from gateway import Address, ContextCard, Message, QueueItem, code_label

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
ORDINALS = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth",
            "ninth", "tenth")  # fmt: skip


def channel_label(name: str) -> str:
    return CHANNELS.get(name) or name


def place_label(found: ContextCard | QueueItem) -> str:
    """The channel, and what we call our side of it: ``SMS · North Outdoor``."""
    channel = channel_label(found.conversation.address.channel)
    return f"{channel} · {found.place}" if found.place else channel


def mood_face(label: str) -> str:
    return FACES.get(label, FACES["calm"])


def customer_label(name: str | None, address: Address) -> str:
    """The customer's name, else their address, on one line of at most 60 characters."""
    return " ".join((name or address.value).split())[:60] or "A customer"


def author_label(message: Message, customer: str) -> str:
    if message.author == "customer":
        return customer
    if message.author == "agent" and message.agent is not None:
        return message.agent.name
    return {"bot": "Bot", "agent": "A colleague", "system": "Warmline"}[message.author]


def duration_label(since: datetime, now: datetime) -> str:
    """How long ago, in growing steps: a card need not change every minute for hours."""
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


def waiting_since(card: ContextCard) -> datetime | None:
    """When the first message came that no person has answered; None: nothing waits. A case that
    was transferred, and that nobody has claimed since, waits as long as it did before."""
    since: datetime | None = None
    for message in card.messages:
        if message.author == "agent" and not message.internal:
            since = None
        elif message.author == "customer" and since is None and not message.asks_nothing:
            since = message.at
    handoff = card.handoff
    if handoff is None or handoff.first_at is None or handoff.claimed_at is not None:
        return since
    return min(since or handoff.first_at, handoff.first_at)


def repeat_label(card: ContextCard, now: datetime) -> str | None:
    """``Third contact about this (refund) in 9 days``; None when it is the first."""
    intent = card.conversation.intent
    same = [past for past in card.earlier if intent and past.intent == intent]
    if not same:
        return None
    count = len(same) + 1
    days = max(1, (now - min(past.opened_at for past in same)).days)
    nth = ORDINALS[count] if count < len(ORDINALS) else f"{count}th"
    within = "a day" if days == 1 else f"{days} days"
    return f"{nth.capitalize()} contact about this ({code_label(intent or '')}) in {within}"


def size_label(size: int) -> str:
    if size < 1000:
        return f"{size} B"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"
