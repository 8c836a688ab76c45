"""Drafts an answer from what people replied to one question.

The reply nearest to all others is taken, of it the sentences that most replies share, and of these
the facts on which the replies agree. A fact on which they do not agree becomes a gap, and both
values are told: nobody but a person chooses.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from gateway import GAP, Value, counted, is_courtesy, mask_text, masked
from plugins.insights.findings.clusters import Rows
from plugins.insights.learning.answers import as_sentences
from plugins.insights.tickets.matters import AskedMatter

SAME_SENTENCE = 0.7
"""From this cosine two sentences of replies say the same."""
SHARED = 0.5
"""The least share of the replies in which a sentence stands."""
AGREED = 0.9
"""The least share of the replies with a fact that state the same value."""
TOLD_TO = 2
"""So many customers who were told a value show that it is nobody's own (as `CUSTOMERS`)."""
SHORT_DIGITS = 3
"""A number of at most so many digits is not personal, and may be shown as one of several."""
FEWEST_WORDS = 3
"""Shorter sentences of replies are greetings and names."""
BOILERPLATE = 0.3
"""A sentence in more than this share of the replies to other questions says nothing of this one."""
FEWEST_OTHERS = 10
"""Replies to other questions; fewer do not tell what is boilerplate."""
MOST_GAPS = 2
"""A sentence with more gaps is about one customer's case."""

_VALUE = re.compile(
    r"https?://\S+[\w/]|www\.\S+[\w/]|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|[€$£]?\d+(?:[.,:/-]\d+)*[€%]?"
)
_WORD = re.compile(r"[^\W\d_]+")
_NO = frozenset(
    {
        "not",
        "no",
        "never",
        "cannot",
        "can't",
        "don't",
        "doesn't",
        "won't",
        "isn't",
        "nicht",
        "kein",
        "keine",
        "keinen",
        "nie",
        "pas",
        "jamais",
        "aucun",
        "non",
        "mai",
        "nunca",
        "niet",
        "geen",
        "nigdy",
        "não",
    }
)
_PROTECTED = 0xE000
"""Agreed values stand as characters of Unicode's private use area while the rest is masked."""


class ReplySentence(NamedTuple):
    """A sentence of the reply to a matter: ``reply`` is its place among all replies."""

    reply: int
    text: str


class SharedReply(Value, frozen=True, kw_only=True):
    """An answer that replies have in common, masked. ``alike`` is the share of the replies that
    say most of it, 0..1; ``facts`` are values on which they agree, and ``contradictions`` say, each
    in a sentence, on what they do not."""

    body: tuple[str, ...]
    conversation: int
    alike: float
    facts: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()


def reply_sentences(replies: Sequence[AskedMatter]) -> list[ReplySentence]:
    """The sentences of ``replies`` that may say something."""
    return [
        ReplySentence(at, text)
        for at, matter in enumerate(replies)
        for text in as_sentences(matter.reply)
        if len(_WORD.findall(text)) >= FEWEST_WORDS and not is_courtesy(text)
    ]


def boilerplate(sentences: Sequence[ReplySentence], own: Sequence[int], vectors: Rows) -> set[int]:
    """The places in ``own`` whose sentences stand in many replies to other questions."""
    replies = {sentences[row].reply for row in own}
    other = [row for row, each in enumerate(sentences) if each.reply not in replies]
    count = len({sentences[row].reply for row in other})
    if count < FEWEST_OTHERS:
        return set()
    near = vectors[list(own)] @ vectors[other].T >= SAME_SENTENCE
    numbers = np.array([sentences[row].reply for row in other])
    return {
        row
        for row, found in zip(own, near, strict=True)
        if len(set(numbers[found].tolist())) > BOILERPLATE * count
    }


