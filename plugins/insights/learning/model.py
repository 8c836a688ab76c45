"""What is learnt: proposals with evidence and evaluation, what became of them, and their effect.

A proposal is a shared row and holds no customer's words: its sentences, the conversations that it
quotes and an answer that an agent wrote are rows of their own, each with its conversation's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal, get_args

import msgspec

from gateway import AdoptedChange, Json, KeyPath, Value, VersionKind
from plugins.insights.measures.values import Comparison
from plugins.insights.model import Figure, MaskedExample

ProposalKind = Literal[
    "examples", "new_intent", "answer", "voice_rule", "threshold", "customer_phrase"
]
"""``examples``: customers' sentences for an intent that there is. ``new_intent``: for one that
there is not, with an answer if there is one. ``answer``: another text for an answer.
``voice_rule``: a phrase of ours to avoid. ``threshold``: a number of the routing policy.
``customer_phrase``: a phrase of customers that shows a mood or a signal."""
PROPOSAL_KINDS: tuple[ProposalKind, ...] = get_args(ProposalKind)

ProposalState = Literal["open", "adopting", "adopted", "declined", "rolled_back"]
"""``adopting``: somebody adopts it at this moment."""

EvaluationVerdict = Literal["better", "worse", "no_difference", "cannot_be_told"]

VERSION_KIND: Mapping[ProposalKind, VersionKind] = {
    "examples": "answers",
    "new_intent": "answers",
    "answer": "answers",
    "voice_rule": "guide",
    "threshold": "policy",
    "customer_phrase": "guide",
}


TICKETS = "tickets"
"""The source of proposals that are made of past conversations and people's replies in them."""


class ProposalTarget(Value, frozen=True, kw_only=True):
    """What a proposal is about. ``at``: where its change is in the team's files, without the
    brand."""

    at: KeyPath
    intent: str = ""
    language: str = ""
    brand: str = ""
    phrase: str = ""

    @property
    def path(self) -> KeyPath:
        """Where its change is, below the brand if it has one."""
        return ("brands", self.brand, *self.at) if self.brand else self.at


class ProposedSentence(Value, frozen=True, kw_only=True):
    """A customer's sentence that is to be an example. ``conversation`` 0: a colleague wrote it.
    ``shown`` is the sentence without personal data; ``id`` is its row's, 0 until it is stored."""

    text: str
    conversation: int = 0
    shown: str = ""
    id: int = 0


class DraftedText(Value, frozen=True, kw_only=True):
    """The body of a proposed answer, sentence by sentence. ``conversation``: whose agent wrote it
    first; it is erased with that one. 0: a colleague wrote it here. ``language``: that of the body,
    where it is not the target's."""

    body: tuple[str, ...]
    conversation: int = 0
    language: str = ""


class ProposalDraft(Value, frozen=True, kw_only=True):
    """A proposal before it is stored.

    ``title`` and ``found`` are a sentence each, without customers' words. ``examples`` are shown as
    evidence; ``sentences`` are what would be learnt. ``source`` is the kind of the discovery, or
    ``review``.
    """

    kind: ProposalKind
    title: str
    found: str
    target: ProposalTarget
    source: str
    evidence: Mapping[str, Json] = msgspec.field(default_factory=dict)
    changes: tuple[AdoptedChange, ...] = ()
    sentences: tuple[ProposedSentence, ...] = ()
    text: DraftedText | None = None
    more_texts: tuple[DraftedText, ...] = ()
    """The answer in other languages, each by an agent."""
    examples: tuple[MaskedExample, ...] = ()


class PairedComparison(Value, frozen=True, kw_only=True):
    """One measure of the same rows before and after a change.

    ``group`` is ``all``, or a kind and a name: ``language de``, ``intent refund``, ``new``.
    ``gained`` rows have it only after, ``lost`` only before; ``p_value`` is that of the exact
    McNemar test, None where nothing changed or rows are not paired.
    """

    group: str
    measure: str
    before: Figure
    after: Figure
    gained: int = 0
    lost: int = 0
    p_value: float | None = None


