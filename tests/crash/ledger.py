"""What was acknowledged, what was said, and whether the two agree."""

from __future__ import annotations

import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

Who = tuple[str, str]
Rows = Iterable[Sequence[Any]]


@dataclass
class Ledger:
    """Kept outside the gateway, by those who talk to it."""

    said: dict[Who, list[str]] = field(default_factory=lambda: defaultdict(list))
    got: dict[Who, list[str]] = field(default_factory=lambda: defaultdict(list))
    live: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    repeated: int = 0
    at: dict[tuple[str, str, str], float] = field(default_factory=dict)
    """When each was heard."""

    def accepted(self, channel: str, name: str, text: str) -> None:
        """The gateway acknowledged it."""
        self.said[channel, name].append(text)

    def heard(self, channel: str, name: str, text: str) -> None:
        text = plain(text)
        self.got[channel, name].append(text)
        self.at[channel, name, text] = time.time()

    def saw(self, name: str, text: str) -> None:
        """A page showed it, live."""
        self.live[name].append(plain(text))

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


QUERIES = (
    "SELECT lane, text FROM messages WHERE author = 'customer' ORDER BY id",
    # What was cut off, and not sent again: the conversation was given to a person.
    (
        "SELECT o.lane, m.text FROM outbox o JOIN messages m ON m.id = o.message_id"
        " WHERE m.status = 'unsure' AND o.state IN ('unsure', 'discarded')"
    ),
    (
        "SELECT m.lane, m.text, m.data,"
        " EXISTS (SELECT 1 FROM messages r WHERE r.turn_id = m.turn_id"
        " AND (r.purpose = 'handover' OR r.status = 'discarded'))"
        # Its turn began before the hand-over and was committed after it.
        " OR EXISTS (SELECT 1 FROM messages s WHERE s.conversation_id = m.conversation_id"
        " AND s.author = 'system' AND s.text = 'Handed over to a person' AND s.id < m.id)"
        " FROM messages m"
        " JOIN conversations c ON c.id = m.conversation_id"
        " WHERE m.author = 'customer' AND c.state = 'waiting'"
    ),
)
"""What the database is asked: of what was taken in, of what is unsure, of what people have."""


@dataclass
class Stored:
    """What the database holds, by customer."""

    kept: dict[Who, list[str]] = field(default_factory=lambda: defaultdict(list))
    unsure: dict[Who, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    with_person: dict[Who, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Messages that a person has, or gets: the bot passed them on or handed them over, or its
    reply was called back when the conversation was given to a person."""

    @classmethod
    def of(cls, kept: Rows, unsure: Rows, waiting: Rows) -> Stored:
        """From the answers to `QUERIES`."""
        stored = cls()
        for lane, text in kept:
            stored.kept[_who(lane)].append(text)
        for lane, text in unsure:
            stored.unsure[_who(lane)][plain(text)] += 1
        for lane, text, data, handed_over in waiting:
            route = json.loads(data or "{}").get("route") or {}
            if handed_over or route.get("action") in ("pass", "escalate"):
                stored.with_person[_who(lane)].add(text)
        return stored


def plain(text: str) -> str:
    """``answer 7``, whatever a voice has put around it."""
    found = re.search(r"answer \d+", text)
    return found.group() if found else text


def _who(lane: str) -> Who:
    channel, _, name = lane.partition(":")
    return channel, name


def judge(ledger: Ledger, stored: Stored) -> list[Verdict]:
    """One verdict for each channel."""
    verdicts: dict[str, Verdict] = {}
    for (channel, name), said in sorted(ledger.said.items()):
        verdict = verdicts.setdefault(channel, Verdict(channel))
        who = (channel, name)
        if stored.kept[who] != said:
            verdict.lost.append(f"{who}: stored {len(stored.kept[who])} of {len(said)}")
        _judge_one(
            verdict,
            who,
            said,
            ledger.got[who],
            unsure=stored.unsure[who],
            with_person=stored.with_person[who],
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
