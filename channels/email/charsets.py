"""Lenient decoding of charsets, as mail labels and mislabels them.

ISO-2022-JP has a decoder of its own: Windows (which calls it cp50220) adds NEC's and IBM's
characters (①, ㈱, 髙) and half-width katakana, and Python's codec has neither. Browsers read them
by the same table as Shift_JIS (https://encoding.spec.whatwg.org/#iso-2022-jp-decoder).
"""

from __future__ import annotations

import codecs
import re

# Latin-1 and ASCII are read as windows-1252, East Asian charsets as their supersets, as the
# Encoding Standard (https://encoding.spec.whatwg.org/#names-and-labels) requires of browsers.
_SUPERSETS = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874",
    "tis-620": "cp874", "gb2312": "gb18030", "gbk": "gb18030", "euc_kr": "cp949",
    "shift_jis": "cp932", "big5": "big5hkscs",
}  # fmt: skip
# Charset labels in mail that Python does not know.
_ALIASES = {
    "ks_c_5601-1987": "cp949", "x-sjis": "cp932", "x-gbk": "gb18030", "x-euc-jp": "euc_jp",
    "iso-8859-8-i": "iso8859-8", "iso-8859-8-e": "iso8859-8", "windows-874": "cp874",
    "x-mac-roman": "mac_roman", "unicode-1-1-utf-7": "utf_7", "unicode-1-1-utf-8": "utf_8",
    "cp50220": "iso2022_jp", "cp50221": "iso2022_jp", "cp50222": "iso2022_jp",
    "iso-2022-jp-ms": "iso2022_jp", "ansi_x3.110-1983": "cp1252",
    "8bit": "utf_8", "cp-850": "cp850", "x-unknown": "utf_8",
}  # fmt: skip
# Codecs that are no charsets of mail; idna and punycode even take quadratic time.
_REFUSED = {"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "charmap"}
_STATEFUL = ("iso2022", "hz", "utf-7", "utf-16", "utf-32")
_JAPANESE = frozenset({"iso-2022-jp", "csiso2022jp", "cp50220", "cp50221", "cp50222",
                       "iso-2022-jp-ms", "x-iso-2022-jp", "iso2022-jp", "iso-2022jp"})  # fmt: skip

_DESIGNATION = re.compile(rb"\x1b(\([BJIH]|\$[@B]|\$\([@BD]|&@)")
_TWO_BYTES = {b"$@", b"$B", b"$(@", b"$(B"}


def decode(data: bytes, charset: str | None) -> str:
    """``data`` as text, whatever ``charset`` claims; undecodable bytes become U+FFFD.

    Valid UTF-8 wins over a single-byte label, because text in another encoding is hardly ever
    valid UTF-8 by accident. Windows-1252 wins over a wrong UTF-8 label.
    """
    if _is_iso_2022_jp(data) and not _is_other_iso_2022(charset):
        return _decode_iso_2022_jp(data)
    name = _codec(charset)
    if name.startswith(_STATEFUL):
        return drop_surrogates(data.decode(name, "replace"))
    for codec in [name, "utf-8"] if _is_multibyte(name) else ["utf-8", name]:
        try:
            return drop_surrogates(data.decode(codec))
        except UnicodeError:
            continue
    if name == "utf-8":
        text = data.decode("utf-8", "replace")
        non_ascii = sum(1 for char in text if char > "\x7f")
        mostly_valid = text.count("\ufffd") * 4 <= non_ascii
        return text if mostly_valid else data.decode("cp1252", "replace")
    return drop_surrogates(data.decode(name, "replace"))


def drop_surrogates(text: str) -> str:
    """``text`` without lone surrogates, which some codecs produce and no database stores."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _label(charset: str | None) -> str:
    """A charset as labelled, without the language that RFC 2231 section 5 allows after it."""
    return (charset or "utf-8").strip().strip("\"'").partition("*")[0].lower()[:40]


def _codec(charset: str | None) -> str:
    label = _label(charset)
    try:
        name = codecs.lookup(_ALIASES.get(label, label)).name
        b"".decode(name)
    except (LookupError, ValueError, UnicodeError):
        return "utf-8"
    return "utf-8" if name in _REFUSED else _SUPERSETS.get(name, name)


def _is_other_iso_2022(charset: str | None) -> bool:
    """Whether ``charset`` names a sibling with escape sequences of its own (Chinese, Korean)."""
    label = _label(charset)
    return label.startswith("iso-2022") and label not in _JAPANESE and "jp" not in label


def _is_multibyte(name: str) -> bool:
    """Whether ``name`` is a multi-byte encoding: text that decodes strictly is then genuine."""
    return name.startswith(("gb", "big5", "euc", "shift", "cp932", "cp949", "johab", "utf"))


# -- ISO-2022-JP -----------------------------------------------------------------------------------


def _is_iso_2022_jp(data: bytes) -> bool:
    """Whether ``data`` changes to Japanese characters by an escape sequence (RFC 1468)."""
    return b"\x1b$" in data and bool(_DESIGNATION.search(data)) and data.isascii()


def _decode_iso_2022_jp(data: bytes) -> str:
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
