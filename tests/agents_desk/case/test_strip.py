"""The strip "Due now": promises and reminders in one, broken promises first."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import ANA, MARIA, DeskGateway
from tests.agents_desk.marks.test_reminders import WORDS, remind, strip, wait

PROMISE = "I will post it on Thursday."
DAY = 86_400


async def promised(gw: DeskGateway) -> int:
    """Ana has Maria's conversation and promises; the id of her message."""
    await gw.claim(MARIA, ANA)
    await gw.desk.answer(MARIA, ANA, PROMISE, key="k")
    await gw.running.settled()
    return await gw.message(PROMISE)


async def test_a_broken_promise_comes_first(ana: Visit, gw: DeskGateway) -> None:
    """Before a reminder that is due for longer: to whom, by whom, and the message."""
    message = await promised(gw)
    await remind(ana)
    await wait(gw, 4 * DAY, ana)
    shown = await strip(ana)
    assert "1 broken" in shown
    assert "promised by <bdi>you</bdi>" in shown
    assert f'href="/desk/c/{MARIA}#m{message}"' in shown
    assert shown.index(PROMISE) < shown.index(WORDS)
    assert ana.page.count(PROMISE) == 1


async def test_one_that_is_kept_leaves_the_strip(ana: Visit, gw: DeskGateway) -> None:
    """With the page that says so."""
    await promised(gw)
    await wait(gw, 4 * DAY, ana)
    await ana.open(f"/desk/c/{MARIA}")
    promise = ana.field("promise")
    await ana.send(f"/desk/c/{MARIA}/promise", promise=promise, outcome="kept", last="1")
    found = re.search(r'<section class="due".*?</section>', ana.page, re.DOTALL)
    assert found
    assert PROMISE not in found[0]


async def test_who_is_at_work_keeps_their_promises(ana: Visit, ben: Visit, gw: DeskGateway) -> None:
    """A colleague sees a broken one once its person is away, as their presence says."""
    await promised(gw)
    await wait(gw, 4 * DAY, ana, ben)
    assert PROMISE not in await strip(ben)
    await ana.open("/desk/me")
    await ana.send("/desk/me/presence", state="away")
    gw.clock.advance(10)
    assert "promised by <bdi>Ana</bdi>" in await strip(ben)


class TestWithoutColleagues:
    """`read_colleagues: false`."""

    @pytest.fixture
    def desk_settings(self) -> dict[str, Any]:
        return {"read_colleagues": False}

    async def test_agents_see_nothing_of_it(self, visitor: Any, gw: DeskGateway) -> None:
        """Words of a conversation that a colleague has are not in an agent's strip; a lead's has
        them."""
        await promised(gw)
        gw.clock.advance(4 * DAY)
        cleo, ben = visitor(), visitor()
        await cleo.sign_in("cleo")
        await ben.sign_in("ben")
        assert PROMISE not in await strip(cleo)
        assert PROMISE in await strip(ben)
