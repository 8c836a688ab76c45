"""``warmline proposals`` and ``warmline learn``, on the shop with proposals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from gateway.cli.common import open_services
from gateway.cli.main import command
from tests.insights.learning.shop import ANSWERS, EXAMPLES
from tests.insights.tickets.shop import PHONE

pytestmark = pytest.mark.sqlite


@pytest.fixture
def config(prepared: Path, tmp_path: Path) -> Path:
    shutil.copytree(prepared / "var", tmp_path / "var")
    (tmp_path / "answers.yaml").write_text(ANSWERS, "utf-8")
    intents = dict.fromkeys(intent for _, intent in EXAMPLES)
    nlu = [
        {
            "intent": name,
            "examples": [{"text": text} for text, intent in EXAMPLES if intent == name],
        }
        for name in intents
    ]
    (tmp_path / "nlu.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": nlu}), "utf-8")
    tree = {
        "data_dir": str(tmp_path / "var"),
        "brand_voice": {},
        "channels": {"rest": {"open": True}},
        "plugins": {
            "faq": {"answers": "answers.yaml", "packaged": False},
            "nlu_local": {"knowledge": "nlu.yml", "packaged": False, "sentence_encoder": False},
            "insights": {},
        },
    }
    file = tmp_path / "warmline.yaml"
    file.write_text(yaml.safe_dump(tree), "utf-8")
    return file


def run(config: Path, *words: str) -> Result:
    return CliRunner().invoke(command(), [*words, "--config", str(config)], obj=open_services)


def test_list_names_what_waits_and_with_all_what_was_decided(config: Path) -> None:
    waiting = run(config, "proposals", "list").stdout
    assert "Change the answer about “refund” (en)" in waiting
    assert "as I said" not in waiting
    assert "Avoid “as I said” (en) (declined)" in run(config, "proposals", "list", "--all").stdout


def test_show_prints_evidence_change_and_evaluation(config: Path) -> None:
    text = run(config, "proposals", "show", "2").stdout
    assert "Reviewers find 7 of 10 answers about refund wrong." in text
    assert "-         - A refund is back in your account within {days} working days." in text
    shown = json.loads(run(config, "proposals", "show", "2", "--json").stdout)
    assert shown["evaluation"]["facts_kept"] == ["days: 5"]


@pytest.mark.timeout(600)
def test_learn_reads_imported_conversations_when_asked(config: Path, tmp_path: Path) -> None:
    """A question that came again in old mails is proposed."""
    config.write_text(config.read_text("utf-8").replace("encoder: false", "encoder: true"), "utf-8")
    rows = ["ticket_id;created_at;sender_type;email;agent_name;body"]
    for day, question in enumerate(PHONE, 1):
        mail = f"c{day}@mail.example"
        rows.append(f"{day};2026-01-{day:02} 09:00;customer;{mail};;{question}")
        rows.append(f"{day};2026-01-{day:02} 11:00;support;{mail};Ben;We have none; write to us.")
    file = tmp_path / "old.csv"
    file.write_text("\n".join(rows), "utf-8")
    done = run(config, "history", "import", str(file), "--yes")
    assert done.exit_code == 0, done.output
    assert "phone" not in run(config, "proposals", "list").stdout
    learnt = run(config, "learn", "--imported", "--json")
    assert learnt.exit_code == 0, learnt.output
    new = json.loads(learnt.stdout)["new"]
    assert [id for id in new if "phone" in run(config, "proposals", "show", id).stdout]


def test_adopt_and_decline_need_a_word_why_and_happen_once(config: Path) -> None:
    assert run(config, "proposals", "adopt", "2").exit_code == 2
    adopted = run(config, "proposals", "adopt", "2", "--why", "clearer")
    assert adopted.stdout == "adopted as version 2 of answers\n"
    again = run(config, "proposals", "decline", "2", "--why", "late")
    assert "is adopted by cli:" in str(again.exception)
    declined = run(config, "proposals", "decline", "3", "--why", "we like it")
    assert declined.stdout == "declined\n"
    assert "rollback 1" in run(config, "versions", "list", "--kind", "answers").stdout


def test_an_unknown_proposal_is_an_error(config: Path) -> None:
    assert "there is no proposal 99" in str(run(config, "proposals", "show", "99").exception)
