"""A sentence leaves only if its passage says it."""

from __future__ import annotations

import pytest

from gateway import Passage
from plugins.knowledge.phrasing.checking import SentenceChecker, quoted, source_text
from tests.bench.grounding.trial import packaged_encoder

TEXT = (
    "You can return unused lamps within 30 days of delivery. The money is back within 5 working "
    "days after the parcel reaches us in Leeds. Gift cards cannot be returned."
)
TABLE = "Country | Price | Days\nFrance | 4.90 | 3\nSpain | 6.90 | 5"


def passage(text: str = TEXT, **changes: object) -> Passage:
    return Passage(
        id=7, document=1, version=1, source=1, title="Returns", location="https://s.example/r",
        language="en", text=text,
    ).replace(**changes)  # fmt: skip


@pytest.fixture
def checker() -> SentenceChecker:
    return SentenceChecker(encoder=packaged_encoder())


@pytest.mark.parametrize(("language", "sentence", "quote"), [
    ("en", "Unused lamps can be sent back within 30 days of delivery.", "You can return unused"),
    ("en", "You have 30 days after delivery to return an unused lamp.", "You can return unused"),
    ("de", "Sie können unbenutzte Lampen innerhalb von 30 Tagen nach der Lieferung zurückgeben.",
     "You can return unused"),
    ("fr", "Les cartes cadeaux ne peuvent pas être retournées.", "Gift cards cannot"),
    ("es", "No se pueden devolver las tarjetas regalo.", "Gift cards cannot"),
])  # fmt: skip
async def test_a_faithful_sentence_holds(
    checker: SentenceChecker, language: str, sentence: str, quote: str
) -> None:
    """In other words, and in another language than the passage's."""
    check = await checker.check(sentence, language, passage(), [quote])
    assert check.reasons == ()


@pytest.mark.parametrize(("sentence", "quote", "reason"), [
    ("You can return unused lamps within 45 days of delivery.", "unused lamps", "figure"),
    ("You can return unused lamps within 5 working days.", "unused lamps", "figure"),
    ("You can return lamps within 30 days of delivery.", "unused lamps", "left_out"),
    ("You can return unused kettles within 30 days of delivery.", "unused lamps", "unknown_word"),
    ("You can return unused lamps within 30 days if the box is sealed.", "unused lamps",
     "deciding_word"),
    ("You can return unused lamps within 30 days of delivery and keep the bulbs.", "unused lamps",
     "unknown_word"),
    ("The money is back within 5 working days after the parcel reaches us in Hull.", "The money",
     "unknown_word"),
    ("Gift cards can be returned.", "Gift cards", "negation"),
    ("Gift cards cannot be returned.", "Gift cards may not be", "quote_not_in_passage"),
    ("Gift cards cannot be returned.", "", "quote_not_in_passage"),
    ("We have refunded the money for your lamp.", "The money", "claim"),
    ("Return unused lamps. " * 60, "unused lamps", "length"),
])  # fmt: skip
async def test_an_unfaithful_sentence_is_refused(
    checker: SentenceChecker, sentence: str, quote: str, reason: str
) -> None:
    """With the reason for the agent."""
    check = await checker.check(sentence, "en", passage(), [quote])
    assert reason in check.reasons


async def test_the_words_that_the_source_lacks_are_named(checker: SentenceChecker) -> None:
    check = await checker.check(
        "You can return unused kettles within 30 days of delivery.", "en", passage(), ["unused"]
    )
    assert check.words == ("kettles",)


async def test_a_table_is_read_with_its_head(checker: SentenceChecker) -> None:
    """The cells of one row, and the unit that the head or the title names."""
    table = passage(TABLE, kind="table", title="Delivery prices in €")
    row = ["Spain | 6.90 | 5"]
    said = await checker.check("The price for Spain is €6.90.", "en", table, row)
    other = await checker.check("The price for Spain is €4.90.", "en", table, row)
    assert (said.holds, other.holds) == (True, False)


def test_the_sentences_around_a_quote_support_it() -> None:
    """Whole, in the passage's own letters, whatever the spaces and marks of the quote."""
    [support] = quoted(TEXT, ["  the parcel\nreaches us  "])
    assert TEXT[support.start : support.end].startswith("The money is back")
    assert quoted("It says “new” here.", ['"new"'])
    assert quoted(TEXT, ["unused lamps", "not there"]) == ()


def test_titles_and_the_first_line_of_steps_are_context() -> None:
    steps = passage("To return a lamp:\n1. Pack it.\n2. Post it.", kind="steps", headings=("Post",))
    source = source_text(steps, quoted(steps.text, ["Post it"]))
    assert source.evidence == "2. Post it."
    assert source.context == "Returns. Post. To return a lamp:"
