"""Mail addresses as agents type them."""

from __future__ import annotations

from email.utils import getaddresses

from plugins.agents_desk.guard import InvalidForm

LONGEST = 2_000
"""Characters of a field with several addresses."""


def parse_copies(text: str) -> tuple[str, ...]:
    """The addresses in ``text``, each once: separated by commas, semicolons or spaces, with or
    without names. Raises InvalidForm that names what is none; the channel checks the rest."""
    listed = text[:LONGEST].replace(";", ",").replace("\n", ",").strip(" ,")
    if not listed:
        return ()
    if "," not in listed and "<" not in listed:
        listed = ",".join(listed.split())
    found = dict.fromkeys(address for _, address in getaddresses([listed]))
    for address in found:
        if "@" not in address:
            raise InvalidForm(f"This is not a list of mail addresses: {text.strip()[:120]}")
    return tuple(found)
