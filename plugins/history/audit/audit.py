"""The whole audit: from stored conversations to figures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import numpy as np

from gateway import Services, WarmlineError
from plugins.history.audit.failures import find_failures, stories
from plugins.history.audit.judging import Vectors, encode, judge
from plugins.history.audit.report import MINUTES, AuditReport, build_report
from plugins.history.audit.templates import Templates
from plugins.history.audit.topics import find_topics, with_topics
from plugins.history.audit.walk import replay_cases, walk

Stage = Callable[[str, int, int], None]
"""Told of progress: what is done, how many conversations of how many."""


def _silent(_what: str, _done: int, _of: int) -> None:
    """Tell nobody."""


async def audit(
    services: Services,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    brand: str | None = None,
    minutes: float = MINUTES,
    stage: Stage = _silent,
) -> AuditReport:
    """Replay what was opened from ``since`` to ``until`` and compare it with what people answered.

    Raises WarmlineError when there is nothing to replay.
    """
    cases = [case async for case in walk(services.records, since=since, until=until, brand=brand)]
    stage("read", len(cases), len(cases))
    half = len(cases)
    replayed = await replay_cases(
        services.trials, cases,
        lambda done: stage("understood", done, half) if done <= half
        else stage("worked", done - half, half),
    )  # fmt: skip
    matters = [matter for case in replayed for matter in case.matters]
    if not matters:
        raise WarmlineError(
            "there is no conversation with a customer's message in this time; import some with "
            "`warmline history import`, or choose other days with --from and --to"
        )
    vectors = await encode(services.encoder, matters)
    told = await story_vectors(services, stories(replayed))
    vectors = Vectors(by_text={**told.by_text, **vectors.by_text})
    stage("compared", half, half)
    judged = judge(matters, vectors)
    topics = find_topics(judged, vectors)
    templates = Templates.of([each.case for each in replayed])
    return build_report(
        with_topics(judged, topics),
        conversations=len(replayed),
        topics=topics,
        failures=find_failures(replayed, templates, vectors),
        brand=brand or "",
        minutes=minutes,
    )


async def story_vectors(services: Services, texts: set[str]) -> Vectors:
    """The embeddings of ``texts``; none without an encoder."""
    encoder = services.encoder
    if encoder is None or encoder.embedding_model is None or not texts:
        return Vectors(by_text={})
    ordered = sorted(texts)
    found = await encoder.embed(ordered)
    vectors = (np.frombuffer(each, dtype=np.float32) for each in found)
    return Vectors(by_text=dict(zip(ordered, vectors, strict=True)))
