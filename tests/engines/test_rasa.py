"""Rasa beside us, without a Rasa: `make test-rasa` asks a real one the same."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from gateway.testing import FakeChannel, running
from plugins import nlu_rasa
from plugins.nlu_local import plugin as nlu_local
from plugins.nlu_rasa.client import Said
from plugins.nlu_rasa.command import rasa as command
from plugins.nlu_rasa.dialogue import reply
from plugins.nlu_rasa.knowledge import read

from .far_rasa import FarRasa, served
from .rasa_suite import *  # noqa: F403
from .rasa_suite import Server
from .shop import EXAMPLES, open_shop


def exported(folder: Path, *options: str) -> Path:
    """The shop's knowledge as a Rasa project."""
    config = open_shop(folder)
    config["plugins"]["faq"] = {"answers": ["answers.yaml"]}
    file = folder / "warmline.yaml"
    file.write_text(yaml.safe_dump(config), "utf-8")
    arguments = ["export", str(folder / "rasa"), "--config", str(file), *options]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    return folder / "rasa"


@pytest.fixture
async def rasa(tmp_path: Path) -> AsyncIterator[Server]:
    far = FarRasa(exported(tmp_path / "shop"), token="right")
    async with served(far.app()) as url:
        yield Server(url, "right")


def test_the_export_is_whole(tmp_path: Path) -> None:
    """Each example, intent and answer stands in the project, in each language once, facts
    filled in; an intent without an answer leads to a person."""
    project = exported(tmp_path, "--epochs", "7")
    trees = {
        str(path.relative_to(project)): yaml.safe_load(path.read_text("utf-8"))
        for path in project.rglob("*.yml")
    }
    nlu = {entry["intent"]: entry["examples"] for entry in trees["data/nlu.yml"]["nlu"]}
    assert nlu == {
        intent: "".join(f"- {line}\n" for line in lines) for intent, lines in EXAMPLES.items()
    }
    domain = trees["domain.yml"]
    assert domain["intents"] == list(EXAMPLES)
    assert domain["entities"] == ["town"]
    german, english = domain["responses"]["utter_delivery_time"]
    assert german["condition"] == [{"type": "slot", "name": "language", "value": "de"}]
    assert german["text"].startswith("Die Lieferung dauert 3 Werktage.")
    assert english["text"] == (
        "Delivery takes 3 working days.\nDelivery: https://shop.example/delivery"
    )
    steps = {r["rule"]: r["steps"][1]["action"] for r in trees["data/rules.yml"]["rules"]}
    assert steps["opening_hours"] == "utter_opening_hours"
    assert steps["refund"] == steps["nlu_fallback"] == "utter_handover"
    assert [one.get("epochs") for one in trees["config.yml"]["pipeline"]].count(7) == 1


