"""One's own account: the password, and the browsers in which one is signed in."""

from __future__ import annotations

import re

import pytest
from aiohttp.test_utils import make_mocked_request

from plugins.agents_desk.access.accounts import DeskAccount, DeskAccounts, desk_agent
from plugins.agents_desk.access.second_factor import new_second_factor
from plugins.agents_desk.access.sessions import browser_name
from tests.agents_desk.access.conftest import FIREFOX, NEW, AccountDesk
from tests.agents_desk.conftest import FAST_HASHER, PASSWORD, Visit

SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0"
)
OTHER = "another new password"


@pytest.fixture
async def eve(desk: AccountDesk) -> Visit:
    """Eve, who has the password `NEW`."""
    account = DeskAccount(
        name="eve", agent=desk_agent("eve", "Eve Adler"), password_hash=FAST_HASHER.hash(NEW)
    )
    await DeskAccounts(desk.gw.services.storage, {}).add(account)
    return await second(desk, FIREFOX)


async def change(visit: Visit, current: str = NEW, new: str = OTHER, again: str = OTHER) -> int:
    await visit.open("/desk/account")
    fields = {"current": current, "password": new, "again": again}
    return (await visit.send("/desk/account/password", **fields)).status


async def second(desk: AccountDesk, agent: str = SAFARI, password: str = NEW) -> Visit:
    """Another browser in which Eve is signed in."""
    visit = await desk.browser(agent=agent)
    assert (await visit.sign_in("eve", password)).url.path == "/desk"
    return visit


async def test_a_new_password_ends_other_sessions(desk: AccountDesk, eve: Visit) -> None:
    """This one goes on, and signing in takes the new password only."""
    other = await second(desk)
    assert await change(eve) == 200
    assert "Your password is changed" in eve.page
    assert (await other.open("/desk")).url.path == "/desk/sign-in"
    assert (await (await desk.browser()).sign_in("eve", NEW)).status == 401
    await second(desk, password=OTHER)
    assert await desk.audit("password_changed") == [("desk:eve", "password_changed", "")]


async def test_a_new_password_brings_a_new_session_id(desk: AccountDesk, eve: Visit) -> None:
    """An id that somebody has copied or planted is worthless afterwards."""
    before = {cookie.key: cookie.value for cookie in eve.http.cookie_jar}
    await change(eve)
    after = {cookie.key: cookie.value for cookie in eve.http.cookie_jar}
    assert before["desk"] != after["desk"]
    thief = await desk.browser()
    assert (await thief.open("/desk", cookies=before)).url.path == "/desk/sign-in"
    assert len(await desk.gw.services.storage.scan("agents_desk", "session/")) == 1


WRONG = (
    ("wrong", OTHER, OTHER, "The present password is wrong"),
    (NEW, "short", "short", "a password must have 10 to 1024"),
    (NEW, OTHER, OTHER + "!", "the two passwords differ"),
)


async def test_a_wrong_change_changes_nothing(desk: AccountDesk, eve: Visit) -> None:
    other = await second(desk)
    for current, new, again, problem in WRONG:
        assert await change(eve, current, new, again) == 422
        assert problem in eve.page
    assert (await other.open("/desk")).url.path == "/desk"


async def test_guessing_at_an_unlocked_screen_is_limited(desk: AccountDesk, eve: Visit) -> None:
    """Five attempts, then even the right password must wait."""
    answers = [await change(eve, f"wrong {i}") for i in range(5)]
    assert answers == [422] * 5
    assert await change(eve) == 429
    assert len(await desk.audit("password_refused")) == 5
    desk.clock.advance(901)
    assert await change(eve) == 200


async def test_a_password_of_the_settings_is_changed_there(desk: AccountDesk) -> None:
    """The page says so, and the form does nothing."""
    cleo = await desk.browser("cleo")
    await cleo.open("/desk/account")
    assert "defined in the settings" in cleo.page
    assert 'name="current"' not in cleo.page
    fields = {"current": PASSWORD, "password": OTHER, "again": OTHER}
    assert (await cleo.send("/desk/account/password", **fields)).status == 422
    assert (await (await desk.browser()).sign_in("cleo", PASSWORD)).url.path == "/desk"


async def test_forms_need_the_sessions_token(desk: AccountDesk, eve: Visit) -> None:
    """Another site changes no password and signs nobody out."""
    other = await second(desk)
    await other.open("/desk/account")
    for form in ("password", "session", "others"):
        for csrf in ("0" * 64, other.field("csrf")):
            answer = await eve.http.post(f"{eve.url}/desk/account/{form}", data={"csrf": csrf})
            assert answer.status == 403
    assert (await other.open("/desk")).url.path == "/desk"


