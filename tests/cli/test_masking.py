"""Personal data and secrets are masked in the logs."""

from __future__ import annotations

import json
import logging
import time

import pytest
import structlog

from gateway.cli.common import configure_logging
from gateway.cli.log_masking import MaskedFormatter, mask
from gateway.cli.main import main

SECRETS = {
    "ana.lima+shop@mail.example.org": "[address]",
    "email:ana@example.org": "[address]",
    "+49 151 2345-6789": "[number]",
    "sms:+4915123456789": "[number]",
    "0049 30 1234567": "[number]",
    "4111 1111 1111 1111": "[card]",
    "5500005555555559": "[card]",
    "xoxb-1234567890-abcdefghij": "[token]",
    "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw": "[token]",
    "Authorization: Bearer abc.def-ghi": "[secret]",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl": "[token]",
    "https://user:hunter22@host/path": "[secret]",
    "?token=s3cr3tvalue&x=1": "[secret]",
    "password='correct horse'": "[secret]",
}


@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_in_texts_are_masked(secret: str) -> None:
    """Addresses, numbers, cards, tokens and passwords, anywhere in a text."""
    masked = mask(f"it failed for {secret} just now")
    assert SECRETS[secret] in masked
    assert secret not in masked
    for part in ("ana", "2345", "4111", "1234567890", "AAHdq", "abc.def", "hunter22", "s3cr3t",
                 "c2lnbm", "correct"):  # fmt: skip
        assert part not in masked


@pytest.mark.parametrize("text", [
    "turn 12345 of conversation 77 took 0.123 s", "2026-03-02T10:00:00.123456Z",
    "channel sms, status 30007", "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9",
    "1234567890123456", "127.0.0.1:8080", 'File "/srv/gateway/app.py", line 12, in start',
])  # fmt: skip
def test_ids_times_and_paths_stay(text: str) -> None:
    """They are no secrets, and help to find an error."""
    assert mask(text) == text


@pytest.mark.parametrize("hostile", [
    "a" * 50_000, "a@" * 25_000, "1 " * 25_000, "+1-" * 17_000, "eyJ" + "a." * 25_000,
    "://" + "a:" * 25_000, "password=" * 5_000, "a.b" * 16_000 + "@", "bearer " * 7_000,
], ids=lambda text: text[:9])  # fmt: skip
def test_no_text_makes_masking_slow(hostile: str) -> None:
    """Every pattern is bounded."""
    began = time.process_time()
    mask(hostile)
    assert time.process_time() - began < 1.0


def test_secrets_in_events_are_masked(capsys: pytest.CaptureFixture[str]) -> None:
    """In every field, at any depth, and in the traceback, in both styles."""
    for style in ("json", "text"):
        configure_logging(style)
        log = structlog.get_logger()
        try:
            int("no mail for ana@example.org")
        except ValueError:
            log.exception("x.failed", who=["+4915123456789"], deep={"a": {"b": "ben@example.org"}})
    logged = capsys.readouterr().err
    assert "ValueError" in logged
    assert "@example.org" not in logged
    assert "15123456789" not in logged
    line = json.loads(logged.splitlines()[0])
    assert line["who"] == ["[number]"]
    assert line["deep"] == {"a": {"b": "[address]"}}


def test_no_command_logs_the_variables_of_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """Also one that configures nothing by itself: they hold customers' words and secrets."""
    structlog.reset_defaults()
    with pytest.raises(SystemExit):
        main(["--version"])
    words = "what a customer wrote"[::-1]
    try:
        int(len(words) * "x")
    except ValueError:
        structlog.get_logger().exception("x.failed")
    shown = "".join(capsys.readouterr())
    assert "ValueError" in shown
    assert words not in shown


def test_secrets_in_the_logs_of_libraries_are_masked() -> None:
    """The whole record is masked."""
    record = logging.LogRecord(
        "aiohttp", logging.ERROR, "f", 1, "to %s", ("ana@example.org",), None
    )
    assert MaskedFormatter("%(name)s: %(message)s").format(record) == "aiohttp: to [address]"
