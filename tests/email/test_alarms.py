"""Alarms by mail, when a customer speaks of harm and nobody is there."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

import channels.email
from channels.email import EmailSettings
from channels.email.outgoing import AlarmMails
from gateway import TryLater, Undeliverable, Unsure
from gateway.testing import RunningGateway
from plugins.escalation.texts import TEXTS
from tests.conftest import until
from tests.routing.dialogue import HOURS, shop

SATURDAY = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SECTION = {
    "address": "Lindenhof Shop <help@lindenhof.example>",
    "smtp_port": 0,
    "maildir": "mails",
    "alarm_to": ["Ana@lindenhof.example", "Duty <duty@lindenhof.example>"],
}


def mails(gw: RunningGateway) -> list[EmailMessage]:
    """The mails in the Maildir."""
    new = gw.gateway.settings.data_dir / "mails" / "new"
    parse = BytesParser(policy=default).parsebytes
    found = [cast("EmailMessage", parse(file.read_bytes())) for file in new.glob("*")]
    return sorted(found, key=lambda mail: str(mail["To"]))


async def test_an_alarm_is_mailed_to_people(tmp_path: Path) -> None:
    """Once to each, with ids and reasons and none of the customer's words. So the customer is told
    that somebody is alerted."""
    config = {"channels": {"email": SECTION}}
    async with shop(tmp_path, channels.email, policy=HOURS, at=SATURDAY, config=config) as gw:
        mia = gw.customer("fake", "mia")
        await mia.say("my zanzibar lamp is on fire")
        number = TEXTS["harm_number"]["en"]
        assert mia.heard[1] == TEXTS["harm_alerted"]["en"].format(number=number)
        await gw.pass_time(1)
        await until(lambda: len(mails(gw)) == 2)
        await gw.pass_time(600)
        found = mails(gw)
        assert [str(mail["To"]) for mail in found] == [
            "ana@lindenhof.example",
            "duty@lindenhof.example",
        ]
        for mail in found:
            text = mail.get_content()
            assert mail["Subject"] == "Alarm: conversation 1 speaks of harm"
            assert mail["Auto-Submitted"] == "auto-generated"
            assert "nobody is at work" in text
            assert "Conversation: 1, on fake" in text
            assert "Speaks of harm or danger" in text
            assert "zanzibar" not in str(mail)


async def test_without_recipients_nobody_is_alerted(tmp_path: Path) -> None:
    """The customer is told the truth."""
    config = {"channels": {"email": SECTION | {"alarm_to": []}}}
    async with shop(tmp_path, channels.email, policy=HOURS, at=SATURDAY, config=config) as gw:
        mia = gw.customer("fake", "mia")
        await mia.say("my lamp is on fire")
        assert mia.heard[1].startswith("Nobody in our team is at work right now.")
        await gw.pass_time(60)
        assert mails(gw) == []


class FailingTransport:
    """Fails as told, then sends."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.sent: list[tuple[str, Any]] = []

    async def send(self, mail: EmailMessage, *, sender: str, recipient: str) -> None:
        if self.errors:
            raise self.errors.pop(0)
        self.sent.append((recipient, mail["Message-ID"]))


@pytest.mark.parametrize(
    ("error", "sent"),
    [(TryLater("busy"), 1), (Unsure("cut off"), 1), (Undeliverable("no such user"), 0)],
)
async def test_a_mail_that_fails_is_sent_later(tmp_path: Path, error: Exception, sent: int) -> None:
    """But not to an address that does not exist."""
    async with shop(tmp_path, policy=HOURS, at=SATURDAY) as gw:
        await gw.customer("fake", "mia").say("fire")
        await gw.pass_time(1)
        transport = FailingTransport(error)
        settings = EmailSettings.model_validate(SECTION)
        alarms = AlarmMails(
            gw.services, transport=transport, sender=settings.mailbox, recipients=["a@b.example"]
        )
        for _ in range(3):
            await alarms.send_due()
        assert len(transport.sent) == sent


@pytest.mark.parametrize(
    ("addresses", "problem"),
    [
        (["help@lindenhof.example"], "is an address that customers write to"),
        (["nobody"], "is not a mail address"),
    ],
)
def test_wrong_addresses_are_refused(addresses: list[str], problem: str) -> None:
    """An alarm to our own address would come in as a customer's message about harm."""
    with pytest.raises(ValidationError, match=problem):
        EmailSettings.model_validate(SECTION | {"alarm_to": addresses})
