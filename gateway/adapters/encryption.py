"""Encryption at rest: what customers and colleagues wrote, sealed with a key from the environment.

AES-256-GCM: authenticated, and five times as fast at sealing as Fernet, two to three times at
opening (``python -m tests.bench.encryption``). Each text is bound to its place (table, column, and
the lane or conversation it belongs to) as associated data, so that nobody who can write to the
database can move words from one customer's conversation to another's. It is not the row's id: that
is known only after the row is stored, and would cost a second statement each time.
Nonces are random, 96 bits: one key is good for 2^32 texts
(NIST SP 800-38D, 8.3).

A sealed text begins with a record separator and says by which key it can be opened; what does not
begin so is plain. Without keys texts are stored as they are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.ports import WarmlineError

MARK = "\x1e"
PLAIN, SEALED = f"{MARK}p", f"{MARK}1"
"""Before a plain text that happens to begin with the mark; before a sealed one."""
FILE = b"\x1eWARMLINE\x1e"
NAME, NONCE, SIZE = 8, 12, 32


class BadKey(WarmlineError):
    """A data key is missing, or is none."""


class DataKeys:
    """The data keys: the first one seals, all of them open."""

    def __init__(self, keys: Sequence[bytes] = ()) -> None:
        self._ciphers = {name_of(key): AESGCM(key) for key in keys}
        self.first: str | None = next(iter(self._ciphers), None)
        """The name of the key that seals; None: nothing is sealed."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the keys; a name gives nothing of its key away."""
        return tuple(self._ciphers)

    def seal(self, text: str, place: str) -> str:
        if self.first is None:
            return text if not text.startswith(MARK) else PLAIN + text
        sealed = self._seal(text.encode("utf-8", "surrogatepass"), place, self.first)
        return f"{SEALED}{self.first}{base64.b64encode(sealed).decode()}"

    def open(self, text: str, place: str) -> str:
        """Raises BadKey when the key is not there, or the text is of another place."""
        if not text.startswith(MARK):
            return text
        if text.startswith(SEALED):
            start = len(SEALED) + NAME
            name = text[len(SEALED) : start]
            try:
                sealed = base64.b64decode(text[start:], validate=True)
            except binascii.Error:
                raise BadKey(f"a sealed text of {place.partition(':')[0]} is damaged") from None
            return self._open(sealed, place, name).decode("utf-8", "surrogatepass")
        return text.removeprefix(PLAIN)

    def seal_bytes(self, data: bytes, place: str) -> bytes:
        if self.first is None:
            return data if not data.startswith(FILE) else FILE + b"p" * (NAME + 1) + data
        return FILE + b"1" + self.first.encode() + self._seal(data, place, self.first)

    def open_bytes(self, data: bytes, place: str) -> bytes:
        """Raises BadKey."""
        if not data.startswith(FILE):
            return data
        start = len(FILE) + 1 + NAME
        if data[len(FILE) : len(FILE) + 1] == b"p":
            return data[start:]
        return self._open(data[start:], place, data[len(FILE) + 1 : start].decode("ascii"))

    def current(self, text: str) -> bool:
        """Whether ``text`` is as it would be stored now: sealed with the first key, or plain."""
        if self.first is None:
            return not text.startswith(SEALED)
        return text.startswith(f"{SEALED}{self.first}")

    def current_bytes(self, data: bytes) -> bool:
        if self.first is None:
            return not data.startswith(FILE + b"1")
        return data.startswith(FILE + b"1" + self.first.encode())

    def _seal(self, data: bytes, place: str, name: str) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._ciphers[name].encrypt(nonce, data, place.encode())

    def _open(self, sealed: bytes, place: str, name: str) -> bytes:
        cipher = self._ciphers.get(name)
        if cipher is None:
            raise BadKey(missing((name,)))
        try:
            return cipher.decrypt(sealed[:NONCE], sealed[NONCE:], place.encode())
        except (InvalidTag, ValueError):
            what = f"something sealed of {place.partition(':')[0]} was changed or moved"
            raise BadKey(f"{what}; restore it from a backup") from None


def missing(names: Sequence[str]) -> str:
    """What to say when data are sealed with keys that are not there."""
    keys = ", ".join(names)
    return (
        f"data are sealed with the key {keys}, which WARMLINE_DATA_KEY does not hold; add it there"
    )


def name_of(key: bytes) -> str:
    """Eight hex digits that stand for ``key``: of a digest made for this alone."""
    return hashlib.sha256(b"warmline data key" + key).hexdigest()[:NAME]


def read_keys(text: str) -> DataKeys:
    """Keys in base64, separated by commas or blanks: the first one seals. Raises BadKey, which
    quotes nothing of them."""
    keys: list[bytes] = []
    for number, one in enumerate(text.replace(",", " ").split(), start=1):
        try:
            key = base64.b64decode(one.replace("-", "+").replace("_", "/"), validate=True)
        except binascii.Error:
            key = b""
        if len(key) != SIZE:
            what = f"key {number} in WARMLINE_DATA_KEY is not {SIZE} bytes in base64"
            raise BadKey(f"{what}; make one with `warmline keys new`")
        keys.append(key)
    return DataKeys(keys)


def new_key() -> str:
    return base64.b64encode(os.urandom(SIZE)).decode()
