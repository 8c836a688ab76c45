"""Whether what the bot would say agrees with what a person answered."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from plugins.history.audit.forecasting import Seen, share
from plugins.history.audit.judging import Vectors, judge
from plugins.history.audit.model import AuditedMatter
from plugins.history.audit.topics import find_topics
from plugins.history.audit.words import part

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NO_WORDS = Vectors(by_text={})


def matter(bot: str, person: str, number: int = 1, **more: Any) -> AuditedMatter:
    values: dict[str, Any] = {
        "conversation": number, "message": number, "customer": number, "at": AT,
        "channel": "email", "question": "How long?", "intent": "time", "verdict": "answer",
        "bot": bot, "person": person,
    }  # fmt: skip
    return AuditedMatter(**{**values, **more})


def near(cosine: float, *texts: str) -> Vectors:
    """The first text is so near to each of the others."""
    other = np.array([cosine, (1 - cosine**2) ** 0.5], dtype=np.float32)
    first = np.array([1, 0], dtype=np.float32)
    return Vectors(by_text={text: other if at else first for at, text in enumerate(texts)})


@pytest.mark.parametrize(
    ("bot", "person", "agreement", "wrong"),
    [
        ("It takes 3 days.", "You have it in 3 days.", "agree", False),
        ("It takes 3 days.", "You have it in 5 days.", "differ", True),
        ("See https://a.example/x", "Look at https://a.example/x please", "agree", False),
        ("It depends.", "It does.", "cannot_tell", False),
    ],
)
def test_facts_decide(bot: str, person: str, agreement: str, wrong: bool) -> None:
    """The same fact agrees, another one is wrong, and without facts nothing is claimed."""
    [judged] = judge([matter(bot, person)], NO_WORDS)
    assert (judged.agreement, judged.wrong) == (agreement, wrong)


@pytest.mark.parametrize(
    ("cosine", "agreement", "wrong"),
    [(0.8, "agree", False), (0.35, "cannot_tell", False), (0.1, "differ", True)],
)
def test_words_decide_without_facts(cosine: float, agreement: str, wrong: bool) -> None:
    """Near words agree, far ones are about another matter, and between nobody can tell."""
    [judged] = judge([matter("We do.", "Yes.")], near(cosine, "We do.", "Yes."))
    assert (judged.agreement, judged.wrong) == (agreement, wrong)


def test_one_person_against_their_colleagues_proves_nothing() -> None:
    """When most colleagues say what the bot says, the bot is not called wrong."""
    same = [matter("It takes 3 days.", "3 days.", number) for number in range(2, 9)]
    judged = judge([matter("It takes 3 days.", "4 days."), *same], NO_WORDS)
    assert (judged[0].agreement, judged[0].wrong) == ("cannot_tell", False)


def test_a_person_who_looks_something_up_is_no_contradiction() -> None:
    """The bot answers in general, people answer this customer's case: that differs, and the bot is
    not wrong."""
    people = [f"MP-1000{n} left us on 5 May." for n in range(7)]
    said = np.array([1, 0], dtype=np.float32)
    vectors = Vectors(
        by_text={"See your account.": np.array([0, 1], dtype=np.float32)}
        | dict.fromkeys(people, said)
    )
    judged = judge(
        [matter("See your account.", text, n) for n, text in enumerate(people, 1)], vectors
    )
    assert {(each.agreement, each.wrong) for each in judged} == {("differ", False)}


def test_what_nobody_answered_cannot_be_told() -> None:
    """Without a person's answer there is nothing to compare."""
    [judged] = judge([matter("It takes 3 days.", "")], NO_WORDS)
    assert judged.agreement == "cannot_tell"


