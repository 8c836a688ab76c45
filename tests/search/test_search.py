"""Conversations are found by what was written in them, and by whom."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from gateway import Address, File, Inbound, Pace, Reply, SearchPage, Turn
from gateway.adapters.encryption import new_key
from gateway.adapters.search.sqlite_index import MARK, SqliteSearchIndex
from gateway.adapters.search.words import excerpt, normalised, parse_query
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running

MIA = Address(channel="fake", value="mia@example.org")


def _answer(turn: Turn) -> Reply | None:
    return Reply(body=("Noted.",)) if turn.kind == "message" else None


@asynccontextmanager
async def gateway_in(folder: Path, **environ: str) -> AsyncIterator[RunningGateway]:
    parts = FakeChannel(), FakeHandler(_answer)
    async with running(*parts, environ=environ, tmp_path=folder, clock=FakeClock()) as gw:
        yield gw


async def find(gw: RunningGateway, query: str, **options: Any) -> SearchPage:
    await gw.gateway.indexer.catch_up()
    search = gw.services.search
    assert search is not None
    return await search.find(query, **options)


async def texts(gw: RunningGateway, query: str) -> list[str]:
    return [hit.excerpt for hit in (await find(gw, query)).hits]


async def test_words_are_found_whatever_their_case_and_accents(
    tmp_path: Path, stored_in: str
) -> None:
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "zoe").say("Où est mon COLIS égaré ?")
        await gw.customer("fake", "tim").say("Where is the parcel?")
        assert await texts(gw, "ou colis egare") == ["Où est mon COLIS égaré ?"]
        assert await texts(gw, "Parc") == ["Where is the parcel?"]
        assert await texts(gw, "parcel colis") == []


async def test_japanese_and_chinese_are_found_within_a_sentence(
    tmp_path: Path, stored_in: str
) -> None:
    """There are no spaces between their words."""
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "rei").say("注文番号20417の払い戻しをお願いします")
        await gw.customer("fake", "lin").say("我的包裹还没有到")
        for query in ("払い戻し", "20417", "戻しを"):
            [hit] = (await find(gw, query)).hits
            assert [hit.excerpt[a:b] for a, b in hit.matches] == [query]
        assert await texts(gw, "包裹") == ["我的包裹还没有到"]
        assert await texts(gw, "し払い") == []


async def test_a_long_conversation_does_not_hide_the_others(
    tmp_path: Path, stored_in: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page ends after so many matches; the next one goes on behind them."""
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "zoe").say("my parcel")
        for number in range(6):
            await gw.customer("fake", "tim").say(f"parcel {number}")
        await gw.gateway.indexer.catch_up()
        monkeypatch.setattr("gateway.ops.search.BATCH", 2)
        monkeypatch.setattr("gateway.ops.search.MOST_LOOKED_AT", 4)
        search, before = gw.services.search, 0
        assert search is not None
        shown: list[str] = []
        for _ in range(3):
            page = await search.find("parcel", before=before)
            shown += [hit.excerpt for hit in page.hits]
            if not (before := page.before):
                break
        assert shown == ["parcel 5", "my parcel"]


async def test_an_order_number_is_found_as_it_is_written(tmp_path: Path, stored_in: str) -> None:
    """Its parts follow one another; the same parts elsewhere are another text."""
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "zoe").say("It is about order MP-20417, please")
        await gw.customer("fake", "tim").say("20417 times I asked the MP for help")
        assert await texts(gw, "MP-20417") == ["It is about order MP-20417, please"]
        assert await texts(gw, '"about order"') == ["It is about order MP-20417, please"]


