"""Texts and ids of providers, as every database stores them."""

from __future__ import annotations

import pytest

from gateway.pipeline.validation import LONGEST_ID, storable, storable_id


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("SM123", "SM123"),
        (4711, "4711"),
        ("5001:77", "5001:77"),
        ("", None),
        (None, None),
        (True, None),
        (2**70, None),
        (["SM1"], None),
        ({"sid": "SM1"}, None),
        (b"SM1", None),
        ("a\x00b", None),
        ("so \ud83d", None),
        ("x" * (LONGEST_ID + 1), None),
        ("ж" * (LONGEST_ID // 2 + 1), None),
    ],
)
def test_an_id_is_kept_unchanged_or_not_at_all(given: object, kept: str | None) -> None:
    """Whatever its type. Its length counts in bytes."""
    assert storable_id(given) == kept


def test_a_text_keeps_all_but_what_no_database_stores() -> None:
    """NUL and lone surrogates are replaced; a pair of surrogates is one character."""
    assert (
        storable("a\x00b \ud83d \ud83e\uddf6 é")
        == "a\N{REPLACEMENT CHARACTER}b \N{REPLACEMENT CHARACTER} 🧶 é"
    )
