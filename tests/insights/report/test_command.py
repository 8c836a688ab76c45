"""``warmline report``: two files, or an error that says what, where and how to mend it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway import CaseRecord, Reply, Services
from gateway.cli.common import open_services
from gateway.cli.main import command, main
from gateway.testing import FakeChannel, FakeClock, FakeHandler, running
from plugins import insights
from plugins.insights import findings
from plugins.insights.findings import FindingInputs
from plugins.insights.measures.values import Filters
from plugins.insights.model import Discovery, MaskedExample
from plugins.insights.report import service
from plugins.insights.report.searching import FindingSearch, FoundThings
from plugins.insights.review.values import ReviewedMood, ReviewOutcomes

pytestmark = pytest.mark.sqlite
NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
DAYS = ("--from", "2026-11-20", "--to", "2026-11-26")
CONFIG = """
data_dir: {folder}/var
brand_voice: {{}}
channels: {{rest: {{open: true}}}}
brands: {{north: {{title: North, support_addresses: [rest]}}}}
plugins: {{insights: {{}}}}
"""
ANSWERS = """
answers:
  repair:
    say:
      en: {{body: ["{text}"], next_step: Come by.}}
      de: {{body: ["Ja."]}}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "shop.yaml"
    file.write_text(CONFIG.format(folder=tmp_path), "utf-8")
    return file


@pytest.fixture
def conversations(tmp_path: Path) -> None:
    """Two customers wrote."""

    async def write() -> None:
        answering = FakeHandler(lambda turn: Reply(body=("It is on its way.",)))
        plugins = (insights, answering, FakeChannel())
        async with running(*plugins, tmp_path=tmp_path, clock=FakeClock(NOW)) as gw:
            await gw.customer("fake", "ana").say("where is my parcel")
            await gw.customer("fake", "ben").say("do you sell lamps")

    asyncio.run(write())


@pytest.fixture
def two_channels(tmp_path: Path) -> None:
    """One customer wrote on each."""

    async def write() -> None:
        answering = FakeHandler(lambda turn: Reply(body=("It is on its way.",)))
        plugins = (insights, answering, FakeChannel(), FakeChannel("other"))
        async with running(*plugins, tmp_path=tmp_path, clock=FakeClock(NOW)) as gw:
            await gw.customer("fake", "ana").say("where is my parcel")
            await gw.customer("other", "ben").say("do you sell lamps")

    asyncio.run(write())


def run(config: Path, *words: str, out: Path) -> Result:
    arguments = ["report", "--config", str(config), "--out", str(out), *words]
    return CliRunner().invoke(command(), arguments, obj=open_services)


