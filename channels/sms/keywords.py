"""Opt-out keywords: a message that is exactly STOP, START, HELP or a word of the same meaning.

The English keywords are Twilio's ("Twilio support for opt-out keywords (SMS STOP filtering)"),
which follow CTIA's Messaging Principles, section 5.1.3, and FCC 24-24 of 2024 on revoking consent.
We added those of other languages. A word that may also be about an order (``cancelar``) is left
out in languages where Twilio does not know it either.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Literal

# One language on each line.
STOP = (
    *("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"),
    *("STOPP", "ABMELDEN", "ABBESTELLEN"),
    *("ARRET", "ARRÊT", "DÉSABONNER", "DESABONNER", "DÉSINSCRIRE", "DESINSCRIRE"),
    *("ALTO", "BAJA", "PARAR"),
    *("PARE", "SAIR", "DESCADASTRAR"),
    *("FERMA", "DISISCRIVIMI", "CANCELLAMI"),
    *("AFMELDEN", "UITSCHRIJVEN"),
    *("AVREGISTRERA", "AVSLUTA"),
    *("WYPISZ",),
    *("СТОП", "ОТПИСАТЬСЯ"),
    *("توقف",),
    *("הסר",),
    *("停止", "配信停止"),
    *("退订", "退訂"),
)
START = ("START", "UNSTOP", "YES")
HELP = ("HELP", "INFO")
KeywordMeaning = Literal["out", "in", "help"]


class OptOutKeywords:
    """Recognises a message that opts out, opts in or asks for help."""

    def __init__(self, *, opt_out: Iterable[str] = (), opt_in: Iterable[str] = ()) -> None:
        self._meanings: dict[str, KeywordMeaning] = {_normalize(word): "help" for word in HELP}
        self._meanings |= {_normalize(word): "in" for word in (*START, *opt_in)}
        self._meanings |= {_normalize(word): "out" for word in (*STOP, *opt_out)}

    def meaning(self, text: str) -> KeywordMeaning | None:
        """None for a message about anything else. Case, spaces and punctuation do not count:
        ``stop!`` and ``Stop all`` are keywords, ``stop it`` is not."""
        return self._meanings.get(_normalize(text)) if len(text) < 64 else None


def _normalize(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in plain if char.isalnum() or unicodedata.combining(char))
