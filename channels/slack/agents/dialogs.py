"""What an agent is asked and shown about a reply, and the forms that open over Slack. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from channels.slack.agents import blocks as kit
from channels.slack.agents.blocks import Block
from channels.slack.agents.labels import channel_label, customer_label, place_label
from channels.slack.agents.store import AgentReply
from channels.slack.markup import escape, fit, one_line
from gateway import ContextCard, Conversation, Finding, Value

NOT_AN_AGENT = (
    "✋ This was *not* sent to the customer. Only full members of this channel can answer "
    "customers; guests, bots and people from other companies cannot. "
    "Ask an admin of this workspace."
)
BUTTON_REFUSED = (
    "✋ Only full members of this channel can do that; "
    "guests and people from other companies cannot."
)
NEVER_SENT = frozenset(
    {
        "empty",
        "control-character",
        "too-long",
        "too-many-files",
        "placeholder",
        "unsafe-link",
    }
)
"""Rules whose errors no channel can carry (docs/voice.md), or that nobody may send."""
EDIT, TRANSFER = "agents:edit", "agents:transfer"
"""The callback ids of our forms."""


# -- questions about a reply -----------------------------------------------------------------------


def errors_in(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(finding for finding in findings if finding.severity == "error")


def can_send_as_is(findings: Sequence[Finding]) -> bool:
    return not any(finding.rule in NEVER_SENT for finding in findings)


def corrected(text: str, findings: Sequence[Finding]) -> str | None:
    """``text`` with every error replaced by the voice's suggestion; None when one has none."""
    wrong = errors_in(findings)
    if not wrong or any(error.suggestion is None for error in wrong):
        return None
    kept, end = "", 0
    for error in sorted(wrong, key=lambda error: (error.start, error.end)):
        if error.start >= end:
            kept += text[end : error.start] + (error.suggestion or "")
            end = error.end
    return (kept + text[end:]).strip() or None


def held_reply(
    reply: AgentReply, text: str, findings: Sequence[Finding], card: ContextCard
) -> list[Block]:
    """Why a reply was not sent, and what its agent can do."""
    channel = place_label(card)
    reasons = "\n".join(f"• {_finding(text, error)}" for error in errors_in(findings)[:8])
    blocks = [kit.section(f"✋ *Not sent to {_name(card)} on {channel} yet.*\n{reasons}")]
    buttons = []
    if (better := corrected(text, findings)) is not None:
        blocks.append(kit.section(f"*Instead*\n{fit(better, 2800)}"))
        buttons.append(kit.button("Use this", "agents:reply:use", reply.id, style="primary"))
    buttons.append(kit.button("Edit", "agents:reply:edit", reply.id))
    if can_send_as_is(errors_in(findings)):
        buttons.append(
            kit.button(
                "Send as is",
                "agents:reply:send",
                reply.id,
                style="danger",
                confirm=("The customer will see it exactly as you wrote it.", "Send as is"),
            )
        )
    return [*blocks, kit.actions("held", *buttons, *_not_sending(reply))]


def confirmation_reason(card: ContextCard, agent: str) -> str | None:
    """Why a reply of ``agent`` needs a confirmation; None when it does not."""
    conversation = card.conversation
    if conversation.state == "person" and conversation.owner and conversation.owner.id != agent:
        return owner_text(conversation)
    if conversation.state == "resolved":
        return "This conversation is resolved. Sending reopens it and assigns it to you."
    if conversation.state == "bot":
        return "The bot has this conversation again. Sending takes it back and assigns it to you."
    return None


def take_over_question(reply: AgentReply, text: str, why: str) -> list[Block]:
    return [
        kit.section(f"✋ *Not sent yet.* {why}"),
        kit.section(f"&gt; {one_line(text, 600)}") if text else kit.context("A file"),
        kit.actions(
            "asking",
            kit.button("Take over and send", "agents:reply:take", reply.id, style="primary"),
            *_not_sending(reply),
        ),
    ]


CUSTOMER_QUESTION = "Send this to the customer?"
KEPT = "🔒 Kept as a note: only colleagues see it."


def customer_question(
    reply: AgentReply, text: str, doubt: str, card: ContextCard | None
) -> list[Block]:
    """Whether a reply that reads as if it were for colleagues is for the customer."""
    where = ""
    if card is not None:
        where = f" {_name(card)} would see it on {place_label(card)}."
    return [
        kit.section(f"✋ *{CUSTOMER_QUESTION}* {escape(doubt)}{where}"),
        kit.section(f"&gt; {one_line(text, 600)}") if text else kit.context("A file"),
        kit.actions(
            "doubt",
            kit.button("Send", "agents:reply:customer", reply.id),
            kit.button("Keep as note", "agents:reply:note", reply.id, style="primary"),
            kit.button("Edit", "agents:reply:edit", reply.id),
            kit.button("Discard", "agents:reply:drop", reply.id),
        ),
    ]


def kept_as_note(reply: AgentReply, note: int) -> list[Block]:
    """What was written in the thread is a note; ``note`` is its message."""
    value = f"{reply.conversation}:{note}"
    return [
        kit.section(KEPT),
        kit.actions("kept", kit.button("Reply with it", "agents:answer", value)),
    ]


def open_decision(reply: AgentReply, text: str) -> list[Block]:
    """A reply that waits for its agent, on their App Home."""
    if reply.doubtful:
        doubt = reply.why.removeprefix(CUSTOMER_QUESTION).strip()
        return customer_question(reply, text, doubt, None)
    blocks = take_over_question(reply, text, reply.why or "It was not sent.")
    buttons = blocks[-1]["elements"]
    if reply.stage == "held":
        edit = kit.button("Edit", "agents:reply:edit", reply.id, style="primary")
        buttons = [edit, *buttons[1:]]
    return [*blocks[:-1], kit.actions(f"held:{reply.id}", *buttons)]


