"""Saved replies: what they say in a conversation, who may write them, and how they are imported."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import FormData

from gateway import Agent, Outdated, WarmlineError
from gateway.testing.memory import MemoryStorage
from plugins.agents_desk.access.account_data import PersonData
from plugins.agents_desk.access.accounts import DeskAccount, DeskAccounts
from plugins.agents_desk.composing.placeholders import fill, placeholders
from plugins.agents_desk.composing.reply_import import read_replies
from plugins.agents_desk.composing.saved_replies import SavedReplies, SavedReply, may_change
from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import DeskGateway
from tests.agents_desk.test_actions import PATH, claim, hidden_fields

PAGE = "/desk/replies"
LATE = "Hello {{name}}, your order {{order}} is late. {{agent}}"
ANA = Agent(id="desk:ana", name="Ana")
ACCOUNTS = {"ana": DeskAccount(name="ana", agent=ANA, fixed=True)}


async def write(visit: Visit, name: str, text: str, **fields: str) -> int:
    await visit.open(PAGE)
    given = {"scope": "shared", **fields}
    response = await visit.send(f"{PAGE}/save", name=name, text=text, **given)
    return response.status


async def offered(visit: Visit) -> list[dict[str, Any]]:
    response = await visit.http.get(
        f"{visit.url}{PATH}/replies", headers={"Accept": "application/json"}
    )
    found: list[dict[str, Any]] = await response.json()
    return found


async def cleo_of(visitor: Callable[[], Visit]) -> Visit:
    cleo = visitor()
    await cleo.sign_in("cleo")
    return cleo


def test_variables_are_filled_in_where_they_are_known() -> None:
    """Spaces and capitals do not matter; what is unknown stays, and values are never filled."""
    filled = fill("{{Name}} {{ order }} {{name}} {{eta}}", {"name": "{{order}}", "order": "4471"})
    assert (filled.text, filled.missing) == ("{{order}} 4471 {{order}} {{eta}}", ("eta",))
    assert placeholders("{ {name} } {{1}} {{a b}} {{}} {{naïve}} {name}") == ("naïve",)


async def test_a_reply_in_a_conversation(ana: Visit, gw: DeskGateway) -> None:
    """Name, order and agent are filled in; a use counts when the answer leaves."""
    assert await write(ana, "Late", LATE, language="en") == 200
    [late] = await offered(ana)
    assert late["text"] == "Hello Maria Oliveira, your order 4471 is late. Ana"
    assert (late["missing"], late["note"]) == ([], "en · not used yet")
    await claim(ana)
    await ana.open(f"{PATH}?reply={late['id']}")
    assert f"{late['text']}</textarea>" in ana.page
    fields = hidden_fields(ana) | {"replies": ana.field("replies")}
    await ana.send(f"{PATH}/answer", **fields, text=late["text"])
    assert await gw.sent_answers() == [late["text"]]
    assert (await offered(ana))[0]["note"] == "en · used once"
    await ana.open(PAGE)
    assert "used once" in ana.page


async def test_without_scripts_a_reply_is_chosen_on_a_page(ana: Visit, gw: DeskGateway) -> None:
    """It links back to the conversation, with the reply in the text box."""
    await write(ana, "Late", LATE)
    [late] = await offered(ana)
    await ana.open(f"{PATH}/replies")
    assert f'href="{PATH}?reply={late["id"]}#answer"' in ana.page


async def test_own_and_shared_replies(
    ana: Visit, ben: Visit, visitor: Callable[[], Visit], gw: DeskGateway
) -> None:
    """One's own is nobody else's; an agent uses shared ones and cannot change them."""
    cleo = await cleo_of(visitor)
    await write(ana, "Shared", "For all.")
    await write(ana, "Mine", "Only Ana.", scope="own")
    await write(cleo, "Cleo's", "Only Cleo.", scope="own")
    assert [r["name"] for r in await offered(ben)] == ["Shared"]
    assert [r["name"] for r in await offered(cleo)] == ["Cleo's", "Shared"]
    mine, shared = (r["id"] for r in await offered(ana))
    for id in (mine, shared):
        await cleo.open(PAGE)
        response = await cleo.send(f"{PAGE}/save", id=id, name="Taken", text="over")
        assert response.status == 422
        assert (await cleo.send(f"{PAGE}/delete", id=id)).status == 422
    assert {r["name"] for r in await offered(ana)} == {"Shared", "Mine"}
    assert (await cleo.open(f"{PAGE}?edit={mine}")).status == 404


async def test_change_and_delete(ana: Visit, gw: DeskGateway) -> None:
    """A new wording keeps the use count; the audit log has codes, no words."""
    await write(ana, "Late", "First wording.")
    [late] = await offered(ana)
    await SavedReplies(gw.services.storage).count_uses([late["id"]] * 2, ANA)
    await write(ana, "Late", "Second wording.", id=late["id"])
    [changed] = await offered(ana)
    assert (changed["text"], changed["note"]) == ("Second wording.", "used once")
    await ana.send(f"{PAGE}/delete", id=late["id"])
    assert await offered(ana) == []
    lines = [entry for entry in await gw.audit() if entry.what.startswith("repl")]
    assert [e.what for e in lines] == ["reply_added", "reply_changed", "reply_deleted"]
    assert not any("wording" in e.detail or "Late" in e.detail for e in lines)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"name": "", "text": "x"}, "name must have 1 to 80"),
        ({"name": "x" * 81, "text": "x"}, "name must have 1 to 80"),
        ({"name": "x", "text": " "}, "text must have 1 to 4000"),
        ({"name": "x", "text": "x", "language": "English"}, "english is not a language code"),
        ({"name": "x", "text": "x", "brand": "nobrand"}, "there is no brand nobrand"),
        ({"name": "x", "text": "[a](javascript:1)"}, "begins with https://"),
    ],
)
async def test_what_cannot_be_saved(
    ana: Visit, gw: DeskGateway, fields: dict[str, str], says: str
) -> None:
    """The page says why and keeps what was typed."""
    await ana.open(PAGE)
    response = await ana.send(f"{PAGE}/save", scope="shared", **fields)
    assert response.status == 422
    assert says in ana.page.casefold()
    assert await offered(ana) == []


async def test_preview_per_channel(ana: Visit, gw: DeskGateway) -> None:
    """Every channel through the voice; nothing is stored."""
    await write(ana, "Late", LATE, preview="1")
    for part in ("Web chat", "E-mail", "SMS", "Hello Maria, your order 4471 is late. {{agent}}"):
        assert part in ana.page
    assert await offered(ana) == []


async def upload(visit: Visit, data: bytes) -> int:
    await visit.open(PAGE)
    form = FormData({"csrf": visit.field("csrf"), "scope": "shared"})
    form.add_field("file", data, filename="replies.csv", content_type="text/csv")
    response = await visit.http.post(f"{visit.url}{PAGE}/import", data=form)
    visit.page = await response.text()
    return response.status


async def test_import(ana: Visit, gw: DeskGateway) -> None:
    """All replies of a good file; none of a bad one, with a reason for each line."""
    good = 'name,language,text\nLate,en,"Hello {{name}},\nit is late."\nSpät,de,Das tut mir leid.\n'
    assert await upload(ana, good.encode("utf-8-sig")) == 200
    assert {r["name"] for r in await offered(ana)} == {"Late", "Spät"}
    bad = "name,language,text\nNew,en,Fine.\nlate,en,Twice.\n,en,No name.\nShort\n"
    assert await upload(ana, bad.encode()) == 422
    for says in (
        "Line 3: there is a reply with the name late already.",
        "Line 4: the name must have 1 to 80 characters.",
        "Line 5: it has 1 column and the first line has 3.",
        "Nothing was imported",
    ):
        assert says in ana.page
    assert len(await offered(ana)) == 2
    assert await upload(ana, b"name,language,text\nLate,fr,Il est tard.\n") == 200
    assert len(await offered(ana)) == 3


async def test_a_file_in_a_broken_form(ana: Visit, gw: DeskGateway) -> None:
    """A multipart body that no browser sends is refused."""
    await ana.open(PAGE)
    body = b'--b\r\nContent-Disposition: form-data; name="m\x11\x04"\r\n\r\nx\r\n--b--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    response = await ana.http.post(f"{ana.url}{PAGE}/import", data=body, headers=headers)
    assert response.status == 400


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"", 1, "there is no column name"),
        (b"name,language\nA,en\n", 1, "there is no column text"),
        (b"name,language,text\n", 1, "no replies below the header"),
        (b"name;text\nA;B\nC;\xff\n", 3, "not in UTF-8"),
        (b'name,text\nA,"B" C\n', 2, "not valid CSV"),
        (b'name,text\nA,"two\nlines"\nB,\n', 4, "text must have"),
        (b"name\ttext\nA\tB\n\nC\tD\tE\n", 4, "it has 3 columns"),
        (b"x" * 2_000_001, 1, "more than 2,000,000 bytes"),
    ],
)
def test_errors_of_an_import_name_the_line(data: bytes, line: int, says: str) -> None:
    """As the person sees the line in an editor, also behind texts of several lines."""
    [problem] = read_replies(data).problems
    assert problem.line == line
    assert says in problem.message


async def test_uses_are_counted_by_two_at_once() -> None:
    """An agent who counts at the same time loses nothing."""
    storage = MemoryStorage()
    replies = SavedReplies(storage)
    saved = await replies.save(SavedReply(name="A", text="B"))
    real, once = storage.put, [True]

    async def put(*args: Any, **more: Any) -> Any:
        if once and more.get("version"):
            once.clear()
            await replies.count_uses([saved.id], ANA)
            raise Outdated("somebody was faster")
        return await real(*args, **more)

    storage.put = put  # type: ignore[method-assign]
    await replies.count_uses([saved.id, "user/ana", "reply/shared/gone"], ANA)
    assert (await replies.find(saved.id, ANA)).uses == 2


@pytest.mark.parametrize(
    ("brands", "reply_brand", "owner", "leads", "may"),
    [
        ((), "", "", True, True),
        ((), "", "", False, False),
        (("lindenhof",), "lindenhof", "", True, True),
        (("lindenhof",), "other", "", True, False),
        (("lindenhof",), "", "", True, False),
        ((), "", "desk:ana", False, True),
        ((), "", "desk:ben", True, False),
    ],
)
def test_who_may_change_a_reply(
    brands: tuple[str, ...], reply_brand: str, owner: str, leads: bool, may: bool
) -> None:
    """One's own, and as a lead the shared ones of one's brands."""
    agent = ANA.replace(brands=brands)
    reply = SavedReply(name="A", text="B", brand=reply_brand, owner=owner)
    assert may_change(reply, agent, leads=leads) is may


async def test_own_replies_leave_with_their_author(ana: Visit, gw: DeskGateway) -> None:
    """What is exported of a person has them, and who is removed leaves none behind."""
    await write(ana, "Mine", "Only Ana.", scope="own")
    await write(ana, "Shared", "For all.")
    storage = gw.services.storage
    data = PersonData(storage, DeskAccounts(storage, ACCOUNTS), gw.services.audit)
    assert (await data.export("ana"))["saved_replies"] == [{"name": "Mine", "text": "Only Ana."}]
    await data.erase("ana")
    assert [reply.name for reply in await SavedReplies(storage).seen_by(ANA)] == ["Shared"]


async def test_a_name_that_another_reply_has_is_refused(ana: Visit) -> None:
    """In the composer they look alike. Another language, another brand and one's own are others;
    what was written is not lost."""
    assert await write(ana, "Late", LATE) == 200
    assert await write(ana, " late ", "It is a day late.") == 422
    assert "There is a reply with the name late already; change that one" in ana.page
    assert "It is a day late." in ana.page
    assert await write(ana, "Late", "Es ist zu spät.", language="de") == 200
    assert await write(ana, "Late", LATE, scope="own") == 200
    assert await write(ana, "Gone", "It left today.") == 200
    await ana.open(PAGE)
    [id] = re.findall(r'<li id="([^"]+)">\s*<div class="saved-head"><b>Gone</b>', ana.page)
    assert await write(ana, "Late", "It left today.", id=id) == 422
    assert await write(ana, "Gone", "It left at noon.", id=id) == 200


async def test_of_two_that_have_one_name_since_before_each_may_change() -> None:
    """Only a new name is compared; the others of an old pair could not be worded anew."""
    replies = SavedReplies(MemoryStorage())
    first, second = [
        await replies.save(SavedReply(name="Late", text="It is late."), is_free=True)
        for _ in range(2)
    ]
    changed = await replies.save(second.replace(text="It is a day late."))
    assert changed.text == "It is a day late."
    german = await replies.save(first.replace(language="de"))
    with pytest.raises(WarmlineError, match="already"):
        await replies.save(german.replace(language=""))
