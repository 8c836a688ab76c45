"""What each role may do, and that nobody can do more."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from plugins.agents_desk.access.accounts import RIGHT_DESCRIPTIONS, RIGHTS, ROLES
from tests.agents_desk.conftest import PASSWORD, Visit
from tests.agents_desk.conversations import BEN, INVOICE_DIGEST, MARIA, TOM, DeskGateway

AUDIT = f"/desk/c/{MARIA}/audit"
DESK_DOCS = Path(__file__).parents[2] / "docs" / "desk.md"


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


async def test_agent_reads_colleagues_conversations(cleo: Visit, gw: DeskGateway) -> None:
    """And leaves a note, but is not offered to take it over; the view is recorded."""
    await gw.claim(MARIA, BEN)
    assert (await cleo.open(f"/desk/c/{MARIA}")).status == 200
    assert "You can read along and leave a note" in cleo.page
    assert "Take over" not in cleo.page
    assert (await cleo.send(f"/desk/c/{MARIA}/note", text="look at the depot")).status == 200
    assert "look at the depot" in cleo.page
    whats = [line.what for line in await gw.audit() if line.who == "desk:cleo"]
    assert whats == ["signed_in", "viewed", "noted"]


@pytest.mark.parametrize("desk_settings", [{"read_colleagues": False}])
@pytest.mark.parametrize("path", [f"/desk/c/{MARIA}", f"/desk/c/{MARIA}/files/{INVOICE_DIGEST}"])
async def test_agents_may_be_kept_from_colleagues_conversations(
    cleo: Visit, gw: DeskGateway, path: str
) -> None:
    """With `read_colleagues: false` an agent sees nothing of them, even with the URL."""
    await gw.claim(MARIA, BEN)
    answer = await cleo.open(path)
    assert answer.status == 403
    assert "Ben has this conversation" in cleo.page
    assert "Maria" not in cleo.page
    assert [line.what for line in await gw.audit() if line.who == "desk:cleo"] == ["signed_in"]


@pytest.mark.parametrize(
    "action", ["claim", "answer", "resolve", "hand-back", "transfer", "ignore", "advice",
             "assign", "link", "prove", "unlink"],
)  # fmt: skip
async def test_agent_cannot_act_on_colleagues_conversations(
    cleo: Visit, gw: DeskGateway, action: str
) -> None:
    """No action either; the typed text is given back."""
    await cleo.open(f"/desk/c/{TOM}")
    await gw.claim(MARIA, BEN)
    before = await gw.state()
    answer = await cleo.send(
        f"/desk/c/{MARIA}/{action}", epoch="0", text="my words", key="k", tier="x"
    )
    assert answer.status in (403, 404)
    assert await gw.state() == before
    assert "Maria" not in cleo.page
    if answer.status == 403:
        assert "my words" in cleo.page


async def test_queue_hides_colleagues_conversations_from_agents(
    cleo: Visit, ana: Visit, gw: DeskGateway
) -> None:
    """An agent's queue lists what no colleague has; a lead's lists everything."""
    await gw.claim(MARIA, BEN)
    await cleo.open("/desk")
    assert f'href="/desk/c/{MARIA}"' not in cleo.page
    await ana.open("/desk?show=all")
    assert f'href="/desk/c/{MARIA}' in ana.page


async def test_lead_assigns_a_conversation(ana: Visit, gw: DeskGateway) -> None:
    """The colleague has it then, and the audit log says who decided it."""
    await ana.open(f"/desk/c/{MARIA}")
    epoch = ana.field("epoch")
    answer = await ana.send(f"/desk/c/{MARIA}/assign", epoch=epoch, to="cleo")
    assert answer.status == 200
    owner = (await gw.desk.card(MARIA)).conversation.owner
    assert owner
    assert owner.id == "desk:cleo"
    lines = [(line.who, line.what, line.detail) for line in await gw.audit()]
    assert ("desk:ana", "assigned", "to desk:cleo") in lines


async def test_agent_cannot_assign(cleo: Visit, gw: DeskGateway) -> None:
    """Only leads and admins assign."""
    await cleo.open(f"/desk/c/{MARIA}")
    answer = await cleo.send(f"/desk/c/{MARIA}/assign", epoch="3", to="ben")
    assert answer.status == 403
    assert (await gw.desk.card(MARIA)).conversation.owner is None


@pytest.mark.parametrize(("name", "path", "status"), [
    ("cleo", "/desk/users", 403), ("cleo", "/desk/audit", 403), ("cleo", AUDIT, 403),
    ("ana", "/desk/users", 403), ("ana", "/desk/audit", 403), ("ana", AUDIT, 200),
    ("dora", "/desk/users", 200), ("dora", "/desk/audit", 200), ("dora", AUDIT, 200),
])  # fmt: skip
async def test_pages_of_leads_and_admins(
    visitor: Callable[[], Visit], name: str, path: str, status: int
) -> None:
    """Users and the whole audit log are for admins; a conversation's log is for leads too."""
    visit = visitor()
    await visit.sign_in(name)
    assert (await visit.open(path)).status == status


