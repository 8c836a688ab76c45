"""What must be true in every state, and what must be true once nothing is left to do."""

from __future__ import annotations

from tests.model.state import State


def broken(s: State) -> str:
    """The promise that ``s`` breaks, in words; empty when it keeps them all."""
    if s.fault:
        return s.fault
    if any(all(row.what != what for row in s.inbox) for what in s.acked if what not in s.arriving):
        return "an acknowledged message is nowhere"
    once = [row.what for row in s.inbox if row.what != "agent"]
    if len(set(once)) < len(once):
        return "the same was taken in twice"
    return _badly_answered(s) or _out_of_order(s)


def _badly_answered(s: State) -> str:
    answered = [out.row for out in s.outbox]
    if len(set(answered)) < len(answered):
        return "a message was answered twice"
    if answered != sorted(answered):
        return "messages were handled out of order"
    if any(row.end == "answered" and n not in answered for n, row in enumerate(s.inbox)):
        return "a message counts as handled, and its reply is nowhere"
    return ""


def _out_of_order(s: State) -> str:
    """By when each reply was first heard. One that a person was told of has left the queue: nobody
    can know whether it will still arrive."""
    certain = [number for number in s.received if number not in s.told]
    return "replies arrived out of order" if certain != sorted(certain) else ""


def unfinished(s: State) -> str:
    """What is left lying in a state in which nothing but mishaps can happen any more."""
    if any(not row.end for row in s.inbox):
        return "a message waits for ever"
    if any(out.state in ("ready", "sending") for out in s.outbox):
        return "a reply waits for ever"
    for number, out in enumerate(s.outbox):
        if out.state == "sent" and number not in s.received:
            return "a reply counts as sent, and never arrived"
        may_be_there = number in s.received and out.state == "discarded"
        if may_be_there and number not in s.told:
            return "a reply counts as called back, though it arrived, and nobody was told"
    return ""
