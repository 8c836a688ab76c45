"""The second factor: enrolment, codes, recovery codes, what the settings require, and attacks."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyotp
import pytest
from aiohttp import ClientSession, CookieJar

from gateway.testing import RunningGateway, running
from plugins import agents_desk
from plugins.agents_desk.access.account_data import PersonData
from plugins.agents_desk.access.accounts import DeskAccounts
from plugins.agents_desk.access.admin import AccountManager
from plugins.agents_desk.access.second_factor import (
    WrongCode,
    new_recovery_codes,
    new_second_factor,
    qr_code,
    recovery_digest,
    use_code,
)
from plugins.agents_desk.settings import Role
from tests.agents_desk.conftest import PASSWORD, Visit, as_config, user
from tests.agents_desk.conversations import NOW, JumpClock

PAGE = "/desk/second-factor"
RFC_SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
"""The secret of RFC 6238, appendix B, in base32."""


class Desk:
    """A desk whose clock the test sets, and its people's authenticators."""

    def __init__(self) -> None:
        self.clock = JumpClock()
        self.gw: RunningGateway
        self.secrets: dict[str, str] = {}
        self._browsers: list[ClientSession] = []

    def browser(self) -> Visit:
        http = ClientSession(cookie_jar=CookieJar(unsafe=True))
        self._browsers.append(http)
        return Visit(http, self.gw.url)

    def code(self, name: str = "ana", *, periods: int = 0) -> str:
        """What the authenticator of ``name`` shows, ``periods`` from now."""
        at = self.clock.now() + timedelta(seconds=30 * periods)
        return pyotp.TOTP(self.secrets[name]).at(at)

    async def enrol(self, visit: Visit, name: str = "ana") -> list[str]:
        """Set up a second factor in ``visit``, which is signed in; the recovery codes."""
        await visit.open(PAGE)
        await visit.send(f"{PAGE}/start")
        shown = re.search(r"<code>([A-Z2-7 ]+)</code>", visit.page)
        assert shown
        self.secrets[name] = shown[1].replace(" ", "")
        answer = await visit.send(f"{PAGE}/confirm", code=self.code(name))
        assert answer.status == 200
        self.clock.advance(30)
        return re.findall(r"<code>([a-z2-9-]{19})</code>", visit.page)

    async def enrolled(self, name: str = "ana") -> tuple[Visit, list[str]]:
        """A browser in which ``name`` has enrolled, and the recovery codes."""
        visit = self.browser()
        await visit.sign_in(name, PASSWORD)
        return visit, await self.enrol(visit, name)

    async def close(self) -> None:
        for http in self._browsers:
            await http.close()


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    """Starts a desk; the roles in its arguments must have a second factor."""
    desk = Desk()
    stack: list[Any] = []

    async def start(*required: Role) -> Desk:
        users = [as_config(user("ana")), as_config(user("dora", "admin"))]
        config = {"plugins": {"agents_desk": {"users": users, "second_factor": list(required)}}}
        context = running(agents_desk, config=config, tmp_path=tmp_path, clock=desk.clock)
        stack.append(context)
        desk.gw = await context.__aenter__()
        return desk

    yield start
    await desk.close()
    for context in stack:
        await context.__aexit__(None, None, None)


@pytest.mark.parametrize(("at", "code"), [
    (59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"),
    (2000000000, "279037"), (20000000000, "353130"),
])  # fmt: skip
def test_the_codes_are_those_of_the_rfc(at: int, code: str) -> None:
    """RFC 6238, appendix B, shortened to six digits."""
    now = NOW.fromtimestamp(at, NOW.tzinfo)
    factor = new_second_factor(now).replace(secret=RFC_SECRET)
    assert use_code(factor, code, now).last == at // 30


@pytest.mark.parametrize(
    ("periods", "works"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)]
)
def test_a_clock_may_be_half_a_minute_wrong(periods: int, works: bool) -> None:
    """One period before and after, and no more."""
    factor = new_second_factor(NOW)
    code = pyotp.TOTP(factor.secret).at(NOW + timedelta(seconds=30 * periods))
    if works:
        assert use_code(factor, f" {code[:3]} {code[3:]} ", NOW)
    else:
        with pytest.raises(WrongCode):
            use_code(factor, code, NOW)


