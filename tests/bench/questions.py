"""The questions that the benchmark's customers ask the demo shop."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

THINGS = ("saddle bag", "handlebar roll", "pannier", "frame bag", "pair of panniers", "rain cover")
PLACES = ("Cork", "Galway", "Lyon", "Bremen", "Bilbao", "Utrecht", "Malmo", "Porto", "Ghent")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

TOPICS: tuple[tuple[str, ...], ...] = (
    (
        "How long does it take until a {thing} arrives in {place}?",
        "If I order a {thing} on {day}, when will it be here?",
    ),
    (
        "What does delivery of a {thing} to {place} cost?",
        "How much do you charge for postage to {place}?",
    ),
    (
        "Can I send a {thing} back if it does not fit my bike?",
        "How do I return a {thing} that I bought on {day}?",
    ),
    (
        "Which ways to pay do you take for a {thing}?",
        "Can I pay for my {thing} by card or with PayPal?",
    ),
    (
        "Until what time are you open on {day}?",
        "Is the shop open on {day} afternoon?",
    ),
    (
        "How long is the warranty on a {thing}?",
        "Is there a guarantee on the {thing}, and for how many years?",
    ),
    (
        "Do you have gift cards that my friend in {place} can use?",
        "Can I buy a gift card worth a {thing}?",
    ),
    (
        "Which size of {thing} do I need for a small frame?",
        "How big is the {thing}, in litres?",
    ),
    (
        "How do I wash a {thing} after a week of rain?",
        "What is the {thing} made of, and how do I care for it?",
    ),
    (
        "Where exactly is your shop, I come by train from {place} on {day}?",
        "What is the address of the workshop? I am in {place} on {day}.",
    ),
    (
        "Can you mend the buckle of an old {thing}?",
        "Do you repair a {thing} that is ten years old?",
    ),
    (
        "Is the {thing} in stock in green?",
        "When will the {thing} be available again?",
    ),
    (
        "Do you ship a {thing} to a friend in {place}, outside Ireland?",
        "I live in {place}, can I order a {thing} from abroad?",
    ),
)


def questions(count: int) -> list[str]:
    """``count`` different questions; any three in a row are about different topics."""
    return list(islice(_all(), count))


def _all() -> Iterator[str]:
    number = 0
    while True:
        for topic in TOPICS:
            number += 1
            yield topic[number % len(topic)].format(
                thing=THINGS[number % len(THINGS)],
                place=PLACES[number % len(PLACES)],
                day=DAYS[number % len(DAYS)],
            )
