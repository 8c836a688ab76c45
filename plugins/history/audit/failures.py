"""Where scripts failed: the same words for different people, after which moods fell; questions that
were asked again; stories told twice; feelings answered with a template.

Four signs, each with the conversations that show it:

- *robotic*: a template went to the customer, and their next message is more distressed than the one
  before, by `FALL` or more. Compared with how often moods fall after other answers (a two-sided
  exact test, Fisher 1935), a template is named when it is certainly worse.
- *asked again*: one of ours asks for a fact that the customer has stated.
- *told twice*: the customer says the same in other words after an answer of ours, or that they have
  said it already.
- *feelings*: an upset customer got a template.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from gateway import Message, Value, asked_for, count_words, facts_told, fold
from plugins.history.audit.forecasting import Seen, share
from plugins.history.audit.judging import Vectors
from plugins.history.audit.model import UPSET, Estimate
from plugins.history.audit.templates import Templates, template_key
from plugins.history.audit.texts import content
from plugins.history.audit.walk import ReplayedCase

FailureKind = Literal["robotic", "asked_again", "told_twice", "feelings"]
FALL = 0.15
"""A rise of distress, 0..1, that counts as a fall of the mood: half of the step from calm to
frustrated in the messages on which the mood model is measured."""
AGAIN = 0.72
"""Cosine from which two messages of a customer tell the same."""
SHORTEST_STORY = 8
"""Words of a story; shorter messages repeat one another by chance."""
SIGNIFICANT = 0.05
LEAST = 10
"""Uses of a template with a message after it, before it is compared."""
_SAID = re.compile(
    r"\b(?:as i (?:said|wrote|told you|mentioned|already)|i(?: have|'ve)? already (?:said|told"
    r"|wrote|sent|gave|explained|written)|told you (?:already|all|this|before)|i told you"
    r"|wie (?:ich )?(?:schon |bereits )?(?:gesagt|geschrieben|erwahnt)"
    r"|habe ich (?:ihnen )?(?:doch )?(?:schon|bereits)|habe ihnen (?:doch )?(?:schon|alles"
    r"|bereits)|comme je (?:l'ai )?(?:dit|ecrit)|je vous l'ai deja"
    r"|ya (?:se lo|lo|les) (?:he )?(?:dije|dicho|escrib)|como (?:ya )?(?:dije|he dicho))\b"
)


class Failure(Value, frozen=True, kw_only=True):
    """A way in which a script failed. ``share`` is how often, of the occasions for it."""

    kind: FailureKind
    title: str
    share: Estimate
    usual: float | None = None
    """How often it happens otherwise: moods after answers that are no template."""
    words: str = ""
    """The template."""
    customers: int = 0
    """Who got the template."""
    conversations: tuple[int, ...]


class _Exchange(NamedTuple):
    """An answer of ours, with the customer's messages before and after it."""

    case: ReplayedCase
    before: Message | None
    ours: Message
    after: Message | None


def find_failures(
    cases: Sequence[ReplayedCase], templates: Templates, vectors: Vectors
) -> list[Failure]:
    """The failures, the most harmful template first."""
    exchanges = [each for case in cases for each in _exchanges(case)]
    found = _robotic(exchanges, templates)
    upset = [e for e in exchanges if e.before is not None and _is_upset(e.before)]
    found += _of(
        "feelings", "Upset customers who got a template", upset,
        lambda e: templates.count(e.ours.text) > 0,
    )  # fmt: skip
    asking = [e for e in exchanges if _asks(e)]
    found += _of("asked_again", "Customers who were asked for what they had said", asking,
                 _asked_again)  # fmt: skip
    follow = [e for e in exchanges if e.after is not None and e.before is not None]
    found += _of("told_twice", "Customers who told their story twice", follow,
                 lambda e: _told_twice(e, vectors))  # fmt: skip
    return found


def stories(cases: Sequence[ReplayedCase]) -> set[str]:
    """The customers' messages that `find_failures` compares: what must be encoded."""
    return {
        message.text
        for case in cases
        if sum(m.author == "customer" for m in case.messages) > 1
        for message in case.messages
        if message.author == "customer" and count_words(message.text) >= SHORTEST_STORY
    }


