"""Looks for questions that come again, and drafts a proposal of each."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from gateway import GAP, CaseRecord, Json, Services, TextEncoder, common_words
from plugins.insights.findings.clusters import Rows
from plugins.insights.findings.finder import AT_ONCE
from plugins.insights.findings.sampling import Sample
from plugins.insights.findings.wording import Masking
from plugins.insights.learning.drafting import SHOWN, intent_name, sentences_of
from plugins.insights.learning.model import (
    TICKETS,
    DraftedText,
    ProposalDraft,
    ProposalTarget,
)
from plugins.insights.tickets.grouping import diverse, group_alike
from plugins.insights.tickets.matters import AskedMatter, matter_of
from plugins.insights.tickets.shared_reply import (
    ReplySentence,
    SharedReply,
    boilerplate,
    reply_sentences,
    shared_reply,
)
from plugins.insights.tickets.small_words import SMALL_WORDS
from plugins.insights.tickets.telling import (
    UNKNOWN,
    found_sentence,
    usual_language,
    words_of_group,
)

MOST_MATTERS = 3_000
"""Questions that are grouped: a sample, where there are more. Their distances take 72 MB."""
LEAST = 5
"""Customers who must have asked."""
LEAST_REPLIES = 2
"""Customers who must have been told the same before it is drafted as the answer."""
EXAMPLES = 15
"""Sentences of a proposal."""
COVERED = 0.75
"""From this mean cosine with the nearest example of an intent a group is that intent."""
PAGE = 200


@dataclass(frozen=True, kw_only=True)
class TicketSearch:
    """Finds what customers asked again and again, and what people replied.

    ``imported``: in imported conversations alone; else in those that took place here since
    ``since``.
    """

    services: Services
    imported: bool = False
    since: datetime | None = None

    async def drafts(self) -> list[ProposalDraft]:
        """A proposal of each question that no intent covers, the most frequent first; none without
        a sentence encoder. Raises WarmlineError when that fails."""
        encoder = self.services.encoder
        if encoder is None:
            return []
        matters, seen = await self._matters()
        questions = await embedded(encoder, [matter.question for matter in matters])
        answered = [matter for matter in matters if matter.reply]
        sentences = reply_sentences(answered)
        replies = await embedded(encoder, [sentence.text for sentence in sentences])
        known = await self.services.trials.examples_of_shop()
        examples = await embedded(encoder, [text for text, _ in known])
        taken = {intent for _, intent in known}

        def draft() -> list[ProposalDraft]:
            tickets = Tickets(
                matters=matters,
                questions=questions,
                sentences=sentences,
                replies=replies,
                examples=examples,
                seen=seen,
            )
            return tickets.drafts(taken)

        return await asyncio.to_thread(draft)

    async def _matters(self) -> tuple[list[AskedMatter], int]:
        sample: Sample[AskedMatter] = Sample(MOST_MATTERS)
        after = 0
        while page := await self._page(after):
            for matter in await asyncio.to_thread(_matters_of, page):
                sample.add(matter.number, matter)
            after = page[-1].conversation.id
        return list(sample), sample.seen

    async def _page(self, after: int) -> tuple[CaseRecord, ...]:
        return await self.services.records.cases(
            since=self.since, after=after, limit=PAGE, imported=self.imported
        )


@dataclass(kw_only=True)
class Tickets:
    """Questions with a row of ``questions`` each, and the sentences of their replies with a row of
    ``replies`` each. ``examples`` are embeddings of the shop's own, ``seen`` is how many questions
    there were."""

    matters: Sequence[AskedMatter]
    questions: Rows
    sentences: Sequence[ReplySentence]
    replies: Rows
    examples: Rows
    seen: int

    def __post_init__(self) -> None:
        self.answered = [matter for matter in self.matters if matter.reply]
        texts = [(each.customer, f"{each.question}\n{each.reply}") for each in self.matters]
        self.common = common_words(texts) | SMALL_WORDS
        self.masking = Masking(self.common)

    def drafts(self, taken: set[str]) -> list[ProposalDraft]:
        """See `TicketSearch.drafts`. ``taken`` are names of intents."""
        languages = [matter.language for matter in self.matters]
        groups = [
            rows
            for rows in group_alike(self.questions, languages, LEAST)
            if len({self.matters[row].customer for row in rows}) >= LEAST
            and not self._is_covered(rows)
        ]
        named = words_of_group(self.matters, groups)
        used = set(taken)
        found: list[ProposalDraft] = []
        for rows, words in zip(groups, named, strict=True):
            base = name = intent_name(" ".join(words[:2])) or "question"
            number = 2
            while name in used:
                name, number = f"{base}_{number}", number + 1
            if draft := self._draft(rows, name, words):
                used.add(name)
                found.append(draft)
        return found

    def _is_covered(self, rows: NDArray[np.intp]) -> bool:
        if not len(self.examples):
            return False
        nearest = (self.questions[rows] @ self.examples.T).max(axis=1)
        return float(nearest.mean()) >= COVERED

    def _draft(
        self, rows: NDArray[np.intp], name: str, words: Sequence[str]
    ) -> ProposalDraft | None:
        asked = [self.matters[row] for row in rows]
        usual = usual_language(asked)
        asked = [
            matter.replace(language=usual) if matter.language == UNKNOWN else matter
            for matter in asked
        ]
        masked = [
            self.masking.example(each.conversation, each.question, each.names) for each in asked
        ]
        usable = _usable([GAP in each.text for each in masked], asked)
        chosen = diverse(self.questions[rows[usable]], EXAMPLES)
        examples = [masked[usable[at]] for at in chosen]
        sentences = sentences_of(examples)
        if len(sentences) < 2:
            return None
        answers = self._answers(asked)
        languages = Counter(matter.language for matter in asked)
        language = max(answers or languages, key=lambda code: languages[code])
        texts = [
            DraftedText(body=reply.body, conversation=reply.conversation, language=code)
            for code, reply in answers.items()
        ]
        return ProposalDraft(
            kind="new_intent",
            title=f"Learn the new intent “{name}”",
            found=found_sentence(asked, words, answers),
            target=ProposalTarget(
                at=("answers", name, "say", language, "body"), intent=name, language=language
            ),
            source=TICKETS,
            evidence=_evidence(asked, words, answers, self.seen),
            sentences=sentences,
            text=next((text for text in texts if text.language == language), None),
            more_texts=tuple(text for text in texts if text.language != language),
            examples=tuple(examples[:SHOWN]),
        )

    def _answers(self, asked: Sequence[AskedMatter]) -> dict[str, SharedReply]:
        """What people replied, by language."""
        languages = {matter.number: matter.language for matter in asked}
        place = {
            at: languages[matter.number]
            for at, matter in enumerate(self.answered)
            if matter.number in languages
        }
        own = [row for row, each in enumerate(self.sentences) if each.reply in place]
        dropped = boilerplate(self.sentences, own, self.replies) if own else set()
        by_language: dict[str, list[int]] = defaultdict(list)
        for row in own:
            if row not in dropped:
                by_language[place[self.sentences[row].reply]].append(row)
        found: dict[str, SharedReply] = {}
        for code, rows in sorted(by_language.items()):
            replies = {self.answered[self.sentences[row].reply].customer for row in rows}
            if code == UNKNOWN or len(replies) < LEAST_REPLIES:
                continue
            shared = shared_reply(
                self.answered,
                [self.sentences[row] for row in rows],
                self.replies[rows],
                self.common,
            )
            if shared is not None:
                found[code] = shared
        return found


async def embedded(encoder: TextEncoder, texts: Sequence[str]) -> Rows:
    """A row for each text; a text that repeats is encoded once."""
    different = list(dict.fromkeys(texts))
    if not different:
        return np.zeros((0, 1), np.float32)
    rows: list[Rows] = []
    for start in range(0, len(different), AT_ONCE):
        part = await encoder.embed(different[start : start + AT_ONCE])
        rows.append(np.array([np.frombuffer(found, np.float32) for found in part]))
    place = {text: row for row, text in enumerate(different)}
    return np.asarray(np.concatenate(rows)[[place[text] for text in texts]])


def _matters_of(page: Sequence[CaseRecord]) -> list[AskedMatter]:
    return [matter for case in page if (matter := matter_of(case))]


def _usable(gaps: Sequence[bool], asked: Sequence[AskedMatter]) -> list[int]:
    """The places of the questions that make good examples: those without ``gaps``; the others,
    too, if these are few or none in their language."""
    whole = [at for at, gap in enumerate(gaps) if not gap]
    languages = {asked[at].language for at in whole}
    return [
        at
        for at, gap in enumerate(gaps)
        if not gap or len(whole) < LEAST or asked[at].language not in languages
    ]


def _evidence(
    asked: Sequence[AskedMatter],
    words: Sequence[str],
    answers: Mapping[str, SharedReply],
    seen: int,
) -> dict[str, Json]:
    """Figures, days and ids; what is empty is left out."""
    evidence: dict[str, Json] = {
        "questions": len(asked),
        "customers": len({matter.customer for matter in asked}),
        "from": min(matter.day for matter in asked).isoformat(),
        "until": max(matter.day for matter in asked).isoformat(),
        "languages": dict(Counter(matter.language for matter in asked)),
        "words": list(words),
        "answered_by_people": sum(bool(matter.reply) for matter in asked),
        "replies_alike": {code: reply.alike for code, reply in answers.items()},
        "facts_that_agree": [fact for each in answers.values() for fact in each.facts],
        "contradictions": [against for each in answers.values() for against in each.contradictions],
        "conversations": sorted(matter.conversation for matter in asked),
        "all_questions": seen,
    }
    return {name: value for name, value in evidence.items() if value not in ([], {})}
