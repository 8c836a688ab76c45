"""What a turn stores: messages and their outbox rows, timers, handoffs, suggestions, surveys."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Select, bindparam, insert, select, text, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.engine.prepared import PreparedInsert
from gateway.adapters.sql.schema import (
    attachments,
    conversations,
    customers,
    handoffs,
    messages,
    outbox,
    suggestions,
    surveys,
    timers,
)
from gateway.model import Agent, Conversation, Message, Outbound, Timer
from gateway.pipeline.outcomes import CLAIM_TIMER
from gateway.routing.reasons import HARM, merge_reasons
from gateway.store import HandoffRequest, TurnOutcome

LISTED_SKILLS = 400
"""Bytes of the skills by which lists find a conversation: they are in an index, whose rows are
bounded on PostgreSQL."""
_OPTED_OUT = (
    select(customers.c.opted_out)
    .join(conversations, conversations.c.customer_id == customers.c.id)
    .where(conversations.c.id == bindparam("id"))
)
_NEW_SURVEY = text(
    "INSERT INTO surveys (conversation_id, kind, scale, aspect, asked_at)"
    " SELECT :conversation, :kind, :scale, :aspect, :at WHERE NOT EXISTS"
    " (SELECT 1 FROM surveys WHERE conversation_id = :conversation)"
    " ON CONFLICT DO NOTHING RETURNING id"
)
"""One question for each conversation, whatever it asks."""
_NEW_MESSAGE = PreparedInsert(
    messages,
    *("conversation_id", "lane", "turn_id", "author", "internal", "purpose"),
    *("status", "text", "at", "remote_id", "data"),
)


def store_message(connection: Connection, message: Message, conversation: Conversation) -> Message:
    """Store ``message`` in ``conversation``, with its attachments; return it with its id."""
    message = message.replace(conversation=conversation.id)
    id = _NEW_MESSAGE.insert(
        connection, rows.message_values(connection, message, conversation.address.lane)
    )
    for attachment in message.attachments:
        digest = attachment.digest
        connection.execute(
            insert(attachments),
            {
                "message_id": id,
                "digest": digest,
                "name": rows.encrypted(connection, "attachments.name", digest, attachment.name),
                "media_type": attachment.media_type,
                "size": attachment.size,
            },
        )
    return message.replace(id=id)


def enqueue_replies(
    connection: Connection, outcome: TurnOutcome, conversation: Conversation, at: datetime
) -> tuple[tuple[Message, ...], str | None]:
    """Store the replies and queue them for delivery; also return why they are dropped, if so."""
    if not outcome.replies:
        return (), None
    if outcome.refused is not None:
        for reply in outcome.replies:
            failed = reply.replace(status="failed", detail=outcome.refused)
            store_message(connection, failed, conversation)
        return (), outcome.refused
    if outcome.survey is not None:
        reason = _record_survey(connection, outcome, conversation.id, at)
        if reason:
            return (), reason
    status = "sent" if outcome.mailbox else "queued"
    replies = tuple(
        store_message(connection, reply.replace(status=status), conversation)
        for reply in outcome.replies
    )
    if not outcome.mailbox:
        for reply in replies:
            enqueue(
                connection,
                reply,
                conversation,
                at,
                trace=outcome.trace,
                language=outcome.language,
            )
    return replies, None


def _record_survey(
    connection: Connection, outcome: TurnOutcome, conversation: int, at: datetime
) -> str | None:
    """Store that the survey is asked; or return why it must not be. The same commit decides, so it
    never goes to a customer who opted out or spoke of harm, and never twice."""
    survey = outcome.survey
    if survey is None or connection.execute(_OPTED_OUT, {"id": conversation}).scalar():
        return "the customer asked for no follow-ups"
    if _was_about_harm(connection, conversation):
        return "the customer spoke of harm"
    new = {
        "conversation": conversation,
        "kind": survey.kind,
        "scale": survey.scale,
        "aspect": survey.aspect,
        "at": rows.to_ms(at),
    }
    if connection.execute(_NEW_SURVEY, new).scalar() is None:
        return "this case was asked about before"
    return None


def _was_about_harm(connection: Connection, conversation: int) -> bool:
    """Whether any handoff of ``conversation`` had harm as a reason, however long ago."""
    chosen = select(handoffs).where(handoffs.c.conversation_id == conversation)
    found = connection.execute(chosen).all()
    return any(r.code == HARM for row in found for r in rows.handoff(connection, row).reasons)


def enqueue(
    connection: Connection,
    reply: Message,
    conversation: Conversation,
    at: datetime,
    *,
    trace: str | None = None,
    language: str | None = None,
) -> None:
    """Put ``reply`` into the outbox. ``language`` None is the conversation's."""
    key, address = uuid4().hex, conversation.address
    outbound = Outbound(
        id=0,
        key=key,
        message=reply.id,
        address=address,
        text=reply.text,
        author="agent" if reply.author == "agent" else "bot",
        at=reply.at,
        agent=reply.agent.name if reply.agent else None,
        language=language or conversation.language or "en",
        subject=conversation.subject,
        buttons=reply.buttons,
        survey=reply.survey,
        purpose=reply.purpose,
        attachments=reply.attachments,
        copies=reply.copies,
        automatic=reply.author != "agent",
        with_bot=reply.author != "agent" and conversation.state == "bot",
        trace=trace,
    )
    payload = rows.to_json(outbound)
    connection.execute(
        insert(outbox),
        {
            "message_id": reply.id,
            "conversation_id": conversation.id,
            "lane": address.lane,
            "channel": address.channel,
            "author": outbound.author,
            "epoch": conversation.epoch,
            "key": key,
            "payload": rows.encrypted(connection, "outbox.payload", address.lane, payload),
            "created_at": rows.to_ms(at),
        },
    )


