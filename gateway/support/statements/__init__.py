"""What a message states: facts, questions for facts, promises, and what was done.

Rules and word lists of our own for English, German, French and Spanish; values that look the same
everywhere are found in any language. Pure: the same text gives the same result.
"""

from gateway.support.statements.asked import AskedFact, FactName, asked_for, questions_for
from gateway.support.statements.claims import (
    GAP_IN_DRAFT,
    Claim,
    claims_in,
    unfilled,
    with_placeholders,
)
from gateway.support.statements.promises import promises_in
from gateway.support.statements.text import ReadText, fold, read_text, words_of
from gateway.support.statements.told import StatedFact, facts_told
from gateway.support.statements.values import (
    ValuePlace,
    order_codes,
    stated_names,
    value_places,
)
from gateway.support.statements.words import StatementWords, statement_words, value_shape

__all__ = [
    "GAP_IN_DRAFT",
    "AskedFact",
    "Claim",
    "FactName",
    "ReadText",
    "StatedFact",
    "StatementWords",
    "ValuePlace",
    "asked_for",
    "claims_in",
    "facts_told",
    "fold",
    "order_codes",
    "promises_in",
    "questions_for",
    "read_text",
    "stated_names",
    "statement_words",
    "unfilled",
    "value_places",
    "value_shape",
    "with_placeholders",
    "words_of",
]
