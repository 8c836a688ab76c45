"""Saved views: one's own, the team's, and that no customer's name stays in one."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.agents_desk.conftest import Visit
from tests.agents_desk.conversations import PHONE, WEBCHAT, DeskGateway
from tests.agents_desk.lists.test_pages import shown


@pytest.fixture
async def cleo(visitor: Callable[[], Visit]) -> Visit:
    visit = visitor()
    await visit.sign_in("cleo")
    return visit


async def save(visit: Visit, title: str, **fields: str) -> str:
    """Save a view of text messages and return its address, or the page's problem."""
    await visit.open("/desk/list/all?channel=sms")
    answer = await visit.send("/desk/list/all/view?channel=sms", title=title, **fields)
    return answer.url.path_qs if answer.status == 200 else visit.page


async def test_a_view_keeps_its_filters(ana: Visit, cleo: Visit) -> None:
    """Under its title, on every page of its owner; nobody else sees it."""
    address = await save(ana, "Texts  to me")
    await ana.open("/desk")
    assert "Texts to me" in ana.page
    await ana.open(address)
    assert shown(ana) == [PHONE]
    await cleo.open("/desk")
    assert "Texts to me" not in cleo.page


async def test_a_shared_view_is_the_teams(ana: Visit, cleo: Visit) -> None:
    """Everybody sees it; who made it and leads change it, others do not."""
    address = await save(ana, "Texts", shared="yes")
    id = re.findall("view=([0-9a-f]+)", address)[0]
    await cleo.open(address)
    assert shown(cleo) == [PHONE]
    assert "Remove the view" not in cleo.page
    answer = await cleo.send("/desk/list/all/view/remove", id=id)
    assert answer.status == 422
    address = await save(cleo, "Cleo's", shared="yes")
    id = re.findall("view=([0-9a-f]+)", address)[0]
    await ana.open(address)
    await ana.send("/desk/list/waiting/view?mood=angry", id=id, title="Angry")
    await cleo.open("/desk")
    assert "Angry" in cleo.page
    assert "/desk/list/waiting?mood=angry" in cleo.page
    await ana.open(address)
    await ana.send("/desk/list/all/view/remove", id=id)
    await cleo.open("/desk")
    assert "Angry" not in cleo.page


@pytest.mark.parametrize(("title", "problem"), [
    ("  ", "Give the view a title."),
    ("x" * 61, "at most 60 characters"),
])  # fmt: skip
async def test_a_view_needs_a_title(ana: Visit, title: str, problem: str) -> None:
    """The page says what is wrong."""
    assert problem in await save(ana, title)


async def test_a_title_with_a_customers_name_goes_with_the_customer(
    ana: Visit, gw: DeskGateway
) -> None:
    """It is exported with their data, and erased with them; other views stay."""
    await save(ana, "For maria oliveira, urgent", shared="yes")
    await save(ana, "Texts")
    data = gw.running.gateway.customer_data
    exported = str(await data.export(WEBCHAT))
    assert "For maria oliveira" in exported
    assert "'title': 'Texts'" not in exported
    await data.erase(WEBCHAT)
    [left] = await gw.services.storage.scan("agents_desk", "written/")
    assert '"title":"Texts"' in left.value


async def test_views_go_with_their_owner(cleo: Visit, visitor: Callable[[], Visit]) -> None:
    """A removed user leaves the shared views to the team."""
    dora = visitor()
    await dora.sign_in("dora")
    await dora.open("/desk/users")
    password = "correct horse battery"
    await dora.send("/desk/users/add", name="eve", password=password, role="agent")
    eve = visitor()
    await eve.sign_in("eve")
    await save(eve, "Eve's own")
    await save(eve, "Eve for all", shared="yes")
    await dora.open("/desk/users")
    await dora.send("/desk/users/remove", name="eve")
    await dora.send("/desk/users/add", name="eve", password=password, role="agent")
    await eve.sign_in("eve")
    await eve.open("/desk")
    assert "Eve for all" in eve.page
    assert "Eve's own" not in eve.page.replace("&#39;", "'")
