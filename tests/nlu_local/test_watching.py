"""Examples that change while the gateway serves."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway import BadConfig, Reply, Turn
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from plugins.nlu_local import guest as nlu_local
from plugins.nlu_local.watching import Knowledge
from tests.conftest import until

from .test_dialogue import ready, write_examples

REPAIR = """\
- intent: repair
  examples: |
    - my bike is broken, do you repair it?
    - can you mend a bike?
    - bike repair
    - do you fix bikes?
    - how much does it cost to have my bike mended?
"""


def put(file: Path, text: str) -> None:
    """Replace a file at once, as editors and deployments do."""
    new = file.with_suffix(".new")
    new.write_text(text, "utf-8")
    new.replace(file)


def test_a_change_is_seen_once(tmp_path: Path) -> None:
    """New examples are given once; a file that was only touched gives none."""
    file = write_examples(tmp_path)
    knowledge = Knowledge([tmp_path])
    assert knowledge.look() is None
    os.utime(file, ns=(1, 1))
    assert knowledge.look() is None
    put(file, file.read_text("utf-8") + REPAIR)
    rows = knowledge.look()
    assert rows is not None
    assert ("bike repair", "repair") in rows
    assert knowledge.look() is None


def test_a_file_more_is_a_change(tmp_path: Path) -> None:
    """In a folder a new file counts, and so does one that is gone."""
    write_examples(tmp_path)
    knowledge = Knowledge([tmp_path])
    before = knowledge.rows
    (tmp_path / "more.yml").write_text("nlu:\n" + REPAIR, "utf-8")
    assert knowledge.look() != before
    (tmp_path / "more.yml").unlink()
    assert knowledge.look() == before


def test_a_broken_file_is_refused(tmp_path: Path) -> None:
    """The mistake is told once, with file and line; what was known stays. Mended, it counts."""
    file = write_examples(tmp_path)
    whole = file.read_text("utf-8")
    knowledge = Knowledge([file])
    put(file, "version: '3.1'\nnlu:\n- intent: refund\n")
    with capture_logs() as logs:
        assert knowledge.look() is None
        assert knowledge.look() is None
    (told,) = logs
    assert (told["event"], told["log_level"]) == ("nlu.refused", "warning")
    assert told["problems"][0].startswith(f"{file}:3: refund.examples: has none")
    assert ("refund status", "refund") in knowledge.rows
    put(file, whole + REPAIR)
    assert knowledge.look() is not None


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    """It stops the start; later it is refused like any other."""
    file = write_examples(tmp_path)
    knowledge = Knowledge([file])
    file.unlink()
    assert knowledge.look() is None
    with pytest.raises(BadConfig, match="cannot be read"):
        Knowledge([file])


def about(turn: Turn) -> Reply | None:
    return Reply(body=(f"About {turn.understanding.intent.name}.",))


async def knows_repair(gw: RunningGateway, tries: list[int]) -> bool:
    """Whether the question about bikes is understood by now."""
    tries.append(1)
    customer = gw.customer("fake", f"cyclist{len(tries)}")
    await customer.say("do you fix a broken bike?")
    return customer.heard == ["About repair."]


async def test_learning_anew_drops_no_message(tmp_path: Path) -> None:
    """Customers write without pause while the examples change, twice to something broken: every
    message is answered by what was known before or what is known now, and the log tells how far
    the learning is."""
    file = write_examples(tmp_path)
    config = {"plugins": {"nlu_local": {"knowledge": str(file), "look_every": 0.1}}}
    guests = (nlu_local, FakeHandler(about), FakeChannel())
    stop = asyncio.Event()
    said: list[list[str]] = []

    async def write_on(gw: RunningGateway, name: str) -> None:
        while not stop.is_set():
            customer = gw.customer("fake", f"{name}{len(said)}")
            said.append(customer.heard)
            await customer.say("what time do you close?")
            said[-1] = customer.heard
            assert customer.heard == ["About opening_hours."], customer.heard

    with capture_logs() as logs:
        async with running(*guests, tmp_path=tmp_path, config=config) as gw:
            await until(lambda: ready(gw), timeout=60, every=0.1)
            before = [one for one in logs if one["event"] == "nlu.changed"]
            async with asyncio.TaskGroup() as group:
                for name in ("ana", "ben", "eve"):
                    group.create_task(write_on(gw, name))
                whole = file.read_text("utf-8")
                put(file, "nlu: [")
                await until(lambda: "nlu.refused" in {one["event"] for one in logs}, timeout=20)
                put(file, whole + REPAIR)
                tries: list[int] = []
                await until(lambda: knows_repair(gw, tries), timeout=90, every=0.2)
                put(file, "nlu:\n- intent: x\n")
                await until(
                    lambda: len([o for o in logs if o["event"] == "nlu.refused"]) == 2, timeout=20
                )
                assert await knows_repair(gw, tries)
                stop.set()
    assert before == []
    assert len(said) > 20
    changed = [one for one in logs if one["event"] == "nlu.changed"]
    assert [one["intents"] for one in changed] == [4]
    steps = [
        (one["step"], one["of"]) for one in logs if one["event"] == "nlu.training" and "of" in one
    ]
    assert steps.count(("1", "6")) == 2
    assert steps[-1] == ("6", "6")
    assert not [one for one in logs if one["event"] == "understander.failed"]
