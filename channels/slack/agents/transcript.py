"""What of the conversation is written into the thread, piece by piece. Pure."""

from __future__ import annotations

from channels.slack.agents import blocks as kit
from channels.slack.agents import labels as words
from channels.slack.agents.blocks import Block
from channels.slack.agents.text import escape, fit, pieces, short
from gateway import Attachment, Card, Message, Value

LONGEST = 2800
SIGNS = {
    "sent": "white_check_mark",
    "delivered": "white_check_mark",
    "read": "eyes",
    "failed": "x",
    "discarded": "x",
    "unsure": "grey_question",
}
"""What becomes of an agent's message, as a reaction on it."""
LAST = frozenset({"read", "failed", "discarded"})


class Piece(Value, frozen=True, kw_only=True):
    """One post: words, or a file. ``marker`` is found again in Slack after a cut."""

    marker: str
    text: str = ""
    blocks: tuple[Block, ...] = ()
    file: Attachment | None = None


def of(message: Message, card: Card) -> tuple[Piece, ...]:
    """The pieces of ``message``, in order; none for what was never said."""
    if message.status == "discarded" and message.author == "bot":
        return ()
    marker = f"m{message.id}"
    said = _system(message) if message.author == "system" else _words(message, card)
    found = [
        Piece(marker=f"{marker}.{n}", text=fit(text, 3000), blocks=blocks)
        for n, (text, blocks) in enumerate(said)
    ]
    found += [Piece(marker=f"{marker}-{n}", file=one) for n, one in enumerate(message.attachments)]
    return tuple(found)


def without_file(piece: Piece, why: str) -> Piece:
    """What stands in the thread for a file that Slack does not take."""
    name = piece.file.name if piece.file else ""
    line = f"📎 {short(name, 200)} cannot be shown here ({escape(why)}); it is at the desk."
    return Piece(marker=piece.marker, text=line, blocks=(kit.context(line),))


def gap() -> tuple[str, tuple[Block, ...]]:
    line = "Some messages in between are not copied here; they are at the desk."
    return line, (kit.context(f"⚠️ {line}"),)


def _system(message: Message) -> list[tuple[str, tuple[Block, ...]]]:
    return [(message.text, (kit.context(f"· {fit(message.text, LONGEST)}"),))]


def _words(message: Message, card: Card) -> list[tuple[str, tuple[Block, ...]]]:
    customer = " ".join(words.name(card.customer.name, card.conversation.address).split())[:60]
    who = escape(words.who(message, customer))
    head = f"{_sign(message)} *{who}* {_verb(message)}"
    files = ", ".join(
        f"{short(one.name, 80)} ({words.size(one.size)})" for one in message.attachments
    )
    if files:
        head = f"{head} 📎 {files}"
    bodies = list(pieces(message.text, LONGEST - len(head[:600]))) or [""]
    plain = f"{words.who(message, customer)}: {message.text or files}"
    first = (plain, (kit.section(f"{head[:600]}\n{bodies[0]}".strip()),))
    return [first, *((body, (kit.section(body),)) for body in bodies[1:])]


def _sign(message: Message) -> str:
    if message.author == "customer":
        return "💬"
    if message.author == "bot":
        return "🤖"
    return "🔒" if message.internal else "↩️"


def _verb(message: Message) -> str:
    if message.author == "customer":
        if message.route and any(r.code == "unreadable" for r in message.route.reasons):
            return "sent something that cannot be read"
        return "changed an earlier message:" if message.edited else "wrote:"
    if message.author == "bot":
        return "said:"
    return "noted:" if message.internal else "answered:"
