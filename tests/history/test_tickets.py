"""Exports of ticket systems become conversations. The shapes are the providers' documented ones."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from gateway import WarmlineError
from gateway.testing import RunningGateway
from plugins.history.importing.formats import find_format
from plugins.history.importing.importer import ImportResult
from plugins.history.importing.tickets.origin import TicketOrigin
from plugins.history.importing.tickets.records import ExportFiles
from plugins.history.importing.workers import Workers
from tests.history.kit import READER, SCOPE, cases, dialogues, import_from

TALK = [
    ("customer", "Where is my lamp?"),
    ("agent", "It left on Friday."),
    ("customer", "Thank you!"),
]
USERS = [
    {"id": 10, "name": "Anna Holt", "email": "Anna@mail.example", "role": "end-user"},
    {"id": 20, "name": "Ben Lind", "email": "ben@shop.example", "role": "agent"},
]
ZENDESK: dict[str, Any] = {
    "id": 35,
    "subject": "Lamp",
    "requester_id": 10,
    "assignee_id": 20,
    "status": "closed",
    "tags": ["Delivery Late", "vip"],
    "via": {"channel": "email"},
    "created_at": "2024-03-04T09:00:00Z",
    "satisfaction_rating": {"score": "good"},
    "comments": [
        {"id": 1, "author_id": 10, "body": "Where is my lamp?", "public": True,
         "created_at": "2024-03-04T09:00:00Z"},
        {"id": 2, "author_id": 20, "body": "Ask the courier", "public": False,
         "created_at": "2024-03-04T09:30:00Z"},
        {"id": 3, "author_id": 20, "html_body": "<p>It left on <b>Friday</b>.</p>", "public": True,
         "created_at": "2024-03-04T11:00:00Z"},
        {"id": 4, "author_id": 10, "plain_body": "Thank you!", "public": True,
         "created_at": "2024-03-04T12:00:00Z"},
    ],
}  # fmt: skip
FRESHDESK: dict[str, Any] = {
    "id": 7,
    "subject": "Lamp",
    "requester_id": 10,
    "responder_id": 20,
    "requester": {"id": 10, "name": "Anna Holt", "email": "anna@mail.example"},
    "source": 1,
    "spam": False,
    "tags": [],
    "fr_escalated": False,
    "description_text": "Where is my lamp?",
    "created_at": "2024-03-04T09:00:00Z",
    "conversations": [
        {"id": 2, "body_text": "Ask the courier", "incoming": False, "private": True,
         "user_id": 20, "created_at": "2024-03-04T09:30:00Z"},
        {"id": 3, "body": "<div>It left on Friday.</div>", "incoming": False, "private": False,
         "user_id": 20, "created_at": "2024-03-04T11:00:00Z"},
        {"id": 4, "body_text": "Thank you!", "incoming": True, "private": False, "user_id": 10,
         "created_at": "2024-03-04T12:00:00Z"},
    ],
}  # fmt: skip
FRESHDESK_XML = """<?xml version="1.0" encoding="UTF-8"?>
<helpdesk-tickets type="array"><helpdesk-ticket>
  <display-id type="integer">7</display-id><subject>Lamp</subject><spam type="boolean">false</spam>
  <requester-id type="integer">10</requester-id><requester-name>Anna Holt</requester-name>
  <requester><id>10</id><name>Anna Holt</name><email>anna@mail.example</email></requester>
  <description>Where is my lamp?</description>
  <created-at type="datetime">2024-03-04T10:00:00+01:00</created-at>
  <helpdesk-notes type="array">
    <helpdesk-note><id>3</id><body>It left on Friday.</body>
      <incoming type="boolean">false</incoming>
      <private type="boolean">false</private><user-id>20</user-id>
      <created-at type="datetime">2024-03-04T12:00:00+01:00</created-at></helpdesk-note>
    <helpdesk-note><id>4</id><body>Thank you!</body><incoming type="boolean">true</incoming>
      <private type="boolean">false</private><user-id>10</user-id>
      <created-at type="datetime">2024-03-04T13:00:00+01:00</created-at></helpdesk-note>
  </helpdesk-notes>
