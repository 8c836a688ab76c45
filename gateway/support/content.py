"""What customers send besides words, as a person reads it: places and contact cards. Pure."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterable, Iterator

VCARD_TYPES = ("text/vcard", "text/x-vcard", "text/directory")
"""RFC 6350, section 10.1, and the types in use before it."""
MAX_CONTACTS = 20
"""Contacts of one file that are read; MAX_VALUES telephone numbers and addresses of each."""
MAX_VALUES = 6
_FOLD = re.compile(r"\r?\n[ \t]")
_SOFT_BREAK = re.compile(r"=\r?\n")
_ESCAPE = re.compile(r"\\(.)")
Contact = tuple[str, tuple[str, ...]]
"""A name, and the telephone numbers and mail addresses."""


def location_text(latitude: float, longitude: float, *labels: str | None) -> str:
    """A place as text: its name and address, its coordinates (degrees, WGS 84) and a link to a
    map."""
    at = f"{latitude:.6f}, {longitude:.6f}"
    name = ", ".join(label.strip() for label in labels if label and label.strip())
    where = f"{latitude:.6f}/{longitude:.6f}"
    link = f"https://www.openstreetmap.org/?mlat={latitude:.6f}&mlon={longitude:.6f}#map=17/{where}"
    return f"Location: {name} ({at}) {link}" if name else f"Location: {at} {link}"


def contact_text(name: str, values: Iterable[str]) -> str:
    """A contact as text: ``Contact: Ana Núñez, +34600111222``."""
    return "Contact: " + ", ".join(filter(None, (name, *values)))


def read_vcard(data: bytes) -> tuple[Contact, ...]:
    """The contacts in a vCard file of version 2.1, 3.0 or 4.0 (RFC 6350); none when there is no
    name and no number in it. Never raises."""
    text = data[:1_000_000].decode("utf-8", "replace").removeprefix("\ufeff")
    if "QUOTED-PRINTABLE" in text.upper():
        text = _SOFT_BREAK.sub("", text)  # version 2.1 folds such values so
    contacts: list[Contact] = []
    name, formatted, values = "", "", list[str]()
    for key, value in _properties(_FOLD.sub("", text)):
        if key == "BEGIN":
            name, formatted, values = "", "", []
        elif key == "FN":
            formatted = formatted or value
        elif key == "N" or (key == "ORG" and not formatted):
            name = name or value
        elif key in ("TEL", "EMAIL") and value not in values:
            values.append(value)
        elif key == "END" and (formatted or name or values) and len(contacts) < MAX_CONTACTS:
            contacts.append((formatted or name, tuple(values[:MAX_VALUES])))
    return tuple(contacts)


def _properties(text: str) -> Iterator[tuple[str, str]]:
    """The name, without its group, and the value of each property."""
    for line in text.splitlines():
        head, colon, value = _split(line)
        if not colon:
            continue
        parts = head.upper().split(";")
        key = parts[0].rpartition(".")[2].strip()
        if "ENCODING=QUOTED-PRINTABLE" in parts or "QUOTED-PRINTABLE" in parts:
            value = quopri.decodestring(value.encode()).decode("utf-8", "replace")
        yield key, _readable(key, value)


def _split(line: str) -> tuple[str, str, str]:
    """Parameters and value; a colon between quotation marks belongs to a parameter."""
    quoted = False
    for index, char in enumerate(line):
        if char == '"':
            quoted = not quoted
        elif char == ":" and not quoted:
            return line[:index], char, line[index + 1 :]
    return line, "", ""


def _readable(key: str, value: str) -> str:
    if key == "N":  # family name; given name; additional names; prefixes; suffixes
        family, given, middle, *_ = (*_components(value), "", "", "")
        return " ".join(filter(None, (given, middle, family)))
    if key == "ORG":
        return ", ".join(filter(None, _components(value)))
    value = re.sub(r"^(?:tel|mailto):", "", value.strip(), flags=re.IGNORECASE)
    return " ".join(_ESCAPE.sub(lambda found: " " if found[1] in "nN" else found[1], value).split())


def _components(value: str) -> list[str]:
    parts = re.split(r"(?<!\\);", value)
    return [" ".join(_ESCAPE.sub(r"\1", part).split()) for part in parts]
