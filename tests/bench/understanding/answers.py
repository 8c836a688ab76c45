"""What customers get for their first message: in the demo, and in a new shop with three intents.

Each message goes through a gateway, as with ``warmline eval answers``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from gateway.cli.evaluate import run_answers
from gateway.ops.evaluation import PERSON, REFUSE, JudgedAnswer, answer_shares
from gateway.plugins import default_config
from gateway.routing.policy import load_policy

from .data import OWN, Figures
from .moods import ENGINE, with_data_in

THREE_SHOP = OWN / "three_shop" / "warmline.yaml"


def answers() -> Iterator[Figures]:
    for name, config in (("demo", default_config()), ("three", THREE_SHOP)):
        with TemporaryDirectory(prefix="warmline-bench-") as folder:
            settings = with_data_in(Path(folder), config)
            judged = asyncio.run(run_answers(settings, OWN / f"{name}.csv"))
        policy = load_policy(settings.path(settings.core.policy) if settings.core.policy else None)
        shares = {outcome: share["value"] for outcome, share in answer_shares(judged).items()}
        figures = shares | _groups(judged, policy.reasons.sensitive_intent.intents)
        yield {"bench": "answers", "data": name, "engine": ENGINE, "n": len(judged), **figures}


def _groups(judged: Sequence[JudgedAnswer], sensitive: frozenset[str]) -> dict[str, float]:
    """Outcomes within a group of messages. ``needless_trivial``: of the messages that only want an
    answer, in a matter that the policy leaves to the bot, how many were handed over.
    ``wrong_off_topic``: of those that nobody here can answer, how many got an answer."""
    trivial = [each for each in judged if each.wanted not in {PERSON, REFUSE, *sensitive}]
    off_topic = [each for each in judged if each.wanted == REFUSE]
    return {
        "needless_trivial": float(np.mean([each.outcome == "needless" for each in trivial])),
        "wrong_off_topic": float(np.mean([each.outcome == "wrong" for each in off_topic])),
    }
