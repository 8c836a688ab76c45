"""Questions that nobody answers yet: gathered, grouped, named, and drafted as new intents."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gateway import CaseRecord, Message, counted, is_courtesy
from plugins.insights.model import Discovery, IntentDraft, MaskedExample

from .clusters import (
    ClusterText,
    KnownSpace,
    Rows,
    TextCluster,
    central_order,
    find_clusters,
    own_words,
    telling_words,
)
from .replies import OUT_OF_SCOPE, SURE, is_confident, is_said
from .wording import SHORTEST, Masking, essence

MOST_QUESTIONS = 2_000
"""Unanswered messages that are grouped: a sample of them, where a period has more."""
LEAST = 5
"""Customers who must have asked, and wordings in which they did."""
LEAST_SCORE = 0.65
"""Groups below are not shown: odd questions that nobody else asks make groups of up to this."""
REACHED = 0.5
"""The least share of a group's customers whom the bot handed to a person: those who say nothing
much and leave are no question."""
AT_MOST = 5
"""Groups that are shown."""
SMALL_TALK = frozenset(
    {"praise", "thanks", "greeting", "goodbye", "are_you_a_bot", "what_can_you_do"}
)
"""Intents that say nothing of what a conversation is about, as in the built-in policy."""
DRAFTED = 20
"""Examples of a drafted intent."""
_UNSURE = frozenset({"low_confidence", "out_of_scope", "bot_failed", "question_left"})
_WORD = re.compile(r"[^\W\d_]{3,}")


class UnansweredMessage(NamedTuple):
    """A question that no answer was found for, and what an agent then wrote, if one did."""

    number: int
    conversation: int
    customer: int
    language: str
    text: str
    handed: bool
    """Whether a person was to answer it."""
    reply: str | None
    names: tuple[str, ...]


def unanswered_message(case: CaseRecord) -> UnansweredMessage | None:
    """The question of ``case`` if nothing was recognised in it: the longest message that the bot
    was unsure of, unless another message said what it was about."""
    own = [
        message
        for message in case.messages
        if message.author == "customer" and not message.internal and message.understanding
    ]
    asked = [message for message in own if _is_unsure(message)]
    if not asked or any(_is_recognised(message) for message in own):
        return None
    question = max(asked, key=lambda message: len(message.text))
    replies = (
        m for m in case.messages if m.author == "agent" and m.at > question.at and is_said(m)
    )
    reply = next(replies, None)
    conversation = case.conversation
    names = [case.customer_name, reply.agent.name if reply and reply.agent else None]
    understanding = question.understanding
    return UnansweredMessage(
        number=question.id,
        conversation=conversation.id,
        customer=case.customer,
        language=conversation.language or (understanding.language.code if understanding else "und"),
        text=question.text,
        handed=bool(case.handoffs),
        reply=reply.text if reply else None,
        names=tuple(name for name in names if name),
    )


class EmbeddedQuestions(NamedTuple):
    """Questions with a row of ``embeddings`` for what each asks (`essence`). ``replies`` has the
    embedding of an agent's reply by the place of its question; ``seen`` is how many questions the
    period had, ``shop_words`` are those of the whole shop (see `clusters.shop_words`)."""

    questions: Sequence[UnansweredMessage]
    embeddings: Rows
    replies: Mapping[int, Rows]
    seen: int
    shop_words: frozenset[str] = frozenset()


def question_discoveries(
    embedded: EmbeddedQuestions, space: KnownSpace, taken: Sequence[str], masking: Masking
) -> list[Discovery]:
    """The groups of questions that are new to the shop, the best first; at most `AT_MOST`.
    ``taken`` are the names of the shop's intents."""
    questions = embedded.questions
    shown = unanswered_clusters(questions, embedded.embeddings, space, embedded.shop_words)
    everything = [_words(essence(question.text)) for question in questions]
    named = telling_words(
        [[everything[row] for row in cluster.members] for cluster in shown], everything, 3
    )
    names = _names(named, taken)
    return [
        _discovery(cluster, (name, words), embedded, masking)
        for cluster, words, name in zip(shown, named, names, strict=True)
    ]


