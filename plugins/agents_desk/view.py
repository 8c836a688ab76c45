"""What the pages show: values made from the queue and the context card, without any HTML."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal
from urllib.parse import urlencode

from gateway import (
    Address,
    Agent,
    Attachment,
    ContextCard,
    Conversation,
    Cue,
    Emotion,
    LinkedAddress,
    Message,
    QueueItem,
    QueuePage,
    QueuePosition,
    Reason,
    Suggestion,
    Value,
    counted,
    cue_label,
    mood_label,
)
from plugins.agents_desk import labels

QueueFilter = Literal["all", "mine", "waiting"]
QUEUE_FILTERS: tuple[QueueFilter, ...] = ("all", "mine", "waiting")
AgentRole = Literal["mine", "other", "open", "resolved"]
"""What an agent can do with a conversation: it is theirs, a colleague's, free to claim, or
resolved."""

MOST_OF_COLLEAGUES = 200
"""Conversations of colleagues that a lead sees beside the queue."""
CHART_WIDTH, CHART_HEIGHT, CHART_MARGIN = 288.0, 64.0, 9.0
CHART_MESSAGES = 24
"""How many messages fit side by side in the mood chart."""
NOTABLE_CHANGE = 0.2
"""The smallest change of distress (0 to 1) that the text mentions."""

MOOD_ICONS = {
    "calm": "M2.5 6h7",
    "pleased": "M2.5 5c1 3 6 3 7 0",
    "confused": "M2 7c1.3-3 2.7-3 4-1s2.7 2 4-1",
    "anxious": "M1.5 6l1.5-2 2 4 2-4 2 4 1.5-2",
    "frustrated": "M2.5 8c1-3 6-3 7 0",
    "angry": "M2.5 3l7 6.5M9.5 3l-7 6.5",
    "urgent": "M6 1.5v5.5M6 10v.2",
}
"""An SVG path for each label, in a box of 12 by 12: moods differ in more than colour."""


class QueueGroup(Value, frozen=True, kw_only=True):
    """A part of the queue under its own heading."""

    title: str
    items: tuple[QueueItem, ...]
    more: int = 0
    """How many are left out."""


class QueueView(Value, frozen=True, kw_only=True):
    """The queue as one agent sees it. ``counts`` are by filter; ``current`` is the id of the open
    conversation, or 0."""

    show: QueueFilter
    current: int
    groups: tuple[QueueGroup, ...]
    counts: dict[str, int]
    brand: str = ""
    """Only conversations of this brand are shown; empty: of all."""
    brands: tuple[str, ...] = ()
    """Those to choose from, if there are several."""
    next: QueueItem | None = None
    """The most urgent one that waits, other than the open conversation."""
    after: QueuePosition | None = None
    """Where this part of the waiting ones begins; None: with the most urgent."""
    following: QueuePosition | None = None
    """Where the next part begins."""
    origin: str = ""
    """The list that the open conversation comes from, as `ListQuery.text`."""

    def address(self, page: str = "", **changes: str) -> str:
        """``page`` with the filter of this view, with ``changes``, from the most urgent on."""
        chosen = {"show": self.show, "brand": self.brand, "from": self.origin, **changes}
        kept = {name: value for name, value in chosen.items() if value not in ("", "all")}
        return page + (f"?{urlencode(kept)}" if kept else "")

    @property
    def next_part(self) -> str:
        """Where the part behind ``following`` is."""
        behind = self.following
        return self.address("/desk", after=f"{behind.priority}-{behind.handoff}" if behind else "")


class ReceivedFile(Value, frozen=True, kw_only=True):
    """An attachment and its message."""

    file: Attachment
    message: Message


class CustomerAddress(Value, frozen=True, kw_only=True):
    """An address of the customer, and how it was linked, if it was. ``current``: this conversation
    uses it."""

    address: Address
    linked: LinkedAddress | None
    current: bool


class BotStep(Value, frozen=True, kw_only=True):
    """One thing that the bot did, and the handler that did it."""

    what: str
    handler: str
    message: Message


class TextSpan(Value, frozen=True, kw_only=True):
    """A part of a message's text. ``cues`` are the labels of what it shows, often none."""

    text: str
    cues: tuple[str, ...] = ()