</helpdesk-ticket></helpdesk-tickets>
"""
INTERCOM: dict[str, Any] = {
    "type": "conversation",
    "id": "99",
    "created_at": 1709542800,
    "source": {"type": "conversation", "id": "5", "subject": "", "body": "<p>Where is my lamp?</p>",
               "author": {"type": "user", "id": "u1", "name": "Anna Holt",
                          "email": "anna@mail.example"}},
    "tags": {"tags": [{"name": "Delivery"}]},
    "conversation_rating": {"rating": 4},
    "conversation_parts": {
        "conversation_parts": [
            {"id": "6", "part_type": "comment", "body": "<p>One moment, please.</p>",
             "created_at": 1709542801, "author": {"type": "bot", "id": "b", "name": "Fin"}},
            {"id": "7", "part_type": "assignment", "body": None, "created_at": 1709543000,
             "author": {"type": "admin", "id": "a", "name": "Ben Lind"}},
            {"id": "8", "part_type": "comment", "body": "<p>It left on Friday.</p>",
             "created_at": 1709550000, "author": {"type": "admin", "id": "a", "name": "Ben Lind"}},
        ]
    },
}  # fmt: skip


async def import_tickets(gw: RunningGateway, path: Path, kind: str | None = None) -> ImportResult:
    found: Any = kind or find_format(path, mapped=False)
    files = ExportFiles(path)
    workers = Workers(SCOPE, READER, processes=False)
    return await import_from(
        gw,
        TicketOrigin(found, files.records, files.size(), workers, files.close),
        source=str(path),
    )


def in_file(folder: Path, name: str, *values: object) -> Path:
    path = folder / name
    path.write_text("\n".join(v if isinstance(v, str) else json.dumps(v) for v in values), "utf-8")
    return path


def zendesk_lines(folder: Path) -> Path:
    """As the Admin Center exports: a ticket a line with its people."""
    people = {"requester": USERS[0], "assignee": USERS[1]}
    return in_file(folder, "tickets.jsonl", ZENDESK | people)


def zendesk_page(folder: Path) -> Path:
    """A page of the incremental export with users beside the tickets."""
    page = {"tickets": [ZENDESK], "users": USERS, "end_of_stream": True}
    return in_file(folder, "page.json", json.dumps(page, indent=1))


def zendesk_folder(folder: Path) -> Path:
    """Users in a file of their own; a ticket with its comments a line."""
    in_file(folder, "users.jsonl", *USERS)
    in_file(folder, "tickets.jsonl", ZENDESK)
    return folder


def zendesk_zip(folder: Path) -> Path:
    path = folder / "export.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(zendesk_page(folder), "export/page.json")
    return path


@pytest.mark.sqlite
@pytest.mark.parametrize("shape", [zendesk_lines, zendesk_page, zendesk_folder, zendesk_zip])
async def test_zendesk(gw: RunningGateway, tmp_path: Path, shape: Any) -> None:
    """People, notes, tags and the judgement arrive, whatever the shape of the export."""
    await import_tickets(gw, shape(tmp_path))
    [case] = await cases(gw)
    public = [(m.author, m.text) for m in case.messages if not m.internal]
    assert public == TALK
    assert [m.text for m in case.messages if m.internal] == ["Ask the courier"]
    assert case.conversation.address.value == "anna@mail.example"
    assert case.conversation.labels == ("delivery-late", "imported", "vip")
    assert case.messages[2].agent is not None
    assert case.messages[2].agent.name == "Ben Lind"
    assert case.surveys[0].answer is not None
    assert case.surveys[0].answer.score == 5


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("tickets.json", ([FRESHDESK],)),
        ("tickets.jsonl", (FRESHDESK,)),
        ("Tickets.xml", (FRESHDESK_XML,)),
    ],
)
async def test_freshdesk(
    gw: RunningGateway, tmp_path: Path, name: str, values: tuple[object, ...]
) -> None:
    """The API's tickets, and the account's export."""
    await import_tickets(gw, in_file(tmp_path, name, *values), "freshdesk")
    [case] = await cases(gw)
    assert [(m.author, m.text) for m in case.messages if not m.internal] == TALK
    assert case.conversation.address.value == "anna@mail.example"


@pytest.mark.sqlite
async def test_intercom(gw: RunningGateway, tmp_path: Path) -> None:
    """Parts with words, by customer, admin and bot; events are no messages."""
    await import_tickets(gw, in_file(tmp_path, "talks.json", {"conversations": [INTERCOM]}))
    assert await dialogues(gw) == [[TALK[0], ("bot", "One moment, please."), TALK[1]]]
    [case] = await cases(gw)
    assert case.conversation.labels == ("delivery", "imported")
    assert case.surveys[0].answer is not None
    assert case.surveys[0].answer.score == 4


@pytest.mark.sqlite
async def test_a_ticket_that_grew_is_completed(gw: RunningGateway, tmp_path: Path) -> None:
    """A later export of the same ticket adds its new comments."""
    path = tmp_path / "t.jsonl"
    first = ZENDESK | {"users": USERS, "comments": ZENDESK["comments"][:1]}
    await import_tickets(gw, in_file(tmp_path, "t.jsonl", first), "zendesk")
    in_file(tmp_path, "t.jsonl", ZENDESK | {"users": USERS})
    result = await import_tickets(gw, path, "zendesk")
    assert (result.added.conversations, result.added.messages) == (0, 3)
    assert len(await cases(gw)) == 1


@pytest.mark.sqlite
async def test_what_is_no_ticket_is_counted(gw: RunningGateway, tmp_path: Path) -> None:
    """Spam, deleted and damaged ones, and lines that are no JSON; the rest is imported."""
    path = in_file(
        tmp_path,
        "t.jsonl",
        ZENDESK | {"users": USERS},
        ZENDESK | {"id": 36, "tags": ["spam"]},
        ZENDESK | {"id": 37, "status": "deleted"},
        ZENDESK | {"id": 38, "comments": [{"id": 9, "body": "x", "created_at": "yesterday"}]},
        ZENDESK | {"id": 39, "comments": []},
        '{"id": 40, "subject": ',
    )
    result = await import_tickets(gw, path, "zendesk")
    assert len(await cases(gw)) == 1
    assert result.skipped == {
        "spam": 1,
        "deleted in the source": 1,
        "undecodable": 1,
        "empty": 2,
    }
    assert result.examples["spam"] == ("ticket 36",)


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        ('<!DOCTYPE x [<!ENTITY a "b">]><helpdesk-tickets>&a;</helpdesk-tickets>', "DTDForbidden"),
        ("<a>" * 100 + "</a>" * 100, "nested too deep"),
        ("<helpdesk-tickets>", "no XML"),
    ],
)
def test_hostile_xml_is_refused(tmp_path: Path, xml: str, says: str) -> None:
    """Entities, depth without end, and what is cut off."""
    files = ExportFiles(in_file(tmp_path, "t.xml", xml))
    with pytest.raises(WarmlineError, match=says):
        list(files.records())
    files.close()


def test_hostile_json_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nesting is no ticket, and a line of gigabytes is refused with what to do."""
    nested = ExportFiles(in_file(tmp_path, "n.jsonl", json.dumps({"id": 1}), "[" * 100_000))
    assert len(list(nested.records())) == 2
    nested.close()
    monkeypatch.setattr("plugins.history.importing.tickets.records.LONGEST_LINE", 100)
    monkeypatch.setattr("plugins.history.importing.tickets.records.LARGEST_DOCUMENT", 200)
    long = ExportFiles(in_file(tmp_path, "l.jsonl", json.dumps({"id": "x" * 1000})))
    with pytest.raises(WarmlineError, match="jq -c"):
        list(long.records())
    long.close()


def test_an_unknown_export_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WarmlineError, match="--mapping"):
        find_format(in_file(tmp_path, "t.jsonl", {"id": 1, "a": 2}), mapped=False)
