"""Invitations and links to a new password: what they give, and that nobody gets more by them."""

from __future__ import annotations

import asyncio

import pytest

from gateway import StoredValue, WarmlineError
from gateway.testing import MemoryAuditLog, MemoryStorage
from plugins.agents_desk.access.account_data import PersonData
from plugins.agents_desk.access.account_links import (
    LINK_PREFIX,
    AccountLink,
    AccountLinks,
    InvalidLink,
)
from plugins.agents_desk.access.accounts import DeskAccount, DeskAccounts, desk_agent
from plugins.agents_desk.access.admin import AccountManager
from plugins.agents_desk.settings import Role
from tests.agents_desk.access.conftest import NEW, AccountDesk, token_of
from tests.agents_desk.conftest import PASSWORD, Visit
from tests.agents_desk.conversations import NOW, JumpClock

HOUR = 3600


async def test_an_invited_person_chooses_a_password_and_is_in(
    desk: AccountDesk, dora: Visit
) -> None:
    """With the role and the brands that the admin chose; later they sign in with the password."""
    token = await desk.invite(
        dora, role="lead", reach="some", **{"brand.north": "on", "display_name": "Eve Adler"}
    )
    eve = await desk.browser()
    assert await desk.join(eve, token) == 200
    assert "Eve Adler" in eve.page
    await eve.open("/desk/account")
    assert "North Outdoor" in eve.page
    assert "South Home" not in eve.page
    assert (await (await desk.browser()).sign_in("eve", NEW)).url.path == "/desk"
    assert await desk.audit("invited", "joined") == [
        ("desk:dora", "invited", "desk:eve as lead"),
        ("desk:eve", "joined", "as lead"),
    ]


async def test_a_link_works_once(desk: AccountDesk, dora: Visit) -> None:
    """The second who opens it gets nothing, and the first keeps the account."""
    token = await desk.invite(dora)
    await desk.join(await desk.browser(), token)
    assert await desk.join(await desk.browser(), token, "another password") == 404
    assert (await (await desk.browser()).sign_in("eve", "another password")).status == 401


async def test_of_two_at_the_same_moment_one_succeeds(desk: AccountDesk, dora: Visit) -> None:
    """Both have the form open; one of them gets the account."""
    token = await desk.invite(dora)
    thieves = [await desk.browser() for _ in range(4)]
    for thief in thieves:
        await thief.open(f"/desk/join?link={token}")
    answers = await asyncio.gather(
        *(
            thief.send("/desk/join", link=token, password=f"{NEW} {i}", again=f"{NEW} {i}")
            for i, thief in enumerate(thieves)
        )
    )
    assert sorted(answer.status for answer in answers) == [200, 404, 404, 404]


async def test_an_old_version_of_a_link_is_not_used_up_twice() -> None:
    """Two processes that have read the same row: the store itself lets one of them win."""
    storage, clock = MemoryStorage(), JumpClock()
    links = AccountLinks(storage, _accounts(storage), clock)
    token = await links.make(_invitation())
    seen = await storage.scan("agents_desk", LINK_PREFIX)

    class Late(MemoryStorage):
        async def get(self, plugin: str, key: str) -> StoredValue | None:
            return seen[0] if key.startswith(LINK_PREFIX) else await storage.get(plugin, key)

        put = storage.put

    await links.take(token)
    with pytest.raises(InvalidLink):
        await AccountLinks(Late(), _accounts(storage), clock).take(token)


async def test_a_link_ends_after_72_hours(desk: AccountDesk, dora: Visit) -> None:
    """And the clean-up deletes it."""
    token = await desk.invite(dora)
    desk.clock.advance(72 * HOUR - 1)
    assert (await (await desk.browser()).open(f"/desk/join?link={token}")).status == 200
    desk.clock.advance(1)
    assert await desk.join(await desk.browser(), token) == 404
    storage = desk.gw.services.storage
    await AccountLinks(storage, DeskAccounts(storage, {}), desk.clock).delete_expired()
    assert await storage.scan("agents_desk", LINK_PREFIX) == ()


