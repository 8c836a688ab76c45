"""An answer that rests on a passage is committed with it, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway import Reply, Turn
from gateway.testing import FakeHandler
from tests.knowledge.answering.sources import shop_with_sources, text


@pytest.mark.parametrize("stored_in", ["sqlite", "postgresql"])
async def test_a_passage_that_changed_before_the_commit_is_not_sent(tmp_path: Path) -> None:
    """Nothing is stored; the turn runs again a moment later and finds the new words."""
    rests_on: list[int] = []

    def answer(turn: Turn) -> Reply | None:
        if turn.kind != "message" or turn.route.action != "automate":
            return None
        return Reply(opener="", body=("Four or five days.",), sources=(rests_on[-1],))

    handler = FakeHandler(answer, priority=20)
    async with shop_with_sources(tmp_path, handler) as shop:
        store = shop.gw.services.knowledge
        assert store is not None
        old = await shop.put("Delivery", text("Four days."))
        [before] = await store.passages_of(old.id)
        new = await shop.put("Delivery", text("Five days."))
        [after] = await store.passages_of(new.id)
        rests_on.append(before.id)
        mia = shop.gw.customer("fake", "mia")
        with capture_logs() as logs:
            await mia.write("delivery?")
            await shop.gw.settled()
        assert await shop.gw.services.mailbox.messages(mia.address) == ()
        assert await store.uses(new.id) == ()
        logged = [each["event"] for each in logs]
        assert "turn.sources_changed" in logged
        assert "turn.failed" not in logged
        rests_on.append(after.id)
        await shop.gw.pass_time(5)
        [answered] = await shop.gw.services.mailbox.messages(mia.address)
        assert answered.text == "Four or five days."
        [use] = await store.uses(new.id)
        assert use.passage == after.id
