"""The room ``/desk/knowledge/answer``: one answer with its sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from gateway import (
    AddExamples,
    AdoptedChange,
    ChangeRefused,
    DeskPageRequest,
    DeskPageResult,
    DeskRight,
    ExampleEvaluation,
    NotFound,
    RemoveExamples,
    TrialMessage,
    masked,
    value_at,
)
from plugins.lead_rooms.answer_form import (
    MOST_EXAMPLES,
    NAME,
    EditedAnswer,
    answer_changes,
    current_fields,
    field_of,
    new_examples,
)
from plugins.lead_rooms.answer_preview import ChannelPreview, LiveTest
from plugins.lead_rooms.conflicts import ExampleConflict
from plugins.lead_rooms.editing import (
    NOT_YOURS,
    RoomEdit,
    RoomForm,
    changes_key,
    may_edit,
)
from plugins.lead_rooms.jobs import JobResult
from plugins.lead_rooms.knowledge import Knowledge

SHOWN_EXAMPLES = 60
LONGEST_TEST = 1_000
"""Characters of a message to try."""


@dataclass(kw_only=True)
class AnswerPage:
    """One answer: its texts and sentences, with a live test before anything is saved."""

    knowledge: Knowledge
    path: str = "/desk/knowledge/answer"
    title: str = ""
    right: DeskRight = "see_all"

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        answer = await self._answer(request, request.query.get("intent", ""))
        newest = (await self.knowledge.services.versions.overlay("answers")).number
        form = RoomForm.opened(_fields(answer), newest)
        return await self._page(request, answer, form)

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Try, evaluate or save what was typed."""
        asked = request.query.get("intent", "")
        name = asked or request.value("intent").strip()
        answer = await self._answer(request, name, new=not asked)
        taken = not asked and answer.known is not None
        answer = answer.replace(known=None) if taken else answer
        form = RoomForm.submitted(_fields(answer), request)
        if taken:
            form.say("intent", "there is an answer of this name already; open that one")
        elif not asked and not NAME.fullmatch(name):
            form.say("intent", "write a name of small letters, digits and underlines: gift_wrap")
        changes = answer_changes(answer, form)
        edit = RoomEdit(
            services=self.knowledge.services,
            kind="answers",
            field_of=lambda key: field_of(answer, key),
        )
        if changes and not form.problems:
            await edit.check(form, changes)
        tried = await self._try(request, answer, form, changes)
        if request.value("do") != "save":
            return await self._page(request, answer, form, tried=tried)
        if not may_edit(request.agent, answer.brand):
            form.say("", NOT_YOURS)
            return await self._page(request, answer, form, tried=tried, status=403)
        adoption = None
        if not form.problems:
            adoption = await edit.save(form, changes, request)
        elif not request.value("why").strip():
            form.say("why", "say why in a word: colleagues will read it")
        if adoption is None:
            status = 409 if form.others else 422
            return await self._page(request, answer, form, tried=tried, status=status)
        saved = {"intent": name, "brand": answer.brand, "saved": str(adoption.version.number)}
        if adoption.not_written:
            notice = " ".join(adoption.not_written)
            fresh = await self._answer(request, name)
            form = RoomForm.opened(_fields(fresh), adoption.version.number)
            return await self._page(request, fresh, form, notice=notice)
        address = urlencode({key: value for key, value in saved.items() if value})
        return DeskPageResult(redirect=f"/desk/knowledge/answer?{address}")

    async def _answer(
        self, request: DeskPageRequest, intent: str, *, new: bool = False
    ) -> EditedAnswer:
        knowledge = self.knowledge
        brand = await knowledge.chosen_brand(request)
        known = (await knowledge.entries(brand)).get(intent)
        if not new and intent and known is None:
            raise NotFound(f"there is no answer “{intent}”; see /desk/knowledge")
        overlay = await knowledge.services.versions.overlay("answers")
        at = ("brands", brand, "answers", intent) if brand else ("answers", intent)
        overlaid = value_at(overlay.tree, at)
        return EditedAnswer(
            intent=intent,
            brand=brand,
            known=known if isinstance(known, dict) else None,
            overlaid=overlaid if isinstance(overlaid, dict) else {},
            adopted=tuple(each for each in overlay.examples if each.intent == intent),
        )

    async def _try(
        self,
        request: DeskPageRequest,
        answer: EditedAnswer,
        form: RoomForm,
        changes: Sequence[AdoptedChange],
    ) -> _Tried:
        """What the changes would do, as far as they load."""
        tried = _Tried(message=request.value("say").strip()[:LONGEST_TEST])
        sound = not form.problems
        texts = new_examples(answer, form)
        if 0 < len(texts) <= MOST_EXAMPLES:
            tried.conflicts = await self.knowledge.jobs.get(
                changes_key("conflicts", answer.intent, texts, form.newest),
                lambda: self.knowledge.conflicts.find(answer.intent, texts),
            )
        tried.language = _preview_language(answer, form)
        if tried.language and sound:
            tried.previews = await self._previews(answer, form, changes, tried.language)
        if tried.message and sound:
            tried.test = await self._live_test(request, answer, changes, tried.message)
        if request.value("do") == "evaluate" and sound:
            tried.evaluation = await self._evaluate(answer, form, texts)
        return tried

    async def _previews(
        self,
        answer: EditedAnswer,
        form: RoomForm,
        changes: Sequence[AdoptedChange],
        language: str,
    ) -> tuple[ChannelPreview, ...]:
        """The previews; what is too long for a channel is a mistake of the field."""
        try:
            found = await self.knowledge.previews.on_channels(
                answer.intent, language, answer.brand, changes
            )
        except ChangeRefused as refused:
            form.say("", str(refused))
            return ()
        name = f"body-{language}" if language in answer.languages else "new-body"
        if form.changed(name):
            for preview in found:
                for problem in preview.problems:
                    form.say(name, problem)
        return found

    async def _live_test(
        self,
        request: DeskPageRequest,
        answer: EditedAnswer,
        changes: Sequence[AdoptedChange],
        text: str,
    ) -> JobResult[LiveTest]:
        """In a job: changed sentences are learnt first."""
        trials, brand = self.knowledge.services.trials, answer.brand
        channel = request.value("say-channel")
        if channel not in trials.channels:
            channel = next(iter(trials.channels), "webchat")
        message = TrialMessage(text=text, channel=channel, brand=brand)

        async def work() -> LiveTest:
            now = await trials.respond(message)
            then = await trials.respond(message, {"answers": changes}) if changes else now
            return LiveTest(text=text, now=now, then=then)

        newest = (await self.knowledge.services.versions.overlay("answers")).number
        trains = any(isinstance(each, AddExamples | RemoveExamples) for each in changes)
        jobs = self.knowledge.training if trains else self.knowledge.jobs
        return await jobs.get(changes_key("try", text, channel, brand, newest, changes), work)

    async def _evaluate(
        self, answer: EditedAnswer, form: RoomForm, texts: Sequence[str]
    ) -> JobResult[ExampleEvaluation]:
        evaluator = self.knowledge.services.example_evaluator
        if not texts:
            return JobResult(problem="write new sentences first: they are what is evaluated")
        if evaluator is None:
            return JobResult(problem="nothing here evaluates sentences; add `plugins.insights`")
        return await self.knowledge.training.get(
            changes_key("evaluate", answer.intent, texts, form.newest),
            lambda: evaluator.evaluate_examples(answer.intent, texts),
        )

    async def _page(
        self,
        request: DeskPageRequest,
        answer: EditedAnswer,
        form: RoomForm,
        *,
        tried: _Tried | None = None,
        notice: str = "",
        status: int = 200,
    ) -> DeskPageResult:
        services = self.knowledge.services
        own = [text for text, name in await services.trials.examples_of_shop()
               if name == answer.intent]  # fmt: skip
        adopted = {each.text for each in answer.adopted}
        if tried is None:
            tried = _Tried(language=next(iter(answer.languages), ""))
            if answer.known is not None:
                tried.previews = await self._previews(answer, form, (), tried.language)
        return self.knowledge.templates.page(
            "answer.html",
            title=f"Answer: {answer.intent}" if answer.known else "New answer",
            request=request,
            status=status,
            answer=answer,
            form=form,
            tried=tried,
            notice=notice,
            may=may_edit(request.agent, answer.brand),
            channels=list(services.trials.channels) or ["webchat"],
            examples=[text for text in own if text not in adopted][:SHOWN_EXAMPLES],
            count=len(own),
            adopted=[(each.id, masked(each.text, ()) if each.conversation else each.text)
                     for each in answer.adopted],
            evaluates=services.example_evaluator is not None,
            writes_files=services.versions.writes_files,
            saved=request.query.get("saved", "")[:12] if status == 200 else "",
        )  # fmt: skip


@dataclass(kw_only=True)
class _Tried:
    """What the page shows of the changes before they are saved."""

    message: str = ""
    language: str = ""
    previews: tuple[ChannelPreview, ...] = ()
    conflicts: JobResult[tuple[ExampleConflict, ...]] | None = None
    test: JobResult[LiveTest] | None = None
    evaluation: JobResult[ExampleEvaluation] | None = None


def _fields(answer: EditedAnswer) -> dict[str, str]:
    fields = current_fields(answer)
    return fields if answer.known is not None else fields | {"intent": ""}


def _preview_language(answer: EditedAnswer, form: RoomForm) -> str:
    """The first language that the form changes, else that of the answer."""
    for language in answer.languages:
        if any(form.changed(f"{part}-{language}") for part in ("body", "next", "opener")):
            return language
    new = form.value("new-language").strip().casefold()
    return new if new and form.value("new-body").strip() else next(iter(answer.languages), "")
