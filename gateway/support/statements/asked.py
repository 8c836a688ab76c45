"""Which facts a message of ours asks the customer for."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal, get_args

from gateway.model import Value
from gateway.support.statements.phrases import StatementPhrases, likely_languages, phrases
from gateway.support.statements.text import ReadText, read_text, words_of
from gateway.support.statements.values import ValuePlace, value_places
from gateway.support.statements.words import StatementWords, statement_words

FactName = Literal[
    "order",
    "email",
    "phone",
    "address",
    "name",
    "date",
    "item",
    "size",
    "colour",
    "amount",
    "photo",
    "problem",
]
"""``order``: the number of an order, parcel or invoice. ``problem``: what happened or is wanted."""

SENTENCE = re.compile(r"[^.?!\n]+(?:[.?!]+(?=\S)[^.?!\n]+)*[.?!]*")
_MAIL_ADDRESS = re.compile(
    r"(?:e-?mail|mail)[- ]?(?:adress\w*|address\w*)|adresse (?:de )?(?:e-?mail|mail|electronique"
    r"|courriel|courrier electronique)"
    r"|direccion de (?:correo|e-?mail)"
)
_POSTAL = re.compile(
    r"address|adress|anschrift|direccion|indirizzo|adres\b|wohin|where|donde|\bou\b"
)
_ONE_OF_MANY = frozenset(("order", "address", "phone", "email", "date", "name"))
_NOT_PROBLEMS = frozenset(get_args(FactName)) - {"problem"}
_CHOICE = frozenset(("item", "size", "colour", "amount"))


class AskedFact(Value, frozen=True, kw_only=True):
    """A fact that a message asks for; ``text[start:end]`` is the sentence that does."""

    name: str
    start: int
    end: int


@lru_cache(1024)
def asked_for(text: str, language: str) -> tuple[AskedFact, ...]:
    """The facts (see `FactName`) that ``text`` asks the customer for, each once.

    Not asked for is a fact that the sentence names with its value (to confirm it), another one
    than the one given, and one that is refused with the reason why it does not do. ``language`` is
    the conversation's; the text may be in another one (see `likely_languages`).
    """
    read = read_text(text)
    found = (_asked_for(read, one) for one in likely_languages(read, language))
    return next(filter(None, found), ())


def _asked_for(read: ReadText, language: str) -> tuple[AskedFact, ...]:
    words, known = statement_words(language), phrases(language)
    given = {(place.fact, place.start) for place in value_places(read, words)}
    found: dict[str, AskedFact] = {}
    refused = known.asks_refused.search(read.folded) is not None
    more = _more_questions(read, words, known)
    for place in (*questions_for(read, words), *more):
        sentence = read.folded[place.start : place.end]
        confirms = any(
            fact == place.fact and place.start <= at < place.end for fact, at in given
        ) or (known.asks_choice.search(sentence) and place.fact in _CHOICE)
        mailed = (
            place.fact == "address"
            and _MAIL_ADDRESS.search(sentence)
            and not _POSTAL.search(_MAIL_ADDRESS.sub(" ", sentence))
        )
        if confirms or mailed or refused or known.asks_nothing.search(sentence):
            continue
        if words.unneeded.search(sentence) or words.has("other_one", words_of(sentence)):
            continue
        asked = AskedFact(name=place.fact, start=place.start, end=place.end)
        found.setdefault(place.fact, asked)
    return tuple(found.values())


def _more_questions(
    read: ReadText, words: StatementWords, known: StatementPhrases
) -> list[ValuePlace]:
    """Questions for a fact that the measures do not count; also without a question mark: `I only
    need your postcode`."""
    found: list[ValuePlace] = []
    for match in SENTENCE.finditer(read.folded):
        sentence = match[0]
        said = frozenset(words_of(sentence))
        asks = "?" in sentence or words.has("request", said)
        wants = not asks and known.asks_wants.search(sentence) is not None
        if not (asks or wants) and known.request_more.isdisjoint(said):
            continue
        facts = [fact for fact, pattern in known.asks_more.items() if pattern.search(sentence)]
        if wants:
            facts += [
                fact
                for fact, pattern in words.asks.items()
                if fact in _NOT_PROBLEMS
                and pattern.search(sentence)
                and not _asks_for_more(fact, said, words)
            ]
        found += [ValuePlace(fact, match.start(), match.end(), "") for fact in facts]
    return found


def questions_for(read: ReadText, words: StatementWords) -> tuple[ValuePlace, ...]:
    """The sentences of ``read`` that ask for a fact, with the fact; as `asked_for`, but a fact with
    its value counts too."""
    if "?" not in read.text and not words.has("request", read.words):
        return ()
    found: list[ValuePlace] = []
    for match in SENTENCE.finditer(read.folded):
        sentence = match[0]
        said = frozenset(words_of(sentence))
        asks = "?" in sentence or words.has("request", said)
        if not asks or words.unneeded.search(sentence):
            continue
        found += [
            ValuePlace(fact, match.start(), match.end(), "")
            for fact, pattern in words.asks.items()
            if pattern.search(sentence) and not _asks_for_more(fact, said, words)
        ]
    return tuple(found)


def _asks_for_more(fact: str, said: frozenset[str], words: StatementWords) -> bool:
    """Whether the sentence asks for another one or for more than was told."""
    if fact in _ONE_OF_MANY:
        return words.has("other_one", said)
    if fact == "photo":
        return any(words.has(name, said) for name in ("more", "also_of_photo", "unfit_photo"))
    return words.has("more", said)
