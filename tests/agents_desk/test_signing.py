"""Signing in, staying signed in, and what an attacker meets."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import argon2
import pytest
import structlog
from aiohttp import web
from click.testing import CliRunner
from pydantic import ValidationError

from gateway import Agent, WarmlineError
from gateway.testing import MemoryNotebook
from plugins.agents_desk import DeskSettings, DeskUser, WebDesk
from plugins.agents_desk.accounts import (
    UNUSED_HASH,
    DeskAccount,
    DeskAccounts,
    accounts_from_settings,
    demo_password,
)
from plugins.agents_desk.command import desk as desk_command
from plugins.agents_desk.guard import safe_target
from plugins.agents_desk.sessions import DeskSessions
from plugins.agents_desk.sign_in import SignInThrottle
from tests.agents_desk.conftest import PASSWORD, Visit, user
from tests.agents_desk.town import FakeClock, Town

ANA = DeskAccount(name="ana", agent=Agent(id="desk:ana", name="Ana"), fixed=True)
PAGES = ("/desk", "/desk/c/1", f"/desk/c/1/files/{'ab' * 32}")
DEEDS = ("claim", "answer", "note", "resolve", "hand-back", "transfer", "ignore", "advice",
         "assign")  # fmt: skip


def someone(accounts: Mapping[str, DeskAccount]) -> DeskAccounts:
    return DeskAccounts(MemoryNotebook(), accounts)


@pytest.mark.parametrize("path", PAGES)
async def test_a_stranger_must_sign_in_first(visitor: Callable[[], Visit], path: str) -> None:
    """Every page sends a stranger to the sign-in page, and brings them back afterwards."""
    visit = visitor()
    answer = await visit.open(path)
    assert answer.url.path == "/desk/sign-in"
    assert visit.field("next") == path
    answer = await visit.send(
        "/desk/sign-in", name="Ana", password=PASSWORD, next=visit.field("next")
    )
    assert answer.url.path == path


@pytest.mark.parametrize("path", ["/desk/live", "/desk/c/1"])
async def test_a_page_learns_that_it_is_signed_out(visitor: Callable[[], Visit], path: str) -> None:
    """What a page fetches by itself says 401 and does not lead elsewhere."""
    answer = await visitor().open(path, headers={"X-Desk-Live": "1"}, allow_redirects=False)
    assert answer.status == 401


@pytest.mark.parametrize("deed", DEEDS)
async def test_a_stranger_changes_nothing(
    visitor: Callable[[], Visit], town: Town, deed: str
) -> None:
    """No deed without signing in, not even with a token of the sign-in page."""
    visit = visitor()
    await visit.open("/desk/sign-in")
    before = dict(town.desk.cards)
    answer = await visit.send(f"/desk/c/1/{deed}", epoch="3", text="hello", key="k", tier="front")
    assert answer.url.path == "/desk/sign-in"
    assert (town.desk.cards, town.desk.said, town.desk.advised) == (before, [], [])


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("token", ["", "0" * 64, "ben's"])
async def test_a_deed_needs_this_sessions_token(
    ana: Visit, ben: Visit, town: Town, deed: str, token: str
) -> None:
    """A form without the token of the very same session is refused and does nothing."""
    await ben.open("/desk")
    csrf = ben.field("csrf") if token == "ben's" else token
    before = dict(town.desk.cards)
    fields = {"epoch": "3", "text": "hello", "key": "k", "tier": "front"}
    answer = await ana.send(f"/desk/c/1/{deed}", csrf=csrf, **fields)
    assert answer.status == 403
    assert (town.desk.cards, town.desk.said, town.desk.advised) == (before, [], [])


async def test_another_site_cannot_send_our_forms(ana: Visit, town: Town) -> None:
    """A browser that says a POST comes from another site is refused, token or not."""
    await ana.open("/desk/c/1")
    answer = await ana.http.post(
        f"{ana.url}/desk/c/1/claim",
        data={"csrf": ana.field("csrf"), "epoch": "3"},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status == 403
    assert town.desk.cards[1].conversation.owner is None


async def test_a_link_in_a_mail_opens_the_page(visitor: Callable[[], Visit]) -> None:
    """A Strict cookie is not sent from a link elsewhere: the page asks again from itself."""
    visit = visitor()
    answer = await visit.open("/desk/c/1?show=mine", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 200
    assert 'http-equiv="refresh" content="0;url=/desk/c/1?show=mine"' in visit.page


@pytest.mark.parametrize("target", [
    "https://evil.example/desk", "//evil.example/desk", "/desk\\..\\x", "/desk/../admin",
    "javascript:alert(1)", "/deskx", "", "/desk\r\nSet-Cookie: a=b", "\t//evil.example",
])  # fmt: skip
def test_signing_in_leads_nowhere_else(target: str) -> None:
    """Only pages of the desk are gone on to."""
    assert safe_target(target) == "/desk"


async def test_wrong_names_and_passwords_read_alike(visitor: Callable[[], Visit]) -> None:
    """Nobody learns from the page which names exist."""
    seen = []
    for name in ("ana", "nobody"):
        visit = visitor()
        answer = await visit.sign_in(name, "wrong")
        seen.append((answer.status, re.sub(r'value="[^"]*"', "", visit.page)))
    assert seen[0] == seen[1]
    assert seen[0][0] == 401


async def test_guessing_is_stopped(visitor: Callable[[], Visit], town: Town) -> None:
    """After five attempts even the right password waits, until the window is over."""
    visit = visitor()
    for _ in range(5):
        assert (await visit.sign_in("ana", "wrong")).status == 401
    answer = await visit.sign_in("ana", PASSWORD)
    assert answer.status == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 900
    assert (await visitor().sign_in("ben", PASSWORD)).url.path == "/desk"
    town.clock.advance(901)
    assert (await visit.sign_in("ana", PASSWORD)).url.path == "/desk"


async def test_one_address_cannot_try_all_names() -> None:
    """Thirty attempts from one address are enough; another address is not touched."""
    tries = SignInThrottle(MemoryNotebook(), FakeClock())
    assert [await tries.admit(f"n{i}", "1.2.3.4") for i in range(30)] == [0.0] * 30
    assert await tries.admit("n99", "1.2.3.4") == 900.0
    assert await tries.admit("n99", "5.6.7.8") == 0.0


async def test_one_subscriber_is_one_address() -> None:
    """Whoever has a whole IPv6 network has one counter for it."""
    tries = SignInThrottle(MemoryNotebook(), FakeClock())
    waits = [await tries.admit("ana", f"2001:db8:0:1::{i:x}") for i in range(6)]
    assert waits == [0.0] * 5 + [900.0]


async def test_many_addresses_cannot_guess_one_name() -> None:
    """Fifty attempts for a name from anywhere are enough; where its owner is known they go on."""
    tries = SignInThrottle(MemoryNotebook(), FakeClock())
    await tries.succeeded("ana", "9.9.9.9")
    waits = [await tries.admit("ana", f"10.0.0.{i}") for i in range(51)]
    assert waits == [0.0] * 50 + [900.0]
    assert await tries.admit("ana", "9.9.9.9") == 0.0


async def test_attempts_are_counted_by_all_processes() -> None:
    """The count is the database's: another process goes on from it, a restart forgets nothing."""
    notebook, clock = MemoryNotebook(), FakeClock()
    waits = [await SignInThrottle(notebook, clock).admit("ana", "1.2.3.4") for _ in range(6)]
    assert waits == [0.0] * 5 + [900.0]


