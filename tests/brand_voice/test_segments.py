"""SMS: the alphabet, the length, and where a text is cut into segments."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brand_voice.segments import (
    BASIC,
    EXTENSION,
    count,
    encoding,
    segments,
    transliterate,
    units,
)

from .builders import no_deadline

FOX = "The quick brown fox jumps over the lazy dog. "


@pytest.mark.parametrize(
    ("text", "alphabet", "length", "number"),
    [
        ("", "GSM-7", 0, 0),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        ("a" * 158 + "€", "GSM-7", 160, 1),
        ("a" * 159 + "€", "GSM-7", 161, 2),
        ("{" * 80, "GSM-7", 160, 1),
        ("{" * 81, "GSM-7", 162, 2),
        ("a" * 152 + "[" + "a" * 152, "GSM-7", 306, 3),  # the bracket is not cut in two
        ("a" * 151 + "[" + "a" * 153, "GSM-7", 306, 2),
        ("é" * 160, "GSM-7", 160, 1),
        ("ê" * 70, "UCS-2", 70, 1),
        ("ê" * 71, "UCS-2", 71, 2),
        ("ê" * 134, "UCS-2", 134, 2),
        ("ê" * 135, "UCS-2", 135, 3),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("😀" * 66, "UCS-2", 132, 2),
        ("😀" * 67, "UCS-2", 134, 3),  # 33 pairs per segment: a pair is not cut in two
        ("я" * 66 + "😀" + "я" * 66, "UCS-2", 134, 3),
        ("`", "UCS-2", 1, 1),
        ("ç", "UCS-2", 1, 1),
        ("Ç", "GSM-7", 1, 1),
    ],
)
def test_known_lengths(text: str, alphabet: str, length: int, number: int) -> None:
    """Lengths and segments are those of TS 23.038 and TS 23.040."""
    assert (encoding(text), units(text), count(text)) == (alphabet, length, number)


def test_an_extension_character_is_not_cut() -> None:
    """At a border it moves to the next segment with its escape, and costs a third segment."""
    text = (FOX * 4)[:152] + "[" + (FOX * 4)[:152]
    assert segments(text) == (text[:152], text[152:304], text[304:])


def test_the_alphabet_is_that_of_the_standard() -> None:
    """127 characters and the escape fill 128 places; ten more are in the extension table."""
    assert len(BASIC) == len(set(BASIC)) == 127
    assert len(EXTENSION) == len(set(EXTENSION)) == 10
    assert not set(BASIC) & set(EXTENSION)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("“Don’t” – she said…", '"Don\'t" - she said...'),
        ("«\u00a0Merci\u00a0»", '"Merci"'),
        ("the parcel—if late—comes", "the parcel - if late - comes"),
        ("12,90\u00a0€", "12,90 €"),
        ("cafe\u0301", "café"),
        ("zero\u200bwidth", "zerowidth"),
        ("• one", "- one"),
    ],
)
def test_typography_becomes_plain(typed: str, sent: str) -> None:
    """Quotes, dashes, dots and spaces have plain equivalents."""
    assert transliterate(typed) == sent
    assert encoding(sent) == "GSM-7"


@pytest.mark.parametrize("name", ["François", "Zoë", "Łukasz", "Ağca", "Jürgen", "Søren", "œuvre"])
def test_letters_never_change(name: str) -> None:
    """Even if GSM-7 does not have them."""
    assert transliterate(name) == name


@no_deadline
@given(st.text(alphabet=st.sampled_from("ab€[😀яê \n") | st.characters(), max_size=400))
def test_segments_joined_are_the_text(text: str) -> None:
    """No segment is too long, and `count` gives their number."""
    cut = segments(text)
    alphabet = encoding(text)
    room = {"GSM-7": (160, 153), "UCS-2": (70, 67)}[alphabet][len(cut) > 1]
    assert "".join(cut) == text
    assert all(0 < units(each, alphabet) <= room for each in cut)
    assert count(text) == len(cut)