async def test_a_link_is_listed_and_revoked(desk: AccountDesk, dora: Visit) -> None:
    """The list names who is invited and has no token."""
    token = await desk.invite(dora)
    await dora.open("/desk/users")
    assert "Eve Adler" in dora.page
    assert token not in dora.page
    await dora.send("/desk/users/revoke", id=dora.field("id"))
    assert "Eve Adler" not in dora.page
    assert await desk.join(await desk.browser(), token) == 404
    assert ("desk:dora", "link_revoked", "desk:eve invitation") in await desk.audit("link_revoked")
    assert (await dora.send("/desk/users/revoke", id="0" * 64)).status == 422


async def test_a_second_link_ends_the_first(desk: AccountDesk, dora: Visit) -> None:
    first = await desk.invite(dora)
    second = await desk.invite(dora)
    assert await desk.join(await desk.browser(), first) == 404
    assert await desk.join(await desk.browser(), second) == 200


async def test_the_database_has_no_token(desk: AccountDesk, dora: Visit) -> None:
    """Whoever reads it finds a digest; neither that nor the id in the list opens anything."""
    token = await desk.invite(dora)
    [entry] = await desk.gw.services.storage.scan("agents_desk", LINK_PREFIX)
    assert token not in entry.key + entry.value
    digest = entry.key.removeprefix(LINK_PREFIX)
    assert await desk.join(await desk.browser(), digest) == 404


async def test_all_invalid_links_look_the_same(desk: AccountDesk, dora: Visit) -> None:
    """Used, revoked, expired and invented ones: one status, one page, to read and to send."""
    used, expired = await desk.invite(dora, "eve"), await desk.invite(dora, "zoe")
    await desk.join(await desk.browser(), used)
    desk.clock.advance(72 * HOUR)
    seen = set()
    for token in (used, expired, "x" * 43, "", "\x00"):
        visit = await desk.browser()
        answer = await visit.open("/desk/join", params={"link": token})
        seen.add((answer.status, visit.page))
        await visit.open("/desk/sign-in")
        answer = await visit.send("/desk/join", link=token, password=NEW, again=NEW)
        seen.add((answer.status, visit.page))
    assert len(seen) == 1
    assert seen.pop()[0] == 404


async def test_each_token_costs_the_same_reads() -> None:
    """Nobody finds out by time whether a link ever existed."""
    storage, clock = CountingStorage(), JumpClock()
    links = AccountLinks(storage, _accounts(storage), clock)
    valid, expired = await links.make(_invitation()), "0" * 43
    costs = []
    for token in (valid, expired, "x" * 43):
        storage.reads = 0
        await links.find(token)
        costs.append(storage.reads)
    clock.advance(80 * HOUR)
    storage.reads = 0
    assert await links.find(valid) is None
    assert {*costs, storage.reads} == {3}


async def test_guessing_links_is_limited(desk: AccountDesk, dora: Visit) -> None:
    """Ten in a network, then a wait, and no more entries in the audit log; a valid link still
    works there, so that nobody keeps an office from joining."""
    token = await desk.invite(dora)
    guesser = await desk.browser()
    answers = [await guesser.open(f"/desk/join?link={i:043}") for i in range(13)]
    assert [answer.status for answer in answers] == [404] * 10 + [429] * 3
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 900
    assert len(await desk.audit("link_refused")) == 10
    assert await desk.join(await desk.browser(), token) == 200


REFUSED = (
    ("short", "short", "a password must have 10 to 1024"),
    ("x" * 1025, "x" * 1025, "a password must have 10 to 1024"),
    (NEW, NEW + "!", "the two passwords differ"),
)


async def test_a_refused_password_does_not_use_the_link_up(desk: AccountDesk, dora: Visit) -> None:
    """The same rules as for `warmline desk user add`."""
    token, eve = await desk.invite(dora), await desk.browser()
    for password, again, problem in REFUSED:
        assert await desk.join(eve, token, password, again) == 422
        assert problem in eve.page
    assert await desk.join(eve, token) == 200


