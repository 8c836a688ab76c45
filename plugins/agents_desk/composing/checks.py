"""What is checked before an answer is sent, and what the agent may not have seen yet. Pure."""

from __future__ import annotations

from gateway import Agent, ContextCard, Message, why_unsafe_link
from plugins.agents_desk.composing.placeholders import placeholders


def why_unfinished(text: str) -> str | None:
    """Why ``text`` cannot be sent as it is, in a sentence for its author; None when it can."""
    if unfilled := placeholders(text):
        names = ", ".join(f"{{{{{name}}}}}" for name in unfilled)
        return f"Fill in {names}, or take it out. Nothing was sent."
    if why := why_unsafe_link(text):
        return f"{why[:1].upper()}{why[1:]}. Nothing was sent."
    return None


def unseen_messages(card: ContextCard, agent: Agent, last: int) -> tuple[Message, ...]:
    """What the customer or a colleague wrote since the page with the newest message ``last`` was
    loaded, oldest first. 0: the page did not say, so nothing is new."""
    if not last:
        return ()
    return tuple(
        message
        for message in card.messages
        if message.id > last
        and message.author != "system"
        and not (message.agent is not None and message.agent.id == agent.id)
    )