def apply_side_effects(
    connection: Connection, outcome: TurnOutcome, conversation: Conversation, at: datetime
) -> None:
    """Store timers, the handoff and the suggestion of a turn. ``conversation`` is as after this
    commit, with its epoch."""
    for timer in outcome.timers:
        set_timer(connection, conversation, timer)
    before = outcome.work.conversation
    waits = before is not None and before.state == "waiting"
    if outcome.handoff is not None and not (
        waits and raise_handoff(connection, conversation.id, outcome.handoff)
    ):
        open_handoff(connection, conversation, outcome.handoff, at)
    if outcome.raised is not None:
        raise_handoff(connection, conversation.id, outcome.raised)
    if outcome.draft is not None:
        passages = outcome.draft.passages
        draft = rows.encrypted(connection, "suggestions.text", conversation.id, outcome.draft.text)
        connection.execute(
            insert(suggestions),
            {
                "conversation_id": conversation.id,
                "text": draft,
                "source": outcome.draft.source,
                "passages": rows.to_json(passages) if passages else None,
                "at": rows.to_ms(at),
            },
        )
    _close_suggestion(connection, outcome)


def record_feedback(
    connection: Connection, outcome: TurnOutcome, conversation: Conversation, at: datetime
) -> None:
    """Store a follow-up opt-out and a survey answer: they count whoever has the conversation."""
    if outcome.opt_out:
        owner = select(conversations.c.customer_id).where(conversations.c.id == conversation.id)
        connection.execute(
            update(customers).where(customers.c.id.in_(owner)).values(opted_out=True)
        )
    answer, survey = outcome.answered, outcome.work.survey
    if answer is None or survey is None:
        return
    before = rows.to_ms(survey.answered_at) if survey.answered_at else None
    connection.execute(
        update(surveys)
        .where(surveys.c.id == survey.id, surveys.c.answered_at.is_not_distinct_from(before))
        .values(
            answered_at=rows.to_ms(at),
            score=answer.score,
            solved=answer.solved,
            comment=rows.encrypted(connection, "surveys.comment", conversation.id, answer.comment),
        )
    )


def _close_suggestion(connection: Connection, outcome: TurnOutcome) -> None:
    """Store what the agent made of the suggestion: sent as it was, or edited."""
    message = outcome.work.agent_message
    if message is None or message.suggestion is None:
        return
    chosen = suggestions.c.id == message.suggestion
    row = connection.execute(select(suggestions).where(chosen)).one_or_none()
    if row is None or not _is_of_history(connection, row.conversation_id, message.conversation):
        return
    same = rows.suggestion(connection, row).text.split() == message.text.split()
    final = rows.encrypted(connection, "suggestions.final", row.conversation_id, message.text)
    connection.execute(
        update(suggestions)
        .where(chosen)
        .values(
            outcome="sent" if same else "edited", final=final, agent=rows.to_json(message.agent)
        )
    )


