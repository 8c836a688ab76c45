"""Evaluates a proposal before anybody decides: each kind by what can be told of it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime

from gateway import (
    AddExamples,
    AdoptedChange,
    ChangeRefused,
    ExampleText,
    Json,
    ReplayedTurn,
    Services,
    SetValue,
    Trials,
    TrialTrainer,
    counted,
    routed_turns,
)
from plugins.insights.learning.answers import answer_changes, evaluate_answer, text_path
from plugins.insights.learning.drafting import has_gap
from plugins.insights.learning.intents import (
    HeldOutReading,
    IntentTrials,
    compare_readings,
    judge_readings,
)
from plugins.insights.learning.model import (
    EvaluationVerdict,
    LabelledRow,
    PairedComparison,
    Proposal,
    ProposalEvaluation,
    WholeProposal,
)
from plugins.insights.learning.moods import ReviewedMessage, evaluate_phrase, has_phrase
from plugins.insights.learning.replay import (
    AT,
    DAYS,
    LEAST_ROWS,
    MOST_TURNS,
    ChangedMessage,
    changed_messages,
    compare_routes,
    judge_routes,
    recent_cases,
)
from plugins.insights.learning.shares import rate
from plugins.insights.learning.storage import more_text_key, sentence_key, text_key

BESIDE_OPEN = "There is no intent yet: it is tried beside the others that are proposed."
ENOUGH_CONVERSATIONS = 1000
"""They show on which channels customers write."""


async def changes_of(whole: WholeProposal, trials: Trials) -> tuple[AdoptedChange, ...]:
    """What adopting the proposal changes, in the format of the team's files."""
    proposal, changes = whole.proposal, list[AdoptedChange]()
    if whole.sentences:
        examples = tuple(
            ExampleText(text=each.text, conversation=each.conversation) for each in whole.sentences
        )
        changes.append(AddExamples(intent=proposal.target.intent, examples=examples))
    changes += await answer_changes(trials, proposal, whole.text.body if whole.text else ())
    for text in whole.more_texts:
        at = (*text_path(proposal)[:-1], text.language)
        if not any(isinstance(each, SetValue) and each.at == at for each in changes):
            changes.append(SetValue(at=at, value={"body": list(text.body)}))
    return tuple(changes)


async def base_of(trials: Trials, proposal: Proposal) -> Json:
    """What is in force where the proposal would change something; None where it only adds."""
    match proposal.kind:
        case "answer" | "new_intent":
            return await trials.in_force("answers", text_path(proposal))
        case "threshold":
            return await trials.in_force("policy", proposal.target.path)
    return None


