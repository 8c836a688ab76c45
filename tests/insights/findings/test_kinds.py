"""What single kinds of findings look at."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
import pytest

from gateway import (
    GAP,
    Address,
    Agent,
    CaseRecord,
    Conversation,
    Emotion,
    Guess,
    Message,
    MoodLabel,
    Suggestion,
    Understanding,
)
from plugins.insights.findings import FindingInputs, MoodCheck, ShopAnswer, find
from plugins.insights.findings.clusters import (
    ClusterText,
    KnownSpace,
    TextCluster,
    find_clusters,
    own_words,
    shop_words,
)
from plugins.insights.findings.overload import AgentWork, overload_discoveries
from plugins.insights.findings.phrases import phrase_discoveries
from plugins.insights.findings.readings import reading_discoveries
from plugins.insights.findings.replies import BOT, ReplyStep, reply_steps
from plugins.insights.findings.rewrites import is_rewritten
from plugins.insights.findings.wording import LONGEST_EXAMPLE, Masking, essence, snippet
from plugins.insights.model import Discovery, WordingDraft, WordsDraft

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
ANA = Agent(id="desk:ana", name="Ana")
_ids = count(1)


def _case(number: int, *messages: dict[str, Any], day: float = 0.0, **more: Any) -> CaseRecord:
    at = START + timedelta(days=day)
    return CaseRecord(
        conversation=Conversation(
            id=number,
            address=Address(channel="webchat", value=f"c{number}"),
            opened_at=at,
            language="en",
        ),
        customer=number,
        customer_name="Rosalind Fenwick",
        messages=tuple(
            Message(id=next(_ids), conversation=number, at=at + timedelta(minutes=step), **values)
            for step, values in enumerate(messages)
        ),
        **more,
    )


def _asked(text: str, mood: MoodLabel = "calm", intent: str = "refund") -> dict[str, Any]:
    understanding = Understanding(
        ranking=(Guess(name=intent, confidence=0.9),), emotion=Emotion(label=mood)
    )
    return {"author": "customer", "text": text, "understanding": understanding}


def _said(text: str, **more: Any) -> dict[str, Any]:
    return {"author": "agent", "agent": ANA, "text": text, "status": "sent", **more}


async def _found(
    *cases: CaseRecord, days: int = 30, inputs: FindingInputs | None = None
) -> tuple[Discovery, ...]:
    async def pages() -> AsyncIterator[Sequence[CaseRecord]]:
        yield cases

    end = START + timedelta(days=days)
    return await find(pages(), since=START, until=end, inputs=inputs or FindingInputs())


def test_a_reply_is_what_stands_between_two_messages() -> None:
    """Notes, hand-overs and what was never sent are no part of it."""
    case = _case(
        1,
        _asked("Where is it?", "angry"),
        _said("ask the courier", internal=True),
        _said("A colleague will answer.", purpose="handover"),
        _said("never sent", status="failed"),
        _said("It is on its way."),
        _asked("Thanks!", "pleased"),
    )
    (step,) = reply_steps(case)
    assert (step.text, step.before, step.after) == ("It is on its way.", "angry", "pleased")


def test_an_answer_to_a_survey_is_no_mood() -> None:
    """What follows a survey question does not count as the customer's answer to us."""
    survey = {"author": "bot", "text": "Did you feel heard?", "purpose": "survey"}
    case = _case(1, _asked("Hi"), _said("Done."), survey, _asked("1", "angry"))
    assert list(reply_steps(case)) == []


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("Hello, I am fed up. Do you lease bikes? Regards, Jo", "Do you lease bikes?"),
        ("Hello there. I need a lease for my bike", "I need a lease for my bike"),
        ("Moin", "Moin"),
        ("Dear team, is there a train to you?", "is there a train to you?"),
        ("Hi there, can I bring my dog?\n\nBest wishes,\nRay Fox", "can I bring my dog?"),
        ("Hello I would like a tour of your mill", "I would like a tour of your mill"),
        ("Liebes Team, darf mein Hund mit?", "darf mein Hund mit?"),
        ("Madame, Monsieur, qui fait vos photos ?", "qui fait vos photos ?"),
        ("Buenos días, ¿hay un museo cerca?\n\nUn saludo, Eva", "hay un museo cerca?"),
        ("Gentile signora, posso venire con il cane?", "posso venire con il cane?"),
        ("Beste mevrouw, mag mijn hond mee?", "mag mijn hond mee?"),
        # What stands before a comma and is no salutation stays, as does a question in the end.
        ("My old tent, can it be mended?", "My old tent, can it be mended?"),
        ("We are a choir.\n\nMay we sing at your door?", "May we sing at your door?"),
    ],
)
def test_the_essence_of_a_message(text: str, asked: str) -> None:
    """A question is taken without what stands around it."""
    assert essence(text) == asked


