"""The rows of a desk with many conversations, in the columns of the schema.

What is rare belongs to the oldest conversations, so that a list by it has to walk over all others.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import Any

import msgspec

from gateway import Agent
from gateway.ops.search import STORED_AS, index_mode

Row = dict[str, Any]

NOW = datetime(2026, 11, 23, 14, 20, tzinfo=UTC)
"""When the newest message was written."""
EACH = 10
"""Messages of a conversation."""
STEP = 600_000
"""Milliseconds from one conversation to the next."""
AGENTS = tuple(Agent(id=f"desk:agent-{n}", name=f"Agent {n}") for n in range(20))
ME = Agent(id="desk:ana", name="Ana")
WAITING, HELD, SNOOZED = 200, 600, 60
"""The newest conversations wait, those before them are held by people, or snoozed."""
REMINDERS, MENTIONS = 200, 100
"""Of one person's: as many as a page can show."""
RARE = 20
"""Conversations with what is rare: the oldest."""
_VOCABULARY = """
order parcel refund late broken size colour invoice address delivery return label charger shoes
jacket lamp table chair missing wrong twice paid card bank cancel exchange please help thanks today
monday friday week carrier depot store mail phone again still where when why how
"""
WORDS = _VOCABULARY.split()
UNDERSTOOD = {
    "understanding": {
        "language": {"code": "en", "confidence": 0.97},
        "intent": {"name": "order_status", "confidence": 0.9},
        "ranking": [{"name": "order_status", "confidence": 0.9}],
        "emotion": {"label": "calm", "intensity": 0.1, "cues": []},
    }
}


def last_at(number: int, count: int) -> int:
    """When conversation ``number`` (1 to ``count``) got its last message, in milliseconds."""
    return int(NOW.timestamp() * 1000) - (count - number) * STEP // 10 - 1000


def state_of(number: int, count: int) -> str:
    behind = count - number
    if behind < WAITING:
        return "waiting"
    if behind < WAITING + HELD + SNOOZED:
        return "person"
    return "bot" if number % 5 < 2 else "resolved"


def owner_of(number: int) -> Agent:
    return ME if number % 20 == 0 else AGENTS[number % len(AGENTS)]


