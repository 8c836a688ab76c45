"""Signing in, staying signed in, and protection against attacks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import argon2
import pytest
import structlog
from aiohttp import ClientSession, CookieJar, web
from click.testing import CliRunner
from multidict import CIMultiDict
from pydantic import ValidationError

from gateway import Agent, TooMany, WarmlineError
from gateway.testing import MemoryStorage, running
from plugins import agents_desk
from plugins.agents_desk import DeskSettings, DeskUser, WebDesk
from plugins.agents_desk.access.accounts import (
    UNUSED_HASH,
    DeskAccount,
    DeskAccounts,
    accounts_from_settings,
    demo_password,
)
from plugins.agents_desk.access.sessions import DeskSessions
from plugins.agents_desk.access.throttle import NetworkTurns, SignInThrottle
from plugins.agents_desk.command import desk as desk_command
from plugins.agents_desk.guard import safe_target
from tests.agents_desk.conftest import PASSWORD, Visit, as_config, user
from tests.agents_desk.conversations import MARIA, DeskGateway, JumpClock

ANA = DeskAccount(name="ana", agent=Agent(id="desk:ana", name="Ana"), fixed=True)
PAGES = ("/desk", f"/desk/c/{MARIA}", f"/desk/c/{MARIA}/files/{'ab' * 32}")
ACTIONS = ("claim", "answer", "note", "resolve", "hand-back", "transfer", "ignore", "advice",
         "assign")  # fmt: skip


def accounts_of(fixed: Mapping[str, DeskAccount]) -> DeskAccounts:
    return DeskAccounts(MemoryStorage(), fixed)


@pytest.mark.parametrize("path", PAGES)
async def test_pages_require_sign_in(visitor: Callable[[], Visit], path: str) -> None:
    """Every page redirects to the sign-in page, which leads back afterwards."""
    visit = visitor()
    answer = await visit.open(path)
    assert answer.url.path == "/desk/sign-in"
    assert visit.field("next") == path
    answer = await visit.send(
        "/desk/sign-in", name="Ana", password=PASSWORD, next=visit.field("next")
    )
    assert answer.url.path == path


@pytest.mark.parametrize("path", ["/desk/live", f"/desk/c/{MARIA}"])
async def test_background_requests_get_401(visitor: Callable[[], Visit], path: str) -> None:
    """Requests that a page makes by itself get 401 and no redirect."""
    answer = await visitor().open(path, headers={"X-Desk-Live": "1"}, allow_redirects=False)
    assert answer.status == 401


@pytest.mark.parametrize("action", ACTIONS)
async def test_actions_require_sign_in(
    visitor: Callable[[], Visit], gw: DeskGateway, action: str
) -> None:
    """No action without signing in, not even with the token of the sign-in page."""
    visit = visitor()
    await visit.open("/desk/sign-in")
    before = await gw.state()
    answer = await visit.send(
        f"/desk/c/{MARIA}/{action}", epoch="3", text="hello", key="k", tier="front"
    )
    assert answer.url.path == "/desk/sign-in"
    assert (await gw.state(), gw.voice.linted) == (before, [])


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("token", ["", "0" * 64, "ben's"])
async def test_actions_require_the_sessions_token(
    ana: Visit, ben: Visit, gw: DeskGateway, action: str, token: str
) -> None:
    """A form without the token of the same session is refused and does nothing."""
    await ben.open("/desk")
    csrf = ben.field("csrf") if token == "ben's" else token
    before = await gw.state()
    fields = {"epoch": "3", "text": "hello", "key": "k", "tier": "front"}
    answer = await ana.send(f"/desk/c/{MARIA}/{action}", csrf=csrf, **fields)
    assert answer.status == 403
    assert (await gw.state(), gw.voice.linted) == (before, [])


async def test_cross_site_forms_are_refused(ana: Visit, gw: DeskGateway) -> None:
    """A POST that the browser marks as cross-site is refused, even with the token."""
    await ana.open(f"/desk/c/{MARIA}")
    answer = await ana.http.post(
        f"{ana.url}/desk/c/{MARIA}/claim",
        data={"csrf": ana.field("csrf"), "epoch": "3"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status == 403
    assert (await gw.desk.card(MARIA)).conversation.owner is None


async def test_link_from_another_site_opens_the_page(visitor: Callable[[], Visit]) -> None:
    """A browser does not send a Strict cookie from another site: the page reloads itself."""
    visit = visitor()
    answer = await visit.open(
        f"/desk/c/{MARIA}?show=mine", headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status == 200
    assert f'http-equiv="refresh" content="0;url=/desk/c/{MARIA}?show=mine"' in visit.page


@pytest.mark.parametrize("target", [
    "https://evil.example/desk", "//evil.example/desk", "/desk\\..\\x", "/desk/../admin",
    "javascript:alert(1)", "/deskx", "", "/desk\r\nSet-Cookie: a=b", "\t//evil.example",
])  # fmt: skip
def test_redirects_stay_on_the_desk(target: str) -> None:
    """Sign-in redirects only to pages of the desk."""
    assert safe_target(target) == "/desk"


async def test_unknown_name_and_wrong_password_look_the_same(visitor: Callable[[], Visit]) -> None:
    """The page does not reveal which names exist."""
    seen = []
    for name in ("ana", "nobody"):
        visit = visitor()
        answer = await visit.sign_in(name, "wrong")
        seen.append((answer.status, re.sub(r'value="[^"]*"', "", visit.page)))
    assert seen[0] == seen[1]
    assert seen[0][0] == 401


async def test_attempts_are_limited(visitor: Callable[[], Visit], gw: DeskGateway) -> None:
    """After five attempts even the right password must wait, until the window is over."""
    visit = visitor()
    for _ in range(5):
        assert (await visit.sign_in("ana", "wrong")).status == 401
    answer = await visit.sign_in("ana", PASSWORD)
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert (await visitor().sign_in("ben", PASSWORD)).url.path == "/desk"
    gw.clock.advance(901)
    assert (await visit.sign_in("ana", PASSWORD)).url.path == "/desk"


async def test_nobody_locks_an_office_out(visitor: Callable[[], Visit]) -> None:
    """However many attempts fail behind one address, a colleague with the right password signs in
    from there."""
    visit = visitor()
    for i in range(60):
        await visit.sign_in(f"n{i}", "wrong")
    assert (await visitor().sign_in("ben", PASSWORD)).url.path == "/desk"


async def test_a_network_under_attack_has_fewer_attempts_for_each_name() -> None:
    """After fifty failures in a network, each name has two attempts from there, never none."""
    tries = SignInThrottle(MemoryStorage(), JumpClock())
    for i in range(50):
        assert await tries.admit(f"n{i}", "1.2.3.4") == 0.0
        await tries.failed(f"n{i}", "1.2.3.4")
    assert [await tries.admit("ben", "1.2.3.4") for _ in range(3)] == [0.0, 0.0, 900.0]
    assert await tries.admit("ben", "5.6.7.8") == 0.0


async def test_ipv6_network_counts_as_one_address() -> None:
    """A /64 network has one counter."""
    tries = SignInThrottle(MemoryStorage(), JumpClock())
    waits = [await tries.admit("ana", f"2001:db8:0:1::{i:x}") for i in range(6)]
    assert waits == [0.0] * 5 + [900.0]


async def test_nobody_locks_a_user_out_from_elsewhere() -> None:
    """Attempts from many networks leave the owner two from a new place, and five in a browser in
    which they signed in before."""
    tries = SignInThrottle(MemoryStorage(), JumpClock())
    await tries.remember("ana", "her own browser")
    for i in range(200):
        assert await tries.admit("ana", f"10.0.{i}.1") == 0.0
        await tries.failed("ana", f"10.0.{i}.1")
    assert [await tries.admit("ana", "9.9.9.9") for _ in range(3)] == [0.0, 0.0, 900.0]
    own = [await tries.admit("ana", "9.9.9.9", "her own browser") for _ in range(6)]
    assert own == [0.0] * 5 + [900.0]


async def test_a_colleague_in_the_office_locks_nobody_out(visitor: Callable[[], Visit]) -> None:
    """Wrong passwords from the same address do not count in the owner's own browser."""
    own = visitor()
    await own.sign_in("ana", PASSWORD)
    await own.open("/desk")
    await own.send("/desk/sign-out")
    other = visitor()
    answers = [(await other.sign_in("ana", "wrong")).status for _ in range(6)]
    assert answers == [401] * 5 + [429]
    assert (await own.sign_in("ana", PASSWORD)).url.path == "/desk"