async def test_people_notes_and_files_are_found(tmp_path: Path, stored_in: str) -> None:
    async with gateway_in(tmp_path) as gw:
        file = File(name="Rechnung März.pdf", media_type="application/pdf", data=b"%PDF")
        kept = await gw.services.files.keep(file)
        inbound = Inbound(
            address=MIA,
            text="see there",
            at=gw.clock.now(),
            name="Mia Özdemir",
            attachments=(kept,),
        )
        await gw.services.intake.accept(inbound)
        await gw.settled()
        agent = gw.desk_agent("ana").agent
        await gw.services.desk.note(1, agent, "She sounded like a lawyer")
        for query in ("ozdemir", "mia@example.org", "rechnung marz"):
            [hit] = (await find(gw, query)).hits
            assert (hit.conversation, hit.customer_name) == (1, "Mia Özdemir")
        [note] = (await find(gw, "lawyer")).hits
        assert note.internal
        assert [note.excerpt[a:b] for a, b in note.matches] == ["lawyer"]


async def test_one_hit_a_conversation_newest_first_in_pages(tmp_path: Path, stored_in: str) -> None:
    async with gateway_in(tmp_path) as gw:
        for name in ("a", "b", "c"):
            await gw.customer("fake", name).say(f"parcel of {name}")
            await gw.customer("fake", name).say(f"parcel of {name} again")
        first = await find(gw, "parcel", limit=2)
        assert [hit.excerpt for hit in first.hits] == ["parcel of c again", "parcel of b again"]
        rest = await find(gw, "parcel", limit=2, before=first.before)
        assert [hit.excerpt for hit in rest.hits][-1] == "parcel of a again"
        assert rest.before == 0


async def test_no_conversation_is_on_two_pages(tmp_path: Path, stored_in: str) -> None:
    """Also one with older matches, between those of the next page."""
    async with gateway_in(tmp_path) as gw:
        for text in ("parcel of a", "parcel of b", "parcel of c"):
            await gw.customer("fake", text[-1]).say(text)
        await gw.customer("fake", "a").say("parcel of a again")
        first = await find(gw, "parcel", limit=1)
        second = await find(gw, "parcel", limit=1, before=first.before)
        third = await find(gw, "parcel", limit=9, before=second.before)
        pages = [[hit.excerpt for hit in page.hits] for page in (first, second, third)]
        assert pages == [["parcel of a again"], ["parcel of c"], ["parcel of b"]]


@pytest.mark.sqlite
async def test_a_removal_that_was_cut_off_is_finished(tmp_path: Path) -> None:
    """After a crash between the deletion and the merge nothing of the words is left."""
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "zoe").say("the xylophonequake was mine")
        await gw.gateway.indexer.catch_up()
    file = tmp_path / "var" / "search.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as cut_off:
        cut_off.execute("BEGIN")
        cut_off.execute("DELETE FROM words")
        cut_off.execute(MARK)
        cut_off.execute("COMMIT")
    assert b"xylophonequake" in file.read_bytes()
    index = SqliteSearchIndex(file)
    await index.purge()
    await index.close()
    held = b"".join(part.read_bytes() for part in file.parent.glob("search.db*"))
    assert b"xylophonequake" not in held


async def test_what_is_not_indexed_yet_is_counted(tmp_path: Path, stored_in: str) -> None:
    async with gateway_in(tmp_path) as gw:
        search = gw.services.search
        assert search is not None
        assert (await find(gw, "parcel")).behind == 0
        async with gw.gateway.indexer.adding:  # the background task waits
            await gw.customer("fake", "a").say("parcel")
            assert (await search.find("parcel")).behind == 2
        await gw.gateway.indexer.catch_up()
        assert (await search.find("parcel")).behind == 0


async def test_erased_words_are_left_nowhere(tmp_path: Path, stored_in: str) -> None:
    """Neither in the answers nor in the files of the index; others stay."""
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "zoe").say("the xylophonequake was mine")
        await gw.customer("fake", "tim").say("the marimba was mine")
        assert len((await find(gw, "xylophonequake")).hits) == 1
        await gw.gateway.customer_data.erase(Address(channel="fake", value="zoe"))
        assert (await find(gw, "xylophonequake")).hits == ()
        assert len((await find(gw, "marimba")).hits) == 1
        held = b"".join(file.read_bytes() for file in (tmp_path / "var").glob("search.db*"))
        assert b"xylophonequake" not in held


