"""All figures of an audit, with the conversations behind each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from gateway import Value, reason_label
from plugins.history.audit.failures import Failure
from plugins.history.audit.forecasting import Seen, by_month, next_share, share
from plugins.history.audit.model import AuditedMatter, Estimate
from plugins.history.audit.topics import AskedTopic, may_automate

MINUTES = 5.0
"""Minutes that a person needs for an answer, where nobody says otherwise. Ours: what it is in a
team is the team's to say (``--minutes``)."""
WRONG_COSTS = 2.0
"""What a wrong answer costs, in answers of a person: one to find and mend it, one for the customer
who had to write again. Ours, too."""


class Listed(Value, frozen=True, kw_only=True):
    """The matters behind a figure, by their indexes, the newest first. ``key`` names its page."""

    key: str
    title: str
    matters: tuple[int, ...]


class AuditReason(Value, frozen=True, kw_only=True):
    """How often a reason to step back decided."""

    code: str
    label: str
    count: int
    key: str


class Forecast(Value, frozen=True, kw_only=True):
    """The next 30 days, as far as they are like those before. The shares are of all matters."""

    matters: int
    answers: Estimate
    right: Estimate
    wrong: Estimate
    step_backs: Estimate
    automatable: Estimate
    minutes: float
    hours: Estimate
    """Hours of work that the bot takes away: see `hours_saved`."""


class AuditReport(Value, frozen=True, kw_only=True):
    """An audit, or the report of a time in shadow mode (``live``)."""

    since: datetime
    until: datetime
    brand: str = ""
    live: bool = False
    conversations: int
    matters: tuple[AuditedMatter, ...]
    verdicts: Mapping[str, Estimate]
    """The shares of all matters that the bot would answer, ask back at, hand over."""
    agreement: Mapping[str, Estimate]
    """Of what it would answer and a person did: the shares that agree, differ, cannot be told."""
    wrong: Estimate
    """Of the answers that can be told, the share that would be wrong."""
    unanswered: int
    """Matters that the bot would answer, and nobody did: nothing is compared there."""
    reasons: tuple[AuditReason, ...]
    topics: tuple[AskedTopic, ...]
    failures: tuple[Failure, ...]
    forecast: Forecast | None
    """None where there are not two months, or too few matters."""
    lists: Mapping[str, Listed]


def build_report(
    matters: Sequence[AuditedMatter],
    *,
    conversations: int,
    topics: Sequence[AskedTopic] = (),
    failures: Sequence[Failure] = (),
    brand: str = "",
    live: bool = False,
    minutes: float = MINUTES,
) -> AuditReport:
    """The figures of ``matters``, of which there is at least one."""
    answers = [m for m in matters if m.verdict == "answer"]
    compared = [m for m in answers if m.person]
    told = [m for m in compared if m.agreement != "cannot_tell"]
    lists = _Lists(matters)
    for verdict, title in (("answer", "The bot would answer"), ("clarify", "It would ask back"),
                           ("hand_over", "It would hand over")):  # fmt: skip
        lists.add(verdict, title, lambda m, v=verdict: m.verdict == v)
    for agreement, title in (("agree", "It agrees with the person"), ("differ", "It differs"),
                             ("cannot_tell", "Cannot be told")):  # fmt: skip
        lists.add(agreement, title, lambda m, a=agreement: bool(
            m.verdict == "answer" and m.person and m.agreement == a
        ))  # fmt: skip
    lists.add("wrong", "It would be wrong", lambda m: m.wrong)
    lists.add("unanswered", "Nobody answered", lambda m: m.verdict == "answer" and not m.person)
    lists.add("may", "One answer would settle it", lambda m: may_automate(m, topics))
    for topic in topics:
        lists.put(f"topic-{topic.index + 1}", f"Topic {topic.index + 1}", topic.matters)
    of_case = defaultdict(list)
    for index, matter in enumerate(matters):
        of_case[matter.conversation].append(index)
    for at, failure in enumerate(failures, 1):
        rows = [index for case in failure.conversations for index in of_case[case][:1]]
        lists.put(f"script-{at}", failure.title, rows)
    reasons = Counter(m.reasons[0] for m in matters if m.verdict != "answer" and m.reasons)
    for code in reasons:
        lists.add(f"reason-{_slug(code)}", reason_label(code),
                  lambda m, c=code: m.verdict != "answer" and m.reasons[:1] == (c,))  # fmt: skip
    return AuditReport(
        since=min(m.at for m in matters),
        until=max(m.at for m in matters),
        brand=brand,
        live=live,
        conversations=conversations,
        matters=tuple(matters),
        verdicts={
            name: share([seen(m, m.verdict == name) for m in matters])
            for name in ("answer", "clarify", "hand_over")
        },
        agreement={
            name: share([seen(m, m.agreement == name) for m in compared])
            for name in ("agree", "differ", "cannot_tell")
        },
        wrong=share([seen(m, m.wrong) for m in told]),
        unanswered=len(answers) - len(compared),
        reasons=tuple(
            AuditReason(code=code, label=reason_label(code), count=count,
                        key=f"reason-{_slug(code)}")
            for code, count in reasons.most_common()
        ),
        topics=tuple(topics),
        failures=tuple(failures),
        forecast=forecast(matters, topics, minutes=minutes),
        lists=lists.made,
    )  # fmt: skip


