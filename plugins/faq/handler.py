"""Answers known questions and drafts answers for agents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence

from gateway import (
    Emotion,
    FilesWritten,
    Json,
    KeyPath,
    Overlay,
    OverlayFiles,
    OverlayProblem,
    Question,
    Reason,
    Reply,
    Turn,
    VersionKind,
    brand_part,
    of_brand,
    split_brand,
    unknown_brands,
    value_at,
)
from plugins.faq.answers import FaqAnswers, OverlaidAnswers

UNANSWERED = {
    "en": (
        "A colleague will answer your other question.",
        "A colleague will answer your other questions.",
    ),
    "de": (
        "Ihre andere Frage beantwortet eine Kollegin oder ein Kollege.",
        "Ihre anderen Fragen beantwortet eine Kollegin oder ein Kollege.",
    ),
    "fr": (
        "Une personne de l'équipe répondra à votre autre question.",
        "Une personne de l'équipe répondra à vos autres questions.",
    ),
    "es": (
        "Una persona del equipo responderá a su otra pregunta.",
        "Una persona del equipo responderá a sus otras preguntas.",
    ),
    "ar": ("سيجيب شخص من الفريق عن سؤالك الآخر.", "سيجيب شخص من الفريق عن أسئلتك الأخرى."),
    "it": (
        "Una persona del team risponderà all'altra domanda.",
        "Una persona del team risponderà alle altre domande.",
    ),
    "pt": (
        "Uma pessoa da equipa vai responder à outra pergunta.",
        "Uma pessoa da equipa vai responder às outras perguntas.",
    ),
    "nl": (
        "Iemand van het team beantwoordt uw andere vraag.",
        "Iemand van het team beantwoordt uw andere vragen.",
    ),
    "pl": (
        "Na drugie pytanie odpowie osoba z zespołu.",
        "Na pozostałe pytania odpowie osoba z zespołu.",
    ),
    "sv": (
        "Någon i teamet svarar på din andra fråga.",
        "Någon i teamet svarar på dina andra frågor.",
    ),
    "tr": (
        "Diğer sorunuzu ekipten bir kişi yanıtlayacak.",
        "Diğer sorularınızı ekipten bir kişi yanıtlayacak.",
    ),
    "ja": (
        "もう一つのご質問には、担当者がお答えします。",
        "その他のご質問には、担当者がお答えします。",
    ),
}
"""What the bot says about one question, or several, that only a person can answer."""

UNKNOWN_BRAND = "has no answers of its own; adopt it for all, or give the brand `answers`"


class Faq:
    """Answers a turn whose intent has an answer, in the customer's language.

    Routing has already decided that the bot may answer. For agents it drafts the best answer whose
    intent has at least the confidence ``suggest_confidence`` (0..1). A brand in ``brands`` has its
    own answers, and no others.
    """

    name = "faq"
    priority = 50
    version_kinds: frozenset[VersionKind] = frozenset({"answers"})

    def __init__(
        self,
        *,
        answers: OverlaidAnswers,
        suggest_confidence: float,
        brands: Mapping[str, OverlaidAnswers] | None = None,
    ) -> None:
        self._answers, self._suggest_confidence = answers, suggest_confidence
        self._brands = brands or {}
        paths = {brand: answers.paths for brand, answers in self._all}
        self._files = OverlayFiles(lambda brand: paths.get(brand, ()), depth=_written_whole)

    async def handle(self, turn: Turn) -> Reply | None:
        if turn.kind != "message" or turn.route.action != "automate":
            return None
        answers = await self._answers_for(turn)
        questions = turn.understanding.questions
        intents = [question.guess.name for question in questions]
        intents = intents or [turn.understanding.intent.name]
        language = answers.shared_language(intents, turn.language)
        if len(intents) > 1 and any(intent not in answers.by_intent for intent in intents):
            # What is said of the unanswered one is part of the reply, and so in its language.
            language = language if language in UNANSWERED else answers.fallback
        found = [answers.find(intent, language) for intent in intents]
        replies = [answer.reply_to(turn) if answer else None for answer in found]
        openers = [answer.openers for answer, reply in zip(found, replies, strict=True)
                   if answer and reply]  # fmt: skip
        if not openers:
            return None
        unanswered = [
            question for question, reply in zip(questions, replies, strict=False) if reply is None
        ]
        opener = openers[0].for_emotion(turn.understanding.emotion)
        return combine([reply for reply in replies if reply], unanswered).replace(opener=opener)

    async def suggest(self, turn: Turn) -> Reply | None:
        if turn.kind != "message":
            return None
        answers = await self._answers_for(turn)
        for intent in self._likely_intents(turn):
            answer = answers.find(intent, turn.language)
            if answer and (draft := answer.draft_for(turn)):
                return _framed(answers, draft, turn.understanding.emotion)
        return None

    async def needed_slots(self, turn: Turn) -> Sequence[str]:
        answers = await self._answers_for(turn)
        questions = turn.understanding.questions
        intents = [question.guess.name for question in questions]
        return [
            slot
            for intent in intents or [turn.understanding.intent.name]
            for slot in answers.needs.get(intent, ())
        ]

    async def check_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        """See `VersionConsumer`."""
        problems = [*unknown_brands(overlay.tree, self._brands, UNKNOWN_BRAND)]
        for brand, answers in self._all:
            found = await answers.check(brand_part(overlay.tree, brand))
            problems += (of_brand(problem, brand) for problem in found)
        return problems

    async def use_overlay(self, overlay: Overlay) -> Sequence[OverlayProblem]:
        """See `VersionConsumer`."""
        problems = [*unknown_brands(overlay.tree, self._brands, UNKNOWN_BRAND)]
        for brand, answers in self._all:
            found = await answers.use(brand_part(overlay.tree, brand))
            problems += (of_brand(problem, brand) for problem in found)
        return problems

    async def trial(self, overlay: Overlay) -> Faq:
        """See `TriedConsumer`."""
        return Faq(
            answers=await self._answers.trial(brand_part(overlay.tree, "")),
            suggest_confidence=self._suggest_confidence,
            brands={
                brand: await answers.trial(brand_part(overlay.tree, brand))
                for brand, answers in self._brands.items()
            },
        )

    async def in_force(self, at: KeyPath) -> Json:
        """See `TriedConsumer`. Only ``answers``: all, or by intent; ``("brands",)`` are those of
        the brands that have their own."""
        if at == ("brands",):
            return {name: {"answers": await self._all_of(name)} for name in self._brands}
        brand, path = split_brand(at)
        if path == ("answers",):
            return await self._all_of(brand)
        answers = await self._brands.get(brand, self._answers).current()
        entry = answers.entries.get(path[1]) if path[:1] == ("answers",) and path[1:] else None
        if entry is None:
            return None
        found: Json = value_at(entry.model_dump(mode="json", exclude_unset=True), path[2:])
        return found

    async def _all_of(self, brand: str) -> dict[str, Json]:
        answers = await self._brands.get(brand, self._answers).current()
        return {
            intent: entry.model_dump(mode="json", exclude_unset=True)
            for intent, entry in answers.entries.items()
        }

    async def write_overlay(
        self, before: Overlay, after: Overlay, originals: Mapping[str, Json]
    ) -> FilesWritten:
        """See `VersionWriter`."""
        return await asyncio.to_thread(self._files.write, before.tree, after.tree, originals)

    @property
    def _all(self) -> Iterator[tuple[str, OverlaidAnswers]]:
        """All answers by brand; those for everybody else have the brand ""."""
        yield "", self._answers
        yield from self._brands.items()

    async def _answers_for(self, turn: Turn) -> FaqAnswers:
        return await self._brands.get(turn.conversation.brand, self._answers).current()

    def _likely_intents(self, turn: Turn) -> Iterator[str]:
        """What the message may be about, the likeliest first."""
        for guess in turn.understanding.ranking:
            if guess.confidence >= self._suggest_confidence:
                yield guess.name
        yield from (sentence.guess.name for sentence in turn.understanding.sentences)
        # A request for a person names no topic; the topic is that of the conversation.
        asked_for_person = any(r.code == "asked_for_person" for r in turn.route.reasons)
        if asked_for_person and turn.conversation.intent:
            yield turn.conversation.intent


def _written_whole(at: KeyPath) -> int:
    """How many keys name what is replaced as a whole: see `AnswerEntries`."""
    if at[0] != "answers":
        return min(len(at), 2)
    return min(len(at), 4 if at[2:3] in (("say",), ("facts",)) else 3)


def combine(replies: Sequence[Reply], unanswered: Sequence[Question]) -> Reply:
    """One reply to all questions. It says that a person answers the ``unanswered`` ones."""
    first, *more = replies
    if more:
        texts = [*first.body, first.next_step]
        texts += [text for reply in more for text in (*reply.body, reply.next_step)]
        first = first.replace(
            body=tuple(text for text in texts if text),
            next_step=None,
            links=tuple(dict.fromkeys(link for reply in replies for link in reply.links)),
            facts=tuple(dict.fromkeys(fact for reply in replies for fact in reply.facts)),
            buttons=(),
            only_if_unanswered=False,
            general=all(reply.general for reply in replies),
        )
    if not unanswered:
        return first
    singular, plural = UNANSWERED.get(first.language, (None, None))
    detail = "; ".join(f"“{question.text}”" for question in unanswered)
    return first.replace(
        next_step=plural if len(unanswered) > 1 else singular,
        buttons=(),
        only_if_unanswered=False,
        escalate=(Reason(code="question_left", detail=f"not answered yet: {detail}"),),
    )


def _framed(answers: FaqAnswers, draft: Reply, emotion: Emotion) -> Reply:
    """The draft with the opener and next step of drafts in its language."""
    frame = answers.drafts.get(draft.language)
    if frame is None:
        return draft
    return draft.replace(
        opener=frame.openers.for_emotion(emotion), next_step=frame.next_step or draft.next_step
    )
