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
from difflib import SequenceMatcher
from functools import partial
from typing import Literal, NamedTuple, get_args

from gateway import fold

from .edit_words import (
    ELIDED,
    EXACT,
    TOKEN,
    EditWords,
    akin,
    edit_language,
    edit_words,
    misspelt,
    words_in,
)
from .wording import stem

EditKind = Literal["fact", "tone", "length", "typo"]

_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_LETTERS = re.compile(r"[\W_]")
_PAIRED = 0.4
"""The least likeness of two sentences, 0..1, that say the same."""
_LONG = 200
"""Words of the longest sentence that is compared as a whole."""
_REWORDED = 2
"""So many words with a meaning can be replaced in a politer sentence that says the same."""
_DETAIL = 2
"""So many words with a meaning, added alone, are a detail; more of them explain."""
_COURTESY_STOPS = frozenset((
    "please", "thanks", "thank", "hello", "sorry", "bitte", "danke", "gern", "gerne", "leider",
    "merci", "bonjour", "gracias", "hola", "grazie", "helaas", "graag",
))  # fmt: skip
"""Function words in the lists of the detectors that are courtesy in an edit."""


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
    rules = edit_words(edit_language(before, after))
    found: set[EditKind] = set()
    for old, new in _pairs(_SENTENCE.split(suggested), _SENTENCE.split(sent)):
        found |= _changed(old, new, rules) if old and new else _left_out(old or new, rules)
    found |= _of_facts(before, after, rules)
    return tuple(kind for kind in get_args(EditKind) if kind in found) or ("typo",)


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
    one, two = {stem(w) for w in words_in(fold(a))}, {stem(w) for w in words_in(fold(b))}
    return len(one & two) / max(1, min(len(one), len(two)))


def _of_facts(before: str, after: str, rules: EditWords) -> set[EditKind]:
    """``fact`` when the numbers, links and dates of the whole texts differ."""

    def exact(text: str) -> Counter[str]:
        return Counter(
            word.rstrip(".,")
            for word in words_in(fold(text))
            if EXACT.search(word) or word in rules.exact
        )

    one, two = exact(before), exact(after)
    gone, come = set(one) - set(two), set(two) - set(one)
    return {"fact"} if gone or come else set()


def _left_out(sentence: str, rules: EditWords) -> set[EditKind]:
    """What it is to leave out or add a whole sentence."""
    folded = fold(sentence)
    words = words_in(folded)
    content = [w for w in words if w not in rules.stop and w not in rules.manners]
    if not content:
        return {"tone"}
    if rules.promises.search(folded):
        return {"fact"}
    courteous = sum(word in rules.lists["courtesy"] for word in words)
    if words[0] in rules.lists["courtesy"] or 2 <= courteous >= len(content):
        return {"tone"}
    return {"length"}


class _Change(NamedTuple):
    """What differs between two sentences: ``gone`` from the old one, ``come`` into the new one."""

    gone: list[str]
    come: list[str]
    old_words: list[str]
    new_words: list[str]
    old: str
    new: str
    phrased: bool
    """A courteous expression came or went."""

    @property
    def changed(self) -> set[str]:
        return set(self.gone) ^ set(self.come)


def _changed(old: str, new: str, rules: EditWords) -> set[EditKind]:
    """What differs between two sentences that say about the same."""
    (old, old_phrases), (new, new_phrases) = (_without_phrases(s, rules) for s in (old, new))
    before, after = TOKEN.findall(old), TOKEN.findall(new)
    a, b = ([ELIDED.sub("", fold(word)) for word in words] for words in (before, after))
    found: set[EditKind] = set()
    gone: list[str] = []
    come: list[str] = []
    for tag, i, j, k, m in _opcodes(a, b):
        if tag == "equal":
            continue
        left = list(zip(a[i:j], before[i:j], strict=True))
        right = list(zip(b[k:m], after[k:m], strict=True))
        if len(left) == len(right) and all(map(partial(misspelt, rules), left, right)):
            found.add("typo")
            continue
        gone += a[i:j]
        come += b[k:m]
    phrased = old_phrases != new_phrases
    if not gone and not come:
        return {"tone"} if phrased else found or {"typo"}
    if not come and _doubled(a, gone):
        return found | {"typo"}
    gone = [word for word in gone if not any(akin(word, other) for other in set(b))]
    come = [word for word in come if not any(akin(word, other) for other in set(a))]
    come = _without_called(come, gone, b, new, rules)
    return found | _meaning(_Change(gone, come, a, b, fold(old), fold(new), phrased), rules)


