"""What a practice shows afterwards: the mood curve, the turning points, what worked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway import Emotion, Value, mood_label
from plugins.practice.simulation import customer_lines, emotion_at
from plugins.practice.values import (
    Move,
    MoveKind,
    PracticeExchange,
    PracticeScenario,
    PracticeSession,
)

CURVE_WIDTH, CURVE_HEIGHT, CURVE_MARGIN = 400, 120, 18
"""Units of the drawing; the margin is the radius of a point and the room for its number."""
TURNS_FROM = 0.06
"""The least change of distress that is called a turning point."""

WHY: Mapping[MoveKind, str] = {
    "acknowledge": "It says what this was like for the customer.",
    "absolve": "It takes a burden off the customer.",
    "stock_empathy": "It names a feeling, but in words that fit anybody.",
    "apology": "It apologises beside something concrete.",
    "own": "It takes responsibility.",
    "explain": "It explains what happened.",
    "next_step": "It says what you do now.",
    "time": "It says when.",
    "redress": "It makes good what was lost.",
    "choice": "It lets the customer choose.",
    "specific": "It speaks of this customer's matter.",
    "first_person": "It speaks as one person: “I”.",
    "blame": "It puts the fault on the customer.",
    "policy": "It hides behind a rule.",
    "robotic": "It sounds like a form letter.",
    "effort": "It gives the customer work to do.",
    "asked_again": "It asks for what the customer has told already.",
    "dismiss": "It makes the matter or the feeling small.",
    "deny": "It says that nothing went wrong.",
    "refuse": "It says what cannot be done, without what can.",
    "pass_on": "It sends the customer on to somebody else.",
    "vague": "It promises without a time.",
    "cheerful": "It is cheerful at somebody who is upset.",
    "retort": "It takes up the fight.",
    "taken_back": "The “but” takes back the sympathy before it.",
    "empty_apology": "It apologises and offers nothing.",
    "no_step": "It leaves open what happens next.",
    "too_short": "It is so short that it sounds curt.",
    "too_long": "It is so long that its point is hard to find.",
}
NAMES: Mapping[MoveKind, str] = {
    "acknowledge": "Acknowledged",
    "absolve": "Relieved of a burden",
    "stock_empathy": "Stock sympathy",
    "apology": "Apologised",
    "own": "Took responsibility",
    "explain": "Explained",
    "next_step": "Said the next step",
    "time": "Said when",
    "redress": "Made good",
    "choice": "Offered a choice",
    "specific": "Spoke of the matter",
    "first_person": "Spoke as “I”",
    "blame": "Blamed",
    "policy": "Cited a rule",
    "robotic": "Form letter",
    "effort": "Gave work",
    "asked_again": "Asked again",
    "dismiss": "Made it small",
    "deny": "Denied",
    "refuse": "Refused",
    "pass_on": "Passed on",
    "vague": "Vague",
    "cheerful": "Too cheerful",
    "retort": "Fought back",
    "taken_back": "But …",
    "empty_apology": "Empty apology",
    "no_step": "No next step",
    "too_short": "Curt",
    "too_long": "Too long",
}


class CurvePoint(Value, frozen=True, kw_only=True):
    """The customer after ``reply`` replies (0: at the beginning)."""

    reply: int
    x: float
    y: float
    emotion: Emotion


class TurningPoint(Value, frozen=True, kw_only=True):
    """A reply that changed the mood, with the sentence that did most."""

    reply: int
    better: bool
    before: str
    after: str
    sentence: str
    why: str


class WorkedMove(Value, frozen=True, kw_only=True):
    """What an agent did in a practice, ``times`` times."""

    name: str
    why: str
    times: int


class LookBack(Value, frozen=True, kw_only=True):
    """Everything that is shown afterwards but the voice's advice."""

    points: tuple[CurvePoint, ...]
    polyline: str
    text: str
    turns: tuple[TurningPoint, ...]
    worked: tuple[WorkedMove, ...]
    hurt: tuple[WorkedMove, ...]


def look_back(scenario: PracticeScenario, session: PracticeSession) -> LookBack:
    """Of a session with at least one exchange."""
    exchanges = session.exchanges
    levels = (scenario.distress, *(each.distress for each in exchanges))
    emotions = [emotion_at(scenario, level) for level in levels]
    step = (CURVE_WIDTH - 2 * CURVE_MARGIN) / max(1, len(levels) - 1)
    points = tuple(
        CurvePoint(
            reply=number,
            x=CURVE_MARGIN + step * number,
            y=CURVE_HEIGHT - CURVE_MARGIN - level * (CURVE_HEIGHT - 2 * CURVE_MARGIN),
            emotion=emotion,
        )
        for number, (level, emotion) in enumerate(zip(levels, emotions, strict=True))
    )
    return LookBack(
        points=points,
        polyline=" ".join(f"{point.x:.1f},{point.y:.1f}" for point in points),
        text=f"From {mood_label(emotions[0])} to {mood_label(emotions[-1])}",
        turns=tuple(_turns(exchanges, levels, emotions)),
        worked=_worked(exchanges, relieved=True),
        hurt=_worked(exchanges, relieved=False),
    )


def thread(scenario: PracticeScenario, session: PracticeSession) -> tuple[tuple[str, str], ...]:
    """Who (``customer``, ``agent``) said what, in order."""
    lines = customer_lines(scenario, session.exchanges)
    found = [("customer", lines[0])]
    for exchange, line in zip(session.exchanges, lines[1:], strict=True):
        found += [("agent", exchange.reply), ("customer", line)]
    return tuple(found)


def _turns(
    exchanges: Sequence[PracticeExchange], levels: Sequence[float], emotions: Sequence[Emotion]
) -> list[TurningPoint]:
    turns = []
    for number, exchange in enumerate(exchanges, 1):
        change = levels[number] - levels[number - 1]
        if abs(change) < TURNS_FROM:
            continue
        better = change < 0
        chief = _chief(exchange.moves, better=better)
        if chief is not None:
            turns.append(
                TurningPoint(
                    reply=number,
                    better=better,
                    before=mood_label(emotions[number - 1]),
                    after=mood_label(emotions[number]),
                    sentence=chief.sentence,
                    why=WHY[chief.kind],
                )
            )
    return turns


def _chief(moves: Sequence[Move], *, better: bool) -> Move | None:
    """The move that counted most in the direction of the change."""
    same = [move for move in moves if (move.weight > 0) == better]
    return max(same, key=lambda move: abs(move.weight), default=None)


def _worked(exchanges: Sequence[PracticeExchange], *, relieved: bool) -> tuple[WorkedMove, ...]:
    """What relieved (or hurt), by how much it did in all."""
    totals: dict[MoveKind, float] = {}
    times: dict[MoveKind, int] = {}
    for move in (move for each in exchanges for move in each.moves):
        if (move.weight > 0) == relieved:
            totals[move.kind] = totals.get(move.kind, 0.0) + abs(move.weight)
            times[move.kind] = times.get(move.kind, 0) + 1
    order = sorted(totals, key=lambda kind: -totals[kind])
    return tuple(WorkedMove(name=NAMES[k], why=WHY[k], times=times[k]) for k in order)