async def test_the_link_decides_the_role(desk: AccountDesk, dora: Visit) -> None:
    """Whatever else the form says: name, role and brands are those of the invitation."""
    token, eve = await desk.invite(dora), await desk.browser()
    more = {"name": "dora", "role": "admin", "brand.north": "on", "reach": "some"}
    await desk.join(eve, token, **more)
    assert (await eve.open("/desk/users")).status == 403
    await eve.open("/desk/account")
    assert "<dd>agent</dd>" in eve.page


async def test_agents_make_no_links(desk: AccountDesk, dora: Visit) -> None:
    """Not even with the token of their own page."""
    await desk.invite(dora)
    [entry] = await desk.gw.services.storage.scan("agents_desk", LINK_PREFIX)
    cleo = await desk.browser("cleo")
    await cleo.open("/desk/account")
    fields = {"name": "mallory", "role": "admin", "id": entry.key.removeprefix(LINK_PREFIX)}
    csrf = cleo.field("csrf")
    for action in ("invite", "reset", "revoke", "export", "brands"):
        answer = await cleo.send(f"/desk/users/{action}", csrf=csrf, **fields)
        assert answer.status == 403
    assert len(await desk.gw.services.storage.scan("agents_desk", LINK_PREFIX)) == 1


async def test_the_form_of_a_link_needs_the_browsers_token(desk: AccountDesk, dora: Visit) -> None:
    """Another page cannot make somebody join: the link stays."""
    token, eve, other = await desk.invite(dora), await desk.browser(), await desk.browser()
    for visit in (eve, other):
        await visit.open(f"/desk/join?link={token}")
    for csrf in ("", "0" * 64, other.field("csrf")):
        answer = await eve.send("/desk/join", csrf=csrf, link=token, password=NEW, again=NEW)
        assert answer.status == 403
    answer = await eve.http.post(
        f"{eve.url}/desk/join",
        data={"csrf": eve.field("csrf"), "link": token, "password": NEW, "again": NEW},
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert answer.status == 403
    assert await desk.join(eve, token) == 200


async def test_forms_of_admins_need_their_token(dora: Visit) -> None:
    for action in ("invite", "reset", "revoke", "brands", "export"):
        answer = await dora.send(f"/desk/users/{action}", csrf="0" * 64, name="cleo", role="admin")
        assert answer.status == 403


async def test_joining_issues_a_new_session_id(desk: AccountDesk, dora: Visit) -> None:
    """An id that somebody planted in the browser is worthless, and whoever was signed in is out."""
    token, eve = await desk.invite(dora), await desk.browser("cleo")
    before = {cookie.key: cookie.value for cookie in eve.http.cookie_jar}
    await eve.open(f"/desk/join?link={token}")
    assert "Cleo is signed in in this browser" in eve.page
    await desk.join(eve, token)
    after = {cookie.key: cookie.value for cookie in eve.http.cookie_jar}
    assert before["desk"] != after["desk"]
    thief = await desk.browser()
    assert (await thief.open("/desk", cookies=before)).url.path == "/desk/sign-in"


async def test_a_link_from_a_mail_signs_nobody_out(desk: AccountDesk, dora: Visit) -> None:
    """The browser sends no Strict cookie from another site: the page reloads itself, and sets no
    cookie before that."""
    token = await desk.invite(dora)
    headers = {"Sec-Fetch-Site": "cross-site"}
    answer = await (await desk.browser()).open(f"/desk/join?link={token}", headers=headers)
    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("second_factor", [("lead",)])
async def test_a_new_lead_enrols_where_the_settings_say_so(desk: AccountDesk, dora: Visit) -> None:
    """The link does not go around the second factor."""
    token, eve = await desk.invite(dora, role="lead"), await desk.browser()
    await desk.join(eve, token)
    assert "Your role needs a second factor" in eve.page
    assert (await eve.open("/desk/account")).url.path == "/desk/second-factor"


INVALID: list[tuple[dict[str, str], str]] = [
    ({"name": "<b>"}, "a name has at most 64 letters"),
    ({"name": "slack:U1"}, "a name has at most 64 letters"),
    ({"name": "CLEO"}, "exists already"),
    ({"role": "god"}, "there is no role"),
    ({"reach": "some"}, "choose at least one brand"),
    ({"reach": "some", "brand.west": "on"}, "there is no brand west"),
    ({"display_name": "x" * 81}, "a display name has at most 80"),
]


async def test_an_invalid_invitation_is_refused(desk: AccountDesk, dora: Visit) -> None:
    """The page says what is wrong, and makes no link."""
    await dora.open("/desk/users")
    for fields, problem in INVALID:
        given = {"name": "eve", "role": "agent", **fields}
        assert (await dora.send("/desk/users/invite", **given)).status == 422
        assert problem in dora.page
    assert await desk.gw.services.storage.scan("agents_desk", LINK_PREFIX) == ()


async def test_a_new_password_by_link(desk: AccountDesk, dora: Visit) -> None:
    """The old one works until then; afterwards every session of the person is over."""
    await desk.join(eve := await desk.browser(), await desk.invite(dora))
    await dora.open("/desk/user/eve")
    assert (await dora.send("/desk/users/reset", name="eve")).status == 200
    token = token_of(dora)
    assert (await eve.open("/desk/account")).status == 200
    fresh = await desk.browser()
    assert await desk.join(fresh, token, "the newest password") == 200
    assert (await eve.open("/desk")).url.path == "/desk/sign-in"
    assert (await fresh.open("/desk")).url.path == "/desk"
    assert (await (await desk.browser()).sign_in("eve", NEW)).status == 401
    assert await desk.audit("reset_link_made", "password_changed") == [
        ("desk:dora", "reset_link_made", "desk:eve"),
        ("desk:eve", "password_changed", "by a link"),
    ]


@pytest.mark.parametrize("change", ["password", "lock", "remove"])
async def test_a_link_to_a_new_password_ends(desk: AccountDesk, dora: Visit, change: str) -> None:
    """When the password was changed otherwise, or the account was locked or removed."""
    await desk.join(await desk.browser(), await desk.invite(dora))
    await dora.open("/desk/user/eve")
    await dora.send("/desk/users/reset", name="eve")
    token = token_of(dora)
    await dora.open("/desk/user/eve")
    await dora.send(f"/desk/users/{change}", name="eve", password="set by the admin")
    assert await desk.join(await desk.browser(), token, "the newest password") == 404


NO_PASSWORD = (
    ("cleo", "cleo is defined in the settings"),
    ("nobody", "there is no user nobody"),
    ("slack:U1", "signs in with Slack"),
)


async def test_no_link_to_a_password_that_is_not_the_desks(desk: AccountDesk, dora: Visit) -> None:
    storage = desk.gw.services.storage
    someone = DeskAccount(name="slack:U1", agent=desk_agent("slack:U1", "Una"))
    await DeskAccounts(storage, {}).add(someone)
    await dora.open("/desk/users")
    for name, problem in NO_PASSWORD:
        assert (await dora.send("/desk/users/reset", name=name)).status == 422
        assert problem in dora.page


@pytest.mark.parametrize("change", ["role", "lock", "remove"])
async def test_an_admin_who_goes_leaves_no_back_door(
    desk: AccountDesk, dora: Visit, change: str
) -> None:
    """Invitations end with the right of whoever made them."""
    await desk.join(eve := await desk.browser(), await desk.invite(dora, role="admin"))
    token = await desk.invite(eve, "mallory", role="admin")
    await dora.open("/desk/user/eve")
    await dora.send(f"/desk/users/{change}", name="eve", role="agent")
    assert await desk.join(await desk.browser(), token) == 404
    await dora.open("/desk/users")
    assert "mallory" not in dora.page


async def test_an_admin_of_one_brand_gives_no_other(desk: AccountDesk, dora: Visit) -> None:
    """Nor do they take over somebody with more brands, by any form of the page."""
    edda = await desk.browser("edda")
    await edda.open("/desk/users")
    assert "South Home" not in edda.page.split("Invite somebody")[1]
    for fields in ({}, {"reach": "some", "brand.south": "on"}, {"reach": "all"}):
        given = {"name": "eve", "role": "admin", "password": PASSWORD, **fields}
        for action in ("invite", "add"):
            assert (await edda.send(f"/desk/users/{action}", **given)).status == 422
    await desk.invite(edda, role="admin", reach="some", **{"brand.north": "on"})
    await desk.join(await desk.browser(), await desk.invite(dora, "zoe"))
    await edda.open("/desk/users")
    for action in ("reset", "password", "brands", "role", "remove", "export", "lock"):
        given = {"name": "zoe", "role": "agent", "password": NEW, "reach": "some",
                 "brand.north": "on"}  # fmt: skip
        assert (await edda.send(f"/desk/users/{action}", **given)).status == 422
        assert "works for brands that you do not work for" in edda.page


async def test_brands_are_changed_on_the_page(desk: AccountDesk, dora: Visit) -> None:
    """From the person's next request on."""
    await desk.join(eve := await desk.browser(), await desk.invite(dora))
    await dora.open("/desk/user/eve")
    fields = {"reach": "some", "brand.south": "on"}
    await dora.send("/desk/users/brands", name="eve", **fields)
    await eve.open("/desk/account")
    assert "<dd>South Home</dd>" in eve.page


async def test_there_is_no_page_of_nobody(dora: Visit) -> None:
    for name in ("nobody", "%00", "%3Cb%3E"):
        assert (await dora.open(f"/desk/user/{name}")).status == 404


async def test_removing_a_person_removes_their_links(desk: AccountDesk, dora: Visit) -> None:
    """Those for them, and those that they made; the export names what there is, without tokens."""
    await desk.join(eve := await desk.browser(), await desk.invite(dora, role="admin"))
    await desk.invite(eve, "mallory")
    await dora.open("/desk/user/eve")
    await dora.send("/desk/users/reset", name="eve")
    token = token_of(dora)
    await dora.open("/desk/user/eve")
    answer = await dora.send("/desk/users/export", name="eve")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="user.json"'
    assert '"kind": "reset"' in dora.page
    assert '"browser": "Firefox on Linux"' in dora.page
    assert token not in dora.page
    await dora.open("/desk/user/eve")
    await dora.send("/desk/users/remove", name="eve")
    assert await desk.gw.services.storage.scan("agents_desk", LINK_PREFIX) == ()


async def test_the_last_admin_stays() -> None:
    """Nobody locks, demotes or removes them; the account stays as it was."""
    accounts, manager = _managed()
    await manager.add("cli:test", "ada", PASSWORD, role="admin")
    for attempt in (
        manager.lock("desk:x", "ada"),
        manager.set_role("desk:x", "ada", "lead"),
        manager.remove("desk:x", "ada"),
    ):
        with pytest.raises(WarmlineError, match="no admin left"):
            await attempt
    ada = await accounts.find("ada")
    assert ada is not None
    assert (ada.role, ada.locked) == ("admin", False)


async def test_two_admins_cannot_lock_each_other() -> None:
    """At the same moment, when each still sees the other as an admin."""
    accounts, manager = _managed()
    for name in ("ada", "bea"):
        await manager.add("cli:test", name, PASSWORD, role="admin")
    attempts = (manager.lock("desk:ada", "bea"), manager.lock("desk:bea", "ada"))
    await asyncio.gather(*attempts, return_exceptions=True)
    assert [account for account in await accounts.all() if not account.locked]


class CountingStorage(MemoryStorage):
    """Counts what is read."""

    reads = 0

    async def get(self, plugin: str, key: str) -> StoredValue | None:
        self.reads += 1
        return await super().get(plugin, key)


def _accounts(storage: MemoryStorage, role: Role = "admin") -> DeskAccounts:
    dora = DeskAccount(name="dora", agent=desk_agent("dora"), role=role, fixed=True)
    return DeskAccounts(storage, {"dora": dora})


def _invitation() -> AccountLink:
    return AccountLink(kind="invitation", name="eve", by="dora", made=NOW)


def _managed() -> tuple[DeskAccounts, AccountManager]:
    storage, audit = MemoryStorage(), MemoryAuditLog(JumpClock())
    accounts = DeskAccounts(storage, {})
    data = PersonData(storage, accounts, audit)
    return accounts, AccountManager(accounts=accounts, audit=audit, data=data, keep_admin=True)