def _opcodes(a: list[str], b: list[str]) -> Sequence[tuple[str, int, int, int, int]]:
    """What makes ``b`` of ``a``. Of a sentence that nobody writes, only the ends are compared: the
    time of a comparison grows with the square of the length, and faster where words repeat."""
    if max(len(a), len(b)) <= _LONG:
        return SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    head = next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    return [("replace", head, head + _LONG, head, head + _LONG)]


def _without_phrases(sentence: str, rules: EditWords) -> tuple[str, int]:
    """The sentence without courteous expressions, and how many there were."""
    kept, count = [], 0
    at = 0
    for match in rules.phrases.finditer(fold(sentence)):
        kept.append(sentence[at : match.start()])
        at, count = match.end(), count + 1
    return " ".join([*kept, sentence[at:]]), count


def _doubled(words: Sequence[str], gone: Sequence[str]) -> bool:
    """Whether the words that are gone stood twice in a row."""
    return all(any(words[i : i + 2] == [word, word] for i in range(len(words))) for word in gone)


def _meaning(change: _Change, rules: EditWords) -> set[EditKind]:
    """What the changed words mean."""
    lists = rules.lists
    suggests = not lists["helps"].isdisjoint(change.come)
    known = rules.stop | rules.manners | lists["filler"]
    if suggests:
        known |= lists["hedges"]
    gone = [word for word in change.gone if word not in known]
    come = [word for word in change.come if word not in known]
    courteous = change.changed & lists["courtesy"] - lists["filler"] - rules.stop
    courteous = courteous - lists["conditions"] | change.changed & _COURTESY_STOPS
    formal, informal = lists["formal"], lists["informal"]
    if gone and come:
        courteous -= rules.titles
    polite = change.phrased or bool(courteous) or suggests or any(
        one & set(change.gone) and other & set(change.come)
        for one, other in ((formal, informal), (informal, formal))
    )  # fmt: skip
    found: set[EditKind] = set()
    if _says_else(change, gone, come, rules, polite=polite, suggests=suggests):
        found.add("fact")
    if polite and (not courteous or len(courteous) * 3 > len(come)):
        found.add("tone")
    if change.come and change.changed & lists["manner"] and not found and not come:
        found |= {"tone"} if len(change.new_words) >= len(change.old_words) else set()
    if abs(len(change.old_words) - len(change.new_words)) >= 2 and (not found or gone or come):
        found.add("length")
    return found or {"tone" if change.changed & rules.manners else "typo"}


def _says_else(
    change: _Change,
    gone: Sequence[str],
    come: Sequence[str],
    rules: EditWords,
    *,
    polite: bool,
    suggests: bool,
) -> bool:
    """Whether the change is one of facts; ``gone`` and ``come`` are its words with a meaning."""
    negations = rules.lists["negations"]
    if bool(negations & set(change.old_words)) != bool(negations & set(change.new_words)):
        return True
    if _promised(change.old, rules) != _promised(change.new, rules):
        return True
    limits = change.changed & (rules.lists["conditions"] | rules.lists["hedges"])
    if limits and not suggests and not (polite and not come):
        return True
    if gone and come:
        return not polite or len(gone) > _REWORDED or len(come) > _REWORDED
    return bool(come) and len(come) <= _DETAIL and not polite


def _promised(folded: str, rules: EditWords) -> set[str]:
    """The last words of the promises: what is done."""
    return {match[0].split()[-1][:4] for match in rules.promises.finditer(folded)}


def _without_called(
    come: list[str], gone: list[str], b: Sequence[str], new: str, rules: EditWords
) -> list[str]:
    """``come`` without a name that was added to a greeting."""
    if any(word not in rules.stop and word not in rules.manners for word in gone):
        return come
    text = TOKEN.findall(new)
    called = {
        word for before, word, shown in zip(b, b[1:], text[1:], strict=False)
        if before in rules.lists["courtesy"] and shown[0].isupper() and word not in rules.stop
    }  # fmt: skip
    return [word for word in come if word not in called]
