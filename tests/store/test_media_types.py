"""The media type of a file, checked against its content."""

from __future__ import annotations

import pytest

from gateway.adapters.files import safe_media_type

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
ZIP = b"PK\x03\x04" + b"\0" * 40
EXE = b"MZ" + b"\0" * 200
PDF = b"%PDF-1.7\n"
OCTETS = "application/octet-stream"


@pytest.mark.parametrize(("said", "data", "kept"), [
    ("image/png", PNG, "image/png"),
    ("image/jpeg", PNG, "image/jpeg"),
    ("application/pdf", PDF, "application/pdf"),
    ("text/plain", b"hello", "text/plain"),
    ("text/html", b"<html>", "text/html"),
    ("image/png", b"whatever a test calls a picture", "image/png"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ZIP,
     "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    (OCTETS, PNG, OCTETS),
])  # fmt: skip
def test_a_plausible_media_type_is_kept(said: str, data: bytes, kept: str) -> None:
    """It fits the content, or the content tells nothing."""
    assert safe_media_type(said, data) == kept


@pytest.mark.parametrize(("said", "data", "kept"), [
    ("image/png", b"<!DOCTYPE html><script>alert(1)</script>", OCTETS),
    ("image/gif", b"\xef\xbb\xbf \n<svg onload=alert(1)>", OCTETS),
    ("application/pdf", b"<html>", OCTETS),
    ("image/png", EXE, "application/x-msdownload"),
    ("image/png", ZIP, "application/zip"),
    ("text/plain", PDF, "application/pdf"),
])  # fmt: skip
def test_a_disguised_file_gets_its_real_media_type(said: str, data: bytes, kept: str) -> None:
    """A page, a program or an archive that claims to be something else."""
    assert safe_media_type(said, data) == kept
