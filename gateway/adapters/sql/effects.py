"""What a turn changes besides words: timers, hand-overs, drafts, answers to questions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import (
    conversations,
    customers,
    handoffs,
    suggestions,
    surveys,
    timers,
)
from gateway.model import Conversation, Timer
from gateway.store import HandoffRequest, TurnOutcome


def effects(
    connection: Connection, outcome: TurnOutcome, conversation: Conversation, at: datetime
) -> None:
    """``conversation`` is how it stands after this commit, its epoch too."""
    for timer in outcome.timers:
        _set(connection, conversation, timer)
    if outcome.handoff is not None:
        open_handoff(connection, conversation, outcome.handoff, at)
    if outcome.draft is not None:
        connection.execute(
            insert(suggestions),
            {
                "conversation_id": conversation.id,
                "text": rows.sealed(
                    connection, "suggestions.text", conversation.id, outcome.draft.text
                ),
                "source": outcome.draft.source,
                "at": rows.ms(at),
            },
        )
    _suggestion_used(connection, outcome)


def heard(
    connection: Connection, outcome: TurnOutcome, conversation: Conversation, at: datetime
) -> None:
    """What the customer said of us: it counts whoever has the conversation by now."""
    if outcome.opt_out:
        owner = select(conversations.c.customer_id).where(conversations.c.id == conversation.id)
        connection.execute(
            update(customers).where(customers.c.id.in_(owner)).values(opted_out=True)
        )
    answer, survey = outcome.answered, outcome.work.survey
    if answer is None or survey is None:
        return
    connection.execute(
        update(surveys)
        .where(surveys.c.id == survey.id, surveys.c.answered_at.is_(None))
        .values(
            answered_at=rows.ms(at),
            score=answer.score,
            solved=answer.solved,
            comment=rows.sealed(connection, "surveys.comment", conversation.id, answer.comment),
        )
    )


def _suggestion_used(connection: Connection, outcome: TurnOutcome) -> None:
    said = outcome.work.said
    if said is None or said.suggestion is None:
        return
    mine = suggestions.c.id == said.suggestion
    draft = connection.execute(select(suggestions).where(mine)).one_or_none()
    same = (
        draft is not None and rows.suggestion(connection, draft).text.split() == said.text.split()
    )
    final = rows.sealed(connection, "suggestions.final", said.conversation, said.text)
    connection.execute(
        update(suggestions)
        .where(mine, suggestions.c.conversation_id == said.conversation)
        .values(outcome="sent" if same else "edited", final=final, agent=rows.pack(said.agent))
    )


def open_handoff(
    connection: Connection, conversation: Conversation, ask: HandoffRequest, at: datetime
) -> int:
    """Put a conversation into the queue, with an alarm if nobody claims it in time."""
    id: int = connection.execute(
        insert(handoffs).returning(handoffs.c.id),
        {
            "conversation_id": conversation.id,
            "reasons": rows.sealed(
                connection, "handoffs.reasons", conversation.id, rows.pack(ask.reasons)
            ),
            "tier": ask.tier,
            "skills": rows.pack(ask.skills),
            "priority": ask.priority,
            "created_at": rows.ms(at),
        },
    ).scalar_one()
    if ask.claim_by is not None:
        alarm = Timer(name="unclaimed", due_at=ask.claim_by, data={"handoff": str(id)})
        _set(connection, conversation, alarm)
    return id


def _set(connection: Connection, conversation: Conversation, timer: Timer) -> None:
    connection.execute(
        insert(timers),
        {
            "conversation_id": conversation.id,
            "lane": conversation.address.lane,
            "name": timer.name,
            "due_at": rows.ms(timer.due_at),
            "epoch": conversation.epoch,
            "data": rows.pack(timer.data),
        },
    )
