"""Adopted examples: customers are understood after them, and an erasure takes them everywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest

from gateway import (
    AddExamples,
    ExampleText,
    Insight,
    NotFound,
    Overlay,
    OverlayProblem,
    RemoveExamples,
    SetValue,
    Turn,
    hookimpl,
)
from gateway.testing import RunningGateway
from plugins.nlu_local import plugin as nlu_local
from tests.conftest import until
from tests.nlu_local.conftest import is_ready, write_examples
from tests.traces import in_database, in_files
from tests.versions.shop import (
    WordReader,
    adopt,
    ask,
    configuration,
    open_shop,
    roll_back,
    write_files,
)

QUESTION = "do you fix a broken bike?"
WORDS = "my quokkamobile squeaks, can you mend it"
ANSWER = SetValue(
    at=("answers", "repair", "say", "en"), value={"opener": "", "body": ["We mend it."]}
)
REPAIR = (
    "my bike is broken, do you repair it?",
    "can you mend a bike?",
    "bike repair",
    "do you fix bikes?",
    "how much does it cost to have my bike mended?",
)


def own(*texts: str) -> AddExamples:
    return AddExamples(intent="repair", examples=tuple(ExampleText(text=text) for text in texts))


@asynccontextmanager
async def workshop(folder: Path, *, ready: bool = True) -> AsyncIterator[RunningGateway]:
    """A shop that learns from a file of three intents; ``ready`` waits until it has."""
    write_files(folder)
    write_examples(folder)
    config = configuration()
    config["plugins"]["nlu_local"] = {
        "knowledge": "nlu.yml", "packaged": False, "sentence_encoder": False, "look_every": 60,
    }  # fmt: skip
    async with open_shop(folder, nlu_local, config=config) as gw:
        if ready:
            await until(lambda: is_ready(gw), timeout=90, every=0.05)
        yield gw


async def understood(gw: RunningGateway) -> bool:
    return await ask(gw, QUESTION) == ["We mend it."]


async def not_understood(gw: RunningGateway) -> bool:
    return not await understood(gw)


@pytest.mark.sqlite
async def test_a_new_intent_is_understood_after_its_examples(tmp_path: Path) -> None:
    """Not before; after adoption and training; and no more after the roll-back, whose model is
    there already."""
    async with workshop(tmp_path) as gw:
        assert not await understood(gw)
        await adopt(gw, "answers", own(*REPAIR), ANSWER)
        await until(lambda: understood(gw), timeout=90, every=0.1)
        models = sorted((tmp_path / "var" / "nlu_local").glob("*.npz"))
        assert len(models) == 2
        await roll_back(gw, 0, "answers")
        await until(lambda: not_understood(gw), timeout=30, every=0.1)
        await roll_back(gw, 1)
        await until(lambda: understood(gw), timeout=30, every=0.1)
        assert sorted((tmp_path / "var" / "nlu_local").glob("*.npz")) == models


async def test_an_erasure_leaves_no_trace_of_an_example(tmp_path: Path) -> None:
    """Neither in the database nor in a file, the trained models included; the other examples of the
    same version stay in force, and so do those that another customer gave."""
    async with workshop(tmp_path) as gw:
        ana, ben = gw.customer("sms", "ana"), gw.customer("sms", "ben")
        await ana.say(WORDS)
        await ben.say("my tandem is bent")
        mine = ExampleText(text=WORDS, conversation=1)
        his = ExampleText(text="my tandem is bent", conversation=2)
        linked = AddExamples(intent="repair", examples=(mine, his))
        await adopt(gw, "answers", linked, own(*REPAIR), ANSWER)
        await until(lambda: understood(gw), timeout=90, every=0.1)
        exported = await gw.gateway.customer_data.export(ana.address)
        assert [row["text"] for row in exported["adopted_examples"]] == [WORDS]  # type: ignore[index,union-attr,call-overload]
        assert "adopted_examples" in await in_database(gw, "quokkamobile")
        folder = tmp_path / "var"
        assert [path for path in in_files(folder, "quokka") if path.endswith(".npz")]
        await gw.gateway.customer_data.erase(ana.address)
        assert await in_database(gw, "quokka") == []
        assert in_files(tmp_path, "quokka") == []
        overlay = await gw.services.versions.overlay("answers")
        assert (len(overlay.examples), overlay.lost) == (len(REPAIR) + 1, 1)
        await until(lambda: trained_again(gw, folder), timeout=90, every=0.1)
        assert await understood(gw)
        assert in_files(tmp_path, "quokka") == []
        assert await in_database(gw, "tandem") != []


async def trained_again(gw: RunningGateway, folder: Path) -> bool:
    [engine] = gw.gateway.registrations.understanders
    return not await engine.check_health(gw.clock)  # type: ignore[attr-defined]


@pytest.mark.sqlite
async def test_an_example_needs_its_conversation_and_one_intent(tmp_path: Path) -> None:
    """A sentence shows one intent; what comes from no known conversation is refused. What is taken
    away again is not trained any more."""
    async with workshop(tmp_path, ready=False) as gw:
        unknown = ExampleText(text="x y z", conversation=77)
        with pytest.raises(NotFound, match="no conversation 77"):
            await adopt(gw, "answers", AddExamples(intent="repair", examples=(unknown,)))
        problems = await gw.services.versions.check("answers", [own("Refund status!")])
        what = "new sentence 1 is an example of `refund`; choose one of the two intents for it"
        assert [str(problem) for problem in problems] == [f"examples.repair: {what}"]
        problems = await gw.services.versions.check("answers", [own("a " * 600)])
        assert "1 to 1000 characters" in str(problems[0])
        await adopt(gw, "answers", own("  bike \n repair "))
        [example] = (await gw.services.versions.overlay("answers")).examples
        assert example.text == "bike repair"
        await adopt(gw, "answers", RemoveExamples(ids=(example.id,)))
        assert not await gw.services.versions.overlay("answers")


@pytest.mark.sqlite
async def test_examples_go_with_their_conversation(tmp_path: Path) -> None:
    """Retention deletes an old conversation: its examples go from the overlay in force, and the
    version says how many it lost."""
    async with open_shop(tmp_path, WordReader(), Learner()) as gw:
        await ask(gw, "parking for my quokkamobile?")
        linked = ExampleText(text="a place for my quokkamobile", conversation=1)
        await adopt(gw, "answers", AddExamples(intent="parking", examples=(linked,)), own("bike"))
        assert len(Learner.seen[-1].examples) == 2
        later = gw.clock.now() + timedelta(days=1)
        retention = gw.gateway.store.retention
        assert await retention.delete_conversations([1], later) == 1
        await until(lambda: [each.text for each in Learner.seen[-1].examples] == ["bike"])
        assert Learner.seen[-1].lost == 1
        assert len(Learner.seen[-1].kept_examples) == 1


class Learner:
    """An engine that keeps the overlays it gets."""

    name, priority = "learner", 90
    version_kinds = frozenset({"answers"})
    seen: ClassVar[list[Overlay]] = []

    async def understand(self, turns: Sequence[Turn]) -> Sequence[Insight]:
        return [Insight() for _ in turns]

    async def check_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        return ()

    async def use_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        self.seen.append(overlay)
        return ()

    @hookimpl
    def register_understanders(self, register: Any, settings: Any) -> None:
        register(self)
