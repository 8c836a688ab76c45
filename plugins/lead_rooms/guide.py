"""The room ``/desk/guide``: rules of the brand voice, with what they would do to past replies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from gateway import (
    AdoptedChange,
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    NotFound,
    Services,
    value_at,
)
from plugins.lead_rooms.editing import NOT_YOURS, RoomEdit, RoomForm, changes_key, may_edit
from plugins.lead_rooms.guide_effect import SAMPLED, GuideEffect, GuideReplay
from plugins.lead_rooms.guide_form import (
    HOUSE,
    MOODS,
    NEW_PHRASES,
    TONE,
    EditedGuide,
    field_of,
    guide_changes,
    guide_fields,
)
from plugins.lead_rooms.html import RoomTemplates
from plugins.lead_rooms.jobs import JobResult, RoomJobs


@dataclass(kw_only=True)
class GuidePage:
    """The guide in one language: phrases, words, openings, and the tone of each channel."""

    services: Services
    templates: RoomTemplates
    jobs: RoomJobs
    replay: GuideReplay
    path: str = "/desk/guide"
    title: str = ""
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        guide = await self._guide(request)
        newest = (await self.services.versions.overlay("guide")).number
        return await self._page(request, guide, RoomForm.opened(guide_fields(guide), newest))

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Show what would read differently, or save what was typed."""
        guide = await self._guide(request)
        form = RoomForm.submitted(guide_fields(guide), request)
        changes = guide_changes(guide, form)
        edit = RoomEdit(
            services=self.services, kind="guide", field_of=lambda key: field_of(form, key)
        )
        if changes and not form.problems:
            await edit.check(form, changes)
        if request.value("do") != "save":
            effect = None
            if changes and not form.problems:
                effect = await self._effect(request, guide, form, changes)
            elif not changes and not form.problems:
                form.say("", "nothing is changed; change something to see what it does")
            return await self._page(request, guide, form, effect=effect)
        if not may_edit(request.agent, guide.brand):
            form.say("", NOT_YOURS)
            return await self._page(request, guide, form, status=403)
        adoption = await edit.save(form, changes, request)
        if adoption is None:
            return await self._page(request, guide, form, status=409 if form.others else 422)
        if adoption.not_written:
            guide = await self._guide(request)
            form = RoomForm.opened(guide_fields(guide), adoption.version.number)
            return await self._page(request, guide, form, notice=" ".join(adoption.not_written))
        saved = {"language": guide.language, "brand": guide.brand}
        address = {**saved, "saved": str(adoption.version.number)}
        query = urlencode({key: value for key, value in address.items() if value})
        return DeskPageResult(redirect=f"/desk/guide?{query}")

    async def _guide(self, request: DeskPageRequest) -> EditedGuide:
        brand = request.query.get("brand", "")
        if brand not in self._brands(request):
            raise NotFound("there is no such brand for you")
        trials, at = self.services.trials, ("brands", brand) if brand else ()
        tree = await trials.in_force("guide", at)
        tree = tree if isinstance(tree, dict) else {}
        overlay = await self.services.versions.overlay("guide")
        overlaid = value_at(overlay.tree, at)
        language = request.query.get("language", "en")
        return EditedGuide(
            language=language if language in _languages(tree) else "en",
            brand=brand,
            tree=tree,
            overlaid=overlaid if isinstance(overlaid, dict) else {},
        )

    def _brands(self, request: DeskPageRequest) -> tuple[str, ...]:
        brands = (brand for brand in self.services.brands if request.agent.works_for(brand))
        return ("", *brands)

    async def _effect(
        self,
        request: DeskPageRequest,
        guide: EditedGuide,
        form: RoomForm,
        changes: Sequence[AdoptedChange],
    ) -> JobResult[GuideEffect]:
        brands = (guide.brand,) if guide.brand else request.agent.brands
        result = await self.jobs.get(
            changes_key("guide", form.newest, brands, changes),
            lambda: self.replay.effect(changes, brands),
        )
        if result.value is None:
            return result
        ids = [each.conversation for each in result.value.changed]
        kept = {c.conversation.id for c in await self.services.records.cases_by_id(ids)}
        changed = tuple(each for each in result.value.changed if each.conversation in kept)
        return JobResult(value=result.value.replace(changed=changed))

    async def _page(
        self,
        request: DeskPageRequest,
        guide: EditedGuide,
        form: RoomForm,
        *,
        effect: JobResult[GuideEffect] | None = None,
        notice: str = "",
        status: int = 200,
    ) -> DeskPageResult:
        names = [category.name for category in guide.categories if not category.off]
        return self.templates.page(
            "guide.html",
            title="Guide",
            request=request,
            status=status,
            guide=guide,
            form=form,
            brands=self._brands(request),
            languages=_languages(guide.tree),
            moods=MOODS,
            tone=TONE,
            rows=range(1, NEW_PHRASES + 1),
            categories=list(dict.fromkeys([HOUSE, *names])),
            effect=effect,
            wanted=SAMPLED,
            days=self.replay.cases.days,
            may=may_edit(request.agent, guide.brand),
            notice=notice,
            left_out=self.services.versions.left_out("guide"),
            writes_files=self.services.versions.writes_files,
            saved=request.query.get("saved", "")[:12] if status == 200 else "",
        )


def _languages(tree: object) -> list[str]:
    """The languages that the guide knows."""
    found = value_at(tree, ("languages",))
    return sorted(found) if isinstance(found, dict) else ["en"]
