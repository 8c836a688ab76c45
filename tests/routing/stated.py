"""A shop with an order number, answers that need it, and an engine that knows a few words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from gateway import Cue, Emotion, Guess, Insight, Language, Settings, Turn, Understander, hookimpl
from gateway.testing import FakeChannel, FakeClock, RunningGateway, running
from plugins import escalation, faq
from tests.routing.dialogue import MONDAY

CHANNELS = ("webchat", "email", "sms", "telegram")
SLOTS: dict[str, Any] = {
    "order": {
        "pattern": r"[A-Z]-\d{4}",
        "titles": {"en": "order number", "de": "Bestellnummer", "fr": "numéro de commande"},
        "ask": {"en": "What is your order number?", "de": "Wie lautet Ihre Bestellnummer?"},
    }
}
ANSWERS = """\
answers:
  tracking:
    needs: order
    say:
      en: {body: [Parcels take two days., "I looked for order {order}."]}
      de: {body: [Pakete brauchen zwei Tage., "Ich habe nach Bestellung {order} gesehen."]}
      fr: {body: [Un colis prend deux jours., "J'ai regardé la commande {order}."]}
  billing_dispute:
    needs: [order]
    say: {en: {body: We are looking at the charge.}}
  refund:
    say:
      en:
        body: Refunds take a week.
        next_step: Send us your order number.
        next_step_known: We have your order {order}.
  delivery:
    say:
      en: {body: Two days.}
      de: {body: Zwei Tage.}
  gift_card:
    say:
      en: {body: Gift cards never expire., buttons: [{title: Buy one}]}
"""
TITLES = {
    "tracking": {"en": "Where is my parcel?", "de": "Wo ist mein Paket?"},
    "billing_dispute": {"en": "A wrong charge", "de": "Eine falsche Abbuchung"},
    "refund": {"en": "My refund", "de": "Meine Erstattung", "fr": "Mon remboursement"},
}
WORDS = {
    "parcel": "tracking", "paket": "tracking", "colis": "tracking", "paquete": "tracking",
    "charged": "billing_dispute", "abgebucht": "billing_dispute",
    "refund": "refund", "remboursement": "refund", "delivery": "delivery", "lieferung": "delivery",
    "gift": "gift_card", "gutschein": "gift_card", "thanks": "thanks", "offer": "oos",
}  # fmt: skip
LANGUAGES = {"paket": "de", "abgebucht": "de", "lieferung": "de", "gutschein": "de", "ja": "de",
             "verbrannt": "de", "anwalt": "de",
             "colis": "fr", "remboursement": "fr", "paquete": "es", "pacco": "it"}  # fmt: skip
MOODS = {"furious": "angry", "worried": "anxious", "urgent": "urgent", "annoyed": "frustrated"}
SIGNALS = {"human": "asked_for_person", "burnt": "harm", "verbrannt": "harm", "lawyer": "legal",
           "anwalt": "legal", "pacco": "none"}  # fmt: skip


GUESSES = {"hallo?": "it", "und?": "en"}
"""Messages too short to be sure of their language, and what the engine takes it for."""


class Words:
    """Understands single words, and registers itself."""

    name, priority = "words", 1

    async def understand(self, turns: Sequence[Turn]) -> list[Insight]:
        return [insight(turn.message.text.casefold()) for turn in turns]

    @hookimpl
    def register_understanders(
        self, register: Callable[[Understander], None], settings: Settings
    ) -> None:
        register(self)


def insight(text: str) -> Insight:
    intent = next((intent for word, intent in WORDS.items() if word in text), None)
    code = next((code for word, code in LANGUAGES.items() if word in text.split()), None)
    mood: Any = next((mood for word, mood in MOODS.items() if word in text), "calm")
    strength = 0.0 if mood == "calm" else 0.9
    signals = [
        Cue(kind=kind, text=word, start=text.index(word), end=text.index(word) + len(word))
        for word, kind in SIGNALS.items()
        if word in text
    ]
    und = not code and not intent and not signals
    guessed = Language(code=GUESSES[text], confidence=0.4) if text in GUESSES else Language()
    return Insight(
        language=guessed if und else Language(code=code or "en", confidence=0.99),
        ranking=(Guess(name=intent, confidence=0.9),)
        if intent
        else (Guess(name="refund", confidence=0.2), Guess(name="delivery", confidence=0.1)),
        emotion=Emotion(label=mood, intensity=strength, distress=strength),
        signals=tuple(signals),
    )


@asynccontextmanager
async def stating_shop(
    tmp_path: Path,
    *more: Any,
    at: datetime = MONDAY,
    policy: dict[str, Any] | None = None,
    slots: dict[str, Any] | None = None,
) -> AsyncIterator[RunningGateway]:
    """The shop on several channels, with a clock that stands still."""
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy or {}), "utf-8")
    (tmp_path / "answers.yaml").write_text(ANSWERS, "utf-8")
    config = {
        "policy": str(tmp_path / "policy.yaml"),
        "slots": SLOTS if slots is None else slots,
        "plugins": {
            "faq": {"answers": str(tmp_path / "answers.yaml")},
            "escalation": {"titles": TITLES},
        },
    }
    channels = [FakeChannel(name) for name in CHANNELS]
    installed = (escalation, faq, Words(), *channels, *more)
    async with running(*installed, config=config, tmp_path=tmp_path, clock=FakeClock(at)) as gw:
        yield gw
