"""Mailboxes become conversations, however their mails are stored and in whatever order."""

from __future__ import annotations

import gzip
import io
import mailbox
import zipfile
from pathlib import Path

import pytest

from gateway import WarmlineError
from gateway.testing import RunningGateway
from plugins.history.importing.archives import members
from plugins.history.importing.mailboxes.boxes import find_boxes
from plugins.history.importing.mailboxes.mbox import CHUNK, MboxFile
from plugins.history.importing.showing import summary
from tests.history.kit import (
    ANNA,
    ANSWERED,
    ASKED,
    OURS,
    SCOPE,
    THANKED,
    US,
    cases,
    dialogues,
    import_mails,
    mail,
    mbox,
)

TALK = [
    ("customer", "Where is my lamp?"),
    ("agent", "It left on Friday."),
    ("customer", "Thank you!"),
]


def as_mbox(folder: Path) -> Path:
    return mbox(folder / "all.mbox", THANKED, ANSWERED, ASKED)


def as_maildir(folder: Path) -> Path:
    box = mailbox.Maildir(folder / "Maildir", create=True)
    box.add(ASKED)
    box.add_folder("Sent").add(ANSWERED)
    box.add_folder("Archive").add(THANKED)
    box.add_folder("Trash").add(mail("9", "Thrown away"))
    return folder / "Maildir"


def as_folder(folder: Path) -> Path:
    """As Thunderbird keeps it, and with mails that somebody saved one by one."""
    top = folder / "Mail"
    (top / "Inbox.sbd").mkdir(parents=True)
    mbox(top / "Inbox", ASKED)
    mbox(top / "Inbox.sbd" / "Sent", ANSWERED)
    mbox(top / "Junk", mail("8", "Cheap watches"))
    (top / "thanks.eml").write_bytes(THANKED)
    return top


def as_gzip(folder: Path) -> Path:
    path = folder / "all.mbox.gz"
    path.write_bytes(gzip.compress(as_mbox(folder).read_bytes()))
    return path


def as_zip(folder: Path) -> Path:
    path = folder / "takeout.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Takeout/Mail/All mail.mbox", as_mbox(folder).read_bytes())
    return path


@pytest.mark.sqlite
@pytest.mark.parametrize("store", [as_mbox, as_maildir, as_folder, as_gzip, as_zip])
async def test_however_they_are_stored(gw: RunningGateway, tmp_path: Path, store: object) -> None:
    """The three mails are one conversation, in the order of time."""
    result = await import_mails(gw, store(tmp_path))  # type: ignore[operator]
    assert await dialogues(gw) == [TALK]
    assert (result.added.conversations, result.added.messages) == (1, 3)


async def test_a_conversation_knows_who_wrote_when(gw: RunningGateway, tmp_path: Path) -> None:
    """Subject, customer, agent, times, language and label are there."""
    long = mail("1", "Hallo, wo bleibt denn meine Lampe? Ich warte schon seit drei Wochen darauf.")
    await import_mails(gw, mbox(tmp_path / "m.mbox", long, ANSWERED))
    [case] = await cases(gw)
    assert case.conversation.address.value == "anna@mail.example"
    assert (case.customer_name, case.conversation.subject) == ("Anna Holt", "Lamp")
    assert (case.conversation.language, case.conversation.labels) == ("de", ("imported",))
    agent = case.messages[1].agent
    assert agent is not None
    assert agent.name == "Ben Lind"
    assert (case.messages[1].at - case.messages[0].at).total_seconds() == 7200


