"""The files of a new shop: `templates`, filled in with the answers."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from urllib.parse import urlsplit

import jinja2
from argon2 import PasswordHasher

from gateway import DAYS, Value
from plugins.start.opening_hours import DAY_NAMES, in_words
from plugins.start.speech import CLOSINGS, FORMAL, SiteSpeech

FILES = ("warmline.yaml", "policy.yaml", "guide.yaml", "answers.yaml", "nlu.yml", "embed.html")
SERVED = ("en", "de", "fr", "es", "ar")
"""The languages that the built-in policy serves."""


class FirstUser(Value, frozen=True, kw_only=True):
    """The first user of the desk."""

    name: str
    password_hash: str

    @classmethod
    def with_password(cls, name: str, password: str) -> FirstUser:
        return cls(name=name, password_hash=PasswordHasher().hash(password))


class NewShop(Value, frozen=True, kw_only=True):
    """What the questions found out."""

    name: str = ""
    """The company's; empty: nobody told it, and the bot states none."""
    site: str = ""
    private: bool = False
    languages: tuple[str, ...] = ("en",)
    """ISO 639-1, the first is the main one."""
    forms: Mapping[str, str] = {}
    """The form of address, by language."""
    friendly: bool = False
    """Whether customers are addressed as friends are."""
    week: Mapping[str, Sequence[str]] = {}
    """When people answer; empty: nobody told it, and the bot states no hours."""
    speech: Mapping[str, SiteSpeech] = {}
    """How the site speaks, by language."""
    timezone: str = "UTC"
    port: int = 8080
    user: FirstUser | None = None


def files_of(shop: NewShop) -> dict[str, str]:
    """The text of each file, by name."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  (YAML; what goes into HTML is escaped below)
    )
    environment.filters["q"] = lambda text: json.dumps(text, ensure_ascii=False)
    values = _values(shop)
    texts = files(__package__) / "templates"
    filled = {
        name: environment.from_string((texts / name).read_text("utf-8")).render(values)
        for name in FILES
    }
    return {**filled, ".gitignore": "# What the server keeps: conversations, keys, models.\nvar/\n"}


def _values(shop: NewShop) -> dict[str, object]:
    written = [code for code in shop.languages if code in DAY_NAMES] or ["en"]
    parts = urlsplit(shop.site)
    origin = f"{parts.scheme}://{parts.netloc}" if shop.site else ""
    return {
        "shop": shop,
        "title": html.escape(shop.name or "Your chat"),
        "name": shop.name or "Your shop",
        "written": written,
        "fallback": written[0],
        "origin": origin,
        "week": {day: list(shop.week.get(day, ())) for day in DAYS},
        "hours": {code: in_words(shop.week, code) for code in written if shop.week},
        "closings": _closings(shop),
        "informal": [
            code
            for code in shop.languages
            if (code in shop.forms and shop.forms[code] != FORMAL[code])
            or (code not in shop.forms and code in HELLO and shop.friendly)
        ],
        "texts": TEXTS,
        "assistant": {
            code: (says if shop.name else NAMELESS[code]).replace("{name}", shop.name)
            for code, says in ASSISTANT.items()
        },
        "hello": HELLO,
    }


def _closings(shop: NewShop) -> dict[str, str]:
    found: dict[str, str] = {}
    for code in shop.languages:
        if code in CLOSINGS:
            said = shop.speech[code].closing if code in shop.speech else ""
            found[code] = said or (FRIENDLY_CLOSINGS if shop.friendly else FORMAL_CLOSINGS)[code]
    return found


ASSISTANT: Mapping[str, str] = {
    "en": "The automated assistant of {name}",
    "de": "Der automatische Assistent von {name}",
    "fr": "L'assistant automatique de {name}",
    "es": "El asistente automático de {name}",
}
"""Who signs letters: it must say that a machine wrote them."""
NAMELESS: Mapping[str, str] = {
    "en": "The automated assistant",
    "de": "Der automatische Assistent",
    "fr": "L'assistant automatique",
    "es": "El asistente automático",
}
"""The same for a company whose name nobody told."""

FORMAL_CLOSINGS = {code: closings[0] for code, closings in CLOSINGS.items()}
FRIENDLY_CLOSINGS = {"en": "Best wishes", "de": "Viele Grüße", "fr": "À bientôt", "es": "Saludos"}

HELLO: Mapping[str, Mapping[str, str]] = {
    "en": {
        "named": "Hi {name}, this is the automated assistant.",
        "plain": "Hi, this is the automated assistant.",
    },
    "de": {
        "named": "Hallo {name}, hier ist der automatische Assistent.",
        "plain": "Hallo, hier ist der automatische Assistent.",
    },
    "fr": {
        "named": "Salut {name}, ici l'assistant automatique.",
        "plain": "Salut, ici l'assistant automatique.",
    },
    "es": {
        "named": "Hola {name}, soy el asistente automático.",
        "plain": "Hola, soy el asistente automático.",
    },
}
"""The first words in a chat where customers are addressed informally."""

TEXTS: Mapping[str, Mapping[str, str | Sequence[str]]] = {
    "en": {
        "answer": "People answer here: {hours}.",
        "questions": (
            "When are you open?",
            "What are your opening hours?",
            "Are you open on Saturday?",
            "Until what time can I reach you?",
            "When does somebody answer?",
            "opening times please",
        ),
    },
    "de": {
        "answer": "Hier antworten Menschen: {hours}.",
        "questions": (
            "Wann habt ihr geöffnet?",
            "Wie sind Ihre Öffnungszeiten?",
            "Haben Sie am Samstag offen?",
            "Bis wann kann ich Sie erreichen?",
            "Wann antwortet jemand?",
            "Öffnungszeiten bitte",
        ),
    },
    "fr": {
        "answer": "Des personnes répondent ici : {hours}.",
        "questions": (
            "Quand êtes-vous ouverts ?",
            "Quels sont vos horaires d'ouverture ?",
            "Êtes-vous ouverts le samedi ?",
            "Jusqu'à quelle heure puis-je vous joindre ?",
            "Quand est-ce que quelqu'un répond ?",
            "horaires svp",
        ),
    },
    "es": {
        "answer": "Aquí responden personas: {hours}.",
        "questions": (
            "¿Cuándo abren?",
            "¿Cuál es su horario de apertura?",
            "¿Abren los sábados?",
            "¿Hasta qué hora puedo contactarles?",
            "¿Cuándo responde alguien?",
            "horario por favor",
        ),
    },
    "it": {
        "answer": "Qui rispondono persone: {hours}.",
        "questions": (
            "Quando siete aperti?",
            "Quali sono i vostri orari di apertura?",
            "Siete aperti il sabato?",
            "Fino a che ora posso contattarvi?",
            "Quando risponde qualcuno?",
            "orari per favore",
        ),
    },
    "pt": {
        "answer": "Aqui respondem pessoas: {hours}.",
        "questions": (
            "Quando estão abertos?",
            "Qual é o horário de funcionamento?",
            "Abrem ao sábado?",
            "Até que horas posso falar convosco?",
            "Quando é que alguém responde?",
            "horário por favor",
        ),
    },
    "nl": {
        "answer": "Hier antwoorden mensen: {hours}.",
        "questions": (
            "Wanneer zijn jullie open?",
            "Wat zijn jullie openingstijden?",
            "Zijn jullie zaterdag open?",
            "Tot hoe laat kan ik jullie bereiken?",
            "Wanneer antwoordt er iemand?",
            "openingstijden graag",
        ),
    },
}
"""The first answer and its examples, by language."""
