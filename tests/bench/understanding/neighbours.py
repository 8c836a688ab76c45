"""What is about an intent that nobody taught, though near to those that were: 50 of the 77
banking intents are known, and the messages of the other 27 have no right answer.

What becomes of them is decided by `decide` itself, with the shipped policy (``asks_back``), with
one that gives what the bot does not understand to a person at once (``steps_back``) and with one
that answers by the best guess (``answers``). A customer who is asked back takes the button of
their intent; whose intent is on none of them says the same again.
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
from gateway.ops.evaluation import Row, auroc, fresh_turn
from gateway.pipeline.understanding import join_insights
from gateway.routing.policy import Policy
from gateway.routing.route import decide
from plugins.escalation import Escalation, EscalationSettings, HandoverTexts
from plugins.escalation.handlers import intent_title

from . import ours
from .data import SEEDS, Figures, draw, mean, missing, rows
from .ours import WAITING
from .rivals import PlainIntents

KNOWN = 50
SHOTS = 10
POLICIES: Mapping[str, Policy] = {
    "asks_back": Policy(),
    "steps_back": Policy.model_validate({"clarify": {"times": 0}}),
    "answers": Policy.model_validate({"reasons": {"low_confidence": {"enabled": False}}}),
}
Fate: TypeAlias = Literal["right", "wrong", "person"]


class Asked(NamedTuple):
    """A test message, with what was understood of it."""

    turn: Turn
    intent: str


def neighbours() -> Iterator[Figures]:
    if gone := missing("banking77", "train", "dev"):
        yield gone
        return
    train, test = rows("banking77_train", "intent"), rows("banking77_dev", "intent")
    engines: list[tuple[str, Trainable]] = [*ours.engines(), ("tfidf_logreg", PlainIntents())]
    for name, engine in engines:
        told = mean([asyncio.run(_of(engine, train, test, seed)) for seed in SEEDS])
        yield {"bench": "neighbours", "data": f"banking77 {KNOWN} of 77", "engine": name, **told}


async def _of(engine: Trainable, train: Sequence[Row], test: Sequence[Row], seed: int) -> Figures:
    names = sorted({intent for _, intent in train})
    known = set(random.Random(seed).sample(names, KNOWN))  # noqa: S311  (the same draw for all)
    learnt = engine.train(draw([row for row in train if row[1] in known], SHOTS, seed))
    turns = await _ask(learnt, [fresh_turn(text, datetime.now(UTC)) for text, _ in test])
    asked = [Asked(turn, intent) for turn, (_, intent) in zip(turns, test, strict=True)]
    sure = np.array([one.turn.understanding.intent.confidence for one in asked])
    strange = np.array([one.intent not in known for one in asked])
    figures: Figures = {"auroc": auroc(1.0 - sure, strange)}
    for policy in POLICIES:
        for whose, rest in (("held_out", strange), ("known", ~strange)):
            theirs = [one for one, counts in zip(asked, rest, strict=True) if counts]
            fates = await _fates(learnt, theirs, policy)
            figures |= {f"{whose}_{fate}_{policy}": n for fate, n in _shares(fates).items()}
    theirs = [one for one, counts in zip(asked, strange, strict=True) if counts]
    back = [decide(one.turn, POLICIES["asks_back"]).action == "clarify" for one in theirs]
    figures["held_out_asked_back"] = float(np.mean(back))
    return figures


async def _ask(engine: Understander, turns: Sequence[Turn]) -> list[Turn]:
    """The turns, understood."""
    insights: list[Insight] = []
    for start in range(0, len(turns), WAITING):
        insights += await engine.understand(turns[start : start + WAITING])
    return [
        turn.replace(understanding=join_insights([("engine", insight)]))
        for turn, insight in zip(turns, insights, strict=True)
    ]


async def _fates(engine: Understander, asked: Sequence[Asked], policy: str) -> list[Fate]:
    """What becomes of each message, once asked back where the policy asks back."""
    fates: dict[int, Fate] = {}
    again: dict[int, Asked] = {}
    for place, one in enumerate(asked):
        route = decide(one.turn, POLICIES[policy])
        if route.action == "clarify":
            again[place] = await _asked_back(one)
        else:
            fates[place] = _fate(one, route.action)
    heard = await _ask(engine, [one.turn for one in again.values()])
    for place, turn in zip(again, heard, strict=True):
        one = Asked(turn, asked[place].intent)
        fates[place] = _fate(one, decide(turn, POLICIES[policy]).action)
    return [fates[place] for place in range(len(asked))]


def _fate(one: Asked, action: str) -> Fate:
    if action != "automate":
        return "person"
    return "right" if one.turn.understanding.intent.name == one.intent else "wrong"


async def _asked_back(one: Asked) -> Asked:
    """The customer's next message: the button of their intent, else the same words again."""
    turn = one.turn.replace(route=decide(one.turn, POLICIES["asks_back"]))
    reply = await _bot().handle(turn)
    assert reply is not None
    title = intent_title(one.intent)
    said = next((b.payload for b in reply.buttons if b.title == title), turn.message.text)
    history = (
        turn.message.replace(understanding=turn.understanding, turn=1),
        Message(
            id=1, conversation=0, author="bot", text=reply.body[0], at=turn.at,
            turn=1, purpose="clarify", buttons=reply.buttons,
        ),
    )  # fmt: skip
    message = turn.message.replace(id=2, text=said)
    return Asked(turn.replace(message=message, history=history), one.intent)


def _bot() -> Escalation:
    """As it is shipped."""
    shipped = EscalationSettings()
    return Escalation(
        texts=HandoverTexts(shipped.words),
        titles=shipped.titles,
        never_offer=shipped.never_offer,
        choices=shipped.choices,
        least=shipped.least,
    )


def _shares(fates: Sequence[Fate]) -> Figures:
    counts = Counter(fates)
    return {fate: counts[fate] / len(fates) for fate in ("right", "wrong", "person")}
