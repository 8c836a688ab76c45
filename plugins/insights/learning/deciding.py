"""A person adopts, edits or declines a proposal, and takes back what was adopted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from gateway import (
    AddItems,
    Adoption,
    Outdated,
    Services,
    SetValue,
    Version,
    VersionKind,
    WarmlineError,
)
from plugins.insights.learning.answers import text_path, with_placeholders
from plugins.insights.learning.drafting import (
    LEARNT,
    has_gap,
    intent_name,
    stated_facts,
    voice_rule_changes,
)
from plugins.insights.learning.evaluation import base_of, changes_of
from plugins.insights.learning.model import (
    TICKETS,
    Proposal,
    ProposalDecision,
    ProposalTarget,
    ProposedSentence,
    WholeProposal,
)
from plugins.insights.learning.storage import StoredProposals

STUCK = timedelta(minutes=1)
"""An adoption that has not ended after this long was cut off by a crash."""
LONGEST_WHY = 500
LONGEST_TEXT = 4000
MOST_SENTENCES = 500
"""Of one proposal: each is a row of its own, and all are trained with."""


class ProposalEdit(WarmlineError):
    """What a person wrote cannot be proposed: the message says why."""


class NotAdoptable(WarmlineError):
    """The proposal cannot be adopted as it is: the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class ProposalChange:
    """What a person changes in a proposal before it is decided; None stays as it is.

    ``kept`` are the ids of the sentences that remain, ``texts`` new wordings of some of them by id,
    ``added`` a colleague's own sentences. ``instead`` replaces a phrase to avoid (empty: removes
    it).
    """

    kept: Sequence[int] | None = None
    texts: dict[int, str] | None = None
    added: Sequence[str] = ()
    body: Sequence[str] | None = None
    intent: str | None = None
    instead: str | None = None
    phrase: str | None = None
    value: float | None = None
    other_language: str = ""
    other_body: Sequence[str] = ()
    """The answer in another language, too: a new one needs the fallback language."""


