"""Answers in a model's words from several passages, of which every sentence is checked.

The model says what the passages say; it decides nothing. Whether the turn is answered, handed over
or left alone is routing's, and what the model cannot support is left out and shown to the agent.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

from gateway import (
    CircuitBreaker,
    LanguageModel,
    Link,
    ModelReply,
    Passage,
    Placeholders,
    SourceText,
    TextEncoder,
    TryLater,
    Turn,
    Value,
    WarmlineError,
    links_in,
    placeholders_for,
)
from plugins.knowledge.phrasing.asking import (
    MOST_QUOTES,
    MOST_SENTENCES,
    RULES,
    ModelPhrasing,
    ModelSentence,
    answer_schema,
    question_data,
)
from plugins.knowledge.phrasing.checking import (
    SentenceCheck,
    SentenceChecker,
    Support,
    cosine,
    source_text,
)
from plugins.knowledge.phrasing.instructions import OrderFinder, gives_orders
from plugins.knowledge.phrasing.scope import HeldBack, has_exception, held_back
from plugins.knowledge.retrieval import FoundPassage

log = structlog.get_logger(__name__)
FAILURES = 3
"""In a row, until the model is left alone for a while."""
REST = 30.0
"""Seconds of the first such while; then twice as long each time, at most ten minutes."""
ON_TOPIC = 0.17
"""The least cosine of the question with a sentence, or with its title and it. On the development
half of `make bench PARTS=grounding` 99 % of the sentences that answer a question lie above, 88 % of
those on another matter below."""


class PhrasedSentence(Value, frozen=True, kw_only=True):
    """A sentence that holds, the passage that it rests on (its id), and where that says so."""

    text: str
    passage: int
    support: tuple[Support, ...]


class RefusedSentence(Value, frozen=True, kw_only=True):
    """A sentence that does not leave, and why. ``passage``: the id the model gave, None for none
    that exists."""

    text: str
    passage: int | None
    reasons: tuple[str, ...]


class Phrased(Value, frozen=True, kw_only=True):
    """What the model's answer came to.

    ``sentences``: those that hold, in order; empty: the extractive answer stands. ``links``: the
    pages they rest on. ``held_back``: why a customer does not get them, only a person as a draft.
    ``read``, ``written``: tokens.
    """

    sentences: tuple[PhrasedSentence, ...] = ()
    links: tuple[Link, ...] = ()
    refused: tuple[RefusedSentence, ...] = ()
    held_back: tuple[HeldBack, ...] = ()
    enough: bool = True
    read: int = 0
    written: int = 0

    @property
    def passages(self) -> tuple[int, ...]:
        """The ids of the passages that the answer rests on, each once."""
        return tuple(dict.fromkeys(sentence.passage for sentence in self.sentences))

    @property
    def tokens(self) -> int:
        """Those sent and those answered."""
        return self.read + self.written

    @property
    def text(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)

    @property
    def why_not(self) -> tuple[str, ...]:
        """The codes of what was refused or held back, for the agent: `figure`, `not_enough`."""
        codes = [reason for each in self.refused for reason in each.reasons]
        codes += self.held_back
        return tuple(dict.fromkeys(codes if self.enough else ["not_enough", *codes]))


@dataclass(kw_only=True, eq=False)
class PhrasedAnswers:
    """Asks the model, and keeps of what it says what its passages say.

    ``customers``: whether customers get it at all. ``passages``, ``history``: the most that are
    sent; ``longest``: characters of each. ``deadline``: seconds for everything.
    """

    model: LanguageModel
    encoder: TextEncoder
    customers: bool = False
    passages: int = 5
    history: int = 4
    longest: int = 2000
    deadline: float = 6.0
    breaker: CircuitBreaker = field(
        default_factory=lambda: CircuitBreaker(failures=FAILURES, rest=REST, most=600.0)
    )

    def __post_init__(self) -> None:
        self._checker = SentenceChecker(encoder=self.encoder)
        self._orders = OrderFinder(encoder=self.encoder)

    async def phrase(self, turn: Turn, found: Sequence[FoundPassage]) -> Phrased | None:
        """The answer to ``turn`` from what was ``found``, best first.

        None when the model was not asked or did not answer: there is no passage for it, the message
        or every passage gives orders, the day's budget is used up, it failed, or it failed so often
        that it rests. The extractive answer stands then. Never raises WarmlineError.
        """
        if not turn.message.text.strip() or gives_orders(turn.message.text):
            return None
        if not self.breaker.allows():
            return None
        reported = False
        try:
            async with asyncio.timeout(self.deadline):
                passages = await self._safe(found)
                if not passages:
                    return None
                placeholders = placeholders_for(turn)
                reply = await self._ask(turn, passages, placeholders)
                reported = True
                return None if reply is None else await self._phrased(turn, passages, reply)
        except (WarmlineError, TimeoutError) as error:
            if not reported:
                reported = True
                self._failed(turn, error)
            else:
                log.warning("phrasing.unchecked", turn=turn.id, error=type(error).__name__)
            return None
        finally:
            if not reported:
                self.breaker.abandoned()

    async def close(self) -> None:
        """Close the connections."""
        await self.model.close()

    async def _safe(self, found: Sequence[FoundPassage]) -> tuple[Passage, ...]:
        """The best passages without those that give orders."""
        safe: list[Passage] = []
        for each in found:
            passage = each.passage
            if len(safe) == self.passages:
                break
            told = "\n".join((passage.title, *passage.headings, passage.question, passage.text))
            if await self._orders.orders(told):
                log.warning("phrasing.orders", passage=passage.id)
            else:
                safe.append(passage)
        return tuple(safe)

    async def _ask(
        self, turn: Turn, passages: Sequence[Passage], placeholders: Placeholders
    ) -> ModelReply[ModelPhrasing] | None:
        data = question_data(
            turn, passages, placeholders, history=self.history, longest=self.longest
        )
        schema = answer_schema(len(passages))
        reply = await self.model.ask_counted(RULES, data, schema, ModelPhrasing)
        self.breaker.succeeded()
        return reply

    def _failed(self, turn: Turn, error: Exception) -> None:
        after = error.after if isinstance(error, TryLater) else None
        rest = self.breaker.failed(after=after)
        log.warning("phrasing.failed", turn=turn.id, error=type(error).__name__, rest=rest)

    async def _phrased(
        self, turn: Turn, passages: Sequence[Passage], reply: ModelReply[ModelPhrasing]
    ) -> Phrased:
        said = reply.value or ModelPhrasing(enough=False, sentences=())
        phrased = Phrased(enough=said.enough, read=reply.read, written=reply.written)
        if not said.enough:
            return phrased
        sentences = said.sentences[:MOST_SENTENCES]
        checks = [await self._check(turn, passages, sentence) for sentence in sentences]
        near = await self._nearness(turn, passages, sentences)
        kept: list[PhrasedSentence] = []
        refused: list[RefusedSentence] = []
        for sentence, check, nearness in zip(sentences, checks, near, strict=True):
            passage = _named(passages, sentence)
            reasons = check.reasons or (("off_topic",) if nearness < ON_TOPIC else ())
            if passage is None or reasons:
                number = passage.id if passage else None
                refused.append(RefusedSentence(text=sentence.text, passage=number, reasons=reasons))
            else:
                text = " ".join(sentence.text.split())
                kept.append(PhrasedSentence(text=text, passage=passage.id, support=check.support))
        if kept and not _still_answers(sentences, near, kept):
            refused += [
                RefusedSentence(text=each.text, passage=each.passage, reasons=("answers_no_more",))
                for each in kept
            ]
            kept = []
        if refused:
            codes = sorted({reason for each in refused for reason in each.reasons})
            log.info("phrasing.refused", turn=turn.id, sentences=len(refused), reasons=codes)
        found = list(held_back(turn, _sources(passages, kept)))
        if any(has_exception(p, spans) for p, spans in _support(passages, kept)):
            found.append("exception")
        return phrased.replace(
            sentences=tuple(kept),
            links=_links(passages, kept),
            refused=tuple(refused),
            held_back=tuple(found),
        )

    async def _check(
        self, turn: Turn, passages: Sequence[Passage], sentence: ModelSentence
    ) -> SentenceCheck:
        passage = _named(passages, sentence)
        if passage is None:
            return SentenceCheck(reasons=("unknown_passage",))
        if not 1 <= len(sentence.support) <= MOST_QUOTES:
            return SentenceCheck(reasons=("quotes",))
        if Placeholders.stand_in(sentence.text):
            return SentenceCheck(reasons=("personal_data",))
        if gives_orders(sentence.text):
            return SentenceCheck(reasons=("instruction",))
        check = await self._checker.check(sentence.text, turn.language, passage, sentence.support)
        if check.holds and not _own_hosts(sentence.text, passages):
            return check.replace(reasons=("foreign_link",))
        return check

    async def _nearness(
        self, turn: Turn, passages: Sequence[Passage], sentences: Sequence[ModelSentence]
    ) -> list[float]:
        """The cosine of the question with each sentence, or with its title and it."""
        texts = [turn.message.text]
        for sentence in sentences:
            passage = _named(passages, sentence)
            title = " ".join((passage.title, *passage.headings)) if passage else ""
            texts += [sentence.text, f"{title}: {sentence.text}"]
        question, *rest = await self.encoder.embed(texts)
        return [
            max(cosine(question, plain), cosine(question, titled))
            for plain, titled in zip(rest[::2], rest[1::2], strict=True)
        ]


def _named(passages: Sequence[Passage], sentence: ModelSentence) -> Passage | None:
    known = 1 <= sentence.passage <= len(passages)
    return passages[sentence.passage - 1] if known else None


def _still_answers(
    sentences: Sequence[ModelSentence], near: Sequence[float], kept: Sequence[PhrasedSentence]
) -> bool:
    """Whether the sentence nearest to the question is among those kept, and half of all are."""
    best = max(range(len(near)), key=near.__getitem__)
    texts = {each.text for each in kept}
    return " ".join(sentences[best].text.split()) in texts and 2 * len(kept) >= len(sentences)


def _sources(
    passages: Sequence[Passage], kept: Sequence[PhrasedSentence]
) -> tuple[SourceText, ...]:
    return tuple(
        source_text(passage, [Support(start=start, end=end) for start, end in spans])
        for passage, spans in _support(passages, kept)
    )


def _support(
    passages: Sequence[Passage], kept: Sequence[PhrasedSentence]
) -> Iterator[tuple[Passage, list[tuple[int, int]]]]:
    """Each passage that is used, with the places of the sentences that are, in order."""
    for passage in passages:
        spans = {
            (span.start, span.end)
            for sentence in kept
            if sentence.passage == passage.id
            for span in sentence.support
        }
        if spans:
            yield passage, sorted(spans)


def _links(passages: Sequence[Passage], kept: Sequence[PhrasedSentence]) -> tuple[Link, ...]:
    used = {sentence.passage for sentence in kept}
    found = {
        passage.location: Link(title=passage.title, url=_address(passage))
        for passage in passages
        if passage.id in used and _host(passage.location)
    }
    return tuple(found.values())


def _address(passage: Passage) -> str:
    """Where the passage begins on its page."""
    page = passage.location.partition("#")[0]
    return f"{page}#{passage.anchor}" if passage.anchor else passage.location


def _host(location: str) -> str | None:
    parts = urlsplit(location)
    return parts.hostname if parts.scheme in ("http", "https") else None


def _own_hosts(sentence: str, passages: Sequence[Passage]) -> bool:
    """Whether the links of ``sentence`` lead to a site that a passage comes from."""
    hosts = {host.removeprefix("www.") for p in passages if (host := _host(p.location))}
    for link in links_in(sentence):
        named = urlsplit(link if "://" in link else f"https://{link}").hostname or ""
        if named.removeprefix("www.") not in hosts:
            return False
    return True