@pytest.mark.parametrize(
    "code", ["", "000000", "12345", "1234567", "abcdef", "\u0661" * 6, "x" * 64]
)
def test_a_wrong_code_is_refused(code: str) -> None:
    """Whatever is typed."""
    with pytest.raises(WrongCode):
        use_code(new_second_factor(NOW).replace(secret=RFC_SECRET), code, NOW)


def test_a_code_works_once() -> None:
    """Neither it nor an earlier one works again."""
    factor = new_second_factor(NOW)
    generator = pyotp.TOTP(factor.secret)
    used = use_code(factor, generator.at(NOW), NOW)
    for earlier in (NOW, NOW - timedelta(seconds=30)):
        with pytest.raises(WrongCode):
            use_code(used, generator.at(earlier), NOW)
    later = NOW + timedelta(seconds=30)
    assert use_code(used, generator.at(later), later)


def test_a_recovery_code_works_once() -> None:
    """With or without dashes, in any case; the others still work."""
    codes = new_recovery_codes()
    factor = new_second_factor(NOW).replace(recovery=tuple(map(recovery_digest, codes)))
    left = use_code(factor, codes[0].upper().replace("-", " "), NOW)
    with pytest.raises(WrongCode):
        use_code(left, codes[0], NOW)
    assert len(use_code(left, codes[1], NOW).recovery) == 8
    assert len(set(codes)) == 10


def test_the_picture_holds_no_script_and_no_style() -> None:
    """It is inserted into the page as it is, under a policy that allows neither."""
    svg = qr_code('otpauth://totp/a"><script>alert(1)</script>?secret=ABC')
    assert svg.startswith("<svg ")
    assert re.fullmatch(r'[<>\w ="#().,/:;-]*', svg)
    assert "style" not in svg
    assert "script" not in svg


async def test_a_person_signs_in_with_a_code(opened: Callable[..., Any]) -> None:
    """After enrolling, the password alone opens nothing; with the code it opens the page wanted."""
    desk = await opened()
    await desk.enrolled()
    visit = desk.browser()
    answer = await visit.sign_in("ana", PASSWORD)
    assert answer.url.path == PAGE
    for path in ("/desk", "/desk/c/1", "/desk/live"):
        refused = await visit.open(path, allow_redirects=False)
        assert refused.status in (303, 401)
    await visit.open("/desk?show=mine")
    answer = await visit.send(f"{PAGE}/code", code=desk.code(), next=visit.field("next"))
    assert answer.url.path_qs == "/desk?show=mine"


async def test_a_wrong_code_signs_nobody_in(opened: Callable[..., Any]) -> None:
    """The page says so, and asks again."""
    desk = await opened()
    await desk.enrolled()
    visit = desk.browser()
    await visit.sign_in("ana", PASSWORD)
    answer = await visit.send(f"{PAGE}/code", code=desk.code(periods=5))
    assert answer.status == 422
    assert "wrong" in visit.page
    assert (await visit.open("/desk")).url.path == PAGE


async def test_the_code_that_confirmed_does_not_sign_in(opened: Callable[..., Any]) -> None:
    """A code that somebody saw while it was typed is worth nothing."""
    desk = await opened()
    await desk.enrolled()
    seen = desk.code(periods=-1)
    visit = desk.browser()
    await visit.sign_in("ana", PASSWORD)
    assert (await visit.send(f"{PAGE}/code", code=seen)).status == 422


async def test_one_code_signs_in_one_browser(opened: Callable[..., Any]) -> None:
    """Of two that send it at the same time, one is refused."""
    desk = await opened()
    await desk.enrolled()
    visits = [desk.browser(), desk.browser()]
    for visit in visits:
        await visit.sign_in("ana", PASSWORD)
    code = desk.code()
    answers = await asyncio.gather(*(visit.send(f"{PAGE}/code", code=code) for visit in visits))
    assert sorted(answer.status for answer in answers) == [200, 422]


