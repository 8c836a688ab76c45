"""Does what the bot would say agree with what a person answered?

Facts decide first: the same amount, span, time or link agrees, another one of the same kind is a
conflict. Without facts to compare, the sentence encoder says how near two answers are; how near is
near enough was set on the development half of simulated shops (`tests/bench/audit`), and what lies
between stays untold. What several people answered to the same kind of question says whether this
person's answer is about the same matter at all.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gateway import TextEncoder
from plugins.history.audit.facts import compared, facts_of
from plugins.history.audit.model import AuditedMatter

UNTOLD = "too different to agree, too alike to differ"
NAMED = "the person names something that the bot does not name"
Array = np.ndarray[Any, Any]
SAME = 0.42
"""Cosine from which two answers say the same: 90 % of pairs about one matter in one language, none
of those about two."""
OTHER = 0.28
"""Below this cosine two answers are about two matters, where no other answers tell more."""
PEERS_SAME, PEERS_OTHER = 0.42, 0.34
"""The same for the median cosine with what people answered to others who asked the bot's way."""
LEAST_PEERS = 5
"""Answers to other customers, before their median tells anything."""
MOST_PEERS = 400
"""Of a frequent question; more make no difference to a median."""
MAJORITY = 0.6
"""Share of colleagues who say what the bot says, from which this person is the exception."""
_NAME = re.compile(r"(?<=[^\W\d_,;:)] )[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿ]{2,30}\b")
"""A word with a capital within a sentence."""
_CAPITALS = (
    "Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May "
    "June July August September October November December English German French Spanish Internet"
)
NO_NAMES = frozenset(_CAPITALS.split())
"""What English writes with a capital beside names."""
COMMON = 0.2
"""Share of all answers that have a word which then names nothing of this answer alone: the shop,
its departments."""
_WORD = re.compile(r"[^\W\d_]+")
_GERMAN = re.compile(
    r"\b(?:der|die|das|und|ist|sind|nicht|wir|sie|ihnen|ihren?|unsere?[mnrs]?|für|mit|auf|eine?[mnrs]?|"
    r"haben|wird|werden)\b",
    re.IGNORECASE,
)
SHOWN = {
    "money": "amount", "percent": "percentage", "span": "span of time", "time": "time",
    "degrees": "temperature",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """What texts mean: embeddings by text; without an encoder there are none."""

    by_text: Mapping[str, Array]

    def of(self, texts: Sequence[str]) -> Array | None:
        """A row for each text; None when one is unknown."""
        if not texts or any(text not in self.by_text for text in texts):
            return None
        return np.stack([self.by_text[text] for text in texts])

    def cosine(self, first: str, second: str) -> float | None:
        """How near two texts are; None when one is unknown."""
        if first not in self.by_text or second not in self.by_text:
            return None
        return float(self.by_text[first] @ self.by_text[second])


async def encode(encoder: TextEncoder | None, matters: Sequence[AuditedMatter]) -> Vectors:
    """Encode all questions and answers, each different text once."""
    if encoder is None or encoder.embedding_model is None:
        return Vectors(by_text={})
    texts = list({text for m in matters for text in (m.question, m.bot, m.person) if text})
    found = await encoder.embed(texts)
    vectors = (np.frombuffer(each, dtype=np.float32) for each in found)
    return Vectors(by_text=dict(zip(texts, vectors, strict=True)))


def judge(matters: Sequence[AuditedMatter], vectors: Vectors) -> list[AuditedMatter]:
    """``matters`` with their agreement. Only what the bot would answer is judged."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, matter in enumerate(matters):
        if matter.verdict == "answer" and matter.person:
            groups[matter.intent or matter.bot].append(index)
    found = list(matters)
    ordinary = _ordinary_words([matter.person for matter in matters if matter.person])
    for members in groups.values():
        peers = _Peers([matters[index] for index in members], vectors, ordinary)
        for index in members:
            found[index] = _judged(matters[index], peers, vectors)
    return found


class _Peers:
    """What people answered where the bot would say the same."""

    def __init__(
        self, matters: Sequence[AuditedMatter], vectors: Vectors, ordinary: frozenset[str]
    ) -> None:
        self.ordinary = ordinary
        one_each = {m.customer or -m.conversation: m for m in matters}
        self._others = list(one_each.values())[:MOST_PEERS]
        self._said = vectors.of([m.person for m in self._others])
        self._vectors = vectors
        self._facts = Counter(
            fact for m in self._others for fact in facts_of(m.person) - facts_of(m.question)
        )

    def nearness(self, matter: AuditedMatter) -> float | None:
        """The median cosine of the person's answer with those to other customers; None: too few."""
        mine = self._vectors.of([matter.person])
        if self._said is None or mine is None:
            return None
        others = [m.customer != matter.customer or not m.customer for m in self._others]
        cosines = (self._said @ mine[0])[np.array(others, dtype=bool)]
        return float(np.median(cosines)) if len(cosines) >= LEAST_PEERS else None

    def side_with_bot(self, matter: AuditedMatter, kind: str) -> bool:
        """Whether most colleagues state what the bot states, so that this person is the
        exception."""
        stated = {fact for fact in self._facts if fact.kind == kind}
        total = sum(self._facts[fact] for fact in stated)
        bots = facts_of(matter.bot)
        agreeing = sum(self._facts[fact] for fact in stated if fact in bots)
        return total >= LEAST_PEERS and agreeing >= MAJORITY * total

    def usual_link(self, matter: AuditedMatter) -> str | None:
        """The link that most colleagues give where the bot gives another; None: there is none."""
        links = {fact: count for fact, count in self._facts.items() if fact.kind == "link"}
        bots = {fact for fact in facts_of(matter.bot) if fact.kind == "link"}
        usual = max(links, key=links.__getitem__, default=None)
        if usual is None or not bots or usual in bots or links[usual] < LEAST_PEERS:
            return None
        return usual.value if links[usual] >= MAJORITY * sum(links.values()) else None


def _judged(matter: AuditedMatter, peers: _Peers, vectors: Vectors) -> AuditedMatter:
    match = compared(matter.bot, matter.person, matter.question)
    near = vectors.cosine(matter.bot, matter.person)
    if match.conflicts:
        return _in_conflict(matter, match.conflicts[0], peers, near)
    if match.shared:
        fact = sorted(match.shared)[0]
        same = "the same link" if fact.kind in ("link", "email") else "the same facts"
        return matter.replace(agreement="agree", why=same)
    if near is None:
        return matter.replace(why="no facts to compare, and no encoder to compare the words")
    return _polite(matter, near) if matter.polite else _by_meaning(matter, near, peers)


def _by_meaning(matter: AuditedMatter, near: float, peers: _Peers) -> AuditedMatter:
    if near >= OTHER and (link := peers.usual_link(matter)):
        return matter.replace(agreement="differ", wrong=True, why=f"people give the link {link}")
    if near >= SAME:
        return matter.replace(agreement="agree", why=f"they say the same ({near:.2f})")
    return _in_words(matter, near, peers)


def _in_conflict(
    matter: AuditedMatter, conflict: tuple[str, str, str], peers: _Peers, near: float | None
) -> AuditedMatter:
    kind, bots, persons = conflict
    what = f"{SHOWN.get(kind, kind)}: the bot says {bots}, the person {persons}"
    if (near is None or near >= OTHER) and peers.side_with_bot(matter, kind):
        return matter.replace(why=f"{what}; colleagues say what the bot says")
    return matter.replace(agreement="differ", wrong=True, why=what)


def _polite(matter: AuditedMatter, near: float) -> AuditedMatter:
    """The bot would only greet or thank."""
    if near >= SAME:
        return matter.replace(agreement="agree", why=f"they say the same ({near:.2f})")
    if facts_of(matter.person) or near < OTHER:
        why = "the bot would only be polite, where a person answered a question"
        return matter.replace(agreement="differ", wrong=True, why=why)
    return matter.replace(why=UNTOLD)


def _in_words(matter: AuditedMatter, near: float, peers: _Peers) -> AuditedMatter:
    """There are no facts in common, and the two answers are not alike."""
    among = peers.nearness(matter)
    if among is None:
        return _alone(matter, near, peers.ordinary)
    if among < PEERS_OTHER:
        return _other(matter)
    if among < PEERS_SAME:
        return matter.replace(why=UNTOLD)
    if _own_case(matter):
        why = "the person answers this customer's case, the bot only in general"
        return matter.replace(agreement="differ", why=why)
    if near < OTHER:
        why = "people agree on another answer than the bot's"
        return matter.replace(agreement="differ", wrong=True, why=why)
    return matter.replace(why=UNTOLD)


def _alone(matter: AuditedMatter, near: float, ordinary: frozenset[str]) -> AuditedMatter:
    """As `_in_words`, where no other answers tell more."""
    if near >= OTHER or _own_case(matter):
        return matter.replace(why=UNTOLD)
    return matter.replace(why=NAMED) if names_besides(matter, ordinary) else _other(matter)


def _other(matter: AuditedMatter) -> AuditedMatter:
    return matter.replace(
        agreement="differ", wrong=True, why="the person's answer is about another matter"
    )


def names_besides(matter: AuditedMatter, ordinary: frozenset[str]) -> bool:
    """Whether the person's answer has a name that the bot's lacks, such as that of a branch: by it
    the same answer moves far in meaning. Not in German, which writes each noun with a capital, and
    neither ``ordinary`` words nor the names of those who took part."""
    if _is_german(matter):
        return False
    said = {*_WORD.findall(matter.bot.casefold()), *matter.names, *ordinary}
    found = (match[0] for match in _NAME.finditer(matter.person))
    return any(name.casefold() not in said and name not in NO_NAMES for name in found)


def _is_german(matter: AuditedMatter) -> bool:
    """Whether the person answers in German. The language of the matter is the customer's."""
    seen = {word.casefold() for word in _GERMAN.findall(matter.person)}
    return len(seen) >= (1 if matter.language.startswith("de") else 2)


def _ordinary_words(answers: Sequence[str]) -> frozenset[str]:
    """The words, in lower case, that are no names though an answer writes them with a capital
    ("our Support team"): another answer has them in lower case, or many have them."""
    plain = set[str]()
    answers_with = Counter[str]()
    for answer in answers:
        words = set(_WORD.findall(answer))
        plain |= {word for word in words if word.islower()}
        answers_with.update({word.casefold() for word in words})
    many = max(LEAST_PEERS, COMMON * len(answers))
    return frozenset(plain | {word for word, count in answers_with.items() if count >= many})


def _own_case(matter: AuditedMatter) -> bool:
    """Whether the person states what is this customer's alone."""
    return any(fact.kind in ("code", "date") for fact in facts_of(matter.person))
