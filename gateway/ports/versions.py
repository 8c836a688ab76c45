"""Versions: what people adopt, laid over the team's files, and who follows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

from gateway.model import (
    AdoptedChange,
    Adoption,
    FilesWritten,
    Json,
    Overlay,
    OverlayDifference,
    OverlayProblem,
    Version,
    VersionKind,
)
from gateway.ports.errors import WarmlineError


class ChangeRefused(WarmlineError):
    """A change cannot be adopted: what it would make would not load. ``problems`` has every
    mistake, with its key."""

    def __init__(self, problems: Sequence[OverlayProblem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Versions(Protocol):
    """What people adopted, as versions. Every process of the gateway follows within seconds."""

    @property
    def writes_files(self) -> bool:
        """Whether the team's files are written, too (the setting ``versions.write_files``)."""
        ...

    def left_out(self, kind: VersionKind) -> tuple[OverlayProblem, ...]:
        """What of the newest version of ``kind`` does not fit the team's files any more, so that
        this process left it out."""
        ...

    async def history(
        self, *, kind: VersionKind | None = None, before: int | None = None, limit: int = 100
    ) -> tuple[Version, ...]:
        """Return the versions with numbers below ``before``, newest first."""
        ...

    async def version(self, number: int) -> Version:
        """Return one version. Raises NotFound."""
        ...

    async def overlay(self, kind: VersionKind, number: int | None = None) -> Overlay:
        """Return the overlay that version ``number`` lays over the team's files, without the
        examples that were erased since; None: the newest of its kind; 0: an empty one. Raises
        NotFound for an unknown number, or that of another kind."""
        ...

    async def differences(self, number: int) -> tuple[OverlayDifference, ...]:
        """Return what version ``number`` changed, compared with the version of its kind before.
        Raises NotFound."""
        ...

    async def check(
        self, kind: VersionKind, changes: Sequence[AdoptedChange]
    ) -> tuple[OverlayProblem, ...]:
        """Return why ``changes`` to the newest version would be refused; none if they would be
        adopted. Changes nothing."""
        ...

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
        """Adopt ``changes``, and return after the commit; this process follows already.

        ``after`` is the number of the version that the person saw as the newest of this kind (0:
        none); raises `Outdated` when another one was adopted meanwhile. ``author`` is an agent's
        id, as in the audit log, where this is recorded. Raises `ChangeRefused` for changes that
        would not load or that change nothing, NotFound when the conversation of an example does
        not exist, and TooLarge above a limit.
        """
        ...

    async def roll_back(
        self,
        number: int,
        *,
        author: str,
        why: str,
        kind: VersionKind | None = None,
        after: int | None = None,
    ) -> Adoption:
        """Return to the state of version ``number``: adopt a new version with the same overlay.

        ``kind`` is needed for 0 alone, the team's files without any overlay. ``after`` is the
        number of the newest version that the person saw; None: whichever is the newest. Raises
        NotFound when there is no such version of that kind, `ChangeRefused` when that is the state
        already, and Outdated when another version was adopted meanwhile. What no longer fits the
        team's files does not hinder it: it is left out (see `VersionConsumer.use_overlay`).
        """
        ...


@runtime_checkable
class VersionConsumer(Protocol):
    """A handler, an understander or a brand voice that lays overlays over the team's files."""

    @property
    def version_kinds(self) -> frozenset[VersionKind]:
        """The kinds of versions that change what it does."""
        ...

    async def check_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        """Return what of ``overlay`` could not apply to the team's files as they are now. Changes
        nothing."""
        ...

    async def use_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        """From now on apply ``overlay``, instead of the one before; return what of it cannot apply
        and is left out.

        Called at start-up, once the database is open and before any message is handled, and within
        seconds after a version was adopted or a customer of its examples was erased. An answer that
        is being made keeps what it began with. Return quickly: what takes longer, such as training,
        goes on by itself while the old state serves. Forget, also on disk, what was made of
        examples that are not in ``kept_examples``.
        """
        ...


@runtime_checkable
class VersionWriter(Protocol):
    """A `VersionConsumer` that can write overlays into the team's files. The gateway asks it to if
    ``versions.write_files`` is set."""

    async def write_overlay(
        self, before: Overlay, after: Overlay, originals: Mapping[str, Json]
    ) -> FilesWritten:
        """Write what differs between two overlays, and keep everything else in the files as it is.
        Never write the words of customers: an erasure does not reach what the team does with its
        files.

        ``originals`` are those that the last call returned. Called after `use_overlay`, which is
        called again afterwards: read the files again then.
        """
        ...
