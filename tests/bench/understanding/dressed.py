"""Messages as they are: with order numbers, links, names, addresses and emoji between the words."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from gateway.ops.evaluation import Row

NAMES = (
    *("Sarah Thompson", "Jürgen Schäfer", "Amélie Lefèvre", "José Hernández", "Giulia Bianchi"),
    *("João Pereira", "Sanne de Vries", "Łukasz Wójcik", "Åsa Lindström", "Ayşe Yılmaz"),
    *("Ahmed Hassan", "Yuki Tanaka"),
)
DRESS: tuple[Callable[[random.Random], str], ...] = (
    lambda dice: f"#{dice.choice('ABMZ')}-{dice.randrange(10_000, 99_999)}",
    lambda dice: f"https://shop.example/track?id={dice.randrange(10_000)}",
    lambda dice: dice.choice("😀🙏😡📦❤🎉"),
    lambda dice: dice.choice(NAMES),
    lambda dice: f"mail{dice.randrange(100)}@example.org",
)


def dressed(rows: Sequence[Row], seed: int = 0) -> list[Row]:
    """Each row with two of: an order number, a link, an emoji, a person's name of any of the
    languages, a mail address; each between two of its words, or at an end."""
    dice = random.Random(seed)  # noqa: S311  (the same for everybody)
    found = []
    for text, label in rows:
        words = text.split()
        for dress in dice.sample(DRESS, 2):
            words.insert(dice.randint(0, len(words)), dress(dice))
        found.append((" ".join(words), label))
    return found
