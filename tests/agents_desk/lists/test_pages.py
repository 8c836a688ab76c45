"""The pages of lists: what each shows, to whom, and that rows stay in place while they move."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from gateway import Address
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import (
    BEN,
    JULES,
    MARIA,
    NOUR,
    PHONE,
    PRIYA,
    TOM,
    WAITING,
    DeskGateway,
)

ROW = re.compile(r'<li class="list-row [a-z]+" id="r(\d+)">')


def shown(visit: Visit) -> list[int]:
    """The conversations of the page, in order."""
    return [int(id) for id in ROW.findall(visit.page)]


@pytest.fixture
async def cleo(visitor: Callable[[], Visit]) -> Visit:
    visit = visitor()
    await visit.sign_in("cleo")
    return visit


@pytest.mark.parametrize(("path", "expected"), [
    ("waiting", list(WAITING)),
    ("mine", [JULES]),
    ("colleagues", [PRIYA]),
    ("resolved", [2, 1]),
    ("bot", []),
    ("snoozed", []),
    ("all?channel=sms", [PHONE]),
    ("all?state=person", [JULES, PRIYA]),
    ("all?person=desk:ben&state=resolved", [2, 1]),
    ("waiting?skill=safety", [TOM]),
    ("all?language=fr", [JULES]),
    ("all?mood=angry&channel=email", []),
    ("all?since=2026-11-20&state=resolved", []),
    ("all?until=2026-11-20", [2, 1]),
])  # fmt: skip
async def test_each_list_and_filter_shows_its_conversations(
    ana: Visit, path: str, expected: list[int]
) -> None:
    """The waiting ones in the order of the queue, the others newest first."""
    assert (await ana.open(f"/desk/list/{path}")).status == 200
    assert shown(ana) == expected