@pytest.mark.parametrize(
    ("person", "language", "agreement"),
    [
        ("Yes, our branch in Cascais opens then, too.", "en", "cannot_tell"),
        ("Oui, notre magasin de Namur aussi.", "fr", "cannot_tell"),
        ("Yes, our branch opens on Sunday, too.", "en", "differ"),
        ("Yes, as Ana wrote to you.", "en", "differ"),
        ("Cascais opens then.", "en", "differ"),
        ("Ja, unsere Filiale ist dann offen.", "de", "differ"),
        ("Ja, unsere Filiale ist dann offen.", "en", "differ"),
        ("Yes, the branch in Cascais opens then.", "de", "cannot_tell"),
    ],
)
def test_a_name_that_the_bot_lacks_proves_no_other_matter(
    person: str, language: str, agreement: str
) -> None:
    """A branch or a product moves the words far apart. Days, colleagues and what begins a sentence
    are no such names, nor are German nouns."""
    bot = "We are open on Sunday."
    asked = matter(bot, person, language=language, names=frozenset({"ana"}))
    [judged] = judge([asked], near(0.1, bot, person))
    assert (judged.agreement, judged.wrong) == (agreement, agreement == "differ")


def asked_and_said(*pairs: tuple[str, str]) -> tuple[list[AuditedMatter], Vectors]:
    """Matters whose questions have nothing in common, and whose equal answers are equal."""
    texts = list(dict.fromkeys(text for pair in pairs for text in pair))
    rows = np.eye(len(texts), dtype=np.float32)
    matters = [matter("", said, n, question=asked) for n, (asked, said) in enumerate(pairs, 1)]
    return matters, Vectors(by_text=dict(zip(texts, rows, strict=True)))


@pytest.mark.parametrize(
    ("others", "agreement"),
    [
        (("Write to support.",), "differ"),
        (tuple(f"Ask Support, please: {n}." for n in range(5)), "differ"),
        (("Write to us.",), "cannot_tell"),
    ],
)
def test_a_word_that_other_answers_have_is_no_name(others: tuple[str, ...], agreement: str) -> None:
    """Some people write "our Support team" with a capital: others have it in lower case, or many
    have it."""
    bot, person = "We are open on Sunday.", "Yes, our Support team is on it."
    more = [matter("", text, number, intent="other") for number, text in enumerate(others, 2)]
    judged = judge([matter(bot, person), *more], near(0.1, bot, person))
    assert (judged[0].agreement, judged[0].wrong) == (agreement, agreement == "differ")


def test_an_answer_that_says_little_joins_no_questions() -> None:
    """Six questions that all got "Yes, of course." are not one question six times; six that got the
    same fact are, and so is one question that came six times."""
    questions = [f"Question {n}?" for n in range(6)]
    little = [(each, "Yes, of course.") for each in questions]
    assert find_topics(*asked_and_said(*little)) == []
    japanese = [(each, "荷物は今日こちらの店からお送りしました。") for each in questions]
    assert [len(each.matters) for each in find_topics(*asked_and_said(*japanese))] == [6]
    short = [(each, "はい、そうです。") for each in questions]
    assert find_topics(*asked_and_said(*short)) == []
    told = [(each, "You find all of it at https://shop.example/help today.") for each in questions]
    assert [len(each.matters) for each in find_topics(*asked_and_said(*told))] == [6]
    again = [("Do you open on Sunday?", "Yes, of course.")] * 6
    assert [len(each.matters) for each in find_topics(*asked_and_said(*again))] == [6]


@pytest.mark.parametrize(
    ("yes", "of", "what", "expected"),
    [
        (2, 2, "matters", "2 of 2 matters"),
        (29, 29, "", "29 of 29"),
        (60, 100, "matters", "60\u202f% of matters"),
        (0, 30, "", "0\u202f%"),
    ],
)
def test_a_headline_counts_what_is_few(yes: int, of: int, what: str, expected: str) -> None:
    """A percentage of two conversations says more than is known."""
    seen = [Seen(n < yes, n, AT) for n in range(of)]
    assert part(share(seen), what) == expected
