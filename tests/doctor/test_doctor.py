"""An unhealthy system is explained: what is wrong, since when, and what to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from gateway import Clock, HealthProblem, Settings, TryLater, Undeliverable, hookimpl
from gateway.adapters.sql.engine.opening import migrate
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.statistics import DatabaseHealthCheck
from gateway.cli.doctor import examinations
from gateway.cli.main import command
from gateway.ops import doctor
from gateway.ops.doctor import backlog_problems, diagnose
from gateway.store import Backlog, QueueStatistics
from gateway.testing import FakeChannel, FakeClock, FakeHandler, running

DEAD_LETTER = """
INSERT INTO customers (id, opted_out, created_at) VALUES (1, false, 0);
INSERT INTO conversations
  (id, customer_id, channel, address, lane, state, epoch, tier, mood, opened_at)
  VALUES (1, 1, 'x', 'y', 'x:y', 'bot', 0, 'bot', 'calm', 0);
INSERT INTO messages
  (id, conversation_id, lane, author, internal, purpose, status, text, at)
  VALUES (1, 1, 'x:y', 'bot', false, 'answer', 'failed', 'hello', 0);
INSERT INTO outbox
  (message_id, conversation_id, lane, channel, author, epoch, key, payload, state, attempts,
   due_at, created_at)
  VALUES (1, 1, 'x:y', 'x', 'bot', 0, 'k', '{}', 'dead', 1, 0, 1767225600000)
"""
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture
def warmline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command with a small configuration of its own."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "warmline.yaml"
    file.write_text("brand_voice: {}\nchannels: {rest: {}}\n", "utf-8")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(command(), arguments, catch_exceptions=False)

    return run


def parts(result: Result) -> dict[str, dict[str, Any]]:
    return {one["part"]: one for one in map(json.loads, result.stdout.splitlines())}


def test_it_works_without_a_server_or_a_database(warmline: Any, tmp_path: Path) -> None:
    """Nothing is broken, and nothing is made by looking."""
    result = warmline("doctor", "--json")
    told = parts(result)
    assert result.exit_code == 0
    assert told["server"]["state"] == told["database"]["state"] == "warning"
    assert told["configuration"] == {"part": "configuration", "state": "well"}
    assert not list(tmp_path.rglob("*.db"))


def test_what_waits_for_a_person_is_broken_and_says_what_to_do(
    warmline: Any, tmp_path: Path
) -> None:
    """A dead letter: since when, and the command that shows it; exit 1."""
    (tmp_path / "var").mkdir()
    database = SqliteDatabase(tmp_path / "var" / "warmline.db")
    asyncio.run(migrate(database))
    with database.engine.begin() as connection:
        for statement in DEAD_LETTER.split(";"):
            connection.execute(text(statement))
    asyncio.run(database.stop())
    result = warmline("doctor")
    assert result.exit_code == 1
    assert "broken   queues: 1 replies could not be delivered (since 2026-01-01 00:00 UTC)" in (
        result.stdout
    )
    assert "warmline outbox retry" in result.stdout


def test_a_wrong_configuration_is_told_with_its_line(warmline: Any, tmp_path: Path) -> None:
    """It is the first thing to mend, so nothing else is looked at."""
    (tmp_path / "warmline.yaml").write_text("brand_voice: {}\nport: many\n", "utf-8")
    result = warmline("doctor", "--json")
    assert result.exit_code == 1
    [told] = map(json.loads, result.stdout.splitlines())
    assert told["part"] == "configuration"
    assert "warmline.yaml:2: port" in told["what"]


async def test_what_waits_too_long_is_told(tmp_path: Path) -> None:
    """A message of a second is none; one of two minutes is."""
    young = Backlog(inbox=QueueStatistics(rows=3, since=NOW - timedelta(seconds=1)))
    assert backlog_problems(young, NOW) == []
    since = NOW - timedelta(minutes=2)
    [symptom] = backlog_problems(Backlog(inbox=QueueStatistics(rows=3, since=since)), NOW)
    assert (symptom.what, symptom.since) == ("3 messages wait to be handled", since)
    every = {
        name: QueueStatistics(rows=1, since=NOW - timedelta(days=1))
        for name in Backlog.__struct_fields__
    }
    assert len(backlog_problems(Backlog(**every), NOW)) == len(every)


async def test_an_old_schema_is_told_and_left_alone(tmp_path: Path) -> None:
    """A newer one too: that is another version's."""
    file = tmp_path / "t.db"
    database = SqliteDatabase(file)
    await migrate(database, "0001")
    check_health = DatabaseHealthCheck(database)
    [symptom] = await check_health.check_health(FakeClock())
    assert "older version (0001" in symptom.what
    assert not await check_health.is_current()
    await migrate(database)
    assert await check_health.is_current()
    assert await check_health.check_health(FakeClock()) == []
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    [symptom] = await check_health.check_health(FakeClock())
    assert "newer version" in symptom.what
    await database.stop()


