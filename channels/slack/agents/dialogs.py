"""What is asked of an agent before a reply goes out, and told after. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from channels.slack.agents import blocks as kit
from channels.slack.agents import labels as words
from channels.slack.agents.blocks import Block
from channels.slack.agents.store import Reply
from channels.slack.agents.text import escape, fit, short
from gateway import Card, Conversation, Finding

CANNOT = frozenset({"empty", "control-character", "too-long", "too-many-files"})
"""Rules of the voice (docs/voice.md) whose errors no channel can carry: there is no "as is"."""


def errors(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(one for one in findings if one.severity == "error")


def possible(findings: Sequence[Finding]) -> bool:
    """Whether it could be sent as it is."""
    return not any(one.rule in CANNOT for one in findings)


def mended(text: str, findings: Sequence[Finding]) -> str | None:
    """``text`` with every error replaced by what the voice would write; None when it cannot be."""
    wrong = errors(findings)
    if not wrong or any(one.suggestion is None for one in wrong):
        return None
    kept, end = "", 0
    for one in sorted(wrong, key=lambda one: (one.start, one.end)):
        if one.start >= end:
            kept += text[end : one.start] + (one.suggestion or "")
            end = one.end
    return (kept + text[end:]).strip() or None


def held(reply: Reply, text: str, findings: Sequence[Finding], card: Card) -> list[Block]:
    """Why it was not sent, and what can be done."""
    place = words.channel(card.conversation.address.channel)
    lines = "\n".join(f"• {_line(text, one)}" for one in errors(findings)[:8])
    blocks = [kit.section(f"✋ *Not sent to {_name(card)} on {place} yet.*\n{lines}")]
    better = mended(text, findings)
    buttons = []
    if better is not None:
        blocks.append(kit.section(f"*Instead*\n{fit(better, 2800)}"))
        buttons.append(kit.button("Use this", "agents:reply:use", reply.id, style="primary"))
    buttons.append(kit.button("Edit", "agents:reply:edit", reply.id))
    if possible(errors(findings)):
        buttons.append(
            kit.button(
                "Send as is",
                "agents:reply:send",
                reply.id,
                style="danger",
                confirm=("The customer will see it as you wrote it.", "Send as is"),
            )
        )
    return [*blocks, kit.actions("held", *buttons, *_away(reply))]


def question(card: Card, agent: str) -> str | None:
    """Why a reply of ``agent`` needs a yes first; None when it does not."""
    seen = card.conversation
    if seen.owner is not None and seen.state == "person" and seen.owner.id != agent:
        return f"{short(seen.owner.name, 80)} has this conversation."
    if seen.state == "resolved":
        return "This conversation is resolved. Sending opens it again, with you."
    if seen.state == "bot":
        return "The bot has this conversation again. Sending takes it back, to you."
    return None


def asking(reply: Reply, text: str, why: str) -> list[Block]:
    return [
        kit.section(f"✋ *Not sent yet.* {why}"),
        kit.section(f"&gt; {short(text, 600)}") if text else kit.context("A file"),
        kit.actions(
            "asking",
            kit.button("Take over and send", "agents:reply:take", reply.id, style="primary"),
            *_away(reply),
        ),
    ]


def advice(text: str, findings: Sequence[Finding]) -> str | None:
    """What the voice would have said otherwise, told after it was sent; None: nothing."""
    wanted = [one for one in findings if one.severity == "warning"]
    if not wanted:
        return None
    lines = "\n".join(f"• {_line(text, one)}" for one in wanted[:8])
    return f"💡 It was sent. For the next time:\n{lines}"


def changed(seen: Conversation, *, gone: bool) -> str:
    """Why a change of an answer that was sent does nothing."""
    place = words.channel(seen.address.channel)
    what = "deleting it here" if gone else "changing it here"
    return (
        f"The customer has this answer on {place} already: {what} does not change what they see. "
        "Write another message to set it right."
    )


def note_changed(*, gone: bool) -> str:
    what = "Deleting" if gone else "Changing"
    return f"{what} it here leaves the note at the desk as it was; the customer never saw it."


def faster(now: Conversation) -> str:
    """Why a deed came too late."""
    if now.owner is not None:
        return f"{short(now.owner.name, 80)} was faster and has this conversation."
    states = {"waiting": "waits for a person", "bot": "is with the bot again"}
    return f"Somebody was faster: it {states.get(now.state, 'is resolved')}."


def has(seen: Conversation) -> str:
    return f"{short(seen.owner.name, 80)} has this conversation." if seen.owner else ""


def literal(text: str) -> str:
    """Plain words in Slack's markup: what is read of it is ``text`` again."""
    return escape(text)


NO_AGENT = (
    "✋ This was *not* sent to the customer. Only full members of this channel answer customers; "
    "guests, bots and people of other companies do not. Ask an admin of this workspace."
)

NO_BUTTON = "✋ Only full members of this channel can do that; guests and other companies cannot."


def _away(reply: Reply) -> tuple[Block, ...]:
    return (
        kit.button("Keep as note", "agents:reply:note", reply.id),
        kit.button("Discard", "agents:reply:drop", reply.id),
    )


def _line(text: str, one: Finding) -> str:
    said = text[one.start : one.end]
    quote = f"“{short(said, 60)}”: " if said.strip() and one.rule != "secret" else ""
    instead = f" Better: “{short(one.suggestion, 80)}”." if one.suggestion else ""
    return f"{quote}{short(one.message, 300)}{instead if one.severity != 'error' else ''}"


def _name(card: Card) -> str:
    return short(words.name(card.customer.name, card.conversation.address), 60)
