"""What one conversation adds to the tally of its day. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from gateway import MOOD_SCALE, UPSET_AT
from plugins.insights.facts.case_facts import (
    CaseFacts,
    HandoverFacts,
    SuggestionFacts,
    SurveyFacts,
)
from plugins.insights.measures.tally import Observation, duration_bin

WINDOWS: Mapping[str, int] = {
    "honest": 7,
    "back_7d": 7,
    "first_contact": 7,
    "back_30d": 30,
    "mood_next": 30,
}
"""Names that look at what came later, and for how many days after the conversation began. A day
counts under them only when the last of its conversations had so much time."""
LOW_SCORE = 2
"""The highest score of somebody who is dissatisfied, on 1..5."""
MOST = 32_000
"""A number per conversation above it counts as this."""
TENTH_OF_MINUTE = 6.0
NEW_AGENT, KNOWN_AGENT = 30, 180
"""Days of experience: below the first an agent is new, below the second known."""
_OUTCOMES = {"sent": 0, "edited": 1, "ignored": 2}
_DAY = 86_400.0


def observe(case: CaseFacts) -> Iterator[Observation]:
    """The observations that ``case`` adds."""
    yield Observation("conversations", case.hour)
    yield Observation("messages", 0, case.messages)
    yield from _of_returns(case)
    if case.first_answer is not None:
        yield Observation("first_answer", duration_bin(case.first_answer))
    if case.resolved is not None:
        yield Observation("resolution", duration_bin(case.resolved))
    yield from _of_moods(case)
    for handover in case.handovers:
        yield from _of_handover(case, handover)
    for survey in case.surveys:
        yield from _of_survey(case, survey)
    for suggestion in case.suggestions:
        yield from _of_suggestion(suggestion)
    yield from _of_words(case)
    yield from _of_costs(case)


def is_contained(case: CaseFacts) -> bool:
    """The bot answered, and nobody handed it over. Open ones count."""
    return case.answered_by_bot and not case.handed_over


def is_settled(case: CaseFacts) -> bool:
    """A person resolved it, or the bot answered and it went to nobody."""
    return case.resolved is not None or is_contained(case)


def came_back(case: CaseFacts, days: int) -> bool:
    """Whether the customer's next conversation about the same matter began within ``days``."""
    back = case.returns.back_same
    return back is not None and back <= days * _DAY


def rated_low(case: CaseFacts) -> bool:
    """Whether a survey about it got a low score, or `not solved`."""
    return any(
        survey.solved is False or (survey.score is not None and survey.score <= LOW_SCORE)
        for survey in case.surveys
    )


def begins_upset(case: CaseFacts) -> bool:
    return case.mood_first is not None and MOOD_SCALE[case.mood_first] <= UPSET_AT


def band(days: int) -> str:
    """The band of an agent's experience."""
    return "new" if days < NEW_AGENT else "known" if days < KNOWN_AGENT else "experienced"


def _of_returns(case: CaseFacts) -> Iterator[Observation]:
    contained = is_contained(case)
    yield Observation("contained", contained)
    yield Observation("honest", contained and not came_back(case, 7) and not rated_low(case))
    yield Observation("back_7d", came_back(case, 7))
    yield Observation("back_30d", came_back(case, 30))
    before = case.returns.repeat_after
    if before is None or before > 7 * _DAY:
        yield Observation("first_contact", is_settled(case) and not came_back(case, 7))


def _of_words(case: CaseFacts) -> Iterator[Observation]:
    """Of a team, never of an agent: nothing here says who wrote."""
    if case.agent_messages:
        yield Observation("told_again", case.told_again > 0)
        yield Observation("human_moment", bool(case.human_moments))
        for kind in case.human_moments:
            yield Observation(f"moment:{kind}")
    if case.voiced:
        yield Observation("voice_hits", min(MOST, sum(case.voice_rules.values())))
        for rule, hits in case.voice_rules.items():
            yield Observation(f"rule:{rule}", 1, hits)


def _of_moods(case: CaseFacts) -> Iterator[Observation]:
    if case.mood_first is None or case.mood_last is None:
        return
    last = MOOD_SCALE[case.mood_last]
    if case.readings > 1:
        yield Observation("mood_change", last - MOOD_SCALE[case.mood_first])
    if case.returns.back_mood is not None:
        yield Observation("mood_next", MOOD_SCALE[case.returns.back_mood] - last)


def _of_handover(case: CaseFacts, handover: HandoverFacts) -> Iterator[Observation]:
    if handover.by_colleague:
        return
    yield Observation("late", handover.raised > 0)
    yield Observation("reached", handover.claimed is not None)
    for reason in handover.reasons:
        yield Observation(f"reason:{reason}")
    if handover.claimed is not None:
        waited = duration_bin(handover.claimed - handover.at)
        yield Observation("to_person", waited)
        if begins_upset(case):
            yield Observation("to_person_upset", waited)


def _of_survey(case: CaseFacts, survey: SurveyFacts) -> Iterator[Observation]:
    answered = survey.answered is not None
    yield Observation("response", answered)
    yield Observation(f"response:{case.mood_last or 'unread'}", answered)
    if survey.score is not None:
        yield Observation(f"score:{survey.kind}", survey.score)
        if survey.aspect is not None:
            yield Observation(f"score:{survey.kind}:{survey.aspect}", survey.score)


def _of_suggestion(suggestion: SuggestionFacts) -> Iterator[Observation]:
    outcome = _OUTCOMES.get(suggestion.outcome)
    if outcome is None:
        return
    yield Observation("suggestion", outcome)
    yield Observation(f"suggestion:{suggestion.source}", outcome)
    if suggestion.experience is not None and suggestion.outcome != "ignored":
        yield Observation(f"edited:{band(suggestion.experience)}", suggestion.outcome == "edited")
    for kind in suggestion.edits[:1]:
        yield Observation(f"edit:{kind}")
        yield Observation(f"edit_of:{suggestion.source}:{kind}")


def _of_costs(case: CaseFacts) -> Iterator[Observation]:
    minutes = min(MOST, round(sum(span.worked for span in case.handled) / TENTH_OF_MINUTE))
    if case.handled and case.resolved is not None:
        yield Observation("agent_minutes", minutes)
    if not is_settled(case):
        return
    yield Observation("minutes_per_resolution", minutes)
    yield Observation("tokens_per_resolution", duration_bin(case.tokens))
    if case.segments or case.channel == "sms":
        yield Observation("segments", min(MOST, case.segments))
