"""Makes drafts of proposals, and labelled rows, of what reviewers said."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from gateway import EMAIL, GAP, PHONE, CaseRecord, Trials, counted, known_names, masked
from plugins.insights.learning.answers import as_sentences, with_placeholders
from plugins.insights.learning.drafting import (
    SHOWN,
    answer_target,
    answer_title,
    intent_name,
    sentences_of,
    stated_facts,
)
from plugins.insights.learning.model import (
    DraftedText,
    LabelledRow,
    ProposalDraft,
    ProposalTarget,
)
from plugins.insights.model import MaskedExample
from plugins.insights.review.outcomes import asked_message, find_outcomes
from plugins.insights.review.storage import JUDGEMENTS, ReviewSheet
from plugins.insights.review.values import Judgement, ReviewedAnswer, ReviewedExample, ReviewItem

_BLOCK = re.compile(r"[\w-]+")
_LONG_NUMBER = re.compile(r"\d{5}")
_WORD = re.compile(r"[^\W\d_]+")


def labelled_rows(sheet: ReviewSheet, cases: Sequence[CaseRecord]) -> list[LabelledRow]:
    """The messages whose intent reviewers gave, right and wrong ones: where they disagree, none."""
    records = {case.conversation.id: case for case in cases}
    found: list[LabelledRow] = []
    for item, judgements in _judged(sheet):
        case = records.get(item.conversation)
        asked = asked_message(case, item) if case else None
        intents = {judgement.intent for judgement in judgements}
        if asked is None or not asked.text.strip() or len(intents) != 1 or "" in intents:
            continue
        found.append(
            LabelledRow(
                text=asked.text,
                intent=intents.pop(),
                language=item.language,
                conversation=item.conversation,
                key=f"{JUDGEMENTS}{item.id}/{judgements[0].reviewer}",
            )
        )
    return found


async def review_drafts(
    sheet: ReviewSheet, cases: Sequence[CaseRecord], trials: Trials
) -> list[ProposalDraft]:
    """Proposals of what reviewers wrote: sentences for the intents that were read wrong, and
    better answers. Where reviewers disagree on an intent, none is made of it."""
    outcomes = find_outcomes(sheet, cases)
    records = {case.conversation.id: case for case in cases}
    known = {intent for _, intent in await trials.examples_of_shop()}
    drafts = [
        _examples(intent if intent in known else intent_name(intent), examples, records, known)
        for intent, examples in _by_intent(outcomes.examples).items()
    ]
    better = [await _answer(answer, records, trials) for answer in _newest(outcomes.answers)]
    return [draft for draft in (*drafts, *better) if draft is not None]


def _examples(
    intent: str,
    examples: Sequence[ReviewedExample],
    records: Mapping[int, CaseRecord],
    known: set[str],
) -> ProposalDraft | None:
    masked = [
        MaskedExample(
            conversation=each.conversation, text=masked_text(each.text, records[each.conversation])
        )
        for each in examples
    ]
    sentences = sentences_of(masked)
    if not sentences:
        return None
    count = len(examples)
    messages = counted(count, "message was", "messages were")
    languages = sorted({each.language for each in examples})
    new = intent not in known
    return ProposalDraft(
        kind="new_intent" if new else "examples",
        title=f"Learn the new intent “{intent}”"
        if new
        else f"Learn {counted(len(sentences), 'more sentence')} for “{intent}”",
        found=f"Reviewers say: {messages} about “{intent}” and read as something else.",
        target=ProposalTarget(
            at=("examples", intent), intent=intent, language=languages[0] if new else ""
        ),
        source="review",
        evidence={
            "messages": count,
            "read_as": sorted({each.read_as for each in examples}),
            "languages": languages,
        },
        sentences=sentences,
        examples=tuple(masked[:SHOWN]),
    )


async def _answer(
    answer: ReviewedAnswer, records: Mapping[int, CaseRecord], trials: Trials
) -> ProposalDraft | None:
    case = records[answer.conversation]
    target = await answer_target(
        trials,
        answer.intent,
        answer.language,
        answer.brand,
        drafted=answer.kind == "suggestion",
    )
    facts = await stated_facts(trials, target)
    text = _without_names(answer.better, case)
    body = with_placeholders(as_sentences(text), facts)
    if not body or not answer.intent:
        return None
    wrong = [
        word
        for word, right in (("a fact", answer.facts_right), ("the tone", answer.tone_right))
        if not right
    ]
    what = f"; they found {' and '.join(wrong)} wrong" if wrong else ""
    asked = MaskedExample(conversation=answer.conversation, text=masked_text(answer.asked, case))
    return ProposalDraft(
        kind="answer",
        title=answer_title(target),
        found=f"A reviewer wrote a better answer{what}.",
        target=target,
        source="review",
        evidence={"channel": answer.channel, "reviewer": answer.reviewer},
        text=DraftedText(body=body, conversation=answer.conversation),
        examples=(asked,) if asked.text else (),
    )


def masked_text(text: str, case: CaseRecord) -> str:
    """A customer's words without what may be personal."""
    return masked(text, known_names(case))


def _without_names(text: str, case: CaseRecord) -> str:
    """A text without this customer's name, and without addresses and long numbers. Short numbers
    stay: they are the facts of an answer."""
    for pattern in (EMAIL, PHONE):
        text = re.sub(pattern, GAP, text)
    text = _BLOCK.sub(lambda found: GAP if _LONG_NUMBER.search(found[0]) else found[0], text)
    names = {word.casefold() for word in _WORD.findall(case.customer_name or "") if len(word) > 1}
    return _WORD.sub(lambda found: GAP if found[0].casefold() in names else found[0], text)


def _judged(sheet: ReviewSheet) -> Iterable[tuple[ReviewItem, list[Judgement]]]:
    by_item = sheet.by_item()
    for item in sheet.items:
        judgements = [each for each in by_item.get(item.id, ()) if not each.skipped]
        if judgements:
            yield item, judgements


def _by_intent(examples: Iterable[ReviewedExample]) -> dict[str, list[ReviewedExample]]:
    found: dict[str, list[ReviewedExample]] = defaultdict(list)
    for example in examples:
        if example.intent and example.agreed > example.others:
            found[example.intent].append(example)
    return found


def _newest(answers: Iterable[ReviewedAnswer]) -> list[ReviewedAnswer]:
    """The last better answer to each question, language and brand."""
    found = {(each.intent, each.language, each.brand, each.kind): each for each in answers}
    return list(found.values())
