"""Phrases of customers that show a mood which is read as calm. Pure functions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

from gateway import AddItems, CaseRecord, KeyPath, MoodLabel, Value, counted
from plugins.insights.learning.model import (
    EvaluationVerdict,
    PairedComparison,
    Proposal,
    ProposalDraft,
    ProposalEvaluation,
    ProposalTarget,
)
from plugins.insights.learning.reviews import masked_text
from plugins.insights.learning.shares import is_certain, paired
from plugins.insights.model import MaskedExample
from plugins.insights.review.outcomes import asked_message
from plugins.insights.review.storage import JUDGEMENTS, ReviewSheet

MISSED: tuple[MoodLabel, ...] = ("angry", "frustrated", "anxious", "urgent", "confused")
CONVERSATIONS = 3
"""A phrase of fewer conversations is chance, or one customer's."""
CERTAIN = 0.01
"""Fisher's exact test, one-sided; many phrases are looked at."""
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


class ReviewedMessage(Value, frozen=True, kw_only=True):
    """A customer's message with the mood that was read and the one a reviewer gave. ``key`` is that
    of the judgement's row."""

    text: str
    shown: str
    language: str
    conversation: int
    read: MoodLabel
    right: MoodLabel
    key: str


def reviewed_messages(sheet: ReviewSheet, cases: Sequence[CaseRecord]) -> list[ReviewedMessage]:
    """The messages whose mood reviewers judged."""
    records = {case.conversation.id: case for case in cases}
    by_item = sheet.by_item()
    found: list[ReviewedMessage] = []
    for item in sheet.items:
        case = records.get(item.conversation)
        judgements = [each for each in by_item.get(item.id, ()) if not each.skipped]
        asked = asked_message(case, item) if case else None
        if case is None or asked is None or len({each.mood for each in judgements}) != 1:
            continue
        found.append(
            ReviewedMessage(
                text=asked.text,
                shown=masked_text(asked.text, case),
                language=item.language,
                conversation=item.conversation,
                read=item.mood,
                right=judgements[0].mood,
                key=f"{JUDGEMENTS}{item.id}/{judgements[0].reviewer}",
            )
        )
    return found


def draft_phrases(messages: Sequence[ReviewedMessage]) -> list[ProposalDraft]:
    """For each language and mood the phrase that tells most surely the messages of this mood which
    were read otherwise from those that are right."""
    drafts: list[ProposalDraft] = []
    for language in sorted({message.language for message in messages}):
        of_language = [message for message in messages if message.language == language]
        for mood in MISSED:
            missed = [m for m in of_language if m.right == mood and m.read != mood]
            others = [m for m in of_language if m.right in ("calm", "pleased")]
            if phrase := _best_phrase(missed, others):
                drafts.append(_draft(phrase, mood, language, missed, others))
    return drafts


def evaluate_phrase(
    proposal: Proposal,
    reviewed: Sequence[ReviewedMessage],
    recent: Mapping[str, int],
    *,
    at: datetime,
    version: int,
    least: int,
) -> ProposalEvaluation:
    """What the phrase does to reviewed messages, and how often customers wrote it: ``recent`` is
    how often by the mood that was read."""
    phrase, mood = proposal.target.phrase, proposal.target.at[-1]
    mine = [each for each in reviewed if each.language == proposal.target.language]
    hit = [has_phrase(each.text, phrase) for each in mine]
    right = [each.read == each.right for each in mine]
    after = [
        (mood == each.right) if found else was
        for each, found, was in zip(mine, hit, right, strict=True)
    ]
    calm = [(each, found) for each, found in zip(mine, hit, strict=True) if each.right == "calm"]
    alarms = paired(
        "all",
        "alarms on calm messages",
        [each.read in MISSED for each, _ in calm],
        [found or each.read in MISSED for each, found in calm],
        least=least,
    )
    moods = paired("all", "mood right", right, after, least=least)
    verdict, sentence = _judge(moods, alarms, recent)
    return ProposalEvaluation(
        at=at,
        verdict=verdict,
        sentence=sentence,
        version=version,
        comparisons=(moods, alarms),
        rests_on=tuple(each.key for each in mine),
    )


