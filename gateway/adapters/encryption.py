"""Encryption at rest: texts and files are encrypted with a key from the environment.

AES-256-GCM: authenticated, five times as fast as Fernet at encryption and two to three times as
fast at decryption (``python -m tests.bench.encryption``). Each text is bound to its place (table,
column, and lane or conversation) as associated data: somebody who can write to the database cannot
move a text to another customer's conversation. The place does not hold the row's id, which is
known only after the insert and would cost a second statement each time.
Nonces are random, 96 bits: one key is good for 2^32 texts (NIST SP 800-38D, 8.3).

An encrypted text begins with a record separator and the name of its key. A text that does not begin
with a record separator is plain. Without keys, texts are stored as they are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections import Counter
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.ports import WarmlineError

MARK = "\x1e"
PLAIN, SEALED, DAMAGED = f"{MARK}p", f"{MARK}1", f"{MARK}?"
"""Prefixes: of a plain text that happens to begin with the mark; of an encrypted text; of stored
bytes that are no text, as the database returns them."""
FILE = b"\x1eWARMLINE\x1e"
NAME, NONCE, SIZE = 8, 12, 32


class BadKey(WarmlineError):
    """A data key is missing or not valid."""


class DataKeys:
    """The data keys. The first one encrypts; each one decrypts what it encrypted."""

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        self._ciphers = {key_name(key): AESGCM(key) for key in keys}
        self.unreadable: Counter[str] = Counter()
        """How often a stored value could not be read, by table and column."""
        self.first: str | None = next(iter(self._ciphers), None)
        """The name of the key that encrypts; None: nothing is encrypted."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the keys. A name does not reveal its key."""
        return tuple(self._ciphers)

    def count_unreadable(self, column: str) -> None:
        """A stored value of ``column`` (TABLE.COLUMN) could not be read."""
        self.unreadable[column] += 1

    def seal(self, text: str, place: str) -> str:
        """``text`` encrypted and bound to ``place``; unchanged when there are no keys."""
        if self.first is None:
            return text if not text.startswith(MARK) else PLAIN + text
        encrypted = self._encrypt(text.encode("utf-8", "surrogatepass"), place, self.first)
        return f"{SEALED}{self.first}{base64.b64encode(encrypted).decode()}"

    def open(self, text: str, place: str) -> str:
        """The plain text. Raises BadKey when the key is missing, or when the text is damaged or
        belongs to another place."""
        if not text.startswith(MARK):
            return text
        if text.startswith(SEALED):
            start = len(SEALED) + NAME
            name = text[len(SEALED) : start]
            try:
                encrypted = base64.b64decode(text[start:], validate=True)
            except ValueError:
                what = f"an encrypted text of {_table(place)} is damaged"
                raise BadKey(f"{what}; restore it from a backup") from None
            return self._decrypt(encrypted, place, name).decode("utf-8", "surrogatepass")
        if text.startswith(DAMAGED):
            raise BadKey(f"a text of {_table(place)} is damaged; restore it from a backup")
        return text.removeprefix(PLAIN)

    def seal_bytes(self, data: bytes, place: str) -> bytes:
        """As `seal`, for the bytes of a file."""
        if self.first is None:
            return data if not data.startswith(FILE) else FILE + b"p" * (NAME + 1) + data
        return FILE + b"1" + self.first.encode() + self._encrypt(data, place, self.first)

    def open_bytes(self, data: bytes, place: str) -> bytes:
        """As `open`, for the bytes of a file. Raises BadKey."""
        if not data.startswith(FILE):
            return data
        start = len(FILE) + 1 + NAME
        if data[len(FILE) : len(FILE) + 1] == b"p":
            return data[start:]
        name = data[len(FILE) + 1 : start].decode("ascii", "replace")
        return self._decrypt(data[start:], place, name)

    def is_current(self, text: str) -> bool:
        """Whether ``text`` is as it would be stored now: encrypted with the first key, or plain
        when there are no keys."""
        if self.first is None:
            return not text.startswith(SEALED)
        return text.startswith(f"{SEALED}{self.first}")

    def is_current_bytes(self, data: bytes) -> bool:
        """As `is_current`, for the bytes of a file."""
        if self.first is None:
            return not data.startswith(FILE + b"1")
        return data.startswith(FILE + b"1" + self.first.encode())

    def _encrypt(self, data: bytes, place: str, name: str) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._ciphers[name].encrypt(nonce, data, place.encode())

    def _decrypt(self, encrypted: bytes, place: str, name: str) -> bytes:
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise missing_keys((name,))
        try:
            return cipher.decrypt(encrypted[:NONCE], encrypted[NONCE:], place.encode())
        except (InvalidTag, ValueError):
            what = f"an encrypted value of {_table(place)} was changed or moved"
            raise BadKey(f"{what}; restore it from a backup") from None


def _table(place: str) -> str:
    return place.partition(":")[0]


def missing_keys(names: Sequence[str]) -> BadKey:
    """The error for data whose keys ``names`` are missing."""
    keys = ", ".join(names)
    what = f"data are encrypted with the key {keys}, which WARMLINE_DATA_KEY does not hold"
    return BadKey(f"{what}; add it there")


def key_name(key: bytes) -> str:
    """The name of ``key``: eight hex digits of a digest that is used for nothing else."""
    return hashlib.sha256(b"warmline data key" + key).hexdigest()[:NAME]


def read_keys(text: str) -> DataKeys:
    """Parse keys in base64, separated by commas or blanks; the first one encrypts.

    Raises BadKey, whose message quotes nothing of the keys.
    """
    keys: list[bytes] = []
    for number, part in enumerate(text.replace(",", " ").split(), start=1):
        try:
            key = base64.b64decode(part.replace("-", "+").replace("_", "/"), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != SIZE:
            what = f"key {number} in WARMLINE_DATA_KEY is not {SIZE} bytes in base64"
            raise BadKey(f"{what}; make one with `warmline keys new`")
        keys.append(key)
    return DataKeys(keys)


def new_key() -> str:
    """A new random key in base64."""
    return base64.b64encode(os.urandom(SIZE)).decode()
