"""What is put under load."""

from __future__ import annotations

import msgspec

from tests.bench import load, processes
from tests.bench.processes import OURS, Home

REST = "/webhooks/rest/webhook"


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """Which server, where, and what an answer must have.

    ``past``: on a database with a past. ``kept``: one process serves all rounds, for it stores
    nothing; kinds with the same arguments share it. ``times``: how much longer a burst is, so
    that a slow one gives enough answers to tell its slowest.
    """

    name: str
    arguments: tuple[str, ...]
    path: str
    wanted: str
    past: bool = False
    kept: bool = False
    home: Home = OURS
    times: int = 1


ECHO = Kind(name="echo", arguments=processes.ECHO, path="/echo", wanted=load.ECHO, kept=True)
# Its server is new in each round and the echo's is not: it gets as long again to warm up.
ACCEPTING = Kind(name="accept", arguments=processes.DOOR, path="/door", wanted=load.SAFE, times=2)
BUSY = Kind(
    name="accept_while_working", arguments=processes.WORKING_DOOR, path="/door", wanted=load.SAFE
)
TURNS = Kind(name="turn", arguments=processes.WARMLINE, path=REST, wanted=load.WORDS)
TURNS_LATER = Kind(
    name="turn_with_past", arguments=processes.WARMLINE, path=REST, wanted=load.WORDS, past=True
)
ACCEPTING_LATER = Kind(
    name="accept_with_past",
    arguments=processes.DOOR,
    path="/door",
    wanted=load.SAFE,
    past=True,
    times=2,
)
KINDS = (ECHO, ACCEPTING, TURNS, BUSY, TURNS_LATER, ACCEPTING_LATER)
