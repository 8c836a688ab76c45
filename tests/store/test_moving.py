"""A SQLite installation becomes one on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from sqlalchemy import text

from gateway import Address
from gateway.adapters.sql.copying import TABLES, checksum
from gateway.adapters.sql.engine.opening import open_database
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.cli.main import command
from gateway.settings import Postgres
from gateway.testing import FakeChannel, FakeHandler, running
from tests.spine.conftest import echo


@pytest.fixture
async def installation(tmp_path: Path) -> Path:
    """A folder with some customers' conversations in SQLite; its settings file."""
    here = {"database_url": f"sqlite:///{tmp_path / 'var' / 'warmline.db'}"}
    async with running(FakeChannel(), FakeHandler(echo), config=here, tmp_path=tmp_path) as gw:
        for who in ("ana", "björn", "حليمة"):
            for line in ("hello", "a “quoted” line\nand 🦊", "x" * 5000):
                await gw.customer("fake", who).say(line)
        await gw.house.notebook.put("guest", "key/ü", "a note")
        await gw.gateway.store.customers.erase(Address(channel="fake", value="حليمة"))
    file = tmp_path / "move.yaml"
    file.write_text(yaml.safe_dump({"data_dir": str(tmp_path / "var")}), "utf-8")
    return file


def warmline(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(command(), list(map(str, arguments)))


def in_words(told: Result) -> str:
    return f"{told.output} {told.exception}"


async def test_everything_is_there(installation: Path, tmp_path: Path, postgres_url: str) -> None:
    """All tables have the same rows and sums on both sides, ids go on where they stopped, and the
    gateway serves the same customers from there. A second time is refused: it is not empty."""
    move = ("move", "--config", str(installation), "--to", postgres_url)
    told = await asyncio.to_thread(warmline, *move)
    assert told.exit_code == 0, in_words(told)
    assert all(table.name in told.output for table in TABLES)
    source, target = (
        SqliteDatabase(tmp_path / "var" / "warmline.db"),
        open_database(postgres_url, Postgres()),
    )
    for table in TABLES:
        ours = await source.read(lambda c, t=table: checksum(c, t))
        assert await target.read(lambda c, t=table: checksum(c, t)) == ours
    given = text("SELECT seq FROM sqlite_sequence WHERE name = 'messages'")
    last = await source.read(lambda c: c.execute(given).scalar())
    await source.stop()
    await target.stop()
    there = {"database_url": postgres_url}
    async with running(FakeChannel(), FakeHandler(echo), config=there, tmp_path=tmp_path) as gw:
        ana = gw.customer("fake", "ana")
        before = await ana.listen()
        assert before[0] == "You said hello."
        await ana.say("again")
        assert ana.heard[-1] == "You said again."
        assert (await ana.messages())[-1].id == last + 2  # hers, and the answer
    told = await asyncio.to_thread(warmline, *move)
    assert told.exit_code == 1
    assert "not empty" in in_words(told)


@contextmanager
def as_if_served(folder: Path) -> Iterator[None]:
    with (folder / "serving.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


async def test_a_running_server_is_not_moved(
    installation: Path, tmp_path: Path, postgres_url: str
) -> None:
    """What is written meanwhile would be missing."""
    with as_if_served(tmp_path / "var"):
        told = await asyncio.to_thread(
            warmline, "move", "--config", str(installation), "--to", postgres_url
        )
    assert told.exit_code == 1
    assert "another `warmline serve` works" in in_words(told)


def set_to(file: Path, url: str) -> None:
    tree = yaml.safe_load(file.read_text("utf-8"))
    file.write_text(yaml.safe_dump({**tree, "database_url": url}), "utf-8")


@pytest.mark.parametrize("on", ["sqlite", "postgresql"])
async def test_migrate_goes_forward_and_back(
    installation: Path, tmp_path: Path, postgres_url: str, on: str
) -> None:
    """With data in them, on both databases: it tells from where to where, and what older
    revisions know of is kept."""
    url = f"sqlite:///{tmp_path / 'var' / 'warmline.db'}"
    if on == "postgresql":
        told = await asyncio.to_thread(
            warmline, "move", "--config", str(installation), "--to", postgres_url
        )
        assert told.exit_code == 0, in_words(told)
        url = postgres_url
    set_to(installation, url)

    async def migrate(*arguments: str) -> str:
        told = await asyncio.to_thread(
            warmline, "migrate", "--config", str(installation), *arguments
        )
        assert told.exit_code == 0, in_words(told)
        return told.output.strip()

    async def messages() -> int:
        database = open_database(url, Postgres())
        count = text("SELECT count(*) FROM messages")
        found = await database.read(lambda c: c.execute(count).scalar())
        await database.stop()
        return int(found or 0)

    many = await messages()
    assert many > 5
    newest = (await migrate()).removeprefix("at ").removesuffix(" already")
    assert await migrate("--back", "--revision", "0001") == f"{newest} -> 0001"
    assert await messages() == many
    assert await migrate("--revision", "0003") == "0001 -> 0003"
    assert await migrate("--back") == "0003 -> 0002"
    assert await migrate() == f"0002 -> {newest}"
    assert await messages() == many
