"""Stored conversations as turns again: what would a changed policy have done?"""

from __future__ import annotations

from collections.abc import Iterator

from gateway.model import CaseRecord, Customer, Route, Turn, Value

MOST_HISTORY = 40
"""As many messages as the gateway gives a turn."""


class ReplayedTurn(Value, frozen=True, kw_only=True):
    """A turn that the bot routed, as far as it is stored, and its route then."""

    turn: Turn
    stored: Route


def routed_turns(case: CaseRecord) -> Iterator[ReplayedTurn]:
    """The turns of ``case`` that the bot routed: each with the messages before it, and without
    what was known of the customer from elsewhere."""
    said = [message for message in case.messages if not message.internal]
    for message in case.messages:
        route = message.route
        if message.author != "customer" or message.understanding is None or route is None:
            continue
        if route.action == "pass":
            continue
        before = [m for m in said if m.id < message.id]
        yield ReplayedTurn(
            turn=Turn(
                id=message.turn or 0,
                at=message.at,
                message=message,
                customer=Customer(id=case.customer, language=case.conversation.language),
                conversation=case.conversation.replace(
                    state="bot", owner=None, tier="bot", resolved_at=None
                ),
                history=tuple(before[-MOST_HISTORY:]),
                understanding=message.understanding,
            ),
            stored=route,
        )
