"""Messages that speak to a machine and not to us: the model does not get to read them.

No list of these is ever whole, and nothing rests on it: what a model answers is only taken within
a closed set, and its sentences only as far as they stand in a source. It saves calls and tokens.
"""

from __future__ import annotations

import re
import unicodedata

_PATTERNS = (
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
_WILES = re.compile("|".join(_PATTERNS), re.MULTILINE)
_INVISIBLE = ("Cf", "Cc", "Co")


def tampers(text: str) -> bool:
    """Whether ``text`` tries to instruct a model, invisible characters and accents aside."""
    plain = "".join(
        char
        for char in unicodedata.normalize("NFKD", text)
        if char in "\n\t" or unicodedata.category(char) not in (*_INVISIBLE, "Mn")
    )
    return _WILES.search(plain.casefold()) is not None
