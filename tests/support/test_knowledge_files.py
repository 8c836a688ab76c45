"""Files of answers and of examples: what may stand in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import AnswersFile, BadConfig, ExamplesFile, read_shape, read_shape_and_lines

ANSWERS = """\
answers:
  delivery:
    facts:
      price: €4.90
      days: {en: 3 days, de: 3 Tage}
    links: [{title: Delivery, url: /help}, {title: {en: Us}, url: "https://shop.example"}]
    say:
      en:
        opener: ""
        body: "It takes {days}."
        next_step: "It costs {price}, {name}."
      de: {body: ["Es dauert {days}.", Gern.], next_step: }
drafts:
  en: {opener: {angry: Sorry.}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "file.yaml"


def test_an_answer_is_told_in_its_languages(file: Path) -> None:
    """Facts are filled in, in that language; a text that needs a slot is left out."""
    file.write_text(ANSWERS, "utf-8")
    whole = read_shape(file, AnswersFile)
    answer = whole.answers["delivery"]
    assert answer.text_in("en") == "It takes 3 days."
    assert answer.text_in("de") == "Es dauert 3 Tage. Gern."
    first, second = answer.links
    assert (first.title_in("de"), second.title_in("de")) == ("Delivery", "")
    assert first.absolute("https://here.example/") == "https://here.example/help"
    assert second.absolute("https://here.example/") == "https://shop.example"
    assert whole.drafts["en"].opener == {"angry": "Sorry."}


def test_an_empty_opener_is_an_opener(file: Path) -> None:
    """Of no words; other keys without a value are as if absent."""
    file.write_text(ANSWERS, "utf-8")
    say = read_shape(file, AnswersFile).answers["delivery"].say
    assert say["en"].opener == {"otherwise": ""}
    assert say["de"].opener == {}
    assert say["de"].next_step is None
    file.write_text("answers:\n", "utf-8")
    assert read_shape(file, AnswersFile).answers == {}


@pytest.mark.parametrize(("text", "problem"), [
    ("answers: {a: {say: {en: {boddy: Hi}}}}", "a.say.en.boddy: unknown key"),
    ("answers: {a: {say: {}}}", "a.say: "),
    ("answers: {a: {say: {english: {body: Hi}}}}", "a.say.english: "),
    ("answers: {a: {say: {en: {body: []}}}}", "a.say.en.body: "),
    ("answers: {a: {say: {en: {body: Hi, opener: {sad: No}}}}}", "a.say.en.opener.sad: "),
    ("answers: {a: {facts: {B: x}, say: {en: {body: Hi}}}}", "a.facts.B: "),
    ("answers: {a: {links: [{title: X, url: 'javascript:x'}], say: {en: {body: Hi}}}}",
     "a.links.0.url: a link is https://..., mailto:..."),
])  # fmt: skip
def test_a_mistake_in_answers_is_named(file: Path, text: str, problem: str) -> None:
    """With file, line and key."""
    file.write_text(text, "utf-8")
    with pytest.raises(BadConfig) as caught:
        read_shape(file, AnswersFile)
    assert f"{file}:1: answers.{problem}" in str(caught.value)


def test_examples_are_lines_or_a_list(file: Path) -> None:
    """As Rasa's format allows, with their annotations; Rasa's other keys are ignored."""
    file.write_text(
        "version: '3.1'\nnlu:\n"
        "- intent: a\n  examples: |\n    - two [mugs](thing)\n    # a remark\n    -\n"
        "- intent: b\n  metadata: {x: y}\n  examples:\n  - text: |\n      - one\n    metadata: z\n"
        "  - no\n- lookup: city\n  examples:\n",
        "utf-8",
    )
    entries = read_shape(file, ExamplesFile).nlu
    assert [(entry.name, entry.examples) for entry in entries] == [
        (("intent", "a"), ("two [mugs](thing)",)),
        (("intent", "b"), ("one", "no")),
        (("lookup", "city"), ()),
    ]


@pytest.mark.parametrize(("text", "problem"), [
    ("nlu:\n- intnet: a", "2: nlu.0: has none of intent, synonym, regex, lookup; add one"),
    ("nlu: [{intent: a, examples: {x: y}}]", "1: nlu.0.examples: must be a block of `- example`"),
    ("nlu: [{intent: a, examples: [[x]]}]", "1: nlu.0.examples: must be a list of texts"),
    ("nlu: no", "1: nlu: must be a list"),
])  # fmt: skip
def test_a_mistake_in_examples_is_named(file: Path, text: str, problem: str) -> None:
    """The same."""
    file.write_text(text, "utf-8")
    with pytest.raises(BadConfig) as caught:
        read_shape(file, ExamplesFile)
    assert f"{file}:{problem}" in str(caught.value)


def test_repeated_keys_are_listed_with_their_lines(file: Path) -> None:
    """The outermost repeated key is listed; the keys below it are not."""
    file.write_text(
        "answers:\n  a: {say: {en: {body: Hi}}}\n  a: {say: {en: {body: Ho}}}\n", "utf-8"
    )
    whole, lines = read_shape_and_lines(file, AnswersFile)
    assert whole.answers["a"].say["en"].body == ("Ho",)
    assert [str(problem) for problem in lines.repeated] == [
        f"{file}:3: answers.a: is written twice, first on line 2; keep one"
    ]


def test_an_unknown_key_names_the_one_that_was_meant(file: Path) -> None:
    """Also below mappings and lists of models."""
    file.write_text("answers: {a: {links: [{title: A, urll: /a}], say: {en: {body: Hi}}}}", "utf-8")
    with pytest.raises(BadConfig, match=r"links\.0\.urll: unknown key; did you mean `url`\?$"):
        read_shape(file, AnswersFile)