async def test_the_own_sessions_are_listed(desk: AccountDesk, eve: Visit) -> None:
    """With browser and address; those that are over, and other people's, are not."""
    await second(desk)
    await second(desk, EDGE)
    await desk.browser("cleo")
    await eve.open("/desk/account")
    listed = re.findall(r"<li><p><b>([^<]*)</b>", eve.page)
    assert listed[0] == "Firefox on Linux"
    assert sorted(listed[1:]) == ["Edge on Windows", "Safari on an iPhone"]
    assert eve.page.count("127.0.0.1") == 5
    desk.clock.advance(3500)
    await eve.open("/desk/account")
    desk.clock.advance(3500)
    await eve.open("/desk/account")
    assert re.findall(r"<li><p><b>([^<]*)</b>", eve.page) == ["Firefox on Linux"]


async def test_one_session_is_signed_out(desk: AccountDesk, eve: Visit) -> None:
    """That one, and no other; a second time it is over already."""
    phone, office = await second(desk), await second(desk, EDGE)
    await eve.open("/desk/account")
    id = eve.field("id", after="Safari on an iPhone")
    assert (await eve.send("/desk/account/session", id=id)).status == 200
    assert (await phone.open("/desk")).url.path == "/desk/sign-in"
    for visit in (eve, office):
        assert (await visit.open("/desk/account")).url.path == "/desk/account"
    assert (await eve.send("/desk/account/session", id=id)).status == 422
    assert await desk.audit("session_ended") == [("desk:eve", "session_ended", "")]


async def test_nobody_ends_or_uses_another_persons_session(desk: AccountDesk, eve: Visit) -> None:
    """The id in the list ends only one's own sessions, and signs nobody in."""
    phone = await second(desk)
    await eve.open("/desk/account")
    id = eve.field("id", after="Safari on an iPhone")
    cleo = await desk.browser("cleo")
    await cleo.open("/desk/account")
    assert (await cleo.send("/desk/account/session", id=id)).status == 422
    assert (await phone.open("/desk")).url.path == "/desk"
    thief = await desk.browser()
    assert (await thief.open("/desk", cookies={"desk": id})).url.path == "/desk/sign-in"


async def test_all_others_are_signed_out(desk: AccountDesk, eve: Visit) -> None:
    """This one stays."""
    others = [await second(desk), await second(desk, EDGE)]
    await eve.open("/desk/account")
    await eve.send("/desk/account/others")
    for visit in others:
        assert (await visit.open("/desk")).url.path == "/desk/sign-in"
    assert (await eve.open("/desk")).url.path == "/desk"


async def test_a_password_given_elsewhere_is_seen(desk: AccountDesk, eve: Visit) -> None:
    """A session that lacks the second factor is listed as such, and keeps lacking it."""
    accounts = DeskAccounts(desk.gw.services.storage, {})
    factor = new_second_factor(desk.clock.now()).replace(confirmed=True)
    await accounts.change("eve", lambda account: account.replace(second_factor=factor))
    # Only a session with a code is good now: this is one of a browser that has given it.
    storage = desk.gw.services.storage
    for entry in await storage.scan("agents_desk", "session/"):
        if '"eve"' in entry.value:
            given = entry.value.replace('"second_factor":false', '"second_factor":true')
            await storage.put("agents_desk", entry.key, given, version=entry.version)
    thief = await desk.browser(agent=EDGE)
    assert (await thief.sign_in("eve", NEW)).url.path == "/desk/second-factor"
    await eve.open("/desk/account")
    assert "second factor not given" in eve.page
    assert (await thief.open("/desk/account")).url.path == "/desk/second-factor"
    assert await change(eve) == 200
    assert (await eve.open("/desk/account")).url.path == "/desk/account"
    assert (await thief.open("/desk")).url.path == "/desk/sign-in"


@pytest.mark.parametrize(("header", "name"), [
    (FIREFOX, "Firefox on Linux"),
    (SAFARI, "Safari on an iPhone"),
    (EDGE, "Edge on Windows"),
    ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/17.5 Safari/605.1.15",
     "Safari on macOS"),
    ("Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile Safari/537.36", "Chrome on Android"),
    ("<script>alert(1)</script>", ""),
    ("", ""),
])  # fmt: skip
def test_browsers_are_named(header: str, name: str) -> None:
    """In words of ours, whatever the header says."""
    request = make_mocked_request("GET", "/", headers={"User-Agent": header})
    assert browser_name(request) == name
