"""What the pages show: values made from the queue and the card, without any HTML."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from gateway import (
    Address,
    Agent,
    Attachment,
    ContextCard,
    Conversation,
    LinkedAddress,
    Message,
    QueueItem,
    Reason,
    Suggestion,
    Value,
)
from plugins.agents_desk import mood, words

Show = Literal["all", "mine", "waiting"]
SHOWS: tuple[Show, ...] = ("all", "mine", "waiting")


class Group(Value, frozen=True, kw_only=True):
    title: str
    items: tuple[QueueItem, ...]


class Queue(Value, frozen=True, kw_only=True):
    """The queue as one agent sees it. ``counts`` are by filter."""

    show: Show
    groups: tuple[Group, ...]
    counts: dict[str, int]
    next: QueueItem | None = None
    """Who has waited most pressingly, other than the open conversation."""


class Kept(Value, frozen=True, kw_only=True):
    """An attachment, and the message it came with."""

    file: Attachment
    message: Message


class Known(Value, frozen=True, kw_only=True):
    """An address of the customer, and how it was linked, where it was; ``here``: they write from
    it in this conversation."""

    address: Address
    linked: LinkedAddress | None
    here: bool


class Tried(Value, frozen=True, kw_only=True):
    """One thing that the bot did, in words."""

    what: str
    by: str
    message: Message


class Talk(Value, frozen=True, kw_only=True):
    """A conversation as one agent sees it. ``role``: what that agent can do with it now."""

    card: ContextCard
    name: str
    role: Literal["mine", "other", "open", "resolved"]
    reasons: tuple[Reason, ...]
    arc: mood.Arc | None
    tried: tuple[Tried, ...]
    files: tuple[Kept, ...]
    on_its_way: tuple[Message, ...]
    suggestion: Suggestion | None
    known: tuple[Known, ...]
    """Their addresses, that of this conversation first."""


class Change(Value, frozen=True, kw_only=True):
    """Someone was faster: how it stands, and what differs from what the agent saw."""

    now: str
    differences: tuple[str, ...]


def queue(items: Sequence[QueueItem], me: Agent, show: Show, *, here: int = 0) -> Queue:
    mine = tuple(i for i in items if i.conversation.owner and i.conversation.owner.id == me.id)
    waiting = tuple(i for i in items if i.conversation.owner is None)
    others = tuple(i for i in items if i not in mine and i not in waiting)
    groups = {
        "mine": (Group(title="Yours", items=mine),),
        "waiting": (Group(title="Waiting", items=waiting),),
    }
    everything = (*groups["mine"], *groups["waiting"], Group(title="With colleagues", items=others))
    return Queue(
        show=show,
        groups=tuple(g for g in groups.get(show, everything) if g.items),
        counts={"all": len(items), "mine": len(mine), "waiting": len(waiting)},
        next=next((i for i in waiting if i.conversation.id != here), None),
    )


def talk(card: ContextCard, me: Agent, *, way: frozenset[int] = frozenset()) -> Talk:
    """``way`` are ids of bot messages that a claim found already on their way."""
    draft = card.suggestion if card.suggestion and card.suggestion.outcome == "open" else None
    known = {m.id: m for m in card.on_its_way}
    known |= {m.id: m for m in card.messages if m.id in way and m.author == "bot"}
    return Talk(
        card=card,
        name=words.name(card.customer.name, card.conversation.address),
        role=role(card.conversation, me),
        reasons=card.handoff.reasons if card.handoff else (),
        arc=mood.arc(card.messages),
        tried=tuple(_tried(m) for m in card.messages if m.author == "bot" and not m.internal),
        files=tuple(Kept(file=f, message=m) for m in card.messages for f in m.attachments),
        on_its_way=tuple(known.values()),
        suggestion=draft,
        known=_addresses(card),
    )


def role(conversation: Conversation, me: Agent) -> Literal["mine", "other", "open", "resolved"]:
    if conversation.state == "resolved":
        return "resolved"
    if conversation.state != "person" or conversation.owner is None:
        return "open"
    return "mine" if conversation.owner.id == me.id else "other"


def change(card: ContextCard, me: Agent, *, state: str, last: int) -> Change:
    """What is different from when the agent saw ``state`` (in words) and the message ``last``."""
    now = words.state(card.conversation, me.id)
    differences = []
    if state and state != now:
        differences.append(f"When you opened it: {_lower(state)}. Now: {_lower(now)}.")
    fresh = [m for m in card.messages if m.id > last and m.author != "system"] if last else []
    if fresh:
        from_customer = sum(m.author == "customer" for m in fresh)
        differences.append(f"New since then: {_count(len(fresh), from_customer)}.")
    return Change(now=now, differences=tuple(differences))


def _addresses(card: ContextCard) -> tuple[Known, ...]:
    here = card.conversation.address
    linked = {one.address: one for one in card.linked}
    others = (one for one in card.identities if one != here)
    return tuple(
        Known(address=one, linked=linked.get(one), here=one == here) for one in (here, *others)
    )


def _count(all_of_them: int, from_customer: int) -> str:
    messages = "1 message" if all_of_them == 1 else f"{all_of_them} messages"
    return f"{messages}, {from_customer} of the customer" if from_customer else messages


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


def _tried(message: Message) -> Tried:
    what = words.PURPOSES[message.purpose].capitalize()
    return Tried(what=what, by=message.handler or "", message=message)
