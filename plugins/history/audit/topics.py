"""Which questions come again, whether people answer them alike, and what a bot must not touch.

Matters are joined by what was asked and what was answered together (average linkage of cosines): a
question that gets another answer is another topic. A topic can be automated when people give other
customers the same answer, by its facts or its words, and nobody has to look anything up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from gateway import Value, count_words
from plugins.history.audit.facts import GENERAL, StatedValue, facts_of
from plugins.history.audit.forecasting import Seen, share
from plugins.history.audit.judging import SAME, Vectors
from plugins.history.audit.model import AuditedMatter, Estimate

Array = np.ndarray[Any, Any]
Fitness = Literal["automatable", "never", "not_yet"]
MOST = 4_000
"""Matters that are clustered; the others join the nearest topic. Memory grows with the square: 130
MB for so many."""
ASKED, ANSWERED = 0.6, 0.8
"""How much question and answer count; their squares make 1."""
ASKED_ALONE, ANSWERED_LITTLE = 0.98, 0.199
"""The same where the answer says little (`says_little`): whoever says "Yes, of course." to six
questions has not answered one question six times."""
LITTLE = 6
"""Words, below which an answer without facts says little."""
JOINED = 0.50
"""Cosine from which topics are joined."""
SAME_FACTS = 0.2
"""How much nearer two answers are that share a fact."""
NEAREST = 0.45
"""Cosine with a topic's middle from which a matter that was not clustered joins it."""
LEAST_CUSTOMERS = 5
"""Customers before a topic is judged."""
ALIKE = 0.6
"""Share of answers that must be alike, at the lower end of its interval."""
OWN_FACTS = 0.35
"""Share of answers with facts of one customer, from which a topic is about accounts."""
UPSETTING = 0.4
"""Share of upset customers from which a topic is for people."""
NEVER_REASONS = frozenset({"harm", "legal", "sensitive_intent"})
"""Reasons to step back that no answer removes."""
GRAVE = 0.3
"""Share of matters with such a reason, from which a topic is for people."""
PAIRS = 40
"""Answers with which each answer is compared."""


class AskedTopic(Value, frozen=True, kw_only=True):
    """A question that came again. ``alike`` is the share of answers that say what others say."""

    index: int
    fitness: Fitness
    why: str
    matters: tuple[int, ...]
    """Indexes of its matters, the most typical first."""
    customers: int
    alike: Estimate
    own_facts: float
    upset: float
    answered: int
    """Matters that the bot would answer today."""


def find_topics(matters: Sequence[AuditedMatter], vectors: Vectors) -> list[AskedTopic]:
    """The topics of ``matters``, the most frequent first."""
    known = [i for i, m in enumerate(matters) if m.person and m.question in vectors.by_text
             and m.person in vectors.by_text]  # fmt: skip
    if len(known) < LEAST_CUSTOMERS:
        return []
    asked = vectors.of([matters[i].question for i in known])
    said = vectors.of([matters[i].person for i in known])
    assert asked is not None and said is not None  # noqa: S101, PT018  (known has vectors)
    bare = np.array([[says_little(matters[i].person)] for i in known])
    joint = np.hstack([
        np.where(bare, ASKED_ALONE, ASKED) * asked,
        np.where(bare, ANSWERED_LITTLE, ANSWERED) * said,
    ])  # fmt: skip
    groups = _groups(joint, [facts_of(matters[i].person) for i in known])
    made = []
    for members in groups:
        middle = joint[members].mean(axis=0)
        order = np.argsort(-(joint[members] @ middle))
        chosen = [known[members[at]] for at in order]
        made.append(_topic(chosen, matters, said[members][order]))
    made = [topic for topic in made if topic.customers >= LEAST_CUSTOMERS]
    made.sort(key=lambda topic: -len(topic.matters))
    return [topic.replace(index=index) for index, topic in enumerate(made)]


def says_little(answer: str) -> bool:
    """Whether ``answer`` has few words and no facts, so that it fits any question."""
    return count_words(answer) < LITTLE and not facts_of(answer)


def with_topics(
    matters: Sequence[AuditedMatter], topics: Sequence[AskedTopic]
) -> list[AuditedMatter]:
    """``matters``, each with its topic."""
    of = {at: topic.index for topic in topics for at in topic.matters}
    return [m.replace(topic=of[at]) if at in of else m for at, m in enumerate(matters)]


def may_automate(matter: AuditedMatter, topics: Sequence[AskedTopic]) -> bool:
    """Whether one answer would settle ``matter``: its topic allows it, and nothing in the message
    asks for a person."""
    if matter.topic < 0 or topics[matter.topic].fitness != "automatable" or matter.upset:
        return False
    return not FOR_PEOPLE & set(matter.reasons)


FOR_PEOPLE = frozenset({"harm", "legal", "asked_for_person", "strong_emotion", "urgent"})
"""Reasons in a message with which a person answers it, whatever it is about."""