@dataclass(kw_only=True)
class ProposalDecisions:
    """What people decide. ``author`` is an agent's id, or ``cli:`` and a user, as in the audit log.

    Each call names the ``row`` that the person saw; it raises Outdated when somebody changed the
    proposal meanwhile.
    """

    services: Services
    store: StoredProposals

    async def current(self, id: str) -> WholeProposal:
        """The proposal; what a crash cut off is completed, and what was rolled back says so."""
        whole = await self.store.proposal(id)
        proposal = whole.proposal
        if proposal.state not in ("adopting", "adopted"):
            return whole
        history = await self.services.versions.history(kind=proposal.version_kind)
        changed = self._completed(proposal, history)
        if changed is None:
            return whole
        try:
            return whole.replace(proposal=await self.store.change(changed))
        except Outdated:  # somebody else who looked completed it
            return await self.store.proposal(id)

    async def complete_all(self) -> None:
        """Complete what crashes cut off, and note what was rolled back."""
        histories: dict[VersionKind, tuple[Version, ...]] = {}
        for proposal in await self.store.listed("adopting", "adopted"):
            kind = proposal.version_kind
            if kind not in histories:
                histories[kind] = await self.services.versions.history(kind=kind)
            if self._completed(proposal, histories[kind]) is not None:
                await self.current(proposal.id)

    async def adopt(
        self, id: str, *, row: int, after: int, author: str, why: str
    ) -> tuple[Proposal, Adoption]:
        """Adopt the proposal as it is. ``after`` is the newest version of its kind that the person
        saw.

        Raises NotAdoptable with what to do: words that were erased or must be filled in, what it
        would change has changed since. Raises Outdated when somebody else was first, ChangeRefused
        when the change would not load.
        """
        whole = await self._undecided(id, row)
        proposal = whole.proposal
        await self._check_adoptable(whole)
        changes = await changes_of(whole, self.services.trials)
        now = self.services.clock.now()
        decision = ProposalDecision(by=author, at=now, why=_checked_why(why))
        claimed = await self._change(
            proposal.replace(state="adopting", updated_at=now, decision=decision)
        )
        try:
            adoption = await self.services.versions.adopt(
                proposal.version_kind,
                changes,
                after=after,
                author=author,
                why=decision.why,
                proposal=proposal.id,
            )
        except WarmlineError:
            await self._change(proposal.replace(row=claimed.row))
            raise
        decided = decision.replace(version=adoption.version.number)
        adopted = await self._change(claimed.replace(state="adopted", decision=decided))
        return adopted, adoption

    async def decline(self, id: str, *, row: int, author: str, why: str) -> Proposal:
        """Decline it: it is not made again."""
        proposal = (await self._undecided(id, row)).proposal
        now = self.services.clock.now()
        decision = ProposalDecision(by=author, at=now, why=_checked_why(why))
        declined = await self._change(
            proposal.replace(state="declined", updated_at=now, decision=decision)
        )
        await self.services.audit.record(author, "declined", detail=f"proposal {id}")
        return declined

    async def edit(
        self, id: str, change: ProposalChange, *, row: int, author: str
    ) -> WholeProposal:
        """Change what is proposed; it must be evaluated again. Raises ProposalEdit."""
        whole = await self._undecided(id, row)
        proposal = await self._edited(whole.proposal, change)
        sentences = _edited_sentences(whole.sentences, change)
        body = whole.text.body if whole.text else ()
        if change.body is not None:
            facts = await stated_facts(self.services.trials, proposal.target)
            written = [" ".join(line.split()) for line in change.body if line.strip()]
            if sum(map(len, written)) > LONGEST_TEXT:
                raise ProposalEdit(f"an answer has at most {LONGEST_TEXT} characters; shorten it")
            body = with_placeholders(written, facts)
        if len(sentences) > MOST_SENTENCES:
            what = f"a proposal has at most {MOST_SENTENCES} sentences"
            raise ProposalEdit(f"{what}; write the others into your own files")
        if proposal.kind in ("examples", "new_intent") and not sentences:
            raise ProposalEdit("no sentence is left; keep one, or decline the proposal")
        if proposal.kind == "answer" and not body:
            raise ProposalEdit("the answer is empty; write one, or decline the proposal")
        changed = proposal.replace(
            edited_by=author, updated_at=self.services.clock.now(), evaluation=None
        )
        await self.store.edit(changed, sentences, body)
        await self.services.audit.record(author, "edited", detail=f"proposal {id}")
        return await self.store.proposal(id)

    async def take_back(
        self, id: str, *, row: int, newest: int, author: str, why: str
    ) -> tuple[Proposal, Adoption]:
        """Return to the version before the one that adopting made. Versions of the same kind that
        were adopted later are taken back, too: see `later_versions`. ``newest`` is the newest one
        that the person saw."""
        proposal = (await self.current(id)).proposal
        if proposal.row != row or proposal.state != "adopted" or proposal.decision is None:
            raise Outdated(f"proposal {id} is {proposal.state} now; look at it again")
        made = await self.services.versions.version(proposal.decision.version or 0)
        adoption = await self.services.versions.roll_back(
            made.before, author=author, why=_checked_why(why), kind=made.kind, after=newest
        )
        return await self._change(proposal.replace(state="rolled_back")), adoption

    async def later_versions(self, proposal: Proposal) -> tuple[Version, ...]:
        """The versions of its kind that were adopted after it, newest first."""
        if proposal.decision is None or proposal.decision.version is None:
            return ()
        history = await self.services.versions.history(kind=proposal.version_kind)
        return tuple(each for each in history if each.number > proposal.decision.version)

    # -- parts -------------------------------------------------------------------------------------

    async def _undecided(self, id: str, row: int) -> WholeProposal:
        whole = await self.current(id)
        proposal = whole.proposal
        if proposal.state != "open":
            who = f" by {proposal.decision.by}" if proposal.decision else ""
            raise Outdated(f"proposal {id} is {proposal.state}{who} already; look at it again")
        if proposal.row != row:
            raise Outdated(f"proposal {id} has changed since you opened it; look at it again")
        return whole

    async def _check_adoptable(self, whole: WholeProposal) -> None:
        proposal = whole.proposal
        if proposal.text_from and whole.text is None:
            raise NotAdoptable("the drafted answer was erased; write one with Edit, or decline")
        if proposal.kind in ("examples", "new_intent") and not whole.sentences:
            raise NotAdoptable("all its sentences were erased; add some with Edit, or decline")
        has_text = whole.text is not None or bool(proposal.changes)
        if proposal.source == TICKETS and not has_text:
            raise NotAdoptable("an intent without an answer helps nobody: write one with Edit")
        if any(has_gap(text.body) for text in (whole.text, *whole.more_texts) if text):
            raise NotAdoptable(
                "where it says […], personal data were taken out, or replies contradict one "
                "another; fill it in"
            )
        if proposal.evaluation is None or whole.stale:
            raise NotAdoptable("it must be evaluated first; press Evaluate again")
        if await base_of(self.services.trials, proposal) != proposal.evaluation.base:
            raise NotAdoptable(
                "what it would change was changed since it was evaluated; press Evaluate again"
            )

    def _completed(self, proposal: Proposal, history: Sequence[Version]) -> Proposal | None:
        """What became of ``proposal`` by ``history``, the versions of its kind; None: it is so."""
        made = next((each for each in history if each.proposal == proposal.id), None)
        if proposal.state == "adopted":
            gone = made is not None and not is_in_force(history, made.number)
            return proposal.replace(state="rolled_back") if gone else None
        if self.services.clock.now() - proposal.updated_at < STUCK:
            return None  # who adopts it is not done yet: their files are written, perhaps
        if made is None or proposal.decision is None:
            return proposal.replace(state="open", decision=None)
        decision = proposal.decision.replace(version=made.number)
        return proposal.replace(state="adopted", decision=decision)

    async def _change(self, proposal: Proposal) -> Proposal:
        try:
            return await self.store.change(proposal)
        except Outdated:
            what = f"somebody changed proposal {proposal.id} at the same moment; look at it again"
            raise Outdated(what) from None

    async def _edited(self, proposal: Proposal, change: ProposalChange) -> Proposal:
        """``proposal`` with another name, phrase, replacement or number."""
        target = proposal.target
        if proposal.kind == "new_intent" and change.intent is not None:
            name = _checked_name(change.intent)
            renamed = proposal.replace(
                target=_renamed(target, name), title=f"Learn the new intent “{name}”"
            )
            return renamed.replace(changes=_other_language(renamed, change))
        if proposal.kind == "threshold" and change.value is not None:
            if not 0 <= change.value <= 1:
                raise ProposalEdit("a confidence is between 0 and 1; correct it")
            value = SetValue(at=target.path, value=change.value)
            title = f"Answer from the confidence {change.value:g} on"
            return proposal.replace(changes=(value,), title=title)
        if proposal.kind == "voice_rule":
            phrase = _checked_phrase(change.phrase or target.phrase)
            known = await self.services.trials.in_force("guide", ("lexicon", "avoid", LEARNT))
            instead = None if change.instead is None else change.instead.strip()
            return proposal.replace(
                target=target.replace(phrase=phrase),
                title=f"Avoid “{phrase}” ({target.language})",
                changes=voice_rule_changes(
                    phrase,
                    target.language,
                    instead,
                    known_category=known is not None,
                    brand=target.brand,
                ),
            )
        if proposal.kind == "customer_phrase" and change.phrase:
            phrase = _checked_phrase(change.phrase)
            return proposal.replace(
                target=target.replace(phrase=phrase),
                title=f"Read “{phrase}” as {target.at[-1]} ({target.language})",
                changes=(AddItems(at=target.path, items=(phrase,)),),
            )
        return proposal


