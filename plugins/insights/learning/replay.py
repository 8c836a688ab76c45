"""The last weeks as turns and messages again: what would a changed policy or guide have done, and
from which confidence should the bot answer?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from gateway import (
    AdoptedChange,
    CaseRecord,
    Finding,
    KeyPath,
    Message,
    Records,
    RenderContext,
    ReplayedTurn,
    Route,
    SetValue,
    Trials,
    Turn,
    Understanding,
    Value,
    Voice,
    counted,
)
from plugins.insights.learning.intents import HeldOutReading
from plugins.insights.learning.model import (
    EvaluationVerdict,
    PairedComparison,
    ProposalDraft,
    ProposalTarget,
)
from plugins.insights.learning.shares import SIGNIFICANT, is_certain, paired

DAYS = 28
MOST_TURNS = 20_000
"""A replay of more says nothing new; it takes the newest."""
FAITHFUL = 0.9
"""Below this share of turns that are replayed as they were routed, nothing is said."""
UPSET = frozenset({"frustrated", "angry", "anxious"})
AT: KeyPath = ("reasons", "low_confidence", "below")
WRONG_COSTS = 3.0
"""A wrong answer costs as much as so many needless questions back. Ours: what it costs is the
shop's to say, and the proposal states it."""
STEP = 0.05
LEAST_ROWS = 100
"""With fewer messages that people labelled nothing is said about a threshold."""


class ChangedMessage(Value, frozen=True, kw_only=True):
    """A message of ours that a voice rule would change or advise on. ``after`` is None when a
    person would decide."""

    conversation: int
    author: str
    language: str
    before: str
    after: str | None


async def recent_cases(
    records: Records, now: datetime, *, days: int = DAYS
) -> AsyncIterator[CaseRecord]:
    """The conversations that were opened in the last ``days`` days."""
    after = 0
    while page := await records.cases(since=now - timedelta(days=days), until=now, after=after):
        for case in page:
            yield case
        after = page[-1].conversation.id


# -- thresholds ------------------------------------------------------------------------------------


async def compare_routes(
    trials: Trials, turns: Sequence[ReplayedTurn], changes: Sequence[AdoptedChange], *, least: int
) -> tuple[tuple[PairedComparison, ...], float]:
    """How the turns are routed by the policy in force and by the changed one; and the share of them
    that the policy in force routes as it was stored, 0..1."""
    asked = [each.turn for each in turns]
    before = await trials.route(asked)
    after = await trials.route(asked, changes)
    same = [route.action == each.stored.action for route, each in zip(before, turns, strict=True)]
    found: list[PairedComparison] = []
    for group, chosen in _turn_groups(turns).items():
        for measure, action in (
            ("handed over", "escalate"),
            ("asked back", "clarify"),
            ("answered", "automate"),
        ):
            then = [before[i].action == action for i in chosen]
            now = [after[i].action == action for i in chosen]
            found.append(paired(group, measure, then, now, least=least))
    calm = [i for i, each in enumerate(turns) if not _is_upset(each.turn)]
    alarms = [[_by_emotion(routes[i]) for i in calm] for routes in (before, after)]
    found.append(paired("all", "alarms on calm messages", *alarms, least=least))
    return tuple(found), sum(same) / len(same) if same else 0.0


def judge_routes(
    comparisons: Sequence[PairedComparison], faithful: float, count: int
) -> tuple[EvaluationVerdict, str]:
    """Fewer or more hand-overs are no gain by themselves, so this says only what changes."""
    if not count:
        return "cannot_be_told", f"There was no turn of the bot in the last {DAYS} days."
    if faithful < FAITHFUL:
        return "cannot_be_told", (
            f"Only {faithful:.0%} of {counted(count, 'turn')} can be replayed as they were "
            "routed: what they rest on is not stored."
        )
    of_all = {each.measure: each for each in comparisons if each.group == "all"}
    changed = [each for each in of_all.values() if each.gained or each.lost]
    if not changed:
        return "no_difference", f"Not one of {counted(count, 'turn')} would be routed otherwise."
    parts = [
        f"{abs(each.gained - each.lost)} {'more' if each.gained >= each.lost else 'fewer'} "
        f"{each.measure}"
        for each in changed
        if each.gained != each.lost
    ]
    sentence = f"Of {counted(count, 'turn')} of the last {DAYS} days: {', '.join(parts)}."
    alarms = of_all["alarms on calm messages"]
    if is_certain(alarms) and alarms.gained > alarms.lost:
        return "worse", sentence
    return "cannot_be_told", f"{sentence} Whether that is better shows only when it is used."


def _turn_groups(turns: Sequence[ReplayedTurn]) -> Mapping[str, list[int]]:
    groups: dict[str, list[int]] = {"all": list(range(len(turns)))}
    for index, each in enumerate(turns):
        groups.setdefault(f"language {each.turn.language}", []).append(index)
    return groups


