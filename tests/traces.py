"""Searches a gateway's database and its files for a word that an erasure should have reached."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from gateway.adapters.sql.schema import metadata
from gateway.testing import RunningGateway


async def in_database(gw: RunningGateway, word: str) -> list[str]:
    """The tables that hold ``word``."""
    found = []
    for table in metadata.sorted_tables:
        rows = await gw.gateway.database.read(lambda c, t=table: c.execute(select(t)).all())
        found += [table.name for row in rows if word in repr(row)]
    return sorted(set(found))


def in_files(folder: Path, word: str) -> list[str]:
    """The files below ``folder`` that hold ``word``. Models and databases are not compressed."""
    forms = [word.encode(code) for code in ("utf-8", "utf-16-le", "utf-32-le")]
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(form in path.read_bytes() for form in forms)
    ]
