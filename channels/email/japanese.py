"""ISO-2022-JP as mail programs write it, which Python's codec only reads in part.

Windows calls it cp50220 and adds NEC's and IBM's characters (①, ㈱, 髙) and half-width katakana;
mail labels both ``ISO-2022-JP``. The Encoding Standard
(https://encoding.spec.whatwg.org/#iso-2022-jp-decoder) reads them by the same table as Shift_JIS.
"""

from __future__ import annotations

import re

LABELS = frozenset({"iso-2022-jp", "csiso2022jp", "cp50220", "cp50221", "cp50222", "iso-2022-jp-ms",
                    "x-iso-2022-jp", "iso2022-jp", "iso-2022jp"})  # fmt: skip

_DESIGNATION = re.compile(rb"\x1b(\([BJIH]|\$[@B]|\$\([@BD]|&@)")
_TWO_BYTES = {b"$@", b"$B", b"$(@", b"$(B"}


def is_iso_2022_jp(data: bytes) -> bool:
    """Whether ``data`` changes to Japanese characters by an escape sequence (RFC 1468)."""
    return b"\x1b$" in data and bool(_DESIGNATION.search(data)) and data.isascii()


def decode_iso_2022_jp(data: bytes) -> str:
    """``data`` as text; what no table holds becomes U+FFFD. Each line begins in ASCII."""
    return "\n".join(_decode_line(line) for line in data.split(b"\n"))


def _decode_line(line: bytes) -> str:
    text, charset = [], b"(B"
    pieces = _DESIGNATION.split(line)
    for index, piece in enumerate(pieces):
        if index % 2:
            charset = piece
        elif piece:
            text.append(_decode_piece(piece, charset))
    return "".join(text)


def _decode_piece(piece: bytes, charset: bytes) -> str:
    if charset in _TWO_BYTES:
        return "".join(_kanji(piece[at : at + 2]) for at in range(0, len(piece), 2))
    if charset == b"$(D":  # JIS X 0212, which only EUC-JP has
        pairs = (piece[at : at + 2] for at in range(0, len(piece), 2))
        return "".join(
            (b"\x8f" + bytes(byte | 0x80 for byte in pair)).decode("euc_jp", "replace")
            for pair in pairs
        )
    if charset == b"(I":
        return bytes(byte | 0x80 for byte in piece).decode("cp932", "replace")
    # SO and SI switch to half-width katakana and back (cp50222).
    runs = re.split(rb"([\x0e\x0f])", piece)
    text, shifted = "", False
    for run in runs:
        if run in (b"\x0e", b"\x0f"):
            shifted = run == b"\x0e"
        elif shifted:
            text += bytes(byte | 0x80 for byte in run).decode("cp932", "replace")
        else:
            text += run.decode("ascii", "replace")
    return text


def _kanji(pair: bytes) -> str:
    """One character of JIS X 0208 or its extensions: row and cell as in Shift_JIS."""
    if len(pair) < 2 or pair[0] in b"\r\n\t ":
        return pair.decode("ascii", "replace")
    row, cell = pair[0] - 0x21, pair[1] - 0x21
    if not (0 <= row < 94 and 0 <= cell < 94):
        return "\ufffd"
    lead = 0x81 + row // 2
    lead += 0x40 if lead > 0x9F else 0
    trail = (0x9F if row % 2 else 0x40) + cell
    trail += 1 if not row % 2 and trail >= 0x7F else 0
    return bytes((lead, trail)).decode("cp932", "replace")