class AnswerRendering(Value, frozen=True, kw_only=True):
    """An answer as one channel shows it, before and after. ``advice_before`` and ``advice_after``
    are what the brand voice says of it, each as ``rule: message``."""

    channel: str
    language: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    advice_before: tuple[str, ...] = ()
    advice_after: tuple[str, ...] = ()
    segments_before: int | None = None
    segments_after: int | None = None


class ProposalEvaluation(Value, frozen=True, kw_only=True):
    """What a proposal would do, measured before anything changes.

    ``version`` is the newest version of its kind at that time, and ``base`` what was in force at
    its target: when that is no longer so, it must be done again. ``rests_on`` are the keys of the
    rows with customers' words that it used. ``seconds`` is how long it took.
    """

    at: datetime
    verdict: EvaluationVerdict
    sentence: str
    version: int
    base: Json = None
    comparisons: tuple[PairedComparison, ...] = ()
    renderings: tuple[AnswerRendering, ...] = ()
    facts_kept: tuple[str, ...] = ()
    facts_lost: tuple[str, ...] = ()
    facts_new: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    rests_on: tuple[str, ...] = ()
    seconds: float = 0.0


class ProposalDecision(Value, frozen=True, kw_only=True):
    """Who decided what, when and why. ``version``: the one that adopting made."""

    by: str
    at: datetime
    why: str
    version: int | None = None


class EffectMeasure(Value, frozen=True, kw_only=True):
    """One measure after an adoption against before, with the 95 % interval of the difference.

    ``better`` is None when the interval includes no difference: then it cannot be told.
    ``rest`` is the same elsewhere, ``beyond_rest`` the difference that is left without that of the
    rest.
    """

    measure: str
    title: str
    change: Comparison
    better: bool | None
    rest: Comparison | None = None
    beyond_rest: Figure | None = None


class ProposalEffect(Value, frozen=True, kw_only=True):
    """What an adopted proposal did. ``days`` before and after its adoption were compared."""

    at: datetime
    days: int
    measures: tuple[EffectMeasure, ...]


class Proposal(Value, frozen=True, kw_only=True):
    """What was learnt, and waits for a person or was decided by one.

    ``subject`` is what it is about, and ``fingerprint`` that with what it proposes: a proposal that
    was decided is not made again. ``made_of`` are the ids of the conversations behind it.
    ``sentences`` and ``examples`` are how many it was stored with; fewer rows now means that some
    were erased. ``text_from``: the conversation whose agent wrote the proposed answer first; 0:
    none, and ``body`` has it.
    ``edited_by``: who changed what is proposed. ``row`` is the version of its stored row: a change
    must name it.
    """

    id: str
    kind: ProposalKind
    state: ProposalState = "open"
    title: str
    found: str
    target: ProposalTarget
    source: str
    evidence: Mapping[str, Json] = msgspec.field(default_factory=dict)
    changes: tuple[AdoptedChange, ...] = ()
    body: tuple[str, ...] = ()
    subject: str = ""
    fingerprint: str = ""
    made_of: tuple[int, ...] = ()
    sentences: int = 0
    examples: int = 0
    text_from: int = 0
    more_texts: int = 0
    """How many answers in other languages it was stored with."""
    made_at: datetime
    updated_at: datetime
    edited_by: str = ""
    evaluation: ProposalEvaluation | None = None
    decision: ProposalDecision | None = None
    effect: ProposalEffect | None = None
    row: int = 0

    @property
    def version_kind(self) -> VersionKind:
        return VERSION_KIND[self.kind]


class WholeProposal(Value, frozen=True, kw_only=True):
    """A proposal with its rows that hold words. ``erased`` is how many were erased since."""

    proposal: Proposal
    sentences: tuple[ProposedSentence, ...] = ()
    text: DraftedText | None = None
    more_texts: tuple[DraftedText, ...] = ()
    examples: tuple[MaskedExample, ...] = ()
    erased: int = 0
    stale: bool = False
    """Its evaluation rested on rows that were erased since."""


class LabelledRow(Value, frozen=True, kw_only=True):
    """A customer's message with the intent that a person gave it. ``key`` is that of its row."""

    text: str
    intent: str
    language: str = ""
    conversation: int
    key: str = ""
