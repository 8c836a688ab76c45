"""The context card as one message in Block Kit. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from channels.slack.agents import blocks as kit
from channels.slack.agents import labels as words
from channels.slack.agents.blocks import Block
from channels.slack.agents.text import escape, fit, short
from gateway import Card, Cue, Message, Value

SHOWN = 6
"""Messages of the conversation that stand on the card; the thread has all."""
MOODS = 8


class Face(Value, frozen=True, kw_only=True):
    """What is shown: ``text`` is for notifications and screen readers."""

    text: str
    blocks: tuple[Block, ...]


def face(card: Card, now: datetime, *, away: frozenset[str] = frozenset()) -> Face:
    """The card as it stands at ``now``; ``away`` are ids of agents who are on a break."""
    blocks = [block for block in _blocks(card, now, away) if block]
    return Face(text=_headline(card), blocks=tuple(blocks[: kit.MOST]))


def whole(card: Card) -> bool:
    """Whether the card shows every word that was said so far."""
    said = _public(card)
    return len(said) <= SHOWN and all(len(one.text) <= 280 for one in said)


def transcript(card: Card) -> Face:
    """All that was said, for the thread: what does not fit on the card."""
    name = _name(card)
    lines = [f"*{escape(words.who(m, name))}*: {fit(m.text, 2500)}" for m in _public(card)]
    sections, room = [""], 45
    for line in lines:
        if len(sections[-1]) + len(line) + 1 > kit.SECTION:
            sections.append("")
        sections[-1] = f"{sections[-1]}\n{line}".strip()
    left_out = len(sections) > room
    blocks = [kit.context("The conversation so far")]
    if left_out:
        blocks.append(kit.context("The beginning is left out here; it is at the desk."))
    blocks += [kit.section(text) for text in sections[-room:] if text]
    return Face(text="The conversation so far", blocks=tuple(blocks))


def _blocks(card: Card, now: datetime, away: frozenset[str]) -> Iterator[Block]:
    yield kit.header(f"{_name(card)} · {words.channel(card.conversation.address.channel)}")
    yield kit.context(_standing(card, now, away))
    if again := words.repeats(card, now):
        yield kit.context(f"🔁 {escape(again)}")
    if reasons := _reasons(card):
        yield kit.section(f"*Why it is here*\n{reasons}")
    if card.summary:
        yield kit.section("*In short*\n" + fit(" ".join(card.summary), 2900))
    if moods := _moods(card):
        yield kit.section(f"*Mood*\n{moods}")
    if said := _said(card):
        yield kit.section(f"*What was said last*\n{said}")
    if tried := _tried(card):
        yield kit.section(f"*What the bot has said*\n{tried}")
    if card.facts:
        yield kit.fields(
            [f"*{short(f.name, 200)}*\n{short(f.value, 1500)}" for f in card.facts[-10:]]
        )
    yield from _history(card)
    for message in card.on_its_way[:3]:
        yield kit.context(f"⚠️ Was on its way already: {short(message.text, 500)}")
    yield from _suggestion(card)
    yield from _deeds(card)


def _headline(card: Card) -> str:
    reasons = card.handoff.reasons if card.handoff else ()
    why = words.reason(reasons[0]) if reasons else "with a person"
    place = words.channel(card.conversation.address.channel)
    return short(f"{_name(card)} on {place}: {why}", 300)


def _name(card: Card) -> str:
    name = words.name(card.customer.name, card.conversation.address)
    return " ".join(name.split())[:60] or "A customer"


def _standing(card: Card, now: datetime, away: frozenset[str]) -> str:
    seen, handoff = card.conversation, card.handoff
    parts = [_state(card, away)]
    since = words.waiting_since(card)
    if since is not None and seen.state in ("waiting", "person"):
        parts.append(f"⏱ waits {words.waited(since, now)}")
    if handoff is not None and seen.state == "waiting":
        parts.append(f"priority *{words.priority(handoff.priority)}*")
    if handoff is not None:
        skills = f" ({', '.join(handoff.skills)})" if handoff.skills else ""
        parts.append(escape(f"{words.code(handoff.tier)}{skills}"))
    if seen.language:
        parts.append(f"writes {escape(seen.language)}")
    return "   ".join(parts)


def _state(card: Card, away: frozenset[str]) -> str:
    seen = card.conversation
    if seen.state == "waiting":
        return "🟠 *Waiting for a person*"
    if seen.state == "person" and seen.owner is not None:
        pause = " (on a break)" if seen.owner.id in away else ""
        return f"🟢 With *{short(seen.owner.name, 80)}*{pause}"
    return "✅ *Resolved*" if seen.state == "resolved" else "🤖 Back with the bot"


def _reasons(card: Card) -> str:
    lines = []
    for one in card.handoff.reasons[:8] if card.handoff else ():
        detail = f": {short(one.detail, 250)}" if one.detail else ""
        lines.append(f"• {escape(words.reason(one))}{detail}")
    return "\n".join(lines)


def _moods(card: Card) -> str:
    """The arc, oldest first, each mood with the words that showed it."""
    told = [m for m in card.messages if m.author == "customer" and m.understanding][-MOODS:]
    lines = []
    for message in told:
        known = message.understanding
        if known is None:
            continue
        shown = ", ".join(f"“{short(c.text, 80)}” ({words.cue(c)})" for c in _cues(message)[:4])
        line = f"{words.face(known.emotion.label)} {words.mood(known.emotion)}"
        lines.append(f"{line}: {shown}" if shown else line)
    path = [line for i, line in enumerate(lines) if i == 0 or line != lines[i - 1]]
    return "\n".join(path)[: kit.SECTION - 100]


def _cues(message: Message) -> list[Cue]:
    """Cues that really stand in the text; of a calm customer only the signals."""
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


def _public(card: Card) -> list[Message]:
    kept = ("discarded", "unsure")
    return [m for m in card.messages if not m.internal and m.status not in kept]


def _said(card: Card) -> str:
    name = _name(card)
    lines = []
    for message in _public(card)[-SHOWN:]:
        files = "".join(f" 📎 {short(f.name, 40)}" for f in message.attachments[:2])
        edited = " _(edited)_" if message.edited else ""
        who = escape(words.who(message, name))
        lines.append(f"*{who}*: {short(message.text, 300)}{edited}{files}")
    return "\n".join(lines)[: kit.SECTION - 100]


def _tried(card: Card) -> str:
    said = [m for m in _public(card) if m.author == "bot" and m.purpose != "handover"]
    lines = [
        f"• {escape(words.code(m.handler or m.purpose))}: {short(m.text, 250)}"
        for m in said[-5:]
        if m.text.strip()
    ]
    return "\n".join(lines)


def _history(card: Card) -> Iterator[Block]:
    here = card.conversation.address
    others = [a for a in card.identities if a != here]
    if others:
        told = ", ".join(f"{words.channel(a.channel)} {short(a.value, 80)}" for a in others[:8])
        yield kit.context(f"Also known on: {told}")
    lines = []
    for one in card.earlier[:3]:
        about = escape(words.code(one.intent)) if one.intent else "something else"
        score = f", {one.score} of 5" if one.score is not None else ""
        where = words.channel(one.channel)
        lines.append(f"• {one.opened_at:%Y-%m-%d} on {where}: {about}, {one.mood}{score}")
    if lines:
        yield kit.section("*Earlier*\n" + "\n".join(lines))


def _suggestion(card: Card) -> Iterator[Block]:
    draft, seen = card.suggestion, card.conversation
    if draft is None or draft.outcome != "open" or seen.state not in ("waiting", "person"):
        return
    value = f"{seen.id}:{draft.id}"
    yield kit.divider()
    yield kit.section(f"*Suggested answer*\n{fit(draft.text, 2900)}")
    yield kit.actions(
        "suggestion",
        kit.button("Send", "agents:suggestion:send", value, style="primary"),
        kit.button("Edit", "agents:suggestion:edit", value),
        kit.button("Ignore", "agents:suggestion:ignore", value),
    )


def _deeds(card: Card) -> Iterator[Block]:
    seen = card.conversation
    if seen.state not in ("waiting", "person"):
        return
    value = str(seen.id)
    transfer = kit.button("Transfer", "agents:transfer", value)
    yield kit.divider()
    if seen.state == "waiting":
        yield kit.actions(
            "deeds", kit.button("Claim", "agents:claim", value, style="primary"), transfer
        )
    else:
        owner = seen.owner.name if seen.owner else "A colleague"
        take = kit.button(
            "Take over",
            "agents:take",
            value,
            confirm=(f"{owner[:80]} has this conversation. Take it over?", "Take it over"),
        )
        yield kit.actions(
            "deeds",
            kit.button("Resolve", "agents:resolve", value, style="primary"),
            kit.button("Hand back", "agents:hand_back", value),
            transfer,
            take,
        )
    yield kit.context(
        "Reply in the thread to answer. `note:` at the beginning, or a 🔒, keeps it among us."
    )
