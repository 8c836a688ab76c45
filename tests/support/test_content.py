"""Places and contact cards as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import contact_text, location_text
from gateway.support.content import read_vcard


def test_a_place_has_a_link_to_a_map() -> None:
    """With its names, if there are any."""
    link = (
        "https://www.openstreetmap.org/?mlat=-23.550500&mlon=-46.633300"
        "#map=17/-23.550500/-46.633300"
    )
    assert location_text(-23.5505, -46.6333) == f"Location: -23.550500, -46.633300 {link}"
    named = location_text(-23.5505, -46.6333, "Praça da Sé", None, " ")
    assert named == f"Location: Praça da Sé (-23.550500, -46.633300) {link}"


ANA = ("Ana Núñez", ("+34 600 111 222", "ana@shop.example"))


V3 = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nN:Núñez;Ana;;;\r\nFN:Ana Núñez\r\n"
    "item1.TEL;waid=34600111222:+34 600 111 222\r\nEMAIL:ana@shop.example\r\nEND:VCARD\r\n"
)
V4 = (
    "BEGIN:VCARD\nVERSION:4.0\nFN;LANGUAGE=es:Ana Nú\n ñez\n"
    'TEL;VALUE=uri;TYPE="voice,home:x":tel:+34 600 111 222\n'
    "EMAIL:ana@shop.example\nEND:VCARD"
)
V2 = (
    "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:N=C3=BA=C3=B1e=\n"
    "z;Ana\nTEL;CELL:+34 600 111 222\nEMAIL;INTERNET:ana@shop.example\nEND:VCARD\n"
)
COMPANY = "BEGIN:VCARD\nORG:Loom\\, Ltd;Weaving\nTEL:1\nEND:VCARD\n"
TWO = "BEGIN:VCARD\nFN:山田太郎\nEND:VCARD\nBEGIN:VCARD\nFN:Bo\nTEL:2\nTEL:2\nEND:VCARD"


@pytest.mark.parametrize(
    ("card", "contacts"),
    [
        (V3, (ANA,)),
        (V4, (ANA,)),
        (V2, (("Ana Núñez", ANA[1]),)),
        (COMPANY, (("Loom, Ltd, Weaving", ("1",)),)),
        (TWO, (("山田太郎", ()), ("Bo", ("2",)))),
        ("BEGIN:VCARD\nEND:VCARD\n", ()),
        ("", ()),
        ("\x00\xff", ()),
    ],
)
def test_contact_cards_are_read(card: str, contacts: tuple[object, ...]) -> None:
    """Of every version, as phones write them."""
    assert read_vcard(card.encode()) == contacts


def test_a_contact_is_one_line() -> None:
    """Without a name, its number."""
    assert contact_text(*ANA) == "Contact: Ana Núñez, +34 600 111 222, ana@shop.example"
    assert contact_text("", ("1",)) == "Contact: 1"


@given(
    st.binary(max_size=300)
    | st.text(alphabet='BEGIN:VCARD\nFTLEND;=\\"a', max_size=200).map(str.encode)
)
def test_no_file_stops_a_message(data: bytes) -> None:
    """Whatever it holds."""
    read_vcard(data)
