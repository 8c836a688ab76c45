"""The pages ``/desk/proposals``: what was learnt, and one page for each proposal."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from gateway import (
    AddItems,
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    NotFound,
    Outdated,
    SetValue,
    WarmlineError,
)
from plugins.insights.learning.deciding import NotAdoptable, ProposalChange
from plugins.insights.learning.drafting import stated_facts
from plugins.insights.learning.html import ProposalTemplates
from plugins.insights.learning.loop import Learning
from plugins.insights.learning.model import Proposal, WholeProposal
from plugins.insights.learning.printing import diff_of
from plugins.insights.learning.reminder import TrainingRecordFile, overdue

PAGE_WAITS = 3.0
"""Seconds that a page waits for an evaluation; a longer one goes on by itself."""
TAKES_OTHERS = (
    "versions that were adopted later, also for other brands, would be taken back, too; ask "
    "somebody who works for all brands"
)
LISTED = 100
"""Decided proposals that the list shows."""

log = structlog.get_logger(__name__)


class EvaluationTasks:
    """Evaluations that go on while people look at pages, one at a time."""

    def __init__(self, learning: Learning) -> None:
        self._learning = learning
        self._tasks: dict[str, asyncio.Task[WholeProposal]] = {}
        self._one = asyncio.Lock()

    def runs(self, id: str) -> bool:
        """Whether the proposal is being evaluated in this process."""
        return id in self._tasks

    async def evaluate(self, id: str) -> bool:
        """Evaluate it again; whether that is done already. Raises WarmlineError."""
        task = self._tasks.get(id)
        if task is None:
            task = self._tasks[id] = asyncio.create_task(self._run(id))
            task.add_done_callback(lambda done: self._forget(id, done))
        done, _ = await asyncio.wait({task}, timeout=PAGE_WAITS)
        if done:
            task.result()
        return bool(done)

    async def stop(self) -> None:
        """Cancel what still runs."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, id: str) -> WholeProposal:
        async with self._one:
            return await self._learning.evaluate(id)

    def _forget(self, id: str, task: asyncio.Task[WholeProposal]) -> None:
        self._tasks.pop(id, None)
        if not task.cancelled() and (error := task.exception()):
            log.warning("learning.not_evaluated", proposal=id, error=str(error))


@dataclass(kw_only=True)
class ProposalListPage:
    """All proposals: those that wait, then what was decided."""

    learning: Learning
    templates: ProposalTemplates
    record: TrainingRecordFile
    path: str = "/desk/proposals"
    title: str = "Proposals"
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        now = self.learning.services.clock.now()
        await self.learning.decisions.complete_all()
        every = await self.learning.store.listed()
        found = [each for each in every if request.agent.works_for(each.target.brand)]
        record = await asyncio.to_thread(self.record.read)
        return self.templates.page(
            "list.html",
            title="Proposals",
            request=request,
            open=[each for each in found if each.state in ("open", "adopting")],
            adopted=[each for each in found if each.state in ("adopted", "rolled_back")][:LISTED],
            declined=[each for each in found if each.state == "declined"][:LISTED],
            reminder=overdue(record, now),
            now=now,
        )


