"""Parts of a mail: boundaries, file names, charsets, S/MIME, uuencode."""

from __future__ import annotations

import binascii
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from channels.email import parse
from channels.email.charsets import decode
from gateway import Fact

FROM = b"From: ines@post.example\r\nMIME-Version: 1.0\r\n"


def multipart(content_type: bytes, boundary: bytes) -> bytes:
    part = b"Content-Type: text/plain; charset=utf-8\r\n\r\nThe lamp is broken.\r\n"
    return (
        FROM + b"Content-Type: " + content_type + b"\r\n\r\n--" + boundary + b"\r\n" + part
        + b"--" + boundary + b"--\r\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        (b'multipart/mixed; boundary="----=_Part_1\r\n _2"', b"----=_Part_1_2"),
        (b'multipart/mixed; boundary="----=_Part_1\r\n _2"', b"----=_Part_1 _2"),
        (b'multipart/mixed;\r\n\tboundary=\r\n "one two"', b"one two"),
        (b'multipart/mixed;\r\nboundary="one"', b"one"),
        (b"multipart/mixed", b"one"),
        (b'multipart/mixed; boundary="other"', b"one"),
        (b'multipart/mixed; boundary="Gr\xc3\xb6\xc3\x9fe"', "Größe".encode()),
    ],
)
def test_parts_are_found_whatever_became_of_the_boundary(
    content_type: bytes, boundary: bytes
) -> None:
    """A boundary that was folded, lost its fold, or is missing."""
    assert parse(multipart(content_type, boundary)).text == "The lamp is broken."


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b'attachment; filename="Rechnung.pdf"', "Rechnung.pdf"),
        ('attachment; filename="Größe.pdf"'.encode(), "Größe.pdf"),
        ('attachment; filename="Größe.pdf"'.encode("latin-1"), "Größe.pdf"),
        ('attachment; filename="Größe.pdf"'.encode() + b"\r\n", "Größe.pdf"),
        (b"attachment; filename*=utf-8''Gr%C3%B6%C3%9Fe.pdf", "Größe.pdf"),
        (b"attachment; filename*=utf-8'de'Gr%C3%B6%C3%9Fe.pdf", "Größe.pdf"),
        (b"attachment; filename*=iso-8859-1''Gr%F6%DFe.pdf", "Größe.pdf"),
        (b"attachment; filename*=unknown-8bit''Gr%C3%B6%C3%9Fe.pdf", "Größe.pdf"),
        (b"attachment; filename*=iso-2022-jp''%1B%24B%40A5a%3Dq%1B%28B.pdf", "請求書.pdf"),
        (b"attachment;\r\n filename*0*=utf-8''Gr%C3%B6;\r\n filename*1*=%C3%9Fe.pdf", "Größe.pdf"),
        (b'attachment;\r\n filename*0="Rech";\r\n filename*1="nung.pdf"', "Rechnung.pdf"),
        (b'attachment; filename="=?utf-8?Q?Gr=C3=B6=C3=9Fe.pdf?="', "Größe.pdf"),
        (b'attachment; filename="=?utf-8?B?R3LDtsOf?=\r\n =?utf-8?B?ZS5wZGY=?="', "Größe.pdf"),
        (b"attachment; filename=\x1b$B@A5a=q\x1b(B.pdf", "請求書.pdf"),
        (b"attachment; filename=My lamp.pdf", "My lamp.pdf"),
        (b'attachment; filename="../../etc/lamps\\wd.pdf"', "wd.pdf"),
    ],
)
def test_file_names_are_read_in_every_encoding(disposition: bytes, name: str) -> None:
    """Raw 8-bit, RFC 2231 with and without continuations, encoded words; never a path."""
    raw = FROM + b"Content-Type: application/pdf\r\nContent-Disposition: " + disposition.rstrip()
    mail = parse(raw + b"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERg==\r\n")
    assert [file.name for file in mail.files] == [name]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\x1b$B-!\x1b(B \x1b$B-j\x1b(B", "① ㈱"),
        (b"\x1b$B|b66\x1b(B", "髙橋"),
        (b"\x1b(I1D\x1b(B\x1b$B$G$9\x1b(B", "ｱﾄです"),
        (b"\x1b$B$G$9\x1b(B \x0e1D\x0f!", "です ｱﾄ!"),
        (b"\x1b$(D0!\x1b(B", "丂"),
        (b"\x1b$@$G$9\x1b(J", "です"),
        (b"\x1b$B$G$9\r\nok", "です\r\nok"),
    ],
)
@pytest.mark.parametrize("label", ["iso-2022-jp", "cp50220", "CP50221", "utf-8", None])
def test_japanese_mail_of_windows_is_read(data: bytes, text: str, label: str | None) -> None:
    """ISO-2022-JP with NEC's and IBM's characters and half-width katakana, whatever the label."""
    if b"\x1b$" in data:
        assert decode(data, label) == text


