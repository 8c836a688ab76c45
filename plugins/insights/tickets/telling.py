"""Names groups of questions, and says in a sentence what was found."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from gateway import counted
from plugins.insights.findings.clusters import telling_words
from plugins.insights.tickets.matters import AskedMatter
from plugins.insights.tickets.shared_reply import SharedReply
from plugins.insights.tickets.small_words import SMALL_WORDS

UNKNOWN = "und"
"""The language of a text that is too short to tell (ISO 639-2)."""
WORDS = 3
"""Words that name a group."""
STEM = 5
"""Letters by which forms of a word are known."""
SAID_BY = 3
"""Customers who must have used a word of a name: it is nobody's own then."""
_WORD = re.compile(r"[^\W\d_]{3,}")


def words_of_group(
    matters: Sequence[AskedMatter], groups: Sequence[NDArray[np.intp]]
) -> list[list[str]]:
    """The words that tell each group from all questions, those of names left out. The language in
    which most ask names it. Forms of a word are counted together and named by the usual one."""
    everything = [_words(matter) for matter in matters]
    stems = [frozenset(map(_stem, words)) for words in everything]
    members: list[list[int]] = []
    for rows in groups:
        usual = usual_language(matters[row] for row in rows)
        own = [row for row in rows.tolist() if matters[row].language in (usual, UNKNOWN)]
        members.append(own)
    told = telling_words([[stems[row] for row in rows] for rows in members], stems, 9)
    return [
        _named(rows, words, matters, everything) for rows, words in zip(members, told, strict=True)
    ]


def usual_language(matters: Iterable[AskedMatter]) -> str:
    """The language in which most of ``matters`` are asked, of those whose language is known."""
    counts = Counter(matter.language for matter in matters)
    return max(counts, key=lambda code: (code != UNKNOWN, counts[code]))


def _named(
    rows: Sequence[int],
    stems: Sequence[str],
    matters: Sequence[AskedMatter],
    everything: Sequence[frozenset[str]],
) -> list[str]:
    people: dict[str, set[int]] = defaultdict(set)
    forms: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        for word in everything[row]:
            people[_stem(word)].add(matters[row].customer)
            forms[_stem(word)][word] += 1
    found = [stem for stem in stems if len(people[stem]) >= SAID_BY][:WORDS]
    return [min(forms[stem], key=lambda word: (-forms[stem][word], word)) for stem in found]


def found_sentence(
    asked: Sequence[AskedMatter], words: Sequence[str], answers: Mapping[str, SharedReply]
) -> str:
    """What was found, without anybody's words."""
    customers = len({matter.customer for matter in asked})
    about = ", ".join(words) or "the same thing"
    sentence = f"{counted(customers, 'customer')} asked about {about}."
    replied = sum(bool(matter.reply) for matter in asked)
    if not answers:
        why = "no reply says it alike" if replied else "nobody replied"
        return f"{sentence} There is no answer yet ({why}): write one with Edit."
    against = [each for reply in answers.values() for each in reply.contradictions]
    shared = counted(replied, "reply of a person says", "replies of people share")
    sentence += f" The answer is what {shared}."
    if against:
        sentence += f" They contradict one another: {'; '.join(against)}. Choose with Edit."
    return sentence


def _words(matter: AskedMatter) -> frozenset[str]:
    words = frozenset(_WORD.findall(matter.question.casefold()))
    return words - matter.names - SMALL_WORDS


def _stem(word: str) -> str:
    return word[:STEM]
