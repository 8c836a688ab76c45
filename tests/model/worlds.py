"""Worlds small enough to be looked at whole, each with other mishaps."""

from __future__ import annotations

from tests.model.state import Luck, World

WORLDS: dict[str, World] = {
    "taking in": World("AB", luck=Luck(duplicates=1, lost_wakes=1, crashes=1)),
    "two workers": World("ABC", luck=Luck(crashes=1, stalls=1)),
    "asking a person": World("AB", luck=Luck(crashes=1, refusals=1, cuts=1)),
    "sending again": World("AB", policy="resend", luck=Luck(crashes=1, refusals=1, cuts=1)),
    "asking the provider": World("AB", policy="find", luck=Luck(crashes=1, refusals=1, cuts=1)),
    "stepping back": World("AB", luck=Luck(stalls=1, claims=1, returns=1, refusals=1)),
    "stepping back from a page": World(
        "AB", policy="mailbox", luck=Luck(stalls=1, claims=1, returns=1, words=1, crashes=1)
    ),
    "a person writes": World("A", luck=Luck(crashes=1, claims=1, words=1, cuts=1)),
    "stepping back in doubt": World("A", policy="resend", luck=Luck(crashes=1, claims=1, cuts=1)),
    "stepping back beside sleepers": World(
        "A", policy="resend", luck=Luck(crashes=1, claims=1, words=1, cuts=1, send_stalls=1)
    ),
    "a timer": World("A", timer=True, luck=Luck(crashes=1, stalls=1, claims=1, returns=1)),
    "senders that sleep": World("AB", luck=Luck(send_stalls=1, refusals=1, cuts=1)),
    "senders that sleep, sending again": World(
        "AB", policy="resend", luck=Luck(send_stalls=2, refusals=1)
    ),
}

BUGS: dict[str, tuple[str, str]] = {
    "commit_before_ack": ("taking in", "an acknowledged message is nowhere"),
    "known_by_id": ("taking in", "the same was taken in twice"),
    "sweeps": ("taking in", "a message waits for ever"),
    "fenced": ("two workers", "a message was answered twice"),
    "one_commit": ("two workers", "a message counts as handled, and its reply is nowhere"),
    "in_order": ("asking a person", "replies arrived out of order"),
    "epoch_at_commit": (
        "stepping back from a page",
        "the bot spoke after a person took over, and nobody was told",
    ),
    "epoch_at_delivery": (
        "stepping back",
        "the bot spoke after a person took over, and nobody was told",
    ),
    "doubt_told": (
        "stepping back in doubt",
        "a reply counts as called back, though it arrived, and nobody was told",
    ),
    "timer_once": ("a timer", "the same was taken in twice"),
    "result_fenced": (
        "senders that sleep, sending again",
        "a reply was sent again, though we knew that it had arrived",
    ),
}
"""A rule that is not held to, the world that shows it, and the promise that it breaks."""

WINDOW = World("A", policy="find", luck=Luck(send_stalls=1))
"""What no protocol of ours closes: a process that slept between its decision to send and the call,
for longer than its lease, with a provider that can be asked but knows no repetition."""