@dataclass(kw_only=True)
class ProposalEvaluator:
    """Evaluates proposals one after the other; what they share is made once.

    ``labelled`` and ``moods`` are what reviewers said, ``least`` is how many rows are enough for a
    figure. Use it as an asynchronous context: training stops at its end.
    """

    services: Services
    labelled: Sequence[LabelledRow] = ()
    moods: Sequence[ReviewedMessage] = ()
    least: int = 30
    companions: Callable[[], Awaitable[Sequence[WholeProposal]]] | None = None
    """The open proposals: what a new intent is told from while the shop has none of its own."""
    _stack: AsyncExitStack = field(default_factory=AsyncExitStack, init=False)
    _training: tuple[IntentTrials, TrialTrainer] | None = field(default=None, init=False)
    _trains: TrialTrainer | None = field(default=None, init=False)
    _turns: list[ReplayedTurn] | None = field(default=None, init=False)
    _seen_channels: list[str] | None = field(default=None, init=False)

    async def __aenter__(self) -> ProposalEvaluator:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    async def evaluate(self, whole: WholeProposal) -> ProposalEvaluation:
        """What the proposal would do. What cannot be adopted as it is says why."""
        started, proposal = time.perf_counter(), whole.proposal
        version = (await self.services.versions.overlay(proposal.version_kind)).number
        at = self.services.clock.now()
        try:
            found = await self._by_kind(whole, at, version)
        except ChangeRefused as refused:
            found = ProposalEvaluation(
                at=at,
                verdict="cannot_be_told",
                sentence="It cannot be adopted as it is: edit it first.",
                version=version,
                notes=tuple(str(problem) for problem in refused.problems),
            )
        return found.replace(
            base=await base_of(self.services.trials, proposal),
            rests_on=(*found.rests_on, *_own_rows(whole)),
            seconds=round(time.perf_counter() - started, 1),
        )

    async def labelled_readings(self) -> list[HeldOutReading]:
        """What is made of the messages that people labelled, by a model without any of them; none
        below `LEAST_ROWS`."""
        training = await self._trainer() if len(self.labelled) >= LEAST_ROWS else None
        if training is None:
            return []
        trials, trainer = training
        return [reading for reading in await trials.base(trainer) if reading.row.fold < 0]

    async def confident_from(self) -> float:
        """The confidence from which the bot answers."""
        found = await self.services.trials.in_force("policy", AT)
        return float(found) if isinstance(found, int | float) else 0.5

    async def _by_kind(
        self, whole: WholeProposal, at: datetime, version: int
    ) -> ProposalEvaluation:
        match whole.proposal.kind:
            case "answer":
                return await self._answer(whole, at, version)
            case "examples" | "new_intent":
                return await self._intents(whole, at, version)
            case "voice_rule":
                return await self._voice_rule(whole, at, version)
            case "threshold":
                return await self._threshold(whole, at, version)
            case "customer_phrase":
                return await self._customer_phrase(whole, at, version)

    # -- by kind -----------------------------------------------------------------------------------

    async def _intents(
        self, whole: WholeProposal, at: datetime, version: int
    ) -> ProposalEvaluation:
        changes = await changes_of(whole, self.services.trials)
        problems = await self.services.versions.check("answers", changes)
        if problems:
            raise ChangeRefused(problems)
        training = await self._trainer()
        notes: tuple[str, ...] = ()
        beside: Sequence[WholeProposal] = ()
        if training is None and (beside := await self._new_intents_beside(whole.proposal)):
            training = await self._trained_beside(beside)
            notes = (BESIDE_OPEN,) if training else ()
        answer = (
            await self._answer(whole, at, version) if whole.text or whole.proposal.changes else None
        )
        if training is None:
            reason = "No understander here can be trained."
            if self.services.trials.trainable is not None:
                reason = "There is no other intent yet to tell it from: it would be the first one."
            return (answer or _untold(at, version, "")).replace(
                verdict="cannot_be_told", sentence=reason
            )
        trials, trainer = training
        intent = whole.proposal.target.intent
        before, after = await trials.compare(trainer, whole.sentences, intent)
        comparisons = compare_readings(
            before, after, below=await self.confident_from(), least=self.least
        )
        verdict, sentence = judge_readings(comparisons)
        return ProposalEvaluation(
            at=at,
            verdict=verdict,
            sentence=sentence,
            version=version,
            comparisons=comparisons,
            renderings=answer.renderings if answer else (),
            facts_new=answer.facts_new if answer else (),
            notes=(*notes, *(answer.notes if answer else ())),
            rests_on=(
                *(row.key for row in self.labelled if row.key),
                *(key for other in beside for key in _sentence_rows(other)),
            ),
        )

    async def _answer(self, whole: WholeProposal, at: datetime, version: int) -> ProposalEvaluation:
        body = whole.text.body if whole.text else ()
        if not body:
            return _untold(at, version, "There is no text to evaluate: write one, or decline.")
        channels = await self._channels()
        found = await evaluate_answer(
            self.services.trials,
            whole.proposal,
            [
                change
                for change in await changes_of(whole, self.services.trials)
                if isinstance(change, SetValue)
            ],
            channels=channels,
            at=at,
            version=version,
        )
        if not has_gap(body):
            return found
        note = (
            "Where it says […], personal data were taken out, or replies contradict one another: "
            "edit the text before you adopt it."
        )
        return found.replace(notes=(note, *found.notes))

    async def _voice_rule(
        self, whole: WholeProposal, at: datetime, version: int
    ) -> ProposalEvaluation:
        trials, proposal = self.services.trials, whole.proposal
        changes = await changes_of(whole, trials)
        old, new = await trials.voice(), await trials.voice(changes)
        changed: list[ChangedMessage] = []
        ours = 0
        async for case in recent_cases(self.services.records, self.services.clock.now()):
            ours += sum(_is_ours(message.author) for message in case.messages)
            changed += changed_messages(case, proposal.target.phrase, old, new)
        return ProposalEvaluation(
            at=at,
            verdict="cannot_be_told",
            sentence=_voice_sentence(changed, ours),
            version=version,
            comparisons=tuple(_voice_shares(changed, ours, self.least)),
            notes=("Whether moods fall less shows only when it is used.",),
        )

    async def _threshold(
        self, whole: WholeProposal, at: datetime, version: int
    ) -> ProposalEvaluation:
        turns = await self._recent_turns()
        trials = self.services.trials
        comparisons, faithful = await compare_routes(
            trials, turns, await changes_of(whole, trials), least=self.least
        )
        verdict, sentence = judge_routes(comparisons, faithful, len(turns))
        note = f"{faithful:.0%} of the turns are replayed as they were routed."
        return ProposalEvaluation(
            at=at,
            verdict=verdict,
            sentence=sentence,
            version=version,
            comparisons=comparisons,
            notes=(note,) if turns else (),
        )

    async def _customer_phrase(
        self, whole: WholeProposal, at: datetime, version: int
    ) -> ProposalEvaluation:
        trials = self.services.trials
        await trials.voice(await changes_of(whole, trials))  # whether the guide would load
        phrase, recent = whole.proposal.target.phrase, Counter[str]()
        async for case in recent_cases(self.services.records, self.services.clock.now()):
            for message in case.messages:
                if message.author == "customer" and has_phrase(message.text, phrase):
                    read = message.understanding.emotion.label if message.understanding else "calm"
                    recent[read] += 1
        return evaluate_phrase(
            whole.proposal, self.moods, recent, at=at, version=version, least=self.least
        )

    # -- what they share ---------------------------------------------------------------------------

    async def _trainer(self) -> tuple[IntentTrials, TrialTrainer] | None:
        trainable = self.services.trials.trainable
        if self._training is None and trainable is not None:
            own = await self.services.trials.examples_of_shop()
            packaged = await self.services.trials.packaged_examples()
            if not own and not packaged:
                return None  # one intent alone cannot be told from others
            labelled = [(row.text, row.intent) for row in self.labelled]
            self._training = IntentTrials(own, packaged, labelled), await self._process()
        return self._training

    async def _new_intents_beside(self, proposal: Proposal) -> Sequence[WholeProposal]:
        """The other new intents that are proposed and have sentences."""
        if self.companions is None or self.services.trials.trainable is None:
            return ()
        return [
            each
            for each in await self.companions()
            if each.proposal.kind == "new_intent"
            and each.proposal.id != proposal.id
            and each.sentences
        ]

    async def _trained_beside(
        self, others: Sequence[WholeProposal]
    ) -> tuple[IntentTrials, TrialTrainer]:
        """Trials with the sentences of ``others``, where no intent is in force."""
        rows = [(each.text, o.proposal.target.intent) for o in others for each in o.sentences]
        return IntentTrials(rows, (), ()), await self._process()

    async def _process(self) -> TrialTrainer:
        trainable = self.services.trials.trainable
        if self._trains is None and trainable is not None:
            self._trains = await self._stack.enter_async_context(TrialTrainer(trainable))
        assert self._trains is not None  # noqa: S101  (callers ask whether it is trainable)
        return self._trains

    async def _recent_turns(self) -> list[ReplayedTurn]:
        if self._turns is None:
            self._turns = []
            async for case in recent_cases(self.services.records, self.services.clock.now()):
                self._turns += routed_turns(case)
                del self._turns[:-MOST_TURNS]
        return self._turns

    async def _channels(self) -> list[str]:
        """The channels on which customers wrote lately, the usual first."""
        if self._seen_channels is None:
            now, found, seen = self.services.clock.now(), Counter[str](), 0
            async for case in recent_cases(self.services.records, now, days=7):
                found[case.conversation.address.channel] += 1
                seen += 1
                if seen == ENOUGH_CONVERSATIONS:
                    break
            self._seen_channels = [channel for channel, _ in found.most_common()]
        return self._seen_channels