def test_it_writes_a_page_and_its_data(
    config: Path, conversations: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both days count; the findings are those of the same days."""
    searched: list[date] = []

    async def search(
        self: FindingSearch, since: date, until: date, filters: Filters
    ) -> FoundThings:
        searched.extend((since, until))
        example = MaskedExample(conversation=1, text="a masked question")
        finding = Discovery(kind="new_words", title="New words", examples=(example,))
        return FoundThings(since=since, until=until, findings=(finding,))

    monkeypatch.setattr(FindingSearch, "search", search)
    out = tmp_path / "deep" / "report"
    done = run(config, *DAYS, out=out)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [str(out / "index.html"), str(out / "report.json")]
    data = json.loads((out / "report.json").read_bytes())
    assert data["totals"] == {"conversations": 2, "messages": 4}
    assert data["measures"]["containment"]["n"] == 2
    assert data["findings"][0]["examples"] == [{"conversation": 1, "text": "a masked question"}]
    page = (out / "index.html").read_text("utf-8")
    assert "2 conversations, 4 messages" in page
    assert "a masked question" in page
    assert searched == [date(2026, 11, 20), date(2026, 11, 26)]
    assert sorted(path.name for path in out.iterdir()) == ["index.html", "report.json"]


def test_pilots_of_the_settings_are_compared(
    config: Path, two_channels: None, tmp_path: Path
) -> None:
    """One that runs in these days, with those before it; one that is over is left out."""
    pilots = (
        "{title: Short answers, since: 2026-11-10, channel: [other]}",
        "{title: Old, since: 2026-10-01, until: 2026-11-19, intent: [refund]}",
    )
    text = config.read_text("utf-8")
    setting = f"insights: {{least: 1, report: {{pilots: [{', '.join(pilots)}]}}}}"
    config.write_text(text.replace("insights: {}", setting), "utf-8")
    done = run(config, *DAYS, "--no-findings", out=tmp_path / "r")
    assert done.exit_code == 0, done.output
    data = json.loads((tmp_path / "r" / "report.json").read_bytes())
    (pilot,) = data["pilots"]
    assert (pilot["title"], pilot["since"], pilot["until"]) == (
        "Short answers", "2026-11-20", "2026-11-26",
    )  # fmt: skip
    assert (pilot["before_since"], pilot["before_until"]) == ("2026-08-18", "2026-11-09")
    assert pilot["filters"]["channel"] == ["other"]
    contained = pilot["measures"]["containment"]
    assert (contained["now"]["figure"]["n"], contained["now"]["other"]["n"]) == (1, 1)
    assert contained["effect"] is None  # nobody wrote before
    page = (tmp_path / "r" / "index.html").read_text("utf-8")
    assert "Do the pilots do better than the rest?" in page
    assert "Short answers: 20 to 26 November 2026" in page


def test_filters_narrow_it(config: Path, conversations: None, tmp_path: Path) -> None:
    done = run(config, *DAYS, "--channel", "fake", "--no-findings", out=tmp_path / "r")
    assert done.exit_code == 0, done.output
    data = json.loads((tmp_path / "r" / "report.json").read_bytes())
    assert data["filters"]["channel"] == ["fake"]
    assert data["totals"]["conversations"] == 2


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (
            ("--from", "26.11.2026", "--to", "2026-11-26"),
            "'26.11.2026' is not a date; write year, month and day, as in 2026-11-29",
        ),
        (
            ("--from", "2026-11-26", "--to", "2026-11-20"),
            "the last day, 2026-11-20, is before the first, 2026-11-26; swap them",
        ),
        (
            ("--from", "2001-01-01", "--to", "2026-11-20"),
            "is more than five years; choose fewer days",
        ),
        (
            ("--from", "2026-10-01", "--to", "2026-10-31"),
            "began from 2026-10-01 to 2026-10-31; the oldest began on 2026-11-26: choose other",
        ),
        (
            (*DAYS, "--channel", "sms"),
            "leave out a filter, or choose other days (the oldest began on 2026-11-26)",
        ),
        ((*DAYS, "--brand", "south"), "there is no such brand; the brands are: north"),
    ],
)
def test_a_mistake_is_explained(
    config: Path, conversations: None, tmp_path: Path, words: tuple[str, ...], problem: str
) -> None:
    done = run(config, *words, "--no-findings", out=tmp_path / "r")
    assert done.exit_code != 0
    assert problem in f"{done.output} {done.exception}"
    assert not list((tmp_path / "r").glob("*"))


def test_an_empty_shop_is_told_so(config: Path, tmp_path: Path) -> None:
    done = run(config, *DAYS, out=tmp_path / "r")
    assert "there are no conversations yet (data folder: " in str(done.exception)


def test_a_folder_that_cannot_be_written_is_named_before_the_work(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command as people call it: a line, no traceback."""
    (tmp_path / "file").write_text("", "utf-8")
    out = tmp_path / "file" / "report"
    with pytest.raises(SystemExit) as left:
        main(["report", "--config", str(config), "--out", str(out), *DAYS])
    assert left.value.code == 1
    assert capsys.readouterr().err == (
        f"--out {out}: Not a directory; name a folder that this user may write\n"
    )


def test_without_the_section_it_says_what_to_add(config: Path, tmp_path: Path) -> None:
    config.write_text(CONFIG.format(folder=tmp_path).replace("{insights: {}}", "{}"), "utf-8")
    done = run(config, *DAYS, out=tmp_path / "r")
    assert "add `insights: {}` below `plugins:`" in str(done.exception)


def test_filters_hold_for_the_findings_too(
    config: Path, two_channels: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report on one brand or channel quotes no customer of another."""
    read: list[int] = []

    async def find(pages: AsyncIterator[Sequence[CaseRecord]], **_: object) -> tuple[()]:
        async for page in pages:
            read.extend(case.conversation.id for case in page)
        return ()

    monkeypatch.setattr(findings, "find", find)
    assert run(config, *DAYS, out=tmp_path).exit_code == 0
    assert sorted(read) == [1, 2]
    read.clear()
    assert run(config, *DAYS, "--channel", "other", out=tmp_path).exit_code == 0
    assert read == [2]


def test_moods_that_reviewers_corrected_are_looked_at(
    config: Path, two_channels: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they said in review reaches the search for languages that are read badly."""
    given: list[FindingInputs] = []

    async def find(_: object, *, inputs: FindingInputs, **__: object) -> tuple[()]:
        given.append(inputs)
        return ()

    async def outcomes(services: Services) -> ReviewOutcomes:
        moods = [
            ReviewedMood(conversation=number, language="de", read="calm", right="angry")
            for number in (1, 2)
        ]
        return ReviewOutcomes(moods=tuple(moods))

    monkeypatch.setattr(findings, "find", find)
    monkeypatch.setattr(service, "review_outcomes", outcomes)
    assert run(config, *DAYS, out=tmp_path).exit_code == 0
    assert run(config, *DAYS, "--channel", "other", out=tmp_path).exit_code == 0
    assert [[mood.conversation for mood in each.moods] for each in given] == [[1, 2], [2]]
    assert (given[0].moods[0].read, given[0].moods[0].right) == ("calm", "angry")


def test_the_answers_in_force_are_known(
    tmp_path: Path, two_channels: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of all brands and a brand's own reach the search, in each language."""
    given: list[FindingInputs] = []

    async def find(_: object, *, inputs: FindingInputs, **__: object) -> tuple[()]:
        given.append(inputs)
        return ()

    (tmp_path / "all.yaml").write_text(ANSWERS.format(text="We repair bags."), "utf-8")
    (tmp_path / "north.yaml").write_text(ANSWERS.format(text="We repair tents."), "utf-8")
    file = tmp_path / "shop.yaml"
    text = CONFIG.format(folder=tmp_path)
    text = text.replace("[rest]}", "[rest], answers: north.yaml}")
    file.write_text(
        text.replace("{insights: {}", "{insights: {}, faq: {answers: all.yaml}"), "utf-8"
    )
    monkeypatch.setattr(findings, "find", find)
    assert run(file, *DAYS, out=tmp_path).exit_code == 0
    found = {(answer.intent, answer.language, answer.text) for answer in given[0].answers}
    assert found == {
        ("repair", "en", "We repair bags. Come by."),
        ("repair", "de", "Ja."),
        ("repair", "en", "We repair tents. Come by."),
    }
