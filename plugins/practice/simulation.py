"""The simulated customer: how they feel after a reply, and what they say next. Pure functions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from gateway import Emotion, MoodLabel
from plugins.practice.mood import assess_reply, needs_met, next_distress
from plugins.practice.scenarios import common_lines
from plugins.practice.values import Move, Need, PracticeExchange, PracticeScenario

WORSE_BELOW = -0.04
"""An effect below it makes the customer answer to the hurt, whatever is still open."""
SETTLED_BELOW = 0.3
"""The distress below which a customer who waits for nothing more says goodbye."""
LEAVES_ABOVE = 0.94
"""The distress above which the customer leaves."""
MOST_EXCHANGES = 8
"""Then the customer ends it: a practice takes minutes."""
HALF_WAY = 0.5
"""Below it a customer who ends it does so in peace."""

_EASED: Mapping[MoodLabel, tuple[tuple[float, MoodLabel], ...]] = {
    "angry": ((0.6, "angry"), (0.35, "frustrated")),
    "frustrated": ((0.35, "frustrated"),),
    "anxious": ((0.85, "angry"), (0.35, "anxious")),
    "urgent": ((0.9, "angry"), (0.5, "urgent"), (0.35, "anxious")),
    "confused": ((0.7, "frustrated"), (0.3, "confused")),
}
"""The label of a feeling by the least distress at which it still has that name."""
PLEASED_BELOW = 0.15


def emotion_at(scenario: PracticeScenario, distress: float) -> Emotion:
    """How this customer feels at ``distress`` (0..1)."""
    for least, label in _EASED.get(scenario.mood, ((0.35, "frustrated"),)):
        if distress >= least:
            return Emotion(label=label, intensity=distress, distress=distress)
    label = "pleased" if distress < PLEASED_BELOW else "calm"
    return Emotion(label=label, intensity=1 - distress, distress=distress)


def answer(
    scenario: PracticeScenario, earlier: Sequence[PracticeExchange], reply: str
) -> tuple[PracticeExchange, bool]:
    """The next exchange when the agent writes ``reply``, and whether the customer ends it."""
    given = {move.kind for each in earlier for move in each.moves if move.weight > 0}
    said = "\n".join(customer_lines(scenario, earlier))
    assessment = assess_reply(said, reply, scenario.language, given=given)
    before = earlier[-1].distress if earlier else scenario.distress
    distress = next_distress(before, assessment.effect)
    moves = [*(each.moves for each in earlier), assessment.moves]
    open_needs = still_open(scenario, moves)
    key, ended = _chosen(assessment.effect, distress, open_needs, exchanges=len(earlier) + 1)
    used = sum(each.line.startswith(f"{key}/") for each in earlier)
    line = f"{key}/{used}"
    exchange = PracticeExchange(reply=reply, moves=assessment.moves, distress=distress, line=line)
    return exchange, ended


def still_open(scenario: PracticeScenario, replies: Iterable[Iterable[Move]]) -> tuple[Need, ...]:
    """The needs that the moves of no reply have met, in order."""
    met = {need for moves in replies for need in needs_met(moves)}
    return tuple(need for need in scenario.needs if need not in met)


def customer_lines(
    scenario: PracticeScenario, exchanges: Sequence[PracticeExchange]
) -> tuple[str, ...]:
    """What the customer has said: the opening, and after each reply a line."""
    return (scenario.opening, *(line_text(scenario, each.line) for each in exchanges))


def line_text(scenario: PracticeScenario, line: str) -> str:
    """The words of ``line``. When a scenario has no more of its own, any customer's words follow,
    and then those again."""
    key, _, number = line.partition("/")
    own, common = scenario.lines.get(key, ()), common_lines(scenario.language).get(key, ())
    at = int(number)
    return own[at] if at < len(own) else common[(at - len(own)) % len(common)]


def _chosen(
    effect: float, distress: float, open_needs: Sequence[Need], *, exchanges: int
) -> tuple[str, bool]:
    if distress >= LEAVES_ABOVE:
        return "leaves", True
    if not open_needs and distress < SETTLED_BELOW:
        return "settled", True
    if exchanges >= MOST_EXCHANGES:
        return ("settled" if distress < HALF_WAY else "leaves"), True
    if effect < WORSE_BELOW:
        return "worse", False
    return (open_needs[0] if open_needs else "softer"), False
