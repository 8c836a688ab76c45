"""``warmline knowledge add``, ``list``, ``refresh`` and ``remove``, as people run them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner, Result

from gateway import Services
from gateway.adapters.public_http import PublicNetworkHttp
from gateway.cli.common import open_services
from gateway.cli.main import command
from plugins.knowledge.commands import knowledge
from plugins.knowledge.readers import process
from tests.knowledge.sources.conftest import NoProcess

Run = Callable[..., Result]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "returns.md").write_text("# Returns\n\nReturns are free for 30 days.")
    (docs / "old.doc").write_bytes(b"\xd0\xcf")
    file = tmp_path / "warmline.yaml"
    tree = {"data_dir": str(tmp_path / "var"), "plugins": {"knowledge": {}}}
    file.write_text(yaml.safe_dump(tree), "utf-8")
    return file


@pytest.fixture
def run(config: Path, services: Services, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command on a store in memory, and reads in the test's process."""
    monkeypatch.setattr(process, "ReadingProcess", NoProcess)

    @asynccontextmanager
    async def open_in_memory(_: Path | None) -> AsyncIterator[tuple[Services, Any]]:
        public = msgspec.structs.replace(services, public_http=PublicNetworkHttp())
        yield public, SimpleNamespace(section=lambda model: model())

    def run_command(*words: str) -> Result:
        return CliRunner().invoke(knowledge, list(words), obj=open_in_memory)

    return run_command


@pytest.mark.sqlite
def test_the_installed_command(config: Path) -> None:
    """With the database and the process that reads."""
    docs = str(config.parent / "docs")
    for words, says in (
        (["add", docs], "1 document with 1 passage in "),
        (["list"], docs),
    ):
        result = CliRunner().invoke(
            command(), ["knowledge", *words, "--config", str(config)], obj=open_services
        )
        assert result.exit_code == 0, result.output
        assert says in result.stdout


def test_a_folder_from_beginning_to_end(run: Run, config: Path) -> None:
    """Added, listed, read again after a change, and removed."""
    docs = config.parent / "docs"
    added = run("add", str(docs), "--title", "Handbook", "--owner", "Ana")
    assert added.exit_code == 0, added.output
    assert "returns.md: 1 passage\n" in added.stdout
    assert f"{docs}: 1 document with 1 passage in " in added.stdout
    assert (
        "skipped 1 place:\n  old.doc: files with the ending .doc are not read; save it as .docx"
        in (added.stdout)
    )
    listed = run("list").stdout
    assert "1       1 document        1 passage  " in listed
    assert "(Handbook, Ana)" in listed
    assert json.loads(run("list", "--json").stdout)["source"]["title"] == "Handbook"
    (docs / "returns.md").write_text("# Returns\n\nReturns are free for 14 days.")
    again = run("refresh")
    assert "returns.md: changed: time: 30 days → 14 days" in again.stdout
    assert "is source 1 already; reading it again" in run("add", str(docs)).stdout
    assert run("remove", "1").stdout == f"removed {docs} with 1 document\n"
    assert "there are no sources" in run("list").stdout
    assert "there are no sources" in run("refresh").stdout


def test_every_difference_of_a_page_is_shown(run: Run, config: Path) -> None:
    """A price and a time on one page: each has its line."""
    page = config.parent / "docs" / "returns.md"
    page.write_text("# Delivery\n\nExpress costs €29.\n\nIt takes 3 working days.")
    run("add", str(page))
    page.write_text("# Delivery\n\nExpress costs €31.\n\nIt takes 5 working days.")
    again = run("refresh").stdout
    assert f"{page.name}: changed:\n" in again
    assert "\n  price: €29 → €31\n" in again
    assert "\n  time: 3 working days → 5 working days\n" in again


@pytest.mark.parametrize("written", ["docs", "./docs/", "other/../docs", " docs"])
def test_the_path_that_was_added_is_found_again(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """Relative to the current folder, as it was written; also when the folder is gone."""
    monkeypatch.chdir(config.parent)
    (config.parent / "other").mkdir()
    assert run("add", written).exit_code == 0
    assert run("refresh", written).exit_code == 0
    (config.parent / "docs").rename(config.parent / "moved")
    removed = run("remove", written)
    assert removed.stdout == f"removed {config.parent / 'docs'} with 1 document\n", removed.output


def test_a_relative_path_through_a_link_is_found_again(
    run: Run, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`add` stores where a link leads."""
    (config.parent / "link").symlink_to(config.parent / "docs")
    monkeypatch.chdir(config.parent)
    assert run("add", "link").exit_code == 0
    assert run("remove", "link").exit_code == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("add", "/not/there"), "/not/there is not there"),
        (("add", "http://127.0.0.1:9/help/"), "not public; if that is yours, add the source with"),
        (("refresh", "77"), "there is no source '77'"),
        (("remove", "77"), "there is no source '77'"),
    ],
)
def test_errors_say_what_to_do_and_leave_nothing(
    run: Run, words: tuple[str, ...], says: str
) -> None:
    """The exit code is not 0, and no half source stays."""
    result = run(*words)
    assert result.exit_code != 0
    assert says in str(result.exception)
    assert "there are no sources" in run("list").stdout


def test_a_source_of_which_nothing_can_be_read_is_not_added(run: Run, config: Path) -> None:
    """The reasons are printed first."""
    sheet = config.parent / "faq.csv"
    sheet.write_text("question,answer\nWhen?,\n")
    result = run("add", str(sheet))
    assert result.exit_code != 0
    assert "row 2 has the question 'When?' and no answer" in result.stdout
    assert "nothing could be read, so it was not added" in str(result.exception)
    assert "there are no sources" in run("list").stdout


def test_a_brand_that_does_not_exist(run: Run, config: Path) -> None:
    """The error names those that do."""
    result = run("add", str(config.parent / "docs"), "--brand", "west")
    assert "there is no brand 'west'; the configuration has: north" in str(result.exception)
