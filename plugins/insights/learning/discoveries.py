"""What the report finds, for the loop; and what became of it, for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway import Services
from plugins.insights.learning.deciding import ProposalDecisions
from plugins.insights.learning.drafting import draft_of
from plugins.insights.learning.fingerprints import is_about_same
from plugins.insights.learning.loop import Discover
from plugins.insights.learning.model import Proposal
from plugins.insights.learning.storage import StoredProposals
from plugins.insights.model import Discovery
from plugins.insights.report.material import DecisionEffect
from plugins.insights.settings import InsightsSettings

DAYS = 28


def discover_with(services: Services, settings: InsightsSettings) -> Discover:
    """Looks for findings in the last four weeks."""

    async def discover(now: datetime) -> Sequence[Discovery]:
        from plugins.insights.report.service import (  # noqa: PLC0415  (scipy, and it imports us)
            report_service,
        )

        until = now.astimezone(ZoneInfo(settings.timezone)).date()
        search = report_service(services, settings).search
        return (await search.search(until - timedelta(days=DAYS - 1), until)).findings

    return discover


async def with_proposals(
    findings: Sequence[Discovery], services: Services
) -> tuple[Discovery, ...]:
    """``findings``, each with the id of the proposal that is about it, if there is one."""
    known = await StoredProposals(services.storage).listed()
    found: list[Discovery] = []
    for finding in findings:
        draft = await draft_of(finding, services.trials)
        same = next((each for each in known if draft and is_about_same(draft, each)), None)
        found.append(finding.replace(proposal=same.id) if same else finding)
    return tuple(found)


@dataclass(frozen=True, kw_only=True)
class DecidedProposals:
    """Tells the report what people decided, and what that did (see `report.material.Decisions`)."""

    services: Services

    async def effects(self, since: date, until: date) -> Sequence[DecisionEffect]:
        """The proposals that were adopted before ``until`` and whose effect belongs to this time:
        it was told at ``since`` or later, or is not told yet. Then those that were declined."""
        store = StoredProposals(self.services.storage)
        decisions = ProposalDecisions(services=self.services, store=store)
        decided = [
            (await decisions.current(each.id)).proposal
            for each in await store.listed("adopted", "declined", "rolled_back")
        ]
        chosen = [each for each in decided if _belongs(each, since, until)]
        return [effect for proposal in chosen for effect in _effects(proposal)]


def _belongs(proposal: Proposal, since: date, until: date) -> bool:
    decision, effect = proposal.decision, proposal.effect
    if decision is None or decision.at.date() > until:
        return False
    if proposal.state == "adopted" and effect is None:
        return True
    return (effect.at if effect else decision.at).date() >= since


def _effects(proposal: Proposal) -> list[DecisionEffect]:
    decision = proposal.decision
    who = decision.by.partition(":")[2] if decision else ""
    state = proposal.state.replace("_", " ")
    base = DecisionEffect(
        proposal=proposal.id,
        title=proposal.title,
        decision=f"{state} by {who}: {decision.why}" if decision else state,
    )
    measures = proposal.effect.measures if proposal.effect else ()
    return [base.replace(measure=each.measure, effect=each.change) for each in measures] or [base]
