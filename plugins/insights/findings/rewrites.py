"""Drafted answers that agents rewrite."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gateway import Agent, CaseRecord, Suggestion, keeps_words, shared_words
from plugins.insights.model import Discovery, WordingDraft

from .replies import OUT_OF_SCOPE, is_confident
from .sampling import Sample
from .statistics import StratumCounts, discoveries, share_figure, stratified_p
from .wording import Masking, figures

DECIDED = 20
"""Drafts of one answer that agents must have sent, edited or ignored."""
LEAST_SHARE, MORE_THAN_USUAL = 0.4, 0.15
"""The least share of rewritten drafts, and the least difference to the other answers."""
MOST_VERSIONS = 60
"""Versions of one answer that are compared, the newest of a larger number by chance."""


class RewrittenDraft(NamedTuple):
    """A draft that an agent replaced by other words."""

    conversation: int
    draft: str
    final: str
    names: tuple[str, ...]


class DraftLog:
    """What became of the drafts of a period."""

    def __init__(self) -> None:
        self._decided: Counter[tuple[str, str, str, bool]] = Counter()
        self._versions: defaultdict[tuple[str, str], Sample[RewrittenDraft]] = defaultdict(
            lambda: Sample(MOST_VERSIONS)
        )

    def add(self, case: CaseRecord) -> None:
        for suggestion in case.suggestions:
            agent = suggestion.agent or _answering_agent(case, suggestion)
            intent = _intent(case, suggestion)
            if suggestion.outcome == "open" or agent is None or intent is None:
                continue
            rewritten = is_rewritten(suggestion)
            language = case.conversation.language or "und"
            self._decided[intent, language, agent.id, rewritten] += 1
            if rewritten:
                names = (case.customer_name, agent.name)
                version = RewrittenDraft(
                    conversation=case.conversation.id,
                    draft=suggestion.text,
                    final=suggestion.final or "",
                    names=tuple(name for name in names if name),
                )
                self._versions[intent, language].add(suggestion.id, version)

    def discoveries(self, masking: Masking) -> list[Discovery]:
        """The answers that agents rewrite more often than the others, within the drafts of one
        agent and language; the most rewritten first."""
        totals = self._by_intent()
        intents = sorted(intent for intent, (_, n) in totals.items() if n >= DECIDED)
        p_values = [stratified_p(self._counts(intent)) for intent in intents]
        found = []
        all_rewritten = sum(hits for hits, _ in totals.values())
        all_decided = sum(n for _, n in totals.values())
        for intent, p, chosen in zip(
            intents, p_values, discoveries(p_values, "rewritten_answer"), strict=True
        ):
            hits, n = totals[intent]
            others = (all_rewritten - hits) / max(1, all_decided - n)
            if chosen and hits / n >= max(LEAST_SHARE, others + MORE_THAN_USUAL):
                found.append((hits / n, self._discovery(intent, p, others, masking)))
        return [discovery for _, discovery in sorted(found, key=lambda pair: -pair[0])]

    def _by_intent(self) -> dict[str, tuple[int, int]]:
        totals: dict[str, tuple[int, int]] = {}
        for (intent, _, _, rewritten), count in self._decided.items():
            hits, n = totals.get(intent, (0, 0))
            totals[intent] = hits + count * rewritten, n + count
        return totals

    def _counts(self, intent: str) -> StratumCounts:
        strata = sorted({(language, agent) for _, language, agent, _ in self._decided})
        number = {stratum: at for at, stratum in enumerate(strata)}
        cases = np.zeros((len(strata), 2), np.int64)
        exposed = np.zeros_like(cases)
        for (about, language, agent, rewritten), count in self._decided.items():
            cases[number[language, agent], int(rewritten)] += count
            if about == intent:
                exposed[number[language, agent], int(rewritten)] += count
        return StratumCounts(cases, exposed)

    def _discovery(self, intent: str, p: float, others: float, masking: Masking) -> Discovery:
        hits, n = self._by_intent()[intent]
        agents = {agent for about, _, agent, done in self._decided if about == intent and done}
        by_language = {
            language: list(sample)
            for (about, language), sample in self._versions.items()
            if about == intent
        }
        language = max(sorted(by_language), key=lambda code: len(by_language[code]))
        versions = by_language[language]
        central = versions[_most_central([version.final for version in versions])]
        shown = [central, *(version for version in versions if version is not central)][:3]
        return Discovery(
            kind="rewritten_answer",
            title=f"Agents rewrite the answer about {intent.replace('_', ' ')} {hits / n:.0%} of "
            f"the time; other answers {others:.0%}",
            evidence={
                "intent": intent,
                "share": figures(share_figure(hits, n, DECIDED)),
                "share_of_others": round(others, 4),
                "agents": len(agents),
                "language": language,
                "p": p,
                "versions": [
                    {
                        "conversation": version.conversation,
                        "draft": masking.text(version.draft, version.names),
                        "sent": masking.text(version.final, version.names),
                    }
                    for version in shown
                ],
            },
            examples=tuple(
                masking.example(version.conversation, version.final, version.names)
                for version in shown
            ),
            draft=WordingDraft(
                intent=intent,
                language=language,
                old=masking.text(central.draft, central.names),
                new=masking.whole(central.conversation, central.final, central.names),
            ),
        )


def is_rewritten(suggestion: Suggestion) -> bool:
    """Whether an agent sent other words in place of the draft."""
    if suggestion.outcome != "edited" or suggestion.final is None:
        return False
    return not keeps_words(suggestion.text, suggestion.final)


def _most_central(texts: Sequence[str]) -> int:
    """The place of the text that shares most words with the others."""
    scores = [sum(shared_words(text, other) for other in texts) for text in texts]
    return max(range(len(texts)), key=lambda at: (scores[at], -at))


def _intent(case: CaseRecord, suggestion: Suggestion) -> str | None:
    """What the draft answers: the intent of the customer's last message before it that had one.
    None out of scope: such drafts have nothing in common, and there is no answer to reword."""
    for message in reversed(case.messages):
        known = message.author == "customer" and message.at <= suggestion.at
        if known and message.understanding and is_confident(message.understanding):
            return message.understanding.intent.name
    intent = case.conversation.intent
    return None if intent in OUT_OF_SCOPE else intent


def _answering_agent(case: CaseRecord, suggestion: Suggestion) -> Agent | None:
    """Who answered next, for drafts whose agent was not stored."""
    later = (m for m in case.messages if m.author == "agent" and m.at >= suggestion.at)
    return next((message.agent for message in later if not message.internal), None)
