"""Questions to measure how often the answers of the sources would be right: those made from the
sources, and those of customers for which an agent decided a draft.

Of the first, each is asked as it is, where the passage that it was made from is the right answer.
Every second one is asked once more while its own document is hidden, where every answer is wrong.
The second way tells how the model judges neighbouring topics, which is where cosines fail.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Sequence

from gateway import DecidedDraft, KnowledgeStore, Passage, Value, keeps_words
from plugins.knowledge.answering.calibration import Decision, Trial
from plugins.knowledge.answering.confidence import ConfidenceModel, weigh
from plugins.knowledge.answering.words import asks_one_thing, content_words, numbers
from plugins.knowledge.retrieval import FoundPassage, Retriever

MOST_GENERATED = 400
"""Questions of one calibration: with 20 ms each it takes some seconds of an idle process."""
SEARCHED = 24
"""Passages that are looked at: enough to be left with some when a document is hidden."""
HIDDEN_EVERY = 2
"""Of so many questions one is asked without its document. A third of all that is asked then has no
answer; of what people asked about the test help centre it was a sixth to a quarter."""
SEED = 18


class AskedQuestion(Value, frozen=True, kw_only=True):
    """A question and where its answer is. ``documents`` are the ids of documents; a passage of
    another one is right all the same when it has ``fragment`` (folded), unless that is empty.
    ``passage``: only this one is right, or one that says the same."""

    text: str
    language: str
    brand: str = ""
    documents: frozenset[int] = frozenset()
    passages: frozenset[int] = frozenset()
    fragment: str = ""
    generated: bool = True


def questions_from(
    passages: Iterable[Passage], *, most: int = MOST_GENERATED
) -> list[AskedQuestion]:
    """Questions that the passages answer: those that a spreadsheet or page asks, and headings with
    the title where they say enough. The same ones for the same passages."""
    found: dict[tuple[str, str], AskedQuestion] = {}
    for passage in passages:
        for text in _asked_by(passage):
            key = (text.casefold(), passage.brand)
            known = found.get(key)
            if known is None:
                found[key] = AskedQuestion(
                    text=text,
                    language=passage.language,
                    brand=passage.brand,
                    documents=frozenset({passage.document}),
                    passages=frozenset({passage.id}),
                )
            else:
                found[key] = known.replace(
                    documents=known.documents | {passage.document},
                    passages=known.passages | {passage.id},
                )
    made = [question for question in found.values() if len(question.passages) <= MOST_OF_HEADING]
    random.Random(SEED).shuffle(made)  # noqa: S311  (a sample, no secret)
    return made[:most]


MOST_OF_HEADING = 4
"""Passages under one heading; one with more is no question but a chapter."""
LEAST_WORDS = 3
"""Content words of a heading that asks something by itself; `What it costs` asks it of its page."""


def _asked_by(passage: Passage) -> list[str]:
    if passage.question:
        return [passage.question]
    heading = passage.headings[-1] if passage.headings else ""
    if not heading:
        return [passage.title] if _says_enough(passage.title) else []
    texts = [heading] if _says_enough(heading) else []
    if passage.title and passage.title not in heading:
        texts.append(f"{passage.title}: {heading}")
    return texts


def _says_enough(text: str) -> bool:
    return len(content_words(text)) >= LEAST_WORDS


async def all_passages(store: KnowledgeStore) -> list[Passage]:
    """All current passages of all sources."""
    found: list[Passage] = []
    while part := await store.current_passages(found[-1].id if found else 0):
        found += part
    return found


async def try_questions(
    retriever: Retriever,
    questions: Sequence[AskedQuestion],
    model: ConfidenceModel,
) -> AsyncIterator[Trial]:
    """What would become of each question, and of every second generated one while its documents
    are hidden. Between two questions others may work."""
    for number, question in enumerate(questions):
        found = await retriever.find(
            question.text, language=question.language, brand=question.brand, limit=SEARCHED
        )
        if (trial := _trial(question, found, model)) is not None:
            yield trial
        if question.generated and number % HIDDEN_EVERY == 0:
            hidden = [each for each in found if _remains(each.passage, question)]
            unanswerable = question.replace(documents=frozenset(), passages=frozenset())
            if (trial := _trial(unanswerable, hidden, model)) is not None:
                yield trial


def _remains(passage: Passage, question: AskedQuestion) -> bool:
    """Whether the passage is left when the document of ``question`` is hidden. Pages in another
    language are hidden with it: they may be translations, which answer it."""
    return passage.document not in question.documents and passage.language == question.language


def _trial(
    question: AskedQuestion, found: Sequence[FoundPassage], model: ConfidenceModel
) -> Trial | None:
    weighed = weigh(question.text, found, language=question.language, model=model)
    best = next(iter(weighed), None)
    if best is None or best.said is None:
        return Trial(confidence=0.0, right=False, generated=question.generated)
    right = best.found.passage.id in question.passages
    if not question.generated:
        right = is_right(question, best.said.text)
    return Trial(confidence=best.confidence, right=right, generated=question.generated)


def is_right(question: AskedQuestion, said: str) -> bool:
    """Whether ``said`` has the words that answer a question of people."""
    plain = " ".join(said.casefold().split())
    return bool(question.fragment) and " ".join(question.fragment.casefold().split()) in plain


async def ask_again(
    retriever: Retriever,
    drafts: Sequence[DecidedDraft],
    model: ConfidenceModel,
    store: KnowledgeStore,
) -> AsyncIterator[Decision]:
    """What agents' decisions tell of the answers as they would be now, in the order of ``drafts``.

    Left out are messages that the bot never answers alone, and those where another passage is
    surest now than the draft rests on, or the same one with other words: nobody has judged it.
    """
    for draft in drafts:
        before = await store.passages(draft.passages) if asks_one_thing(draft.question) else ()
        if not before:
            continue
        found = await retriever.find(
            draft.question, language=draft.language, brand=draft.brand, limit=SEARCHED
        )
        weighed = weigh(draft.question, found, language=draft.language, model=model)
        best = next(iter(weighed), None)
        if best is None or best.said is None:
            continue
        passage = best.found.passage
        if any(_same_words(passage, each) for each in before):
            yield Decision(
                confidence=best.confidence,
                right=was_right(draft, passage),
                passage=passage.id,
                customer=draft.customer,
                agent=draft.agent,
            )


def was_right(draft: DecidedDraft, passage: Passage) -> bool:
    """Whether the agent's answer bears out what the draft said from ``passage``: it keeps most of
    its words, and each of its numbers that the passage has."""
    if draft.outcome == "sent":
        return True
    if draft.final is None or not keeps_words(draft.draft, draft.final):
        return False
    stated = numbers(draft.draft) & numbers(passage.text)
    return stated <= numbers(draft.final)


def _same_words(passage: Passage, before: Passage) -> bool:
    """Whether both say the same in the same place; a new version of a page gives each passage
    another id."""
    return passage.id == before.id or (
        (passage.document, passage.headings, passage.text)
        == (before.document, before.headings, before.text)
    )
