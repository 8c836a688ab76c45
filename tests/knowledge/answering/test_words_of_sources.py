"""The words of a source leave as they stand there, whatever the channel, mood and language."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from brand_voice import GuidedVoice, load
from gateway import Emotion, Passage, RenderContext
from plugins.knowledge.answering.confidence import WeighedPassage
from plugins.knowledge.answering.extracts import Extract, extract, sentence_spans
from plugins.knowledge.answering.replies import answer
from plugins.knowledge.retrieval import FoundPassage

VOICE = GuidedVoice(load(None))
SAID = (
    "Great news!!! Please note that we utilise DHL 😀 prior to 12:00. "
    "We apologise for any inconvenience caused; parcels cost €4.90."
)
PAGE = Passage(
    id=7,
    document=1,
    version=1,
    source=1,
    title="How we deliver!",
    location="https://help.example/delivery",
    language="en",
    text=SAID,
    updated_at=datetime(2026, 3, 3, tzinfo=UTC),
    anchor="costs",
)


def found(passage: Passage, *sentences: tuple[int, int, float]) -> FoundPassage:
    return FoundPassage(passage=passage, score=1, cosine=1, bm25=1, sentences=sentences)


def said(passage: Passage, *sentences: tuple[int, int, float]) -> Extract:
    extracted = extract(found(passage, *sentences))
    assert extracted is not None
    return extracted


def rendered(passage: Passage, language: str = "en", **when: str) -> str:
    candidate = WeighedPassage(found=found(passage), confidence=1, said=said(passage))
    reply = answer(candidate, said(passage), language)
    mood = Emotion(label=when.get("mood", "calm"))  # type: ignore[arg-type]
    context = RenderContext(channel=when.get("channel", "webchat"), emotion=mood)
    return "\n".join(VOICE.render(reply, context).parts)


@pytest.mark.parametrize("channel", ["rest", "webchat", "email", "sms", "slack", "telegram"])
@pytest.mark.parametrize("mood", ["calm", "pleased", "confused", "anxious"])
def test_no_rule_changes_what_the_source_says(channel: str, mood: str) -> None:
    """Filler, cheer, emoji and exclamation marks of a source stay: they are its words."""
    shown = rendered(PAGE, channel=channel, mood=mood).replace("\n", " ")
    assert SAID in shown
    assert "https://help.example/delivery#costs" in shown


@pytest.mark.parametrize(
    ("language", "line"),
    [
        ("en", "How we deliver!, updated on 3 March 2026"),
        ("de", "How we deliver!, Stand 3. März 2026"),
        ("fr", "How we deliver!, mise à jour du 3 mars 2026"),
        ("es", "How we deliver!, actualizado el 3 de marzo de 2026"),
        ("it", "How we deliver!, aggiornato il 3 marzo 2026"),
        ("pt", "How we deliver!, atualizado em 3 de março de 2026"),
        ("pl", "How we deliver!, aktualizacja: 3 marca 2026"),
        ("nl", "How we deliver!, bijgewerkt op 3 maart 2026"),
        ("ar", "How we deliver!، آخر تحديث في 3 مارس 2026"),
        ("sv", "How we deliver!, uppdaterad 3 mars 2026"),
        ("ja", "How we deliver!（2026年3月3日更新）"),
        ("da", "How we deliver!, updated on 3 March 2026"),
    ],
)
def test_the_link_has_the_date_as_the_language_writes_it(language: str, line: str) -> None:
    """In the languages of the texts; English for others."""
    assert line in rendered(PAGE, language)


def test_a_page_in_another_language_is_announced_in_the_customers() -> None:
    """The words of the page stay in its language."""
    shown = rendered(PAGE.replace(language="de", text="Pakete kosten 4,90 €."), "fr")
    assert shown.startswith("Notre page à ce sujet est en allemand :")
    assert "Pakete kosten 4,90 €." in shown


def test_a_file_without_an_address_is_named() -> None:
    """No link leads to a file of the team's own."""
    assert "From: How we deliver!" in rendered(PAGE.replace(location="saved.csv"))


LONG = " ".join(
    f"Sentence {number} tells of another matter at some length." for number in range(12)
)


def at(passage: Passage, words: str) -> tuple[int, int, float]:
    start = passage.text.index(words)
    spans = [(a, b) for a, b in sentence_spans(passage.text) if a <= start < b]
    return (*spans[0], 0.9)


def test_of_a_long_passage_the_sentence_that_answers_is_said() -> None:
    """And what restricts it, which follows."""
    passage = PAGE.replace(text=f"{LONG} Returns are free. However, this excludes pianos. {LONG}")
    extracted = said(passage, at(passage, "Returns are free"))
    assert extracted.text == "Returns are free. However, this excludes pianos."


def test_a_sentence_that_leans_on_the_one_before_takes_it_along() -> None:
    passage = PAGE.replace(text=f"{LONG} You choose the label. It costs €5. {LONG}")
    assert said(passage, at(passage, "It costs")).text == "You choose the label. It costs €5."


def test_a_list_stays_whole_with_what_leads_to_it() -> None:
    items = "You need:\n- the receipt\n- the carton"
    passage = PAGE.replace(text=f"{LONG}\n{items}\n{LONG}")
    assert said(passage, at(passage, "the carton")).text == items


def test_a_table_that_is_too_long_is_never_cut() -> None:
    table = PAGE.replace(text="\n".join(f"Model {n} | {n} €" for n in range(80)), kind="table")
    assert extract(found(table)) is None


def test_abbreviations_end_no_sentence() -> None:
    text = "Allow approx. 3 days, e.g. Monday. It is free."
    assert [text[a:b] for a, b in sentence_spans(text)] == [
        "Allow approx. 3 days, e.g. Monday.",
        "It is free.",
    ]