async def test_unknown_names_are_counted_as_known_ones(visitor: Callable[[], Visit]) -> None:
    """Neither the answers nor their order tell which names exist, also after many attempts."""
    visit = visitor()
    for i in range(8):
        await visit.sign_in(f"invented-{i}", "wrong")
    answers = {
        name: [(await visit.sign_in(name, "wrong")).status for _ in range(7)]
        for name in ("ana", "nobody", "cleo", "no-one")
    }
    assert set(map(tuple, answers.values())) == {(401,) * 5 + (429,) * 2}


async def test_invented_names_fill_no_storage() -> None:
    """The number of entries is bounded, whatever is tried."""
    storage, clock = MemoryStorage(), JumpClock()
    tries = SignInThrottle(storage, clock)
    keys = {await tries._place("both", f"name {i}", "1.2.3.4") for i in range(2000)}
    assert all(re.fullmatch("tries/both/[0-9a-f]{4}", key) for key in keys)
    other = SignInThrottle(MemoryStorage(), clock)
    assert await other._place("both", "a", "b") != await tries._place("both", "a", "b")


@pytest.mark.parametrize("behind", [
    [("X-Forwarded-For", "203.0.113.7")],
    [("X-Forwarded-For", "10.9.8.7, 203.0.113.7")],
    [("X-Forwarded-For", "10.9.8.7"), ("X-Forwarded-For", "203.0.113.7")],
    [("X-Forwarded-For", "10.9.8.7"), ("X-Forwarded-For", "1.1.1.1, 203.0.113.7:4711")],
])  # fmt: skip
async def test_the_proxys_own_entry_is_the_clients_address(
    tmp_path: Path, behind: list[tuple[str, str]]
) -> None:
    """The last entry over all lines counts: what the client wrote before it changes nothing."""
    config = {"proxies": 1, "plugins": {"agents_desk": {"users": [as_config(user("ana"))]}}}
    async with (
        running(agents_desk, config=config, tmp_path=tmp_path) as gw,
        ClientSession(cookie_jar=CookieJar(unsafe=True), headers=CIMultiDict(behind)) as http,
    ):
        await Visit(http, gw.url).sign_in("ana", "wrong")
        [line] = await gw.services.audit.lines(who="desk:ana")
    assert line.origin == "203.0.113.7"


