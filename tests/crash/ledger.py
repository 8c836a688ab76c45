"""What was acknowledged, what was said, and whether the two agree."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

Who = tuple[str, str]


@dataclass
class Ledger:
    """Kept outside the gateway, by those who talk to it."""

    said: dict[Who, list[str]] = field(default_factory=lambda: defaultdict(list))
    got: dict[Who, list[str]] = field(default_factory=lambda: defaultdict(list))
    live: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    repeated: int = 0

    def accepted(self, channel: str, name: str, text: str) -> None:
        """The gateway acknowledged it."""
        self.said[channel, name].append(text)

    def heard(self, channel: str, name: str, text: str) -> None:
        self.got[channel, name].append(text)

    def saw(self, name: str, text: str) -> None:
        """A page showed it, live."""
        self.live[name].append(text)

    def delivered(self, channel: str, name: str, key: str, text: str) -> None:
        """A provider took a message. ``key`` is the gateway's own."""
        self.keys[channel].append(key)
        if channel == "parrot" and self.keys[channel].count(key) > 1:
            return  # its receivers can tell a repeated one
        self.heard(channel, name, text)


@dataclass
class Verdict:
    """What the ledger and the database say together; all but the first six must be nothing."""

    channel: str
    accepted: int = 0
    answered: int = 0
    escalated: int = 0
    unsure: int = 0
    resent: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    misordered: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.misordered)


def judge(ledger: Ledger, database: Path) -> list[Verdict]:
    """One verdict for each channel."""
    with sqlite3.connect(database) as connection:
        unsure = _unsure(connection)
        kept = _kept(connection)
        with_person = _with_person(connection)
    verdicts: dict[str, Verdict] = {}
    for (channel, name), said in sorted(ledger.said.items()):
        verdict = verdicts.setdefault(channel, Verdict(channel))
        who = (channel, name)
        if kept.get(who, []) != said:
            verdict.lost.append(f"{who}: stored {len(kept.get(who, []))} of {len(said)}")
        _judge_one(
            verdict,
            who,
            said,
            ledger.got[who],
            unsure=unsure.get(who, Counter()),
            with_person=with_person.get(who, set()),
        )
    for name, shown in ledger.live.items():
        _in_order(verdicts["webchat"], ("webchat", name), shown)
    for channel, keys in ledger.keys.items():
        verdicts[channel].resent = len(keys) - len(set(keys))
    return list(verdicts.values())


def _judge_one(
    verdict: Verdict,
    who: Who,
    said: list[str],
    got: list[str],
    *,
    unsure: Counter[str],
    with_person: set[str],
) -> None:
    verdict.accepted += len(said)
    times = Counter(got)
    for text in said:
        kind, _, number = text.partition(" ")
        told = times[f"answer {number}"] if kind == "message" else 0
        if told > 1:
            verdict.doubled.append(f"{who}: the answer to {text!r} came {told} times")
        if unsure[f"answer {number}"]:
            verdict.unsure += 1
        elif told:
            verdict.answered += 1
        elif text in with_person:
            verdict.escalated += 1
        else:
            verdict.lost.append(f"{who}: the answer to {text!r} never came")
    _in_order(verdict, who, got)


def _in_order(verdict: Verdict, who: Who, got: list[str]) -> None:
    numbers = [int(text.split()[1]) for text in got if text.startswith("answer ")]
    if numbers != sorted(set(numbers)):
        verdict.misordered.append(f"{who}: {numbers}")


def _with_person(connection: sqlite3.Connection) -> dict[Who, set[str]]:
    """Messages that a person has, or gets: the bot passed them on or handed them over, or its
    reply was called back when the conversation was given to a person."""
    found: dict[Who, set[str]] = defaultdict(set)
    query = (
        "SELECT m.lane, m.text FROM messages m JOIN conversations c ON c.id = m.conversation_id"
        " WHERE m.author = 'customer' AND c.state = 'waiting'"
        " AND (json_extract(m.data, '$.route.action') IN ('pass', 'escalate')"
        " OR EXISTS (SELECT 1 FROM messages r WHERE r.turn_id = m.turn_id"
        " AND (r.purpose = 'handover' OR r.status = 'discarded')))"
    )
    for lane, text in connection.execute(query):
        channel, _, name = lane.partition(":")
        found[channel, name].add(text)
    return found


def _unsure(connection: sqlite3.Connection) -> dict[Who, Counter[str]]:
    found: dict[Who, Counter[str]] = defaultdict(Counter)
    query = "SELECT o.lane, m.text FROM outbox o JOIN messages m ON m.id = o.message_id"
    for lane, text in connection.execute(f"{query} WHERE o.state = 'unsure'"):
        channel, _, name = lane.partition(":")
        found[channel, name][text] += 1
    return found


def _kept(connection: sqlite3.Connection) -> dict[Who, list[str]]:
    found: dict[Who, list[str]] = defaultdict(list)
    query = "SELECT lane, text FROM messages WHERE author = 'customer' ORDER BY id"
    for lane, text in connection.execute(query):
        channel, _, name = lane.partition(":")
        found[channel, name].append(text)
    return found
