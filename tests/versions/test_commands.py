"""``warmline versions``, and the commands that apply what was adopted."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from gateway import AddExamples, AddItems, Address, ExampleText, Inbound, SetValue
from gateway.cli.common import open_services, open_store
from gateway.cli.main import command
from tests.nlu_local.conftest import write_examples
from tests.versions.shop import ANA, load, write_files

pytestmark = pytest.mark.sqlite
OPEN = ("answers", "opening_hours", "say", "en")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    write_files(tmp_path)
    write_examples(tmp_path)
    answers = load(tmp_path / "answers.yaml")
    answers["answers"]["opening_hours"] = {"say": {"en": {"opener": "", "body": "At nine."}}}
    (tmp_path / "answers.yaml").write_text(yaml.safe_dump(answers, allow_unicode=True), "utf-8")
    tree = {
        "data_dir": str(tmp_path / "var"),
        "policy": "policy.yaml",
        "brand_voice": {"guide": "guide.yaml"},
        "channels": {"rest": {"open": True}},
        "plugins": {
            "faq": {"answers": "answers.yaml", "packaged": False},
            "nlu_local": {"knowledge": "nlu.yml", "packaged": False, "sentence_encoder": False},
        },
    }
    file = tmp_path / "warmline.yaml"
    file.write_text(yaml.safe_dump(tree), "utf-8")
    return file


def run(config: Path, *words: str, stdin: str | None = None) -> Result:
    line = [*words, "--config", str(config)]
    return CliRunner().invoke(command(), line, obj=open_services, input=stdin)


def adopt(config: Path, kind: Any, *changes: Any) -> int:
    """Adopt ``changes`` as a page of the desk does; return the version."""

    async def job() -> int:
        async with open_store(config) as gateway:
            versions = gateway.services.versions
            after = (await versions.overlay(kind)).number
            given: Any = {"after": after, "author": ANA, "why": "customers asked"}
            return (await versions.adopt(kind, changes, **given)).version.number

    return asyncio.run(job())


def replayed(config: Path, text: str) -> str:
    event = json.dumps({"channel": "rest", "from": "sam", "text": text})
    done = run(config, "replay", "-", "--json", stdin=event)
    assert done.exit_code == 0, done.output
    return str(json.loads(done.stdout.splitlines()[0])["text"])


def roll_back(config: Path, kind: str) -> None:
    done = run(config, "versions", "rollback", "0", "--kind", kind, "--why", "it was better")
    assert done.exit_code == 0, done.output


def test_every_command_applies_what_was_adopted(config: Path) -> None:
    """replay answers so, understand routes so, voice speaks so; after the roll-backs as before."""
    question = "What are your opening hours?"
    assert replayed(config, question).endswith("At nine.")
    adopt(config, "answers", SetValue(at=OPEN, value={"opener": "", "body": ["At ten."]}))
    sensitive = SetValue(at=("reasons", "sensitive_intent", "intents"), value=["opening_hours"])
    adopt(config, "policy", sensitive)
    adopt(config, "guide", AddItems(at=("lexicon", "use", "en", "shop"), items=("store",)))
    understood = run(config, "understand", "--json", question)
    assert json.loads(understood.stdout)["route"]["reasons"] == ["sensitive_intent"]
    rendered = run(config, "voice", "render", "--channel", "sms", "-", stdin="Our store is open.")
    assert rendered.stdout == "Our shop is open.\n"
    assert (
        run(config, "versions", "rollback", "0", "--kind", "policy", "--why", "no").exit_code == 0
    )
    assert replayed(config, question).endswith("At ten.")
    assert (
        run(config, "versions", "rollback", "0", "--kind", "answers", "--why", "no").exit_code == 0
    )
    assert replayed(config, question).endswith("At nine.")
    roll_back(config, "guide")
    rendered = run(config, "voice", "render", "--channel", "sms", "-", stdin="Our store is open.")
    assert rendered.stdout == "Our store is open.\n"


def test_versions_are_listed_shown_and_rolled_back(config: Path) -> None:
    """With author, reason and what changed, for people and as JSON."""
    assert "your files alone are in force" in run(config, "versions", "list").stdout
    adopt(config, "answers", SetValue(at=OPEN, value={"opener": "", "body": ["At ten."]}))
    adopt(config, "policy", SetValue(at=("clarify", "times"), value=2))
    adopt(config, "answers", SetValue(at=OPEN, value={"opener": "", "body": ["At eleven."]}))
    listed = run(config, "versions", "list").stdout
    assert [line.split()[:2] for line in listed.splitlines()[1:]] == [
        ["3", "answers"], ["2", "policy"], ["1", "answers"],
    ]  # fmt: skip
    assert "rollback 1" in listed
    assert "rollback 0 --kind policy" in listed
    lines = run(config, "versions", "list", "--kind", "answers", "--json").stdout.splitlines()
    third, first = (json.loads(line) for line in lines)
    assert (third["number"], third["author"], third["in_force"]) == (3, ANA, True)
    assert (first["number"], first["in_force"]) == (1, False)
    shown = run(config, "versions", "show", "3").stdout
    assert '  answers.opening_hours.say.en.body\n  - ["At ten."]\n  + ["At eleven."]' in shown
    assert json.loads(run(config, "versions", "show", "1", "--json").stdout)["overlay"]
    back = run(config, "versions", "rollback", "1", "--why", "too late")
    assert back.stdout == "version 4 of answers is in force: as version 1\n"
    assert "cli:" in run(config, "versions", "list").stdout
    audited = run(config, "audit", "list").stdout
    assert "rolled_back  answers version 4 to 1" in audited
    again = run(config, "versions", "rollback", "1", "--why", "too late")
    assert again.exit_code != 0
    assert "in force already" in str(again.exception)
    unknown = run(config, "versions", "rollback", "9")
    assert "there is no version 9" in str(unknown.exception)
    assert run(config, "versions", "rollback", "0").stdout == (
        "version 5 of answers is in force: as version 0\n"
        "version 6 of policy is in force: as version 0\n"
    )
    assert "your files alone are in force" in run(config, "versions", "rollback", "0").stdout


def teach_what_is_answered(config: Path) -> None:
    """Examples of every intent that has an answer, and of no other: else ``check`` names them."""
    answers = load(config.parent / "answers.yaml")["answers"]
    examples = [
        {"intent": name, "examples": f"- about {name}\n- {name} please\n"}
        for name in (*answers, "ask_person")
    ]
    (config.parent / "nlu.yml").write_text(yaml.safe_dump({"nlu": examples}), "utf-8")


def test_check_and_doctor_name_what_is_left_out(config: Path) -> None:
    """The team removes the answer: OK with a warning. Without a database nothing is adopted."""
    teach_what_is_answered(config)
    done = run(config, "check")
    assert (done.stdout, done.exit_code) == ("OK\n", 0)
    assert not (config.parent / "var" / "warmline.db").exists()
    german = SetValue(at=("answers", "parking", "say", "de"), value={"body": ["Ja: {spaces}."]})
    adopt(config, "answers", german)
    assert "left out" not in run(config, "check").output
    answers = load(config.parent / "answers.yaml")
    del answers["answers"]["parking"]
    (config.parent / "answers.yaml").write_text(yaml.safe_dump(answers), "utf-8")
    teach_what_is_answered(config)
    done = run(config, "check")
    assert (done.stdout, done.exit_code) == ("OK\n", 0)
    assert (
        "warning: left out of what was adopted (answers): answers.parking.say: `en`" in done.output
    )
    assert "left out of version 1 of answers" in run(config, "versions", "list").output
    assert "left out of what was adopted (answers)" in run(config, "doctor").output


def test_an_erasure_without_a_server_deletes_the_models(config: Path) -> None:
    """The command reaches what was trained with the customer's words; doctor says what was lost."""
    words = "the quokkamobile squeaks"

    async def write() -> None:
        async with open_store(config) as gateway:
            address = Address(channel="rest", value="ana")
            accepted = Inbound(address=address, text=words, at=gateway.clock.now())
            await gateway.services.intake.accept(accepted)
            await gateway.wait_idle()

    asyncio.run(write())
    linked = AddExamples(intent="refund", examples=(ExampleText(text=words, conversation=1),))
    adopt(config, "answers", linked)
    run(config, "understand", "hello")  # trains
    models = (config.parent / "var" / "nlu_local").glob("*.npz")
    [model] = [file for file in models if b"quokka" in file.read_bytes()]
    done = run(config, "customer", "erase", "rest:ana")
    assert done.exit_code == 0, done.output
    assert not model.exists()
    assert "1 adopted example went with conversations" in run(config, "doctor").output
    assert "1 of its examples was erased" in run(config, "versions", "show", "1").stdout
