"""Runs every kind of finding over the conversations of a period."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterable, Iterator, Sequence
from datetime import datetime

import numpy as np

from gateway import CaseRecord
from plugins.insights.model import Discovery

from .clusters import PER_INTENT, KnownSpace, Rows, shop_words
from .drift import ToneLog
from .inputs import FindingInputs, LabelledText
from .notes import MOST_NOTES, Note, note_discoveries, notes_of
from .overload import WorkLog, overload_discoveries
from .phrases import MOST_REPLIES, phrase_discoveries
from .questions import (
    MOST_QUESTIONS,
    EmbeddedQuestions,
    UnansweredMessage,
    question_discoveries,
    unanswered_message,
)
from .readings import reading_discoveries
from .replies import OUT_OF_SCOPE, ReplyStep, is_confident, reply_steps
from .rewrites import DraftLog
from .sampling import Sample
from .wording import Masking, essence
from .words import WordLog, words_of

AT_ONCE = 256
"""Texts of one call of the encoder; customers' messages go between."""
LEARNT = 2_000
"""Recognised messages that stand for the shop's examples, where there are none."""


async def find(
    pages: AsyncIterable[Sequence[CaseRecord]],
    *,
    since: datetime,
    until: datetime,
    inputs: FindingInputs,
) -> tuple[Discovery, ...]:
    """Return what the conversations that were opened from ``since`` until before ``until`` show,
    the most certain first within each kind.

    ``pages`` are whole conversations, as `Records.cases` returns them; each is read once and not
    kept. Those opened before ``since`` are the past with which the period is compared: six weeks
    of it are enough. Everything but the encoder's work runs in a thread.

    Raises WarmlineError when the encoder fails.
    """
    evidence = Evidence(since, until, inputs)
    async for page in pages:
        await asyncio.to_thread(evidence.add_all, page)
    masking = await asyncio.to_thread(evidence.masking)
    counted = await asyncio.to_thread(evidence.counted, masking)
    grouped = await _grouped(evidence, masking)
    return (*grouped, *counted)


class Evidence:
    """What the findings need of a period, gathered from one conversation after another. Its size
    has a bound: of what there is too much of, a sample is kept."""

    def __init__(self, since: datetime, until: datetime, inputs: FindingInputs) -> None:
        self.since, self.until, self.inputs = since, until, inputs
        self.steps: Sample[ReplyStep] = Sample(MOST_REPLIES)
        self.questions: Sample[UnansweredMessage] = Sample(MOST_QUESTIONS)
        self.notes: Sample[Note] = Sample(MOST_NOTES)
        self.recognised: Sample[LabelledText] = Sample(LEARNT)
        self.drafts, self.tone, self.work = DraftLog(), ToneLog(), WorkLog()
        self._team: set[str] = set()
        """The agents' names, of the past too: customers name whoever served them last."""
        taught = words_of(example.text for example in inputs.examples)
        self.words = WordLog(since, until, taught)

    def add_all(self, cases: Sequence[CaseRecord]) -> None:
        for case in cases:
            self.add(case)

    def add(self, case: CaseRecord) -> None:
        """Take what is of use from one conversation, of the period or the past."""
        opened = case.conversation.opened_at
        if opened >= self.until:
            return
        self.words.add(case)
        self._team.update(_agents_of(case))
        if opened < self.since:
            return
        for step in reply_steps(case):
            self.steps.add(step.number, step)
        if question := unanswered_message(case):
            self.questions.add(question.number, question)
        for note in notes_of(case):
            self.notes.add(note.number, note)
        self.drafts.add(case)
        self.tone.add(case)
        self.work.add(case)
        if not self.inputs.examples:
            self._learn(case)

    def _learn(self, case: CaseRecord) -> None:
        for message in case.messages:
            understanding = message.understanding
            if message.author == "customer" and understanding and is_confident(understanding):
                intent = understanding.intent.name
                self.recognised.add(message.id, LabelledText(text=message.text, intent=intent))
                return

    def masking(self) -> Masking:
        """For the examples of this period. An agent's name is masked in every conversation; one
        that is a common word, too, only where it begins with a capital."""
        own = [answer.text for answer in self.inputs.answers]
        own += [example.text for example in self.inputs.examples]
        common, team = self.words.known(own), words_of(self._team)
        return Masking(common - team, team - common)

    def counted(self, masking: Masking) -> list[Discovery]:
        """The findings that need no encoder."""
        return [
            *phrase_discoveries(list(self.steps), masking),
            *self.drafts.discoveries(masking),
            *self.tone.discoveries(self.inputs.voice, masking),
            *self.words.discoveries(masking),
            *overload_discoveries(self.work.work()),
            *reading_discoveries(self.inputs.moods),
        ]

    def known_examples(self) -> list[LabelledText]:
        """Examples of the shop's intents, at most `PER_INTENT` of each: its own, else messages
        whose intent was recognised."""
        uses: Counter[str] = Counter()
        chosen = []
        for example in self.inputs.examples or self.recognised:
            uses[example.intent] += 1
            if uses[example.intent] <= PER_INTENT and example.intent not in OUT_OF_SCOPE:
                chosen.append(example)
        return chosen


def _agents_of(case: CaseRecord) -> Iterator[str]:
    """The names of the agents who worked on a conversation."""
    agents = [message.agent for message in case.messages]
    agents += [suggestion.agent for suggestion in case.suggestions]
    return (agent.name for agent in (*agents, case.conversation.owner) if agent)


async def _grouped(evidence: Evidence, masking: Masking) -> list[Discovery]:
    """The findings that need an encoder: questions and notes by meaning."""
    questions, notes = list(evidence.questions), list(evidence.notes)
    if evidence.inputs.encoder is None or not (questions or notes):
        return []
    examples = evidence.known_examples()
    answered = [row for row, question in enumerate(questions) if question.reply]
    of_examples = await _embed(evidence, [example.text for example in examples])
    of_questions = await _embed(evidence, [essence(question.text) for question in questions])
    of_replies = await _embed(evidence, [questions[row].reply or "" for row in answered])
    of_notes = await _embed(evidence, [note.text for note in notes])
    embedded = EmbeddedQuestions(
        questions=questions,
        embeddings=of_questions,
        replies=dict(zip(answered, of_replies, strict=True)),
        seen=evidence.questions.seen,
        shop_words=shop_words((example.text, example.intent) for example in examples),
    )

    def group() -> list[Discovery]:
        intents = [example.intent for example in examples]
        labels = np.unique(intents, return_inverse=True)[1] if intents else np.zeros(0, np.intp)
        space = KnownSpace(of_examples, labels)
        taken = sorted({*intents, *(answer.intent for answer in evidence.inputs.answers)})
        return [
            *question_discoveries(embedded, space, taken, masking),
            *note_discoveries(notes, of_notes, space, masking, evidence.notes.seen),
        ]

    return await asyncio.to_thread(group)


async def _embed(evidence: Evidence, texts: Sequence[str]) -> Rows:
    """A row for each text; a text that repeats is encoded once."""
    encoder = evidence.inputs.encoder
    different = list(dict.fromkeys(texts))
    if encoder is None or not different:
        return np.zeros((0, 1), np.float32)
    rows: list[Rows] = []
    for start in range(0, len(different), AT_ONCE):
        part = await encoder.embed(different[start : start + AT_ONCE])
        rows.append(np.array([np.frombuffer(found, np.float32) for found in part]))
    matrix = np.concatenate(rows)
    place = {text: row for row, text in enumerate(different)}
    return np.asarray(matrix[[place[text] for text in texts]])
