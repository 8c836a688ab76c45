"""The desk on the real gateway: what is done on the page reaches the customer, or never does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from gateway import Address, Agent, Reason, Reply, Turn
from gateway.testing import FakeChannel, FakeHandler, Person, Running, running
from plugins import agents_desk
from tests.agents_desk.conftest import PASSWORD, Visit, user

CONFIG = {
    "plugins": {
        "agents_desk": {
            "users": [
                {
                    "name": one.name,
                    "password_hash": one.password_hash.get_secret_value(),
                    "role": one.role,
                }
                for one in (user("ana"), user("ben"))
            ]
        }
    }
}


def hand_over(turn: Turn) -> Reply | None:
    """Everything goes to a person, with a draft's worth of words."""
    if turn.kind != "message":
        return None
    why = (Reason(code="asked_for_person", detail="“a person”"),)
    return Reply(body=("A colleague will answer you.",), purpose="handover", escalate=why)


PHONE = Address(channel="phone", value="+4930123456")
THERE = {"channel": "phone", "value": PHONE.value}


@pytest.fixture
def phone() -> FakeChannel:
    """A second channel, which only its owner can read."""
    return FakeChannel("phone")


@pytest.fixture
async def gw(phone: FakeChannel, tmp_path: Path) -> AsyncIterator[Running]:
    guests = (agents_desk, FakeChannel(), phone, FakeHandler(hand_over))
    async with running(*guests, config=CONFIG, tmp_path=tmp_path) as gateway:
        yield gateway


async def visit(gw: Running, name: str) -> Visit:
    browser = Visit(ClientSession(cookie_jar=CookieJar(unsafe=True)), gw.url)
    await browser.sign_in(name, PASSWORD)
    return browser


@pytest.fixture
async def ana(gw: Running) -> AsyncIterator[Visit]:
    browser = await visit(gw, "ana")
    yield browser
    await browser.http.close()


@pytest.fixture
async def ben(gw: Running) -> AsyncIterator[Visit]:
    browser = await visit(gw, "ben")
    yield browser
    await browser.http.close()


@pytest.fixture
async def maria(gw: Running) -> Person:
    maria = gw.customer("fake", "maria")
    await maria.say("I want to speak to a person", name="Maria <b>")
    assert maria.heard == ["A colleague will answer you."]
    return maria


async def take(browser: Visit) -> str:
    """Open the most pressing conversation and claim it; gives its path."""
    await browser.open("/desk")
    path = browser.page.partition('class="item" id="q')[2].partition('href="')[2].partition('"')[0]
    await browser.open(path)
    answer = await browser.send(f"{path}/claim", epoch=browser.field("epoch"))
    assert answer.status == 200
    assert "With you" in browser.page
    return path


async def test_an_answer_reaches_the_customer(gw: Running, ana: Visit, maria: Person) -> None:
    """Claim, answer twice by impatience, resolve: the customer hears it once."""
    path = await take(ana)
    assert "Asked for a person" in ana.page
    key = ana.field("key", 'id="answer-form"')
    for _ in range(2):
        await ana.send(f"{path}/answer", key=key, text="Hello Maria,\r\nI am Ana.")
    assert "I am Ana." in ana.page
    assert (await maria.listen())[1:] == ["Hello Maria,\nI am Ana."]
    await ana.send(f"{path}/resolve", epoch=ana.field("epoch"))
    assert "This conversation is resolved." in ana.page


async def test_a_note_never_reaches_the_customer(gw: Running, ana: Visit, maria: Person) -> None:
    """A note is on the page and nowhere else."""
    path = await take(ana)
    await ana.send(f"{path}/note", text="She has written three times.")
    assert "Note, only for colleagues" in ana.page
    assert "She has written three times." in ana.page
    assert (await maria.listen())[1:] == []


async def test_two_want_the_same(gw: Running, ana: Visit, ben: Visit, maria: Person) -> None:
    """The second to claim is told who has it, and the first keeps it."""
    await ben.open("/desk/c/1")
    seen = {name: ben.field(name) for name in ("epoch", "state", "last")}
    path = await take(ana)
    answer = await ben.send(f"{path}/claim", **seen)
    assert answer.status == 409
    assert "With ana." in ben.page
    answer = await ben.send(f"{path}/answer", key="k", text="Me too")
    assert answer.status == 409
    assert (await maria.listen())[1:] == []


async def test_a_transfer_and_back(gw: Running, ana: Visit, ben: Visit, maria: Person) -> None:
    """A transfer leads to the next person, with its reason; handed back, the bot answers again."""
    path = await take(ana)
    epoch = ana.field("epoch")
    await ana.send(f"{path}/transfer", epoch=epoch, tier="specialist", reason="needs a refund")
    assert await take(ben) == path
    assert "needs a refund" in ben.page
    await ben.send(f"{path}/hand-back", epoch=ben.field("epoch"))
    await maria.say("Anyone?")
    assert maria.heard[-1] == "A colleague will answer you."


async def test_hostile_words_are_words(gw: Running, ana: Visit, maria: Person) -> None:
    """What a customer writes is text on the page, all the way through the database."""
    await maria.say("<script>alert(1)</script>")
    await take(ana)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in ana.page
    assert "Maria &lt;b&gt;" in ana.page
    assert "<script>alert" not in ana.page


