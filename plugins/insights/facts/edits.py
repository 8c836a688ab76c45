"""Says how an agent changed a suggestion before sending it.

Sentences of the two texts are paired, then compared word by word. Both steps use difflib of the
standard library: it gives the changed words themselves, which a distance (rapidfuzz) does not, an
edit is looked at once a suggestion, and so a faster library would gain nothing. What a changed
word means is ours: word lists in ``words/edits.yaml``.

Known bias: a wording that no list knows counts as a changed fact, so that a changed promise is
rarely missed and a free rewording of the same facts is sometimes taken for one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from typing import Any, Literal, get_args

from gateway import packaged_yaml

from .wording import LANGUAGES, fold, stem, wording

EditKind = Literal["fact", "tone", "length", "typo"]

_TOKEN = re.compile(
    r"(?:https?://|www\.)\S+|[\w.+-]+@[\w.-]+|\b[\w-]+(?:\.[a-z]{2,})+(?:/\S*)?|\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*"
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_EXACT = re.compile(r"\d|@|/|\w\.\w")
_LETTERS = re.compile(r"[\W_]")
_ELIDED = re.compile(r"^(?:[cdjlmnst]|qu|un|dell|all|nell)['’]")
_PAIRED = 0.4
"""The least likeness of two sentences, 0..1, that say the same."""
_LISTS = (
    "courtesy", "manner", "filler", "formal", "informal", "numbers", "negations", "conditions", "hedges"
)  # fmt: skip


_ARTICLES = frozenset(("un", "une", "una", "uno", "een", "one"))
_CLITIC = re.compile(r"(?<=\w{4})(?:nos|me|le|lo|la|se|les|ci|mi|ti|vi)$")
_TWICE = re.compile(r"(.)\1")


@dataclass(frozen=True, slots=True)
class _EditWords:
    lists: dict[str, frozenset[str]]
    promises: re.Pattern[str]
    exact: frozenset[str]
    """Another one of these, and another thing is said."""
    manners: frozenset[str]
    stop: frozenset[str]


@cache
def _edit_words(language: str) -> _EditWords:
    tree: dict[str, Any] = packaged_yaml("plugins.insights.facts", "words/edits.yaml")[language]
    lists = {name: frozenset(fold(tree[name]).split()) for name in _LISTS}
    rules = wording(language)
    dates = rules.words["days"] | rules.words["months"]
    return _EditWords(
        lists=lists,
        promises=re.compile("|".join(tree["promises"])),
        exact=(lists["numbers"] | dates) - lists["courtesy"] - _ARTICLES,
        manners=lists["courtesy"] | lists["manner"] | lists["formal"] | lists["informal"],
        stop=rules.words["stop"] | rules.words["determiners"],
    )


def edit_kinds(suggested: str, sent: str) -> tuple[EditKind, ...]:
    """The kinds of edit between the two texts, the main one first; empty when they are alike.

    ``fact``: a number, date, name, price, link, promise, negation or action differs. ``tone``:
    other words for the same facts. ``length``: sentences or words left out or added without a new
    fact. ``typo``: spelling, punctuation or spacing. Several may hold; the order is the rank.
    """
    before, after = " ".join(suggested.split()), " ".join(sent.split())
    if before == after:
        return ()
    if _LETTERS.sub("", fold(before)) == _LETTERS.sub("", fold(after)):
        return ("typo",)
    rules = _edit_words(_language(before, after))
    found: set[EditKind] = set()
    for old, new in _pairs(_SENTENCE.split(suggested), _SENTENCE.split(sent)):
        found |= _changed(old, new, rules) if old and new else _left_out(old or new, rules)
    found |= _of_facts(before, after, rules)
    return tuple(kind for kind in get_args(EditKind) if kind in found) or ("typo",)


def _language(before: str, after: str) -> str:
    words = set(_words(fold(f"{before} {after}")))
    counts = {
        language: len(
            words & (_edit_words(language).stop | _edit_words(language).lists["courtesy"])
        )
        for language in LANGUAGES
    }
    return max(counts, key=lambda language: counts[language])


def _words(folded: str) -> list[str]:
    return [_ELIDED.sub("", word) for word in _TOKEN.findall(folded)]


def _pairs(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Sentences of both texts that say the same, then those of one text alone, with an empty
    partner."""
    left, right = [s for s in old if s.strip()], [s for s in new if s.strip()]
    same = [s for s in left if s in right]
    for sentence in same:
        if sentence in right:
            left.remove(sentence)
            right.remove(sentence)
    likeness = sorted(
        ((_likeness(a, b), i, j) for i, a in enumerate(left) for j, b in enumerate(right)),
        reverse=True,
    )
    used_left: set[int] = set()
    used_right: set[int] = set()
    for ratio, i, j in likeness:
        if ratio >= _PAIRED and i not in used_left and j not in used_right:
            used_left.add(i)
            used_right.add(j)
            yield left[i], right[j]
    rest_left = [s for i, s in enumerate(left) if i not in used_left]
    rest_right = [s for j, s in enumerate(right) if j not in used_right]
    if rest_left and rest_right:
        yield " ".join(rest_left), " ".join(rest_right)
    else:
        for sentence in (*rest_left, *rest_right):
            yield sentence, ""


def _likeness(a: str, b: str) -> float:
    one, two = {stem(w) for w in _words(fold(a))}, {stem(w) for w in _words(fold(b))}
    return len(one & two) / max(1, min(len(one), len(two)))


