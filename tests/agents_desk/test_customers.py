"""From the desk's pages to the customer: what reaches them, and what never does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientSession, CookieJar

from gateway import Address, Agent, Reason, Reply, Turn
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, SimulatedCustomer, running
from plugins import agents_desk
from tests.agents_desk.conftest import PASSWORD, Visit, as_config, user

CONFIG = {
    "plugins": {
        "agents_desk": {
            "users": [{**as_config(user(name)), "display_name": name} for name in ("ana", "ben")],
            "undo_send": 0,
        }
    }
}


def hand_over(turn: Turn) -> Reply | None:
    """Everything goes to a person."""
    if turn.kind != "message":
        return None
    reasons = (Reason(code="asked_for_person", detail="“a person”"),)
    return Reply(body=("A colleague will answer you.",), purpose="handover", escalate=reasons)


PHONE = Address(channel="phone", value="+4930123456")
PHONE_FIELDS = {"channel": "phone", "value": PHONE.value}


@pytest.fixture
def phone() -> FakeChannel:
    """A second channel."""
    return FakeChannel("phone")


@pytest.fixture
async def gw(phone: FakeChannel, tmp_path: Path) -> AsyncIterator[RunningGateway]:
    plugins = (agents_desk, FakeChannel(), phone, FakeHandler(hand_over))
    async with running(*plugins, config=CONFIG, tmp_path=tmp_path) as gateway:
        yield gateway


async def visit(gw: RunningGateway, name: str) -> Visit:
    browser = Visit(ClientSession(cookie_jar=CookieJar(unsafe=True)), gw.url)
    await browser.sign_in(name, PASSWORD)
    return browser


@pytest.fixture
async def ana(gw: RunningGateway) -> AsyncIterator[Visit]:
    browser = await visit(gw, "ana")
    yield browser
    await browser.http.close()


@pytest.fixture
async def ben(gw: RunningGateway) -> AsyncIterator[Visit]:
    browser = await visit(gw, "ben")
    yield browser
    await browser.http.close()


@pytest.fixture
async def maria(gw: RunningGateway) -> SimulatedCustomer:
    maria = gw.customer("fake", "maria")
    await maria.say("I want to speak to a person", name="Maria <b>")
    assert maria.heard == ["A colleague will answer you."]
    return maria


async def claim_next(browser: Visit) -> str:
    """Open the most urgent conversation, claim it and return its path."""
    await browser.open("/desk")
    path = browser.page.partition('class="item" id="q')[2].partition('href="')[2].partition('"')[0]
    await browser.open(path)
    answer = await browser.send(f"{path}/claim", epoch=browser.field("epoch"))
    assert answer.status == 200
    assert "With you" in browser.page
    return path


async def test_answer_reaches_the_customer_once(
    gw: RunningGateway, ana: Visit, maria: SimulatedCustomer
) -> None:
    """Claim, submit the answer twice, resolve: the customer gets it once."""
    path = await claim_next(ana)
    assert "Asked for a person" in ana.page
    key = ana.field("key", 'id="answer-form"')
    for _ in range(2):
        await ana.send(f"{path}/answer", key=key, text="Hello Maria,\r\nI am Ana.")
    assert "I am Ana." in ana.page
    assert (await maria.listen())[1:] == ["Hello Maria,\nI am Ana."]
    await ana.send(f"{path}/resolve", epoch=ana.field("epoch"))
    assert "This conversation is resolved." in ana.page


async def test_note_never_reaches_the_customer(
    gw: RunningGateway, ana: Visit, maria: SimulatedCustomer
) -> None:
    """A note is only on the page."""
    path = await claim_next(ana)
    await ana.send(f"{path}/note", text="She has written three times.")
    assert "Note, only for colleagues" in ana.page
    assert "She has written three times." in ana.page
    assert (await maria.listen())[1:] == []


async def test_second_claim_is_a_conflict(
    gw: RunningGateway, ana: Visit, ben: Visit, maria: SimulatedCustomer
) -> None:
    """The second to claim sees who has it, and the first keeps it."""
    await ben.open("/desk/c/1")
    seen = {name: ben.field(name) for name in ("epoch", "state", "last")}
    path = await claim_next(ana)
    answer = await ben.send(f"{path}/claim", **seen)
    assert answer.status == 409
    assert "With ana." in ben.page
    answer = await ben.send(f"{path}/answer", key="k", text="Me too")
    assert answer.status == 409
    assert (await maria.listen())[1:] == []


async def test_transfer_and_hand_back(
    gw: RunningGateway, ana: Visit, ben: Visit, maria: SimulatedCustomer
) -> None:
    """A transfer passes its reason to the next person; after a hand-back the bot answers."""
    path = await claim_next(ana)
    epoch = ana.field("epoch")
    await ana.send(f"{path}/transfer", epoch=epoch, tier="specialist", reason="needs a refund")
    assert await claim_next(ben) == path
    assert "needs a refund" in ben.page
    await ben.send(f"{path}/hand-back", epoch=ben.field("epoch"))
    await maria.say("Anyone?")
    assert maria.heard[-1] == "A colleague will answer you."


async def test_customer_text_is_escaped(
    gw: RunningGateway, ana: Visit, maria: SimulatedCustomer
) -> None:
    """What a customer writes is text on the page, also after the database."""
    await maria.say("<script>alert(1)</script>")
    await claim_next(ana)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in ana.page
    assert "Maria &lt;b&gt;" in ana.page
    assert "<script>alert" not in ana.page


async def test_link_and_unlink(gw: RunningGateway, ana: Visit, maria: SimulatedCustomer) -> None:
    """A link shows who made it; the conversations at that address come and go with it."""
    await gw.customer("phone", PHONE.value).say("It rattles")
    path = await claim_next(ana)
    assert "Earlier contacts" not in ana.page
    await ana.send(f"{path}/link", **PHONE_FIELDS)
    assert "linked by you" in ana.page
    assert "Earlier contacts" in ana.page
    assert f"ana linked {PHONE.lane}" in ana.page
    answer = await ana.send(f"{path}/link", **PHONE_FIELDS)
    assert answer.status == 422
    assert "Nothing was changed: this address already belongs to the customer." in ana.page
    link = ana.field("link")
    await ana.send(f"{path}/unlink", link=link)
    assert "linked by you" not in ana.page
    assert "Earlier contacts" not in ana.page
    answer = await ana.send(f"{path}/unlink", link=link)
    assert answer.status == 422
    assert "Nothing was changed: this customer has no link" in ana.page
    assert (await ana.send("/desk/c/999/unlink", link=link)).status == 404


async def test_code_links_an_address(
    gw: RunningGateway, ana: Visit, maria: SimulatedCustomer, phone: FakeChannel
) -> None:
    """A code goes to the other address; repeated here, it links the two."""
    path = await claim_next(ana)
    await ana.send(f"{path}/prove", **PHONE_FIELDS)
    assert "confirmed" not in ana.page
    await gw.settled()
    found = re.search(r"\d{6}", phone.sent[-1].text)
    assert found
    await maria.say(found[0])
    await ana.open(path)
    assert "confirmed by a code" in ana.page
    answer = await ana.send(f"{path}/prove", channel="pigeon", value="<b>coop</b>")
    assert answer.status == 422
    assert "Nothing was changed: there is no channel pigeon." in ana.page
    assert 'value="&lt;b&gt;coop&lt;/b&gt;"' in ana.page


async def test_answer_to_another_address(
    gw: RunningGateway, ana: Visit, ben: Visit, maria: SimulatedCustomer, phone: FakeChannel
) -> None:
    """An answer to a chosen address is sent there once, and its conversation opens."""
    path = await claim_next(ana)
    assert 'name="via"' not in ana.page
    await ana.send(f"{path}/answer", key="k0", text="Not yet", via=PHONE.lane)
    assert "does not have this address" in ana.page
    await ana.send(f"{path}/link", **PHONE_FIELDS)
    assert f'<option value="{PHONE.lane}">Phone: {PHONE.value}</option>' in ana.page
    page = ana.page
    for _ in range(2):
        ana.page = page
        answer = await ana.send(f"{path}/answer", key="k1", text="Now by phone.", via=PHONE.lane)
        assert answer.url.path != path
        assert "ana continues from fake:maria" in ana.page
        assert "Now by phone." in ana.page
    await gw.settled()
    assert [message.text for message in phone.sent] == ["Now by phone."]
    assert (await maria.listen())[1:] == []


async def test_answer_where_a_colleague_has_the_conversation(
    gw: RunningGateway, ana: Visit, maria: SimulatedCustomer
) -> None:
    """If a colleague has the conversation at the chosen address, nothing is sent: the page says
    who it is, and keeps the text and the choice."""
    await gw.customer("phone", PHONE.value).say("It rattles")
    there = next(i for i in await gw.services.desk.queue() if i.conversation.address == PHONE)
    zoe = Agent(id="desk:zoe", name="Zoe")
    await gw.services.desk.claim(there.conversation.id, zoe, epoch=there.conversation.epoch)
    path = await claim_next(ana)
    await ana.send(f"{path}/link", **PHONE_FIELDS)
    answer = await ana.send(f"{path}/answer", key="k", text="My long words", via=PHONE.lane)
    assert answer.status == 409
    assert "Zoe has the conversation there. Nothing was sent." in ana.page
    assert ">\nMy long words</textarea>" in ana.page
    assert f'<option value="{PHONE.lane}" selected>' in ana.page


async def test_addresses_are_escaped(
    gw: RunningGateway, ana: Visit, maria: SimulatedCustomer
) -> None:
    """An address is text on the page, in the card and in the list of addresses."""
    path = await claim_next(ana)
    await ana.send(f"{path}/link", channel="phone", value='"><script>alert(1)</script>')
    assert "&#34;&gt;&lt;script&gt;alert(1)" in ana.page
    assert "<script>alert" not in ana.page


@pytest.mark.parametrize(("action", "fields", "problem"), [
    ("link", {"channel": "phone"}, "the address"),
    ("prove", {"value": "+49"}, "Fill in the channel"),
    ("link", {"channel": "a:b", "value": "x"}, "not a valid address"),
    ("link", {"channel": "phone", "value": "a\x00b"}, "not a valid address"),
    ("unlink", {}, "out of date"),
    ("unlink", {"link": "4x"}, "out of date"),
])  # fmt: skip
@pytest.mark.usefixtures("maria")
async def test_invalid_address_links_nothing(
    gw: RunningGateway, ana: Visit, action: str, fields: dict[str, str], problem: str
) -> None:
    """An incomplete or invalid address links nothing, and the page says why."""
    path = await claim_next(ana)
    answer = await ana.send(f"{path}/{action}", **fields)
    assert answer.status == 422
    assert problem in ana.page
    assert (await gw.services.desk.card(int(path.rpartition("/")[2]))).linked == ()


async def test_headers_and_missing_conversation(gw: RunningGateway, ana: Visit) -> None:
    """Pages have our content security policy; an unknown conversation is 404."""
    answer = await ana.open("/desk")
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert (await ana.http.get(f"{gw.url}/desk/c/77")).status == 404


async def test_shutdown_does_not_wait_for_open_pages(tmp_path: Path) -> None:
    """A desk that is open in a browser does not delay the shutdown."""
    loop = asyncio.get_running_loop()
    async with running(agents_desk, config=CONFIG, tmp_path=tmp_path) as gateway:
        browser = await visit(gateway, "ana")
        answer = await browser.http.get(f"{gateway.url}/desk/live")
        assert await answer.content.readline() == b"event: hello\r\n"
        begun = loop.time()
    assert loop.time() - begun < 5
    await browser.http.close()