@dataclass(kw_only=True)
class ProposalPage:
    """One proposal: what was found, what would change, what it would do, and the decision."""

    learning: Learning
    templates: ProposalTemplates
    tasks: EvaluationTasks
    path: str = "/desk/proposals/{id}"
    title: str = ""
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        return await self._page(request)

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Adopt, decline, evaluate again or take back. What cannot be done is said on the page."""
        id, author = request.path["id"], request.agent.id
        row, newest = _number(request.value("row")), _number(request.value("newest"))
        decisions, why = self.learning.decisions, request.value("why")
        whole = await _whole(self.learning, request)
        notice = ""
        try:
            match request.value("do"):
                case "adopt":
                    _, adoption = await decisions.adopt(
                        id, row=row, after=newest, author=author, why=why
                    )
                    notice = " ".join(adoption.not_written)
                case "decline":
                    await decisions.decline(id, row=row, author=author, why=why)
                case "take_back":
                    if request.agent.brands and await decisions.later_versions(whole.proposal):
                        raise NotAdoptable(TAKES_OTHERS)
                    await decisions.take_back(id, row=row, newest=newest, author=author, why=why)
                case "evaluate":
                    await self.tasks.evaluate(id)
                case _:
                    return await self._page(request, problem="choose a button", status=422)
        except NotFound:
            raise
        except WarmlineError as error:
            status = 409 if isinstance(error, Outdated) else 422
            return await self._page(request, problem=_sentence(error), status=status)
        if notice:
            return await self._page(request, notice=notice)
        return DeskPageResult(redirect=f"/desk/proposals/{id}")

    async def _page(
        self, request: DeskPageRequest, *, problem: str = "", notice: str = "", status: int = 200
    ) -> DeskPageResult:
        learning = self.learning
        whole = await _whole(learning, request)
        proposal = whole.proposal
        newest = await learning.services.versions.overlay(proposal.version_kind)
        return self.templates.page(
            "proposal.html",
            title=proposal.title,
            request=request,
            status=status,
            whole=whole,
            problem=problem,
            notice=notice,
            newest=newest.number,
            diff=await diff_of(whole, learning.services.trials),
            evaluating=self.tasks.runs(proposal.id),
            writes_files=learning.services.versions.writes_files,
            later=await learning.decisions.later_versions(proposal),
        )


@dataclass(kw_only=True)
class ProposalEditPage:
    """A form with what is proposed."""

    learning: Learning
    templates: ProposalTemplates
    tasks: EvaluationTasks
    path: str = "/desk/proposals/{id}/edit"
    title: str = ""
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        return await self._page(request)

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Store the words, and evaluate with them. What is wrong with them is said on the page,
        which keeps them."""
        id = request.path["id"]
        whole = await _whole(self.learning, request)
        try:
            change = _change(request, whole)
            await self.learning.decisions.edit(
                id, change, row=_number(request.value("row")), author=request.agent.id
            )
        except NotFound:
            raise
        except WarmlineError as error:
            status = 409 if isinstance(error, Outdated) else 422
            return await self._page(request, problem=_sentence(error), status=status)
        await self.tasks.evaluate(id)
        return DeskPageResult(redirect=f"/desk/proposals/{id}")

    async def _page(
        self, request: DeskPageRequest, *, problem: str = "", status: int = 200
    ) -> DeskPageResult:
        whole = await _whole(self.learning, request)
        proposal = whole.proposal
        if proposal.state != "open":
            return DeskPageResult(redirect=f"/desk/proposals/{proposal.id}")
        return self.templates.page(
            "edit.html",
            title=f"Edit: {proposal.title}",
            request=request,
            status=status,
            whole=whole,
            problem=problem,
            typed={name: request.value(name) for name in request.form},
            facts=await stated_facts(self.learning.services.trials, proposal.target),
            instead=_instead(proposal),
            other=_other_text(proposal),
            value=_threshold(proposal),
        )


async def _whole(learning: Learning, request: DeskPageRequest) -> WholeProposal:
    """The proposal of the page. One that is not for a brand of theirs is not found by people who
    are limited to brands: its examples are conversations that they may not see."""
    whole = await learning.decisions.current(request.path["id"])
    if not request.agent.works_for(whole.proposal.target.brand):
        raise NotFound(f"there is no proposal {whole.proposal.id} for your brands")
    return whole


def _change(request: DeskPageRequest, whole: WholeProposal) -> ProposalChange:
    """What the form changes."""
    form: Mapping[str, tuple[str, ...]] = request.form
    kind = whole.proposal.kind
    texts = {
        sentence.id: request.value(f"sentence-{sentence.id}")
        for sentence in whole.sentences
        if f"sentence-{sentence.id}" in form
    }
    return ProposalChange(
        texts=texts,
        added=request.value("added").splitlines(),
        body=request.value("body").splitlines() if "body" in form else None,
        intent=request.value("intent") if "intent" in form else None,
        phrase=request.value("phrase") if "phrase" in form else None,
        instead=_wanted_instead(request) if kind == "voice_rule" else None,
        other_language=request.value("other_language"),
        other_body=request.value("other_body").splitlines(),
        value=_decimal(request.value("value")) if "value" in form else None,
    )


def _wanted_instead(request: DeskPageRequest) -> str | None:
    """The replacement; empty: the phrase is left out; None: a person decides."""
    text = request.value("instead").strip()
    return text or ("" if request.value("remove") else None)


def _instead(proposal: Proposal) -> str | None:
    for change in proposal.changes:
        if isinstance(change, AddItems):
            for item in change.items:
                if isinstance(item, dict) and "instead" in item:
                    return str(item["instead"])
    return None


def _other_text(proposal: Proposal) -> tuple[str, str]:
    """The answer in another language, with its code."""
    for change in proposal.changes:
        if isinstance(change, SetValue) and isinstance(change.value, dict):
            return change.at[-1], "\n".join(change.value.get("body", ()))
    return "", ""


def _threshold(proposal: Proposal) -> float | None:
    values = [change.value for change in proposal.changes if isinstance(change, SetValue)]
    found = values[0] if values else None
    return float(found) if isinstance(found, int | float) else None


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else -1


def _decimal(text: str) -> float:
    """A number; -1, which no threshold is, for anything else."""
    try:
        return float(text)
    except ValueError:
        return -1.0


def _sentence(error: WarmlineError) -> str:
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}" + ("" if text.endswith((".", "!", "?")) else ".")