def advice(text: str, findings: Sequence[Finding]) -> str | None:
    """The voice's warnings about a reply that was sent; None: it has none."""
    warnings = [finding for finding in findings if finding.severity == "warning"]
    if not warnings:
        return None
    lines = "\n".join(f"• {_finding(text, warning)}" for warning in warnings[:8])
    return f"💡 It was sent. For next time:\n{lines}"


def changed_too_late(conversation: Conversation, *, deleted: bool) -> str:
    """Why changing an answer that was sent does nothing."""
    channel = channel_label(conversation.address.channel)
    what = "deleting it here" if deleted else "changing it here"
    return (
        f"The customer already has this answer on {channel}: {what} does not change what they see. "
        "Write another message to correct it."
    )


def note_changed_too_late(*, deleted: bool) -> str:
    what = "Deleting" if deleted else "Changing"
    return f"{what} it here leaves the note at the desk as it was; the customer never saw it."


def lost_race(conversation: Conversation) -> str:
    """Why an action came too late."""
    if conversation.owner is not None:
        return f"{one_line(conversation.owner.name, 80)} was faster and has this conversation."
    states = {"waiting": "is waiting for a person", "bot": "is with the bot again"}
    return f"Somebody was faster: the conversation {states.get(conversation.state, 'is resolved')}."


def owner_text(conversation: Conversation) -> str:
    owner = conversation.owner
    return f"{one_line(owner.name, 80)} has this conversation." if owner else ""


def _not_sending(reply: AgentReply) -> tuple[Block, ...]:
    return (
        kit.button("Keep as note", "agents:reply:note", reply.id),
        kit.button("Discard", "agents:reply:drop", reply.id),
    )


def _finding(text: str, finding: Finding) -> str:
    found = text[finding.start : finding.end]
    quote = f"“{one_line(found, 60)}”: " if found.strip() and finding.rule != "secret" else ""
    better = ""
    if finding.suggestion and finding.severity != "error":
        better = f" Better: “{one_line(finding.suggestion, 80)}”."
    return f"{quote}{one_line(finding.message, 300)}{better}"


def _name(card: ContextCard) -> str:
    return escape(customer_label(card.customer.name, card.conversation.address))


# -- forms -----------------------------------------------------------------------------------------


class EditForm(Value, frozen=True, kw_only=True, omit_defaults=True):
    """What the form edits: a suggestion, or a reply that is held."""

    conversation: int
    suggestion: int | None = None
    reply: str | None = None


class TransferForm(Value, frozen=True, kw_only=True):
    """Which conversation the form transfers, at which epoch."""

    conversation: int
    epoch: int


def edit_form(card: ContextCard, form: EditForm, text: str) -> Block:
    channel = place_label(card)
    blocks = [
        kit.context(f"To {_name(card)} on {channel}. Your words are sent as they are."),
        kit.field("text", "Answer", kit.text_input(text, multiline=True)),
    ]
    if len(text) > kit.INPUT:
        cut = f"Slack takes {kit.INPUT} characters here: the end is cut off. Edit it at the desk."
        blocks.insert(0, kit.context(f"⚠️ {cut}"))
    return kit.form(EDIT, "Edit the answer", "Send", _encode(form), blocks)


def transfer_form(card: ContextCard, tiers: tuple[str, ...]) -> Block:
    conversation = card.conversation
    form = TransferForm(conversation=conversation.id, epoch=conversation.epoch)
    other = next((tier for tier in tiers if tier != conversation.tier), tiers[0])
    skills, reason = kit.text_input("", multiline=False), kit.text_input("", multiline=True)
    blocks = [
        kit.field("tier", "To", kit.select(tiers, other)),
        kit.field("skills", "Skills, separated by commas", skills, optional=True),
        kit.field("reason", "Why", reason, optional=True),
    ]
    return kit.form(TRANSFER, "Transfer", "Transfer", _encode(form), blocks)


def form_values(view: Mapping[str, Any]) -> dict[str, str]:
    """What was filled in, by field."""
    values: dict[str, str] = {}
    for id, inner in ((view.get("state") or {}).get("values") or {}).items():
        field = inner.get("value") or {}
        chosen = field.get("selected_option") or {}
        values[id] = str(field.get("value") or chosen.get("value") or "")
    return values


def parse_edit_form(view: Mapping[str, Any]) -> EditForm:
    """Raises msgspec.DecodeError when the form is not ours."""
    return msgspec.json.decode(str(view.get("private_metadata", "")), type=EditForm)


def parse_transfer_form(view: Mapping[str, Any]) -> TransferForm:
    """Raises msgspec.DecodeError when the form is not ours."""
    return msgspec.json.decode(str(view.get("private_metadata", "")), type=TransferForm)


def _encode(form: Value) -> str:
    return msgspec.json.encode(form).decode()


def named_conversation(payload: Mapping[str, Any]) -> int | None:
    """The conversation that a form, or a button outside the support channel, is about."""
    view, actions = payload.get("view"), payload.get("actions")
    first = actions[0] if isinstance(actions, list) and actions else {}
    value = first.get("value", "") if isinstance(first, dict) else ""
    number = str(value).partition(":")[0]
    if number.isascii() and number.isdecimal():
        return int(number)
    try:
        return msgspec.json.decode(
            str((view or {}).get("private_metadata", "")), type=_NamedConversation
        ).conversation
    except (msgspec.DecodeError, AttributeError):
        return None


class _NamedConversation(msgspec.Struct):
    conversation: int
