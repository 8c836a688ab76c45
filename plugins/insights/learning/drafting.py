"""Makes drafts of proposals of what the report found, and tells which are about the same, so that
nothing is proposed twice. Pure, but for what is in force."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from gateway import (
    GAP,
    AddItems,
    AdoptedChange,
    AnswerEntry,
    Json,
    KeyPath,
    SetValue,
    Trials,
    counted,
)
from plugins.insights.learning.answers import as_sentences, with_placeholders
from plugins.insights.learning.model import (
    DraftedText,
    Proposal,
    ProposalDraft,
    ProposalKind,
    ProposalTarget,
    ProposedSentence,
)
from plugins.insights.model import (
    Discovery,
    IntentDraft,
    MaskedExample,
    PhraseDraft,
    WordingDraft,
    WordsDraft,
)

LEARNT = "learnt"
"""The category of the guide to which phrases to avoid are added."""
SHOWN = 3
"""Examples that are shown beside a proposal."""
_GAPS = re.compile(r"\s*\[…\]\s*")
_NAME = re.compile(r"[^\w]+")
SAME_CONVERSATIONS = 0.5
"""New intents whose conversations overlap by this share of the fewer ones are one: the name that
is made of their most telling words may change from week to week."""
_BY_CONVERSATIONS: tuple[ProposalKind, ...] = ("new_intent", "examples")
_WORD = re.compile(r"\w+")


async def draft_of(discovery: Discovery, trials: Trials) -> ProposalDraft | None:
    """The proposal that ``discovery`` suggests; None when it suggests no change."""
    match discovery.draft:
        case IntentDraft() as draft:
            return await _new_intent(discovery, draft, trials)
        case WordingDraft() as draft:
            return await _answer(discovery, draft, trials)
        case PhraseDraft(hurts=True) as draft:
            return await _voice_rule(discovery, draft, trials)
        case WordsDraft(intent=str()) as draft:
            return _examples(discovery, draft)
    return None


def sentence_of(example: MaskedExample) -> ProposedSentence | None:
    """A masked message as an example to learn: without the gaps. None when no words are left."""
    text = " ".join(_GAPS.sub(" ", example.text).split())
    if sum(char.isalpha() for char in text) < 3:
        return None
    return ProposedSentence(text=text, conversation=example.conversation, shown=example.text)


def sentences_of(examples: Sequence[MaskedExample]) -> tuple[ProposedSentence, ...]:
    """The different sentences of ``examples``."""
    found: dict[str, ProposedSentence] = {}
    for example in examples:
        if sentence := sentence_of(example):
            found.setdefault(sentence.text.casefold(), sentence)
    return tuple(found.values())


def intent_name(words: str) -> str:
    """A name of an intent: lower-case words joined by underlines."""
    return _NAME.sub("_", words.casefold()).strip("_")


async def answer_target(
    trials: Trials, intent: str, language: str, brand: str, *, drafted: bool
) -> ProposalTarget:
    """Where the answer's sentences are in the files. ``drafted``: those of drafts for people
    (``personal``), so that what the bot says stays; there must be an answer for that."""
    at: KeyPath = ("answers", intent, "say", language)
    known = await trials.in_force("answers", ("brands", brand, *at) if brand else at)
    part = "personal" if drafted and known else "body"
    return ProposalTarget(
        at=("answers", intent, "say", language, part),
        intent=intent,
        language=language,
        brand=brand,
    )


def answer_title(target: ProposalTarget) -> str:
    """What a proposal for this answer is called."""
    what = "the draft for agents" if target.at[-1] == "personal" else "the answer"
    return f"Change {what} about “{target.intent}” ({target.language})"


async def stated_facts(trials: Trials, target: ProposalTarget) -> Mapping[str, str]:
    """The facts of the answer in force, in the language of ``target``."""
    entry = await _entry(trials, target.intent, target.brand)
    return entry.facts_in(target.language) if entry else {}


def voice_rule_changes(
    phrase: str, language: str, instead: str | None, *, known_category: bool, brand: str = ""
) -> tuple[AdoptedChange, ...]:
    """What adds a phrase to avoid to the guide; ``instead`` None leaves it to a person."""
    base: KeyPath = ("brands", brand, "lexicon", "avoid") if brand else ("lexicon", "avoid")
    item: Json = {"phrase": phrase} if instead is None else {"phrase": phrase, "instead": instead}
    added = AddItems(at=(*base, LEARNT, "phrases", language), items=(item,))
    if known_category:
        return (added,)
    why = "Customers' moods fall after this."
    return SetValue(at=(*base, LEARNT, "why"), value=why), added


async def _new_intent(
    discovery: Discovery, draft: IntentDraft, trials: Trials
) -> ProposalDraft | None:
    sentences = sentences_of(draft.examples)
    if len(sentences) < 2:
        return None
    taken = {intent for _, intent in await trials.examples_of_shop()}
    name = intent_name(draft.name)
    while name in taken:
        name += "_2"
    answer = draft.answer
    return ProposalDraft(
        kind="new_intent",
        title=f"Learn the new intent “{name}”",
        found=discovery.title,
        target=ProposalTarget(
            at=("answers", name, "say", draft.language, "body"),
            intent=name,
            language=draft.language,
        ),
        source=discovery.kind,
        evidence=discovery.evidence,
        sentences=sentences,
        text=DraftedText(body=as_sentences(answer.text), conversation=answer.conversation)
        if answer
        else None,
        examples=discovery.examples[:SHOWN],
    )


async def _answer(
    discovery: Discovery, draft: WordingDraft, trials: Trials
) -> ProposalDraft | None:
    target = await answer_target(trials, draft.intent, draft.language, "", drafted=True)
    facts = await stated_facts(trials, target)
    body = with_placeholders(as_sentences(draft.new.text), facts)
    if not body:
        return None
    return ProposalDraft(
        kind="answer",
        title=answer_title(target),
        found=discovery.title,
        target=target,
        source=discovery.kind,
        evidence=discovery.evidence,
        text=DraftedText(body=body, conversation=draft.new.conversation),
        examples=discovery.examples[:SHOWN],
    )


async def _voice_rule(discovery: Discovery, draft: PhraseDraft, trials: Trials) -> ProposalDraft:
    known = await trials.in_force("guide", ("lexicon", "avoid", LEARNT))
    return ProposalDraft(
        kind="voice_rule",
        title=f"Avoid “{draft.phrase}” ({draft.language})",
        found=discovery.title,
        target=ProposalTarget(
            at=("lexicon", "avoid", LEARNT, "phrases", draft.language),
            language=draft.language,
            phrase=draft.phrase,
        ),
        source=discovery.kind,
        evidence=discovery.evidence,
        changes=voice_rule_changes(
            draft.phrase, draft.language, None, known_category=known is not None
        ),
        examples=discovery.examples[:SHOWN],
    )


def _examples(discovery: Discovery, draft: WordsDraft) -> ProposalDraft | None:
    sentences = sentences_of(draft.examples)
    if not sentences or not draft.intent:
        return None
    return ProposalDraft(
        kind="examples",
        title=f"Learn {counted(len(sentences), 'sentence')} for “{draft.intent}” "
        f"({draft.language})",
        found=discovery.title,
        target=ProposalTarget(
            at=("examples", draft.intent), intent=draft.intent, language=draft.language
        ),
        source=discovery.kind,
        evidence=discovery.evidence,
        sentences=sentences,
        examples=discovery.examples[:SHOWN],
    )


async def _entry(trials: Trials, intent: str, brand: str) -> AnswerEntry | None:
    at: KeyPath = ("answers", intent)
    found = await trials.in_force("answers", ("brands", brand, *at) if brand else at)
    return AnswerEntry.model_validate(found) if isinstance(found, dict) else None


def has_gap(body: Sequence[str]) -> bool:
    """Whether something masked is still left out of the text."""
    return any(GAP in sentence for sentence in body)


def subject_of(draft: ProposalDraft) -> str:
    """What ``draft`` is about: its kind, and where its change is in the files."""
    target = draft.target
    return "|".join((draft.kind, ".".join(target.path), target.language, target.phrase.casefold()))


def fingerprint_of(draft: ProposalDraft) -> str:
    """A digest of the subject and of what is proposed, without case, punctuation and spaces."""
    texts = [*(draft.text.body if draft.text else ()), *map(_as_text, draft.changes)]
    if draft.kind in _BY_CONVERSATIONS:
        texts = sorted(sentence.text for sentence in draft.sentences)
    words = " ".join(_WORD.findall(" ".join(texts).casefold()))
    return hashlib.sha256(f"{subject_of(draft)}\n{words}".encode()).hexdigest()[:24]


def conversations_of(draft: ProposalDraft) -> tuple[int, ...]:
    """The ids of the conversations behind ``draft``, in order."""
    ids = {sentence.conversation for sentence in draft.sentences}
    ids |= {example.conversation for example in draft.examples}
    ids |= {draft.text.conversation} if draft.text else set()
    ids |= {text.conversation for text in draft.more_texts}
    return tuple(sorted(ids - {0}))


def is_about_same(draft: ProposalDraft, proposal: Proposal) -> bool:
    """Whether ``draft`` has the subject of ``proposal``, or is a new intent for mostly the same
    conversations."""
    if subject_of(draft) == proposal.subject:
        return True
    if draft.kind != "new_intent" or proposal.kind != "new_intent":
        return False
    return _overlap(conversations_of(draft), proposal.made_of) >= SAME_CONVERSATIONS


def was_decided(draft: ProposalDraft, decided: Iterable[Proposal]) -> bool:
    """Whether a person has adopted or declined just this already."""
    fingerprint = fingerprint_of(draft)
    return any(
        fingerprint == proposal.fingerprint
        or (
            draft.kind in _BY_CONVERSATIONS
            and is_about_same(draft, proposal)
            and _overlap(conversations_of(draft), proposal.made_of) >= SAME_CONVERSATIONS
        )
        for proposal in decided
    )


def _overlap(first: tuple[int, ...], second: tuple[int, ...]) -> float:
    fewer = min(len(first), len(second))
    return len(set(first) & set(second)) / fewer if fewer else 0.0


def _as_text(change: object) -> str:
    return msgspec.json.encode(change, order="sorted").decode()