async def test_attempts_are_shared_by_processes() -> None:
    """Attempts are counted in the database, for all processes and across restarts."""
    storage, clock = MemoryStorage(), JumpClock()
    waits = [await SignInThrottle(storage, clock).admit("ana", "1.2.3.4") for _ in range(6)]
    assert waits == [0.0] * 5 + [900.0]


async def test_old_attempts_are_deleted() -> None:
    """Attempts outside the window are deleted."""
    storage, clock = MemoryStorage(), JumpClock()
    tries = SignInThrottle(storage, clock)
    for i in range(20):
        await tries.admit(f"n{i}", f"10.0.0.{i}")
        await tries.failed(f"n{i}", f"10.0.0.{i}")
    assert await storage.scan("agents_desk", "tries/")
    clock.advance(901)
    await tries.delete_expired()
    assert await storage.scan("agents_desk", "tries/") == ()


async def test_parallel_attempts_all_count(visitor: Callable[[], Visit]) -> None:
    """Parallel attempts are counted before their passwords are checked."""
    visit = visitor()
    await visit.open("/desk/sign-in")
    answers = await asyncio.gather(*(
        visit.http.post(f"{visit.url}/desk/sign-in", data={
            "csrf": visit.field("csrf"), "name": "ana", "password": f"wrong {i}"})
        for i in range(12)
    ))  # fmt: skip
    assert sorted(a.status for a in answers) == [401] * 5 + [429] * 7


async def test_sign_in_issues_a_new_session_id(visitor: Callable[[], Visit]) -> None:
    """An id from before sign-in is worthless afterwards; so is an id after sign-out."""
    visit = visitor()
    await visit.open("/desk/sign-in")
    before = {c.key: c.value for c in visit.http.cookie_jar}
    await visit.sign_in()
    inside = {c.key: c.value for c in visit.http.cookie_jar}
    assert before["desk"] != inside["desk"]
    await visit.send("/desk/sign-out")
    for cookies in (before, inside):
        answer = await visitor().open("/desk", cookies=cookies)
        assert answer.url.path == "/desk/sign-in"


async def test_session_cookie_is_protected(visitor: Callable[[], Visit], url: str) -> None:
    """HttpOnly and Strict; a forged id does not work."""
    visit = visitor()
    answer = await visit.open("/desk/sign-in")
    cookie = answer.headers["Set-Cookie"]
    assert all(flag in cookie for flag in ("HttpOnly", "SameSite=Strict", "Path=/desk"))
    await visit.sign_in()
    value = next(iter(visit.http.cookie_jar)).value
    forged = value[:-1] + ("0" if value[-1] != "0" else "1")
    assert (await visitor().open("/desk", cookies={"desk": value})).url.path == "/desk"
    assert (await visitor().open("/desk", cookies={"desk": forged})).url.path == "/desk/sign-in"


