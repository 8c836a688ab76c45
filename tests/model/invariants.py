"""What must hold in every state, and what must hold once no work is left."""

from __future__ import annotations

from tests.model.state import State


def violated_invariant(s: State) -> str:
    """The invariant that ``s`` violates, for people; empty when there is none."""
    if s.violation:
        return s.violation
    if any(all(row.what != what for row in s.inbox) for what in s.acked if what not in s.arriving):
        return "an acknowledged message is lost"
    once = [row.what for row in s.inbox if row.what != "agent"]
    if len(set(once)) < len(once):
        return "a message was stored twice"
    return _badly_answered(s) or _out_of_order(s)


def _badly_answered(s: State) -> str:
    answered = [out.row for out in s.outbox]
    if len(set(answered)) < len(answered):
        return "a message was answered twice"
    if answered != sorted(answered):
        return "messages were handled out of order"
    if any(row.end == "answered" and n not in answered for n, row in enumerate(s.inbox)):
        return "a message is marked as handled, but its reply is lost"
    return ""


def _out_of_order(s: State) -> str:
    """Compares the order of first arrivals. A reply that was reported to a person has left the
    queue, and nobody can know whether it will still arrive."""
    certain = [number for number in s.received if number not in s.reported]
    return "replies arrived out of order" if certain != sorted(certain) else ""


def unfinished_work(s: State) -> str:
    """The work that is left in a state after which only mishaps can happen; empty for none."""
    if any(not row.end for row in s.inbox):
        return "a message is never handled"
    if any(out.state in ("ready", "sending") for out in s.outbox):
        return "a reply is never sent"
    for number, out in enumerate(s.outbox):
        if out.state == "sent" and number not in s.received:
            return "a reply is marked as sent, but it never arrived"
        arrived_anyway = number in s.received and out.state == "discarded"
        if arrived_anyway and number not in s.reported:
            return "a reply is marked as discarded, but it arrived and nobody was told"
    return ""
