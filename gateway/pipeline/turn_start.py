"""An inbox row as a turn, before any stage."""

from __future__ import annotations

from datetime import datetime

from gateway.model import UNREADABLE, Conversation, Inbound, Message, Turn
from gateway.pipeline.subject import new_subject, with_subject
from gateway.store import WorkItem


def begin_turn(work: WorkItem, now: datetime) -> Turn:
    """The turn of ``work``, before any stage."""
    inbound, event = work.inbound, work.event
    conversation = work.conversation or new_conversation(work)
    if inbound is not None and inbound.brand != conversation.brand:
        conversation = conversation.replace(brand=inbound.brand)  # the settings have changed
    if subject := new_subject(work):
        conversation = conversation.replace(subject=subject)
    message = received_message(work, conversation)
    return Turn(
        id=work.id,
        at=now,
        kind="message" if inbound else "timer" if work.kind == "timer" else "event",
        name=event.name if event else "",
        data=event.data if event else {},
        message=message,
        customer=work.customer,
        conversation=conversation,
        history=work.history,
        survey=work.survey,
        automatic=bool(inbound and inbound.automatic),
        unreadable=work.kind == "unreadable" or _has_damage(work.history),
        wordless=bool(inbound and _has_no_words(inbound, message)),
        opted_out=work.opted_out,
        returning=work.returning,
    )


def _has_no_words(inbound: Inbound, message: Message) -> bool:
    """A mail with files alone may say in its subject what is asked."""
    return inbound.wordless or bool(message.attachments and not message.text.strip())


def _has_damage(history: tuple[Message, ...]) -> bool:
    """Whether the bot does not know all that was said, so that a person must answer."""
    return any(message.text == UNREADABLE for message in history)


def new_conversation(work: WorkItem) -> Conversation:
    """The conversation that begins with ``work``."""
    if work.inbound is None:
        raise ValueError(f"turn {work.id} belongs to no conversation")
    return Conversation(
        address=work.inbound.address,
        brand=work.inbound.brand,
        opened_at=work.at,
        language=work.inbound.language,
        subject=work.inbound.subject,
    )


def received_message(work: WorkItem, conversation: Conversation) -> Message:
    """The inbox row as a message of ``conversation``."""
    inbound = work.inbound
    subject = new_subject(work)
    text = inbound.text if inbound else ""
    return Message(
        id=0,
        conversation=conversation.id,
        author="customer",
        text=with_subject(subject, text) if subject and work.kind == "message" else text,
        subject=subject,
        at=inbound.at if inbound else work.at,
        turn=work.id,
        remote_id=inbound.remote_id if inbound else None,
        attachments=inbound.attachments if inbound else (),
        copies=inbound.copies if inbound else (),
        facts=inbound.facts if inbound else (),
        edited=work.kind == "edit",
        internal=work.kind == "edit",
    )