async def test_guessing_codes_is_limited(opened: Callable[..., Any]) -> None:
    """Ten guesses from all browsers together; then even the right code waits. The browser in which
    the person signed in before is not slowed down."""
    desk = await opened()
    own, _ = await desk.enrolled()
    await own.open("/desk")
    await own.send("/desk/sign-out")
    statuses = []
    for _ in range(4):
        visit = desk.browser()
        await visit.sign_in("ana", PASSWORD)
        statuses += [(await visit.send(f"{PAGE}/code", code="000000")).status for _ in range(3)]
    assert statuses == [422] * 10 + [429] * 2
    answer = await visit.send(f"{PAGE}/code", code=desk.code())
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    await own.sign_in("ana", PASSWORD)
    assert (await own.send(f"{PAGE}/code", code=desk.code())).url.path == "/desk"


async def test_somebody_else_signs_in_instead(opened: Callable[..., Any]) -> None:
    """Whoever does not have the code can go back to the sign-in page."""
    desk = await opened()
    await desk.enrolled()
    visit = desk.browser()
    await visit.sign_in("ana", PASSWORD)
    assert (await visit.send("/desk/sign-out")).url.path == "/desk/sign-in"
    assert (await visit.open(PAGE)).url.path == "/desk/sign-in"


async def test_a_recovery_code_signs_in_without_the_phone(opened: Callable[..., Any]) -> None:
    """Once."""
    desk = await opened()
    _, codes = await desk.enrolled()
    assert len(codes) == 10
    for status in (200, 422):
        visit = desk.browser()
        await visit.sign_in("ana", PASSWORD)
        assert (await visit.send(f"{PAGE}/code", code=codes[0])).status == status


async def test_a_role_must_enrol_where_the_settings_say_so(opened: Callable[..., Any]) -> None:
    """Nothing of the desk opens before that; other roles go on with their password."""
    desk = await opened("admin")
    visit = desk.browser()
    answer = await visit.sign_in("dora", PASSWORD)
    assert answer.url.path == PAGE
    assert (await visit.open("/desk/users")).url.path == PAGE
    await desk.enrol(visit, "dora")
    assert (await visit.open("/desk/users")).url.path == "/desk/users"
    assert (await desk.browser().sign_in("ana", PASSWORD)).url.path == "/desk"


async def test_a_forced_person_cannot_go_without(opened: Callable[..., Any]) -> None:
    """Whoever removes it enrols the next at once."""
    desk = await opened("admin")
    visit, _ = await desk.enrolled("dora")
    await visit.open(PAGE)
    await visit.send(f"{PAGE}/remove", code=desk.code("dora"))
    assert (await visit.open("/desk")).url.path == PAGE


@pytest.mark.parametrize("action", ["remove", "recovery"])
async def test_changing_it_needs_a_code(opened: Callable[..., Any], action: str) -> None:
    """Somebody at an unlocked desk can neither remove it nor read new recovery codes."""
    desk = await opened()
    visit, codes = await desk.enrolled()
    await visit.open(PAGE)
    assert (await visit.send(f"{PAGE}/{action}", code="000000")).status == 422
    await visit.send(f"{PAGE}/{action}", code=codes[3])
    other = desk.browser()
    answer = await other.sign_in("ana", PASSWORD)
    assert answer.url.path == ("/desk" if action == "remove" else PAGE)


@pytest.mark.parametrize("action", ["start", "confirm", "recovery", "remove"])
async def test_the_password_alone_changes_nothing(opened: Callable[..., Any], action: str) -> None:
    """Somebody with the password only cannot replace, read or remove the second factor."""
    desk = await opened()
    await desk.enrolled()
    thief = desk.browser()
    await thief.sign_in("ana", PASSWORD)
    await thief.send(f"{PAGE}/{action}", code="000000")
    assert desk.secrets["ana"][:4] not in thief.page
    visit = desk.browser()
    await visit.sign_in("ana", PASSWORD)
    assert (await visit.send(f"{PAGE}/code", code=desk.code())).url.path == "/desk"