def has_phrase(text: str, phrase: str) -> bool:
    """Whether ``text`` has a phrase of the guide: ``a|b`` is either word, ``word*`` any ending,
    ``word?`` may be absent."""
    return _pattern(phrase).search(text.casefold().replace("’", "'")) is not None


@lru_cache(256)
def _pattern(phrase: str) -> re.Pattern[str]:
    parts: list[str] = []
    for word in phrase.casefold().split():
        either = "|".join(
            re.escape(choice.rstrip("*")) + (r"\w*" if choice.endswith("*") else "")
            for choice in word.rstrip("?").split("|")
        )
        parts.append(rf"(?:(?:{either})(?:\W+|$))" + ("?" if word.endswith("?") else ""))
    return re.compile(rf"(?<!\w){''.join(parts)}")


def _best_phrase(
    missed: Sequence[ReviewedMessage], others: Sequence[ReviewedMessage]
) -> str | None:
    from scipy.stats import fisher_exact  # noqa: PLC0415  (slow to import)

    where: dict[str, set[int]] = defaultdict(set)
    for message in missed:
        for phrase in _phrases(message.text):
            where[phrase].add(message.conversation)
    best: tuple[float, int, str] | None = None
    for phrase, conversations in where.items():
        if len(conversations) < CONVERSATIONS:
            continue
        inside = sum(has_phrase(message.text, phrase) for message in missed)
        outside = sum(has_phrase(message.text, phrase) for message in others)
        table = [[inside, len(missed) - inside], [outside, len(others) - outside]]
        p_value = float(fisher_exact(table, alternative="greater").pvalue)
        found = (p_value, -len(phrase.split()), phrase)
        if p_value < CERTAIN and (best is None or found < best):
            best = found
    return best[2] if best else None


def _phrases(text: str) -> set[str]:
    """The sequences of two and three words of a text."""
    words = [word.casefold().replace("’", "'") for word in _WORD.findall(text)]
    return {
        " ".join(words[start : start + length])
        for length in (2, 3)
        for start in range(len(words) - length + 1)
    }


def _draft(
    phrase: str,
    mood: MoodLabel,
    language: str,
    missed: Sequence[ReviewedMessage],
    others: Sequence[ReviewedMessage],
) -> ProposalDraft:
    at: KeyPath = ("customers", language, mood)
    having = [message for message in missed if has_phrase(message.text, phrase)]
    outside = sum(has_phrase(message.text, phrase) for message in others)
    having_them = counted(
        len(having), "message with these words was", "messages with these words were"
    )
    return ProposalDraft(
        kind="customer_phrase",
        title=f"Read “{phrase}” as {mood} ({language})",
        found=f"Reviewers say: {having_them} {mood} and read as something else; "
        f"{counted(outside, 'calm one has', 'calm ones have')} them.",
        target=ProposalTarget(at=at, language=language, phrase=phrase),
        source="review",
        evidence={"messages": len(having), "calm": outside},
        changes=(AddItems(at=at, items=(phrase,)),),
        examples=tuple(
            MaskedExample(conversation=each.conversation, text=each.shown) for each in having[:3]
        ),
    )


def _judge(
    moods: PairedComparison, alarms: PairedComparison, recent: Mapping[str, int]
) -> tuple[EvaluationVerdict, str]:
    count = sum(recent.values())
    seen = f"Customers wrote it in {counted(count, 'message')} of the last four weeks."
    if alarms.gained and alarms.gained >= moods.gained:
        taken = counted(
            alarms.gained,
            "calm message would be taken for an upset one",
            "calm messages would be taken for upset ones",
        )
        return "worse", f"{taken}. {seen}"
    if is_certain(moods) and moods.gained > moods.lost:
        aside = (
            f", {counted(alarms.gained, 'calm one', 'calm ones')} wrong" if alarms.gained else ""
        )
        more = counted(moods.gained, "more mood is", "more moods are")
        return "better", f"{more} read right{aside}. {seen}"
    return "cannot_be_told", f"Too few reviewed messages have it to tell. {seen}"