async def test_old_attempts_are_forgotten() -> None:
    """What counts no more is not kept."""
    notebook, clock = MemoryNotebook(), FakeClock()
    tries = SignInThrottle(notebook, clock)
    for i in range(20):
        await tries.admit("", f"10.0.0.{i}")
    assert await notebook.scan("agents_desk", "tries/")
    clock.advance(901)
    await tries.delete_expired()
    assert await notebook.scan("agents_desk", "tries/") == ()


async def test_a_burst_counts_in_full(visitor: Callable[[], Visit]) -> None:
    """Attempts side by side are counted before their passwords are checked."""
    visit = visitor()
    await visit.open("/desk/sign-in")
    answers = await asyncio.gather(*(
        visit.http.post(f"{visit.url}/desk/sign-in", data={
            "csrf": visit.field("csrf"), "name": "ana", "password": f"wrong {i}"})
        for i in range(12)
    ))  # fmt: skip
    assert sorted(a.status for a in answers) == [401] * 5 + [429] * 7


async def test_signing_in_gives_a_new_id(visitor: Callable[[], Visit]) -> None:
    """An id known from before signing in is worth nothing afterwards, nor after signing out."""
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


async def test_the_cookie_is_for_the_server_alone(visitor: Callable[[], Visit], url: str) -> None:
    """HttpOnly and Strict; another id opens nothing."""
    visit = visitor()
    answer = await visit.open("/desk/sign-in")
    cookie = answer.headers["Set-Cookie"]
    assert all(flag in cookie for flag in ("HttpOnly", "SameSite=Strict", "Path=/desk"))
    await visit.sign_in()
    value = next(iter(visit.http.cookie_jar)).value
    forged = value[:-1] + ("0" if value[-1] != "0" else "1")
    assert (await visitor().open("/desk", cookies={"desk": value})).url.path == "/desk"
    assert (await visitor().open("/desk", cookies={"desk": forged})).url.path == "/desk/sign-in"


async def test_https_makes_the_cookie_secure(town: Town, tmp_path: Path) -> None:
    """With a public https address the cookie is Secure and bound to the host."""
    sessions = kept_by(MemoryNotebook(), town.clock, secure=True)
    WebDesk(
        settings=DeskSettings(users=(user("ana"),)),
        data_dir=tmp_path,
        public_url="https://help.example",
        longest=100,
    )
    assert sessions.cookie == "__Host-desk"


