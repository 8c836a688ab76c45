"""The room ``/desk/policy``: thresholds and switches, with their effect on the last weeks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway import (
    AdoptedChange,
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    Json,
    Services,
)
from plugins.lead_rooms.editing import NOT_YOURS, RoomEdit, RoomForm, changes_key, may_edit
from plugins.lead_rooms.html import RoomTemplates
from plugins.lead_rooms.jobs import JobResult, RoomJobs
from plugins.lead_rooms.policy_effect import NOT_REPLAYED, PolicyEffect, PolicyReplay
from plugins.lead_rooms.policy_form import (
    field_of,
    policy_changes,
    policy_fields,
    policy_groups,
)


@dataclass(kw_only=True)
class PolicyPage:
    """Every reason to step back, with its switch and thresholds."""

    services: Services
    templates: RoomTemplates
    jobs: RoomJobs
    replay: PolicyReplay
    path: str = "/desk/policy"
    title: str = ""
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        policy = await self._policy()
        newest = (await self.services.versions.overlay("policy")).number
        return await self._page(request, policy, RoomForm.opened(policy_fields(policy), newest))

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Work out the effect of what was typed, or save it."""
        policy = await self._policy()
        form = RoomForm.submitted(policy_fields(policy), request)
        changes = policy_changes(policy, form)
        edit = RoomEdit(
            services=self.services, kind="policy", field_of=lambda key: field_of(policy, key)
        )
        if changes and not form.problems:
            await edit.check(form, changes)
        if request.value("do") != "save":
            effect = None
            if not form.problems and changes:
                effect = await self._effect(request, form, changes)
            elif not changes:
                form.say("", "nothing is changed; change something to see its effect")
            return await self._page(request, policy, form, effect=effect)
        if not may_edit(request.agent, ""):
            form.say("", NOT_YOURS)
            return await self._page(request, policy, form, status=403)
        adoption = await edit.save(form, changes, request)
        if adoption is None:
            return await self._page(request, policy, form, status=409 if form.others else 422)
        if adoption.not_written:
            policy = await self._policy()
            form = RoomForm.opened(policy_fields(policy), adoption.version.number)
            return await self._page(request, policy, form, notice=" ".join(adoption.not_written))
        return DeskPageResult(redirect=f"/desk/policy?saved={adoption.version.number}")

    async def _policy(self) -> Json:
        return await self.services.trials.in_force("policy", ())

    async def _effect(
        self, request: DeskPageRequest, form: RoomForm, changes: Sequence[AdoptedChange]
    ) -> JobResult[PolicyEffect]:
        brands = request.agent.brands
        result = await self.jobs.get(
            changes_key("policy", form.newest, brands, changes),
            lambda: self.replay.effect(changes, brands),
        )
        if result.value is None:
            return result
        ids = [example.conversation for example in result.value.examples]
        kept = {c.conversation.id for c in await self.services.records.cases_by_id(ids)}
        examples = tuple(each for each in result.value.examples if each.conversation in kept)
        return JobResult(value=result.value.replace(examples=examples))

    async def _page(
        self,
        request: DeskPageRequest,
        policy: Json,
        form: RoomForm,
        *,
        effect: JobResult[PolicyEffect] | None = None,
        notice: str = "",
        status: int = 200,
    ) -> DeskPageResult:
        return self.templates.page(
            "policy.html",
            title="Policy",
            request=request,
            status=status,
            form=form,
            groups=policy_groups(policy),
            effect=effect,
            days=self.replay.cases.days,
            not_replayed=sorted(NOT_REPLAYED),
            may=may_edit(request.agent, ""),
            notice=notice,
            left_out=self.services.versions.left_out("policy"),
            writes_files=self.services.versions.writes_files,
            saved=request.query.get("saved", "")[:12] if status == 200 else "",
        )
