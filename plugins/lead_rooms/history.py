"""The room ``/desk/history``: every version of every kind, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway import (
    Agent,
    ChangeRefused,
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    NotFound,
    Outdated,
    Overlay,
    OverlayDifference,
    Services,
    Version,
    VersionKind,
    WarmlineError,
)
from plugins.lead_rooms.html import KINDS, RoomTemplates

PAGE = 50
MOST_DIFFERENCES = 200
"""Of one version that are shown."""
TAKES_OTHERS = (
    "this would also change what is for other brands; ask somebody who works for all brands"
)


@dataclass(kw_only=True)
class HistoryPage:
    """The versions, newest first."""

    services: Services
    templates: RoomTemplates
    path: str = "/desk/history"
    title: str = ""
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        kind = kind_of(request.query.get("kind", ""))
        before = _number(request.query.get("before", ""))
        versions = self.services.versions
        found = await versions.history(kind=kind, before=before or None, limit=PAGE + 1)
        in_force = {(await versions.overlay(each)).number for each in KINDS}
        return self.templates.page(
            "history.html",
            title="History",
            request=request,
            versions=found[:PAGE],
            kind=kind or "",
            in_force=in_force,
            older=found[PAGE - 1].number if found[PAGE:] else 0,
        )


@dataclass(kw_only=True)
class VersionPage:
    """One version: what it changed, and back to it."""

    services: Services
    templates: RoomTemplates
    path: str = "/desk/history/{number}"
    title: str = ""
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        return await self._page(request)

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Return to this version, to the one before it, or to the team's own files."""
        versions = self.services.versions
        version = await self._version(request)
        to = {"before": version.before, "files": 0}
        number = to.get(request.value("to"), version.number)
        seen, why = _number(request.value("newest")), " ".join(request.value("why").split())
        newest = await versions.overlay(version.kind)
        try:
            if not why:
                return await self._page(request, problem="Say why in a word.", status=422)
            if seen != newest.number:
                raise Outdated("another version was saved meanwhile; look at it below")
            if not await self._may_return(request.agent, newest, number):
                return await self._page(request, problem=_sentence(TAKES_OTHERS), status=403)
            adoption = await versions.roll_back(
                number, kind=version.kind, author=request.agent.id, why=why, after=seen
            )
        except NotFound:
            raise
        except WarmlineError as error:
            status = 409 if isinstance(error, Outdated) else 422
            text = str(error.problems[0]) if isinstance(error, ChangeRefused) else str(error)
            return await self._page(request, problem=_sentence(text), status=status)
        if adoption.not_written:
            return await self._page(request, notice=" ".join(adoption.not_written))
        return DeskPageResult(redirect=f"/desk/history/{adoption.version.number}")

    async def _version(self, request: DeskPageRequest) -> Version:
        number = _number(request.path["number"])
        if not number:
            raise NotFound("there is no such version; see /desk/history")
        return await self.services.versions.version(number)

    async def _may_return(self, agent: Agent, newest: Overlay, number: int) -> bool:
        """Whether nothing but what is for the person's brands would change."""
        if not agent.brands:
            return True
        restored = await self.services.versions.overlay(newest.kind, number)
        return _without(newest, agent.brands) == _without(restored, agent.brands)

    async def _page(
        self, request: DeskPageRequest, *, problem: str = "", notice: str = "", status: int = 200
    ) -> DeskPageResult:
        versions = self.services.versions
        version = await self._version(request)
        newest = await versions.overlay(version.kind)
        overlay = await versions.overlay(version.kind, version.number)
        differences = _visible(await versions.differences(version.number), request.agent)
        later: tuple[Version, ...] = ()
        if newest.number != version.number:
            history = await versions.history(kind=version.kind, limit=PAGE)
            later = tuple(each for each in history if each.number > version.number)
        return self.templates.page(
            "version.html",
            title=f"Version {version.number}: {KINDS[version.kind]}",
            request=request,
            status=status,
            version=version,
            newest=newest.number,
            differences=differences[:MOST_DIFFERENCES],
            more=max(len(differences) - MOST_DIFFERENCES, 0),
            lost=overlay.lost,
            later=later,
            is_files=not newest,
            problem=problem,
            notice=notice,
        )


def kind_of(text: str) -> VersionKind | None:
    """The kind of this name; None for another text."""
    return next((kind for kind in KINDS if kind == text), None)


def _visible(differences: Sequence[OverlayDifference], agent: Agent) -> list[OverlayDifference]:
    """Without what is for brands that the person does not work for. Sentences are of no brand, and
    may be customers' of any."""

    def brand(key: str) -> str:
        parts = key.split(".")
        return parts[1] if parts[0] == "brands" and len(parts) > 1 else ""

    return [
        each
        for each in differences
        if not agent.brands
        or (not brand(each.key) and not each.key.startswith("examples."))
        or (brand(each.key) and agent.works_for(brand(each.key)))
    ]


def _without(overlay: Overlay, brands: Sequence[str]) -> object:
    """What of an overlay is not for these brands."""
    found = overlay.tree.get("brands")
    of_others = {
        name: part
        for name, part in (found if isinstance(found, dict) else {}).items()
        if name not in brands
    }
    shared = {key: value for key, value in overlay.tree.items() if key != "brands"}
    return shared, of_others, {each.id for each in overlay.examples}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
