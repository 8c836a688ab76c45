"""Loading answer files: what is accepted, and what is refused."""

from __future__ import annotations

import pytest

from gateway import BadConfig, Fact
from plugins.faq import load
from tests.faq.conftest import Write

HERE = "http://127.0.0.1:8080"

SHIPPING = """\
answers:
  shipping:
    facts:
      days: 2-3
      price: {en: €4.90, de: "4,90 €"}
    links:
      - {title: {en: Delivery, de: Lieferung}, url: /shop/help#delivery}
      - {title: {en: The post, de: Die Post}, url: https://post.example/}
    say:
      en:
        body: ["It takes {days} days.", "We charge {price}."]
        next_step: Order within {days} days.
        buttons: [{title: Cost?}, {title: Returns, payload: How do I return it?}]
      de:
        body: "In {days} Tagen, für {price}."
"""


def problems(write: Write, text: str) -> list[str]:
    """The problems of ``text``, each as line: key: message."""
    path = write(text)
    with pytest.raises(BadConfig) as caught:
        load([path], public_url=HERE)
    assert {p.file for p in caught.value.problems} == {str(path)}
    return [f"{p.line}: {p.key}: {p.message}" for p in caught.value.problems]


def test_facts_are_filled_in(write: Write) -> None:
    """Each language has the facts in its own form, and declares them for the voice."""
    answers = load([write(SHIPPING)], public_url=HERE)
    english, german = answers.find("shipping", "en"), answers.find("shipping", "de")
    assert english
    assert german
    assert english.reply.body == ("It takes 2-3 days.", "We charge €4.90.")
    assert english.reply.next_step == "Order within 2-3 days."
    assert english.reply.facts == (
        Fact(name="days", value="2-3"),
        Fact(name="price", value="€4.90"),
    )
    assert german.reply.body == ("In 2-3 Tagen, für 4,90 €.",)
    assert {fact.value for fact in german.reply.facts} == {"2-3", "4,90 €"}


def test_links_and_buttons_are_loaded(write: Write) -> None:
    """A path is joined to ``public_url``; a button without payload sends its title."""
    answer = load([write(SHIPPING)], public_url=HERE + "/").find("shipping", "en")
    assert answer
    assert [(link.title, link.url) for link in answer.reply.links] == [
        ("Delivery", "http://127.0.0.1:8080/shop/help#delivery"),
        ("The post", "https://post.example/"),
    ]
    assert [(b.title, b.payload) for b in answer.reply.buttons] == [
        ("Cost?", "Cost?"),
        ("Returns", "How do I return it?"),
    ]


@pytest.mark.parametrize("language", ["fr", "und"])
def test_other_languages_get_the_fallback(write: Write, language: str) -> None:
    """A language without a text gets the fallback language, which the reply names."""
    answer = load([write(SHIPPING)], public_url=HERE, fallback="de").find("shipping", language)
    assert answer
    assert answer.reply.language == "de"


def test_scalars_are_kept_as_written(write: Write) -> None:
    """The language ``no`` is not false, and 4.90 keeps its zero."""
    text = """\
answers:
  price:
    facts: {amount: 4.90}
    say:
      en: {body: "{amount} euros"}
      no: {body: "{amount} kroner"}
"""
    answer = load([write(text)], public_url=HERE).find("price", "no")
    assert answer
    assert answer.reply.body == ("4.90 kroner",)


def test_every_mistake_is_reported_at_once(write: Write) -> None:
    """Each with its line, its key, and what to do."""
    text = """\
answers:
  shipping:
    facts:
      days: {en: 2-3}
      never: 7
    links: [{title: {de: Lieferung}, url: /help}]
    say:
      en: {body: "It takes {dasy}."}
      de: {body: "In {days} Tagen, {never}."}
  returns:
    say:
      fr: {body: Oui.}
"""
    assert problems(write, text) == [
        "4: answers.shipping.facts.days: has no value for `de`; add one, or one value for all",
        "6: answers.shipping.links.0.title: has no title for `en`; add one, or one title for all",
        (
            "8: answers.shipping.say.en.body: `{dasy}` is not among the facts or slots; did you "
            "mean `{days}`?"
        ),
        (
            "8: answers.shipping.say.en.body: never states the fact `never`; write `{never}` "
            "where it belongs"
        ),
        "11: answers.returns.say: `en` is missing; every answer needs it",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "answers:\n  a:\n    say:\n      en:\n        boddy: Hi\n",
            [
                "5: answers.a.say.en.boddy: unknown key; did you mean `body`?",
            ],
        ),
        (
            "answers:\n  a:\n    say:\n      en: {body: Hi, opener: {furious: No}}\n",
            [
                (
                    "4: answers.a.say.en.opener.furious: is none of `calm`, `pleased`, `confused`, "
                    "`anxious`, `frustrated`, `angry`, `urgent` or `otherwise`; did you mean "
                    "`angry`?"
                )
            ],
        ),
        (
            "answers:\n  a: {say: {en: {body: Hi}}}\n  a: {say: {en: {body: Ho}}}\n",
            ["3: answers.a: is written twice, first on line 2; keep one"],
        ),
        (
            (
                "answers:\n  a:\n    links: [{title: X, url: 'javascript:alert(1)'}]\n"
                "    say: {en: {body: Hi}}\n"
            ),
            [
                (
                    "3: answers.a.links.0.url: a link is https://..., mailto:... or the path of a "
                    "page here, /...; change the value"
                )
            ],
        ),
        (
            "answers:\n  a: [unclosed\n",
            [
                (
                    "2: : not YAML: what begins here lacks a comma or its `]`, or has text after "
                    "a quote; add it"
                )
            ],
        ),
        ("", ["1: answers: is missing; add it"]),
        ("- a\n", ["1: : must be a mapping; write `key: value`"]),
    ],
)
def test_each_mistake_is_reported(write: Write, text: str, expected: list[str]) -> None:
    """With its line, its key, and what to do."""
    assert problems(write, text) == expected


def test_a_list_that_contains_itself_is_refused(write: Write) -> None:
    """YAML allows it; answers do not."""
    found = problems(write, "answers: {a: {say: {en: {body: &b [*b]}}}}\n")
    assert any("alias (*name) refers to itself" in line for line in found)


def test_an_intent_is_answered_in_one_file(write: Write) -> None:
    """A second answer to it is a problem of the second file."""
    once = "answers:\n  a: {say: {en: {body: Hi}}}\n"
    first, second = write(once, "a.yaml"), write(once, "b.yaml")
    with pytest.raises(BadConfig) as caught:
        load([first, second], public_url=HERE)
    assert str(caught.value) == (
        f"{second}:2: answers.a: is answered in an earlier file, too; keep one of them"
    )


def test_a_missing_file_is_a_problem(write: Write) -> None:
    """The message has its path."""
    path = write("").with_name("nowhere.yaml")
    with pytest.raises(BadConfig, match=r"nowhere\.yaml:0: : cannot be read"):
        load([path], public_url=HERE)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"answers: \x07", b"\x00"])
def test_binary_files_are_refused(write: Write, data: bytes) -> None:
    """Whatever the file holds, only BadConfig is raised."""
    path = write("")
    path.write_bytes(data)
    with pytest.raises(BadConfig):
        load([path], public_url=HERE)