def _is_of_history(connection: Connection, conversation: int, other: int) -> bool:
    """Whether both are the same, or one history: a draft for a chat that was sent by mail."""
    if conversation == other:
        return True
    columns = (conversations.c.id, conversations.c.continues, conversations.c.customer_id)
    found = connection.execute(
        select(*columns).where(conversations.c.id.in_((conversation, other)))
    )
    return len({(row.continues or row.id, row.customer_id) for row in found}) == 1


def open_handoff(
    connection: Connection, conversation: Conversation, request: HandoffRequest, at: datetime
) -> int:
    """Put ``conversation`` into the queue, with a timer in case nobody claims it in time; return
    the handoff's id."""
    reasons = rows.to_json(request.reasons)
    id: int = connection.execute(
        insert(handoffs).returning(handoffs.c.id),
        {
            "conversation_id": conversation.id,
            "reasons": rows.encrypted(connection, "handoffs.reasons", conversation.id, reasons),
            "tier": request.tier,
            "skills": rows.to_json(request.skills),
            "priority": request.priority,
            "created_at": rows.to_ms(at),
        },
    ).scalar_one()
    _set_skills(connection, conversation.id, request.skills)
    if request.claim_by is not None:
        timer = Timer(name=CLAIM_TIMER, due_at=request.claim_by, data={"handoff": str(id)})
        set_timer(connection, conversation, timer)
    return id


def _set_skills(connection: Connection, conversation: int, skills: tuple[str, ...]) -> None:
    """Let lists find ``conversation`` by the skills of its newest handoff."""
    while len(rows.to_json(skills).encode()) > LISTED_SKILLS:
        skills = skills[:-1]
    chosen = update(conversations).where(conversations.c.id == conversation)
    connection.execute(chosen.values(skills=rows.to_json(skills)))


def newest_open_handoff(conversation: int) -> Select[Any]:
    return (
        select(handoffs)
        .where(handoffs.c.conversation_id == conversation, handoffs.c.closed_at.is_(None))
        .order_by(handoffs.c.id.desc())
        .limit(1)
    )


def raise_handoff(connection: Connection, conversation: int, request: HandoffRequest) -> bool:
    """Add the reasons and the priority of ``request`` to the open handoff of ``conversation``, and
    the tier and skills while nobody has claimed it. False when no handoff is open."""
    row = connection.execute(newest_open_handoff(conversation).with_for_update()).one_or_none()
    if row is None:
        return False
    known = rows.handoff(connection, row)
    reasons = rows.to_json(merge_reasons(known.reasons, request.reasons))
    values = {
        "reasons": rows.encrypted(connection, "handoffs.reasons", conversation, reasons),
        "priority": max(known.priority, request.priority),
    }
    if known.claimed_at is None:
        skills = tuple(dict.fromkeys((*known.skills, *request.skills)))
        values |= {"tier": request.tier, "skills": rows.to_json(skills)}
        _set_skills(connection, conversation, skills)
    connection.execute(update(handoffs).where(handoffs.c.id == known.id).values(values))
    return True


def set_timer(connection: Connection, conversation: Conversation, timer: Timer) -> None:
    connection.execute(
        insert(timers),
        {
            "conversation_id": conversation.id,
            "lane": conversation.address.lane,
            "name": timer.name,
            "due_at": rows.to_ms(timer.due_at),
            "epoch": conversation.epoch,
            "data": rows.to_json(timer.data),
        },
    )


def leave(connection: Connection, id: int, agent: Agent, at: datetime) -> Conversation | None:
    """End the conversation ``id``, which ``agent`` continues at another address, and return it;
    None when it has ended already. It is no resolution."""
    row = connection.execute(
        select(conversations).where(conversations.c.id == id).with_for_update()
    ).one()
    here = rows.conversation(connection, row)
    if here.state == "resolved":
        return None
    now, epoch = rows.to_ms(at), here.epoch + 1
    values = {"state": "resolved", "owner": None, "resolved_at": now, "epoch": epoch}
    connection.execute(update(conversations).where(conversations.c.id == id).values(**values))
    theirs = (handoffs.c.conversation_id == id) & handoffs.c.closed_at.is_(None)
    unclaimed = theirs & handoffs.c.claimed_at.is_(None)
    claimed = {"agent": rows.to_json(agent), "claimed_at": now}
    connection.execute(update(handoffs).where(unclaimed).values(**claimed))
    connection.execute(update(handoffs).where(theirs).values(closed_at=now))
    return here.replace(state="resolved", owner=None, epoch=epoch)
