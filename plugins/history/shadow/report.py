"""What the bot would have said while it was silent, compared with what people answered.

Nothing is worked again: each message has its route in shadow mode, and the suggestion that was
stored with it is what the bot would have said.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from gateway import (
    SHADOW_SOURCE,
    CaseRecord,
    Message,
    Services,
    Suggestion,
    WarmlineError,
    known_names,
)
from plugins.history.audit.audit import story_vectors
from plugins.history.audit.failures import find_failures, stories
from plugins.history.audit.judging import Vectors, encode, judge
from plugins.history.audit.model import AuditedMatter, Verdict
from plugins.history.audit.report import MINUTES, AuditReport, build_report
from plugins.history.audit.templates import Templates
from plugins.history.audit.texts import content
from plugins.history.audit.topics import find_topics, with_topics
from plugins.history.audit.walk import SURE, ReplayedCase, said_in, walk

SHADOW = "shadow"
"""The code of the reason that a route in shadow mode has."""
VERDICTS: dict[str, Verdict] = {
    "the bot would have answered": "answer",
    "the bot would have asked back": "clarify",
    "the bot would have handed over, too": "hand_over",
}
"""By the details of that reason."""


async def shadow_report(
    services: Services,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    minutes: float = MINUTES,
) -> AuditReport:
    """The report of what came in shadow mode from ``since`` to ``until``.

    Raises WarmlineError when nothing came.
    """
    cases = [case async for case in walk(services.records, since=since, until=until)]
    courtesies = await services.trials.in_force("policy", ("pass_by_intents",))
    polite = frozenset(map(str, courtesies if isinstance(courtesies, list | tuple) else ()))
    templates = Templates.of(cases)
    found = [each for case in cases if (each := shadowed(case, templates, polite)).matters]
    matters = [matter for case in found for matter in case.matters]
    if not matters:
        raise WarmlineError(
            "no message came in shadow mode in this time; turn it on with `warmline shadow on`, "
            "and read the report when customers have written and people have answered"
        )
    vectors = await encode(services.encoder, matters)
    told = await story_vectors(services, stories(found))
    vectors = Vectors(by_text={**told.by_text, **vectors.by_text})
    judged = judge(matters, vectors)
    topics = find_topics(judged, vectors)
    return build_report(
        with_topics(judged, topics),
        conversations=len(found),
        topics=topics,
        failures=find_failures(found, templates, vectors),
        live=True,
        minutes=minutes,
    )


def shadowed(case: CaseRecord, templates: Templates, polite: frozenset[str]) -> ReplayedCase:
    """The matters of ``case`` that came in shadow mode. A suggestion is stored with its message, so
    both have one order."""
    said = said_in(case)
    suggestions = iter(
        sorted((s for s in case.suggestions if s.source.startswith(SHADOW_SOURCE)),
               key=lambda each: each.id)
    )  # fmt: skip
    matters = []
    for index, message in enumerate(said):
        verdict = _verdict(message)
        if verdict is None:
            continue
        drafted = next(suggestions, None) if verdict != "hand_over" else None
        matters.append(_matter(case, said, index, verdict, drafted, templates, polite))
    return ReplayedCase(case=case, messages=said, matters=tuple(matters))


def _verdict(message: Message) -> Verdict | None:
    """What the bot would have done with the message; None: it did not come in shadow mode."""
    reasons = message.route.reasons if message.author == "customer" and message.route else ()
    return next((VERDICTS.get(r.detail) for r in reasons if r.code == SHADOW), None)


def _matter(  # noqa: PLR0917  (of one case, in the order of its story)
    case: CaseRecord,
    said: Sequence[Message],
    index: int,
    verdict: Verdict,
    drafted: Suggestion | None,
    templates: Templates,
    polite: frozenset[str],
) -> AuditedMatter:
    asked = said[index]
    after = next((at for at in range(index + 1, len(said)) if _verdict(said[at])), len(said))
    replies = [m for m in said[index + 1 : after] if m.author == "agent"]
    telling = [m for m in replies if not templates.says_nothing(m.text)]
    understood, route = asked.understanding, asked.route
    intent = understood.intent if understood else None
    reasons = tuple(r.code for r in route.reasons if r.code != SHADOW) if route else ()
    return AuditedMatter(
        conversation=case.conversation.id,
        message=asked.id,
        customer=case.customer,
        at=asked.at,
        channel=case.conversation.address.channel,
        brand=case.conversation.brand,
        language=understood.language.code if understood else "und",
        question=asked.text,
        mood=understood.emotion.label if understood else "calm",
        distress=understood.emotion.distress if understood else 0.0,
        intent=intent.name if intent and intent.confidence >= SURE else "",
        verdict=verdict,
        reasons=reasons,
        handler=drafted.source.removeprefix(SHADOW_SOURCE) if drafted else "",
        polite=bool(intent and intent.name in polite),
        bot=content(drafted.text) if drafted else "",
        person=" ".join(filter(None, (content(m.text) for m in telling))),
        seconds=(replies[0].at - asked.at).total_seconds() if replies else None,
        names=known_names(case),
    )
