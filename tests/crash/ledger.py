"""What the gateway acknowledged, what customers received, and whether the two agree."""

from __future__ import annotations

import json
import re
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

CustomerKey = tuple[str, str]
Rows = Iterable[Sequence[Any]]


@dataclass
class Ledger:
    """Records of those who talk to the gateway, messages outside of it."""

    accepted: dict[CustomerKey, list[str]] = field(default_factory=lambda: defaultdict(list))
    received: dict[CustomerKey, list[str]] = field(default_factory=lambda: defaultdict(list))
    shown: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    keys: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    repeated: int = 0
    received_at: dict[tuple[str, str, str], float] = field(default_factory=dict)
    """Channel, name and text -> seconds since 1970."""

    def record_accepted(self, channel: str, name: str, text: str) -> None:
        """The gateway acknowledged a message."""
        self.accepted[channel, name].append(text)

    def record_received(self, channel: str, name: str, text: str) -> None:
        """A customer got a message."""
        text = bare_answer(text)
        self.received[channel, name].append(text)
        self.received_at[channel, name, text] = time.time()

    def record_shown(self, name: str, text: str) -> None:
        """A page showed a message live."""
        self.shown[name].append(bare_answer(text))

    def record_delivered(self, channel: str, name: str, key: str, text: str) -> None:
        """A provider took a message. ``key`` is the gateway's own key of it."""
        self.keys[channel].append(key)
        if channel == "resend" and self.keys[channel].count(key) > 1:
            return  # its receivers recognise a repetition
        self.record_received(channel, name, text)


@dataclass
class Verdict:
    """The result for one channel. The three lists must be empty."""

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
    # Sends that were cut off and not repeated: the conversation went to a person.
    (
        "SELECT o.lane, m.text FROM outbox o JOIN messages m ON m.id = o.message_id"
        " WHERE m.status = 'unsure' AND o.state IN ('unsure', 'discarded')"
    ),
    (
        "SELECT m.lane, m.text, m.data,"
        " EXISTS (SELECT 1 FROM messages r WHERE r.turn_id = m.turn_id"
        " AND (r.purpose = 'handover' OR r.status = 'discarded'))"
        # A turn that began before the handoff and was committed after it.
        " OR EXISTS (SELECT 1 FROM messages s WHERE s.conversation_id = m.conversation_id"
        " AND s.author = 'system' AND s.text = 'Handed over to a person' AND s.id < m.id)"
        " FROM messages m"
        " JOIN conversations c ON c.id = m.conversation_id"
        " WHERE m.author = 'customer' AND c.state = 'waiting'"
    ),
)
"""Queries for `Stored`: accepted messages, unsure replies, messages that wait for a person."""


@dataclass
class Stored:
    """The content of the database, by customer."""

    messages: dict[CustomerKey, list[str]] = field(default_factory=lambda: defaultdict(list))
    unsure: dict[CustomerKey, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    with_person: dict[CustomerKey, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Messages that a person has: the bot passed them on or handed them over, or its reply was
    discarded when the conversation went to a person."""

    @classmethod
    def from_rows(cls, messages: Rows, unsure: Rows, waiting: Rows) -> Stored:
        """From the results of `QUERIES`."""
        stored = cls()
        for lane, text in messages:
            stored.messages[_customer_key(lane)].append(text)
        for lane, text in unsure:
            stored.unsure[_customer_key(lane)][bare_answer(text)] += 1
        for lane, text, data, handed_over in waiting:
            route = json.loads(data or "{}").get("route") or {}
            if handed_over or route.get("action") in ("pass", "escalate"):
                stored.with_person[_customer_key(lane)].add(text)
        return stored


def bare_answer(text: str) -> str:
    """``answer 7``, without the text that a voice puts around it."""
    found = re.search(r"answer \d+", text)
    return found.group() if found else text


def _customer_key(lane: str) -> CustomerKey:
    channel, _, name = lane.partition(":")
    return channel, name


def judge(ledger: Ledger, stored: Stored) -> list[Verdict]:
    """Compare ledger and database. Returns one verdict for each channel."""
    verdicts: dict[str, Verdict] = {}
    for (channel, name), accepted in sorted(ledger.accepted.items()):
        verdict = verdicts.setdefault(channel, Verdict(channel))
        customer = (channel, name)
        messages = stored.messages[customer]
        if messages != accepted:
            verdict.lost.append(f"{customer}: stored {len(messages)} of {len(accepted)}")
        _judge_customer(
            verdict,
            customer,
            accepted,
            ledger.received[customer],
            unsure=stored.unsure[customer],
            with_person=stored.with_person[customer],
        )
    for name, shown in ledger.shown.items():
        _check_order(verdicts["webchat"], ("webchat", name), shown)
    for channel, keys in ledger.keys.items():
        verdicts[channel].resent = len(keys) - len(set(keys))
    return list(verdicts.values())


def _judge_customer(
    verdict: Verdict,
    customer: CustomerKey,
    accepted: list[str],
    received: list[str],
    *,
    unsure: Counter[str],
    with_person: set[str],
) -> None:
    verdict.accepted += len(accepted)
    times = Counter(received)
    for text in accepted:
        kind, _, number = text.partition(" ")
        answers = times[f"answer {number}"] if kind == "message" else 0
        if answers > 1:
            verdict.doubled.append(f"{customer}: the answer to {text!r} came {answers} times")
        if unsure[f"answer {number}"]:
            verdict.unsure += 1
        elif answers:
            verdict.answered += 1
        elif text in with_person:
            verdict.escalated += 1
        else:
            verdict.lost.append(f"{customer}: the answer to {text!r} never came")
    _check_order(verdict, customer, received)


def _check_order(verdict: Verdict, customer: CustomerKey, received: list[str]) -> None:
    numbers = [int(text.split()[1]) for text in received if text.startswith("answer ")]
    if numbers != sorted(set(numbers)):
        verdict.misordered.append(f"{customer}: {numbers}")