def certificate() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ines Roth")])
    at = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(at)
        .not_valid_after(at + datetime.timedelta(days=900))
        .sign(key, hashes.SHA256())
    )
    return key, certificate


@pytest.mark.parametrize(
    "kind", [b"application/pkcs7-mime; smime-type=signed-data; name=smime.p7m",
             b"application/x-pkcs7-mime", b'application/octet-stream; name="smime.p7m"']
)  # fmt: skip
def test_an_opaque_signature_hides_no_words(kind: bytes) -> None:
    """S/MIME SignedData is signed, not encrypted: its words are read, and the agent is told."""
    key, own = certificate()
    inner = b"Content-Type: text/plain; charset=utf-8\r\n\r\nDie Lampe ist kaputt.\r\n"
    signed = (
        pkcs7.PKCS7SignatureBuilder()
        .set_data(inner)
        .add_signer(own, key, hashes.SHA256())
        .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
    )
    head = FROM + b"Content-Type: " + kind + b"\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    mail = parse(head + binascii.b2a_base64(signed))
    assert (mail.text, mail.unreadable) == ("Die Lampe ist kaputt.", None)
    assert Fact(name="signed", value="S/MIME, not verified") in mail.facts


@pytest.mark.parametrize("data", [b"", b"0\x80", b"not DER at all", b"0\x03\x02\x01\x01"])
def test_sealed_content_that_is_not_signed_is_encrypted(data: bytes) -> None:
    """What cannot be opened goes to a person."""
    head = (
        FROM + b"Content-Type: application/pkcs7-mime\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    )
    assert parse(head + binascii.b2a_base64(data)).unreadable == "it is encrypted"


def test_pgp_in_the_text_is_encrypted() -> None:
    """Inline PGP has no MIME type of its own."""
    body = b"-----BEGIN PGP MESSAGE-----\r\n\r\nhQEMA\r\n-----END PGP MESSAGE-----\r\n"
    assert parse(FROM + b"\r\n" + body).unreadable == "it is encrypted"


def test_uuencoded_files_are_files() -> None:
    """The text has the words alone, and the file is kept with its bytes."""
    data = bytes(range(200))
    lines = b"".join(binascii.b2a_uu(data[at : at + 45]) for at in range(0, len(data), 45))
    body = (
        b"Here is the photo.\r\n\r\nbegin 644 ../lamp.jpg\n" + lines + b"`\nend\n\r\nThank you\r\n"
    )
    mail = parse(FROM + b"\r\n" + body)
    assert mail.text.split() == ["Here", "is", "the", "photo.", "Thank", "you"]
    assert [(file.name, file.data) for file in mail.files] == [("lamp.jpg", data)]


def test_words_that_begin_like_uuencode_stay() -> None:
    """A sentence that begins with "begin" is no file."""
    body = b"I would\r\nbegin 100 percent anew.\r\nBut how?\r\n"
    assert "begin 100 percent anew." in parse(FROM + b"\r\n" + body).text
