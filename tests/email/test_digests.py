"""Digests of other plugins by mail."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

import channels.email
from channels.email import EmailSettings
from channels.email.outgoing import DigestMails
from gateway import Digest, TryLater, Undeliverable, Unsure
from tests.conftest import until
from tests.email.test_alarms import SECTION, FailingTransport, mails
from tests.routing.dialogue import shop

DIGEST = Digest(
    id="week-2026-W40",
    title="The week of 28 September",
    lines=("78 of 100 felt heard (70 to 84)", "12 of 100 came back"),
    url="https://desk.example/desk/report",
)
TO = ["Ana@lindenhof.example", "Lea <lea@lindenhof.example>"]


async def test_a_digest_is_mailed_once_to_each(tmp_path: Path) -> None:
    """However often it comes; one about a brand alone goes to nobody."""
    config = {"channels": {"email": SECTION | {"alarm_to": [], "digest_to": TO}}}
    async with shop(tmp_path, channels.email, config=config) as gw:
        (receiver,) = gw.services.digest_receivers
        assert receiver.receives_digests("")
        assert not receiver.receives_digests("brand")
        await receiver.receive_digest(DIGEST, gw.services)
        await receiver.receive_digest(DIGEST, gw.services)
        await gw.pass_time(1)
        await until(lambda: len(mails(gw)) == 2)
        await gw.pass_time(600)
        first, second = mails(gw)
        assert [str(first["To"]), str(second["To"])] == [
            "ana@lindenhof.example",
            "lea@lindenhof.example",
        ]
        assert first["Subject"] == "The week of 28 September"
        text = first.get_content().replace("\r\n", "\n")
        assert "- 78 of 100 felt heard (70 to 84)\n- 12 of 100 came back\n" in text
        assert "The whole report: https://desk.example/desk/report" in text


@pytest.mark.parametrize(
    ("error", "sent"),
    [(TryLater("busy"), 1), (Unsure("cut off"), 1), (Undeliverable("no such user"), 0)],
)
async def test_a_digest_that_fails_is_sent_later(
    tmp_path: Path, error: Exception, sent: int
) -> None:
    """But not to an address that does not exist."""
    async with shop(tmp_path) as gw:
        transport = FailingTransport(error)
        sender = EmailSettings.model_validate(SECTION).mailbox
        digests = DigestMails(
            gw.services, transport=transport, sender=sender, recipients=["a@b.example"]
        )
        await digests.add(DIGEST)
        for _ in range(3):
            await digests.send_due()
        assert len(transport.sent) == sent


def test_a_digest_to_our_own_address_is_refused() -> None:
    """It would come in as a customer's message."""
    with pytest.raises(ValidationError, match=r"`digest_to`: help@lindenhof\.example"):
        EmailSettings.model_validate(SECTION | {"digest_to": ["help@lindenhof.example"]})
