"""Rasa, with a fake server; `make test-rasa` runs the same tests with a real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from gateway.testing import FakeChannel, running
from plugins import nlu_rasa
from plugins.nlu_local import plugin as nlu_local
from plugins.nlu_rasa import rasa as command
from plugins.nlu_rasa.client import RasaMessage
from plugins.nlu_rasa.engine import reply_from
from plugins.nlu_rasa.project import read_training_data

from .fake_rasa import FakeRasa, served
from .rasa_contract import *  # noqa: F403
from .rasa_contract import Server
from .shop import EXAMPLES, write_shop


def exported(folder: Path, *options: str) -> Path:
    """The shop's examples and answers as a Rasa project."""
    config = write_shop(folder)
    config["plugins"]["faq"] = {"answers": ["answers.yaml"]}
    file = folder / "warmline.yaml"
    file.write_text(yaml.safe_dump(config), "utf-8")
    arguments = ["export", str(folder / "rasa"), "--config", str(file), *options]
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0, result.output
    return folder / "rasa"


@pytest.fixture
async def rasa(tmp_path: Path) -> AsyncIterator[Server]:
    server = FakeRasa(exported(tmp_path / "shop"), token="right")
    async with served(server.app()) as url:
        yield Server(url, "right")


def test_the_export_is_complete(tmp_path: Path) -> None:
    """The project has each example and intent, and each answer once in each language, with its
    facts; an intent without an answer leads to a person."""
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
    assert [component.get("epochs") for component in trees["config.yml"]["pipeline"]].count(7) == 1


def test_an_export_needs_two_intents(tmp_path: Path) -> None:
    """A configuration without examples is an error that names the file."""
    file = tmp_path / "warmline.yaml"
    file.write_text("plugins: {}\n", "utf-8")
    result = CliRunner().invoke(command, ["export", str(tmp_path / "out"), "--config", str(file)])
    assert result.exit_code == 1
    assert f"{file}:1: plugins: names fewer than two intents" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("name", "text", "problem"), [
    ("nlu.yml", "nlu:\n- intent: a\n- intnet: b", "nlu.yml:3: nlu.1: has none of intent, synonym"),
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
def test_a_mistake_in_a_file_is_named(tmp_path: Path, name: str, text: str, problem: str) -> None:
    """With file, line and key; nothing is written."""
    exported(tmp_path)
    (tmp_path / name).write_text(text, "utf-8")
    config = str(tmp_path / "warmline.yaml")
    result = CliRunner().invoke(command, ["export", str(tmp_path / "out"), "--config", config])
    assert result.exit_code == 1
    assert problem in result.output
    assert not (tmp_path / "out").exists()


def test_examples_may_be_a_list(tmp_path: Path) -> None:
    """As Rasa's format allows; a key without a value counts as absent."""
    exported(tmp_path)
    text = "nlu:\n- intent: a\n  examples:\n  - text: one\n    metadata: x\n  - two\n- intent: b\n"
    (tmp_path / "nlu.yml").write_text(f"{text}  examples:\n- lookup: no\n", "utf-8")
    (tmp_path / "answers.yaml").write_text("answers:\n", "utf-8")
    data = read_training_data(tmp_path / "warmline.yaml")
    assert data.examples == {("intent", "a"): ("one", "two"), ("intent", "b"): (),
                              ("lookup", "no"): ()}  # fmt: skip
    assert data.answers == {}


def test_a_handover_without_text_still_tells_the_customer() -> None:
    """Nobody is handed over in silence."""
    reply = reply_from([RasaMessage(custom={"handover": True})], "de")
    assert reply is not None
    assert reply.body
    assert reply.escalate


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize("failure", ["slow", "error", "busy", "denied", "garbage", "nonsense"])
async def test_each_failure_falls_back_to_the_embedded_engine(tmp_path: Path, failure: str) -> None:
    """Every message is understood, and the failure is recorded."""
    server = FakeRasa(exported(tmp_path / "shop"), token="ours" if failure == "denied" else None)
    server.failure = failure
    async with served(server.app()) as url:
        config = write_shop(tmp_path)
        config["plugins"]["nlu_rasa"] = {"url": url, "timeout": 0.2}
        await understood_locally(tmp_path, config)
        server.released.set()


@pytest.mark.usefixtures("trained")
async def test_an_unreachable_server_falls_back_to_the_embedded_engine(tmp_path: Path) -> None:
    """The same when nothing listens at the address."""
    config = write_shop(tmp_path)
    config["plugins"]["nlu_rasa"] = {"url": "http://127.0.0.1:9", "timeout": 0.2}
    await understood_locally(tmp_path, config)


async def understood_locally(tmp_path: Path, config: dict[str, object]) -> None:
    plugins = (nlu_local, nlu_rasa, FakeChannel())
    async with running(*plugins, config=config, tmp_path=tmp_path) as gw:
        for name in ("ana", "ben"):
            customer = gw.customer("fake", name)
            await customer.say("how do I get a refund?")
            assert customer.heard  # no handler answers: a person gets it, and the customer is told
        cards = [await gw.services.desk.card(item.conversation.id) for item in
                 await gw.services.desk.queue()]  # fmt: skip
        assert len(cards) == 2
        for card in cards:
            understanding = card.messages[0].understanding
            assert understanding is not None
            assert understanding.intent.name == "refund"
            assert understanding.ranked_by == "nlu_local"
            assert understanding.failed == ("nlu_rasa",)
