"""An audit as ``audit.json``: counts, shares with intervals, ids; no words of customers but one
masked example of each topic."""

from __future__ import annotations

import msgspec

from gateway import Json
from plugins.history.audit.model import Estimate
from plugins.history.audit.report import AuditReport
from plugins.history.audit.topics import AskedTopic
from plugins.history.audit.words import example, failure_words

DIGITS = 4


def audit_json(report: AuditReport) -> bytes:
    """The contents of ``audit.json``; docs/audit.md describes them."""
    counts = {name: len(report.lists[name].matters) for name in ("answer", "clarify", "hand_over")}
    tree: dict[str, Json] = {
        "from": report.since.date().isoformat(),
        "to": report.until.date().isoformat(),
        "brand": report.brand,
        "live": report.live,
        "conversations": report.conversations,
        "matters": len(report.matters),
        "would_answer": counts["answer"],
        "would_clarify": counts["clarify"],
        "would_hand_over": counts["hand_over"],
        "shares": {name: figure(each) for name, each in report.verdicts.items()},
        "agreement": {name: figure(each) for name, each in report.agreement.items()},
        "wrong": figure(report.wrong),
        "unanswered": report.unanswered,
        "reasons": [{"code": r.code, "label": r.label, "count": r.count} for r in report.reasons],
        "automatable": [_topic(report, t) for t in report.topics if t.fitness == "automatable"],
        "never": [_topic(report, t) for t in report.topics if t.fitness == "never"],
        "not_yet": [_topic(report, t) for t in report.topics if t.fitness == "not_yet"],
        "scripts_that_fail": [
            {
                "kind": failure.kind,
                "title": failure.title,
                "share": figure(failure.share),
                "usual": failure.usual,
                "customers": failure.customers,
                "words": failure_words(failure),
                "conversations": list(failure.conversations),
            }
            for failure in report.failures
        ],
        "forecast": _forecast(report),
        "lists": {
            key: [report.matters[at].conversation for at in each.matters]
            for key, each in report.lists.items()
        },
    }
    return msgspec.json.format(msgspec.json.encode(tree), indent=2) + b"\n"


def figure(estimate: Estimate) -> Json:
    """A figure with its interval."""
    return {
        "value": round(estimate.value, DIGITS),
        "low": round(estimate.low, DIGITS),
        "high": round(estimate.high, DIGITS),
        "n": estimate.n,
        "enough": estimate.enough,
    }


def _topic(report: AuditReport, topic: AskedTopic) -> Json:
    return {
        "example": example(report, topic),
        "why": topic.why,
        "matters": len(topic.matters),
        "customers": topic.customers,
        "alike": figure(topic.alike),
        "answered_today": topic.answered,
        "conversations": [report.matters[at].conversation for at in topic.matters],
    }


def _forecast(report: AuditReport) -> Json:
    found = report.forecast
    if found is None:
        return None
    shares = {name: figure(getattr(found, name)) for name in (
        "answers", "right", "wrong", "step_backs", "automatable"
    )}  # fmt: skip
    return {"matters": found.matters, "minutes": found.minutes, **shares,
            "hours": figure(found.hours)}  # fmt: skip
