"""Adopts and rolls back: see `ports.Versions`."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import structlog

from gateway.model import (
    AdoptedChange,
    Adoption,
    Overlay,
    OverlayDifference,
    OverlayProblem,
    Version,
    VersionKind,
)
from gateway.ports import (
    AuditLog,
    ChangeRefused,
    Clock,
    Events,
    NotFound,
    Outdated,
    TooLarge,
    VersionConsumer,
    VersionWriter,
)
from gateway.store import VersionDraft, VersionFiles, VersionStore
from gateway.versions.changes import (
    LONGEST_TREE,
    ChangedOverlay,
    changed_overlay,
    overlay_differences,
)
from gateway.versions.following import OverlayFollower, announce

log = structlog.get_logger()
LONGEST_WHY = 2000
LONGEST_NAME = 200
"""Characters of an author's or a proposal's id."""


@dataclass(kw_only=True)
class VersionService:
    """See `ports.Versions`. ``writers`` write the team's files, by name; none: nobody does. A lock
    on ``folder`` keeps other processes of this machine from writing at the same time."""

    store: VersionStore
    follower: OverlayFollower
    audit: AuditLog
    events: Events
    clock: Clock
    writers: Mapping[str, VersionWriter] = field(default_factory=dict)
    folder: Path | None = None
    _one_by_one: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    @property
    def writes_files(self) -> bool:
        return bool(self.writers)

    def left_out(self, kind: VersionKind) -> tuple[OverlayProblem, ...]:
        return self.follower.left_out.get(kind, ())

    async def history(
        self, *, kind: VersionKind | None = None, before: int | None = None, limit: int = 100
    ) -> tuple[Version, ...]:
        return await self.store.history(kind, before, limit)

    async def version(self, number: int) -> Version:
        found = await self.store.version(number)
        if found is None:
            raise NotFound(f"there is no version {number}; see `warmline versions list`")
        return found

    async def overlay(self, kind: VersionKind, number: int | None = None) -> Overlay:
        found = await self.store.overlay(kind, number)
        if found is None:
            raise NotFound(f"there is no version {number} of {kind}; see `warmline versions list`")
        return found

    async def differences(self, number: int) -> tuple[OverlayDifference, ...]:
        version = await self.version(number)
        before = await self.overlay(version.kind, version.before)
        after = await self.overlay(version.kind, version.number)
        return tuple(overlay_differences(before, after))

    async def check(
        self, kind: VersionKind, changes: Sequence[AdoptedChange]
    ) -> tuple[OverlayProblem, ...]:
        before = await self.overlay(kind)
        return (await self._changed(before, changes))[1]

    async def preview(self, kind: VersionKind, changes: Sequence[AdoptedChange]) -> Overlay:
        """The overlay that adopting ``changes`` would make. Raises ChangeRefused as `adopt`."""
        before = await self.overlay(kind)
        if not changes:
            return before
        changed, problems = await self._changed(before, changes)
        if problems:
            raise ChangeRefused(problems)
        return changed.as_overlay(before)

    async def adopt(
        self,
        kind: VersionKind,
        changes: Sequence[AdoptedChange],
        *,
        after: int,
        author: str,
        why: str,
        proposal: str = "",
    ) -> Adoption:
        _check_words(author, why, proposal)
        before = await self.overlay(kind)
        _check_newest(before, after, "adopt")
        changed, problems = await self._changed(before, changes)
        if problems:
            raise ChangeRefused(problems)
        if len(msgspec.json.encode(changed.tree)) > LONGEST_TREE:
            what = f"the versions of {kind} would be larger than {LONGEST_TREE} bytes"
            raise TooLarge(f"{what}; write some of what was adopted into the team's files")
        draft = VersionDraft(
            kind=kind,
            before=before.number,
            at=self.clock.now(),
            author=author,
            why=why.strip(),
            proposal=proposal,
            tree=changed.tree,
            examples=tuple(example.id for example in changed.examples),
            added=changed.added,
        )
        return await self._add(draft)

    async def roll_back(
        self,
        number: int,
        *,
        author: str,
        why: str,
        kind: VersionKind | None = None,
        after: int | None = None,
    ) -> Adoption:
        _check_words(author, why, "")
        if kind is None:
            if number == 0:
                what = "0 is the team's files alone, of every kind; say which kind"
                raise ChangeRefused([OverlayProblem(key="kind", message=what)])
            kind = (await self.version(number)).kind
        before, restored = await self.overlay(kind), await self.overlay(kind, number)
        if after is not None:
            _check_newest(before, after, "roll back")
        if (before.tree, before.examples) == (restored.tree, restored.examples):
            what = f"the state of version {number} of {kind} is in force already"
            raise ChangeRefused([OverlayProblem(key="", message=what)])
        draft = VersionDraft(
            kind=kind,
            before=before.number,
            at=self.clock.now(),
            author=author,
            why=why.strip(),
            restores=number,
            tree=restored.tree,
            examples=tuple(example.id for example in restored.examples),
        )
        return await self._add(draft)

    async def _changed(
        self, before: Overlay, changes: Sequence[AdoptedChange]
    ) -> tuple[ChangedOverlay, tuple[OverlayProblem, ...]]:
        """The overlay with ``changes``, and what is wrong with them. What is wrong with ``before``
        already (the team changed its files since) does not hinder a change."""
        changed, problems = changed_overlay(before, changes)
        consumers = self.follower.consumers_of(before.kind)
        if not consumers:
            what = f"nothing that is awake follows versions of `{before.kind}`; see `plugins`"
            problems = (*problems, OverlayProblem(key="", message=what))
        if problems:
            return changed, problems
        after = changed.as_overlay(before)
        found: list[OverlayProblem] = []
        for consumer in consumers:
            known = frozenset(await consumer.check_overlay(before))
            found += [each for each in await consumer.check_overlay(after) if each not in known]
        return changed, tuple(dict.fromkeys(found))

    async def _add(self, draft: VersionDraft) -> Adoption:
        async with self._one_by_one:  # so that files are written in the order of the versions
            return await self._add_now(draft)

    async def _add_now(self, draft: VersionDraft) -> Adoption:
        version = await self.store.add(draft)
        what = "adopted" if version.restores is None else "rolled_back"
        to = "" if version.restores is None else f" to {version.restores}"
        of = f" of proposal {version.proposal}" if version.proposal else ""
        detail = f"{version.kind} version {version.number}{to}{of}"[:200]
        await self.audit.record(draft.author, what, detail=detail)
        await self._follow()
        announce(self.events)
        return await self._write(version)

    async def _write(self, version: Version) -> Adoption:
        """Write the team's files, if that is wanted."""
        if not self.writers:
            return Adoption(version=version)
        async with _locked(self.folder):
            newest = (await self.overlay(version.kind)).number
            if newest != version.number:
                what = f"version {newest}, adopted at the same moment, writes the files"
                return Adoption(version=version, not_written=(what,))
            return await self._write_now(version)

    async def _write_now(self, version: Version) -> Adoption:
        number, files = await self._newest_in_files(version)
        before = await self.overlay(version.kind, number)
        after = await self.overlay(version.kind, version.number)
        originals = dict(files.originals)
        written: list[str] = []
        not_written: list[str] = []
        for name, writer in self.writers.items():
            if isinstance(writer, VersionConsumer) and version.kind not in writer.version_kinds:
                continue
            try:
                found = await writer.write_overlay(before, after, originals.get(name, {}))
            except Exception as error:
                log.exception("versions.not_written", writer=name)
                not_written.append(f"{name} could not write ({type(error).__name__}); see the log")
                continue
            originals[name] = found.originals
            written += found.written
            not_written += found.not_written
        files = VersionFiles(written=tuple(written), originals=originals)
        await self.store.set_files(version.number, files)
        await self._follow()
        version = version.replace(written=tuple(written))
        return Adoption(version=version, written=tuple(written), not_written=tuple(not_written))

    async def _follow(self) -> None:
        """Follow at once. What was adopted is stored: should this fail, the next look follows."""
        try:
            await self.follower.refresh()
        except Exception:
            log.exception("versions.not_followed")

    async def _newest_in_files(self, version: Version) -> tuple[int, VersionFiles]:
        """The version before this one that was written, and its files; 0 if none was. Those between
        were adopted without ``write_files``, or the program ended too early."""
        number = version.before
        while number:
            files = await self.store.files(number)
            if files.written is not None:
                return number, files
            number = (await self.version(number)).before
        return 0, VersionFiles()


@asynccontextmanager
async def _locked(folder: Path | None) -> AsyncIterator[None]:
    """Wait until no other process of this machine writes the team's files, and keep them out."""
    if folder is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.05)
        yield
    finally:
        os.close(descriptor)


def _check_newest(newest: Overlay, after: int, act: str) -> None:
    if newest.number != after:
        what = f"version {newest.number} of {newest.kind} was adopted meanwhile"
        raise Outdated(f"{what}; look at it, and {act} again")


def _check_words(author: str, why: str, proposal: str) -> None:
    problems = []
    for key, text, most in (
        ("author", author, LONGEST_NAME),
        ("why", why, LONGEST_WHY),
        ("proposal", proposal or "-", LONGEST_NAME),
    ):
        if not text.strip() or len(text) > most or "\0" in text:
            what = f"must have 1 to {most} characters that can be stored; change it"
            problems.append(OverlayProblem(key=key, message=what))
    if problems:
        raise ChangeRefused(problems)
