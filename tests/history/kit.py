"""Mails and folders of them, and imports of these into a running gateway."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path

from channels.email import EmailReader
from gateway import CaseRecord, NewImport, PastConversations
from gateway.testing import RunningGateway
from plugins.history.importing.importer import Batches, ImportResult, run_import
from plugins.history.importing.mailboxes.disk import disk_boxes
from plugins.history.importing.mailboxes.origin import MailOrigin
from plugins.history.importing.values import Progress, Scope
from plugins.history.importing.workers import Workers

MONDAY = datetime(2024, 3, 4, 9, 0, tzinfo=UTC)
US = "help@shop.example"
ANNA = "Anna Holt <anna@mail.example>"
OURS = f"Ben Lind <{US}>"
SCOPE = Scope(own=frozenset({US}), places={US: ""}, newest=datetime(2030, 1, 1, tzinfo=UTC))
READER = EmailReader({US: ""}, max_text=20_000)


def mail(
    id: str = "",
    text: str = "Where is my lamp?",
    *,
    hours: float = 0.0,
    sender: str = ANNA,
    to: str = US,
    subject: str = "Lamp",
    answers: Sequence[str] = (),
    headers: Sequence[tuple[str, str]] = (),
) -> bytes:
    """The bytes of a mail; ``hours`` after `MONDAY`."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, to, subject
    made["Date"] = format_datetime(MONDAY + timedelta(hours=hours))
    if id:
        made["Message-ID"] = f"<{id}@x.example>"
    if answers:
        made["References"] = " ".join(f"<{one}@x.example>" for one in answers)
    for name, value in headers:
        made[name] = value
    made.set_content(text)
    return made.as_bytes()


ASKED = mail("1")
ANSWERED = mail("2", "It left on Friday.", hours=2, sender=OURS, to=ANNA, subject="Re: Lamp",
                answers=("1",))  # fmt: skip
THANKED = mail("3", "Thank you!", hours=3, subject="Re: Lamp", answers=("1", "2"))


def mbox(path: Path, *mails: bytes) -> Path:
    """An mbox file with ``mails``."""
    lines = b"".join(
        b"From x@y Mon Mar  4 09:00:00 2024\n" + raw.replace(b"\nFrom ", b"\n>From ") + b"\n"
        for raw in mails
    )
    path.write_bytes(lines)
    return path


def past(gw: RunningGateway) -> PastConversations:
    found = gw.services.past_conversations
    assert found is not None
    return found


async def import_from(
    gw: RunningGateway, origin: Batches, *, source: str = "/old", masked: bool = False
) -> ImportResult:
    new = NewImport(source=source, format="mbox", label="imported", masked=masked)
    record = await past(gw).begin_import(new)
    return await run_import(origin, past(gw), record, Progress())


async def import_mails(gw: RunningGateway, path: Path, scope: Scope = SCOPE) -> ImportResult:
    """Import the mailboxes at ``path``."""
    workers = Workers(scope, READER, processes=False)
    origin = MailOrigin(disk_boxes(path), workers, scope)
    return await import_from(gw, origin, source=str(path), masked=bool(scope.secret))


async def cases(gw: RunningGateway) -> tuple[CaseRecord, ...]:
    return await gw.services.records.cases(imported=True, limit=500)


async def dialogues(gw: RunningGateway) -> list[list[tuple[str, str]]]:
    """(author, text) of each message of each imported conversation."""
    return [[(m.author, m.text) for m in case.messages] for case in await cases(gw)]
