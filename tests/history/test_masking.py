"""Masked imports name nobody, and still tell people apart."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import Address, Fact, ImportedConversation, ImportedMessage
from gateway.testing import RunningGateway
from plugins.history.importing.masking import mask
from tests.history.kit import ANSWERED, ASKED, MONDAY, SCOPE, cases, import_mails, mail, mbox

SECRET = "s" * 64
TEXT = (
    "Dear Ben, I am Anna HOLT (anna@mail.example, cc eve@mail.example). Order 4711-0815 did not "
    "reach 12 Linden Street. Call +49 30 1234567. It cost 49 euros and anna waits."
)


def masked(text: str, secret: str = SECRET, address: str = "anna@mail.example") -> str:
    made = mask(talk(text, address), secret)
    return made.messages[0].text


def talk(text: str, address: str = "anna@mail.example") -> ImportedConversation:
    message = ImportedMessage(
        key="<1@mail.example>",
        author="customer",
        text=text,
        at=MONDAY,
        facts=(Fact(name="left out", value="Anna Holt.pdf"),),
    )
    answer = ImportedMessage(
        key="<2@x>", author="agent", text="Hi Anna", at=MONDAY, name="Ben Lind"
    )
    return ImportedConversation(
        address=Address(channel="email", value=address),
        name="Anna Holt",
        subject="Anna's lamp",
        messages=(message, answer),
        related=("<0@mail.example>",),
        labels=("anna",),
    )


def test_nothing_that_names_people_is_left() -> None:
    """In no field: names however written, addresses, streets, numbers, files, keys, tags."""
    made = str(mask(talk(TEXT), SECRET)).casefold()
    for personal in ("anna", "holt", "ben", "lind ", "mail.example", "4711", "1234567", "linden"):
        assert personal not in made, personal
    assert "it cost 49 euros" in made


def test_half_a_double_name_is_a_name() -> None:
    """Lars-Peter is Lars, too."""
    double = talk("Lars here").replace(name="Lars-Peter Holt")
    assert "Lars" not in mask(double, SECRET).messages[0].text


def test_placeholders_are_stable_and_cannot_be_turned_back() -> None:
    """The same person is the same throughout an import, and another one in the next."""
    first, again = masked("I am Anna"), masked("I am Anna")
    assert first == again
    assert first != masked("I am Anna", "other")
    assert masked("anna@mail.example") == masked("anna@mail.example", address="anna@mail.example")
    assert masked("eve@mail.example") != masked("anna@mail.example")


@pytest.mark.sqlite
async def test_a_masked_import(gw: RunningGateway, tmp_path: Path) -> None:
    """It meets no known customer, completes itself, and is found once only."""
    anna = gw.customer("email", "anna@mail.example")
    await anna.say("Hello", subject="Hi", name="Anna Holt")
    scope = SCOPE.replace(secret=SECRET)
    both = mail("4", "It is Anna again", hours=90, subject="HistoryTable")
    await import_mails(gw, mbox(tmp_path / "a.mbox", ASKED, both), scope)
    again = await import_mails(gw, mbox(tmp_path / "b.mbox", ASKED, ANSWERED), scope)
    found = await cases(gw)
    assert again.added.messages == 1
    assert len({case.customer for case in found}) == 1
    assert (await gw.services.records.cases())[0].customer != found[0].customer
    assert "anna" not in str(found).casefold()
    assert found[0].conversation.address.value.endswith("@masked.invalid")
