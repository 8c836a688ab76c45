"""A shop small enough to train an engine in a minute: its examples, answers and settings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

EXAMPLES = {
    "opening_hours": [
        "When do you open?", "what time do you close", "are you open on sunday",
        "opening hours please", "until when is the shop open today", "do you open on holidays",
        "Wann habt ihr geöffnet?", "wie sind die Öffnungszeiten", "habt ihr am Sonntag offen",
        "bis wann ist der Laden auf",
    ],
    "refund": [
        "I want my money back", "how do I get a refund", "please refund my order",
        "when will my refund arrive", "can I get reimbursed", "give me back what I paid",
        "Ich möchte mein Geld zurück", "wann kommt meine Rückerstattung",
        "bitte erstatten Sie den Betrag",
    ],
    "delivery_time": [
        "how long does delivery take", "when will my parcel arrive", "delivery time?",
        "how many days until it gets here", "how fast do you ship", "shipping time to [Cork](town)",
        "Wie lange dauert der Versand", "wann kommt mein Paket an", "wie schnell liefert ihr",
    ],
    "ask_person": [
        "I want to talk to a person", "can I speak with someone", "a human please",
        "connect me to an agent", "ich möchte mit einem Menschen sprechen",
    ],
    "oos": [
        "what is the capital of France", "write me a poem about cats", "who won the football",
        "solve this equation for me", "wie wird das Wetter morgen",
    ],
}  # fmt: skip

ANSWERS: dict[str, Any] = {
    "opening_hours": {
        "facts": {"open": "9:00", "close": "17:30"},
        "say": {
            "en": {
                "body": "We are open from {open} to {close}, Monday to Friday.",
                "buttons": [{"title": "Delivery", "payload": "how long does delivery take"}],
            },
            "de": {"body": "Wir haben von {open} bis {close} geöffnet, montags bis freitags."},
        },
    },
    "delivery_time": {
        "facts": {"days": "3"},
        "links": [{"title": "Delivery", "url": "https://shop.example/delivery"}],
        "say": {
            "en": {"body": ["Delivery takes {days} working days."]},
            "de": {"body": ["Die Lieferung dauert {days} Werktage."]},
        },
    },
}


def write_shop(folder: Path) -> dict[str, Any]:
    """Write the shop's files into ``folder``. Returns settings that name them, with the embedded
    engine on and the FAQ off."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [
        {"intent": intent, "examples": "".join(f"- {line}\n" for line in lines)}
        for intent, lines in EXAMPLES.items()
    ]
    _write(folder / "nlu.yml", {"version": "3.1", "nlu": entries})
    _write(folder / "answers.yaml", {"answers": ANSWERS})
    return {
        "plugins": {
            "nlu_local": {"knowledge": str(folder / "nlu.yml"), "languages": ["en", "de"]},
        }
    }


def _write(file: Path, tree: Any) -> None:
    file.write_text(yaml.safe_dump(tree, allow_unicode=True, sort_keys=False), "utf-8")