def seen(matter: AuditedMatter, yes: bool) -> Seen:
    """``matter`` as the figures count it."""
    return Seen(yes, matter.customer or -matter.conversation, matter.at)


def forecast(
    matters: Sequence[AuditedMatter],
    topics: Sequence[AskedTopic],
    *,
    minutes: float = MINUTES,
    coming: int | None = None,
) -> Forecast | None:
    """The next 30 days from the months before. ``coming``: how many matters there will be, if that
    is known. What cannot be told is left out of the shares of right and wrong answers: it is taken
    to be like the rest."""
    months = by_month([seen(m, True) for m in matters])
    if not matters:
        return None
    expected = coming or round(sum(map(len, months)) / max(1, len(months)))
    told = [m for m in matters if m.verdict != "answer" or m.agreement != "cannot_tell"]
    shares = {
        "answers": next_share([seen(m, m.verdict == "answer") for m in matters], expected),
        "step_backs": next_share([seen(m, m.verdict != "answer") for m in matters], expected),
        "wrong": next_share([seen(m, m.wrong) for m in told], expected),
        "right": next_share([seen(m, m.agreement == "agree") for m in told], expected),
        "automatable": next_share([seen(m, may_automate(m, topics)) for m in matters], expected),
    }
    hours = hours_saved(shares["right"], shares["wrong"], expected, minutes)
    return Forecast(matters=expected, minutes=minutes, hours=hours, **shares)


def hours_saved(right: Estimate, wrong: Estimate, matters: int, minutes: float) -> Estimate:
    """Hours in a month: right answers times the minutes of one, less `WRONG_COSTS` times that for
    each wrong one. The interval takes the worse ends of both shares, and the better ones: it is
    wider than 95 %."""
    hours = matters * minutes / 60
    return Estimate(
        value=hours * (right.value - WRONG_COSTS * wrong.value),
        low=hours * (right.low - WRONG_COSTS * wrong.high),
        high=hours * (right.high - WRONG_COSTS * wrong.low),
        n=right.n,
        enough=right.enough,
    )


class _Lists:
    def __init__(self, matters: Sequence[AuditedMatter]) -> None:
        self._matters = matters
        self.made: dict[str, Listed] = {}

    def add(self, key: str, title: str, chosen: object) -> None:
        self.put(key, title, [i for i, m in enumerate(self._matters) if chosen(m)])  # type: ignore[operator]

    def put(self, key: str, title: str, rows: Sequence[int]) -> None:
        newest = sorted(rows, key=lambda index: self._matters[index].at, reverse=True)
        self.made[key] = Listed(key=key, title=title, matters=tuple(newest))


def _slug(code: str) -> str:
    return "".join(char if char.isalnum() else "-" for char in code.casefold())