async def test_idle_and_absolute_time_outs(ana: Visit, town: Town) -> None:
    """An hour without a deed signs out, refreshes notwithstanding; twelve hours do always."""
    for _ in range(3):
        town.clock.advance(1500)
        live = await ana.open("/desk", headers={"X-Desk-Live": "1"}, allow_redirects=False)
    assert live.status == 401
    await ana.sign_in()
    for _ in range(13):
        town.clock.advance(3500)
        answer = await ana.open("/desk")
    assert answer.url.path == "/desk/sign-in"


def kept_by(notebook: MemoryNotebook, clock: FakeClock, *, secure: bool = False) -> DeskSessions:
    """Sessions as one process has them."""
    accounts = DeskAccounts(notebook, {"ana": ANA})
    return DeskSessions(notebook, accounts, clock=clock, idle=600, absolute=6000, secure=secure)


async def test_a_session_is_seen_by_every_process() -> None:
    """It survives a restart, and signing out ends it everywhere."""
    notebook, clock = MemoryNotebook(), FakeClock()
    here, there = kept_by(notebook, clock), kept_by(notebook, clock)
    session = await here.start(ANA, web.Response())
    assert await there.is_open(session)
    await there.end(session, web.Response())
    assert not await here.is_open(session)


async def test_the_database_gives_no_session_away() -> None:
    """What is kept is a digest of the id: whoever reads it cannot sign in with it."""
    notebook, clock = MemoryNotebook(), FakeClock()
    session = await kept_by(notebook, clock).start(ANA, web.Response())
    kept = await notebook.scan("agents_desk", "session/")
    assert len(kept) == 1
    assert session.id not in kept[0].key + kept[0].value
    assert session.token not in kept[0].key + kept[0].value


async def test_sessions_that_are_over_are_forgotten() -> None:
    """Nothing is kept of them."""
    notebook, clock = MemoryNotebook(), FakeClock()
    sessions = kept_by(notebook, clock)
    await sessions.start(ANA, web.Response())
    clock.advance(601)
    await sessions.delete_expired()
    assert await notebook.scan("agents_desk", "session/") == ()


async def test_the_demo_password_is_kept_and_told(tmp_path: Path) -> None:
    """Made once, for its owner alone, the same after a restart; told, but not to the log."""
    settings = DeskSettings(demo_user="ana")
    desk = WebDesk(
        settings=settings, data_dir=tmp_path / "new", public_url="http://here", longest=4000
    )
    with structlog.testing.capture_logs() as logs:
        first = someone(accounts_from_settings(settings, tmp_path / "new"))
        second = someone(accounts_from_settings(settings, tmp_path / "new"))
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


def test_an_empty_password_file_is_no_password(tmp_path: Path) -> None:
    """A cut-off file stops the start and names itself, rather than let anyone in."""
    file = tmp_path / "desk-password"
    file.write_text("\n")
    with pytest.raises(WarmlineError, match="desk-password"):
        demo_password(tmp_path)


async def test_nobody_has_the_empty_password() -> None:
    """Unknown names never get in."""
    assert await someone({}).authenticate("", "") is None


@pytest.mark.parametrize(("values", "problem"), [
    ({"slack_client_id": "1.2"}, "needs slack_client_id, slack_client_secret and slack_team"),
    ({"users": [{"name": "ana", "password_hash": "plain text"}]}, "is not an argon2 hash"),
    ({"demo_user": "a b"}, "pattern"),
    ({"demo_user": "ana", "colour": "blue"}, "Extra inputs"),
    ({"demo_user": "Ana", "users": [user("ana").model_dump()]}, "same name"),
])  # fmt: skip
def test_wrong_settings_are_named(values: dict[str, object], problem: str) -> None:
    """Mistakes in the section are errors in words; a password is never shown in them."""
    with pytest.raises(ValidationError, match=problem):
        DeskSettings.model_validate(values)


def test_hashes_are_not_shown() -> None:
    """Settings may be printed without giving a hash away."""
    assert "$argon2" not in repr(user("ana"))


def test_the_command_makes_a_hash_that_works() -> None:
    """What `warmline desk password` prints fits the settings and its password."""
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
async def test_a_form_that_is_none_was_our_error(
    ana: Visit, visitor: Callable[[], Visit], kind: str
) -> None:
    """A multipart body without its boundary, or an unknown charset, is a bad request: at the
    sign-in page and at a deed."""
    for visit, path in ((visitor(), "/desk/sign-in"), (ana, "/desk/c/1/note")):
        async with visit.http.post(
            visit.url + path, data=b"csrf=1", headers={"Content-Type": kind}
        ) as answer:
            assert answer.status == 400


def test_nobody_costs_what_everybody_costs() -> None:
    """A name that nobody has is refused as late as a wrong password."""
    assert not argon2.PasswordHasher().check_needs_rehash(UNUSED_HASH)
