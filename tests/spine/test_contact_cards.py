"""A contact card that came alone, and its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from gateway import Attachment, File
from gateway.testing import FakeChannel, FakeHandler, running

from .conftest import echo

CARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ana\r\nTEL:+34600111222\r\nEND:VCARD\r\n"


async def test_a_card_whose_file_is_lost_still_goes_to_a_person(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The provider would deliver it again for ever if it were refused."""
    lost = Attachment(digest="0" * 64, name="ana.vcf", media_type="text/vcard", size=9)
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path
    ) as gw:
        await gw.customer("fake", "carla").say("", attachments=(lost,))
        [item] = await gw.services.desk.queue()
        assert [r.code for r in item.handoff.reasons] == ["no_words"]


async def test_a_card_beside_a_subject_does_not_hide_what_is_asked(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """Mail programs add the sender's card; the bot answers the subject."""
    fake = FakeChannel()
    async with running(fake, FakeHandler(echo), config=answer_all, tmp_path=tmp_path) as gw:
        kept = await gw.services.files.keep(File(name="me.vcf", media_type="text/vcard", data=CARD))
        mail = {"subject": "Where is my order 4711", "attachments": (kept,)}
        await gw.customer("fake", "carla").say("", **mail)
        assert "Where is my order 4711" in fake.sent[0].text
