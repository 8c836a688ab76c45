"""Which database an address means."""

from __future__ import annotations

from pathlib import Path

from gateway.adapters.encryption import DataKeys
from gateway.adapters.sql.database import Database
from gateway.adapters.sql.units import AnyDatabase
from gateway.settings import BadConfig, PostgresSettings, Problem

POSTGRES = ("postgresql://", "postgres://", "postgresql+asyncpg://")
SQLITE = "sqlite:///"


def open_database(url: str, bounds: PostgresSettings, keys: DataKeys | None = None) -> AnyDatabase:
    """The database at ``url``; nothing is asked of it yet. ``keys`` seal and open what customers
    and colleagues wrote. Raises BadConfig."""
    if url.startswith(SQLITE):
        return Database(Path(url.removeprefix(SQLITE)), keys)
    for scheme in POSTGRES:
        if url.startswith(scheme):
            # Here: asyncpg costs who does not need it some 10 MB of memory.
            from gateway.adapters.sql.postgres import PostgresDatabase  # noqa: PLC0415

            return PostgresDatabase("postgresql://" + url.removeprefix(scheme), bounds, keys)
    what = "must be sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    raise BadConfig(
        [
            Problem(
                file="settings",
                line=0,
                key="database_url",
                message=f"{what}; leave it out for a file below data_dir",
            )
        ]
    )


def is_shared(url: str | None) -> bool:
    """Whether several processes may serve from ``url``."""
    return url is not None and url.startswith(POSTGRES)
