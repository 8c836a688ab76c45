"""The audit of a small shop, through its own understanding and handlers."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from pathlib import Path
from typing import NamedTuple

import pytest

from gateway import CaseRecord, WarmlineError
from gateway.cli.common import open_services
from plugins.history.audit.audit import audit
from plugins.history.audit.judging import Vectors, encode
from plugins.history.audit.report import AuditReport
from plugins.history.audit.writing import check_folder, write
from tests.bench.audit.mailbox import add
from tests.bench.audit.shops import SimulatedPast, simulate
from tests.bench.audit.withheld import withheld_month

SEED = 2
MONTHLY = (25, 25)


@pytest.fixture(scope="module")
def past() -> SimulatedPast:
    return simulate(SEED, monthly=MONTHLY)


class Made(NamedTuple):
    """The audit of the shop, the folder that it was written to, and what else was seen."""

    report: AuditReport
    out: Path
    stored: CaseRecord
    vectors: Vectors
    refusal: str


@pytest.fixture(scope="module")
def made(past: SimulatedPast, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return asyncio.run(_make(past, tmp_path_factory.mktemp("shop")))


async def _make(past: SimulatedPast, folder: Path) -> Made:
    out = folder / "out"
    async with open_services(past.write(folder)) as (services, _):
        await add(services, past)
        report = await audit(services)
        check_folder(out)
        write(report, out)
        first = report.matters[0].conversation
        [stored] = await services.records.cases_by_id([first], imported=None)
        vectors = await encode(services.encoder, report.matters)
        with pytest.raises(WarmlineError) as refused:
            await audit(services, brand="none")
    return Made(report, out, stored, vectors, str(refused.value))


def test_every_conversation_is_a_matter(made: Made, past: SimulatedPast) -> None:
    """Nothing is left out, and each matter is answered, clarified or handed over."""
    report = made.report
    assert {m.conversation for m in report.matters} == {c.conversation.id for c in past.cases}
    counts = [len(report.lists[name].matters) for name in ("answer", "clarify", "hand_over")]
    assert sum(counts) == len(report.matters)


def test_what_is_called_wrong_is_wrong(made: Made, past: SimulatedPast) -> None:
    """By the ledger: what the bot would say is outdated, or about another topic."""
    report = made.report
    answered = [m for m in report.matters if m.verdict == "answer" and m.person]
    assert any(m.wrong for m in answered)
    mistaken = [m for m in answered if m.wrong and not past.is_wrong(m.conversation, m.intent)]
    assert len(mistaken) <= len(answered) // 20


def test_audit_json_has_the_shape_that_others_rely_on(made: Made) -> None:
    """The keys of the contract."""
    tree = json.loads((made.out / "audit.json").read_bytes())
    assert tree["would_answer"] + tree["would_clarify"] + tree["would_hand_over"] == tree["matters"]
    assert {"value", "low", "high"} <= tree["wrong"].keys()
    assert isinstance(tree["automatable"], list)
    assert isinstance(tree["scripts_that_fail"], list)
    assert isinstance(tree["conversations"], int)


def test_the_folder_is_its_owners_alone(made: Made) -> None:
    """Nobody else of the machine may read what customers wrote."""
    out = made.out
    assert stat.S_IMODE(out.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in out.iterdir()} == {0o600}


def test_customers_are_masked(made: Made, past: SimulatedPast) -> None:
    """No name, no order number and no address of a customer is in any file."""
    text = "".join(file.read_text("utf-8") for file in made.out.iterdir())
    assert not re.search(r"MP-\d", text)
    assert "example.org" not in text
    names = {case.customer_name.split()[-1] for case in past.cases if case.customer_name}
    assert not {name for name in names if re.search(rf"\b{name}\b", text)}


def test_every_link_leads_to_a_page(made: Made) -> None:
    """Behind each figure is its list."""
    out = made.out
    for file in out.glob("*.html"):
        for target in re.findall(r'href="([^"]+)"', file.read_text("utf-8")):
            assert (out / target).is_file(), target


def test_nothing_is_stored_or_sent(made: Made) -> None:
    """The replay leaves no trace in the conversations."""
    assert all(message.understanding is None for message in made.stored.messages)
    assert not made.stored.handoffs


def test_no_conversation_is_an_error_that_says_what_to_do(made: Made) -> None:
    """It names the import."""
    assert "warmline history import" in made.refusal


def test_a_withheld_month_lies_in_the_interval(made: Made, past: SimulatedPast) -> None:
    """The small version of `make bench PARTS=audit`: one shop's three figures."""
    months, judged = withheld_month(past, made.report.matters, made.vectors)
    assert sum(each.holds for each in months) >= len(months) - 1
    assert judged.missed + judged.accused <= judged.found + judged.cleared
