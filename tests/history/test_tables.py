"""Tables become conversations, by a mapping that is written or guessed."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway import WarmlineError
from gateway.testing import RunningGateway
from plugins.history.importing.importer import ImportResult
from plugins.history.importing.tickets.mapping import (
    TableMapping,
    check_columns,
    guess_mapping,
    read_mapping,
)
from plugins.history.importing.tickets.origin import TicketOrigin
from plugins.history.importing.tickets.table import HistoryTable
from plugins.history.importing.workers import Workers
from tests.history.kit import READER, SCOPE, cases, dialogues, import_from

TALK = [
    ("customer", "Where is my lamp?"),
    ("agent", "It left on Friday."),
    ("customer", "Thank you!"),
]
MESSAGES = """ticket_id;created_at;sender_type;email;agent_name;body
1;2024-03-04 09:00;customer;anna@mail.example;;Where is my lamp?
2;2024-03-04 09:05;customer;eve@mail.example;;And my table?
1;2024-03-04 11:00;support;anna@mail.example;Ben Lind;It left on Friday.
1;2024-03-04 12:00;customer;anna@mail.example;;Thank you!
"""
PAIRS = """Kunde,Anfrage,Antwort,Datum,Betreff
anna@mail.example,Where is my lamp?,It left on Friday.,04.03.2024 09:00,Lampe
"""


async def import_table(
    gw: RunningGateway, path: Path, mapping: TableMapping | None = None
) -> ImportResult:
    table = HistoryTable(path)
    chosen = mapping or guess_mapping(table.header, table.sample)
    workers = Workers(SCOPE, READER, processes=False)
    origin = TicketOrigin("table", lambda: table.groups(chosen), table.size(), workers, table.close)
    return await import_from(gw, origin, source=str(path))


def table_of(folder: Path, text: str, name: str = "t.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_text(text, encoding)
    return path


async def test_a_message_a_row(gw: RunningGateway, tmp_path: Path) -> None:
    """Rows of one conversation need not stand together; a second import adds nothing."""
    path = table_of(tmp_path, MESSAGES)
    await import_table(gw, path)
    again = await import_table(gw, path)
    assert await dialogues(gw) == [TALK, [("customer", "And my table?")]]
    assert again.added.messages == 0
    assert [case.conversation.address.value for case in await cases(gw)] == [
        "anna@mail.example",
        "eve@mail.example",
    ]


@pytest.mark.sqlite
async def test_a_question_with_its_answer_a_row(gw: RunningGateway, tmp_path: Path) -> None:
    """With German columns, in the order question, answer."""
    await import_table(gw, table_of(tmp_path, PAIRS, encoding="cp1252"))
    assert await dialogues(gw) == [TALK[:2]]
    [case] = await cases(gw)
    assert case.conversation.subject == "Lampe"
    assert case.messages[0].at.isoformat() == "2024-03-04T09:00:00+00:00"


@pytest.mark.sqlite
async def test_json_lines(gw: RunningGateway, tmp_path: Path) -> None:
    """A field is a column; a line that is no object is passed over."""
    lines = (
        '{"case_id": 1, "date": 1709542800, "from": "in", "client": "a@b.example", "message": "Hi"}'
        '\nno JSON\n{"case_id": 1, "date": 1709542900, "from": "out", "message": "Hello"}\n'
    )
    await import_table(gw, table_of(tmp_path, lines, "t.jsonl"))
    assert await dialogues(gw) == [[("customer", "Hi"), ("agent", "Hello")]]


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        ("Ticketnummer,Erstellt am,Absender,Nachricht", ("Ticketnummer", "Erstellt am", "Absender",
                                                        "Nachricht")),
        ("dossier,date,expéditeur,message", ("dossier", "date", "expéditeur", "message")),
        ("caso,fecha,remitente,mensaje", ("caso", "fecha", "remitente", "mensaje")),
        ("conversationId,createdAt,role,content", ("conversationId", "createdAt", "role",
                                                   "content")),
        ("zgłoszenie,czas,nadawca,treść", ("zgłoszenie", "czas", "nadawca", "treść")),
    ],
)  # fmt: skip
def test_columns_are_guessed_in_several_languages(header: str, meant: tuple[str, ...]) -> None:
    columns = guess_mapping(header.split(","), []).columns
    guessed = tuple(columns[name] for name in ("conversation", "time", "author", "text"))
    assert guessed == meant


def test_the_longest_column_is_the_text_where_no_name_helps() -> None:
    rows = [{"a": "x", "b": "Where is my lamp? I am waiting.", "c": "anna@mail.example"}]
    assert guess_mapping(["a", "b", "c"], rows).columns == {
        "customer": "c",
        "text": "b",
    }


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("columns: {words: body}", "columns.words"),
        ("columns: {text: body}\ntimeformat: x", "timeformat"),
        ("columns: {time: created_at}", "names no column for `text`"),
        ("columns: {text: boddy}", "has the columns ticket_id"),
    ],
)
def test_a_wrong_mapping_says_what_is_wrong(tmp_path: Path, written: str, says: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(written, "utf-8")
    table = HistoryTable(table_of(tmp_path, MESSAGES))
    with pytest.raises(WarmlineError, match=says):
        check_columns(read_mapping(path), table.header, table.name)
    table.close()


@pytest.mark.sqlite
async def test_a_mapping_names_authors_and_the_form_of_times(
    gw: RunningGateway, tmp_path: Path
) -> None:
    """What a guess cannot know."""
    rows = (
        "wer,was,wann\nK,Where is my lamp?,03/04/2024 09:00\n"
        "S,It left on Friday.,03/04/2024 11:00\n"
    )
    mapping = TableMapping.model_validate(
        {
            "columns": {"author": "wer", "text": "was", "time": "wann"},
            "authors": {"agent": ["S"]},
            "time_format": "%m/%d/%Y %H:%M",
        }
    )
    await import_table(gw, table_of(tmp_path, rows), mapping)
    assert await dialogues(gw) == [[TALK[0]], [TALK[1]]]
    assert (await cases(gw))[0].conversation.opened_at.isoformat()[:10] == "2024-03-04"


@pytest.mark.sqlite
async def test_rows_without_a_time_are_counted(gw: RunningGateway, tmp_path: Path) -> None:
    result = await import_table(gw, table_of(tmp_path, "text,time\nHello,soon\n"))
    assert result.skipped == {"without a time": 1}


def test_hostile_tables_are_refused(tmp_path: Path) -> None:
    """Thousands of columns; a cell of a million characters; nothing at all."""
    wide = ",".join(f"c{n}" for n in range(1000))
    for text, says in ((f"{wide}\n{wide}", "columns"), (f"a,b\n{'x' * 1_100_000},y", "field"),
                       ("a,b\n", "no rows")):  # fmt: skip
        with pytest.raises(WarmlineError, match=says):
            HistoryTable(table_of(tmp_path, text))
