"""What a conversation looks like in Slack: the context card. Pure."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from datetime import datetime

from channels.slack.agents import blocks as kit
from channels.slack.agents.blocks import Block
from channels.slack.agents.case import case_blocks
from channels.slack.agents.labels import (
    author_label,
    channel_label,
    customer_label,
    duration_label,
    mood_face,
    place_label,
    repeat_label,
    waiting_since,
)
from channels.slack.markup import TOGETHER, escape, fit, one_line, shortened, size
from gateway import (
    ContextCard,
    Cue,
    Message,
    StoryLine,
    Value,
    code_label,
    cue_label,
    mood_label,
    priority_label,
    reason_label,
)

ON_CARD = 6
"""Messages of the conversation that the card shows; the thread has all."""
MOODS = 8
SHORT = 60
"""Characters to which a text on the card is cut at most."""
KEPT_WHOLE = ("*Suggested answer*",)


class SlackPost(Value, frozen=True, kw_only=True):
    """A message in Block Kit; ``text`` is for notifications and screen readers."""

    text: str
    blocks: tuple[Block, ...]


# -- the card --------------------------------------------------------------------------------------


def render_card(
    card: ContextCard,
    now: datetime,
    *,
    away: frozenset[str] = frozenset(),
    notes: bool = False,
) -> SlackPost:
    """The card at ``now``. ``away`` are ids of agents on a break; ``notes``: what is written in
    the thread is a note, and answers need a button."""
    blocks = [*_blocks(card, now, away), *_buttons(card, notes=notes)]
    shown = _within_limit(blocks[: kit.MOST])
    if size(shown) > TOGETHER:  # its texts cannot be shorter: facts are confirmed at the desk then
        kept = [b for b in blocks if not b.get("block_id", "").startswith(("fact-", "promise-"))]
        shown = _within_limit(kept[: kit.MOST])
    return SlackPost(text=_headline(card), blocks=shown)


def shows_everything(card: ContextCard) -> bool:
    """Whether the card shows every message in full."""
    messages = public_messages(card)
    return len(messages) <= ON_CARD and all(len(message.text) <= 280 for message in messages)


def erased_card() -> SlackPost:
    text = "This customer's data was erased."
    return SlackPost(text=text, blocks=(kit.section(text),))


def _blocks(card: ContextCard, now: datetime, away: frozenset[str]) -> Iterator[Block]:
    yield kit.header(f"{customer_name(card)} · {place_label(card)}")
    yield kit.context(_state_line(card, now, away))
    if repeat := repeat_label(card, now):
        yield kit.context(f"🔁 {escape(repeat)}")
    story = card.story
    need = f"{escape(story.need.line)}" if story and story.need else ""
    for title, body in (
        ("What the customer needs now", need),
        ("Why it is here", _reasons(card)),
        ("Wanted", _lines(story.wanted) if story else ""),
        ("Summary", "" if story and story.wanted and not _written(card) else _summary(card)),
        ("Promised", _promises(card, now)),
        ("Open questions", _lines(story.questions) if story else ""),
        ("Mood", _moods(card)),
        ("Latest messages", _latest(card)),
        ("What the bot has said", _bot_answers(card)),
    ):
        if body:
            yield kit.section(f"*{title}*\n{body}")
    if stated := _stated(card):
        yield kit.section(f"*The customer stated*\n{stated}")
    elif card.story and card.story.facts:
        facts = [
            f"• {code_label(f.name)} *{one_line(f.value, 100)}*" for f in card.story.facts[-10:]
        ]
        yield kit.section("*The customer stated*\n" + "\n".join(facts))
    yield from case_blocks(card)
    if card.facts:
        yield kit.fields(
            [f"*{one_line(f.name, 200)}*\n{one_line(f.value, 1500)}" for f in card.facts[-10:]]
        )
    yield from _history(card)
    for message in card.on_its_way[:3]:
        yield kit.context(f"⚠️ Was already being sent: {one_line(message.text, 500)}")
    yield from _suggestion(card)


def _summary(card: ContextCard) -> str:
    return fit(" ".join(card.summary), 2900)


def _written(card: ContextCard) -> bool:
    """Whether a summariser wrote the summary, or it says what was said to a customer in danger."""
    lines = card.summary
    said = any(line.startswith(("Was told", "Was perhaps not told")) for line in lines)
    return bool(lines) and (lines[-1].startswith("Written by") or said)


def _lines(lines: Sequence[StoryLine]) -> str:
    return "\n".join(f"• “{one_line(line.text, 200)}”" for line in lines)


def _promises(card: ContextCard, now: datetime) -> str:
    """The promises, as the desk's card shows them."""
    shown = []
    for promise in card.promises[-5:]:
        late = promise.is_overdue(now)
        state = "❗ *broken*" if late else escape(promise.state)
        who = one_line(promise.agent.name, 60) if promise.agent else "the bot"
        day = f"{promise.due:%d %b}" if promise.whole_day else f"{promise.due:%d %b %H:%M} UTC"
        shown.append(f"• {state}: {who}, until {day}: “{one_line(promise.words, 150)}”")
    return "\n".join(shown)


