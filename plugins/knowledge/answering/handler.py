"""Answers from the team's sources where no written answer exists."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import lru_cache
from time import monotonic

import structlog
from cachetools import TTLCache

from gateway import KnowledgeStore, Passage, Reply, Services, Turn, with_tokens
from plugins.knowledge.answering.calibration import Calibration
from plugins.knowledge.answering.calibrator import Calibrator
from plugins.knowledge.answering.choices import (
    MOST,
    asked_before,
    chosen,
    last_offer,
    offered_titles,
    titles_of,
)
from plugins.knowledge.answering.confidence import (
    ConfidenceModel,
    WeighedPassage,
    packaged_model,
    weigh,
)
from plugins.knowledge.answering.extracts import extract_chosen
from plugins.knowledge.answering.replies import agent_lines, answer, offer, phrased_reply
from plugins.knowledge.answering.words import asks_one_thing
from plugins.knowledge.phrasing.answers import Phrased, PhrasedAnswers
from plugins.knowledge.phrasing.instructions import gives_orders
from plugins.knowledge.retrieval import FoundPassage, Retriever

FOUND = 10
"""Passages that are looked at for a question."""
REMEMBERED = 256
READ_FOR_ORDERS = 1_024
"""Passages of which is kept whether they give orders."""
REMEMBERED_FOR = 2.0
"""Seconds for which what was found is kept: one turn asks up to three times."""

log = structlog.get_logger(__name__)


class SourceAnswers:
    """Answers a turn with the words of a passage when it is sure, asks which passage is meant when
    it is not, and shows agents what it found.

    It runs where the intent has no written answer, and where nobody recognised the matter (see
    `MatterHandler`). ``retriever`` makes what finds passages; ``calibrator`` says from which
    confidence it may answer alone. Implements `Handler`, `MatterHandler`, `Suggester`,
    `PassageFinder`, `NeedsServices`, `NeedsTeardown`, `Poller` and `ExclusiveTask`.
    """

    name = "knowledge"
    priority = 55

    def __init__(
        self,
        *,
        retriever: Callable[[Services], Retriever | None],
        calibrator: Calibrator,
        model: ConfidenceModel | None = None,
        speaks: bool = True,
        phrasing: Callable[[Services], PhrasedAnswers | None] | None = None,
    ) -> None:
        """With ``speaks`` false it never answers a customer; agents get their drafts."""
        self._speaks = speaks
        self._make_retriever, self.calibrator = retriever, calibrator
        self._make_phrasing = phrasing
        self._phrasing: PhrasedAnswers | None = None
        self.model = model or packaged_model()
        self._retriever: Retriever | None = None
        self._store: KnowledgeStore | None = None
        self._found: TTLCache[tuple[str, str, str], Sequence[FoundPassage]] = TTLCache(
            REMEMBERED, REMEMBERED_FOR, timer=monotonic
        )

    def use_services(self, services: Services) -> None:
        """See `NeedsServices`. Without a retriever nothing is found."""
        self._store = services.knowledge
        self._retriever = self._make_retriever(services)
        self._phrasing = self._make_phrasing(services) if self._make_phrasing else None

    async def run(self, services: Services) -> None:
        """Follow the calibration that some process has made."""
        await self.calibrator.follow(services)

    async def teardown(self) -> None:
        """Close the language model's connections."""
        if self._phrasing is not None:
            await self._phrasing.close()

    async def watch(self, services: Services) -> None:
        """Calibrate again when the sources change."""
        if self._retriever is None:
            await asyncio.Event().wait()
        else:
            await self.calibrator.keep(services, self._retriever)

    async def calibrate(self, services: Services) -> Calibration:
        """Calibrate if something has changed since; see `Calibrator.refresh`."""
        if self._retriever is None:
            return await self.calibrator.load(services)
        return await self.calibrator.refresh(services, self._retriever)

    def stand_by(self) -> None:
        """See `ExclusiveTask`. Nothing is held."""

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.kind != "message" or turn.route.action != "automate" or turn.wordless:
            return None
        if not self._speaks or turn.understanding.questions:
            return None  # one passage answers one question
        return await self._answer(turn, may_ask=not _asked_already(turn))

    async def knows(self, turn: Turn) -> Reply | None:
        """See `MatterHandler`."""
        if turn.wordless or not self._speaks:
            return None
        if (reply := await self._chosen(turn)) is not None:
            return reply
        if turn.route.action == "automate":
            return None  # another matter than the one it asked about: the usual order applies
        return await self._answer(turn, may_ask=turn.route.action == "clarify")

    async def suggest(self, turn: Turn) -> Reply | None:
        """A draft for the agent: what it would say if it were sure enough, in the language model's
        words if there is one."""
        if turn.kind != "message" or turn.wordless or not turn.message.text.strip():
            return None
        if any(reason.code == "harm" for reason in turn.route.reasons):
            return None  # what a page says is the last that somebody in danger needs
        candidates = await self._candidates(turn)
        if not candidates or candidates[0].confidence < self.model.draft:
            return None
        reply, phrased = await self._phrased(turn, candidates)
        if reply is not None:
            return reply.replace(opener="")
        for candidate in candidates:
            if candidate.said is not None and candidate.confidence >= self.model.draft:
                draft = answer(candidate, candidate.said, turn.language).replace(opener="")
                return _with_cost(draft, phrased)
        return None

    async def passages_for(self, turn: Turn) -> Sequence[str]:
        """See `PassageFinder`."""
        if turn.wordless or not turn.message.text.strip():
            return ()
        likely = [c for c in await self._candidates(turn) if c.confidence >= self.model.show]
        return agent_lines([candidate for _, candidate in titles_of(likely)])

    async def weighed(
        self, question: str, *, language: str = "", brand: str = ""
    ) -> tuple[WeighedPassage, ...]:
        """The passages that may answer ``question``, the surest first, without those that give
        orders to a bot. Raises WarmlineError."""
        if self._retriever is None:
            return ()
        found = await self._passages(self._retriever, (question, language, brand))
        weighed = weigh(question, found, language=language, model=self.model)
        return tuple(
            each
            for each in weighed
            if each.confidence < self.model.show or not _orders(_whole_text(each.found.passage))
        )

    async def _passages(
        self, retriever: Retriever, key: tuple[str, str, str]
    ) -> Sequence[FoundPassage]:
        """What is found for a question in a language and a brand: what was found a moment ago while
        all of it is current, since another process may have read a source again."""
        found = self._found.get(key)
        if found is not None and self._store is not None:
            stored = await self._store.passages([each.passage.id for each in found])
            if sum(passage.current for passage in stored) == len(found):
                return found
        question, language, brand = key
        found = await retriever.find(question, language=language, brand=brand, limit=FOUND)
        self._found[key] = found
        return found

    def answers_alone(self, candidates: Sequence[WeighedPassage]) -> WeighedPassage | None:
        """The candidate that may be sent without asking back."""
        best = next(iter(candidates), None)
        if best is None or best.said is None or best.confidence < self.calibrator.current.threshold:
            return None
        return best

    async def _answer(self, turn: Turn, *, may_ask: bool) -> Reply | None:
        candidates = await self._candidates(turn)
        best = self.answers_alone(candidates) if _is_plain(turn) else None
        if best is not None and best.said:
            phrased = None
            if self._phrasing is not None and self._phrasing.customers:
                reply, phrased = await self._phrased(turn, candidates)
                if reply is not None and phrased is not None and not phrased.held_back:
                    return reply
            return _with_cost(answer(best, best.said, turn.language), phrased)
        if not may_ask or not candidates or turn.understanding.slots:
            return None
        likely = [c for c in candidates if c.confidence >= self.model.offer]
        return offer(likely[:MOST], turn.language) if likely else None

    async def _chosen(self, turn: Turn) -> Reply | None:
        """What the customer chose of the passages in the message before."""
        asked = last_offer(turn, self.name)
        question = asked_before(turn, asked) if asked else None
        if asked is None or question is None:
            return None
        titles = offered_titles(asked)
        at = chosen(turn.message.text, titles)
        if at is None:
            return None
        candidates = await self._candidates(turn, question)
        for title, candidate in titles_of(candidates):
            said = extract_chosen(candidate.found) if title == titles[at] else None
            if said is not None:
                return answer(candidate, said, turn.language)
        return None

    async def _phrased(
        self, turn: Turn, candidates: Sequence[WeighedPassage]
    ) -> tuple[Reply | None, Phrased | None]:
        """What the language model makes of the likely passages: no reply where nothing of it holds
        or a passage has changed since, and nothing at all where it did not answer."""
        likely = [c.found for c in candidates if c.confidence >= self.model.offer]
        if self._phrasing is None or self._store is None or not likely:
            return None, None
        phrased = await self._phrasing.phrase(turn, likely)
        if phrased is None or not phrased.sentences:
            return None, phrased
        stored = {each.id: each for each in await self._store.passages(phrased.passages)}
        used = [each.passage for each in likely if each.passage.id in phrased.passages]
        for passage in used:
            now = stored.get(passage.id)
            if now is None or not now.current or now.text != passage.text:
                log.info("knowledge.outdated", passage=passage.id)
                return None, phrased
        return _with_cost(phrased_reply(phrased, used, turn.language), phrased), phrased

    async def _candidates(self, turn: Turn, question: str = "") -> tuple[WeighedPassage, ...]:
        language = turn.understanding.language.code
        return await self.weighed(
            question or turn.message.text,
            language=language if language != "und" else turn.language,
            brand=turn.conversation.brand,
        )


def _with_cost(reply: Reply, phrased: Phrased | None) -> Reply:
    """``reply`` with what the call of the language model cost, if there was one: also where its
    words were refused."""
    return reply if phrased is None else with_tokens(reply, phrased.tokens)


def _whole_text(passage: Passage) -> str:
    return "\n".join((passage.title, *passage.headings, passage.question, passage.text))


@lru_cache(READ_FOR_ORDERS)
def _orders(text: str) -> bool:
    """Whether a passage tells a bot what to do: somebody may have put it into a page so that
    customers read it in the shop's name. To read one takes half a millisecond."""
    return gives_orders(text)


def _asked_already(turn: Turn) -> bool:
    """Whether the bot has asked a clarifying question in this conversation."""
    return any(m.author == "bot" and m.purpose == "clarify" for m in turn.history)


def _is_plain(turn: Turn) -> bool:
    """Whether the message asks one thing, and nothing about a case of the customer's own."""
    return (
        asks_one_thing(turn.message.text)
        and not turn.understanding.slots
        and not turn.message.attachments
    )