def _groups(joint: Array, facts: Sequence[frozenset[StatedValue]]) -> list[Array]:
    """The rows of ``joint`` in groups."""
    from scipy.cluster.hierarchy import fcluster, linkage  # noqa: PLC0415  (slow to import)
    from scipy.spatial.distance import squareform  # noqa: PLC0415

    rng = np.random.default_rng(0)
    rows = np.arange(len(joint))
    part = np.sort(rng.choice(rows, MOST, replace=False)) if len(rows) > MOST else rows
    distances = 1.0 - joint[part] @ joint[part].T
    distances -= SAME_FACTS * _share_fact([facts[int(at)] for at in part])
    np.fill_diagonal(distances, 0.0)
    tree = linkage(squareform(np.maximum(distances, 0.0), checks=False), method="average")
    labels = fcluster(tree, t=1.0 - JOINED, criterion="distance")
    groups = [part[labels == label] for label in np.unique(labels)]
    rest = np.setdiff1d(rows, part)
    if not len(rest):
        return groups
    middles = np.stack([joint[group].mean(axis=0) for group in groups])
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    near = joint[rest] @ middles.T
    best = near.argmax(axis=1)
    fits = near[np.arange(len(rest)), best] >= NEAREST
    return [np.append(group, rest[(best == at) & fits]) for at, group in enumerate(groups)]


def _share_fact(facts: Sequence[frozenset[StatedValue]]) -> Array:
    """1 where two answers share a fact that may be the same for all customers."""
    columns: dict[StatedValue, int] = {}
    rows: list[tuple[int, int]] = []
    for row, stated in enumerate(facts):
        general = [fact for fact in stated if fact.kind in GENERAL and fact.kind != "number"]
        rows += [(row, columns.setdefault(fact, len(columns))) for fact in general]
    if not rows:
        return np.zeros((len(facts), len(facts)), dtype=np.float32)
    from scipy import sparse  # noqa: PLC0415  (slow to import)

    at = np.array(rows)
    has = sparse.csr_array(
        (np.ones(len(rows), dtype=np.float32), (at[:, 0], at[:, 1])),
        shape=(len(facts), len(columns)),
    )
    shared: Array = np.minimum((has @ has.T).toarray(), 1.0)
    return shared


def _topic(members: Sequence[int], matters: Sequence[AuditedMatter], said: Array) -> AskedTopic:
    chosen = [matters[at] for at in members]
    customers = {m.customer or -m.conversation for m in chosen}
    own = [_own_facts(chosen, at) for at in range(len(chosen))]
    alike = [
        Seen(same, m.customer or -m.conversation, m.at)
        for m, same in zip(chosen, _alike(chosen, said), strict=True)
    ]
    upset = sum(m.upset for m in chosen) / len(chosen)
    grave = sum(bool(NEVER_REASONS & set(m.reasons)) for m in chosen) / len(chosen)
    figure = share(alike)
    own_share = sum(own) / len(own)
    fitness, why = _fitness(figure, own_share, upset, grave)
    return AskedTopic(
        index=0,
        fitness=fitness,
        why=why,
        matters=tuple(members),
        customers=len(customers),
        alike=figure,
        own_facts=own_share,
        upset=upset,
        answered=sum(m.verdict == "answer" for m in chosen),
    )


def _fitness(alike: Estimate, own: float, upset: float, grave: float) -> tuple[Fitness, str]:
    if grave >= GRAVE:
        return "never", "it speaks of harm, of legal steps or of what your policy gives to people"
    if upset >= UPSETTING:
        return "never", "most who ask this are upset"
    if own >= OWN_FACTS:
        return "never", "the answer needs facts of the customer's account"
    if alike.low >= ALIKE:
        return "automatable", "people give everyone the same answer"
    if alike.high < ALIKE:
        return "never", "people answer this differently each time"
    return "not_yet", "too few answers to say whether they are alike"


def _own_facts(chosen: Sequence[AuditedMatter], at: int) -> bool:
    """Whether the answer states what is this customer's alone: a code, a date, or a value that was
    told to nobody else and stands where others have one."""
    facts = facts_of(chosen[at].person)
    return any(fact.kind in ("code", "date") for fact in facts)


def _alike(chosen: Sequence[AuditedMatter], said: Array) -> list[bool]:
    """For each answer, whether most others say the same: no conflict in the facts that are told
    most, and near in words, or with a fact in common."""
    usual = _usual_facts(chosen)
    found = []
    number = len(chosen)
    step = max(1, number // PAIRS)
    for at, matter in enumerate(chosen):
        others = [i for i in range(0, number, step)
                  if chosen[i].customer != matter.customer or not matter.customer]  # fmt: skip
        near = np.median(said[others] @ said[at]) if others else 0.0
        facts = {f for f in facts_of(matter.person) if f.kind in GENERAL and f.kind != "number"}
        common = facts & usual
        odd = {f for f in facts - usual if any(u.kind == f.kind for u in usual)}
        alone = bool(facts) and not common
        near_enough = bool(common) or bool(near >= SAME)
        found.append(bool(others) and not odd and not alone and near_enough)
    return found


def _usual_facts(chosen: Sequence[AuditedMatter]) -> set[StatedValue]:
    """The facts that at least a quarter of those answers state which state one of the kind."""
    counts: Counter[StatedValue] = Counter()
    kinds: dict[str, int] = defaultdict(int)
    for matter in chosen:
        facts = {f for f in facts_of(matter.person) if f.kind in GENERAL and f.kind != "number"}
        counts.update(facts)
        for kind in {fact.kind for fact in facts}:
            kinds[kind] += 1
    return {
        fact for fact, count in counts.items()
        if count >= LEAST_CUSTOMERS and count >= kinds[fact.kind] / 4
    }  # fmt: skip
