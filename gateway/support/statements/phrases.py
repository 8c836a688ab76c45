"""What the detectors of facts, promises and claims know of a language: ``words/phrases.yaml``.

English, German, French and Spanish; any other language is read as English, where little is found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from gateway.model import Value
from gateway.settings import packaged_yaml
from gateway.support.statements.text import ReadText, fold
from gateway.support.statements.words import STATEMENT_LANGUAGES, any_of

PHRASE_LANGUAGES = ("en", "de", "fr", "es")


class StatementPhrases(Value, frozen=True, kw_only=True):
    """One language's part of ``phrases.yaml``, which says what each is for. Folded."""

    asks_refused: re.Pattern[str]
    asks_nothing: re.Pattern[str]
    asks_wants: re.Pattern[str]
    asks_choice: re.Pattern[str]
    asks_more: Mapping[str, re.Pattern[str]]
    request_more: frozenset[str]
    told_dates: re.Pattern[str]
    told_date_not: re.Pattern[str]
    told_first_day: re.Pattern[str]
    joins_dates: re.Pattern[str]
    before_dates: re.Pattern[str]
    between_dates: re.Pattern[str]
    told_now: re.Pattern[str]
    told_event: re.Pattern[str]
    told_photo: re.Pattern[str]
    told_photo_not: re.Pattern[str]
    told_size: re.Pattern[str]
    told_item: re.Pattern[str]
    told_thing: re.Pattern[str]
    told_signature: re.Pattern[str]
    told_thanks: re.Pattern[str]
    told_name: re.Pattern[str]
    told_name_after: re.Pattern[str]
    told_colour: re.Pattern[str]
    told_colour_not: re.Pattern[str]
    not_told: Mapping[str, re.Pattern[str]]
    wares: re.Pattern[str]
    not_wares: frozenset[str]
    article_head: Literal["first", "last", "capital"]
    before_items: frozenset[str]
    not_items: frozenset[str]
    not_item_endings: tuple[str, ...]
    item_end: frozenset[str]
    item_stop: frozenset[str]
    commits: re.Pattern[str]
    commits_not: re.Pattern[str]
    conditional: re.Pattern[str]
    whether: re.Pattern[str]
    kinds: Mapping[str, re.Pattern[str]]
    claims: Mapping[str, re.Pattern[str]]
    claims_not: re.Pattern[str]
    fill_in: Mapping[str, str]


def reading_order(language: str) -> tuple[str, ...]:
    """The languages in which a text of a conversation in ``language`` is read: that one first, then
    the others, because people also write in another one. One without phrases is read as English."""
    first = language if language in PHRASE_LANGUAGES else "en"
    return (first, *(other for other in PHRASE_LANGUAGES if other != first))


def likely_languages(read: ReadText, language: str) -> tuple[str, ...]:
    """The languages in which a text is to be read whose conversation is in ``language``: those of
    whose function words it has most. The conversation's own comes first while it has at most one
    word fewer; Italian and Dutch, of which there are no such words, always do."""
    own = language if language in STATEMENT_LANGUAGES else "en"
    said = {one: sum(word in phrases(one).item_stop for word in read.sequence)
            for one in PHRASE_LANGUAGES}  # fmt: skip
    best = max(said.values())
    likely = [own] if said.get(own, best) >= best - 1 else []
    return (*likely, *(one for one in PHRASE_LANGUAGES if said[one] == best and one != own))


@cache
def phrases(language: str) -> StatementPhrases:
    """The phrases of ``language``; of English for one of no file."""
    if language not in PHRASE_LANGUAGES:
        return phrases("en")
    tree: dict[str, Any] = packaged_yaml(
        "gateway.support.statements", f"words/phrases_{language}.yaml"
    )
    parts = {**tree["parts"], "colour": "|".join(tree["colours"].split())}
    tree = {**tree, "parts": parts}
    lists = {name: any_of(fill(patterns, tree)) for name, patterns in tree.items()
             if isinstance(patterns, list)}  # fmt: skip
    return StatementPhrases(
        **lists,
        not_told={fact: any_of(patterns) for fact, patterns in tree["not_told"].items()},
        wares=_words(tree["wares"]),
        not_wares=frozenset(tree.get("not_wares", "").split()),
        article_head=tree["article_head"],
        before_items=frozenset(fold(tree["before_items"]).split()),
        not_items=frozenset(
            fold(tree["not_items"] + " " + tree["colours"].replace("|", " ")).split()
        ),
        not_item_endings=tuple(tree["not_item_endings"].split("|")),
        item_end=frozenset(fold(tree["item_end"]).split()),
        item_stop=frozenset(fold(tree["item_stop"]).split()),
        asks_more={fact: any_of([pattern]) for fact, pattern in tree["asks_more"].items()},
        request_more=frozenset(tree["request_more"].split()),
        kinds={kind: any_of([pattern]) for kind, pattern in tree["kinds"].items()},
        claims={kind: any_of(fill([pattern], tree)) for kind, pattern in tree["claims"].items()},
        fill_in=tree["fill_in"],
    )


def fill(patterns: list[str], tree: Mapping[str, Any]) -> list[str]:
    """``patterns`` with each ``{name}`` replaced by what ``parts`` of the file has for it. A part
    may have those before it."""
    for name, part in reversed(tree["parts"].items()):
        patterns = [pattern.replace(f"{{{name}}}", f"(?:{part})") for pattern in patterns]
    return patterns


def _words(text: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(fold(text).split())})\b")
