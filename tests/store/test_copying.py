"""Copying a SQLite installation to PostgreSQL, and migrating either."""

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

from gateway import Address, ExampleText, NewDocument, NewPassage, NewSource
from gateway.adapters.sql.copying import TABLES, checksum
from gateway.adapters.sql.engine.opening import open_database
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.knowledge.documents import record_uses
from gateway.cli.main import command
from gateway.settings import PostgresSettings
from gateway.store import VersionDraft
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from tests.spine.conftest import echo


@pytest.fixture
async def installation(tmp_path: Path) -> Path:
    """The settings file of an installation with some conversations in SQLite."""
    here = {"database_url": f"sqlite:///{tmp_path / 'var' / 'warmline.db'}"}
    async with running(FakeChannel(), FakeHandler(echo), config=here, tmp_path=tmp_path) as gw:
        for who in ("ana", "björn", "حليمة"):
            for line in ("hello", "a “quoted” line\nand 🦊", "x" * 5000):
                await gw.customer("fake", who).say(line)
        await gw.services.storage.put("guest", "key/ü", "a note")
        example = ("greeting", ExampleText(text="hello", conversation=1))
        adopted = VersionDraft(
            kind="answers",
            before=0,
            at=gw.clock.now(),
            author="desk:ana",
            why="ü",
            added=(example,),
        )
        await gw.gateway.store.versions.add(adopted)
        await add_source(gw)
        await gw.gateway.store.customers.erase(Address(channel="fake", value="حليمة"))
    file = tmp_path / "move.yaml"
    file.write_text(yaml.safe_dump({"data_dir": str(tmp_path / "var")}), "utf-8")
    return file


async def add_source(gw: RunningGateway) -> None:
    """A source with a document in two versions, a vector, and an answer that rests on it."""
    knowledge = gw.services.knowledge
    assert knowledge
    source = await knowledge.add_source(NewSource(location="/srv/hilfe", owner="Ana"))
    for words in ("It costs €4.90.", "It costs €5.90."):
        document = NewDocument(
            location="prices.md",
            title="Prices",
            language="en",
            digest=words,
            passages=(NewPassage(text=words, headings=("Delivery",)),),
        )
        stored = await knowledge.put_document(source.id, document, ["price"])
    [passage] = await knowledge.passages_of(stored.id)
    await knowledge.put_vectors("m", {passage.id: bytes(range(256))})
    await gw.gateway.store.database.write(lambda c: record_uses(c, 1, 1, [passage.id], 1))


def warmline(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(command(), list(map(str, arguments)))


def output_of(result: Result) -> str:
    return f"{result.output} {result.exception}"


async def test_everything_is_copied(installation: Path, tmp_path: Path, postgres_url: str) -> None:
    """All tables have the same rows and checksums on both sides, ids continue, and the gateway
    serves the same customers from PostgreSQL. A second copy is refused: the target is not empty."""
    move = ("move", "--config", str(installation), "--to", postgres_url)
    result = await asyncio.to_thread(warmline, *move)
    assert result.exit_code == 0, output_of(result)
    assert all(table.name in result.output for table in TABLES)
    source, target = (
        SqliteDatabase(tmp_path / "var" / "warmline.db"),
        open_database(postgres_url, PostgresSettings()),
    )
    for table in TABLES:
        ours = await source.read(lambda c, t=table: checksum(c, t))
        assert await target.read(lambda c, t=table: checksum(c, t)) == ours
        assert ours[0] or not table.name.startswith("knowledge_"), table.name
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
    result = await asyncio.to_thread(warmline, *move)
    assert result.exit_code == 1
    assert "not empty" in output_of(result)


@contextmanager
def serving_lock(folder: Path) -> Iterator[None]:
    with (folder / "serving.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        yield


async def test_a_running_installation_is_not_copied(
    installation: Path, tmp_path: Path, postgres_url: str
) -> None:
    """What it writes meanwhile would be missing."""
    with serving_lock(tmp_path / "var"):
        result = await asyncio.to_thread(
            warmline, "move", "--config", str(installation), "--to", postgres_url
        )
    assert result.exit_code == 1
    assert "another `warmline serve` is running" in output_of(result)


def set_to(file: Path, url: str) -> None:
    tree = yaml.safe_load(file.read_text("utf-8"))
    file.write_text(yaml.safe_dump({**tree, "database_url": url}), "utf-8")


@pytest.mark.parametrize("on", ["sqlite", "postgresql"])
async def test_migrate_goes_forward_and_back(
    installation: Path, tmp_path: Path, postgres_url: str, on: str
) -> None:
    """With data, on both databases: the command prints both revisions, and keeps what older
    revisions can hold."""
    url = f"sqlite:///{tmp_path / 'var' / 'warmline.db'}"
    if on == "postgresql":
        result = await asyncio.to_thread(
            warmline, "move", "--config", str(installation), "--to", postgres_url
        )
        assert result.exit_code == 0, output_of(result)
        url = postgres_url
    set_to(installation, url)

    async def migrate(*arguments: str) -> str:
        result = await asyncio.to_thread(
            warmline, "migrate", "--config", str(installation), *arguments
        )
        assert result.exit_code == 0, output_of(result)
        return result.output.strip()

    async def messages() -> int:
        database = open_database(url, PostgresSettings())
        count = text("SELECT count(*) FROM messages")
        found = await database.read(lambda c: c.execute(count).scalar())
        await database.stop()
        return int(found or 0)

    many = await messages()
    assert many > 5
    newest = (await migrate()).removeprefix("already at ")
    assert await migrate("--back", "--revision", "0001") == f"{newest} -> 0001"
    assert await messages() == many
    assert await migrate("--revision", "0003") == "0001 -> 0003"
    assert await migrate("--back") == "0003 -> 0002"
    assert await migrate() == f"0002 -> {newest}"
    assert await messages() == many