def _untold(at: datetime, version: int, sentence: str) -> ProposalEvaluation:
    return ProposalEvaluation(at=at, verdict="cannot_be_told", sentence=sentence, version=version)


def _sentence_rows(whole: WholeProposal) -> list[str]:
    return [sentence_key(whole.proposal, each) for each in whole.sentences if each.conversation]


def _own_rows(whole: WholeProposal) -> tuple[str, ...]:
    """The keys of the proposal's rows with words of a conversation."""
    keys = _sentence_rows(whole)
    if whole.proposal.text_from and whole.text:
        keys.append(text_key(whole.proposal))
    keys += [more_text_key(whole.proposal, text) for text in whole.more_texts]
    return tuple(keys)


def _is_ours(author: str) -> bool:
    return author in ("bot", "agent")


def _voice_sentence(changed: Sequence[ChangedMessage], ours: int) -> str:
    if not changed:
        return f"None of our {counted(ours, 'message')} of the last {DAYS} days contains it."
    people = sum(each.author == "agent" for each in changed)
    where = f"It stands in {len(changed)} of our {counted(ours, 'message')} of the last {DAYS} days"
    then = (
        "There is a replacement, which the bot would use."
        if any(each.after is not None for each in changed)
        else "There is no replacement: people would be advised, and the bot keeps it. Edit it to "
        "give one."
    )
    return f"{where}: {len(changed) - people} by the bot, {people} by people. {then}"


def _voice_shares(
    changed: Sequence[ChangedMessage], ours: int, least: int
) -> list[PairedComparison]:
    """How many of all our messages the rule is about."""
    none = rate(0, ours, least)
    return [
        PairedComparison(
            group=group,
            measure="with this phrase",
            before=none,
            after=rate(len(found), ours, least),
            gained=len(found),
        )
        for group, found in (
            ("our messages", list(changed)),
            ("messages by the bot", [each for each in changed if each.author == "bot"]),
            ("messages by people", [each for each in changed if each.author == "agent"]),
        )
    ]


VERDICTS: dict[EvaluationVerdict, str] = {
    "better": "Better",
    "worse": "Worse",
    "no_difference": "No difference",
    "cannot_be_told": "Cannot be told yet",
}
