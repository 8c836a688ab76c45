"""What the checks of reasons read in a turn: what was asked, answered and felt before."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from textwrap import shorten
from typing import TYPE_CHECKING

from gateway.model import Cue, Message, SentenceIntent, Turn
from gateway.support.courtesy import asks_nothing

if TYPE_CHECKING:
    from gateway.routing.policy import Policy


DETAILS_NEEDED = "details_needed"
"""The code of a route that asks for slots; the detail names them, with commas."""
_WORD = re.compile(r"\w+")
_QUESTION = re.compile(r"[?？؟](?!\S{0,300}[=&])")
"""The mark of a question, and not of a link's query."""


def since_bot_took_over(turn: Turn) -> tuple[Message, ...]:
    """The history since the bot got the conversation: from the start, or back from an agent."""
    history = turn.history
    for at in range(len(history) - 1, -1, -1):
        if history[at].author == "agent" or history[at].purpose == "handover":
            return history[at + 1 :]
    return history


def count_replies(messages: Iterable[Message]) -> int:
    """The number of bot replies; a reply in several parts counts once."""
    return len({m.turn or -m.id for m in messages if m.author == "bot"})


def confident_intent(turn: Turn, policy: Policy) -> str | None:
    """The intent if its confidence reaches ``reasons.low_confidence.below``, else None."""
    intent = turn.understanding.intent
    return intent.name if intent.confidence >= policy.reasons.low_confidence.below else None


def asked_details(message: Message) -> tuple[str, ...]:
    """The slots that the bot asked for before it dealt with the matter: in this message, or after
    this message of the customer. Empty when it did not ask."""
    first = next(iter(message.route.reasons), None) if message.route else None
    return tuple(first.detail.split(", ")) if first and first.code == DETAILS_NEEDED else ()


def word_set(text: str) -> frozenset[str]:
    """The words of a text, without case, order and punctuation."""
    return frozenset(_WORD.findall(text.casefold()))


def running_distress(turn: Turn, memory: float) -> tuple[float, ...]:
    """The running mean of the customer's distress after each of their messages, oldest first."""
    history = (
        m.understanding.emotion.distress
        for m in turn.history
        if m.author == "customer" and m.understanding
    )
    means: list[float] = []
    for distress in (*history, turn.understanding.emotion.distress):
        means.append(memory * means[-1] + (1 - memory) * distress if means else distress)
    return tuple(means)


def quoted_signal(turn: Turn, kind: str) -> str | None:
    """The customer's words for the signal ``kind``, quoted; None without that signal."""
    cues = [cue for cue in turn.understanding.signals if cue.kind == kind]
    return _quoted(cues) if cues else None


def sentence_about(turn: Turn, intents: Container[str], policy: Policy) -> SentenceIntent | None:
    """The first sentence, beside the main matter of the message, that is surely about one of
    ``intents``."""
    least = policy.reasons.sensitive_intent.sentence
    sure = (s for s in turn.understanding.sentences if s.guess.confidence >= least)
    return next((s for s in sure if s.guess.name in intents), None)


def quoted_sentence(turn: Turn, intents: Container[str], policy: Policy) -> str | None:
    """The intent of `sentence_about` and the sentence, quoted; None without one."""
    found = sentence_about(turn, intents, policy)
    if found is None:
        return None
    said = shorten(turn.message.text[found.start : found.end], 140, placeholder="…")
    return f"{intent_words(found.guess.name)}: “{said}”"


def intent_words(intent: str) -> str:
    """An intent's name as words: ``billing_dispute`` is ``billing dispute``."""
    return intent.replace("_", " ").replace("/", " ").strip()


def answered_messages(turn: Turn) -> list[Message]:
    """The customer's messages that the bot had answered before they wrote this one."""
    since = [
        m for m in since_bot_took_over(turn) if m.author == "customer" or m.at <= turn.message.at
    ]
    last = max((i for i, m in enumerate(since) if m.author == "bot"), default=0)
    return [m for m in since[:last] if m.author == "customer" and not asked_details(m)]


def chose_button(turn: Turn) -> bool:
    """Whether the message is a button of the bot's last clarifying question."""
    last = next((m for m in reversed(turn.history) if m.author == "bot"), None)
    if last is None or last.purpose != "clarify":
        return False
    answer = word_set(turn.message.text)
    return any(word_set(button.payload) == answer for button in last.buttons)


def _quoted(cues: Iterable[Cue]) -> str:
    return ", ".join(dict.fromkeys(f"“{cue.text}”" for cue in cues))


def ends_with_thanks(turn: Turn) -> bool:
    """Whether the message is thanks, praise or a goodbye to the person who has the conversation,
    and asks for nothing: whether that person asked something before decides what "ok" means."""
    if turn.kind != "message" or turn.message.attachments or turn.unreadable:
        return False
    asked = False
    for message in reversed(turn.history):
        if message.author == "customer":
            break
        if not message.internal and message.author != "system":
            asked |= _QUESTION.search(message.text) is not None
    owner = turn.conversation.owner
    names = f"{owner.name if owner else ''} {turn.customer.name or ''}"
    return asks_nothing(turn.message.text, asked=asked, names=names)


def after_colon(cues: Iterable[Cue]) -> str:
    """The words of ``cues`` behind a colon; nothing without any."""
    words = _quoted(cues)
    return f": {words}" if words else ""
