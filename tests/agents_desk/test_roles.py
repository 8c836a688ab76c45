"""What each role may do, and that nobody does more."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.agents_desk.accounts import RIGHT_DESCRIPTIONS, RIGHTS, ROLES
from tests.agents_desk.conftest import PASSWORD, Visit
from tests.agents_desk.town import BEN, INVOICE, Town

DESK = Path(__file__).parents[2] / "docs" / "desk.md"


@pytest.fixture
async def cleo(visitor: Callable[[], Visit]) -> Visit:
    visit = visitor()
    await visit.sign_in("cleo")
    return visit


@pytest.fixture
async def dora(visitor: Callable[[], Visit]) -> Visit:
    visit = visitor()
    await visit.sign_in("dora")
    return visit


def bens(town: Town, number: int = 1) -> None:
    """Ben has that conversation."""
    card = town.desk.cards[number]
    talk = card.conversation.replace(state="person", owner=BEN)
    town.desk.cards[number] = card.replace(conversation=talk)


@pytest.mark.parametrize("path", ["/desk/c/1", f"/desk/c/1/files/{INVOICE.digest}"])
async def test_an_agent_read_what_a_colleague_has(cleo: Visit, town: Town, path: str) -> None:
    """An agent sees nothing of a conversation that somebody else has, whatever number they try."""
    bens(town)
    answer = await cleo.open(path)
    assert answer.status == 403
    assert "Ben has this conversation" in cleo.page
    assert "Maria" not in cleo.page
    assert [line.what for line in town.house.audit.kept] == ["signed_in"]


@pytest.mark.parametrize(
    "deed", ["claim", "answer", "note", "resolve", "hand-back", "transfer", "ignore", "advice",
             "assign", "link", "prove", "unlink"],
)  # fmt: skip
async def test_an_agent_did_something_to_what_a_colleague_has(
    cleo: Visit, town: Town, deed: str
) -> None:
    """No deed either; what was typed is given back."""
    await cleo.open("/desk/c/2")
    bens(town)
    before = dict(town.desk.cards)
    answer = await cleo.send(f"/desk/c/1/{deed}", epoch="0", text="my words", key="k", tier="x")
    assert answer.status in (403, 404)
    assert town.desk.cards == before
    assert town.desk.said == []
    assert "Maria" not in cleo.page
    if answer.status == 403:
        assert "my words" in cleo.page


async def test_a_queue_showed_what_a_colleague_has(cleo: Visit, ana: Visit, town: Town) -> None:
    """An agent's queue lists what nobody else has; a lead's lists all."""
    bens(town)
    await cleo.open("/desk")
    assert 'href="/desk/c/1"' not in cleo.page
    await ana.open("/desk?show=all")
    assert 'href="/desk/c/1' in ana.page


async def test_a_lead_gives_a_case_to_a_colleague(ana: Visit, town: Town) -> None:
    """It is the colleague's then, and the log has who decided it."""
    await ana.open("/desk/c/1")
    epoch = ana.field("epoch")
    answer = await ana.send("/desk/c/1/assign", epoch=epoch, to="cleo")
    assert answer.status == 200
    owner = town.desk.cards[1].conversation.owner
    assert owner
    assert owner.id == "desk:cleo"
    line = town.house.audit.kept[-2 if town.house.audit.kept[-1].what == "viewed" else -1]
    assert (line.who, line.what, line.detail) == ("desk:ana", "assigned", "to desk:cleo")


async def test_an_agent_assigned_a_case(cleo: Visit, town: Town) -> None:
    """That is a lead's deed."""
    await cleo.open("/desk/c/1")
    answer = await cleo.send("/desk/c/1/assign", epoch="3", to="ben")
    assert answer.status == 403
    assert town.desk.cards[1].conversation.owner is None


@pytest.mark.parametrize(("name", "path", "status"), [
    ("cleo", "/desk/users", 403), ("cleo", "/desk/audit", 403), ("cleo", "/desk/c/1/audit", 403),
    ("ana", "/desk/users", 403), ("ana", "/desk/audit", 403), ("ana", "/desk/c/1/audit", 200),
    ("dora", "/desk/users", 200), ("dora", "/desk/audit", 200), ("dora", "/desk/c/1/audit", 200),
])  # fmt: skip
async def test_pages_of_leads_and_admins(
    visitor: Callable[[], Visit], name: str, path: str, status: int
) -> None:
    """Users and the whole log are an admin's; a conversation's log is also a lead's."""
    visit = visitor()
    await visit.sign_in(name)
    assert (await visit.open(path)).status == status


@pytest.mark.parametrize(
    "deed", ["add", "role", "lock", "unlock", "password", "sign-out", "remove"]
)
async def test_a_lead_managed_users(ana: Visit, town: Town, deed: str) -> None:
    """With a token of their own page they still may not."""
    await ana.open("/desk")
    fields = {"name": "evil", "password": PASSWORD, "role": "admin"}
    assert (await ana.send(f"/desk/users/{deed}", **fields)).status == 403
    assert await town.house.notebook.scan("agents_desk", "user/") == ()