def _is_upset(turn: Turn) -> bool:
    return turn.understanding.emotion.label in UPSET


def _by_emotion(route: Route) -> bool:
    return any(reason.code in ("strong_emotion", "urgent", "harm") for reason in route.reasons)


# -- the voice -------------------------------------------------------------------------------------


def changed_messages(
    case: CaseRecord, phrase: str, old: Voice, new: Voice
) -> Iterator[ChangedMessage]:
    """The messages of ours in ``case`` that contain ``phrase`` and on which the new voice advises
    something that the old one does not."""
    wanted = " ".join(phrase.casefold().split())
    for message in case.messages:
        ours = message.author in ("bot", "agent") and not message.internal
        if not ours or wanted not in " ".join(message.text.casefold().split()):
            continue
        context = _context(case, message)
        known = {(each.rule, each.start, each.end) for each in old.lint(message.text, context)}
        fresh = [
            each
            for each in new.lint(message.text, context)
            if (each.rule, each.start, each.end) not in known
        ]
        if fresh:
            yield ChangedMessage(
                conversation=case.conversation.id,
                author=message.author,
                language=case.conversation.language or "und",
                before=message.text,
                after=_applied(message.text, fresh),
            )


def _context(case: CaseRecord, message: Message) -> RenderContext:
    before = [m for m in case.messages if m.author == "customer" and m.id < message.id]
    understanding = before[-1].understanding if before else None
    return RenderContext(
        channel=case.conversation.address.channel,
        brand=case.conversation.brand,
        emotion=(understanding or Understanding()).emotion,
        author="bot" if message.author == "bot" else "agent",
        language=case.conversation.language,
    )


def _applied(text: str, findings: Sequence[Finding]) -> str | None:
    """``text`` with every suggestion in place; None when one has none."""
    for finding in sorted(findings, key=lambda each: -each.start):
        if finding.suggestion is None:
            return None
        text = text[: finding.start] + finding.suggestion + text[finding.end :]
    return " ".join(text.split(" ")).strip()


# -- a better threshold ---------------------------------------------------------------------------


def draft_threshold(readings: Sequence[HeldOutReading], below: float) -> ProposalDraft | None:
    """The threshold that costs least, when it is surely better than ``below``; None when none is.

    ``readings`` are those of messages that people labelled: the shop's own examples are clearer
    than what customers write.
    """
    if len(readings) < LEAST_ROWS:
        return None
    candidates = [round(STEP * step, 2) for step in range(4, 20)]
    best = min(candidates, key=lambda at: (_cost(readings, at), abs(at - below)))
    if best == below or _cost(readings, best) >= _cost(readings, below):
        return None
    changed = [each for each in readings if each.outcome(best) != each.outcome(below)]
    answerable = sum("right" in {each.outcome(best), each.outcome(below)} and not _is_outside(each)
                     for each in changed)  # fmt: skip
    wrong = len(changed) - answerable
    if not _is_sure(answerable, wrong, lower=best < below):
        return None
    word = "Lower" if best < below else "Raise"
    effect = (
        f"{answerable} more right and {counted(wrong, 'more wrong answer')}"
        if best < below
        else f"{wrong} fewer wrong and {counted(answerable, 'fewer right answer')}"
    )
    return ProposalDraft(
        kind="threshold",
        title=f"{word} the confidence from which the bot answers to {best:.2f}",
        found=f"Among {counted(len(readings), 'reviewed message')} it would mean {effect}.",
        target=ProposalTarget(at=AT),
        source="review",
        evidence={
            "messages": len(readings),
            "right": answerable,
            "wrong": wrong,
            "wrong_costs": WRONG_COSTS,
            "from": below,
            "to": best,
        },
        changes=(SetValue(at=AT, value=best),),
    )


def _cost(readings: Sequence[HeldOutReading], below: float) -> float:
    """In needless questions back."""
    outcomes = [each.outcome(below) for each in readings]
    return outcomes.count("refused") + WRONG_COSTS * outcomes.count("wrong")


def _is_sure(right: int, wrong: int, *, lower: bool) -> bool:
    """Whether chance does not explain that answering the messages between the thresholds pays
    (``lower``), or does not: an exact binomial test of the share that is right."""
    from scipy.stats import binomtest  # noqa: PLC0415  (slow to import)

    if right + wrong == 0:
        return False
    worth = WRONG_COSTS / (1 + WRONG_COSTS)
    side = "greater" if lower else "less"
    return bool(binomtest(right, right + wrong, worth, alternative=side).pvalue < SIGNIFICANT)


def _is_outside(reading: HeldOutReading) -> bool:
    return reading.row.intent.partition("/")[0] == "oos"
