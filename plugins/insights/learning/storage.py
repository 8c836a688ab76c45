"""Keeps proposals in the plugin's storage.

``proposals/row/ID`` is the shared row. What holds words of one conversation is a row of its own
with that conversation's id, so that erasing and exporting reach it: ``proposals/sentence/ID/N``,
``proposals/example/ID/N``, ``proposals/text/ID``, ``proposals/more/ID/LANGUAGE`` and
``proposals/rendering/ID``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

import msgspec

from gateway import NotFound, Outdated, PluginStorage, StoredValue, Value
from plugins.insights.learning.drafting import (
    conversations_of,
    fingerprint_of,
    subject_of,
)
from plugins.insights.learning.model import (
    AnswerRendering,
    DraftedText,
    Proposal,
    ProposalDraft,
    ProposalState,
    ProposedSentence,
    WholeProposal,
)
from plugins.insights.model import MaskedExample

PLUGIN = "insights"
ROWS, SENTENCES, EXAMPLES = "proposals/row/", "proposals/sentence/", "proposals/example/"
TEXTS, MORE, RENDERINGS = "proposals/text/", "proposals/more/", "proposals/rendering/"

T = TypeVar("T", bound=Value)


class EvaluationWords(Value, frozen=True, kw_only=True):
    """What of an evaluation repeats an answer that comes from a conversation."""

    renderings: tuple[AnswerRendering, ...] = ()
    notes: tuple[str, ...] = ()


class StoredProposals:
    """See `ports.ProposalStore`."""

    def __init__(self, storage: PluginStorage) -> None:
        self._storage = storage

    async def listed(self, *states: ProposalState) -> tuple[Proposal, ...]:
        found = [_proposal(row) async for row in self._rows(ROWS)]
        wanted = [each for each in found if not states or each.state in states]
        return tuple(reversed(wanted))

    async def proposal(self, id: str) -> WholeProposal:
        stored = await self._storage.get(PLUGIN, ROWS + _number(id))
        if stored is None:
            raise NotFound(f"there is no proposal {id}; `warmline proposals list` shows all")
        proposal = await self._with_words(_proposal(stored))
        sentences = await self._parts(f"{SENTENCES}{_number(id)}/", ProposedSentence)
        examples = await self._parts(f"{EXAMPLES}{_number(id)}/", MaskedExample)
        text = await self._text(proposal)
        more = await self._parts(f"{MORE}{_number(id)}/", DraftedText)
        erased = proposal.sentences - len(sentences) + proposal.examples - len(examples)
        erased += proposal.more_texts - len(more)
        return WholeProposal(
            proposal=proposal,
            sentences=sentences,
            text=text,
            more_texts=more,
            examples=examples,
            erased=max(0, erased) + int(bool(proposal.text_from) and text is None),
            stale=await self._is_stale(proposal),
        )

    async def add(self, draft: ProposalDraft, at: datetime) -> Proposal:
        number = 1 + max([int(each.id) for each in await self.listed()], default=0)
        while True:
            proposal = _from_draft(draft, str(number), at)
            try:
                stored = await self._put(ROWS + _number(proposal.id), proposal)
            except Outdated:  # another process took this number
                number += 1
                continue
            return await self._with_parts(proposal.replace(row=stored.version), draft)

    async def refresh(self, proposal: Proposal, draft: ProposalDraft, at: datetime) -> Proposal:
        if proposal.edited_by:
            changed = proposal.replace(evidence=draft.evidence, found=draft.found, updated_at=at)
            return await self.change(changed)
        fresh = _from_draft(draft, proposal.id, proposal.made_at)
        same = fresh.fingerprint == proposal.fingerprint
        evaluation = (await self._with_words(proposal)).evaluation if same else None
        changed = await self.change(fresh.replace(updated_at=at, row=proposal.row))
        await self._drop_parts(proposal.id)
        return await self._with_parts(changed.replace(evaluation=evaluation), draft)

    async def change(self, proposal: Proposal) -> Proposal:
        shared = await self._without_words(proposal)
        stored = await self._put(ROWS + _number(proposal.id), shared, version=proposal.row)
        return proposal.replace(row=stored.version)

    async def edit(
        self, proposal: Proposal, sentences: Sequence[ProposedSentence], body: tuple[str, ...]
    ) -> Proposal:
        """Store what a person wrote: all sentences that remain, and the answer's body, if it has
        one. Raises Outdated when somebody changed the proposal meanwhile."""
        kept = await self._text(proposal)
        own_words = kept is None or kept.body != body
        changed = proposal.replace(sentences=0)
        if own_words:
            changed = changed.replace(body=body, text_from=0)
        changed = await self.change(changed)
        await self._drop_all(f"{SENTENCES}{_number(proposal.id)}/")
        if own_words:
            await self._drop_all(TEXTS + _number(proposal.id))
            await self._drop_all(RENDERINGS + _number(proposal.id))
        count = await self._put_sentences(proposal.id, sentences)
        return await self.change(changed.replace(sentences=count))

    # -- rows --------------------------------------------------------------------------------------

    async def _with_parts(self, proposal: Proposal, draft: ProposalDraft) -> Proposal:
        """Store what of ``draft`` has words, then how much that is. A crash in between leaves a
        proposal without them, which the next look completes (see `lacks_words`)."""
        sentences = await self._put_sentences(proposal.id, draft.sentences)
        examples, text_from, evaluation = 0, 0, proposal.evaluation
        for index, example in enumerate(draft.examples):
            with suppress(NotFound):
                key = f"{EXAMPLES}{_number(proposal.id)}/{index:04d}"
                await self._put(key, example, conversation=example.conversation)
                examples += 1
        if draft.text and draft.text.conversation:
            with suppress(NotFound):
                key, conversation = TEXTS + _number(proposal.id), draft.text.conversation
                await self._put(key, draft.text, conversation=conversation)
                text_from = conversation
            if not text_from:  # erased meanwhile, and so are the words of the evaluation
                evaluation = None
        more = 0
        for text in draft.more_texts:
            with suppress(NotFound):
                key = f"{MORE}{_number(proposal.id)}/{text.language}"
                await self._put(key, text, conversation=text.conversation)
                more += 1
        found = proposal.replace(
            sentences=sentences, examples=examples, text_from=text_from, more_texts=more
        )
        return await self.change(found.replace(evaluation=evaluation))

    async def _put_sentences(self, id: str, sentences: Sequence[ProposedSentence]) -> int:
        count = 0
        for number, sentence in enumerate(sentences, 1):
            with suppress(NotFound):
                key = f"{SENTENCES}{_number(id)}/{number:04d}"
                row = sentence.replace(id=number)
                await self._put(key, row, conversation=sentence.conversation)
                count += 1
        return count

    async def _without_words(self, proposal: Proposal) -> Proposal:
        """``proposal`` as its shared row has it: the words of its evaluation are kept beside it
        when its answer comes from a conversation."""
        evaluation, conversation = proposal.evaluation, proposal.text_from
        if evaluation is None or not conversation:
            return proposal
        words = EvaluationWords(renderings=evaluation.renderings, notes=evaluation.notes)
        key = RENDERINGS + _number(proposal.id)
        known = await self._storage.get(PLUGIN, key)
        with suppress(NotFound):
            version = known.version if known else 0
            await self._put(key, words, version=version, conversation=conversation)
        return proposal.replace(evaluation=evaluation.replace(renderings=(), notes=()))

    async def _with_words(self, proposal: Proposal) -> Proposal:
        if proposal.evaluation is None or not proposal.text_from:
            return proposal
        stored = await self._storage.get(PLUGIN, RENDERINGS + _number(proposal.id))
        if stored is None:
            return proposal
        words = msgspec.json.decode(stored.value, type=EvaluationWords)
        evaluation = proposal.evaluation.replace(renderings=words.renderings, notes=words.notes)
        return proposal.replace(evaluation=evaluation)

    async def _text(self, proposal: Proposal) -> DraftedText | None:
        if not proposal.text_from:
            return DraftedText(body=proposal.body) if proposal.body else None
        stored = await self._storage.get(PLUGIN, TEXTS + _number(proposal.id))
        return msgspec.json.decode(stored.value, type=DraftedText) if stored else None

    async def _is_stale(self, proposal: Proposal) -> bool:
        if proposal.evaluation is None or proposal.state != "open":
            return False
        for key in proposal.evaluation.rests_on:
            if await self._storage.get(PLUGIN, key) is None:
                return True
        return False

    async def _parts(self, prefix: str, kind: type[T]) -> tuple[T, ...]:
        rows = [row async for row in self._rows(prefix)]
        return tuple(msgspec.json.decode(row.value, type=kind) for row in rows)

    async def _drop_parts(self, id: str) -> None:
        for prefix in (SENTENCES, EXAMPLES, MORE):
            await self._drop_all(f"{prefix}{_number(id)}/")
        for prefix in (TEXTS, RENDERINGS):
            await self._drop_all(prefix + _number(id))

    async def _drop_all(self, prefix: str) -> None:
        async for row in self._rows(prefix):
            await self._storage.drop(PLUGIN, row.key, version=row.version)

    async def _put(
        self, key: str, value: Value, *, version: int = 0, conversation: int = 0
    ) -> StoredValue:
        text = msgspec.json.encode(value).decode()
        return await self._storage.put(
            PLUGIN, key, text, version=version, conversation=conversation
        )

    async def _rows(self, prefix: str) -> AsyncIterator[StoredValue]:
        after = ""
        while page := await self._storage.scan(PLUGIN, prefix, after=after):
            for row in page:
                yield row
            after = page[-1].key


def lacks_words(proposal: Proposal, draft: ProposalDraft) -> bool:
    """Whether a crash came before the words of ``draft``, of which ``proposal`` was made, were
    stored."""
    if proposal.edited_by:
        return False
    text = bool(draft.text) and not proposal.text_from and not proposal.body
    return (
        text
        or bool(draft.sentences and not proposal.sentences)
        or bool(draft.examples and not proposal.examples)
    )


def sentence_key(proposal: Proposal, sentence: ProposedSentence) -> str:
    """The key of the row that holds ``sentence``."""
    return f"{SENTENCES}{_number(proposal.id)}/{sentence.id:04d}"


def more_text_key(proposal: Proposal, text: DraftedText) -> str:
    """The key of the row that holds the answer in another language."""
    return f"{MORE}{_number(proposal.id)}/{text.language}"


def text_key(proposal: Proposal) -> str:
    """The key of the row that holds the drafted answer."""
    return TEXTS + _number(proposal.id)


def _number(id: str) -> str:
    """The part of a key for a proposal's id, so that keys sort by number. Raises NotFound."""
    if not id.isascii() or not id.isdigit() or len(id) > 8:
        raise NotFound(f"there is no proposal {id[:20]}; an id is a number, such as 12")
    return f"{int(id):08d}"


def _proposal(row: StoredValue) -> Proposal:
    return msgspec.json.decode(row.value, type=Proposal).replace(row=row.version)


def _from_draft(draft: ProposalDraft, id: str, at: datetime) -> Proposal:
    text = draft.text
    return Proposal(
        id=id,
        kind=draft.kind,
        title=draft.title,
        found=draft.found,
        target=draft.target,
        source=draft.source,
        evidence=draft.evidence,
        changes=draft.changes,
        body=text.body if text and not text.conversation else (),
        subject=subject_of(draft),
        fingerprint=fingerprint_of(draft),
        made_of=conversations_of(draft),
        made_at=at,
        updated_at=at,
    )
