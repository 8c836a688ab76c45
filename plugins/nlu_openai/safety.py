"""Which messages are not sent to the model: those that try to instruct it."""

from __future__ import annotations

import re
import unicodedata

_INJECTIONS = (
    r"(ignore|disregard|forget|override|bypass)\W+(\w+\W+){0,4}(instruction|rule|prompt|guideline)",
    r"(system|developer|hidden|initial)\W*(prompt|message|instruction)",
    r"(reveal|print|repeat|show)\W+(\w+\W+){0,4}(prompt|instructions)",
    r"you are (now|no longer)\b",
    r"\b(jailbreak|dan mode|developer mode)\b",
    r"<\|?\W{0,8}(im_start|im_end|system|assistant|endoftext)",
    r"\[/?(inst|system)\]",
    r"^[^\w\n]*(system|assistant)\s*:",
    r"(ignorier|vergiss|missacht)\w*\W+(\w+\W+){0,4}(anweisung|regel|vorgabe)",
    r"(ignore[rz]?|oublie[rz]?)\W+(\w+\W+){0,4}(instruction|consigne|regle)",
    r"(ignora|olvida)\w*\W+(\w+\W+){0,4}(instruccion|regla|istruzion)",
)
_INJECTION = re.compile("|".join(_INJECTIONS), re.MULTILINE)
_INVISIBLE = ("Cf", "Cc", "Co", "Mn")


def instructs_model(text: str) -> bool:
    """Whether ``text`` tries to instruct a model, invisible characters and accents aside.

    No list of patterns is complete and nothing depends on this one: an intent counts only within a
    closed set, a sentence only as far as its source says it. It saves calls and tokens.
    """
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", text)
        if char in "\n\t" or unicodedata.category(char) not in _INVISIBLE
    )
    return _INJECTION.search(plain.casefold()) is not None
