"""Examples that change while the gateway runs."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from gateway import BadConfig
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from plugins.nlu_local import plugin as nlu_local
from plugins.nlu_local.examples import ExampleFiles
from tests.conftest import until

from .conftest import REPAIR, answer_with_intent, is_ready, replace_file, write_examples


def test_changed_examples_are_reloaded_once(tmp_path: Path) -> None:
    """A new modification time alone is not a change."""
    file = write_examples(tmp_path)
    files = ExampleFiles([tmp_path])
    assert files.reload_if_changed() is None
    os.utime(file, ns=(1, 1))
    assert files.reload_if_changed() is None
    replace_file(file, file.read_text("utf-8") + REPAIR)
    examples = files.reload_if_changed()
    assert examples is not None
    assert ("bike repair", "repair") in examples
    assert files.reload_if_changed() is None


def test_a_new_file_in_a_folder_is_a_change(tmp_path: Path) -> None:
    """So is a removed one."""
    write_examples(tmp_path)
    files = ExampleFiles([tmp_path])
    before = files.examples
    (tmp_path / "more.yml").write_text("nlu:\n" + REPAIR, "utf-8")
    assert files.reload_if_changed() != before
    (tmp_path / "more.yml").unlink()
    assert files.reload_if_changed() == before


def test_a_file_with_a_mistake_changes_nothing(tmp_path: Path) -> None:
    """The mistake is logged once, with file and line. The corrected file counts."""
    file = write_examples(tmp_path)
    whole = file.read_text("utf-8")
    files = ExampleFiles([file])
    replace_file(file, "version: '3.1'\nnlu:\n- intent: refund\n")
    with capture_logs() as logs:
        assert files.reload_if_changed() is None
        assert files.reload_if_changed() is None
    (entry,) = logs
    assert (entry["event"], entry["log_level"]) == ("nlu.refused", "warning")
    assert entry["problems"][0].startswith(f"{file}:3: refund.examples: has none")
    assert ("refund status", "refund") in files.examples
    replace_file(file, whole + REPAIR)
    assert files.reload_if_changed() is not None


def test_a_missing_file_is_a_mistake(tmp_path: Path) -> None:
    """It stops the start; later it changes nothing, as any other mistake."""
    file = write_examples(tmp_path)
    files = ExampleFiles([file])
    file.unlink()
    assert files.reload_if_changed() is None
    with pytest.raises(BadConfig, match="cannot be read"):
        ExampleFiles([file])


async def knows_repair(gw: RunningGateway, attempts: list[int]) -> bool:
    """Whether the question about bikes is understood by now."""
    attempts.append(1)
    customer = gw.customer("fake", f"cyclist{len(attempts)}")
    await customer.say("do you fix a broken bike?")
    return customer.heard == ["About repair."]


async def test_retraining_drops_no_message(tmp_path: Path) -> None:
    """Customers write without pause while the examples change, twice to a file with a mistake.
    Every message is answered by the old model or the new one, and the log has the progress."""
    file = write_examples(tmp_path)
    config = {
        "plugins": {"nlu_local": {"knowledge": str(file), "look_every": 0.1, "packaged": False}}
    }
    plugins = (nlu_local, FakeHandler(answer_with_intent), FakeChannel())
    stop = asyncio.Event()
    replies: list[list[str]] = []

    async def write_on(gw: RunningGateway, name: str) -> None:
        while not stop.is_set():
            customer = gw.customer("fake", f"{name}{len(replies)}")
            replies.append(customer.heard)
            await customer.say("what time do you close?")
            replies[-1] = customer.heard
            assert customer.heard == ["About opening_hours."], customer.heard

    with capture_logs() as logs:
        async with running(*plugins, tmp_path=tmp_path, config=config) as gw:
            await until(lambda: is_ready(gw), timeout=60, every=0.1)
            before = [entry for entry in logs if entry["event"] == "nlu.changed"]
            async with asyncio.TaskGroup() as group:
                for name in ("ana", "ben", "eve"):
                    group.create_task(write_on(gw, name))
                whole = file.read_text("utf-8")
                replace_file(file, "nlu: [")
                await until(lambda: "nlu.refused" in {entry["event"] for entry in logs}, timeout=20)
                replace_file(file, whole + REPAIR)
                attempts: list[int] = []
                await until(lambda: knows_repair(gw, attempts), timeout=90, every=0.2)
                replace_file(file, "nlu:\n- intent: x\n")
                await until(
                    lambda: len([entry for entry in logs if entry["event"] == "nlu.refused"]) == 2,
                    timeout=20,
                )
                assert await knows_repair(gw, attempts)
                stop.set()
    assert before == []
    assert len(replies) > 20
    changed = [entry for entry in logs if entry["event"] == "nlu.changed"]
    assert [entry["intents"] for entry in changed] == [4]
    steps = [
        (entry["step"], entry["of"])
        for entry in logs
        if entry["event"] == "nlu.training" and "of" in entry
    ]
    assert steps.count(("1", "6")) == 2
    assert steps[-1] == ("6", "6")
    assert not [entry for entry in logs if entry["event"] == "understander.failed"]
