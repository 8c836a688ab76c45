"""Brings what people adopted to everything in this process that follows it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Protocol, runtime_checkable

import structlog

from gateway.model import VERSION_KINDS, Overlay, OverlayProblem, VersionKind
from gateway.ports import Event, Events, VersionConsumer
from gateway.store import VersionStamp, VersionStore

log = structlog.get_logger()
TOPIC = "versions"
"""The topic of the event that says that another version may be in force."""


@runtime_checkable
class EditedFile(Protocol):
    """A consumer that reads its file again, if it was edited, within `use_overlay`."""

    def edited(self) -> bool:
        """Return whether the file has changed since it was last read. Blocks while it asks the file
        system."""
        ...


class OverlayFollower:
    """Passes the newest overlays to ``consumers``, and again whenever one changes.

    The event that announces a change may be lost, and other programs (``warmline versions``,
    ``warmline customer erase``) send none: so it also looks every ``every`` seconds. ``changed`` is
    called with the kind after a change.
    """

    def __init__(
        self,
        *,
        store: VersionStore,
        consumers: Sequence[VersionConsumer],
        changed: Callable[[VersionKind], None],
        events: Events,
        every: float,
    ) -> None:
        self._store, self._consumers, self._changed = store, tuple(consumers), changed
        self._events, self._every = events, every
        self._stamp: VersionStamp | None = None
        self._pinned = False
        self._busy = asyncio.Lock()
        self.overlays: dict[VersionKind, Overlay] = {}
        """Those in force in this process, by kind."""
        self.left_out: dict[VersionKind, tuple[OverlayProblem, ...]] = {}
        """What of them does not fit the team's files, by kind."""

    def consumers_of(self, kind: VersionKind) -> tuple[VersionConsumer, ...]:
        """Those that follow versions of ``kind``."""
        return tuple(each for each in self._consumers if kind in each.version_kinds)

    async def refresh(self) -> None:
        """Follow the database, if anything has changed there."""
        async with self._busy:
            if self._pinned:
                return
            stamp = await self._store.stamp()
            edited = await asyncio.to_thread(self._files_edited)
            if stamp == self._stamp and not edited:
                return
            read = [await self._read(kind) for kind in VERSION_KINDS]
            files_written = self._stamp is not None and stamp[1] != self._stamp[1]
            await self._use(
                [each for each in read if each is not None], again=files_written or edited
            )
            if None not in read:
                self._stamp = stamp

    async def use(self, overlays: Sequence[Overlay]) -> None:
        """Follow ``overlays`` that were read elsewhere, as for a replay, and the database no
        more."""
        async with self._busy:
            self._pinned = True
            await self._use(overlays)

    async def run(self) -> None:
        """Follow until cancelled."""
        announced = asyncio.Event()
        listening = asyncio.create_task(self._listen(announced))
        try:
            away = False
            while True:
                await self._wait(announced)
                try:
                    await self.refresh()
                    away = False
                except Exception:
                    if not away:  # the database is: look again, and say it once
                        log.exception("versions.not_followed")
                    away = True
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    def _files_edited(self) -> bool:
        """Whether somebody has edited a file that is read again here: others look by themselves."""
        return any(each.edited() for each in self._consumers if isinstance(each, EditedFile))

    async def _read(self, kind: VersionKind) -> Overlay | None:
        """The newest overlay; None when it is damaged: the one before stays."""
        try:
            return await self._store.overlay(kind, None)
        except Exception as error:
            what = f"cannot be read ({type(error).__name__}); restore a backup of the database"
            problems = (OverlayProblem(key="", message=what),)
            if self.left_out.get(kind) != problems:
                log.exception("versions.unreadable", kind=kind)
            self.left_out[kind] = problems
            return None

    async def _listen(self, announced: asyncio.Event) -> None:
        """Without events the next regular look follows, so a failure here stops nothing."""
        try:
            async with self._events.listen(TOPIC) as events:
                async for _ in events:
                    announced.set()
        except Exception:
            log.exception("versions.not_announced")

    async def _wait(self, announced: asyncio.Event) -> None:
        """Until a change is announced, or it is time to look: by real time, for that is when other
        programs change something."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._every):
                await announced.wait()
        announced.clear()

    async def _use(self, overlays: Sequence[Overlay], *, again: bool = False) -> None:
        """``again``: also those that are in force already, for the files below have changed."""
        for overlay in overlays:
            if self.overlays.get(overlay.kind) == overlay and not again:
                continue
            before = self.overlays.get(overlay.kind, Overlay(kind=overlay.kind))
            problems = [
                problem
                for consumer in self.consumers_of(overlay.kind)
                for problem in await _pass_to(consumer, overlay)
            ]
            self.overlays[overlay.kind] = overlay
            self.left_out[overlay.kind] = tuple(dict.fromkeys(problems))
            for problem in self.left_out[overlay.kind]:
                log.warning("versions.left_out", kind=overlay.kind, problem=str(problem))
            if overlay.tree != before.tree:
                self._changed(overlay.kind)
            if overlay or before:
                log.info("versions.in_force", kind=overlay.kind, version=overlay.number)


async def _pass_to(consumer: VersionConsumer, overlay: Overlay) -> Sequence[OverlayProblem]:
    """What ``consumer`` left out; everything if it fails: the others follow all the same."""
    try:
        return await consumer.use_overlay(overlay)
    except Exception as error:
        name = getattr(consumer, "name", type(consumer).__name__)
        log.exception("versions.failed", consumer=name, kind=overlay.kind)
        what = f"{name} could not apply it ({type(error).__name__}); see the log"
        return [OverlayProblem(key="", message=what)]


def announce(events: Events) -> None:
    """Tell all processes that another version may be in force."""
    events.publish(Event(topic=TOPIC, name="changed"))