def shared_reply(
    replies: Sequence[AskedMatter],
    sentences: Sequence[ReplySentence],
    vectors: Rows,
    common: Collection[str],
) -> SharedReply | None:
    """The answer that ``replies`` to one question in one language have in common. ``sentences`` are
    theirs, with a row of ``vectors`` each; ``common`` are words that are no names. None when there
    is nothing to say."""
    by_reply: dict[int, list[int]] = defaultdict(list)
    for row, sentence in enumerate(sentences):
        by_reply[sentence.reply].append(row)
    if not by_reply:
        return None
    numbers = sorted(by_reply)
    means = np.array([vectors[by_reply[number]].mean(axis=0) for number in numbers])
    medoid = numbers[int((means @ means.mean(axis=0)).argmax())]
    source = replies[medoid]
    body: list[str] = []
    facts: list[str] = []
    contradictions: list[str] = []
    shares: list[float] = []
    for row in by_reply[medoid]:
        same = _same(row, by_reply, vectors)
        share = len(same) / len(by_reply)
        if share < SHARED:
            continue
        told = [(replies[sentences[each].reply].customer, sentences[each].text) for each in same]
        text, agreed, against = _agreed(sentences[row].text, told)
        names = source.names
        shown = mask_text(masked(text, names, ours=True), names, common)
        for place, value in enumerate(agreed):
            shown = shown.replace(chr(_PROTECTED + place), value)
        words = len(_WORD.findall(shown.replace(GAP, "")))
        if shown == GAP or (shown.count(GAP) <= MOST_GAPS and words >= FEWEST_WORDS):
            body.append(shown)
            shares.append(share)
            facts += agreed
            contradictions += against
    if not body:
        return None
    return SharedReply(
        body=tuple(body),
        conversation=source.conversation,
        alike=round(float(np.mean(shares)), 3),
        facts=tuple(dict.fromkeys(facts)),
        contradictions=tuple(dict.fromkeys(contradictions)),
    )


def _same(row: int, by_reply: dict[int, list[int]], vectors: Rows) -> list[int]:
    """The sentence of each reply that says what ``row`` says, if it has one."""
    found: list[int] = []
    for rows in by_reply.values():
        near = vectors[rows] @ vectors[row]
        if near.max() >= SAME_SENTENCE:
            found.append(rows[int(near.argmax())])
    return found


def _agreed(text: str, told: Sequence[tuple[int, str]]) -> tuple[str, list[str], list[str]]:
    """``text`` with a gap for each value on which what was told (customer, sentence) does not
    agree and a protected character for each other one, these values, and what contradicts."""
    values = _VALUE.findall(text)
    stated = [(customer, _VALUE.findall(sentence)) for customer, sentence in told]
    alike = [(customer, found) for customer, found in stated if len(found) == len(values)]
    agreed: list[str] = []
    against = list(_denials(told))
    parts: list[str] = []
    for place, value in enumerate(values):
        people: dict[str, set[int]] = defaultdict(set)
        for customer, found in alike:
            people[found[place]].add(customer)
        counts = Counter({each: len(customers) for each, customers in people.items()})
        sure = counts[value] >= TOLD_TO and counts[value] >= AGREED * counts.total()
        parts.append(chr(_PROTECTED + len(agreed)) if sure else GAP)
        if sure:
            agreed.append(value)
        elif shown := _several(counts):
            against.append(shown)
    if any("deny" in each for each in against):
        return GAP, [], against
    part = iter(parts)
    return _VALUE.sub(lambda _: next(part), text), agreed, against


def _several(counts: Counter[str]) -> str:
    """The values that may be shown, with how many customers were told each."""
    shown = [
        f"“{value}” to {count}"
        for value, count in counts.most_common()
        if count >= TOLD_TO or sum(map(str.isdigit, value)) in range(1, SHORT_DIGITS + 1)
    ]
    repeated = max(counts.values(), default=0) >= TOLD_TO
    return f"Customers were told {', '.join(shown)}" if repeated and len(shown) > 1 else ""


def _denials(told: Sequence[tuple[int, str]]) -> Iterator[str]:
    """Whether some say that it is so, and others that it is not."""
    denied = sum(bool(_NO & set(re.findall(r"[\w']+", text.casefold()))) for _, text in told)
    fewer = min(denied, len(told) - denied)
    if fewer > (1 - AGREED) * len(told):
        affirm = counted(len(told) - denied, "reply affirms", "replies affirm")
        deny = counted(denied, "denies", "deny")
        yield f"{affirm} and {deny} the same sentence"
