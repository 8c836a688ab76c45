"""What reviews found out, as candidates for training rows and for changed answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from gateway import CaseRecord, Message, Services
from plugins.insights.review.storage import ReviewSheet, ReviewStorage
from plugins.insights.review.values import (
    Judgement,
    ReviewedAnswer,
    ReviewedExample,
    ReviewedMood,
    ReviewItem,
    ReviewOutcomes,
)


async def review_outcomes(
    services: Services, *, since: date | None = None, until: date | None = None
) -> ReviewOutcomes:
    """The outcomes of all reviews of answers that were given from ``since`` until before
    ``until``. What was erased since is not among them."""
    sheet = await ReviewStorage(services.storage).sheet(since, until)
    judged = {judgement.item for judgement in sheet.judgements if not judgement.skipped}
    ids = sorted({item.conversation for item in sheet.items if item.id in judged})
    return find_outcomes(sheet, await services.records.cases_by_id(ids))


def find_outcomes(sheet: ReviewSheet, cases: Sequence[CaseRecord]) -> ReviewOutcomes:
    """The outcomes of the judgements in ``sheet``, with the words from ``cases``. Pure."""
    records = {case.conversation.id: case for case in cases}
    examples: list[ReviewedExample] = []
    answers: list[ReviewedAnswer] = []
    moods: list[ReviewedMood] = []
    by_item = sheet.by_item()
    for item in sheet.items:
        case = records.get(item.conversation)
        judgements = [found for found in by_item.get(item.id, ()) if not found.skipped]
        if case is None or not judgements:
            continue
        asked, answered = asked_message(case, item), answered_text(case, item)
        if asked is not None:
            examples.extend(_examples(item, judgements, asked.text))
            moods.extend(_moods(item, judgements))
        if answered:
            answers.extend(_answers(item, judgements, asked.text if asked else "", answered))
    return ReviewOutcomes(examples=tuple(examples), answers=tuple(answers), moods=tuple(moods))


def asked_message(case: CaseRecord, item: ReviewItem) -> Message | None:
    """The customer's message that ``item`` answers; None when it is gone."""
    return next((message for message in case.messages if message.id == item.asked), None)


def answer_messages(case: CaseRecord, item: ReviewItem) -> tuple[Message, ...]:
    """The messages that ``item`` consists of: the first one, and what else the bot said in the
    same turn."""
    first = next((message for message in case.messages if message.id == item.message), None)
    if first is None:
        return ()
    more = (
        message
        for message in case.messages
        if item.kind == "bot"
        and message.id > first.id
        and (message.author, message.turn, message.internal) == ("bot", first.turn, False)
        and message.purpose == first.purpose
    )
    return (first, *more)


def answered_text(case: CaseRecord, item: ReviewItem) -> str:
    """What the customer got; empty when it is gone."""
    return "\n\n".join(message.text for message in answer_messages(case, item))


def _examples(
    item: ReviewItem, judgements: Sequence[Judgement], text: str
) -> Iterable[ReviewedExample]:
    said = [judgement.intent for judgement in judgements]
    for intent in dict.fromkeys(said):
        if intent != item.intent and text.strip():
            yield ReviewedExample(
                item=item.id,
                conversation=item.conversation,
                message=item.asked,
                text=text,
                language=item.language,
                brand=item.brand,
                read_as=item.intent,
                intent=intent,
                agreed=said.count(intent),
                others=len(said) - said.count(intent),
            )


def _answers(
    item: ReviewItem, judgements: Sequence[Judgement], asked: str, answered: str
) -> Iterable[ReviewedAnswer]:
    for judgement in judgements:
        if judgement.better:
            yield ReviewedAnswer(
                item=item.id,
                conversation=item.conversation,
                message=item.message,
                kind=item.kind,
                intent=judgement.intent,
                language=item.language,
                channel=item.channel,
                brand=item.brand,
                asked=asked,
                answered=answered,
                better=judgement.better,
                reviewer=judgement.reviewer,
                facts_right=judgement.facts,
                tone_right=judgement.tone,
            )


def _moods(item: ReviewItem, judgements: Sequence[Judgement]) -> Iterable[ReviewedMood]:
    for judgement in judgements:
        yield ReviewedMood(
            conversation=item.conversation,
            language=item.language,
            read=item.mood,
            right=judgement.mood,
        )