@pytest.mark.sqlite
async def test_what_is_no_conversation_is_left_out_and_counted(
    gw: RunningGateway, tmp_path: Path
) -> None:
    """Spam, robots, bounces, empty and huge mails; each with its place."""
    bounce = (
        b"From: MAILER-DAEMON@mail.example\nTo: help@shop.example\nSubject: Failed\n"
        b"Date: Mon, 04 Mar 2024 09:00:00 +0000\nMessage-ID: <b@x>\nMIME-Version: 1.0\n"
        b'Content-Type: multipart/report; report-type=delivery-status; boundary="r"\n\n--r\n'
        b"Content-Type: text/plain\n\nIt failed.\n\n--r\nContent-Type: message/delivery-status\n\n"
        b"Reporting-MTA: dns; mail.example\n\nFinal-Recipient: rfc822; anna@mail.example\n"
        b"Action: failed\nStatus: 5.1.1\n\n--r--\n"
    )
    path = mbox(
        tmp_path / "m.mbox",
        ASKED,
        mail("s", "Cheap", headers=[("X-Spam-Flag", "YES")]),
        mail("g", "Cheap", headers=[("X-Gmail-Labels", "Spam,Unread")]),
        mail("a", "I am away", headers=[("Auto-Submitted", "auto-replied")]),
        bounce,
        mail("e", "", subject=""),
        mail("n", "No time").replace(b"Date:", b"X-Date:").replace(b"From x@y", b""),
        b"Subject: nobody\nDate: Mon, 04 Mar 2024 09:00:00 +0000\n\nWho am I?\n",
    )
    result = await import_mails(gw, path)
    assert await dialogues(gw) == [TALK[:1], [("customer", "No time")]]
    assert result.skipped == {
        "spam": 2,
        "automatic": 1,
        "reports on other mail": 1,
        "empty": 1,
        "undecodable": 1,
    }
    assert all("m.mbox, byte" in place for places in result.examples.values() for place in places)


@pytest.mark.sqlite
async def test_our_own_robot_is_the_bot(gw: RunningGateway, tmp_path: Path) -> None:
    """Its answers belong to the conversation; alone, they are none."""
    robot = [("Auto-Submitted", "auto-replied")]
    received = mail("4", "We got your mail.", hours=1, sender=OURS, to=ANNA, answers=("1",),
                    headers=robot)  # fmt: skip
    alone = mail("5", "We got your mail.", sender=OURS, to="Eve <eve@x.example>", headers=robot)
    await import_mails(gw, mbox(tmp_path / "m.mbox", ASKED, received, alone))
    assert await dialogues(gw) == [[TALK[0], ("bot", "We got your mail.")]]


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("second", "together"),
    [
        ({"subject": "RE: Lamp", "hours": 48}, True),
        ({"subject": "AW: Lamp", "sender": OURS, "to": ANNA, "hours": 48}, True),
        ({"subject": "Lamp", "hours": 48}, False),
        ({"subject": "Re: Lamp", "hours": 31 * 24}, False),
        ({"subject": "Re: Lamp", "sender": "Eve <eve@x.example>", "hours": 48}, False),
    ],
)
async def test_without_references_subject_and_person_decide(
    gw: RunningGateway, tmp_path: Path, second: dict[str, object], together: bool
) -> None:
    """An answer to the same subject by or to the same customer within a month; nothing else."""
    other = mail("2", "And now?", **second)  # type: ignore[arg-type]
    await import_mails(gw, mbox(tmp_path / "m.mbox", ASKED, other))
    assert len(await dialogues(gw)) == (1 if together else 2)


@pytest.mark.sqlite
async def test_the_same_mail_in_several_folders_is_one(gw: RunningGateway, tmp_path: Path) -> None:
    """Also without an id; two mails that share one by mistake stay two."""
    nameless = mail("", "Hello?", hours=5, subject="A")
    clash = mail("1", "Another matter", hours=9, subject="B", sender="Eve <eve@x.example>")
    mbox(tmp_path / "a.mbox", ASKED, nameless)
    mbox(tmp_path / "b.mbox", ASKED, nameless, clash)
    result = await import_mails(gw, tmp_path)
    told = sorted(text for talk in await dialogues(gw) for _, text in talk)
    assert told == ["Another matter", "Hello?", "Where is my lamp?"]
    assert result.skipped == {"twice in the source": 2}


async def test_a_second_folder_completes_the_first(gw: RunningGateway, tmp_path: Path) -> None:
    """The sent mails, imported later, join the customers' mails; again, nothing happens."""
    inbox, sent = mbox(tmp_path / "in.mbox", ASKED, THANKED), mbox(tmp_path / "s.mbox", ANSWERED)
    await import_mails(gw, inbox)
    second = await import_mails(gw, sent)
    again = await import_mails(gw, inbox)
    assert await dialogues(gw) == [TALK]
    assert (second.added.extended, second.added.messages) == (1, 1)
    assert (again.added.messages, again.skipped) == (0, {"here already": 2})