@pytest.mark.parametrize(
    ("final", "rewritten"),
    [
        ("Hi! You can return it within 30 days.", False),
        ("Please write to our workshop, they know more.", True),
    ],
)
def test_a_rewritten_draft(final: str, rewritten: bool) -> None:
    """An added word is an edit, other words are a new text."""
    suggestion = Suggestion(
        id=1, conversation=1, text="You can return it within 30 days.", source="faq",
        at=START, outcome="edited", final=final,
    )  # fmt: skip
    assert is_rewritten(suggestion) is rewritten


async def test_a_rewritten_answer_has_a_new_wording() -> None:
    """The draft proposes the agents' words, without personal data."""

    def case(number: int, intent: str, final: str | None) -> CaseRecord:
        suggestion = Suggestion(
            id=number, conversation=number, text=f"The page on {intent} has it all.", source="faq",
            at=START + timedelta(minutes=1), agent=ANA,
            outcome="edited" if final else "sent", final=final,
        )  # fmt: skip
        return _case(number, _asked("well?", intent=intent), suggestions=(suggestion,))

    new = "rosalind fenwick, we refund within five days, see https://shop.example/42"
    cases = [case(number, "refund", new) for number in range(1, 31)]
    cases += [case(number, "sizes", None) for number in range(31, 91)]
    (found,) = [one for one in await _found(*cases) if one.kind == "rewritten_answer"]
    assert isinstance(found.draft, WordingDraft)
    assert found.draft.intent == "refund"
    assert found.draft.new.text == f"{GAP}, we refund within five days, see {GAP}"


@pytest.mark.parametrize(("intent", "found"), [("refund", True), ("oos", False)])
async def test_drafts_out_of_scope_are_no_answer(intent: str, found: bool) -> None:
    """Where nobody recognised the matter there is no written answer to reword."""

    def case(number: int, intent: str, final: str | None) -> CaseRecord:
        suggestion = Suggestion(
            id=number, conversation=number, text="The page has it all.", source="precedent",
            at=START + timedelta(minutes=1), agent=ANA,
            outcome="edited" if final else "sent", final=final,
        )  # fmt: skip
        made = _case(number, _asked("well?", intent="oos"), suggestions=(suggestion,))
        return made.replace(conversation=made.conversation.replace(intent=intent))

    cases = [case(number, intent, "rather write to the mayor") for number in range(1, 31)]
    cases += [case(number, "sizes", None) for number in range(31, 91)]
    kinds = [one.kind for one in await _found(*cases)]
    assert ("rewritten_answer" in kinds) is found


async def _rewritten(final: str, answers: Sequence[ShopAnswer]) -> str:
    """What is proposed in place of drafts about `refund`, which Ana rewrites as ``final``. Una
    Byrne works there as well."""

    def case(number: int, intent: str, sent: str | None, agent: Agent) -> CaseRecord:
        suggestion = Suggestion(
            id=number, conversation=number, text=f"The page on {intent} has it all.", source="faq",
            at=START + timedelta(minutes=1), agent=agent,
            outcome="edited" if sent else "sent", final=sent,
        )  # fmt: skip
        return _case(number, _asked("well?", intent=intent), suggestions=(suggestion,))

    una = Agent(id="desk:una", name="Una Byrne")
    cases = [case(number, "refund", final, ANA) for number in range(1, 31)]
    cases += [case(number, "sizes", None, ANA) for number in range(31, 91)]
    cases += [case(number, "sizes", None, una) for number in range(91, 95)]
    found = await _found(*cases, inputs=FindingInputs(answers=answers))
    (draft,) = [one.draft for one in found if one.kind == "rewritten_answer"]
    assert isinstance(draft, WordingDraft)
    return draft.new.text