async def test_a_full_disk_and_a_long_log_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before they stop everything."""
    file = tmp_path / "t.db"
    database = SqliteDatabase(file)
    await migrate(database)

    class Usage:
        total, free = 2**40, 2**20

    monkeypatch.setattr("gateway.adapters.sql.statistics.shutil.disk_usage", lambda _: Usage)
    monkeypatch.setattr("gateway.adapters.sql.statistics.LARGEST_LOG", 1)
    await database.write(lambda c: c.execute(text("CREATE TABLE t (a)")).rowcount)
    room, log = await DatabaseHealthCheck(database).check_health(FakeClock())
    assert (room.severity, log.severity) == ("broken", "warning")
    assert "1 MB are left" in room.what
    await database.stop()


class Frail:
    """A guest that can be examined."""

    name = "frail"

    def __init__(self, found: Sequence[HealthProblem] | Exception) -> None:
        self._found = found

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:
        if isinstance(self._found, Exception):
            raise self._found
        return self._found

    async def handle(self, turn: object) -> None:
        return None

    priority = 99

    @hookimpl
    def register_handlers(self, register: Any, settings: Settings) -> None:
        register(self)


async def test_a_guest_is_asked_by_its_port(tmp_path: Path) -> None:
    """Whoever implements `HealthCheck` is examined, by its own name."""
    ill = HealthProblem(what="it limps", fix="rest", severity="warning")
    async with running(Frail([ill]), FakeChannel(), tmp_path=tmp_path) as gw:
        found = {one.part: one.symptom for one in await diagnose(examinations(gw.gateway))}
    assert found["frail"] == ill
    assert found["database"] is None


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TryLater("the provider cannot be reached"), "the provider cannot be reached"),
        (Undeliverable("no"), "no"),
        (ValueError("with a secret"), "could not be examined: ValueError"),
    ],
)
async def test_an_examination_that_fails_is_told(error: Exception, told: str) -> None:
    """Our own errors are words for a person; of others only the kind is told."""
    frail = Frail(error)
    [found] = await diagnose({"frail": lambda: frail.check_health(FakeClock())})
    assert found.symptom is not None
    assert found.symptom.what == told


async def test_an_examination_that_hangs_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left after a while, and the others are told."""
    monkeypatch.setattr(doctor, "PATIENCE", 0.05)

    async def hangs() -> Sequence[HealthProblem]:
        await asyncio.Event().wait()
        return ()

    async def well() -> Sequence[HealthProblem]:
        return ()

    hung, fine = await diagnose({"hangs": hangs, "fine": well})
    assert hung.symptom is not None
    assert fine.symptom is None


async def test_handlers_that_cannot_be_examined_are_left_out(tmp_path: Path) -> None:
    """The port is a choice."""
    async with running(FakeChannel(), FakeHandler(lambda _: None), tmp_path=tmp_path) as gw:
        assert "fake_handler" not in examinations(gw.gateway)
