"""What a changed answer looks like on each channel, and what becomes of its facts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from gateway import (
    Address,
    AdoptedChange,
    Conversation,
    Customer,
    Guess,
    KeyPath,
    Language,
    Message,
    RenderContext,
    Reply,
    Route,
    SetValue,
    Trials,
    Turn,
    Understanding,
    Voice,
)
from plugins.insights.learning.model import (
    AnswerRendering,
    EvaluationVerdict,
    Proposal,
    ProposalEvaluation,
)

USUAL_CHANNELS = ("webchat", "email", "sms")
"""Where no messages have come in yet."""
_SENTENCE_END = re.compile(r"(?<=[.!?…])\s+(?=[^\W\d_]|[¿¡\"„«“])|\n+")
_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")


def text_path(proposal: Proposal) -> KeyPath:
    """Where the answer's text in one language is in the files."""
    target = proposal.target
    say = ("answers", target.intent, "say", target.language or "en")
    return ("brands", target.brand, *say) if target.brand else say


def is_draft(proposal: Proposal) -> bool:
    """Whether it is about the draft that people get, not about what the bot says."""
    return proposal.target.at[-1:] == ("personal",)


async def answer_changes(
    trials: Trials, proposal: Proposal, body: Sequence[str]
) -> tuple[AdoptedChange, ...]:
    """The changes that make ``body`` the answer, in the format of the team's files. An adopted text
    replaces all of its language, so what else is there now (openers, buttons) stays in it."""
    if not body:
        return proposal.changes
    at = text_path(proposal)
    known = await trials.in_force("answers", at)
    part = "personal" if is_draft(proposal) else "body"
    text = {**(known if isinstance(known, dict) else {}), part: list(body)}
    return (*proposal.changes, SetValue(at=at, value=text))


def as_sentences(text: str) -> tuple[str, ...]:
    """A text as the sentences of an answer's body."""
    return tuple(part.strip() for part in _SENTENCE_END.split(text) if part.strip())


def with_placeholders(body: Sequence[str], facts: Mapping[str, str]) -> tuple[str, ...]:
    """``body`` with ``{name}`` wherever the value of a fact stands, longest value first, so that a
    fact stays one and is changed in one place."""
    named = sorted(facts.items(), key=lambda item: -len(item[1]))
    found = list(body)
    for name, value in named:
        if value:
            pattern = re.compile(rf"(?<![\w{{]){re.escape(value)}(?![\w}}])")
            found = [pattern.sub(f"{{{name}}}", sentence) for sentence in found]
    return tuple(found)


async def evaluate_answer(
    trials: Trials,
    proposal: Proposal,
    changes: Sequence[AdoptedChange],
    *,
    channels: Iterable[str],
    at: datetime,
    version: int,
) -> ProposalEvaluation:
    """Render the answer as it is and as it would be. Raises ChangeRefused as `Trials` does."""
    turn = _asking(proposal, at)
    drafted = is_draft(proposal)
    old = await trials.answer(turn, drafted=drafted)
    new = await trials.answer(turn, changes, drafted=drafted)
    voice = await trials.voice()
    renderings = tuple(
        _render(voice, channel, proposal, old, new) for channel in channels or USUAL_CHANNELS
    )
    kept, lost, added = _facts(old, new)
    verdict, sentence = _judge(old, new, renderings, lost)
    return ProposalEvaluation(
        at=at,
        verdict=verdict,
        sentence=sentence,
        version=version,
        renderings=renderings,
        facts_kept=kept,
        facts_lost=lost,
        facts_new=added,
        notes=tuple(_unknown_numbers(old, new)),
    )


def _asking(proposal: Proposal, at: datetime) -> Turn:
    """The turn of a customer who asks for this answer."""
    target = proposal.target
    language = target.language or "en"
    return Turn(
        id=0,
        at=at,
        message=Message(id=0, conversation=0, author="customer", text="?", at=at),
        customer=Customer(),
        conversation=Conversation(
            address=Address(channel="webchat", value="trial"),
            opened_at=at,
            brand=target.brand,
            language=language,
        ),
        understanding=Understanding(
            language=Language(code=language, confidence=1.0),
            ranking=(Guess(name=target.intent, confidence=1.0),),
        ),
        route=Route(action="automate"),
    )


def _render(
    voice: Voice, channel: str, proposal: Proposal, old: Reply | None, new: Reply | None
) -> AnswerRendering:
    brand = proposal.target.brand
    context = RenderContext(channel=channel, brand=brand, first=True)
    checked = RenderContext(
        channel=channel, brand=brand, author="agent", language=proposal.target.language or None
    )
    before = voice.render(old, context) if old else None
    after = voice.render(new, context) if new else None

    def advice(reply: Reply | None) -> tuple[str, ...]:
        if reply is None:
            return ()
        text = " ".join([*reply.body, reply.next_step or ""]).strip()
        found = (f"{each.rule}: {each.message}" for each in voice.lint(text, checked))
        return tuple(dict.fromkeys(found))

    return AnswerRendering(
        channel=channel,
        language=proposal.target.language,
        before=before.parts if before else (),
        after=after.parts if after else (),
        advice_before=advice(old),
        advice_after=advice(new),
        segments_before=before.segments if before else None,
        segments_after=after.segments if after else None,
    )


def _facts(
    old: Reply | None, new: Reply | None
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The facts that are kept, lost and new, each as ``name: value``."""
    before = [f"{fact.name}: {fact.value}" for fact in old.facts] if old else []
    after = [f"{fact.name}: {fact.value}" for fact in new.facts] if new else []
    return (
        tuple(fact for fact in before if fact in after),
        tuple(fact for fact in before if fact not in after),
        tuple(fact for fact in after if fact not in before),
    )


def _unknown_numbers(old: Reply | None, new: Reply | None) -> Iterable[str]:
    """Numbers that the new text states and neither its facts nor the old text have."""
    if new is None:
        return
    known = " ".join([*(fact.value for fact in new.facts), *(old.body if old else ())])
    stated = _NUMBER.findall(" ".join((*new.body, new.next_step or "")))
    for number in dict.fromkeys(stated):
        if number not in _NUMBER.findall(known):
            yield f"It states {number}, which is no fact of the answer: check it."


def _judge(
    old: Reply | None,
    new: Reply | None,
    renderings: Sequence[AnswerRendering],
    lost: Sequence[str],
) -> tuple[EvaluationVerdict, str]:
    if new is None:
        return "worse", "With this change there would be no answer."
    if lost:
        return "worse", f"It no longer says {', '.join(lost)}."
    if old is None:
        return "better", "Until now there is no answer to this."
    more = sum(len(each.advice_after) - len(each.advice_before) for each in renderings)
    if more > 0:
        return "worse", "All facts are kept; the brand voice has more to say against it."
    aside = " and the brand voice has less to say against it" if more < 0 else ""
    return "cannot_be_told", (
        f"All facts are kept{aside}. Whether customers like it better shows only when it is used."
    )