async def test_colleagues_are_masked_in_each_others_conversations() -> None:
    """A name that is a common word as well is masked where it begins with a capital."""
    answers = [ShopAnswer(intent="sizes", language="es", text="Tenemos una bolsa. Ask the crew")]
    text = "ask byrne of our crew or Una, you get una bolsa"
    assert await _rewritten(text, answers) == f"ask {GAP} of our crew or {GAP}, you get una bolsa"


async def test_words_of_the_shops_answers_are_no_names() -> None:
    """Nouns have capitals in German; what the shop itself writes is shown."""
    text = "wir schicken den Ersatz per Spedition an Walburga"
    answers = [ShopAnswer(intent="repair", language="de", text="Ersatz kommt per Spedition.")]
    assert await _rewritten(text, ()) == f"wir schicken den {GAP} per {GAP} an {GAP}"
    shown = f"wir schicken den Ersatz per Spedition an {GAP}"
    assert await _rewritten(text, answers) == shown


async def test_a_new_product_is_found_by_its_word() -> None:
    """A word that the past does not have is new; one that it has is not."""
    cases = [
        _case(number, _asked(f"is the {'zephyrbag' if number > 250 else 'pannier'} blue?"), day=day)
        for number in range(1, 301)
        for day in [-22 + number / 10]
    ]
    words = [one.draft for one in await _found(*cases) if one.kind == "new_words"]
    assert [draft.word for draft in words if isinstance(draft, WordsDraft)] == ["zephyrbag"]


async def test_the_name_of_one_customer_is_no_new_word() -> None:
    """What one customer writes again and again, such as their name, is not shown."""
    cases = [
        _case(n, _asked("is it blue? yours, ottoline" if n > 250 else "is it blue?"), day=n / 10)
        for n in range(1, 301)
    ]
    cases = [case.replace(customer=1) if case.conversation.id > 250 else case for case in cases]
    assert [one for one in await _found(*cases) if one.kind == "new_words"] == []


def test_overload_names_nobody() -> None:
    """A lead learns that one person carries too much, and neither who nor in which case."""
    work = {f"desk:{name}": AgentWork(100, 12, 20) for name in ("bo", "cleo", "dirk", "elena")}
    (found,) = overload_discoveries(work | {"desk:ana": AgentWork(110, 70, 20)})
    assert found.evidence["people"] == 1
    assert "ana" not in f"{found}"
    assert found.examples == ()


@pytest.mark.parametrize("team", [2, 3])
def test_a_small_team_hears_nothing(team: int) -> None:
    """Where everybody would know who is meant, there is no finding."""
    work = {f"desk:{number}": AgentWork(100, 12, 20) for number in range(team - 1)}
    assert overload_discoveries(work | {"desk:ana": AgentWork(110, 70, 20)}) == []


def test_who_answers_more_of_everything_is_not_overloaded() -> None:
    """Upset customers must be a greater part of somebody's work, too."""
    work = {f"desk:{name}": AgentWork(40, 12, 20) for name in ("bo", "cleo", "dirk", "elena")}
    assert overload_discoveries(work | {"desk:ana": AgentWork(240, 70, 20)}) == []


def test_the_language_that_is_read_worst() -> None:
    """A language is found whose moods people correct more often, among messages of one mood."""
    checks = [
        MoodCheck(
            conversation=n, language=code, read="calm" if n < wrong else "angry", right="angry"
        )
        for code, wrong in (("en", 5), ("de", 6), ("fr", 30))
        for n in range(60)
    ]
    assert [found.evidence["language"] for found in reading_discoveries(checks)] == ["fr"]


def test_an_example_is_masked_and_short() -> None:
    """Names, numbers and addresses are gaps; a long text is cut at a word."""
    masking = Masking({"order", "my", "is"}, ["Ana"])
    example = masking.example(7, "Ana, my order MP-123 is for jo@example.org")
    assert example.text == f"{GAP}, my order {GAP} is for {GAP}"
    long = masking.example(7, "word " * 200)
    assert len(long.text) <= LONGEST_EXAMPLE
    assert long.text.endswith("word…")


def _step(number: int, intent: str, speaker: str, text: str, after: MoodLabel) -> ReplyStep:
    return ReplyStep(
        number=number,
        conversation=number,
        channel="webchat",
        language="en",
        intent=intent,
        speaker=speaker,
        text=text,
        before="calm",
        distress=0.0,
        after=after,
        distress_after=0.0,
        answer="I see.",
        waited=0.1,
        turn=1,
        asks=False,
        names=(),
    )


