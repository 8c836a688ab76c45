"""What one agent sees of everything: the App Home, and the answers to the slash command. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from channels.slack.agents import blocks as kit
from channels.slack.agents import dialogs as asks
from channels.slack.agents import labels as words
from channels.slack.agents.blocks import Block
from channels.slack.agents.store import Day, Reply
from channels.slack.agents.text import escape, plain, short
from gateway import QueueItem, Value

SHOWN = 15


class Desktop(Value, frozen=True, kw_only=True):
    """All that concerns agent ``me`` (``slack:U1``). ``threads`` are Slack timestamps by
    conversation; ``held`` replies wait for a word of theirs."""

    me: str
    items: tuple[QueueItem, ...]
    threads: dict[int, str]
    held: tuple[Reply, ...]
    day: Day
    away_since: str
    archive: str
    """Where the channel's messages are linked; empty when it is not known."""
    now: datetime

    @property
    def mine(self) -> tuple[QueueItem, ...]:
        return tuple(
            i for i in self.items if i.conversation.owner and i.conversation.owner.id == self.me
        )

    @property
    def waiting(self) -> tuple[QueueItem, ...]:
        return tuple(i for i in self.items if i.conversation.owner is None)


def view(desk: Desktop) -> Block:
    """The App Home."""
    blocks = [kit.context(_standing(desk)), kit.header("My conversations")]
    blocks += _list(desk, desk.mine, "Nothing is with you.")
    if desk.held:
        blocks.append(kit.header("Waiting for your word"))
        for reply in desk.held[:5]:
            blocks += _held(reply)
    blocks += [kit.header("Queue"), *_list(desk, desk.waiting, "Nobody waits.")]
    blocks += [kit.header("My day"), kit.section(_day(desk.day))]
    return {"type": "home", "blocks": blocks[:100]}


def stranger() -> Block:
    """The App Home of somebody who is no agent."""
    return {"type": "home", "blocks": [kit.section("This is where agents see their customers.")]}


def answer(command: str, desk: Desktop, slash: str) -> Block:
    """The answer to the slash command; only who typed it sees it."""
    if command == "mine":
        return said(_mine(desk))
    if command == "queue":
        return said(_lines(desk, desk.waiting, "Nobody waits."))
    if command == "available":
        return said("🟢 You are available.")
    if command == "break":
        back = f"come back with `{slash} available`."
        return said(f"⏸ You are on a break: cards show it, so that colleagues step in; {back}")
    return said(usage(slash))


def said(text: str) -> Block:
    return {"response_type": "ephemeral", "text": text}


def usage(slash: str) -> str:
    return "\n".join(
        (
            f"`{slash} mine`: conversations with you, and replies that wait for your word",
            f"`{slash} queue`: who waits, the most pressing first",
            f"`{slash} break` and `{slash} available`: whether colleagues should step in for you",
            f"`{slash} help`: this",
            "Reply in a card's thread to answer; `note:` at the beginning keeps it among us.",
        )
    )


def _standing(desk: Desktop) -> str:
    if not desk.away_since:
        return "🟢 You are available."
    since = words.waited(datetime.fromisoformat(desk.away_since), desk.now)
    return f"⏸ You are on a break ({since})."


def _mine(desk: Desktop) -> str:
    lines = [_lines(desk, desk.mine, "Nothing is with you.")]
    if desk.held:
        count = len(desk.held)
        what = "1 reply waits" if count == 1 else f"{count} replies wait"
        lines.append(f"✋ {what} for your word: see the Home tab of this app.")
    return "\n".join(lines)


def _lines(desk: Desktop, items: Sequence[QueueItem], none: str) -> str:
    lines = [_line(desk, item) for item in items[:SHOWN]]
    if len(items) > SHOWN:
        lines.append(f"and {len(items) - SHOWN} more")
    return "\n".join(lines) or none


def _list(desk: Desktop, items: Sequence[QueueItem], none: str) -> list[Block]:
    if not items:
        return [kit.context(none)]
    shown = [kit.section(_line(desk, item)) for item in items[:SHOWN]]
    more = [kit.context(f"and {len(items) - SHOWN} more")] if len(items) > SHOWN else []
    return shown + more


def _line(desk: Desktop, item: QueueItem) -> str:
    seen = item.conversation
    name = short(words.name(item.customer.name, seen.address), 60)
    why = escape(words.reason(item.handoff.reasons[0])) if item.handoff.reasons else ""
    parts = [
        f"{words.face(item.mood.label)} *{name}* on {words.channel(seen.address.channel)}",
        f"⏱ {words.waited(item.waiting_since, desk.now)}",
        f"priority {words.priority(item.handoff.priority)}" if item.handoff.priority else "",
        why,
        f"“{short(item.preview, 140)}”" if item.preview else "",
    ]
    thread = desk.threads.get(seen.id)
    place = f"{desk.archive}/p{thread.replace('.', '')}" if thread and desk.archive else ""
    link = f"<{place}|open>" if place else ""
    return " · ".join(part for part in (*parts, link) if part)


def _held(reply: Reply) -> list[Block]:
    why = reply.why or "It was not sent."
    blocks = asks.asking(reply, plain(reply.text, {}, reply.emoji), why)
    if reply.stage == "held":
        edit = kit.button("Edit", "agents:reply:edit", reply.id, style="primary")
        away = blocks[-1]["elements"][1:]
        blocks[-1] = kit.actions("held", edit, *away)
    blocks[-1]["block_id"] = f"held:{reply.id}"
    return blocks


def _day(day: Day) -> str:
    parts = (
        _count(day.answers, "answer"),
        _count(day.claims, "conversation") + " taken",
        f"{day.resolved} resolved",
        _count(day.notes, "note"),
    )
    return " · ".join(parts)


def _count(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"
