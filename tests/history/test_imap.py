"""Folders of a real IMAP server are read, and left as they are."""

from __future__ import annotations

import asyncio
import imaplib

import pytest

from gateway import WarmlineError
from gateway.testing import RunningGateway
from plugins.history.importing.mailboxes.imap import ImapMails, ImapPlace, imap_place
from plugins.history.importing.mailboxes.origin import MailOrigin
from plugins.history.importing.workers import Workers
from tests.email.dovecot import PASSWORD, USER, dovecot
from tests.history.kit import ANSWERED, ASKED, READER, SCOPE, THANKED, dialogues, import_from, mail


def fill(port: int) -> None:
    """Mails in the inbox, in the folder of sent mails, and in the one for spam."""
    with imaplib.IMAP4("127.0.0.1", port) as imap:
        imap.login(USER, PASSWORD)
        for folder in ("Sent", "Junk"):
            imap.create(folder)
        for folder, raw in (
            ("INBOX", ASKED),
            ("INBOX", THANKED),
            ("Sent", ANSWERED),
            ("Junk", mail("8", "Cheap watches")),
        ):
            assert imap.append(folder, "", "", raw)[0] == "OK"


@pytest.mark.sqlite
async def test_folders_of_a_server(gw: RunningGateway) -> None:
    """Inbox and sent mail become one conversation; no mail is marked as read."""
    async with dovecot() as server:
        await asyncio.to_thread(fill, server.port)
        place = ImapPlace(
            host="127.0.0.1", port=server.port, tls=False, user=USER, password=PASSWORD
        )
        workers = Workers(SCOPE, READER, processes=False)
        await import_from(gw, MailOrigin(ImapMails(place), workers, SCOPE))
        again = await import_from(gw, MailOrigin(ImapMails(place), workers, SCOPE))
        assert await asyncio.to_thread(server.flags) == ["", ""]
    assert [[author for author, _ in talk] for talk in await dialogues(gw)] == [
        ["customer", "agent", "customer"]
    ]
    assert again.added.messages == 0


@pytest.mark.sqlite
async def test_a_wrong_password_says_so(gw: RunningGateway) -> None:
    async with dovecot() as server:
        place = ImapPlace(host="127.0.0.1", port=server.port, tls=False, user=USER, password="no")
        workers = Workers(SCOPE, READER, processes=False)
        with pytest.raises(WarmlineError, match="cannot log in"):
            await import_from(gw, MailOrigin(ImapMails(place), workers, SCOPE))


def test_a_place_is_a_url(monkeypatch: pytest.MonkeyPatch) -> None:
    """The password comes from the environment and is never shown."""
    monkeypatch.setenv("WARMLINE_IMAP_PASSWORD", "secret")
    place = imap_place("imaps://help%40shop.example@mail.example/Archive%202023")
    assert (place.user, place.port, place.folder) == ("help@shop.example", 993, "Archive 2023")
    assert "secret" not in place.shown
    with pytest.raises(WarmlineError, match="imaps://USER@HOST"):
        imap_place("mail.example")