async def test_a_link_and_back(gw: Running, ana: Visit, maria: Person) -> None:
    """A link by decision says who made it; what was said there comes with it, and goes with it."""
    await gw.customer("phone", PHONE.value).say("It rattles")
    path = await take(ana)
    assert "Earlier contacts" not in ana.page
    await ana.send(f"{path}/link", **THERE)
    assert "linked by you" in ana.page
    assert "Earlier contacts" in ana.page
    assert f"ana linked {PHONE.lane}" in ana.page
    answer = await ana.send(f"{path}/link", **THERE)
    assert answer.status == 422
    assert "This was not done: this address already belongs to the customer." in ana.page
    link = ana.field("link")
    await ana.send(f"{path}/unlink", link=link)
    assert "linked by you" not in ana.page
    assert "Earlier contacts" not in ana.page
    answer = await ana.send(f"{path}/unlink", link=link)
    assert answer.status == 422
    assert "This was not done: this customer has no link" in ana.page
    assert (await ana.send("/desk/c/999/unlink", link=link)).status == 404


async def test_a_code_is_asked_for(
    gw: Running, ana: Visit, maria: Person, phone: FakeChannel
) -> None:
    """The code goes to the other address; repeated here it links the two, and the page says so."""
    path = await take(ana)
    await ana.send(f"{path}/prove", **THERE)
    assert "proven" not in ana.page
    await gw.settled()
    found = re.search(r"\d{6}", phone.sent[-1].text)
    assert found
    await maria.say(found[0])
    await ana.open(path)
    assert "proven by a code" in ana.page
    answer = await ana.send(f"{path}/prove", channel="pigeon", value="<b>coop</b>")
    assert answer.status == 422
    assert "This was not done: there is no channel pigeon." in ana.page
    assert 'value="&lt;b&gt;coop&lt;/b&gt;"' in ana.page


async def test_it_goes_on_elsewhere(
    gw: Running, ana: Visit, ben: Visit, maria: Person, phone: FakeChannel
) -> None:
    """With two addresses one can be chosen: the answer leaves there, once, and its page opens."""
    path = await take(ana)
    assert 'name="via"' not in ana.page
    await ana.send(f"{path}/answer", key="k0", text="Not yet", via=PHONE.lane)
    assert "not the customer&#39;s (any more)" in ana.page
    await ana.send(f"{path}/link", **THERE)
    assert f'<option value="{PHONE.lane}">Phone: {PHONE.value}</option>' in ana.page
    page = ana.page
    for _ in range(2):
        ana.page = page
        answer = await ana.send(f"{path}/answer", key="k1", text="Now by phone.", via=PHONE.lane)
        assert answer.url.path != path
        assert "ana continues from fake:maria" in ana.page
        assert "Now by phone." in ana.page
    await gw.settled()
    assert [one.text for one in phone.sent] == ["Now by phone."]
    assert (await maria.listen())[1:] == []


async def test_a_colleague_is_there_already(gw: Running, ana: Visit, maria: Person) -> None:
    """Who is answered elsewhere by somebody else is not answered there by us: the page tells who
    it is, and keeps the words and the choice."""
    await gw.customer("phone", PHONE.value).say("It rattles")
    there = next(i for i in await gw.house.desk.queue() if i.conversation.address == PHONE)
    zoe = Agent(id="desk:zoe", name="Zoe")
    await gw.house.desk.claim(there.conversation.id, zoe, epoch=there.conversation.epoch)
    path = await take(ana)
    await ana.send(f"{path}/link", **THERE)
    answer = await ana.send(f"{path}/answer", key="k", text="My long words", via=PHONE.lane)
    assert answer.status == 409
    assert "Zoe has the conversation there. Nothing was sent." in ana.page
    assert ">\nMy long words</textarea>" in ana.page
    assert f'<option value="{PHONE.lane}" selected>' in ana.page


async def test_hostile_addresses_are_words(gw: Running, ana: Visit, maria: Person) -> None:
    """An address is text on the page, in the card and in the list to choose from."""
    path = await take(ana)
    await ana.send(f"{path}/link", channel="phone", value='"><script>alert(1)</script>')
    assert "&#34;&gt;&lt;script&gt;alert(1)" in ana.page
    assert "<script>alert" not in ana.page


@pytest.mark.parametrize(("deed", "fields", "words"), [
    ("link", {"channel": "phone"}, "the address there"),
    ("prove", {"value": "+49"}, "Fill in the channel"),
    ("link", {"channel": "a:b", "value": "x"}, "no address"),
    ("link", {"channel": "phone", "value": "a\x00b"}, "no address"),
    ("unlink", {}, "too old"),
    ("unlink", {"link": "4x"}, "too old"),
])  # fmt: skip
@pytest.mark.usefixtures("maria")
async def test_half_an_address(
    gw: Running, ana: Visit, deed: str, fields: dict[str, str], words: str
) -> None:
    """What is no address links nothing, and is told in words."""
    path = await take(ana)
    answer = await ana.send(f"{path}/{deed}", **fields)
    assert answer.status == 422
    assert words in ana.page
    assert (await gw.house.desk.card(int(path.rpartition("/")[2]))).linked == ()


async def test_the_house_keeps_the_headers(gw: Running, ana: Visit) -> None:
    """On the real server too: our policy, and a session that lives in its cookie alone."""
    answer = await ana.open("/desk")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert (await ana.http.get(f"{gw.url}/desk/c/77")).status == 404


async def test_closing_waits_for_no_open_page(tmp_path: Path) -> None:
    """A desk that is open in a browser does not hold up the end of the server."""
    loop = asyncio.get_running_loop()
    async with running(agents_desk, config=CONFIG, tmp_path=tmp_path) as gateway:
        browser = await visit(gateway, "ana")
        answer = await browser.http.get(f"{gateway.url}/desk/live")
        assert await answer.content.readline() == b"event: hello\r\n"
        begun = loop.time()
    assert loop.time() - begun < 5
    await browser.http.close()