def _headline(card: ContextCard) -> str:
    reasons = card.handoff.reasons if card.handoff else ()
    why = reason_label(reasons[0].code) if reasons else "with a person"
    channel = place_label(card)
    return one_line(f"{customer_name(card)} on {channel}: {why}", 300)


def customer_name(card: ContextCard) -> str:
    """As `customer_label`."""
    return customer_label(card.customer.name, card.conversation.address)


def _state_line(card: ContextCard, now: datetime, away: frozenset[str]) -> str:
    conversation, handoff = card.conversation, card.handoff
    parts = [_state(card, away)]
    since = waiting_since(card)
    if since is not None and conversation.state in ("waiting", "person"):
        waited = duration_label(since, now)
        parts.append("⏱ arrived just now" if waited == "just now" else f"⏱ waiting {waited}")
    if handoff is not None and conversation.state == "waiting":
        parts.append(f"priority *{priority_label(handoff.priority)}*")
    if handoff is not None:
        skills = f" ({', '.join(handoff.skills)})" if handoff.skills else ""
        parts.append(escape(f"{code_label(handoff.tier)}{skills}"))
    if conversation.language:
        parts.append(f"language {escape(conversation.language)}")
    return "   ".join(parts)


def _state(card: ContextCard, away: frozenset[str]) -> str:
    conversation = card.conversation
    if conversation.state == "waiting":
        return "🟠 *Waiting for a person*"
    if conversation.state == "person" and conversation.owner is not None:
        pause = " (on a break)" if conversation.owner.id in away else ""
        return f"🟢 With *{one_line(conversation.owner.name, 80)}*{pause}"
    return "✅ *Resolved*" if conversation.state == "resolved" else "🤖 Back with the bot"


def _reasons(card: ContextCard) -> str:
    lines = []
    for reason in card.handoff.reasons[:8] if card.handoff else ():
        detail = f": {one_line(reason.detail, 250)}" if reason.detail else ""
        lines.append(f"• {escape(reason_label(reason.code))}{detail}")
    return "\n".join(lines)


def _moods(card: ContextCard) -> str:
    """The arc, oldest first, each mood with the words that showed it."""
    understood = [
        (message, message.understanding.emotion)
        for message in card.messages
        if message.author == "customer" and message.understanding
    ]
    lines: list[str] = []
    for message, emotion in understood[-MOODS:]:
        cues = [f"“{one_line(c.text, 80)}” ({cue_label(c.kind)})" for c in _cues(message)[:4]]
        line = f"{mood_face(emotion.label)} {mood_label(emotion)}"
        line = f"{line}: {', '.join(cues)}" if cues else line
        if lines[-1:] != [line]:
            lines.append(line)
    return "\n".join(lines)[: kit.SECTION - 100]


def _cues(message: Message) -> list[Cue]:
    """Cues that match the text; of a calm customer the signals only."""
    known = message.understanding
    if known is None:
        return []
    felt = () if known.emotion.label == "calm" else known.emotion.cues
    found = {
        (cue.start, cue.end): cue
        for cue in (*felt, *known.signals)
        if 0 <= cue.start < cue.end and message.text[cue.start : cue.end] == cue.text
    }
    return [found[place] for place in sorted(found)]


def public_messages(card: ContextCard) -> list[Message]:
    """What the customer wrote or got, oldest first."""
    unseen = ("discarded", "unsure")
    return [m for m in card.messages if not m.internal and m.status not in unseen]


def _latest(card: ContextCard) -> str:
    lines = []
    for message in public_messages(card)[-ON_CARD:]:
        files = "".join(f" 📎 {one_line(f.name, 40)}" for f in message.attachments[:2])
        edited = " _(edited)_" if message.edited else ""
        who = escape(who_wrote(message, card))
        lines.append(f"*{who}*: {one_line(shown_words(message), 300)}{edited}{files}")
    return "\n".join(lines)[: kit.SECTION - 100]


def who_wrote(message: Message, card: ContextCard) -> str:
    """Who wrote ``message``, and where, if the history came by several channels."""
    channel = card.channel_of(message)
    by = author_label(message, customer_name(card))
    return f"{by} ({channel_label(channel)})" if channel else by