@pytest.mark.parametrize("by_the_bot", [True, False])
def test_a_matter_is_not_blamed_on_the_words_of_its_answer(by_the_bot: bool) -> None:
    """Whose parcel is broken is upset whatever the bot says, so "sorry" in that answer is no cause;
    it is one where people say it, or do not, about the same matter."""
    steps = []
    for number in range(78):
        sorry = number % 2 == 0
        text = "Sorry for that, it is on its way." if sorry else "It is on its way to you."
        if by_the_bot:
            speaker, intent = BOT, "damaged_parcel" if sorry else "shipping"
        else:
            speaker, intent = ("desk:bo", "desk:cy", "desk:di")[number % 3], "shipping"
        upset = number % 3 > 0 if sorry else number % 9 == 1
        steps.append(_step(number, intent, speaker, text, "frustrated" if upset else "calm"))
        if number % 10 == 0:  # one more who says both, and nobody minds
            steps.append(_step(900 + number, intent, "desk:ana", text, "calm"))
    found = phrase_discoveries(steps, Masking())
    assert any("sorry" in one.evidence["phrase"] for one in found) is not by_the_bot


def test_a_snippet_shows_the_phrase() -> None:
    """The words around a phrase are shown, and no more."""
    text = "a " * 100 + "As stated above, no. " + "b " * 100
    shown = snippet(text, "as stated above")
    assert "As stated above" in shown
    assert len(shown) < 200


def _clusters(
    texts: Sequence[ClusterText], meaning: Sequence[Sequence[float]]
) -> list[TextCluster]:
    """The groups of ``texts`` by what they mean, in a shop that knows nothing."""
    rows = np.array(meaning, np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    space = KnownSpace(np.zeros((0, rows.shape[1]), np.float32), np.zeros(0, np.intp))
    return find_clusters(space, rows, texts, 3)


def _spread(count: int) -> list[list[float]]:
    """Different meanings that are as near to one another as those of one topic."""
    return [[1.0, *(0.9 * (at == own) for at in range(count))] for own in range(count)]


def test_who_asks_again_in_other_words_does_not_count_twice() -> None:
    """Four wordings of two customers are no group of three."""
    once = [ClusterText("en", author) for author in range(4)]
    again = [ClusterText("en", author % 2) for author in range(4)]
    assert [cluster.wordings for cluster in _clusters(once, _spread(4))] == [4]
    assert _clusters(again, _spread(4)) == []


def test_what_people_name_alike_ranks_above_what_is_only_alike() -> None:
    """The word must be the group's own: one that everybody writes tells nothing."""
    asked = ("can I rent a tandem", "is the tandem free", "a tandem on Sunday", "tandem prices")
    alike = ("a choir sings", "may I film", "two wooden stools", "seagulls there")
    everywhere = ("a bell rings", "the bell is loud", "bell and rope", "who cast that bell")
    scores = {}
    for name, inside, outside in (
        ("named", asked, alike),
        ("only alike", alike, asked),
        ("the word of all", everywhere, everywhere),
    ):
        texts = [ClusterText("en", at, own_words(t)) for at, t in enumerate((*inside, *outside))]
        far = [[*row, 0.0, 0.0, 0.0, 0.0, 0.0] for row in _spread(4)]
        away = [[0.0] * 5 + row for row in _spread(4)]
        groups = _clusters(texts, [*far, *away])
        scores[name] = next(group.score for group in groups if 0 in group.members)
    assert scores["named"] > 4 * scores["only alike"]
    assert scores["only alike"] == pytest.approx(scores["the word of all"])


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("Can I rent an old tandem?", {"rent", "tandem"}),
        ("Puis-je louer un vieux tandem ?", {"louer", "tandem"}),
        ("予約できますか", {"予約", "約で", "でき", "きま", "ます", "すか"}),
    ],
)
def test_the_words_that_name_something(text: str, named: set[str]) -> None:
    assert own_words(text) == named


def test_a_word_of_many_intents_is_the_whole_shops() -> None:
    examples = [(f"which bag is {word}", word) for word in ("red", "wide", "cheap", "sold")]
    assert shop_words(examples) == {"bag"}