@pytest.mark.sqlite
async def test_what_retention_would_delete_is_not_imported(
    gw: RunningGateway, tmp_path: Path
) -> None:
    """It says so instead."""
    scope = SCOPE.replace(oldest=SCOPE.newest)
    result = await import_mails(gw, mbox(tmp_path / "m.mbox", ASKED), scope)
    assert result.skipped == {"older than your retention": 1}


@pytest.mark.sqlite
async def test_a_domain_of_ours_is_ours(gw: RunningGateway, tmp_path: Path) -> None:
    """Agents who answered from their own addresses are agents; without them, a hint is given."""
    answer = mail("2", "On Friday.", sender="Eve <eve@shop.example>", to=ANNA, answers=("1",))
    path = mbox(tmp_path / "m.mbox", ASKED, answer)
    first = await import_mails(gw, path, SCOPE.replace(own=frozenset({US})))
    assert first.no_answers
    assert any("remove this import and name them" in line for line in summary(first))
    tried = summary(first.replace(record=None))
    assert any("addresses, name them: --our-addresses" in line for line in tried)
    while await gw.services.past_conversations.remove_import(1):  # type: ignore[union-attr]
        pass
    second = await import_mails(gw, path, SCOPE.replace(own=frozenset({"@shop.example"})))
    assert not second.no_answers
    assert [author for author, _ in (await dialogues(gw))[0]] == ["customer", "agent"]


def test_an_unquoted_from_in_a_text_begins_no_mail() -> None:
    """Only behind a blank line and before a header; also where the file is read in pieces."""
    filler = b"x" * 70 + b"\n"
    first = b"From a@b Mon Mar  4 09:00:00 2024\nSubject: 1\n\nDear all,\n\nFrom now on we meet.\n"
    second = b"\nFrom a@b Mon Mar  4 09:00:00 2024\nSubject: 2\n\nBye\n"
    for size in (0, CHUNK - len(first) - 30, CHUNK - len(first), CHUNK * 2):
        body = filler * (size // len(filler)) + b"y" * (size % len(filler))
        box = MboxFile(io.BytesIO(first + body + b"\n" + second), "m")
        mails = [box.read(number, 10 * CHUNK)[0] for number in box.scan()]
        assert [raw.partition(b"\n")[0] for raw in mails] == [b"Subject: 1", b"Subject: 2"]
        assert len(mails[0]) > size


def test_a_hostile_mbox_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many mails are refused, and lines of "From " alone are no mails."""
    monkeypatch.setattr("plugins.history.importing.mailboxes.mbox.MOST_MAILS", 3)
    box = MboxFile(io.BytesIO(b"From a b\nA: b\n\n" * 10), "m")
    with pytest.raises(WarmlineError, match="more than 3 mails"):
        list(box.scan())
    assert list(MboxFile(io.BytesIO(b"From \n" * 1000), "m").scan()) == []


def test_bombs_are_refused(tmp_path: Path) -> None:
    """An archive that unpacks to a thousand times its size is not unpacked."""
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m.mbox", b"\0" * 30_000_000)
    with pytest.raises(WarmlineError, match="over 200 times its size"):
        members(path)
    packed = tmp_path / "bomb.mbox.gz"
    packed.write_bytes(gzip.compress(b"\0" * 30_000_000))
    with pytest.raises(WarmlineError, match="over 200 times its size"):
        find_boxes(packed)


@pytest.mark.parametrize(("name", "says"), [("", "has no mailbox"), ("cut.zip", "unpack")])
def test_what_is_no_mailbox_says_so(tmp_path: Path, name: str, says: str) -> None:
    """A folder without mail; a damaged archive."""
    if name:
        (tmp_path / name).write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(WarmlineError, match=says):
        members(tmp_path / name) if name else find_boxes(tmp_path)