def is_in_force(history: Sequence[Version], number: int) -> bool:
    """Whether version ``number`` is part of the state that the newest of ``history`` (of one kind,
    newest first) stands for. Pure."""
    by_number = {each.number: each for each in history}
    at = history[0].number if history else 0
    while at > number:
        version = by_number.get(at)
        if version is None:
            return False
        at = version.before if version.restores is None else version.restores
    return at == number


def _edited_sentences(
    sentences: Sequence[ProposedSentence], change: ProposalChange
) -> list[ProposedSentence]:
    texts = change.texts or {}
    kept: list[ProposedSentence] = []
    for sentence in sentences:
        if change.kept is not None and sentence.id not in change.kept:
            continue
        text = " ".join(texts.get(sentence.id, sentence.text).split())
        if text:
            changed = text != sentence.text
            kept.append(sentence.replace(text=text, shown=text if changed else sentence.shown))
    added = (" ".join(text.split()) for text in change.added)
    return kept + [ProposedSentence(text=text, shown=text) for text in added if text]


def _renamed(target: ProposalTarget, intent: str) -> ProposalTarget:
    old = target.intent
    return target.replace(
        intent=intent, at=tuple(intent if key == old else key for key in target.at)
    )


def _other_language(proposal: Proposal, change: ProposalChange) -> tuple[SetValue, ...]:
    """The answer in the other language, as a change."""
    body = [" ".join(line.split()) for line in change.other_body if line.strip()]
    if not body:
        return ()
    code = change.other_language.strip().casefold()
    if not re.fullmatch("[a-z]{2,3}", code):
        raise ProposalEdit("name the other language by its ISO 639-1 code, such as en or de")
    at = (*text_path(proposal)[:-1], code)
    return (SetValue(at=at, value={"body": body}),)


def _checked_name(name: str) -> str:
    found = intent_name(name)
    if not found or len(found) > 60:
        raise ProposalEdit("an intent's name has 1 to 60 letters; write one, such as gift_wrapping")
    return found


def _checked_phrase(phrase: str) -> str:
    found = " ".join(phrase.split())
    if not found or len(found) > 200:
        raise ProposalEdit("a phrase has 1 to 200 characters; correct it")
    return found


def _checked_why(why: str) -> str:
    found = " ".join(why.split())
    if not found:
        raise ProposalEdit("say why in a word: colleagues will read it")
    return found[:LONGEST_WHY]
