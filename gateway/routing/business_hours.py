"""The opening hours in force: those of the policy and the brands, with what people adopted."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from gateway.model import FilesWritten, Json, KeyPath, Overlay, OverlayProblem, VersionKind
from gateway.routing.policy import PolicySource
from gateway.settings import Brands, Hours
from gateway.support.overlay_files import OverlayFiles
from gateway.support.overlays import (
    Tree,
    brand_part,
    fitting_part,
    lay_over,
    of_brand,
    split_brand,
    unknown_brands,
    validated_part,
    value_at,
)

UNKNOWN_BRAND = "there is no such brand; see `brands` in the settings"


class BusinessHours:
    """When agents are available, by brand.

    A version of the kind ``hours`` has ``hours`` as a policy file has it, and ``brands.NAME.hours``
    for a brand. What it does not say is as in the files; for a brand without hours of its own, as
    for everybody else. ``hours: null`` is always open. Implements `VersionConsumer`,
    `TriedConsumer` and `VersionWriter`.

    ``policy_file`` and ``settings_file`` are where the hours of all and of the brands are written.
    """

    name = "business hours"
    version_kinds: frozenset[VersionKind] = frozenset({"hours"})

    def __init__(
        self,
        policies: PolicySource,
        brands: Brands,
        *,
        policy_file: Path | None = None,
        settings_file: Path | None = None,
    ) -> None:
        self._policies, self._brands = policies, brands
        self._tree: Tree = {}
        self._known: dict[str, tuple[Hours | None, Hours | None, Hours | None]] = {}

        def files(brand: str) -> Iterable[Path]:
            file = settings_file if brand else policy_file
            return () if file is None else (file,)

        self._files = OverlayFiles(
            lambda brand: tuple(files(brand)),
            within=lambda brand: ("brands", brand) if brand else (),
        )

    def of(self, brand: str) -> Hours | None:
        """The hours of ``brand``, empty for none; None: always open. The same object until they
        change."""
        own, shared = self._brands.hours(brand), self._policies.current.hours
        known = self._known.get(brand)
        if known is None or known[0] is not own or known[1] is not shared:
            known = self._known[brand] = own, shared, self._overlaid(brand)
        return known[2]

    @property
    def any_closed(self) -> bool:
        """Whether somebody's customers may write when nobody is there."""
        return any(self.of(brand) is not None for brand in ("", *self._brands))

    async def check_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        """See `VersionConsumer`."""
        return self._problems(overlay.tree)

    async def use_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        """See `VersionConsumer`."""
        self._tree, problems = fitting_part(overlay.tree, self._problems)
        self._known = {}
        return problems

    async def trial(self, overlay: Overlay) -> BusinessHours:
        """See `TriedConsumer`."""
        other = copy.copy(self)
        await other.use_overlay(overlay)
        return other

    async def in_force(self, at: KeyPath) -> Json:
        """See `TriedConsumer`."""
        brand, path = split_brand(at)
        hours = self.of(brand)
        return cast(Json, value_at({"hours": hours.as_tree() if hours else None}, path))

    async def write_overlay(
        self, before: Overlay, after: Overlay, originals: Mapping[str, Json]
    ) -> FilesWritten:
        """See `VersionWriter`."""
        return await asyncio.to_thread(self._files.write, before.tree, after.tree, originals)

    def _overlaid(self, brand: str) -> Hours | None:
        tree = self._merged(self._tree, brand)
        return Hours.model_validate(tree) if tree is not None else None

    def _merged(self, overlay: Tree, brand: str) -> Any:
        """The tree of the hours of ``brand`` with ``overlay`` laid over them."""
        if not brand:
            return _laid(_tree(self._policies.current.hours), overlay)
        own = self._brands.hours(brand)
        below = _tree(own) if own is not None else self._merged(overlay, "")
        return _laid(below, brand_part(overlay, brand))

    def _problems(self, overlay: Tree) -> list[OverlayProblem]:
        problems = [*unknown_brands(overlay, tuple(self._brands), UNKNOWN_BRAND)]
        for brand in ("", *self._brands):
            part = brand_part(overlay, brand)
            what = "is no part of the hours; write `hours` alone"
            found = [OverlayProblem(key=key, message=what) for key in part if key != "hours"]
            if not found and (tree := self._merged(overlay, brand)) is not None and part:
                found += validated_part(Hours, tree, "hours")[1]
            problems += [of_brand(problem, brand) for problem in found]
        return problems


def _tree(hours: Hours | None) -> Any:
    return hours.as_tree() if hours is not None else None


def _laid(below: Any, part: Tree) -> Any:
    """``below``, a tree of hours or None, with what ``part`` has at ``hours`` laid over it."""
    if "hours" not in part:
        return below
    over = part["hours"]
    joined = isinstance(below, Mapping) and isinstance(over, Mapping)
    return lay_over(below, over) if joined else over
