"""What agents read between the lines of a conversation: facts of its history, never sent."""

from __future__ import annotations

from datetime import datetime

from gateway.model import Agent, Message


def notice(
    conversation: int,
    text: str,
    at: datetime,
    *,
    agent: Agent | None = None,
    turn: int | None = None,
) -> Message:
    """An internal line, by the system; ``agent`` is who did what it tells."""
    return Message(
        id=0,
        conversation=conversation,
        author="system",
        text=text,
        at=at,
        turn=turn,
        internal=True,
        status="sent",
        purpose="notice",
        agent=agent,
    )
