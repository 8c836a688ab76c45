"""Which free texts are survey answers, and what they say."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import SurveyAnswer
from plugins.followup import parse_answer
from plugins.followup.texts import TEXTS

SCORES = [
    ("4", 4), ("4/5", 4), ("5 / 5", 5), ("4 out of 5", 4), ("4 von 5 Sternen", 4), ("4 sur 5", 4),
    ("3 de 5", 3), ("٤ من ٥", 4), ("٤", 4), ("4️⃣", 4), ("(5)", 5), ("5.", 5), ("4.5", 5),
    ("4,2", 4), ("8/10", 4), ("10/10", 5), ("1/10", 1), ("0/10", 1), ("★★★★", 4), ("★★★★☆", 4),
    ("⭐️⭐️⭐️", 3), ("*****", 5), ("five", 5), ("Five stars!", 5), ("fünf Sterne", 5), ("quatre", 4),
    ("cinco estrellas", 5), ("خمس نجوم", 5), ("3 stars", 3), ("I'd give it a 4", 4),
    ("score: 2", 2), ("Ich gebe eine 2", 2), ("je mets 3", 3), ("le doy un 4", 4), ("5 thanks", 5),
    ("5 grazie", 5), ("4 stelle", 4), ("5 obrigado", 5), ("4 estrelas", 4), ("4 su 5", 4),
    ("5 bedankt", 5), ("4 sterren", 4), ("5 dziękuję", 5), ("4 gwiazdki", 4), ("5 tack", 5),
    ("4 stjärnor", 4), ("5 teşekkürler", 5), ("4 yıldız", 4), ("5 ありがとうございます", 5),
    ("5です", 5), ("4点", 4), ("星4つ", 4),
]  # fmt: skip

OPINIONS = [
    ("yes", True), ("yes thanks", True), ("Yes, thank you very much!", True), ("ja", True),
    ("Ja, danke", True), ("oui merci", True), ("sí, gracias", True), ("نعم شكرا", True),
    ("👍", True), ("👍🏽👍🏽", True), ("👍 thanks", True), ("it is solved", True),
    ("alles gut, danke", True), ("hat alles gut geklappt", True), ("works again", True),
    ("ya funciona", True), ("no, still broken", False), ("No", False), ("nein", False),
    ("nein, leider nicht", False), ("nicht gelöst", False), ("Das ist immer noch kaputt", False),
    ("pas résolu", False), ("Non, ce n'est toujours pas résolu", False), ("no funciona", False),
    ("sigue sin funcionar", False), ("no está resuelto", False), ("لم يتم حل المشكلة", False),
    ("لا", False), ("not solved", False), ("unsolved", False), ("It isn’t fixed", False),
    ("it's not working", False), ("the handle broke again", False), ("👎", False), ("bad", False),
    ("Not good", False), ("no, where is my refund?", False),
]  # fmt: skip

NO_ANSWERS = [
    "", "   ", "!!!", "Where is my parcel?", "When do you open", "How do I return a bag",
    "2 items are missing from my order", "I want to order 3 bags", "3 bags please",
    "4 of 5 items arrived", "5€ were charged twice", "one more question", "un problème",
    "cancel my order", "I can't find my order number", "No encuentro mi pedido nuevo desde ayer",
    "yes but can you also tell me when you open?", "6", "0", "42", "2026-11-23", "12345",
    "👍 but where is my order?", "2、3日前に注文しました", "2 men came", "5 per box",
    "Könnt ihr mal schauen", "x" * 3000,
]  # fmt: skip

STOPS = [
    "STOP", "stop.", "Stop asking me this", "please stop", "unsubscribe please", "opt out",
    "don't ask me again", "no more surveys", "abmelden", "keine Umfragen mehr", "désabonner",
    "arrêtez", "BAJA", "darme de baja", "إيقاف", "إلغاء الاشتراك",
]  # fmt: skip

COURTESIES = {
    "en": "thank you", "de": "danke", "fr": "merci", "es": "gracias", "it": "grazie",
    "pt": "obrigada", "nl": "bedankt", "pl": "dziękuję", "sv": "tack", "tr": "teşekkürler",
    "ar": "شكرًا", "ja": "お願いします",
}  # fmt: skip

LOW_SCORES = [
    ("2, still broken", 2), ("2 still broken", 2), ("2 stars still broken", 2),
    ("1 immer noch kaputt", 1), ("2 toujours en panne", 2), ("2, sigue roto", 2),
    ("1, ancora rotto", 1), ("2 ainda não chegou", 2), ("2 nog steeds kapot", 2),
    ("1, wciąż nie działa", 1), ("2 fortfarande trasig", 2), ("2, hâlâ bozuk", 2),
    ("2، لا يزال معطلا", 2), ("2、まだ壊れています", 2), ("2点。まだ届いていません", 2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "score"), SCORES)
def test_scores_are_read(text: str, score: int) -> None:
    """As stars, digits, words and out of ten, in five languages."""
    answer = parse_answer(text)
    assert answer is not None
    assert (answer.score, answer.solved, answer.opt_out) == (score, None, False)


@pytest.mark.parametrize(("text", "solved"), OPINIONS)
def test_opinions_are_read(text: str, solved: bool) -> None:
    """Yes, no, thumbs and "still broken"."""
    answer = parse_answer(text)
    assert answer is not None
    assert (answer.score, answer.solved) == (None, solved)


@pytest.mark.parametrize(
    ("text", "score", "solved"),
    [
        ("cinque", 5, None), ("quatro", 4, None), ("vijf", 5, None), ("cztery", 4, None),
        ("två", 2, None), ("üç", 3, None), ("sì, grazie", None, True), ("sim", None, True),
        ("tak, dziękuję", None, True), ("evet", None, True), ("はい", None, True),
        ("não", None, False), ("nie", None, False), ("nej", None, False), ("hayır", None, False),
        ("non è risolto", None, False), ("não está resolvido", None, False),
        ("niet opgelost", None, False), ("nie działa", None, False), ("inte löst", None, False),
        ("çözülmedi", None, False), ("まだ解決していません", None, False),
    ],
)  # fmt: skip
def test_answers_are_read_in_the_other_served_languages(
    text: str, score: int | None, solved: bool | None
) -> None:
    """Italian, Portuguese, Dutch, Polish, Swedish, Turkish, Japanese."""
    answer = parse_answer(text)
    assert answer is not None
    assert (answer.score, answer.solved) == (score, solved)


@pytest.mark.parametrize("text", NO_ANSWERS)
def test_other_texts_are_no_answer(text: str) -> None:
    """A new question, an order with numbers in it, or nothing at all."""
    assert parse_answer(text) is None


@pytest.mark.parametrize("text", STOPS)
def test_opt_outs_are_read(text: str) -> None:
    """In the many ways in which customers say it."""
    assert parse_answer(text) == SurveyAnswer(opt_out=True)


@pytest.mark.parametrize(("language", "sentence"), TEXTS.no_more.items())
def test_the_words_that_the_survey_offers_stop_it(language: str, sentence: str) -> None:
    """In each language: as they stand, in quotes, behind a score, and with a word of courtesy."""
    words = re.findall("[“„”«「] ?(.+?) ?[”“»」]", sentence)[0]
    thanks = COURTESIES[language]
    for said in (words, f"{words}.", f"«{words}»", words.upper(), f"4, {words}"):
        assert (answer := parse_answer(said)), said
        assert answer.opt_out, said
    for said in (f"{words}, {thanks}", f"{words} {thanks}!"):
        assert parse_answer(said) == SurveyAnswer(opt_out=True), said


@pytest.mark.parametrize(("text", "score"), LOW_SCORES)
def test_a_low_score_keeps_the_words_behind_it(text: str, score: int) -> None:
    """In twelve languages, with and without a comma."""
    assert parse_answer(text) == SurveyAnswer(score=score, solved=False, comment=text)


POLITE = [
    "no thanks", "No problem", "no gracias", "non merci", "thanks!", "Vielen Dank!",
    "Grazie mille, tutto perfetto", "Muito obrigada pela ajuda!", "Hartelijk bedankt voor uw hulp",
    "Dziękuję bardzo za pomoc!", "Tack så mycket för hjälpen", "Çok teşekkür ederim",
    "شكرًا جزيلًا على المساعدة", "ありがとうございました。助かりました",
]  # fmt: skip


@pytest.mark.parametrize("text", POLITE)
def test_polite_words_are_no_complaint(text: str) -> None:
    """They are an answer that says neither yes nor no, in twelve languages."""
    assert parse_answer(text) == SurveyAnswer(comment=text)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("4 - but slow", SurveyAnswer(score=4, comment="4 - but slow")),
        ("2, it is still broken", SurveyAnswer(score=2, solved=False,
                                               comment="2, it is still broken")),
        ("1 STOP", SurveyAnswer(score=1, comment="1 STOP", opt_out=True)),
        ("5! Great service", SurveyAnswer(score=5, comment="5! Great service")),
    ],
)  # fmt: skip
def test_words_with_a_score_are_kept_and_read(text: str, answer: SurveyAnswer) -> None:
    """The comment is the whole text, and its words can say "not solved" or STOP."""
    assert parse_answer(text) == answer


@given(st.text(max_size=200))
def test_any_text_gives_a_valid_answer_or_none(text: str) -> None:
    """The score is 1 to 5, and the comment is the text."""
    answer = parse_answer(text)
    if answer is not None:
        assert answer.score is None or 1 <= answer.score <= 5
        assert answer.comment in ("", text.strip())


@given(
    st.integers(1, 5), st.sampled_from(["{}", "{}/5", " {}!", "{} stars", "{} out of 5", "({})"])
)
def test_a_score_is_read_in_every_form(score: int, way: str) -> None:
    """With and without the scale, brackets and marks."""
    answer = parse_answer(way.format(score))
    assert answer is not None
    assert answer.score == score


@pytest.mark.parametrize(
    "text", ["thank you " * 190 + "x", "a it " * 390 + "x", "stop the " * 200 + "x", "★ " * 900,
             "not " * 490 + "x", "no " * 600, "4" * 1900, "لا " * 600, "* " * 900]
)  # fmt: skip
def test_long_texts_are_read_quickly(text: str) -> None:
    """No text makes the patterns backtrack without end."""
    begun = time.perf_counter()
    parse_answer(text)
    assert time.perf_counter() - begun < 0.5