async def test_enrolling_ends_other_sessions(opened: Callable[..., Any]) -> None:
    """Sessions from before, without a code, are over."""
    desk = await opened()
    before = desk.browser()
    await before.sign_in("ana", PASSWORD)
    visit, _ = await desk.enrolled()
    assert (await before.open("/desk")).url.path == "/desk/sign-in"
    assert (await visit.open("/desk")).url.path == "/desk"


async def test_an_unfinished_sign_in_expires(opened: Callable[..., Any]) -> None:
    """Ten minutes after the password it is asked for again."""
    desk = await opened()
    await desk.enrolled()
    visit = desk.browser()
    await visit.sign_in("ana", PASSWORD)
    desk.clock.advance(601)
    answer = await visit.send(f"{PAGE}/code", code=desk.code())
    assert answer.url.path == "/desk/sign-in"


async def test_an_admin_helps_with_a_lost_phone(opened: Callable[..., Any]) -> None:
    """Removes it for somebody else, not for themselves; it is recorded."""
    desk = await opened()
    await desk.enrolled("ana")
    admin = desk.browser()
    await admin.sign_in("dora", PASSWORD)
    await admin.open("/desk/users")
    own = await admin.send("/desk/users/reset-second-factor", name="dora")
    assert own.status == 422
    await admin.open("/desk/users")
    await admin.send("/desk/users/reset-second-factor", name="ana")
    assert (await desk.browser().sign_in("ana", PASSWORD)).url.path == "/desk"
    lines = await desk.gw.services.audit.lines(who="desk:dora")
    assert "second_factor_removed" in {line.what for line in lines}


async def test_what_happens_is_recorded(opened: Callable[..., Any]) -> None:
    """Added, failed, signed in; no code and no secret in the log."""
    desk = await opened()
    await desk.enrolled()
    visit = desk.browser()
    await visit.sign_in("ana", PASSWORD)
    await visit.send(f"{PAGE}/code", code="000000")
    code = desk.code()
    await visit.send(f"{PAGE}/code", code=code)
    lines = await desk.gw.services.audit.lines(who="desk:ana")
    assert [line.what for line in reversed(lines)] == [
        "signed_in", "second_factor_added", "signed_in", "second_factor_failed", "signed_in",
    ]  # fmt: skip
    written = repr(lines)
    assert code not in written
    assert desk.secrets["ana"] not in written


async def test_an_agents_data_are_exported_and_erased(opened: Callable[..., Any]) -> None:
    """The export names everything and holds no secret; nothing is left after the removal."""
    desk = await opened()
    storage, audit = desk.gw.services.storage, desk.gw.services.audit
    accounts = DeskAccounts(storage, {})
    manager = AccountManager(
        accounts=accounts, audit=audit, data=PersonData(storage, accounts, audit)
    )
    await manager.add("cli:test", "zoe", PASSWORD)
    _, codes = await desk.enrolled("zoe")
    own = {"agent": "desk:zoe", "words": "call"}
    for key in (
        "reminder/1/a",
        "own-reminder/desk:zoe/1/a",
        "mention/desk:zoe/1",
        "alerts/desk:zoe",
    ):
        await storage.put("agents_desk", key, json.dumps(own))
    exported = await manager.export("cli:test", "ZOE")
    assert (exported["reminders"], exported["mentions"], exported["alerts"]) == ([own], [own], own)
    assert exported["account"]["second_factor"]
    assert exported["account"]["recovery_codes"] == 10
    assert len(exported["sessions"]) == len(exported["browsers"]) == 1
    assert {line["what"] for line in exported["audit"]} >= {"signed_in", "second_factor_added"}
    text = json.dumps(exported)
    for secret in (desk.secrets["zoe"], recovery_digest(codes[0]), "argon2"):
        assert secret not in text
    await manager.remove("cli:test", "zoe")
    left = [entry for entry in await storage.scan("agents_desk", "") if "zoe" in repr(entry)]
    assert left == []
