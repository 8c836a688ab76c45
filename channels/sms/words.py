"""STOP, START and HELP: a message that is one of these words and nothing else.

The English words are Twilio's ("Twilio support for opt-out keywords (SMS STOP filtering)"); they
are CTIA's Messaging Principles, section 5.1.3, and FCC 24-24 of 2024 on revoking consent. The
others are ours: what people write who want the same. Words that are also a wish about an order
(``cancelar``) are left out in the languages where Twilio does not know them either.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Literal

# One language to a line.
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
Meaning = Literal["out", "in", "help"]


class Words:
    """What a message says about messages themselves."""

    def __init__(self, *, more_out: Iterable[str] = (), more_in: Iterable[str] = ()) -> None:
        self._known: dict[str, Meaning] = {_key(word): "help" for word in HELP}
        self._known |= {_key(word): "in" for word in (*START, *more_in)}
        self._known |= {_key(word): "out" for word in (*STOP, *more_out)}

    def meaning(self, text: str) -> Meaning | None:
        """None for a message that is about anything else. Case, blanks and marks do not count:
        ``stop!`` and ``Stop all`` are such words, ``stop it`` is not."""
        return self._known.get(_key(text)) if len(text) < 64 else None


def _key(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in plain if char.isalnum() or unicodedata.combining(char))