class MoodPoint(Value, frozen=True, kw_only=True):
    """One message of the customer in the mood chart; ``x`` and ``y`` are in SVG units."""

    x: float
    y: float
    message: Message
    emotion: Emotion
    cues: tuple[Cue, ...]


class MoodArc(Value, frozen=True, kw_only=True):
    """The mood chart, oldest message first. ``polyline`` is the ``points`` of an SVG polyline."""

    points: tuple[MoodPoint, ...]
    polyline: str
    text: str


class ConversationView(Value, frozen=True, kw_only=True):
    """A conversation as one agent sees it."""

    card: ContextCard
    name: str
    role: AgentRole
    reasons: tuple[Reason, ...]
    arc: MoodArc | None
    bot_steps: tuple[BotStep, ...]
    files: tuple[ReceivedFile, ...]
    in_flight: tuple[Message, ...]
    """Bot messages that were being sent when the conversation was claimed."""
    suggestion: Suggestion | None
    addresses: tuple[CustomerAddress, ...]
    """The customer's addresses, that of this conversation first."""


class ConflictSummary(Value, frozen=True, kw_only=True):
    """Another agent was faster: the state now, and what changed since the page was loaded."""

    state: str
    changes: tuple[str, ...]


def queue_view(
    page: QueuePage,
    agent: Agent,
    show: QueueFilter,
    *,
    current: int = 0,
    after: QueuePosition | None = None,
    brand: str = "",
    brands: tuple[str, ...] = (),
    origin: str = "",
) -> QueueView:
    """``current`` is the id of the open conversation; ``after`` is where ``page`` begins. ``page``
    holds conversations of ``brand`` alone, if there is one, of those ``brands`` that the agent may
    choose from."""
    mine = tuple(
        i for i in page.held if i.conversation.owner and i.conversation.owner.id == agent.id
    )
    others = tuple(
        i for i in page.held if not i.conversation.owner or i.conversation.owner.id != agent.id
    )
    groups = {
        "mine": QueueGroup(title="Yours", items=mine),
        "waiting": QueueGroup(title="Waiting", items=page.waiting),
        "others": QueueGroup(
            title="With colleagues",
            items=others[:MOST_OF_COLLEAGUES],
            more=max(0, len(others) - MOST_OF_COLLEAGUES),
        ),
    }
    shown = (groups[show],) if show in groups else groups.values()
    last = page.waiting[-1].position if page.waiting else None
    return QueueView(
        show=show,
        current=current,
        brand=brand,
        brands=brands if len(brands) > 1 else (),
        groups=tuple(group for group in shown if group.items),
        counts={"all": page.count + len(page.held), "mine": len(mine), "waiting": page.count},
        next=next((item for item in page.waiting if item.conversation.id != current), None),
        after=after,
        origin=origin,
        following=last if last and (after or page.count > len(page.waiting)) else None,
    )


def conversation_view(
    card: ContextCard, agent: Agent, *, in_flight: frozenset[int] = frozenset()
) -> ConversationView:
    """``in_flight`` are ids of bot messages that a claim found being sent."""
    suggestion = card.suggestion
    by_id = {message.id: message for message in card.on_its_way}
    by_id |= {m.id: m for m in card.messages if m.id in in_flight and m.author == "bot"}
    return ConversationView(
        card=card,
        name=labels.customer_name(card.customer.name, card.conversation.address),
        role=agent_role(card.conversation, agent),
        reasons=card.handoff.reasons if card.handoff else (),
        arc=mood_arc(card.messages),
        bot_steps=tuple(
            BotStep(
                what=labels.PURPOSES[message.purpose].capitalize(),
                handler=message.handler or "",
                message=message,
            )
            for message in card.messages
            if message.author == "bot" and not message.internal
        ),
        files=tuple(ReceivedFile(file=f, message=m) for m in card.messages for f in m.attachments),
        in_flight=tuple(by_id.values()),
        suggestion=suggestion if suggestion and suggestion.outcome == "open" else None,
        addresses=_addresses(card),
    )


def agent_role(conversation: Conversation, agent: Agent) -> AgentRole:
    if conversation.state == "resolved":
        return "resolved"
    if conversation.state != "person" or conversation.owner is None:
        return "open"
    return "mine" if conversation.owner.id == agent.id else "other"


