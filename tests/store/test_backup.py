"""``warmline backup`` and ``warmline restore``: one command each, on both databases."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner, Result

from gateway import File
from gateway.adapters.backup import BackupPlace, make_backup, restore_backup
from gateway.adapters.encryption import key_name, new_key, read_keys
from gateway.adapters.sql.engine.opening import open_database
from gateway.cli.main import command
from gateway.ports import WarmlineError
from gateway.settings import PostgresSettings
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from gateway.testing.databases import database_of
from tests.spine.conftest import echo

KEY = new_key()
CONTENT = b"what the customer sent " * 1000


def gateway_in(folder: Path, *, key: str = KEY) -> Any:
    folder.mkdir(exist_ok=True)
    policy = folder / "policy.yaml"
    policy.write_text("reasons: {low_confidence: {enabled: false}}", "utf-8")
    return running(
        FakeChannel(),
        FakeHandler(echo),
        config={"policy": str(policy)},
        environ={"WARMLINE_DATA_KEY": key} if key else {},
        tmp_path=folder,
    )


async def fill(gw: RunningGateway) -> str:
    """A conversation with a file; the file's digest."""
    sent = File(name="photo.txt", media_type="text/plain", data=CONTENT)
    kept = await gw.services.files.keep(sent)
    await gw.customer("fake", "ana").say("hello", attachments=(kept,))
    return kept.digest


def place_in(gw: RunningGateway) -> BackupPlace:
    settings = gw.gateway.settings
    return BackupPlace(url=settings.database_url, files=settings.data_dir / "files")


async def empty_place(folder: Path, postgres: str | None) -> BackupPlace:
    """A new, empty place of the same kind, of its own path."""
    (folder / "var").mkdir(parents=True)
    url = f"sqlite:///{folder}/var/warmline.db"
    if postgres:
        url = database_of(folder, postgres)
        connection = await asyncpg.connect(url)
        await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await connection.close()
    return BackupPlace(url=url, files=folder / "var" / "files")


async def restored(place: BackupPlace, source: Path, key: str = KEY) -> None:
    database = open_database(place.url, PostgresSettings(), read_keys(key))
    try:
        await restore_backup(database, place, source)
    finally:
        await database.stop()


@pytest.mark.parametrize("key", [KEY, ""], ids=["encrypted", "plain"])
async def test_a_backup_of_a_running_server_starts_elsewhere(
    key: str, tmp_path: Path, postgres_of_test: str | None
) -> None:
    """With its conversations, files and waiting work; the customer goes on where they were."""
    archive = tmp_path / "backup.tar.gz"
    async with gateway_in(tmp_path / "one", key=key) as gw:
        digest = await fill(gw)
        writing = asyncio.create_task(_keep_writing(gw))
        manifest = await make_backup(gw.gateway.database, place_in(gw), archive)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await gw.settled()
    assert manifest.files == 1
    assert manifest.keys == ((key_name(read_bytes(key)),) if key else ())
    assert archive.stat().st_mode & 0o777 == 0o600
    folder = tmp_path / "two"
    place = await empty_place(folder, postgres_of_test)
    await restored(place, archive, key)
    async with gateway_in(folder, key=key) as gw:
        assert (await gw.services.desk.card(1)).messages[0].text == "hello"
        assert await gw.services.files.open(digest) == CONTENT
        ana = gw.customer("fake", "ana")
        await ana.say("and again")
        assert ana.heard[-1] == "You said and again."
        conversation = await gw.services.desk.card(1)
        assert conversation.messages[-1].text == "You said and again."


async def _keep_writing(gw: RunningGateway) -> None:
    for number in range(10_000):
        await gw.customer("fake", f"other{number}").write("hi")
        await asyncio.sleep(0)


def read_bytes(key: str) -> bytes:
    return base64.b64decode(key)


async def test_a_backup_holds_no_key(tmp_path: Path, stored_in: str) -> None:
    """Neither the data key nor that of the web chat: only their names."""
    archive = tmp_path / "backup.tar.gz"
    async with gateway_in(tmp_path / "one") as gw:
        await fill(gw)
        (gw.gateway.settings.data_dir / "webchat.key").write_text("secret" * 8, "utf-8")
        await make_backup(gw.gateway.database, place_in(gw), archive)
    with tarfile.open(archive) as opened:
        names = opened.getnames()
        content = b"".join(opened.extractfile(name).read() for name in names)  # type: ignore[union-attr]  # files
    assert names[:2] == ["manifest.json", "database"]
    assert not any("key" in name for name in names)
    assert KEY.encode() not in content
    assert b"secretsecret" not in content
    assert CONTENT[:40] not in content


