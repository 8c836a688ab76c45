"""What is new since when, and what each day's draw knows of it. Pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from plugins.insights.review.population import ReviewCandidate
from plugins.insights.review.values import KnownCodes, VoiceSample

MOST_TRAITS = 2000
"""Traits that are remembered. Those that were not seen for longest are forgotten first."""


def with_seen(
    known: KnownCodes, candidates: Iterable[ReviewCandidate], intents: Iterable[str], day: date
) -> KnownCodes:
    """``known`` after ``day``, whose answers are ``candidates``."""
    seen = dict(known.seen)
    for candidate in candidates:
        for _, trait in candidate.traits:
            first, _ = seen.get(trait, (day, day))
            seen[trait] = (first, day)
    newest = sorted(seen.items(), key=lambda entry: entry[1][1], reverse=True)[:MOST_TRAITS]
    return KnownCodes(seen=dict(newest), intents=tuple(sorted({*known.intents, *intents})))


def with_reasons(
    candidates: Sequence[ReviewCandidate],
    known: KnownCodes,
    *,
    day: date,
    new_days: int,
    low_confidence: float,
) -> list[ReviewCandidate]:
    """The candidates of ``day`` with the codes for what is new or low in confidence. ``known``
    includes the day. What was there on the first day of all is not new."""
    start = min((first for first, _ in known.seen.values()), default=day)
    since = max(day - timedelta(days=new_days), start)

    def reasons(candidate: ReviewCandidate) -> tuple[str, ...]:
        new = [
            code
            for code, trait in candidate.traits
            if new_days and known.seen.get(trait, (day, day))[0] > since
        ]
        low = ["low_confidence"] if candidate.confidence < low_confidence else []
        return (*candidate.why, *low, *new)

    return [candidate.replace(why=reasons(candidate)) for candidate in candidates]


def voice_samples(candidates: Iterable[ReviewCandidate], day: date) -> list[VoiceSample]:
    """For each kind of case and channel the answer of ``day`` that chance chooses: the one with
    the lowest lot. The lowest of all days of a month is one of its answers, each as likely."""
    best: dict[tuple[str, str], VoiceSample] = {}
    for candidate in candidates:
        name = f"voice {candidate.conversation} {candidate.message}"
        sample = VoiceSample(
            month=f"{day:%Y-%m}",
            brand=candidate.brand,
            language=candidate.language,
            intent=candidate.intent,
            channel=candidate.channel,
            conversation=candidate.conversation,
            message=candidate.message,
            asked=candidate.asked,
            kind=candidate.kind,
            lot=hashlib.sha256(name.encode()).hexdigest()[:16],
        )
        held = best.get((sample.id, sample.channel))
        if held is None or sample.lot < held.lot:
            best[sample.id, sample.channel] = sample
    return list(best.values())
