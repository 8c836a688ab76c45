"""Words that customers use now and did not use before."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

import numpy as np

from gateway import CaseRecord, counted
from plugins.insights.model import Discovery, WordsDraft

from .statistics import StratumCounts, discoveries, stratified_p, weighted_log_odds
from .wording import Masking

LEAST = 8
"""Conversations that a new word must occur in."""
TIMES = 4.0
"""A new word is so many times as frequent as before."""
PRIOR = 50.0
"""Conversations that the prior of the log-odds counts for."""
AT_MOST = 10
"""Words that are shown."""
LEAST_PAST = 200
"""Conversations of the past in a language; with fewer the period's first part stands for it."""
EARLY = 0.4
"""That part of the period's time."""
MOST_WORDS = 150_000
"""Words of one language and time that are counted; beyond, those seen once are forgotten."""
MOST_EXAMPLES, PER_WORD = 20_000, 3
"""Words that examples are kept of, and examples of each, from so many customers: the name of one
who writes often is no new word."""
_WORD = re.compile(r"[^\W\d_]{3,}(?:[-’'][^\W\d_]+)*")


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """The words of ``texts``, case-folded."""
    return frozenset(word.casefold() for text in texts for word in _WORD.findall(text))


class WordUse(NamedTuple):
    """A message with a word."""

    conversation: int
    customer: int
    text: str
    intent: str | None
    names: tuple[str, ...]


class NewWord(NamedTuple):
    """A word that is new in ``language``, in ``now`` conversations of the period and ``before``
    of the past; ``odds`` is its weighted log-odds."""

    language: str
    word: str
    now: int
    before: int
    odds: float
    p: float


class WordLog:
    """In how many conversations each word of customers occurs, before the period and in it.
    ``taught`` are the words (case-folded) of the training data, which are not new."""

    def __init__(self, since: datetime, until: datetime, taught: Collection[str]) -> None:
        self._since = since
        self._middle = since + EARLY * (until - since)
        self._taught = taught
        self._counts: defaultdict[str, list[Counter[str]]] = defaultdict(
            lambda: [Counter(), Counter(), Counter()]
        )
        self._sizes: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
        self._small: Counter[str] = Counter()
        self._uses: dict[tuple[str, str], list[WordUse]] = {}

    def add(self, case: CaseRecord) -> None:
        conversation = case.conversation
        texts = [m.text for m in case.messages if m.author == "customer" and not m.internal]
        if not texts:
            return
        at = conversation.opened_at
        part = 0 if at < self._since else 1 if at < self._middle else 2
        language = conversation.language or "und"
        found = set(_WORD.findall("\n".join(texts)))
        self._small.update(word for word in found if word.islower())
        words = {word.casefold() for word in found} - words_of([case.customer_name or ""])
        counts = self._counts[language]
        counts[part].update(words)
        self._sizes[language][part] += 1
        if len(counts[part]) > MOST_WORDS:
            counts[part] = Counter({w: count for w, count in counts[part].items() if count > 1})
        if part:
            earlier = counts[0] if self._sizes[language][0] else counts[part - 1]
            for word in words:
                if earlier[word] < PER_WORD and word not in self._taught:
                    self._keep(language, word, case, texts)

    def new_words(self) -> list[NewWord]:
        """The words that are new, the most telling first."""
        tested: list[NewWord] = []
        for language, parts in sorted(self._counts.items()):
            sizes = self._sizes[language]
            past = sizes[0] >= LEAST_PAST
            before, old = (parts[0], sizes[0]) if past else (parts[0] + parts[1], sum(sizes[:2]))
            now, new = (parts[1] + parts[2], sum(sizes[1:])) if past else (parts[2], sizes[2])
            if min(old, new) >= LEAST:
                tested += [
                    _tested(language, word, (before[word], old), (count, new))
                    for word, count in sorted(now.items())
                    if count >= LEAST and word not in self._taught
                ]
        chosen = discoveries([word.p for word in tested], "new_words").tolist()
        found = [
            word
            for word, yes in zip(tested, chosen, strict=True)
            if yes and len(self._uses.get((word.language, word.word), ())) >= PER_WORD
        ]
        return sorted(found, key=lambda word: (-word.odds, word.word))

    def known(self, own: Iterable[str]) -> frozenset[str]:
        """Words (case-folded) that are no names: those of the shop's ``own`` texts, and those that
        customers write with a small letter, more than once and not seldom."""
        total: Counter[str] = Counter()
        for parts in self._counts.values():
            for counts in parts:
                total.update(counts)
        small = {w for w, count in self._small.items() if count >= 2 and count >= 0.3 * total[w]}
        return words_of(own) | small

    def discoveries(self, masking: Masking) -> list[Discovery]:
        """The new words, at most `AT_MOST`."""
        return [self._discovery(word, masking) for word in self.new_words()[:AT_MOST]]

    def _keep(self, language: str, word: str, case: CaseRecord, texts: list[str]) -> None:
        uses = self._uses.get((language, word))
        if uses is None:
            if len(self._uses) >= MOST_EXAMPLES:
                self._uses = {key: kept for key, kept in self._uses.items() if len(kept) > 1}
            uses = self._uses[language, word] = []
        if len(uses) < PER_WORD and all(use.customer != case.customer for use in uses):
            text = next((text for text in texts if word in text.casefold()), texts[0])
            names = (case.customer_name,) if case.customer_name else ()
            conversation = case.conversation
            uses.append(WordUse(conversation.id, case.customer, text, conversation.intent, names))

    def _discovery(self, word: NewWord, masking: Masking) -> Discovery:
        uses = self._uses.get((word.language, word.word), [])
        examples = tuple(masking.example(u.conversation, u.text, u.names) for u in uses)
        intents = Counter(use.intent for use in uses)
        shown = masking.text(word.word)
        return Discovery(
            kind="new_words",
            title=f"Customers write “{shown}” in {counted(word.now, 'conversation')}, "
            f"in {word.before} before; no example of the shop has it",
            evidence={
                "word": shown,
                "language": word.language,
                "conversations": word.now,
                "conversations_before": word.before,
                "log_odds": round(word.odds, 3),
                "p": word.p,
            },
            examples=examples,
            draft=WordsDraft(
                word=shown,
                language=word.language,
                intent=intents.most_common(1)[0][0] if intents else None,
                examples=examples,
            ),
        )


def _tested(language: str, word: str, before: tuple[int, int], now: tuple[int, int]) -> NewWord:
    """The test of one word, that occurs in ``before[0]`` of ``before[1]`` conversations of the past
    and in ``now[0]`` of ``now[1]``. One that is not much more frequent counts as a test, too."""
    (earlier, old), (count, new) = before, now
    if count / new < TIMES * earlier / old:
        return NewWord(language, word, count, earlier, 0.0, 1.0)
    both = earlier + count
    counts = StratumCounts(np.array([[old + new - both, both]]), np.array([[new - count, count]]))
    odds = weighted_log_odds(counts, PRIOR).value
    return NewWord(language, word, count, earlier, odds, stratified_p(counts))
