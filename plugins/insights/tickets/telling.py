"""Names groups of questions, and says in a sentence what was found."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from plugins.insights.findings.clusters import telling_words
from plugins.insights.tickets.matters import AskedMatter
from plugins.insights.tickets.shared_reply import SharedReply
from plugins.insights.tickets.small_words import SMALL_WORDS

WORDS = 3
"""Words that name a group."""
SAID_BY = 3
"""Customers who must have used a word of a name: it is nobody's own then."""
_WORD = re.compile(r"[^\W\d_]{3,}")


def words_of_group(
    matters: Sequence[AskedMatter], groups: Sequence[NDArray[np.intp]]
) -> list[list[str]]:
    """The words that tell each group from all questions, those of names left out. The language in
    which most ask names it."""
    everything = [_words(matter) for matter in matters]
    members: list[list[int]] = []
    for rows in groups:
        usual = Counter(matters[row].language for row in rows).most_common(1)[0][0]
        members.append([row for row in rows.tolist() if matters[row].language == usual])
    told = telling_words([[everything[row] for row in rows] for rows in members], everything, 9)
    found: list[list[str]] = []
    for inside, words in zip(members, told, strict=True):
        people: dict[str, set[int]] = {word: set() for word in words}
        for row in inside:
            for word in everything[row] & people.keys():
                people[word].add(matters[row].customer)
        found.append([word for word in words if len(people[word]) >= SAID_BY][:WORDS])
    return found


def found_sentence(
    asked: Sequence[AskedMatter], words: Sequence[str], answers: Mapping[str, SharedReply]
) -> str:
    """What was found, without anybody's words."""
    customers = len({matter.customer for matter in asked})
    about = ", ".join(words) or "the same thing"
    sentence = f"{customers} customers asked about {about}."
    replied = sum(bool(matter.reply) for matter in asked)
    if not answers:
        why = "no reply says it alike" if replied else "nobody replied"
        return f"{sentence} There is no answer yet ({why}): write one with Edit."
    against = [each for reply in answers.values() for each in reply.contradictions]
    sentence += f" The answer is what {replied} replies of people share."
    if against:
        sentence += f" They contradict one another: {'; '.join(against)}. Choose with Edit."
    return sentence


def _words(matter: AskedMatter) -> frozenset[str]:
    words = frozenset(_WORD.findall(matter.question.casefold()))
    return words - matter.names - SMALL_WORDS
