"""The workloads: which server gets which requests."""

from __future__ import annotations

import msgspec

from tests.bench import load, processes
from tests.bench.processes import OURS, Runtime

REST = "/webhooks/rest/webhook"


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """A server, the path of the requests, and what a response must contain (``wanted``).

    ``past``: the database has many old messages. ``kept``: one process serves all rounds, because
    it stores nothing; workloads with the same arguments share it. ``times``: how much longer its
    bursts are, so that a slow server gives enough responses for its percentiles. ``unique``: no
    text was ever sent before.
    """

    name: str
    arguments: tuple[str, ...]
    path: str
    wanted: str
    past: bool = False
    kept: bool = False
    runtime: Runtime = OURS
    times: int = 1
    unique: bool = False


ECHO = Workload(name="echo", arguments=processes.ECHO, path="/echo", wanted=load.ECHOED, kept=True)
# Its server is new in each round, unlike the echo's: it gets twice the time to warm up.
ACCEPTING = Workload(
    name="accept",
    arguments=processes.IDLE_ACCEPT_SERVER,
    path="/accept",
    wanted=load.COMMITTED,
    times=2,
)
ACCEPTING_BUSY = Workload(
    name="accept_while_working",
    arguments=processes.ACCEPT_SERVER,
    path="/accept",
    wanted=load.COMMITTED,
)
TURNS = Workload(name="turn", arguments=processes.WARMLINE, path=REST, wanted=load.ANSWERED)
TURNS_UNIQUE = Workload(
    name="turn_unique", arguments=processes.WARMLINE, path=REST, wanted=load.ANSWERED, unique=True
)
TURNS_LATER = Workload(
    name="turn_with_past", arguments=processes.WARMLINE, path=REST, wanted=load.ANSWERED, past=True
)
ACCEPTING_LATER = Workload(
    name="accept_with_past",
    arguments=processes.IDLE_ACCEPT_SERVER,
    path="/accept",
    wanted=load.COMMITTED,
    past=True,
    times=2,
)
WORKLOADS = (ECHO, ACCEPTING, TURNS, TURNS_UNIQUE, ACCEPTING_BUSY, TURNS_LATER, ACCEPTING_LATER)
