"""The benchmark of understanding: its parts, its data, and its figures against their targets."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.ops.labelled_rows import read_emotion_rows, read_rows
from tests.bench.__main__ import UNDERSTANDING
from tests.bench.report import Report
from tests.bench.understanding.__main__ import PARTS
from tests.bench.understanding.answers import THREE_SHOP
from tests.bench.understanding.cross_lingual import cross_lingual, read_conll
from tests.bench.understanding.data import HALVES, OWN, Figures, skipped
from tests.bench.understanding.engines import SEMANTIC
from tests.bench.understanding.moods import tweets, with_data_in
from tests.bench.understanding.results import judge, report_unmeasured

WHOLE = {"auroc": 0.9, "recall_at_precision_90": 0.7}
BOTH: list[Figures] = [
    {"data": "airline_dev", "engine": engine, **WHOLE} for engine in ("nlu_local", SEMANTIC)
]


def run(*lines: Figures, parts: tuple[str, ...] = ("emotion",)) -> tuple[bool, dict[str, Any]]:
    """Whether every target was met, and each target's name with whether it was."""
    out = io.StringIO()
    report = Report(out)
    for line in lines:
        judge(line, report)
    report_unmeasured(parts, lines, report)
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    return report.good, {one["name"]: one["ok"] for one in found}


def test_every_target_of_a_part_is_compared_once() -> None:
    """A figure below its target is named."""
    good, names = run(*BOTH)
    assert good
    assert len(names) == 4
    low = {"data": "airline_dev", "engine": SEMANTIC, **WHOLE, "auroc": 0.84}
    good, names = run(BOTH[0], low)
    assert not good
    assert [name for name, ok in names.items() if not ok] == [f"airline_dev.{SEMANTIC}.auroc"]


@pytest.mark.parametrize("lines", [
    [BOTH[0]],
    [BOTH[0], {"data": "airline_dev", "engine": SEMANTIC, "auroc": 0.9,
               "recall_at_precision_90": None}],
    [],
])  # fmt: skip
def test_a_target_without_a_figure_is_missed(lines: list[Figures]) -> None:
    """There is no line, or the line has no such figure, or the figure is null."""
    good, names = run(*lines)
    assert not good
    assert not all(names.values())


def test_missing_data_and_engines_are_skipped_by_name() -> None:
    """Their targets are not missed, and neither are those of parts that do not run."""
    assert run(skipped("airline_dev", "airline_dev.csv not found")) == (True, {})
    good, names = run(BOTH[0], skipped(SEMANTIC, "not installed"))
    assert good
    assert len(names) == 2
    good, names = run(skipped("clinc150", "gone"), skipped(SEMANTIC, "gone"), parts=("intents",))
    assert not good
    assert {name.split(".")[0] for name in names} == {"banking77 x10", "banking77 x5"}


def test_make_bench_knows_every_part() -> None:
    """``PARTS=understanding`` runs them all."""
    assert set(UNDERSTANDING) == set(PARTS)


def test_a_share_may_be_exactly_its_bound() -> None:
    """One alarm more misses the target."""
    shares = {"demo": {"wrong": 0.03, "needless_trivial": 0.05}, "three": {"wrong_off_topic": 0.03}}
    lines = [{"data": data, "engine": "nlu_local", **line} for data, line in shares.items()]
    assert run(*lines, parts=("answers",))[0]
    lines[1]["wrong_off_topic"] = 0.04
    good, names = run(*lines, parts=("answers",))
    assert not good
    assert [name for name, ok in names.items() if not ok] == ["three.nlu_local.wrong_off_topic"]


@pytest.mark.parametrize(("part", "variable"), [
    (cross_lingual, "UNDERSTANDING_XSID"), (tweets, "UNDERSTANDING_TWEETS"),
])  # fmt: skip
@pytest.mark.parametrize("is_set", [False, True])
def test_data_that_users_download_are_skipped_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, part: Any, variable: str, is_set: bool
) -> None:
    """The line says which variable, or which file, is missing; no target counts as missed."""
    monkeypatch.delenv(variable, raising=False)
    if is_set:
        monkeypatch.setenv(variable, str(tmp_path))
    [line] = part()
    assert variable in line["skipped"]
    assert run(line, parts=(part.__name__,)) == (True, {})


def test_xsid_is_read_in_its_old_and_new_form(tmp_path: Path) -> None:
    """The comments before a sentence have a colon in the first versions of the files."""
    file = tmp_path / "de.test.conll"
    file.write_text(
        "# id = 1\n# text-en = wake me\n# text = weck mich\n# intent = alarm/set_alarm\n1\tweck\n"
        "\n# text: regnet es?\n# intent: weather/find\n1\tregnet\tweather/find\tO\n",
        "utf-8",
    )
    assert read_conll(file) == [
        ("weck mich", "alarm/set_alarm"),
        ("regnet es?", "weather/find"),
    ]


def test_our_own_sentences_are_complete(tmp_path: Path) -> None:
    """Every file is valid; the halves of calm and harm have every language; each is big enough."""
    for name in ("moods_a", "moods_b"):
        rows = read_emotion_rows(OWN / f"{name}.csv")
        assert len(rows) >= 120
        assert {row.language for row in rows} == {"en", "de", "fr", "es"}
        assert all(row.moods and row.escalate is not None for row in rows)
    calm = read_emotion_rows(OWN / "calm.csv")
    assert {row.escalate for row in calm} == {False}
    for half in HALVES.values():
        assert {row.language for row in calm[half]} == {"en", "de", "fr", "es", "it", "nl"}
    assert len(read_rows(OWN / "harm.csv", "harm", allowed=frozenset({"0", "1"}))) >= 600
    assert len(read_rows(OWN / "demo.csv", "answer")) >= 200
    assert sum(want == "refuse" for _, want in read_rows(OWN / "three.csv", "answer")) == 100
    assert with_data_in(tmp_path, THREE_SHOP).core.data_dir == tmp_path
