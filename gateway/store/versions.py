"""The versions of what people adopted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, TypeAlias

from gateway.model import ExampleText, Json, Overlay, Value, Version, VersionKind

VersionStamp: TypeAlias = tuple[int, int, int]
"""The number of the newest version, how many of them are in files, and how many adopted examples
are stored."""


class VersionFiles(Value, frozen=True, kw_only=True):
    """The team's files that a version was written to (None: it was not written yet), and what they
    had before anything adopted was written to them: by the name of the plugin, and by key."""

    written: tuple[str, ...] | None = None
    originals: Mapping[str, Mapping[str, Json]] = {}


class VersionDraft(Value, frozen=True, kw_only=True):
    """A version to add: see `Version`. ``tree`` and ``examples`` (ids) are its overlay; ``added``
    are further examples, each with its intent."""

    kind: VersionKind
    before: int
    at: datetime
    author: str
    why: str
    proposal: str = ""
    restores: int | None = None
    tree: Mapping[str, Json] = {}
    examples: tuple[int, ...] = ()
    added: tuple[tuple[str, ExampleText], ...] = ()


class VersionStore(Protocol):
    """Versions are added and read, never changed. Only examples vanish: with the conversation that
    they come from."""

    async def stamp(self) -> VersionStamp:
        """Another value after every change of an overlay. Cheap."""
        ...

    async def history(
        self, kind: VersionKind | None, before: int | None, limit: int
    ) -> tuple[Version, ...]:
        """The versions with numbers below ``before``, newest first."""
        ...

    async def version(self, number: int) -> Version | None: ...

    async def overlay(self, kind: VersionKind, number: int | None) -> Overlay | None:
        """The overlay of a version; None: of the newest one of its kind, empty if there is none.
        Returns None for a number that is not of this kind. 0 is an empty one of every kind."""
        ...

    async def files(self, number: int) -> VersionFiles:
        """Where version ``number`` was written; nothing for an unknown number."""
        ...

    async def set_files(self, number: int, files: VersionFiles) -> None: ...

    async def add(self, draft: VersionDraft) -> Version:
        """Add a version. Raises Outdated when the newest of its kind is not ``before``, and
        NotFound when the conversation of an added example does not exist."""
        ...