@pytest.mark.parametrize(
    "action", ["add", "role", "lock", "unlock", "password", "sign-out", "remove"]
)
async def test_lead_cannot_manage_users(ana: Visit, gw: DeskGateway, action: str) -> None:
    """Not even with the token of their own page."""
    await ana.open("/desk")
    fields = {"name": "evil", "password": PASSWORD, "role": "admin"}
    assert (await ana.send(f"/desk/users/{action}", **fields)).status == 403
    assert await gw.services.storage.scan("agents_desk", "user/") == ()


async def test_admin_adds_and_removes_a_user(
    dora: Visit, visitor: Callable[[], Visit], gw: DeskGateway
) -> None:
    """An added user can sign in at once; a removed user is out at the next request."""
    await dora.open("/desk/users")
    await dora.send(
        "/desk/users/add", name="Eve", password=PASSWORD, role="agent", display_name="E"
    )
    eve = visitor()
    assert (await eve.sign_in("eve")).url.path == "/desk"
    await dora.send("/desk/users/remove", name="Eve")
    assert (await eve.open("/desk")).url.path == "/desk/sign-in"
    whats = [(line.who, line.what, line.detail) for line in await gw.audit()]
    assert ("desk:dora", "user_added", "desk:eve as agent") in whats
    assert ("desk:dora", "user_removed", "desk:eve") in whats


async def test_locking_ends_every_session(
    dora: Visit, cleo: Visit, visitor: Callable[[], Visit]
) -> None:
    """A locked user is signed out in every browser and stays out until unlocked."""
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
    """The user or an admin can sign out every browser."""
    other = visitor()
    await other.sign_in("cleo")
    await cleo.open("/desk")
    await cleo.send("/desk/sign-out-everywhere")
    assert (await other.open("/desk")).url.path == "/desk/sign-in"
    await other.sign_in("cleo")
    await dora.open("/desk/users")
    await dora.send("/desk/users/sign-out", name="cleo")
    assert (await other.open("/desk")).url.path == "/desk/sign-in"


async def test_role_change_applies_to_the_next_request(
    dora: Visit, visitor: Callable[[], Visit]
) -> None:
    """An open session does not keep a right."""
    await dora.open("/desk/users")
    await dora.send("/desk/users/add", name="eve", password=PASSWORD, role="admin")
    eve = visitor()
    await eve.sign_in("eve")
    assert (await eve.open("/desk/users")).status == 200
    await dora.send("/desk/users/role", name="eve", role="agent")
    assert (await eve.open("/desk/users")).status == 403


async def test_admin_cannot_lock_themselves_out(dora: Visit) -> None:
    """An admin cannot lock, demote or remove their own account."""
    await dora.open("/desk/users")
    for action in ("lock", "role", "remove"):
        answer = await dora.send(f"/desk/users/{action}", name="DORA", role="agent")
        assert answer.status == 422


@pytest.mark.parametrize(("fields", "problem"), [
    ({"name": "eve", "password": "short", "role": "agent"}, "a password must have 10 to 1024"),
    ({"name": "<b>", "password": PASSWORD, "role": "agent"}, "a name has at most 64 letters"),
    ({"name": "slack:U1", "password": PASSWORD, "role": "agent"}, "a name has at most 64 letters"),
    ({"name": "eve", "password": PASSWORD, "role": "god"}, "there is no role"),
    ({"name": "ANA", "password": PASSWORD, "role": "agent"}, "defined in the settings"),
])  # fmt: skip
async def test_invalid_user_is_refused(dora: Visit, fields: dict[str, str], problem: str) -> None:
    """The page says what is wrong."""
    await dora.open("/desk/users")
    answer = await dora.send("/desk/users/add", **fields)
    assert answer.status == 422
    assert problem in dora.page


async def test_view_is_recorded_once_while_the_page_is_open(ana: Visit, gw: DeskGateway) -> None:
    """The first view is recorded with its address, a refresh is not; the header of a refresh
    does not hide a first view."""
    for headers in ({"X-Desk-Live": "1"}, {}, {"X-Desk-Live": "1"}):
        await ana.open(f"/desk/c/{MARIA}", headers=headers)
    viewed = [line for line in await gw.audit() if line.what == "viewed"]
    assert [(line.who, line.conversation, line.origin) for line in viewed] == [
        ("desk:ana", MARIA, "127.0.0.1")
    ]
    gw.clock.advance(901)
    await ana.open(f"/desk/c/{MARIA}")
    assert len([line for line in await gw.audit() if line.what == "viewed"]) == 2


async def test_sign_in_attempts_are_recorded(visitor: Callable[[], Visit], gw: DeskGateway) -> None:
    """Failures and lock-outs too, but not an unknown name, which may be a password."""
    visit = visitor()
    await visit.sign_in("correct horse battery", "ana")
    for _ in range(6):
        await visit.sign_in("ana", "wrong")
    lines = await gw.audit()
    assert [line.what for line in lines] == ["sign_in_failed"] * 6 + ["locked_out"]
    assert {line.who for line in lines} == {"", "desk:ana"}


def test_role_table_is_documented() -> None:
    """docs/desk.md has the same rights for each role as the code."""
    text = DESK_DOCS.read_text("utf-8")
    for right, description in RIGHT_DESCRIPTIONS.items():
        marks = " | ".join("yes" if right in RIGHTS[role] else "no" for role in ROLES)
        assert re.search(
            rf"^\| {re.escape(description)} \| {re.escape(marks)} \|$", text, re.MULTILINE
        )