def _of_facts(before: str, after: str, rules: _EditWords) -> set[EditKind]:
    """``fact`` when the numbers, links and dates of the whole texts differ."""

    def exact(text: str) -> Counter[str]:
        return Counter(
            word.rstrip(".,")
            for word in _words(fold(text))
            if _EXACT.search(word) or word in rules.exact
        )

    one, two = exact(before), exact(after)
    gone, come = set(one) - set(two), set(two) - set(one)
    return {"fact"} if gone or come else set()


def _left_out(sentence: str, rules: _EditWords) -> set[EditKind]:
    """What it is to leave out or add a whole sentence."""
    folded = fold(sentence)
    words = _words(folded)
    content = [w for w in words if w not in rules.stop and w not in rules.manners]
    if not content:
        return {"tone"}
    if rules.promises.search(folded):
        return {"fact"}
    courteous = sum(word in rules.lists["courtesy"] for word in words)
    return {"tone"} if courteous >= 2 and len(content) <= max(2, courteous) else {"length"}


def _changed(old: str, new: str, rules: _EditWords) -> set[EditKind]:
    """What differs between two sentences that say about the same."""
    before, after = _TOKEN.findall(old), _TOKEN.findall(new)
    a, b = [_ELIDED.sub("", fold(w)) for w in before], [_ELIDED.sub("", fold(w)) for w in after]
    found: set[EditKind] = set()
    gone: list[str] = []
    come: list[str] = []
    for tag, i, j, k, m in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        left, right = (
            list(zip(a[i:j], before[i:j], strict=True)),
            list(zip(b[k:m], after[k:m], strict=True)),
        )
        if len(left) == len(right) and all(
            _misspelt(x, y, rules) for x, y in zip(left, right, strict=True)
        ):
            found.add("typo")
            continue
        gone += [word for word, _ in left]
        come += [word for word, _ in right]
    if not gone and not come:
        return found or {"typo"}
    if not come and _doubled(a, gone):
        return found | {"typo"}
    return found | _meaning(gone, come, a, b, old, new, rules)


def _doubled(words: Sequence[str], gone: Sequence[str]) -> bool:
    """Whether the words that are gone stood twice in a row."""
    return all(any(words[i : i + 2] == [word, word] for i in range(len(words))) for word in gone)


def _meaning(
    gone: list[str],
    come: list[str],
    a: Sequence[str],
    b: Sequence[str],
    old: str,
    new: str,
    rules: _EditWords,
) -> set[EditKind]:
    """What the changed words mean: ``gone`` from the old sentence, ``come`` into the new one."""
    gone, come = (
        [word for word in gone if not any(_akin(word, other) for other in b)],
        [word for word in come if not any(_akin(word, other) for other in a)],
    )
    found: set[EditKind] = set()
    changed = set(gone) ^ set(come)
    negations = rules.lists["negations"]
    if bool(negations & set(a)) != bool(negations & set(b)):
        found.add("fact")
    if (
        changed & (rules.lists["conditions"] | rules.lists["hedges"])
        and not changed <= rules.manners
    ):
        found.add("fact")
    known = rules.stop | rules.manners | rules.lists["filler"]
    gone_content = [word for word in gone if word not in known]
    come_content = [word for word in come if word not in known]
    if gone_content and come_content:
        found.add("fact")
    elif bool(rules.promises.search(fold(old))) != bool(rules.promises.search(fold(new))):
        found.add("fact")
    elif come_content and len(come_content) <= 2 and not _courteous(come, rules):
        found.add("fact")
    formal, informal = rules.lists["formal"], rules.lists["informal"]
    readdressed = any(old & set(gone) and new & set(come)
                      for old, new in ((formal, informal), (informal, formal)))  # fmt: skip
    if changed & rules.lists["courtesy"] - rules.lists["filler"] or readdressed:
        found.add("tone")
    if come and changed & rules.lists["manner"] and not found and len(b) >= len(a):
        found.add("tone")
    if abs(len(a) - len(b)) >= 2 and (not found or gone_content or come_content):
        found.add("length")
    return found or {"tone" if changed & rules.manners else "typo"}


def _akin(a: str, b: str) -> bool:
    """Whether two words are forms of one: `mandi` and `mandarci`, `stuur` and `sturen`."""
    if a == b or stem(a) == stem(b):
        return True
    a, b = (_TWICE.sub(r"\1", _CLITIC.sub("", word)) for word in (a, b))
    same = next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    return same >= 4 and same >= 0.6 * max(len(a), len(b))


def _courteous(words: Sequence[str], rules: _EditWords) -> bool:
    return any(word in rules.lists["courtesy"] for word in words)


def _misspelt(old: tuple[str, str], new: tuple[str, str], rules: _EditWords) -> bool:
    """Whether one word is a misspelling of the other, and not another word."""
    (a, a_text), (b, b_text) = old, new
    if a == b:
        return True
    if _EXACT.search(a + b) or {a, b} & (rules.exact | rules.lists["negations"]):
        return False
    if a in rules.manners and b in rules.manners and a in rules.stop and b in rules.stop:
        return a[:2] == b[:2]
    if (
        a_text[0].isupper()
        and b_text[0].isupper()
        and len(a) < 6
        and a[0] == b[0]
        and a[-1] != b[-1]
    ):
        return False
    if len(a) == 1 and len(b) == 1:
        return False
    if a.replace("'", "") == b.replace("'", "") or {a, b} == {"your", "you're"}:
        return True
    return _distance(a, b) <= (1 if min(len(a), len(b)) < 6 else 2)


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