async def test_others_at_an_erased_address_are_found_still(tmp_path: Path, stored_in: str) -> None:
    """A shared computer: the first person's words go, the second one's stay."""
    async with gateway_in(tmp_path) as gw:
        page = gw.customer("fake", "page")
        await page.say("the xylophonequake was mine", ref="c1")
        await page.say("the marimba was mine", ref="c2")
        await gw.customer("fake", "elsewhere").say("it is me", ref="c1")
        assert len((await find(gw, "marimba")).hits) == 1
        await gw.gateway.customer_data.erase(Address(channel="fake", value="elsewhere"))
        assert (await find(gw, "xylophonequake")).hits == ()
        assert len((await find(gw, "marimba")).hits) == 1


async def test_words_that_retention_deleted_are_removed(tmp_path: Path, stored_in: str) -> None:
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "zoe").say("the xylophonequake was mine")
        await gw.gateway.indexer.catch_up()
        await gw.gateway.store.customers.erase(Address(channel="fake", value="zoe"))
        await gw.gateway.indexer.clean_up(Pace(0.0))
        assert await gw.gateway.infrastructure.search.index.ids(0, 10) == ()


async def test_an_encrypted_database_is_searched_by_address_alone(
    tmp_path: Path, stored_in: str
) -> None:
    """No word of a message or a name is in the index, and the page says so."""
    async with gateway_in(tmp_path, WARMLINE_DATA_KEY=new_key()) as gw:
        await gw.customer("fake", "mia@example.org").say("the xylophonequake", name="Mia Ora")
        assert (await find(gw, "xylophonequake")).hits == ()
        assert (await find(gw, "ora")).hits == ()
        page = await find(gw, "mia@example.org")
        assert [hit.excerpt for hit in page.hits] == ["Noted."]
        assert page.searchable == {"addresses"}


@pytest.mark.sqlite
async def test_a_damaged_index_is_built_again(tmp_path: Path) -> None:
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "zoe").say("the parcel")
        await gw.gateway.indexer.catch_up()
    (tmp_path / "var" / "search.db").write_bytes(b"no database at all" * 99)
    async with gateway_in(tmp_path) as gw:
        assert await texts(gw, "parcel") == ["the parcel"]


@pytest.mark.parametrize("query", ["", "   ", "?!", '"', '" "', "'; DROP TABLE words; --", "a*(b)"])
async def test_no_query_is_an_error(tmp_path: Path, stored_in: str, query: str) -> None:
    async with gateway_in(tmp_path) as gw:
        await gw.customer("fake", "zoe").say("the parcel")
        assert (await find(gw, query)).hits == ()


def test_words_are_folded_alike_in_texts_and_queries() -> None:
    assert normalised("Straße, ÉTÉ ﬁn １２３ Iстория") == "strasse ete fin 123 iстория"
    assert parse_query('zoë "two words" MP-1').groups == (("zoe",), ("two", "words"), ("mp", "1"))


def test_an_excerpt_shows_the_first_match_and_its_surroundings() -> None:
    text = "begin " + "word " * 60 + "the Zebra crossed " + "word " * 60
    shown, matches = excerpt(text, parse_query("zebr"))
    assert shown.startswith("…")
    assert shown.endswith("…")
    assert len(shown) <= 202
    assert [shown[a:b] for a, b in matches] == ["Zebra"]
    words = "order 1 of MP-1, my order MP-123"
    shown, matches = excerpt(words, parse_query("order mp-1"))
    assert [shown[a:b] for a, b in matches] == ["order", "MP-1", "order"]


def test_one_letter_is_no_beginning() -> None:
    assert parse_query("order a").whole
    assert not parse_query("order ab").whole