def _exchanges(case: ReplayedCase) -> list[_Exchange]:
    found = []
    messages = case.messages
    for at, message in enumerate(messages):
        if message.author == "customer":
            continue
        before = next((m for m in reversed(messages[:at]) if m.author == "customer"), None)
        after = messages[at + 1] if at + 1 < len(messages) else None
        found.append(
            _Exchange(
                case, before, message, after if after and after.author == "customer" else None
            )
        )
    return found


def _robotic(exchanges: Sequence[_Exchange], templates: Templates) -> list[Failure]:
    by_key: dict[str, list[_Exchange]] = defaultdict(list)
    others: list[_Exchange] = []
    for each in exchanges:
        if each.after is None or each.before is None:
            continue
        if templates.count(each.ours.text):
            by_key[template_key(each.ours.text)].append(each)
        else:
            others.append(each)
    usual = [_fell(each) for each in others]
    found = []
    for key, uses in by_key.items():
        fell = [_fell(each) for each in uses]
        if len(uses) < LEAST or not _is_worse(fell, usual):
            continue
        found.append(
            Failure(
                kind="robotic",
                title="The same words to different people, after which moods fell",
                share=share([Seen(f, _who(e), e.ours.at) for f, e in zip(fell, uses, strict=True)]),
                usual=sum(usual) / len(usual) if usual else None,
                words=content(uses[0].ours.text),
                customers=templates.customers[key],
                conversations=_conversations(e for f, e in zip(fell, uses, strict=True) if f),
            )
        )
    return sorted(found, key=lambda failure: -len(failure.conversations))


def _is_worse(fell: Sequence[bool], usual: Sequence[bool]) -> bool:
    from scipy.stats import fisher_exact  # noqa: PLC0415  (slow to import)

    if not usual:
        return bool(fell) and sum(fell) / len(fell) > 0.5
    table = [[sum(fell), len(fell) - sum(fell)], [sum(usual), len(usual) - sum(usual)]]
    worse = sum(fell) / len(fell) > sum(usual) / len(usual)
    return worse and float(fisher_exact(table).pvalue) < SIGNIFICANT


def _of(
    kind: FailureKind,
    title: str,
    occasions: Sequence[_Exchange],
    failed: Callable[[_Exchange], bool],
) -> list[Failure]:
    marks = [(each, failed(each)) for each in occasions]
    hit = _conversations(each for each, yes in marks if yes)
    if not hit:
        return []
    seen = [Seen(yes, _who(each), each.ours.at) for each, yes in marks]
    return [Failure(kind=kind, title=title, share=share(seen), conversations=hit)]


def _conversations(exchanges: Iterable[_Exchange]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(each.case.case.conversation.id for each in exchanges))


def _who(each: _Exchange) -> int:
    return each.case.case.customer or -each.case.case.conversation.id


def _distress(message: Message) -> float:
    return message.understanding.emotion.distress if message.understanding else 0.0


def _fell(each: _Exchange) -> bool:
    assert each.before is not None and each.after is not None  # noqa: S101, PT018  (callers ask)
    return _distress(each.after) - _distress(each.before) >= FALL


def _is_upset(message: Message) -> bool:
    return bool(message.understanding and message.understanding.emotion.label in UPSET)


def _language(each: _Exchange) -> str:
    understood = each.before.understanding if each.before else None
    return understood.language.code if understood else "en"


def _asks(each: _Exchange) -> bool:
    """Whether the answer asks for a fact."""
    return bool(each.before and asked_for(each.ours.text, _language(each)))


def _asked_again(each: _Exchange) -> bool:
    """Whether it asks for a fact that stands in what the customer wrote before."""
    language = _language(each)
    asked = {fact.name for fact in asked_for(each.ours.text, language)}
    at = each.case.messages.index(each.ours)
    for message in each.case.messages[:at]:
        if message.author == "customer":
            told = {fact.name for fact in facts_told(message.text, language)}
            if asked & told - {"problem", "item", "date", "name"}:
                return True
    return False


def _told_twice(each: _Exchange, vectors: Vectors) -> bool:
    """Whether the customer's next message tells what an earlier one told, or says so."""
    assert each.after is not None and each.before is not None  # noqa: S101, PT018  (callers ask)
    if _SAID.search(fold(each.after.text)):
        return True
    if count_words(each.after.text) < SHORTEST_STORY:
        return False
    if count_words(each.before.text) < SHORTEST_STORY:
        return False
    near = vectors.cosine(each.before.text, each.after.text)
    return near is not None and near >= AGAIN
