"""Patterns for personal data."""

from __future__ import annotations

import re
from time import perf_counter

import pytest

from gateway import CARD_NUMBER, EMAIL, IBAN, INTERNATIONAL_PHONE, PHONE, luhn


@pytest.mark.parametrize(("pattern", "value"), [
    (EMAIL, "ana.lopez+shop@mail.example"), (EMAIL, "o'neil@mail.co.example"),
    (EMAIL, "ana@münchen.example"),
    (IBAN, "DE89 3704 0044 0532 0130 00"), (IBAN, "DE89370400440532013000"),
    (CARD_NUMBER, "4111 1111 1111 1111"), (CARD_NUMBER, "4111-1111-1111-1111"),
    (PHONE, "+353 1 555 0199"), (PHONE, "0176/1234567"),
    (INTERNATIONAL_PHONE, "+49 30 1234567"), (INTERNATIONAL_PHONE, "00353 1 555 0199"),
])  # fmt: skip
def test_a_value_is_found_whole(pattern: str, value: str) -> None:
    """In the middle of a sentence, without what stands around it."""
    assert [found[0] for found in re.finditer(pattern, f"It is {value}, I said.")] == [value]


@pytest.mark.parametrize(("pattern", "text"), [
    (EMAIL, "meet me @ noon"), (IBAN, "2 bags at €49.90"), (CARD_NUMBER, "order 10422"),
    (PHONE, "open 9:00 to 17:30, 3-5 days"), (INTERNATIONAL_PHONE, "0176 1234567"),
])  # fmt: skip
def test_other_text_is_not_found(pattern: str, text: str) -> None:
    """Small numbers are what a question is about."""
    assert re.search(pattern, text) is None


@pytest.mark.parametrize("text", ["a" * 50_000, "a." * 25_000 + "@", "1 " * 25_000, "+1" * 25_000,
                                  "a@" + "a." * 25_000, "AA11" * 12_000])  # fmt: skip
def test_no_text_makes_matching_slow(text: str) -> None:
    """50,000 characters without a match take much less than a second."""
    begun = perf_counter()
    for pattern in (EMAIL, IBAN, CARD_NUMBER, PHONE, INTERNATIONAL_PHONE):
        re.findall(pattern, text)
    assert perf_counter() - begun < 2.0


def test_the_check_digit_tells_a_card_from_a_number() -> None:
    """ISO/IEC 7812-1, annex B."""
    assert luhn("4111111111111111")
    assert not luhn("4111111111111112")