def conflict_summary(card: ContextCard, agent: Agent, *, state: str, last: int) -> ConflictSummary:
    """What changed since the agent saw ``state`` (as a label) and the message with id ``last``."""
    now = labels.state(card.conversation, agent.id)
    changes = []
    if state and state != now:
        changes.append(f"When you opened it: {_lower_first(state)}. Now: {_lower_first(now)}.")
    new = [m for m in card.messages if m.id > last and m.author != "system"] if last else []
    if new:
        from_customer = sum(message.author == "customer" for message in new)
        count = counted(len(new), "message")
        origin = f", {from_customer} from the customer" if from_customer else ""
        changes.append(f"New since then: {count}{origin}.")
    return ConflictSummary(state=now, changes=tuple(changes))


def mood_icon(label: str) -> str:
    return MOOD_ICONS.get(label, MOOD_ICONS["calm"])


def visible_cues(message: Message) -> tuple[Cue, ...]:
    """The cues and signals whose spans match the text, in the order of the text.

    For a calm message only the signals: cues that changed nothing would be noise.
    """
    understanding = message.understanding
    if understanding is None:
        return ()
    emotion = understanding.emotion
    cues = {
        (cue.start, cue.end, cue.kind): cue
        for cue in (*(() if emotion.label == "calm" else emotion.cues), *understanding.signals)
        if 0 <= cue.start < cue.end and message.text[cue.start : cue.end] == cue.text
    }
    return tuple(cues[key] for key in sorted(cues))


def text_spans(message: Message) -> tuple[TextSpan, ...]:
    """The whole text, split where cues begin and end; overlapping cues share a span."""
    cues, text = visible_cues(message), message.text
    bounds = sorted({0, len(text), *(c.start for c in cues), *(c.end for c in cues)})
    return tuple(
        TextSpan(
            text=text[start:end],
            cues=tuple(
                dict.fromkeys(cue_label(c.kind) for c in cues if c.start <= start and end <= c.end)
            ),
        )
        for start, end in pairwise(bounds)
    )


def mood_arc(messages: Sequence[Message]) -> MoodArc | None:
    """The mood over the customer's messages; None when none of them has been understood yet."""
    customer = [m for m in messages if m.author == "customer" and m.understanding]
    customer = customer[-CHART_MESSAGES:]
    if not customer:
        return None
    step = (CHART_WIDTH - 2 * CHART_MARGIN) / max(1, len(customer) - 1)
    points = tuple(_point(CHART_MARGIN + step * index, m) for index, m in enumerate(customer))
    return MoodArc(
        points=points,
        polyline=" ".join(f"{point.x:.1f},{point.y:.1f}" for point in points),
        text=_describe_arc(points),
    )


def _point(x: float, message: Message) -> MoodPoint:
    emotion = message.understanding.emotion if message.understanding else Emotion()
    height = max(0.0, min(emotion.distress, 1.0)) * (CHART_HEIGHT - 2 * CHART_MARGIN)
    return MoodPoint(
        x=x,
        y=CHART_HEIGHT - CHART_MARGIN - height,
        message=message,
        emotion=emotion,
        cues=visible_cues(message),
    )


def _describe_arc(points: Sequence[MoodPoint]) -> str:
    first, last = points[0].emotion, points[-1].emotion
    worst = max((point.emotion for point in points), key=lambda emotion: emotion.distress)
    if len(points) == 1:
        return f"{mood_label(first).capitalize()} (one message)"
    if worst.distress > max(first.distress, last.distress) + NOTABLE_CHANGE:
        return f"{mood_label(worst).capitalize()} at one point, {mood_label(last)} now"
    if mood_label(first) == mood_label(last):
        return f"{mood_label(last).capitalize()} throughout"
    change = last.distress - first.distress
    trend = ""
    if abs(change) > NOTABLE_CHANGE:
        trend = ", getting worse" if change > 0 else ", getting better"
    return f"From {mood_label(first)} to {mood_label(last)}{trend}"


def _addresses(card: ContextCard) -> tuple[CustomerAddress, ...]:
    current = card.conversation.address
    linked = {link.address: link for link in card.linked}
    addresses = dict.fromkeys((current, *card.identities))
    return tuple(
        CustomerAddress(address=address, linked=linked.get(address), current=address == current)
        for address in addresses
    )


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
