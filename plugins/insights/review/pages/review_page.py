"""The page ``/desk/review``: one answer after another."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from gateway import CaseRecord, DeskPageRequest, DeskPageResult, Message, NotFound, Services
from plugins.insights.review.outcomes import answer_messages, asked_message
from plugins.insights.review.pages.form import MOODS, ReviewForm
from plugins.insights.review.pages.html import ReviewTemplates, may_open
from plugins.insights.review.queue import ReviewQueue, first_open_day, may_judge, review_queue
from plugins.insights.review.settings import ReviewSettings
from plugins.insights.review.storage import AlreadyReviewed, ReviewStorage
from plugins.insights.review.values import Judgement, ReviewItem

PATH = "/desk/review"
OUT_OF_SCOPE = "oos"
"""The intent of what is no matter of ours, as in training data."""
BEFORE = 4
"""Earlier messages that are shown above the customer's."""


@dataclass(kw_only=True)
class ReviewPage:
    """Shows the next answer with the form, and takes what the reviewer says.

    Every view and every review is in the audit log, with ids only. Who gave the answer is not
    shown. ``?item=`` shows a certain item, ``?again=last`` the reviewer's last one, to change it.
    """

    services: Services
    settings: ReviewSettings
    templates: ReviewTemplates
    path = PATH
    title = "Review"

    def __post_init__(self) -> None:
        self.right = self.settings.page_right
        self._storage = ReviewStorage(self.services.storage)

    async def show(self, request: DeskPageRequest) -> DeskPageResult:
        """The next answer that waits for this reviewer."""
        if not may_open(request, self.settings):
            return self.templates.refuse(request)
        queue = await self._queue(request)
        if request.query.get("again") == "last" and queue.last:
            return await self._show_again(request, queue, queue.last)
        if id := request.query.get("item"):
            if said := await self._storage.judgement(id, request.agent.id):
                return await self._show_again(request, queue, said)
            item = await self._item(request, id)
            form = ReviewForm.all_right() if request.query.get("preset") else ReviewForm()
            if item and (case := await self._case(item)):
                return await self._form(request, queue, item, case, form)
        for item in queue.items:
            if case := await self._case(item):
                return await self._form(request, queue, item, case, ReviewForm())
        return self.templates.page(
            request,
            "done.html",
            title="Review",
            queue=queue,
            days=self.settings.days,
            per_week=self.settings.per_week,
        )

    async def submit(self, request: DeskPageRequest) -> DeskPageResult:
        """Store, skip or take back a review."""
        if not may_open(request, self.settings):
            return self.templates.refuse(request)
        item = await self._item(request, request.value("item"))
        if item is None:
            raise NotFound("This answer is no longer there: its customer may have been erased")
        action, agent, now = request.value("action"), request.agent, self.services.clock.now()
        again = request.value("again") == "1"
        if action == "undo":
            if await self._storage.take_back(item.id, agent.id):
                await self._record(request, "review_undone", item)
            return DeskPageResult(redirect=f"{PATH}?item={item.id}")
        if action == "skip":
            said = Judgement(item=item.id, reviewer=agent.id, at=now, skipped=True)
            return await self._judge(request, item, said, again=again)
        form = ReviewForm.sent(request, (*await self._intents(item), item.intent))
        if problem := form.problem(item):
            return await self._correct(request, item, form, problem, again=again)
        said = form.judgement(item, agent.id, now)
        if not again and await self._differs(said):
            problem = "You have judged this answer already: save again to replace what you said"
            return await self._correct(request, item, form, problem, again=True)
        return await self._judge(request, item, said, again=again)

    async def _correct(
        self,
        request: DeskPageRequest,
        item: ReviewItem,
        form: ReviewForm,
        problem: str,
        *,
        again: bool,
    ) -> DeskPageResult:
        """The form again, with what was typed."""
        case = await self._case(item)
        if case is None:
            raise NotFound("This answer is no longer stored")
        queue = await self._queue(request)
        return await self._form(request, queue, item, case, form, problem=problem, again=again)

    async def _differs(self, said: Judgement) -> bool:
        """Whether this reviewer has said something else of the same answer."""
        before = await self._storage.judgement(said.item, said.reviewer)
        return before is not None and before.replace(at=said.at) != said

    async def _judge(
        self, request: DeskPageRequest, item: ReviewItem, said: Judgement, *, again: bool
    ) -> DeskPageResult:
        """Store it and go on. A form that was sent twice counts once."""
        with suppress(AlreadyReviewed):
            await self._storage.judge(item, said, again=again)
            await self._record(request, "review_skipped" if said.skipped else "reviewed", item)
        return DeskPageResult(redirect=PATH)

    async def _queue(self, request: DeskPageRequest) -> ReviewQueue:
        now = self.services.clock.now()
        sheet = await self._storage.sheet(first_open_day(now.date(), self.settings))
        return review_queue(sheet, request.agent, self.settings, now)

    async def _item(self, request: DeskPageRequest, id: str) -> ReviewItem | None:
        """The item, if this reviewer may judge it."""
        item = await self._storage.item(id)
        return item if item and may_judge(item, request.agent) else None

    async def _case(self, item: ReviewItem) -> CaseRecord | None:
        """The conversation; None when what is to be judged is no longer stored."""
        found = await self.services.records.cases_by_id([item.conversation])
        whole = (c for c in found if asked_message(c, item) and answer_messages(c, item))
        return next(whole, None)

    async def _show_again(
        self, request: DeskPageRequest, queue: ReviewQueue, said: Judgement
    ) -> DeskPageResult:
        item = await self._item(request, said.item)
        case = await self._case(item) if item else None
        if item is None or case is None:
            return DeskPageResult(redirect=PATH)
        form = ReviewForm.of(said, item)
        return await self._form(request, queue, item, case, form, again=True)

    async def _form(
        self,
        request: DeskPageRequest,
        queue: ReviewQueue,
        item: ReviewItem,
        case: CaseRecord,
        form: ReviewForm,
        *,
        problem: str = "",
        again: bool = False,
    ) -> DeskPageResult:
        await self._record(request, "viewed", item, customer=case.customer)
        return self.templates.page(
            request,
            "review.html",
            title="Review",
            status=422 if problem else 200,
            queue=queue,
            item=item,
            brand=self.services.brands.get(item.brand, item.brand),
            thread=_thread(case, item),
            judged=[message.id for message in answer_messages(case, item)],
            form=form,
            problem=problem,
            again=again,
            moods=[mood for mood in MOODS if mood != item.mood],
            intents=await self._intents(item),
        )

    async def _intents(self, item: ReviewItem) -> list[str]:
        """What can be chosen as the right intent; any other can be written, too."""
        known = {*(await self._storage.known()).intents, OUT_OF_SCOPE}
        return sorted(known - {item.intent})

    async def _record(
        self, request: DeskPageRequest, what: str, item: ReviewItem, *, customer: int | None = None
    ) -> None:
        await self.services.audit.record(
            request.agent.id,
            what,
            conversation=item.conversation,
            customer=customer,
            detail=f"review {item.id}",
        )


def _thread(case: CaseRecord, item: ReviewItem) -> Sequence[Message]:
    """The customer's message and the answer, with a few messages before; nothing after."""
    answers = answer_messages(case, item)
    before = [
        message
        for message in case.messages
        if message.id < answers[0].id
        and not message.internal
        and message.status not in ("failed", "discarded")
    ]
    asked = [message for message in before if message.id >= item.asked]
    return [*[m for m in before if m.id < item.asked][-BEFORE:], *asked, *answers]