async def test_nothing_that_exists_is_overwritten(
    tmp_path: Path, postgres_of_test: str | None
) -> None:
    """Neither a database, nor files, nor an older backup."""
    archive = tmp_path / "backup.tar.gz"
    async with gateway_in(tmp_path / "one") as gw:
        await fill(gw)
        place = place_in(gw)
        await make_backup(gw.gateway.database, place, archive)
        with pytest.raises(WarmlineError, match="exists already"):
            await make_backup(gw.gateway.database, place, archive)
    with pytest.raises(WarmlineError, match="the database is not empty"):
        await restored(place, archive)
    place = await empty_place(tmp_path / "two", postgres_of_test)
    (place.files / "ab").mkdir(parents=True)
    with pytest.raises(WarmlineError, match=r"files is not empty"):
        await restored(place, archive)
    (place.files / "ab").rmdir()
    await restored(place, archive)
    async with gateway_in(tmp_path / "one") as gw:
        assert (await gw.services.desk.card(1)).messages[0].text == "hello"


async def test_a_restoration_without_the_key_is_refused(
    tmp_path: Path, postgres_of_test: str | None
) -> None:
    """By the key's name, before anything is written."""
    archive = tmp_path / "backup.tar.gz"
    async with gateway_in(tmp_path / "one") as gw:
        await fill(gw)
        await make_backup(gw.gateway.database, place_in(gw), archive)
    place = await empty_place(tmp_path / "two", postgres_of_test)
    with pytest.raises(WarmlineError, match=key_name(read_bytes(KEY))):
        await restored(place, archive, new_key())
    await restored(place, archive)


@pytest.mark.parametrize("spoil", ["cut off", "other", "missing"])
@pytest.mark.sqlite
async def test_a_broken_backup_is_named_and_changes_nothing(spoil: str, tmp_path: Path) -> None:
    """The same place then takes a whole one."""
    archive, broken = tmp_path / "backup.tar.gz", tmp_path / "broken"
    async with gateway_in(tmp_path / "one") as gw:
        await fill(gw)
        await make_backup(gw.gateway.database, place_in(gw), archive)
    content = archive.read_bytes()
    if spoil != "missing":
        broken.write_bytes(content[: len(content) // 2] if spoil == "cut off" else b"hello")
    place = await empty_place(tmp_path / "two", None)
    with pytest.raises(WarmlineError, match="broken"):
        await restored(place, broken)
    await restored(place, archive)


@pytest.mark.sqlite
async def test_a_changed_word_in_a_backup_is_found(tmp_path: Path) -> None:
    """Its checksum is at the very end, behind the end of the tar."""
    archive, broken = tmp_path / "backup.tar.gz", tmp_path / "broken"
    async with gateway_in(tmp_path / "one", key="") as gw:
        await fill(gw)
        await make_backup(gw.gateway.database, place_in(gw), archive)
    content = gzip.decompress(archive.read_bytes())
    changed = gzip.compress(content.replace(b"You said hello", b"You paid hello"))
    broken.write_bytes(changed[:-8] + gzip.compress(content)[-8:])
    place = await empty_place(tmp_path / "two", None)
    with pytest.raises(WarmlineError, match="damaged"):
        await restored(place, broken)
    await restored(place, archive)


async def test_a_file_without_content_is_restored(
    tmp_path: Path, postgres_of_test: str | None
) -> None:
    """It is not taken for one that was erased while the backup was made."""
    archive = tmp_path / "backup.tar.gz"
    async with gateway_in(tmp_path / "one", key="") as gw:
        empty = File(name="empty.txt", media_type="text/plain", data=b"")
        kept = await gw.services.files.keep(empty)
        await make_backup(gw.gateway.database, place_in(gw), archive)
    place = await empty_place(tmp_path / "two", postgres_of_test)
    await restored(place, archive)
    assert (place.files / kept.digest[:2] / kept.digest).read_bytes() == b""


@pytest.mark.sqlite
async def test_the_commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Backup, another folder, restore: the export of the customer is the same."""
    config = tmp_path / "warmline.yaml"
    config.write_text("brand_voice: {}\nchannels: {rest: {}}\n", "utf-8")
    monkeypatch.setenv("WARMLINE_DATA_KEY", KEY)

    def warmline(*arguments: str, data: str) -> Result:
        environ: Mapping[str, str] = {"WARMLINE_DATA_DIR": str(tmp_path / data)}
        arguments = (*arguments, "--config", str(config))
        return CliRunner().invoke(command(), arguments, env=dict(environ))

    async with gateway_in(tmp_path / "one") as gw:
        await fill(gw)
    archive = str(tmp_path / "b.tar.gz")
    done = await asyncio.to_thread(warmline, "backup", archive, data="one/var")
    assert done.exit_code == 0, done.output
    assert "data keys" in done.stderr
    done = await asyncio.to_thread(warmline, "restore", archive, data="two")
    assert done.exit_code == 0, done.output
    assert "1 file" in done.stdout
    exports = [
        (await asyncio.to_thread(warmline, "customer", "export", "fake:ana", data=data)).stdout
        for data in ("one/var", "two")
    ]
    assert json.loads(exports[0])["messages"] == json.loads(exports[1])["messages"]
    again = await asyncio.to_thread(warmline, "restore", archive, data="two")
    assert isinstance(again.exception, WarmlineError)
    assert "not empty" in str(again.exception)
    audited = await asyncio.to_thread(warmline, "audit", "list", data="one/var")
    assert "backed_up" in audited.stdout