def test_an_export_of_nothing_says_so(tmp_path: Path) -> None:
    """A configuration without examples is a mistake, named with its file."""
    file = tmp_path / "warmline.yaml"
    file.write_text("plugins: {}\n", "utf-8")
    done = CliRunner().invoke(command, ["export", str(tmp_path / "out"), "--config", str(file)])
    assert done.exit_code == 1
    assert f"{file}:1: plugins: names fewer than two intents" in done.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "text", "told"), [
    ("nlu.yml", "nlu:\n- intent: a\n- intnet: b", "nlu.yml:3: nlu.1: is none of intent, synonym"),
    ("nlu.yml", "nlu:\n- intent: a\n  examples: {x: y}",
     "nlu.yml:3: nlu.0.examples: must be a block of `- example` lines"),
    ("nlu.yml", "nlu: no", "nlu.yml:1: nlu: "),
    ("nlu.yml", "- a", "nlu.yml:1: : must be a mapping"),
    ("nlu.yml", "nlu:\n- " + "[" * 5000, "nlu.yml:2: : is nested deeper than 64 levels"),
    ("nlu.yml", "a: &a {b: *a}", "nlu.yml:1: : an alias (*name) refers to itself"),
    ("answers.yaml", "answers:\n  refund:\n    say:\n      en: {}",
     "answers.yaml:4: answers.refund.say.en.body: is missing"),
    ("answers.yaml", "answers:\n  refund: {}", "answers.yaml:2: answers.refund.say: is missing"),
    ("answers.yaml", "answers:\n  refund:\n    links: [{title: Us}]\n    say: {en: {body: We}}",
     "answers.yaml:3: answers.refund.links.0.url: is missing"),
    ("warmline.yaml", "plugins:\n  nlu_local:\n    knowledge: [[nlu.yml]]",
     "warmline.yaml:3: plugins.nlu_local.knowledge: must be the path of a file"),
    ("warmline.yaml", "plugins: &p\n  a: *p", "an alias (*name) refers to itself"),
])  # fmt: skip
def test_a_broken_file_is_told(tmp_path: Path, name: str, text: str, told: str) -> None:
    """In words, with file, line and key; nothing is written."""
    exported(tmp_path)
    (tmp_path / name).write_text(text, "utf-8")
    config = str(tmp_path / "warmline.yaml")
    done = CliRunner().invoke(command, ["export", str(tmp_path / "out"), "--config", config])
    assert done.exit_code == 1
    assert told in done.output
    assert not (tmp_path / "out").exists()


def test_examples_may_be_a_list(tmp_path: Path) -> None:
    """As Rasa's format allows; what says nothing is as if it were not there."""
    exported(tmp_path)
    text = "nlu:\n- intent: a\n  examples:\n  - text: one\n    metadata: x\n  - two\n- intent: b\n"
    (tmp_path / "nlu.yml").write_text(f"{text}  examples:\n- lookup: no\n", "utf-8")
    (tmp_path / "answers.yaml").write_text("answers:\n", "utf-8")
    known = read(tmp_path / "warmline.yaml")
    assert known.examples == {("intent", "a"): ("one", "two"), ("intent", "b"): (),
                              ("lookup", "no"): ()}  # fmt: skip
    assert known.answers == {}


def test_a_hand_over_without_words_still_tells_the_customer() -> None:
    """No customer is handed over in silence."""
    said = reply([Said(custom={"handover": True})], "de")
    assert said is not None
    assert said.body
    assert said.escalate


@pytest.mark.usefixtures("learnt")
@pytest.mark.parametrize("trouble", ["slow", "error", "busy", "denied", "garbage", "nonsense"])
async def test_in_trouble(tmp_path: Path, trouble: str) -> None:
    """Whatever is wrong with the server, each message is understood by the embedded engine."""
    far = FarRasa(exported(tmp_path / "shop"), token="ours" if trouble == "denied" else None)
    far.trouble = trouble
    async with served(far.app()) as url:
        config = open_shop(tmp_path)
        config["plugins"]["nlu_rasa"] = {"url": url, "timeout": 0.2}
        await handled(tmp_path, config)
        far.released.set()


@pytest.mark.usefixtures("learnt")
async def test_down(tmp_path: Path) -> None:
    """The same when nobody listens at its address."""
    config = open_shop(tmp_path)
    config["plugins"]["nlu_rasa"] = {"url": "http://127.0.0.1:9", "timeout": 0.2}
    await handled(tmp_path, config)


async def handled(tmp_path: Path, config: dict[str, object]) -> None:
    guests = (nlu_local, nlu_rasa, FakeChannel())
    async with running(*guests, config=config, tmp_path=tmp_path) as gw:
        for name in ("ana", "ben"):
            customer = gw.customer("fake", name)
            await customer.say("how do I get a refund?")
            assert customer.heard  # there is no handler: a person gets it, and that is said
        cards = [await gw.house.desk.card(one.conversation.id) for one in
                 await gw.house.desk.queue()]  # fmt: skip
        assert len(cards) == 2
        for card in cards:
            understood = card.messages[0].understanding
            assert understood is not None
            assert understood.intent.name == "refund"
            assert understood.ranked_by == "nlu_local"
            assert understood.failed == ("nlu_rasa",)
