"""Simulated customers and agents in a real gateway."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import b64encode
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from gateway.app import build_gateway
from gateway.cli.common import load_settings
from gateway.cli.main import command
from gateway.model import CaseRecord
from gateway.plugins import installed_plugins
from gateway.testing import settings_for
from gateway.testing.simulation import (
    LedgerRow,
    Scenario,
    UnansweredQuestion,
    read_ledger,
    simulate,
)
from gateway.testing.simulation.real_shop import JumpingClock, alone_in, count_segments

SCENARIO = Scenario(
    seed=5,
    days=3,
    per_day=20,
    perception="truth",
    plants=(UnansweredQuestion(messages=4),),
)


async def records_in(folder: Path) -> list[CaseRecord]:
    """What the database of a simulated month has."""
    settings = load_settings(None)
    core = settings.core.model_copy(
        update={"data_dir": folder, "database_url": f"sqlite:///{folder / 'warmline.db'}"}
    )
    gateway = build_gateway(installed_plugins(), settings.replace(core=core))
    await gateway.open_database()
    found: list[CaseRecord] = []
    try:
        while page := await gateway.services.records.cases(
            after=found[-1].conversation.id if found else 0
        ):
            found += page
    finally:
        await gateway.store.stop()
    return found


@pytest.fixture(scope="module")
def played(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[list[LedgerRow], list[CaseRecord], Path]:
    """Three simulated days: the truth, the database, and the folder."""
    out = tmp_path_factory.mktemp("month")

    async def play() -> list[CaseRecord]:
        await simulate(load_settings(None), SCENARIO, out)
        return await records_in(out / "data")

    records = asyncio.run(play())
    return read_ledger(out / "ledger.jsonl"), records, out


Played = tuple[list[LedgerRow], list[CaseRecord], Path]


def test_the_ledger_agrees_with_the_database(played: Played) -> None:
    """Conversation by conversation: messages, moods, hand-overs, surveys and suggestions."""
    ledger, records, _ = played
    assert len(ledger) == len(records) > 40
    for row, record in zip(ledger, records, strict=True):
        assert row.conversation == record.conversation.id
        public = [m for m in record.messages if not m.internal]
        customers = [m for m in public if m.author == "customer"]
        count = Counter(m.author for m in public)
        assert (row.customer_messages, row.bot_messages, row.agent_messages) == (
            count["customer"],
            count["bot"],
            count["agent"],
        )
        assert row.opened_at == record.conversation.opened_at == customers[0].at
        assert row.address == record.conversation.address.lane
        first = customers[0].understanding
        assert first is not None
        assert row.mood_first == first.emotion.label
        assert (row.handled_by == "person") == bool(record.handoffs)
        codes = {reason.code for handoff in record.handoffs for reason in handoff.reasons}
        assert set(row.reasons) <= codes
        claimed = {code for e in row.events if e.kind == "claimed" for code in e.reasons}
        assert claimed <= codes
        answers = [m.at for m in public if m.author == "agent" or m.purpose == "answer"]
        assert row.first_answer_at == min(answers, default=None)
        claims = [h.claimed_at for h in record.handoffs if h.claimed_at is not None]
        assert row.claimed_at == min(claims, default=None)
        scores = [s.answer.score for s in record.surveys if s.answer is not None]
        assert scores == ([row.survey.score] if row.survey else [])
        outcomes = {s.id: s.outcome for s in record.suggestions if s.outcome != "open"}
        assert outcomes == {s.id: s.outcome for s in row.suggestions}


def test_every_part_of_a_shop_takes_part(played: Played) -> None:
    """Channels, languages, agents, surveys and what was planted."""
    ledger, records, _ = played
    assert len({row.channel for row in ledger}) >= 6
    assert {row.language for row in ledger} == {"en", "de", "fr", "es"}
    assert len({agent for row in ledger for agent in row.agents}) >= 4
    assert sum(row.survey is not None for row in ledger) >= 2
    assert sum(row.topic == "cycle_to_work" for row in ledger) >= 4
    handlers = {m.handler for r in records for m in r.messages if m.handler}
    assert {"faq", "escalation"} <= handlers


def test_the_contract_of_the_ledger_holds(played: Played) -> None:
    """Its keys and types, as others script against them."""
    _, _, out = played
    rows = [json.loads(line) for line in (out / "ledger.jsonl").read_text("utf-8").splitlines()]
    keys = {
        "conversation", "channel", "language", "intent", "opened_at", "mood_first", "mood_last",
        "handled_by", "repeat_of", "survey", "planted",
    }  # fmt: skip
    assert all(keys <= row.keys() for row in rows)
    assert {row["handled_by"] for row in rows} == {"bot", "person"}
    answered = [row["survey"] for row in rows if row["survey"]]
    assert all(survey.keys() == {"kind", "score"} for survey in answered)


async def test_the_same_seed_gives_the_same_month(played: Played, tmp_path: Path) -> None:
    """Every word, time, id and score in the database, too; and no time passes for it."""
    _, records, out = played
    begun = time.monotonic()
    await simulate(load_settings(None), SCENARIO, tmp_path)
    assert time.monotonic() - begun < timedelta(days=SCENARIO.days).total_seconds() / 1000
    assert (tmp_path / "ledger.jsonl").read_bytes() == (out / "ledger.jsonl").read_bytes()
    again = await records_in(tmp_path / "data")
    assert msgspec.json.encode(again) == msgspec.json.encode(records)


async def test_a_clock_that_jumps_wakes_sleepers_once() -> None:
    """However far it jumps; not before `wake_due`, and never backwards."""
    clock = JumpingClock(datetime(2026, 3, 2, tzinfo=UTC))
    woken: list[datetime] = []

    async def tick() -> None:
        while True:
            await clock.sleep(1)
            woken.append(clock.now())

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0)
    clock.jump(clock.now() + timedelta(days=1))
    await asyncio.sleep(0)
    assert woken == []
    clock.wake_due()
    await asyncio.sleep(0)
    assert woken == [datetime(2026, 3, 3, tzinfo=UTC)]
    clock.jump(datetime(2026, 3, 1, tzinfo=UTC))
    assert clock.now() == datetime(2026, 3, 3, tzinfo=UTC)
    ticking.cancel()


@pytest.mark.parametrize(("text", "segments"), [("a" * 160, 1), ("a" * 161, 2), ("ñ" * 71, 2)])
def test_an_sms_has_segments(text: str, segments: int) -> None:
    assert count_segments(text) == segments


def test_the_command_writes_a_month_once(tmp_path: Path) -> None:
    """It says what it wrote, and does not overwrite it."""
    arguments = ["simulate", "--seed", "2", "--days", "1", "--conversations-per-day", "8"]
    arguments += ["--perception", "truth", "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(command(), arguments)
    assert done.exit_code == 0, done.output
    assert "conversations" in done.stderr
    assert read_ledger(tmp_path / "out" / "ledger.jsonl")
    again = CliRunner().invoke(command(), arguments)
    assert again.exit_code == 1
    assert "name another folder" in again.stderr


def test_the_command_explains_a_wrong_plant(tmp_path: Path) -> None:
    arguments = ["simulate", "--seed", "2", "--out", str(tmp_path / "out"), "--plant", "weeds"]
    done = CliRunner().invoke(command(), arguments)
    assert done.exit_code == 1
    assert "there is no plant `weeds`; choose from" in str(done.exception)


def test_the_command_refuses_a_start_beyond_the_calendar(tmp_path: Path) -> None:
    arguments = ["simulate", "--seed", "2", "--out", str(tmp_path / "out"), "--start", "9999-12-31"]
    done = CliRunner().invoke(command(), arguments)
    assert done.exit_code == 2
    assert "choose a day of 1971 to 2998" in done.output


def test_a_month_stays_alone(tmp_path: Path) -> None:
    """Whatever the configuration says: its own database, no other system, and no deletion."""
    secret = f"whsec_{b64encode(bytes(32)).decode()}"
    endpoint = {"url": "https://crm.example/hook", "secret": secret}
    settings = settings_for(
        installed_plugins(),
        {
            "redis_url": "redis://127.0.0.1:1",
            "database_url": "postgresql://127.0.0.1:1/shop",
            "retention": {"conversations_days": 3},
            "webhooks": {"endpoints": {"crm": endpoint}},
        },
        tmp_path,
    )
    alone = alone_in(settings, tmp_path / "data").core
    assert alone.redis_url is None
    assert alone.database_url == f"sqlite:///{tmp_path / 'data' / 'warmline.db'}"
    assert alone.webhooks.endpoints == {}
    assert alone.retention == type(alone.retention)()
