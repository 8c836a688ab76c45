"""Scenarios that are small enough to be explored completely, each with other mishaps."""

from __future__ import annotations

from tests.model.state import Budget, Scenario

SCENARIOS: dict[str, Scenario] = {
    "accepting": Scenario("AB", budget=Budget(duplicates=1, lost_wakes=1, crashes=1)),
    "two workers": Scenario("ABC", budget=Budget(crashes=1, stalls=1)),
    "policy ask": Scenario("AB", budget=Budget(crashes=1, refusals=1, cuts=1)),
    "policy resend": Scenario("AB", policy="resend", budget=Budget(crashes=1, refusals=1, cuts=1)),
    "policy find": Scenario("AB", policy="find", budget=Budget(crashes=1, refusals=1, cuts=1)),
    "claims and returns": Scenario("AB", budget=Budget(stalls=1, claims=1, returns=1, refusals=1)),
    "claims on a mailbox channel": Scenario(
        "AB",
        policy="mailbox",
        budget=Budget(stalls=1, claims=1, returns=1, agent_messages=1, crashes=1),
    ),
    "an agent writes": Scenario("A", budget=Budget(crashes=1, claims=1, agent_messages=1, cuts=1)),
    "claims with policy resend": Scenario(
        "A", policy="resend", budget=Budget(crashes=1, claims=1, cuts=1)
    ),
    "claims beside stalled senders": Scenario(
        "A",
        policy="resend",
        budget=Budget(crashes=1, claims=1, agent_messages=1, cuts=1, send_stalls=1),
    ),
    "a timer": Scenario("A", timer=True, budget=Budget(crashes=1, stalls=1, claims=1, returns=1)),
    "stalled senders": Scenario("AB", budget=Budget(send_stalls=1, refusals=1, cuts=1)),
    "stalled senders with policy resend": Scenario(
        "AB", policy="resend", budget=Budget(send_stalls=2, refusals=1)
    ),
}

BUGS: dict[str, tuple[str, str]] = {
    "commit_before_ack": ("accepting", "an acknowledged message is lost"),
    "deduplicated": ("accepting", "a message was stored twice"),
    "sweeps": ("accepting", "a message is never handled"),
    "turn_fenced": ("two workers", "a message was answered twice"),
    "one_commit": ("two workers", "a message is marked as handled, but its reply is lost"),
    "in_order": ("policy ask", "replies arrived out of order"),
    "epoch_at_commit": (
        "claims on a mailbox channel",
        "a bot reply was sent after a person took over, and nobody was told",
    ),
    "epoch_at_delivery": (
        "claims and returns",
        "a bot reply was sent after a person took over, and nobody was told",
    ),
    "late_replies_reported": (
        "claims with policy resend",
        "a reply is marked as discarded, but it arrived and nobody was told",
    ),
    "timer_once": ("a timer", "a message was stored twice"),
    "result_fenced": (
        "stalled senders with policy resend",
        "a reply was sent again after it was recorded as sent",
    ),
}
"""A rule -> the scenario that shows why it exists, and the invariant that is violated without
it."""

KNOWN_WINDOW = Scenario("A", policy="find", budget=Budget(send_stalls=1))
"""The window that the protocol cannot close: a process pauses for longer than its lease between its
decision to send and the call, and its provider can be asked but does not recognise a repetition."""
