"""The summary on the context card: what is wanted, what was tried, the mood. Pure."""

from __future__ import annotations

from gateway.model import Card, Message

LONG = 160
"""Characters of the customer's words that are quoted."""


def summarise(card: Card) -> tuple[str, ...]:
    """A few sentences for the person who takes over, in the order they are needed."""
    customer = [m for m in card.messages if m.author == "customer" and m.text.strip()]
    bot = [m for m in card.messages if m.author == "bot"]
    lines = (_wanted(customer, card.conversation.intent), _tried(bot))
    return (*(line for line in lines if line), *always(card))


def always(card: Card) -> tuple[str, ...]:
    """What belongs to any summary, whoever wrote the rest: the mood, and contacts before."""
    customer = [m for m in card.messages if m.author == "customer" and m.text.strip()]
    return tuple(line for line in (_mood(customer), _contacts(card)) if line)


def _wanted(said: list[Message], intent: str | None) -> str:
    """The customer's own words: those that told what it is about, else the first that say much."""
    if not said:
        return ""
    told = [m for m in said if m.understanding and m.understanding.intent.name == intent]
    opening = told[-1] if told else max(said[:3], key=lambda m: min(len(m.text), LONG))
    about = f"About {intent.replace('_', ' ')}: " if intent and told else "Wrote: "
    return f"{about}“{_short(opening.text)}”"


def _tried(said: list[Message]) -> str:
    answers = [m for m in said if m.purpose == "answer"]
    asked = [m for m in said if m.purpose == "clarify"]
    parts = []
    if answers:
        last = answers[-1]
        parts.append(
            f"the bot answered {_times(len(answers))}, last by {last.handler or 'a handler'}: "
            f"“{_short(last.text)}”"
        )
    if asked:
        parts.append(
            "it asked back once" if len(asked) == 1 else f"it asked back {len(asked)} times"
        )
    if not parts:
        return "The bot has not tried to answer."
    told = "; ".join(parts)
    return f"{told[0].upper()}{told[1:]}."


def _mood(said: list[Message]) -> str:
    moods = [m.understanding.emotion.label for m in said if m.understanding]
    if not moods:
        return ""
    path = [mood for i, mood in enumerate(moods) if i == 0 or mood != moods[i - 1]]
    if len(path) == 1:
        return f"Sounded {path[0]} throughout." if len(moods) > 1 else f"Sounds {path[0]}."
    return f"Mood went from {' to '.join(path[-4:])}."


def _contacts(card: Card) -> str:
    same = [e for e in card.earlier if e.intent and e.intent == card.conversation.intent]
    if same:
        return f"Wrote about the same thing {_times(len(same))} before."
    if card.earlier:
        return f"Has written to us {_times(len(card.earlier))} before, about other things."
    return ""


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONG else flat[: LONG - 1].rstrip() + "…"