def customers(count: int) -> Iterator[Row]:
    for number in range(1, count // 2 + 2):
        yield {
            "id": number,
            "name": f"Customer {WORDS[number % len(WORDS)].capitalize()} {number}",
            "language": "en",
            "opted_out": False,
            "created_at": last_at(1, count),
            "brand": "",
        }


def identities(count: int) -> Iterator[Row]:
    for number in range(1, count // 2 + 2):
        yield {
            "id": number,
            "customer_id": number,
            "channel": "email",
            "value": f"customer{number}@example.org",
            "unreachable": False,
            "opted_out": False,
            "support_address": "",
        }


def conversations(count: int) -> Iterator[Row]:
    for number in range(1, count + 1):
        state, rare = state_of(number, count), number <= RARE
        channel = "sms" if rare else ("webchat", "email", "webchat")[number % 3]
        address = f"a{number // 2}"
        person = state == "person" or number % 7 == 0
        snoozed = 0 <= count - number - WAITING - HELD < SNOOZED
        at = last_at(number, count)
        yield {
            "id": number,
            "customer_id": number // 2 + 1,
            "channel": channel,
            "address": address,
            "lane": f"{channel}:{address}",
            "state": state,
            "epoch": 1,
            "owner": _json(owner_of(number)) if state == "person" else None,
            "tier": "front",
            "language": "pt" if rare else ("en", "de", "en", "fr", "es")[number % 5],
            "intent": "order_status",
            "mood": "angry" if rare else ("calm", "calm", "frustrated", "pleased")[number % 4],
            "opened_at": at - STEP,
            "resolved_at": at if state == "resolved" else None,
            "support_address": "",
            "brand": "south" if rare else "north",
            "last_at": at,
            "last_from": "agent" if person and number % 2 else "customer" if person else "bot",
            "agent_id": "desk:gone" if rare else owner_of(number).id if person else None,
            "skills": '["safety"]' if rare else '["orders"]' if number % 7 == 0 else "[]",
            "labels": "recall" if rare else "refund" if number % 20 == 0 else "",
            "snoozed_until": at + 86_400_000 if snoozed else None,
            "snoozed_by": ME.id if snoozed else None,
        }


def conversation_labels(count: int) -> Iterator[Row]:
    for number in range(1, count + 1):
        if number <= RARE or number % 20 == 0:
            label = "recall" if number <= RARE else "refund"
            yield {"conversation_id": number, "label": label}


def messages(count: int) -> Iterator[Row]:
    data = _json(UNDERSTOOD)
    by_agent = {**UNDERSTOOD, "agent": {"id": ME.id, "name": ME.name}}
    agents_data = _json({"agent": by_agent["agent"]})
    for conversation in islice(conversations(count), count):
        number = conversation["id"]
        person = conversation["agent_id"] is not None
        for place in range(EACH):
            author = "customer" if place % 2 == 0 else "agent" if person and place > 4 else "bot"
            yield {
                "id": (number - 1) * EACH + place + 1,
                "conversation_id": number,
                "lane": conversation["lane"],
                "author": author,
                "internal": False,
                "purpose": "answer",
                "status": "sent",
                "text": text(number, place),
                "at": conversation["last_at"] - (EACH - 1 - place) * 60_000,
                "data": data
                if author == "customer"
                else agents_data
                if author == "agent"
                else None,
            }


def text(number: int, place: int) -> str:
    """Twelve words, and the order's number."""
    start = (number * 31 + place * 7) % len(WORDS)
    words = " ".join(islice(cycle(WORDS), start, start + 12))
    return f"{words} order {100_000 + number}" + (" zirconium" if number <= RARE else "")


def handoffs(count: int) -> Iterator[Row]:
    id = 0
    for conversation in conversations(count):
        number, state = conversation["id"], conversation["state"]
        if state not in ("waiting", "person") and conversation["agent_id"] is None:
            continue
        id += 1
        claimed = state != "waiting"
        at = conversation["last_at"] - STEP // 2
        yield {
            "id": id,
            "conversation_id": number,
            "reasons": '[{"code":"asked_for_person","detail":"the customer asked for a person"}]',
            "tier": "front",
            "skills": conversation["skills"],
            "priority": number % 4,
            "created_at": at,
            "agent": _json(owner_of(number)) if claimed else None,
            "claimed_at": at + 1000 if claimed else None,
            "closed_at": None if state in ("waiting", "person") else at + 2000,
        }


def notes_of_guests(count: int) -> Iterator[Row]:
    """The lead's reminders, most of them not due yet, mentions in notes, and of what the search
    index is: without that the gateway would build it anew."""
    mode = index_mode(encrypted=False)
    yield {**_note("mode", 0, {}), "guest": STORED_AS, "value": mode, "conversation_id": None}
    for number in range(REMINDERS):
        conversation, due = count - number, NOW + timedelta(hours=number - 5)
        value = {"agent": ME.id, "words": f"Ask {text(conversation, 0)}", "due_at": due.isoformat(),
                 "conversation": conversation, "set_at": NOW.isoformat()}  # fmt: skip
        place = f"{int(due.timestamp() * 1000):015d}/{number:012x}"
        for key in (f"reminder/{place}", f"own-reminder/{ME.id}/{place}"):
            yield _note(key, conversation, value)
    for number in range(MENTIONS):
        conversation = count - number
        message = conversation * EACH
        value = {"conversation": conversation, "message": message, "by": "Agent 1",
                 "at": NOW.isoformat()}  # fmt: skip
        yield _note(f"mention/{ME.id}/{10**19 - 1 - message}", conversation, value)


def _note(key: str, conversation: int, value: Row) -> Row:
    """An entry of the desk in the storage of plugins."""
    return {
        "guest": "agents_desk",
        "key": key,
        "value": _json(value),
        "version": 1,
        "updated_at": int(NOW.timestamp() * 1000),
        "conversation_id": conversation,
    }


TABLES = {
    "customers": customers,
    "identities": identities,
    "conversations": conversations,
    "conversation_labels": conversation_labels,
    "messages": messages,
    "handoffs": handoffs,
    "notes_of_guests": notes_of_guests,
}
"""The rows of each table, in the order in which they may be stored."""


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
