"""The last weeks as turns and messages again: what would a changed policy or guide have done?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from gateway import (
    AdoptedChange,
    CaseRecord,
    Customer,
    Finding,
    Message,
    Records,
    RenderContext,
    Route,
    Trials,
    Turn,
    Understanding,
    Value,
    Voice,
)
from plugins.insights.learning.model import EvaluationVerdict, PairedComparison
from plugins.insights.learning.shares import is_certain, paired

DAYS = 28
MOST_HISTORY = 40
"""As many messages as the gateway gives a turn."""
MOST_TURNS = 20_000
"""A replay of more says nothing new; it takes the newest."""
FAITHFUL = 0.9
"""Below this share of turns that are replayed as they were routed, nothing is said."""
UPSET = frozenset({"frustrated", "angry", "anxious"})


class ReplayedTurn(Value, frozen=True, kw_only=True):
    """A turn that the bot routed, as far as it is stored, and its route then."""

    turn: Turn
    stored: Route


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


def routed_turns(case: CaseRecord) -> Iterator[ReplayedTurn]:
    """The turns of ``case`` that the bot routed: each with the messages before it, and without
    what was known of the customer from elsewhere."""
    said = [message for message in case.messages if not message.internal]
    for message in case.messages:
        route = message.route
        if message.author != "customer" or message.understanding is None or route is None:
            continue
        if route.action == "pass":
            continue
        before = [m for m in said if m.id < message.id]
        yield ReplayedTurn(
            turn=Turn(
                id=message.turn or 0,
                at=message.at,
                message=message,
                customer=Customer(id=case.customer, language=case.conversation.language),
                conversation=case.conversation.replace(
                    state="bot", owner=None, tier="bot", resolved_at=None
                ),
                history=tuple(before[-MOST_HISTORY:]),
                understanding=message.understanding,
            ),
            stored=route,
        )


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
            f"Only {faithful:.0%} of {count} turns can be replayed as they were routed: what they "
            "rest on is not stored."
        )
    of_all = {each.measure: each for each in comparisons if each.group == "all"}
    changed = [each for each in of_all.values() if each.gained or each.lost]
    if not changed:
        return "no_difference", f"Not one of {count} turns would be routed otherwise."
    parts = [
        f"{abs(each.gained - each.lost)} {'more' if each.gained >= each.lost else 'fewer'} "
        f"{each.measure}"
        for each in changed
        if each.gained != each.lost
    ]
    sentence = f"Of {count} turns of the last {DAYS} days: {', '.join(parts)}."
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