def unanswered_clusters(
    questions: Sequence[UnansweredMessage],
    embeddings: Rows,
    space: KnownSpace,
    usual: frozenset[str] = frozenset(),
) -> list[TextCluster]:
    """The groups that are shown: asked by enough customers, and new enough. ``usual``: see
    `EmbeddedQuestions`."""
    texts = [
        ClusterText(question.language, question.customer, own_words(essence(question.text)) - usual)
        for question in questions
    ]
    found = find_clusters(space, embeddings, texts, LEAST)
    return [
        cluster
        for cluster in found
        if cluster.score >= LEAST_SCORE and _is_asked([questions[row] for row in cluster.members])
    ][:AT_MOST]


def _is_asked(questions: Sequence[UnansweredMessage]) -> bool:
    handed = sum(question.handed for question in questions)
    enough = len({question.customer for question in questions}) >= LEAST
    return enough and handed >= REACHED * len(questions)


def _discovery(
    cluster: TextCluster,
    named: tuple[str, Sequence[str]],
    embedded: EmbeddedQuestions,
    masking: Masking,
) -> Discovery:
    name, words = named
    questions, replies = embedded.questions, embedded.replies
    rows = cluster.members.tolist()
    asked = [questions[row] for row in rows]
    customers = len({question.customer for question in asked})
    examples = [masking.example(q.conversation, q.text, q.names) for q in asked]
    languages = Counter(question.language for question in asked)
    language = languages.most_common(1)[0][0]
    answered = [row for row in rows if row in replies and questions[row].language == language]
    about = ", ".join(words) or "the same thing"
    return Discovery(
        kind="unanswered_question",
        title=f"{counted(len(rows), 'message')} of {counted(customers, 'customer')} "
        f"{'asks' if len(rows) == 1 else 'ask'} what no answer covers: {about}",
        evidence={
            "messages": len(rows),
            "customers": customers,
            "wordings": cluster.wordings,
            "words": list(words),
            "languages": dict(languages),
            "answered_by_agents": sum(question.reply is not None for question in asked),
            "score": round(cluster.score, 3),
            "cohesion": round(cluster.cohesion, 3),
            "shared_words": round(cluster.shared, 3),
            "nearest_known": round(cluster.known, 3),
            "unanswered_messages": embedded.seen,
            "compared_messages": len(questions),
        },
        examples=tuple(examples[:3]),
        draft=IntentDraft(
            name=name,
            language=language,
            examples=tuple(examples[:DRAFTED]),
            languages=tuple(question.language for question in asked[:DRAFTED]),
            answer=_central_answer(answered, questions, replies, masking),
        ),
    )


def _central_answer(
    rows: Sequence[int],
    questions: Sequence[UnansweredMessage],
    replies: Mapping[int, Rows],
    masking: Masking,
) -> MaskedExample | None:
    if not rows:
        return None
    central = rows[int(central_order(np.array([replies[row] for row in rows]))[0])]
    chosen = questions[central]
    return MaskedExample(
        conversation=chosen.conversation, text=masking.text(chosen.reply or "", chosen.names)
    )


def _names(named: Sequence[Sequence[str]], taken: Sequence[str]) -> list[str]:
    """A name for each group, of its two most telling words; none twice."""
    used, names = set(taken), []
    for words in named:
        base = "_".join(words[:2]) or "question"
        name, number = base, 2
        while name in used:
            name, number = f"{base}_{number}", number + 1
        used.add(name)
        names.append(name)
    return names


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _is_unsure(message: Message) -> bool:
    route, understanding = message.route, message.understanding
    if understanding is None or len(message.text.split()) < SHORTEST or is_courtesy(message.text):
        return False
    guess = understanding.intent
    unsure = guess.confidence < SURE or guess.name in OUT_OF_SCOPE
    why = {reason.code for reason in route.reasons} if route else set()
    return (unsure and (route is None or route.action != "pass")) or bool(why & _UNSURE)


def _is_recognised(message: Message) -> bool:
    route, understanding = message.route, message.understanding
    if understanding is None or route is None or is_courtesy(message.text):
        return False
    if not is_confident(understanding) or understanding.intent.name in SMALL_TALK:
        return False
    return not {reason.code for reason in route.reasons} & _UNSURE