def shown_words(message: Message) -> str:
    """The text, below its subject where that is new and not part of it."""
    if not message.subject or message.text.startswith(message.subject):
        return message.text
    return f"Subject: {message.subject}\n{message.text}"


def _stated(card: ContextCard) -> str:
    """Slots such as order numbers, the newest last, each with the message it is from."""
    return "\n".join(
        f"• {escape(code_label(slot.name))} *{one_line(slot.value, 100)}* "
        f"in “{one_line(message.text or card.conversation.subject or '', 120)}”"
        for slot, message in card.slots[-8:]
    )


def _bot_answers(card: ContextCard) -> str:
    codes = [reason.code for reason in card.handoff.reasons] if card.handoff else []
    # Of a hand-over about harm, the agent must know what the customer was told to do.
    left_out = () if "harm" in codes else ("handover",)
    answers = [m for m in public_messages(card) if m.author == "bot" and m.purpose not in left_out]
    return "\n".join(
        f"• {escape(code_label(m.handler or m.purpose))}: {one_line(m.text, 250)}"
        for m in answers[-5:]
        if m.text.strip()
    )


def _history(card: ContextCard) -> Iterator[Block]:
    others = [a for a in card.identities if a != card.conversation.address]
    if others:
        known = ", ".join(f"{channel_label(a.channel)} {one_line(a.value, 80)}" for a in others[:8])
        yield kit.context(f"Also known on: {known}")
    lines = []
    for past in card.earlier[:3]:
        about = escape(code_label(past.intent)) if past.intent else "something else"
        score = f", {past.score} of 5" if past.score is not None else ""
        channel = channel_label(past.channel)
        lines.append(f"• {past.opened_at:%Y-%m-%d} on {channel}: {about}, {past.mood}{score}")
    if lines:
        yield kit.section("*Earlier*\n" + "\n".join(lines))


def _suggestion(card: ContextCard) -> Iterator[Block]:
    draft, conversation = card.suggestion, card.conversation
    if draft is None or draft.outcome != "open" or conversation.state not in ("waiting", "person"):
        return
    value = f"{conversation.id}:{draft.id}"
    yield kit.divider()
    yield kit.section(f"*Suggested answer*\n{fit(draft.text, 2900)}")
    yield kit.actions(
        "suggestion",
        kit.button("Send", "agents:suggestion:send", value, style="primary"),
        kit.button("Edit", "agents:suggestion:edit", value),
        kit.button("Ignore", "agents:suggestion:ignore", value),
    )


def _within_limit(blocks: list[Block]) -> tuple[Block, ...]:
    """``blocks`` with the longest texts shortened until Slack takes them all. What is cut stands
    in the thread or at the desk; a suggested answer is never cut, because it is sent as it is."""
    shown = copy.deepcopy(blocks)
    texts = [
        part
        for block in shown
        for part in (block.get("text"), *block.get("fields", ()), *block.get("elements", ()))
        if isinstance(part, dict)
        and part.get("type") == "mrkdwn"
        and not part["text"].startswith(KEPT_WHOLE)
    ]
    while size(shown) > TOGETHER:
        longest = max(texts, key=lambda part: len(part["text"]))
        if len(longest["text"]) < SHORT:
            break
        longest["text"] = shortened(longest["text"], len(longest["text"]) * 3 // 4)
    return tuple(shown)


def _buttons(card: ContextCard, *, notes: bool) -> Iterator[Block]:
    conversation = card.conversation
    if conversation.state not in ("waiting", "person"):
        return
    value = str(conversation.id)
    transfer = kit.button("Transfer", "agents:transfer", value)
    if conversation.state == "waiting":
        buttons = [kit.button("Claim", "agents:claim", value, style="primary"), transfer]
    else:
        owner = conversation.owner.name if conversation.owner else "A colleague"
        question = f"{owner[:80]} has this conversation. Take it over?"
        buttons = [
            kit.button("Resolve", "agents:resolve", value, style="primary"),
            kit.button("Hand back", "agents:hand_back", value),
            transfer,
            kit.button("Take over", "agents:take", value, confirm=(question, "Take over")),
        ]
    if notes:
        buttons.insert(0, kit.button("Reply", "agents:answer", value))
    yield kit.divider()
    yield kit.actions("conversation", *buttons)
    yield kit.context(
        "What you write in the thread is a note. Press *Reply* to answer the customer."
        if notes
        else "Reply in the thread to answer. Begin with `note:` or 🔒 to write an internal note."
    )
