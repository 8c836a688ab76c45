"""Statements of the way out cost the same however much was sent before."""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_engine, event

from gateway.adapters.sql import outbox
from gateway.adapters.sql.identities import discard_queued
from gateway.adapters.sql.schema import metadata


def test_finding_what_a_lane_is_to_send_reads_no_other_lane() -> None:
    """Nor does dropping it after an opt-out: SQLite uses the partial index."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    ran: list[tuple[str, Any]] = []
    with engine.begin() as connection:

        @event.listens_for(engine, "before_cursor_execute")
        def record(*call: Any) -> None:
            ran.append((call[2], call[3]))

        connection.execute(outbox._HEAD, {"lane": "sms:+49"})
        discard_queued(connection, "sms:+49")
        for statement, values in tuple(ran):
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            steps = [row[3] for row in plan]
            assert not [step for step in steps if step.startswith("SCAN")], steps
