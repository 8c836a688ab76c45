"""Retention copes with rows of the future: the clock was wrong, and was set back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from gateway.adapters.sql import rows
from gateway.adapters.sql.schema import conversations, inbox, messages, outbox
from gateway.testing import FakeChannel, FakeHandler, running
from tests.both import both
from tests.spine.conftest import echo

from .test_retention import JumpingClock, count, run_retention

pytest_generate_tests = both
DAYS = {"conversations_days": 30, "inbox_days": 30, "outbox_days": 30, "hour": 3, "batch": 3}


def gateway_in(folder: Path, clock: JumpingClock) -> Any:
    policy = folder / "policy.yaml"
    policy.write_text("reasons: {low_confidence: {enabled: false}}", "utf-8")
    config = {"policy": str(policy), "retention": DAYS}
    return running(FakeChannel(), FakeHandler(echo), config=config, clock=clock, tmp_path=folder)


async def test_rows_of_the_future_keep_no_older_ones(tmp_path: Path, stored_in: str) -> None:
    """Those behind them are deleted in time; they themselves age from now on."""
    clock = JumpingClock()
    async with gateway_in(tmp_path, clock) as gw:
        for number in range(4):
            await gw.customer("fake", f"future{number}").say("hello")
        future = rows.to_ms(clock.now() + timedelta(days=3650))
        tables = ((inbox, "received_at"), (outbox, "created_at"), (messages, "at"))
        for table, column in (*tables, (conversations, "opened_at")):
            change = table.update().values({column: future})
            await gw.gateway.database.write(lambda c: c.execute(change).rowcount)  # noqa: B023
        for number in range(4):
            await gw.customer("fake", f"past{number}").say("hello")
        assert await count(gw, conversations) == 8
        await run_retention(gw, after_days=40)
        assert await count(gw, conversations) == 4
        assert await count(gw, inbox) == 4
        assert await count(gw, outbox) == 4
        await run_retention(gw, after_days=40)
        for table in (conversations, inbox, outbox, messages):
            assert await count(gw, table) == 0


async def test_a_run_of_the_future_does_not_stop_those_of_today(
    tmp_path: Path, stored_in: str
) -> None:
    """The day of the last run is later than today: the clock was wrong then."""
    clock = JumpingClock()
    async with gateway_in(tmp_path, clock) as gw:
        retention = gw.gateway.retention
        await gw.services.storage.put("warmline.retention", "done", "2999-01-01")
        assert await retention.claim_today()
        assert not await retention.claim_today()