async def test_https_session_cookie_is_host_bound() -> None:
    """With an https public_url the cookie is Secure and bound to the host."""
    response = web.Response()
    sessions = sessions_in(MemoryStorage(), JumpClock(), secure=True)
    await sessions.start(ANA, response)
    cookie = response.cookies["__Host-desk"]
    assert cookie["secure"]
    assert cookie["path"] == "/"


async def test_idle_and_absolute_time_outs(ana: Visit, gw: DeskGateway) -> None:
    """An hour without activity ends a session, despite refreshes; twelve hours always do."""
    for _ in range(3):
        gw.clock.advance(1500)
        live = await ana.open("/desk", headers={"X-Desk-Live": "1"}, allow_redirects=False)
    assert live.status == 401
    await ana.sign_in()
    for _ in range(13):
        gw.clock.advance(3500)
        answer = await ana.open("/desk")
    assert answer.url.path == "/desk/sign-in"


def sessions_in(
    storage: MemoryStorage, clock: JumpClock, ana: DeskAccount = ANA, *, secure: bool = False
) -> DeskSessions:
    """The sessions of one process."""
    accounts = DeskAccounts(storage, {"ana": ana})
    return DeskSessions(storage, accounts, clock=clock, idle=600, absolute=6000, secure=secure)


async def test_sessions_are_shared_by_processes() -> None:
    """A session survives a restart, and signing out ends it in every process."""
    storage, clock = MemoryStorage(), JumpClock()
    here, there = sessions_in(storage, clock), sessions_in(storage, clock)
    session = await here.start(ANA, web.Response())
    assert await there.is_open(session)
    await there.end(session, web.Response())
    assert not await here.is_open(session)


async def test_a_new_password_in_the_settings_ends_sessions() -> None:
    """A thief who is signed in is out; a restart with the same password changes nothing."""
    storage, clock = MemoryStorage(), JumpClock()
    session = await sessions_in(storage, clock).start(ANA, web.Response())
    assert await sessions_in(storage, clock).is_open(session)
    changed = ANA.replace(password_hash=UNUSED_HASH)
    assert not await sessions_in(storage, clock, changed).is_open(session)


def test_the_demo_user_stays_signed_in_over_a_restart(tmp_path: Path) -> None:
    """The same password has the same hash."""
    settings = DeskSettings(demo_user="ana")
    first, second = (accounts_from_settings(settings, tmp_path)["ana"] for _ in range(2))
    assert first.password_hash == second.password_hash


async def test_stored_sessions_cannot_be_used_to_sign_in() -> None:
    """Only a digest of the id is stored, and no token."""
    storage, clock = MemoryStorage(), JumpClock()
    session = await sessions_in(storage, clock).start(ANA, web.Response())
    kept = await storage.scan("agents_desk", "session/")
    assert len(kept) == 1
    assert session.id not in kept[0].key + kept[0].value
    assert session.token not in kept[0].key + kept[0].value


async def test_expired_sessions_are_deleted() -> None:
    """Expired sessions are deleted."""
    storage, clock = MemoryStorage(), JumpClock()
    sessions = sessions_in(storage, clock)
    await sessions.start(ANA, web.Response())
    clock.advance(601)
    await sessions.delete_expired()
    assert await storage.scan("agents_desk", "session/") == ()


async def test_demo_password_is_stored_and_printed(tmp_path: Path) -> None:
    """Created once, readable only by its owner, printed but not logged."""
    settings = DeskSettings(demo_user="ana")
    desk = WebDesk(
        settings=settings,
        data_dir=tmp_path / "new",
        public_url="http://here",
        longest=4000,
        largest=1000,
    )
    with structlog.testing.capture_logs() as logs:
        first = accounts_of(accounts_from_settings(settings, tmp_path / "new"))
        second = accounts_of(accounts_from_settings(settings, tmp_path / "new"))
        hints = list(desk.hints("http://here"))
    file = tmp_path / "new" / "desk-password"
    password = file.read_text().strip()
    assert file.stat().st_mode & 0o777 == 0o600
    assert hints == [f"Desk   http://here/desk   user ana, password {password}"]
    assert logs == []
    for known in (first, second):
        account = await known.authenticate("ANA", password)
        assert account
        assert account.agent.id == "desk:ana"
        assert account.role == "admin"
        assert await known.authenticate("ana", password + "x") is None


