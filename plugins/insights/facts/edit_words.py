"""The words of an edit: what the reader of edits knows of each language, and misspelt words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from gateway import fold, packaged_yaml

from .wording import LANGUAGES, stem, wording

TOKEN = re.compile(
    r"(?:https?://|www\.)\S+|[\w.+-]{1,64}@[\w.-]+|\b[\w-]{1,63}(?:\.[a-z]{2,})+(?:/\S*)?"
    r"|\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*"
)
"""A word, number, link or address."""
EXACT = re.compile(r"\d|@|/|\w\.\w")
"""In a token that must not change: numbers, links, addresses."""
ELIDED = re.compile(r"^(?:[cdjlmnst]|qu|un|dell|all|nell)['’]")
_LISTS = (
    "courtesy", "manner", "filler", "formal", "informal", "numbers", "negations", "conditions",
    "hedges", "helps",
)  # fmt: skip
_ARTICLES = frozenset(("un", "une", "una", "uno", "een", "one"))
_CLITIC = re.compile(r"(?<=\w{4})(?:nos|me|le|lo|la|se|les|ci|mi|ti|vi)$")
_TWICE = re.compile(r"(.)\1")


@dataclass(frozen=True, slots=True)
class EditWords:
    """What one language's words mean in an edit: see ``words/edits.yaml``."""

    lists: dict[str, frozenset[str]]
    phrases: re.Pattern[str]
    promises: re.Pattern[str]
    exact: frozenset[str]
    """Another one of these, and another thing is said."""
    manners: frozenset[str]
    """Words of courtesy, of manner, and those that address the customer."""
    stop: frozenset[str]
    titles: frozenset[str]
    german: bool


@cache
def edit_words(language: str) -> EditWords:
    """The words of one of `LANGUAGES`."""
    tree: dict[str, Any] = packaged_yaml("plugins.insights.facts", "words/edits.yaml")[language]
    lists = {name: frozenset(fold(tree[name]).split()) for name in _LISTS}
    rules = wording(language)
    dates = rules.words["days"] | rules.words["months"]
    return EditWords(
        lists=lists,
        phrases=re.compile("|".join(rf"\b(?:{phrase})\b" for phrase in tree["phrases"])),
        promises=re.compile("|".join(tree["promises"])),
        exact=(lists["numbers"] | dates) - lists["courtesy"] - _ARTICLES,
        manners=lists["courtesy"] | lists["manner"] | lists["formal"] | lists["informal"],
        stop=rules.words["stop"] | rules.words["determiners"],
        titles=rules.words["titles"],
        german=rules.german,
    )


def edit_language(before: str, after: str) -> str:
    """The language with most function words and words of courtesy in both texts."""
    words = set(words_in(fold(f"{before} {after}")))
    counts = {
        language: len(words & (edit_words(language).stop | edit_words(language).lists["courtesy"]))
        for language in LANGUAGES
    }
    return max(counts, key=lambda language: counts[language])


def words_in(folded: str) -> list[str]:
    """The words of a folded text in order, without elided articles."""
    return [ELIDED.sub("", word) for word in TOKEN.findall(folded)]


def akin(a: str, b: str) -> bool:
    """Whether two words are forms of one: `mandi` and `mandarci`, `stuur` and `sturen`."""
    if a == b or stem(a) == stem(b):
        return True
    a, b = (_TWICE.sub(r"\1", _CLITIC.sub("", word)) for word in (a, b))
    same = next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    return same >= 4 and same >= 0.6 * max(len(a), len(b))


def misspelt(rules: EditWords, old: tuple[str, str], new: tuple[str, str]) -> bool:
    """Whether one word is a misspelling of the other, and not another word."""
    (a, a_text), (b, b_text) = old, new
    if a == b:
        return True
    if a.replace("'", "") == b.replace("'", "") or {a, b} == {"your", "you're"}:
        return True
    both = {a, b}
    other = (
        EXACT.search(a + b) is not None
        or not both.isdisjoint(rules.exact | rules.lists["negations"])
        or len(a) == len(b) == 1
        or (both <= rules.manners and both <= rules.stop and a[:2] != b[:2])
        or (_names(a_text, b_text) and not rules.german)
    )
    return not other and _distance(a, b) <= (1 if min(len(a), len(b)) < 6 else 2)


def _names(a: str, b: str) -> bool:
    """Whether both may be names that are spelt almost alike: Mark, Marc."""
    return a[0].isupper() and a[0] == b[0] and a[-1] != b[-1] and len(a) < 6


def _distance(a: str, b: str) -> int:
    """Letters to add, drop, change or swap with their neighbour to make ``b`` of ``a`` (optimal
    string alignment; Damerau 1964); 9 when the lengths differ by more than 2."""
    if abs(len(a) - len(b)) > 2:
        return 9
    rows = [list(range(len(b) + 1))]
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and a[i - 2] == y:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
