"""Messages about an untrained intent that is near the trained ones.

50 of the 77 banking intents are trained, and the messages of the other 27 have no right answer.
`decide` itself routes them: with the shipped policy (``asks_back``), with one that escalates at
once what the bot does not understand (``steps_back``), and with one that answers by the best guess
(``answers``). A customer who gets a clarifying question takes the button of their intent; one whose
intent has no button sends the same text again.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from gateway import Insight, Message, Trainable, Turn, Understander
from gateway.ops.evaluation import auroc, fresh_turn
from gateway.ops.labelled_rows import Row
from gateway.pipeline.understanding import join_insights
from gateway.routing.policy import Policy
from gateway.routing.route import decide
from plugins.escalation import Escalation, EscalationSettings, HandoverTexts
from plugins.escalation.handlers import intent_title

from .data import SEEDS, Figures, draw, mean, missing, rows
from .engines import BATCH, PlainIntents, our_engines

KNOWN = 50
SHOTS = 10
POLICIES: Mapping[str, Policy] = {
    "asks_back": Policy(),
    "steps_back": Policy.model_validate({"clarify": {"times": 0}}),
    "answers": Policy.model_validate({"reasons": {"low_confidence": {"enabled": False}}}),
}
Outcome: TypeAlias = Literal["right", "wrong", "person"]


class Understood(NamedTuple):
    """A test message with its understanding, and its real intent."""

    turn: Turn
    intent: str

    @property
    def confidence(self) -> float:
        return self.turn.understanding.intent.confidence


def neighbours() -> Iterator[Figures]:
    if gone := missing("banking77", "train", "dev"):
        yield gone
        return
    train, test = rows("banking77_train", "intent"), rows("banking77_dev", "intent")
    engines: list[tuple[str, Trainable]] = [*our_engines(), ("tfidf_logreg", PlainIntents())]
    for name, engine in engines:
        figures = mean([asyncio.run(_measure(engine, train, test, seed)) for seed in SEEDS])
        yield {"bench": "neighbours", "data": f"banking77 {KNOWN} of 77", "engine": name, **figures}


async def _measure(
    engine: Trainable, train: Sequence[Row], test: Sequence[Row], seed: int
) -> Figures:
    names = sorted({intent for _, intent in train})
    known = set(random.Random(seed).sample(names, KNOWN))  # noqa: S311  (everybody gets the same draw)
    trained = engine.train(draw([row for row in train if row[1] in known], SHOTS, seed))
    turns = await _understand(trained, [fresh_turn(text, datetime.now(UTC)) for text, _ in test])
    messages = [Understood(turn, intent) for turn, (_, intent) in zip(turns, test, strict=True)]
    confidence = np.array([message.confidence for message in messages])
    held_out = np.array([message.intent not in known for message in messages])
    groups = {
        "held_out": [message for message in messages if message.intent not in known],
        "known": [message for message in messages if message.intent in known],
    }
    figures: Figures = {"auroc": auroc(1.0 - confidence, held_out)}
    for policy in POLICIES:
        for group, members in groups.items():
            outcomes = await _outcomes(trained, members, policy)
            figures |= {f"{group}_{name}_{policy}": n for name, n in _shares(outcomes).items()}
    actions = [decide(one.turn, POLICIES["asks_back"]).action for one in groups["held_out"]]
    figures["held_out_asked_back"] = float(np.mean([action == "clarify" for action in actions]))
    return figures


async def _understand(engine: Understander, turns: Sequence[Turn]) -> list[Turn]:
    """The turns with their understanding."""
    insights: list[Insight] = []
    for start in range(0, len(turns), BATCH):
        insights += await engine.understand(turns[start : start + BATCH])
    return [
        turn.replace(understanding=join_insights([("engine", insight)]))
        for turn, insight in zip(turns, insights, strict=True)
    ]


async def _outcomes(
    engine: Understander, messages: Sequence[Understood], policy: str
) -> list[Outcome]:
    """The outcome of each message, after a clarifying question where the policy asks one."""
    outcomes: dict[int, Outcome] = {}
    clarified: dict[int, Turn] = {}
    for number, message in enumerate(messages):
        route = decide(message.turn, POLICIES[policy])
        if route.action == "clarify":
            clarified[number] = await _answer_to_question(message)
        else:
            outcomes[number] = _outcome(message, route.action)
    turns = await _understand(engine, list(clarified.values()))
    for number, turn in zip(clarified, turns, strict=True):
        message = Understood(turn, messages[number].intent)
        outcomes[number] = _outcome(message, decide(turn, POLICIES[policy]).action)
    return [outcomes[number] for number in range(len(messages))]


def _outcome(message: Understood, action: str) -> Outcome:
    if action != "automate":
        return "person"
    return "right" if message.turn.understanding.intent.name == message.intent else "wrong"


async def _answer_to_question(asked: Understood) -> Turn:
    """The customer's next message: the button of their intent, else the same text again."""
    turn = asked.turn.replace(route=decide(asked.turn, POLICIES["asks_back"]))
    reply = await _shipped_escalation().handle(turn)
    assert reply is not None
    title = intent_title(asked.intent)
    text = next((b.payload for b in reply.buttons if b.title == title), turn.message.text)
    history = (
        turn.message.replace(understanding=turn.understanding, turn=1),
        Message(
            id=1, conversation=0, author="bot", text=reply.body[0], at=turn.at,
            turn=1, purpose="clarify", buttons=reply.buttons,
        ),
    )  # fmt: skip
    return turn.replace(message=turn.message.replace(id=2, text=text), history=history)


def _shipped_escalation() -> Escalation:
    shipped = EscalationSettings()
    return Escalation(
        texts=HandoverTexts(shipped.words),
        titles=shipped.titles,
        never_offer=shipped.never_offer,
        choices=shipped.choices,
        least=shipped.least,
    )


def _shares(outcomes: Sequence[Outcome]) -> Figures:
    counts = Counter(outcomes)
    return {name: counts[name] / len(outcomes) for name in ("right", "wrong", "person")}
