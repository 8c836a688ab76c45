"""Texts with the introductions of mail programs, and what the customer wrote in them.

``TUNING`` was looked at while `channels.email.reply` was written. ``HELD_OUT``, every second text
of a language, was written before it, and only the number of failures was seen in between.
``LATER`` was written when it was done, and measured once before anything was changed for it.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from gateway import Value

WRITTEN = {
    "en": ("It has not come yet.\n\nCan you look where it is?", "We have packed your brass lamp."),
    "de": ("Sie ist noch nicht da.\n\nWo bleibt sie denn?", "Wir haben Ihre Lampe verpackt."),
    "fr": ("Elle n'est pas arrivée.\n\nOù est-elle ?", "Nous avons emballé votre lampe."),
    "es": ("Todavía no ha llegado.\n\n¿Dónde está?", "Hemos empaquetado su lámpara."),
    "it": ("Non è ancora arrivata.\n\nDov'è adesso?", "Abbiamo imballato la sua lampada."),
    "nl": ("Hij is er nog niet.\n\nWaar blijft hij?", "We hebben uw lamp ingepakt."),
    "sv": ("Den har inte kommit än.\n\nVar är den?", "Vi har packat din lampa."),
    "da": ("Den er ikke kommet endnu.\n\nHvor er den?", "Vi har pakket din lampe."),
    "pl": ("Jeszcze nie doszła.\n\nGdzie ona jest?", "Zapakowaliśmy Pani lampę."),
    "pt": ("Ainda não chegou.\n\nOnde está?", "Embalámos o seu candeeiro."),
}
"""Language: what the customer wrote, and what they answer to."""


class IntroText(Value, frozen=True, kw_only=True):
    """One mail text. ``written`` are the customer's words in it, ``quoted`` ours."""

    name: str
    text: str
    written: str
    quoted: str


def _read(file: str) -> dict[str, list[IntroText]]:
    source = (Path(__file__).parent / file).read_text("utf-8")
    texts: dict[str, list[IntroText]] = defaultdict(list)
    for block in source.split("\n@ ")[1:]:
        head, _, intro = block.partition("\n")
        language, client, marking = head.split()
        written, quoted = WRITTEN[language]
        lines = [quoted, "", "Lantern & Loom"]
        if marking == "marked":
            lines = [f"> {line}".rstrip() for line in lines]
        text = "\n".join([written, "", intro.rstrip("\n"), "", *lines, ""])
        name = f"{language}/{client}"
        texts[language].append(IntroText(name=name, text=text, written=written, quoted=quoted))
    return texts


_TEXTS = _read("intro_lines.txt")
TUNING = tuple(text for texts in _TEXTS.values() for text in texts[::2])
HELD_OUT = tuple(text for texts in _TEXTS.values() for text in texts[1::2])
LATER = tuple(text for texts in _read("intro_lines_later.txt").values() for text in texts)
