"""The pages that are measured. To measure another page, add its name and its address."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.bench.desk_speed.rows import HELD, WAITING, last_at, state_of

LISTS = ("waiting", "mine", "bot", "colleagues", "snoozed", "resolved", "all")
OFTEN = {
    "channel": "email",
    "language": "de",
    "skill": "orders",
    "mood": "frustrated",
    "label": "refund",
    "brand": "north",
    "person": "desk:agent-3",
    "last_from": "customer",
    "since": "2026-11-20",
}
RARELY = {
    "channel": "sms",
    "language": "pt",
    "skill": "safety",
    "mood": "angry",
    "label": "recall",
    "brand": "south",
    "person": "desk:gone",
}
"""What only the oldest conversations have."""

PAGES: Mapping[str, str] = {
    "queue": "/desk",
    "queue_part": "/desk/queue?current=0",
    **{f"list_{name}": f"/desk/list/{name}" for name in LISTS},
    **{f"list_all_{key}": f"/desk/list/all?{key}={value}" for key, value in OFTEN.items()},
    **{f"list_resolved_{key}": f"/desk/list/resolved?{key}={v}" for key, v in OFTEN.items()},
    **{f"list_all_rare_{key}": f"/desk/list/all?{key}={value}" for key, value in RARELY.items()},
    **{f"list_bot_rare_{key}": f"/desk/list/bot?{key}={value}" for key, value in RARELY.items()},
    "list_all_three": "/desk/list/all?channel=email&language=de&mood=frustrated",
    "list_all_none": "/desk/list/all?channel=email&language=pt&mood=pleased",
    "list_all_later": "/desk/list/all?after={late}",
    "search_word": "/desk/search?q=refund",
    "search_words": "/desk/search?q=broken+charger",
    "search_rare": "/desk/search?q=zirconium",
    "search_order": "/desk/search?q={order}",
    "search_start": "/desk/search?q=zir",
    "reminders": "/desk/reminders",
    "mentions": "/desk/mentions",
    "labels": "/desk/labels",
    "spam": "/desk/spam",
    "alerts": "/desk/alerts",
    "people": "/desk/people",
    "recent": "/desk/recent",
    "new": "/desk/new",
    "conversation_waiting": "/desk/c/{waiting}",
    "conversation_held": "/desk/c/{held}",
    "conversation_resolved": "/desk/c/{resolved}",
}
"""What is measured, and its address. ``{waiting}``, ``{held}`` and ``{resolved}`` are ids of such
conversations, ``{order}`` is an order's number: others in each round. ``{late}`` is a place behind
nearly all of the list."""


def addresses(path: str, count: int, rounds: int) -> Iterator[str]:
    """``path`` as it is asked for in each of ``rounds``, over ``count`` conversations."""
    resolved = [n for n in range(count // 2, count) if state_of(n, count) == "resolved"]
    for number in range(rounds):
        yield path.format(
            waiting=count - number % WAITING,
            held=count - WAITING - number % HELD,
            resolved=resolved[number * 97 % len(resolved)],
            order=100_000 + (number * 7919) % count,
            late=f"{last_at(count // 20, count)}-{count // 20}",
        )