async def test_an_admin_adds_and_removes_somebody(
    dora: Visit, visitor: Callable[[], Visit], town: Town
) -> None:
    """Who was added signs in at once; who is removed is out at the next click."""
    await dora.open("/desk/users")
    await dora.send(
        "/desk/users/add", name="Eve", password=PASSWORD, role="agent", display_name="E"
    )
    eve = visitor()
    assert (await eve.sign_in("eve")).url.path == "/desk"
    await dora.send("/desk/users/remove", name="Eve")
    assert (await eve.open("/desk")).url.path == "/desk/sign-in"
    whats = [(line.who, line.what, line.detail) for line in town.house.audit.kept]
    assert ("desk:dora", "user_added", "desk:eve as agent") in whats
    assert ("desk:dora", "user_removed", "desk:eve") in whats


async def test_a_lock_ends_every_session(
    dora: Visit, cleo: Visit, visitor: Callable[[], Visit]
) -> None:
    """Locked people are out at once, with every browser, and stay out; unlocked, they come in."""
    other = visitor()
    await other.sign_in("cleo")
    await dora.open("/desk/users")
    await dora.send("/desk/users/lock", name="cleo")
    for visit in (cleo, other):
        assert (await visit.open("/desk")).url.path == "/desk/sign-in"
    assert (await visitor().sign_in("cleo")).status == 401
    await dora.send("/desk/users/unlock", name="cleo")
    assert (await visitor().sign_in("cleo")).url.path == "/desk"


async def test_signing_out_everywhere(
    cleo: Visit, dora: Visit, visitor: Callable[[], Visit]
) -> None:
    """By oneself or by an admin, every browser is signed out."""
    other = visitor()
    await other.sign_in("cleo")
    await cleo.open("/desk")
    await cleo.send("/desk/sign-out-everywhere")
    assert (await other.open("/desk")).url.path == "/desk/sign-in"
    await other.sign_in("cleo")
    await dora.open("/desk/users")
    await dora.send("/desk/users/sign-out", name="cleo")
    assert (await other.open("/desk")).url.path == "/desk/sign-in"


async def test_another_role_holds_at_the_next_click(
    dora: Visit, visitor: Callable[[], Visit]
) -> None:
    """Nobody keeps a right in an open session."""
    await dora.open("/desk/users")
    await dora.send("/desk/users/add", name="eve", password=PASSWORD, role="admin")
    eve = visitor()
    await eve.sign_in("eve")
    assert (await eve.open("/desk/users")).status == 200
    await dora.send("/desk/users/role", name="eve", role="agent")
    assert (await eve.open("/desk/users")).status == 403


async def test_the_last_admin_locked_themselves_out(dora: Visit) -> None:
    """An admin cannot lock, demote or remove their own account."""
    await dora.open("/desk/users")
    for deed in ("lock", "role", "remove"):
        answer = await dora.send(f"/desk/users/{deed}", name="DORA", role="agent")
        assert answer.status == 422


@pytest.mark.parametrize(("fields", "problem"), [
    ({"name": "eve", "password": "short", "role": "agent"}, "a password must have 10 to 1024"),
    ({"name": "<b>", "password": PASSWORD, "role": "agent"}, "a name has at most 64 letters"),
    ({"name": "slack:U1", "password": PASSWORD, "role": "agent"}, "a name has at most 64 letters"),
    ({"name": "eve", "password": PASSWORD, "role": "god"}, "there is no role"),
    ({"name": "ANA", "password": PASSWORD, "role": "agent"}, "defined in the settings"),
])  # fmt: skip
async def test_a_wrong_user_is_refused_in_words(
    dora: Visit, fields: dict[str, str], problem: str
) -> None:
    """What is wrong is said on the page."""
    await dora.open("/desk/users")
    answer = await dora.send("/desk/users/add", **fields)
    assert answer.status == 422
    assert problem in dora.page


async def test_looking_is_recorded_once_while_one_looks(ana: Visit, town: Town) -> None:
    """The first look leaves a line with its address, a refresh none, also when it says that it is
    only a refresh."""
    for headers in ({"X-Desk-Live": "1"}, {}, {"X-Desk-Live": "1"}):
        await ana.open("/desk/c/1", headers=headers)
    viewed = [line for line in town.house.audit.kept if line.what == "viewed"]
    assert [(one.who, one.conversation, one.origin) for one in viewed] == [
        ("desk:ana", 1, "127.0.0.1")
    ]
    town.clock.advance(901)
    await ana.open("/desk/c/1")
    assert len([line for line in town.house.audit.kept if line.what == "viewed"]) == 2


async def test_attempts_are_recorded(visitor: Callable[[], Visit], town: Town) -> None:
    """Failures and locks too; a made-up name, which may be a password, is not written down."""
    visit = visitor()
    await visit.sign_in("correct horse battery", "ana")
    for _ in range(6):
        await visit.sign_in("ana", "wrong")
    lines = town.house.audit.kept
    assert [line.what for line in lines] == ["sign_in_failed"] * 6 + ["locked_out"]
    assert {line.who for line in lines} == {"", "desk:ana"}


def test_the_table_of_roles_is_documented() -> None:
    """The page says of each right and role what the code says."""
    text = DESK.read_text("utf-8")
    for right, meaning in RIGHT_DESCRIPTIONS.items():
        marks = " | ".join("yes" if right in RIGHTS[role] else "no" for role in ROLES)
        assert re.search(rf"^\| {re.escape(meaning)} \| {re.escape(marks)} \|$", text, re.MULTILINE)