def test_empty_password_file_is_an_error(tmp_path: Path) -> None:
    """An incomplete file is an error that names it, not a password that anyone can guess."""
    file = tmp_path / "desk-password"
    file.write_text("\n")
    with pytest.raises(WarmlineError, match="desk-password"):
        demo_password(tmp_path)


async def test_unknown_user_is_refused() -> None:
    """An unknown name is refused, with an empty password too."""
    assert await accounts_of({}).authenticate("", "") is None


@pytest.mark.parametrize(("values", "problem"), [
    ({"slack_client_id": "1.2"}, "needs slack_client_id, slack_client_secret and slack_team"),
    ({"users": [{"name": "ana", "password_hash": "plain text"}]}, "is not an argon2 hash"),
    ({"demo_user": "a b"}, "pattern"),
    ({"demo_user": "ana", "colour": "blue"}, "Extra inputs"),
    ({"demo_user": "Ana", "users": [user("ana").model_dump()]}, "same name"),
])  # fmt: skip
def test_invalid_settings_are_reported(values: dict[str, object], problem: str) -> None:
    """The error of an invalid setting says what is wrong."""
    with pytest.raises(ValidationError, match=problem):
        DeskSettings.model_validate(values)


def test_hashes_are_not_printed() -> None:
    """Printed settings do not contain the hashes."""
    assert "$argon2" not in repr(user("ana"))


def test_password_command_prints_a_working_hash() -> None:
    """The output of `warmline desk password` is a valid setting for that password."""
    done = CliRunner().invoke(desk_command, ["password"], input="correct horse\ncorrect horse\n")
    assert done.exit_code == 0
    made = DeskUser(name="ana", password_hash=done.stdout.strip().splitlines()[-1])
    hashed = made.password_hash.get_secret_value()
    assert argon2.PasswordHasher().verify(hashed, "correct horse")
    short = CliRunner().invoke(desk_command, ["password"], input="short\nshort\n")
    assert short.exit_code == 2


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", "application/x-www-form-urlencoded; charset=none-such"]
)
async def test_malformed_form_is_400(ana: Visit, visitor: Callable[[], Visit], kind: str) -> None:
    """A multipart body without its boundary, or an unknown charset, is a bad request: for the
    sign-in page and for an action."""
    for visit, path in ((visitor(), "/desk/sign-in"), (ana, f"/desk/c/{MARIA}/note")):
        async with visit.http.post(
            visit.url + path, data=b"csrf=1", headers={"Content-Type": kind}
        ) as answer:
            assert answer.status == 400


def test_unknown_names_take_as_long_as_known_ones() -> None:
    """The hash for unknown names costs as much to check as a new hash."""
    assert not argon2.PasswordHasher().check_needs_rehash(UNUSED_HASH)


@pytest.mark.parametrize("cost", [8, 64, 70_000])
async def test_each_name_costs_the_same_work(monkeypatch: pytest.MonkeyPatch, cost: int) -> None:
    """Whatever a known name's hash costs, an unknown one costs at least as much, and a cheap one
    is checked beside the costliest."""
    monkeypatch.setattr("plugins.agents_desk.access.accounts.UNUSED_HASH", UNUSED_HASH)
    hashed = argon2.PasswordHasher(time_cost=1, memory_cost=cost, parallelism=1).hash(PASSWORD)
    accounts = accounts_of({"ana": ANA.replace(password_hash=hashed)})
    checked: list[str] = []
    monkeypatch.setattr(accounts, "_matches", lambda tried, _: checked.append(tried))
    reference = max((UNUSED_HASH, hashed), key=work)
    for name in ("nobody", "ana"):
        checked.clear()
        await accounts.authenticate(name, "wrong")
        assert reference in checked


def work(password_hash: str) -> int:
    parameters = argon2.extract_parameters(password_hash)
    return parameters.memory_cost * parameters.time_cost


async def test_one_network_does_not_make_others_wait() -> None:
    """One sign-in of each network runs at a time; a flood is refused after twenty."""
    turns, running_now = NetworkTurns(), asyncio.Event()
    go = asyncio.Event()

    async def sign_in(address: str) -> None:
        async with turns.turn(address):
            running_now.set()
            await go.wait()

    flood = [asyncio.create_task(sign_in("1.2.3.4")) for _ in range(20)]
    await running_now.wait()
    with pytest.raises(TooMany):
        await sign_in("1.2.3.4")
    other = asyncio.create_task(sign_in("5.6.7.8"))
    go.set()
    await asyncio.gather(other, *flood)
