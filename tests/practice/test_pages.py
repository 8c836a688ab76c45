"""An agent practises at the desk: private unless shared, deletable, erased with the colleague."""

from __future__ import annotations

from pathlib import Path

from plugins.agents_desk.access.account_data import PersonData
from plugins.agents_desk.access.accounts import DeskAccounts
from tests.agents_desk.conftest import Visit
from tests.practice.shop import BAD, GOOD, PractisingShop, begin, open_shop, reply


async def practised(visit: Visit) -> str:
    """A practice with two replies that the agent has ended."""
    id = await begin(visit)
    await reply(visit, id, BAD)
    await reply(visit, id, GOOD)
    await visit.send(f"/desk/practice/{id}", do="end")
    return id


async def test_an_agent_practises_and_looks_back(tmp_path: Path) -> None:
    """The customer answers; afterwards the curve, the turns, what worked and the voice's advice."""
    async with open_shop(tmp_path) as shop:
        cleo = await shop.visit("cleo")
        id = await begin(cleo)
        assert "NOBODY answers" in cleo.page
        assert "Turning points" not in cleo.page
        await reply(cleo, id, BAD)
        assert "the next empty phrase" in cleo.page
        await reply(cleo, id, GOOD)
        await cleo.send(f"/desk/practice/{id}", do="end")
        for shown in ("<polyline", "Turning points", "It sounds like a form letter.",
                      "What worked", "Said the next step", "The brand voice"):  # fmt: skip
            assert shown in cleo.page, shown
        await cleo.open("/desk/practice")
        assert f"/desk/practice/{id}" in cleo.page


async def test_a_practice_in_another_language(tmp_path: Path) -> None:
    """The customer writes German and the model reads it."""
    async with open_shop(tmp_path) as shop:
        cleo = await shop.visit("cleo")
        id = await begin(cleo, "shipped-charged_twice", "de")
        assert "doppelt abgebucht" in cleo.page
        await reply(cleo, id, "Bitte nennen Sie uns Ihre Bestellnummer.")
        assert "Die Nummer habe ich genannt" in cleo.page


async def test_nobody_else_sees_a_practice(tmp_path: Path) -> None:
    """Neither colleagues nor leads, until it is shared; and it can be taken back."""
    async with open_shop(tmp_path) as shop:
        cleo, dan, ana = [await shop.visit(name) for name in ("cleo", "dan", "ana")]
        id = await practised(cleo)
        for other in (dan, ana):
            assert (await other.open(f"/desk/practice/{id}")).status == 404
        await cleo.open(f"/desk/practice/{id}")
        await cleo.send(f"/desk/practice/{id}", do="share")
        assert (await dan.open(f"/desk/practice/{id}")).status == 404
        await ana.open("/desk/practice")
        assert "Shared with you" in ana.page
        assert (await ana.open(f"/desk/practice/{id}")).status == 200
        assert "Cleo" in ana.page
        refused = await ana.send(f"/desk/practice/{id}", do="delete", csrf=cleo_token(ana))
        assert refused.status in (403, 404)
        await cleo.open(f"/desk/practice/{id}")
        await cleo.send(f"/desk/practice/{id}", do="take_back")
        assert (await ana.open(f"/desk/practice/{id}")).status == 404
        await ana.open("/desk/practice")
        assert "Shared with you" not in ana.page


def cleo_token(visit: Visit) -> str | None:
    """A page without forms has no token: any other one is refused."""
    return None if 'name="csrf"' in visit.page else "0"


async def test_leads_of_other_brands_do_not_see_what_is_shared(tmp_path: Path) -> None:
    """Lea leads `south`; Sam of `south` shares with her, Cleo of the whole shop does not."""
    async with open_shop(tmp_path) as shop:
        cleo, sam, lea = [await shop.visit(name) for name in ("cleo", "sam", "lea")]
        ids = [await practised(visit) for visit in (cleo, sam)]
        for visit, id in zip((cleo, sam), ids, strict=True):
            await visit.open(f"/desk/practice/{id}")
            await visit.send(f"/desk/practice/{id}", do="share")
        assert (await lea.open(f"/desk/practice/{ids[0]}")).status == 404
        assert (await lea.open(f"/desk/practice/{ids[1]}")).status == 200


async def test_an_agent_deletes_a_practice(tmp_path: Path) -> None:
    """Nothing of it is left."""
    async with open_shop(tmp_path) as shop:
        cleo = await shop.visit("cleo")
        id = await practised(cleo)
        await cleo.send(f"/desk/practice/{id}", do="share")
        await cleo.send(f"/desk/practice/{id}", do="delete")
        assert (await cleo.open(f"/desk/practice/{id}")).status == 404
        assert await stored(shop) == []


async def test_practice_is_exported_and_erased_with_the_colleague(tmp_path: Path) -> None:
    """By what removes an account; what colleagues practised stays."""
    async with open_shop(tmp_path) as shop:
        cleo, dan = await shop.visit("cleo"), await shop.visit("dan")
        id, other = await practised(cleo), await practised(dan)
        await cleo.open(f"/desk/practice/{id}")
        await cleo.send(f"/desk/practice/{id}", do="share")
        services = shop.services
        accounts = DeskAccounts(services.storage, {})
        await PersonData(services.storage, accounts, services.audit, services).erase("cleo")
        assert [other] == [each.id for each in await shop.storage.agents_sessions("desk:dan")]
        assert not any("cleo" in row for row in await stored(shop))
        assert [BAD in row for row in await stored(shop)] == [True]


async def stored(shop: PractisingShop) -> list[str]:
    rows = await shop.services.storage.scan("practice", "")
    return [f"{row.key} {row.value}" for row in rows]


async def test_a_form_that_is_sent_twice_counts_once(tmp_path: Path) -> None:
    """It names how many replies its page showed."""
    async with open_shop(tmp_path) as shop:
        cleo = await shop.visit("cleo")
        id = await begin(cleo)
        for _ in range(2):
            await cleo.send(f"/desk/practice/{id}", do="reply", replies="0", reply=GOOD)
        [session] = await shop.storage.agents_sessions("desk:cleo")
        assert len(session.exchanges) == 1


async def test_empty_and_unknown_forms_are_refused(tmp_path: Path) -> None:
    """And nothing is stored."""
    async with open_shop(tmp_path) as shop:
        cleo = await shop.visit("cleo")
        await cleo.open("/desk/practice")
        for fields in ({"scenario": "none"}, {"scenario": "shipped-late_parcel", "brand": "west"}):
            response = await cleo.send("/desk/practice", language="en", **fields)
            assert response.status == 422
        id = await begin(cleo)
        for fields in ({"do": "reply", "replies": "0", "reply": " "}, {"do": "share"}, {"do": "x"}):
            assert (await cleo.send(f"/desk/practice/{id}", **fields)).status == 422
        long = {"do": "reply", "replies": "0", "reply": "<b>" + "x" * 4000}
        assert (await cleo.send(f"/desk/practice/{id}", **long)).status == 422
        assert "&lt;b&gt;" in cleo.page


async def test_what_an_agent_writes_is_shown_as_text(tmp_path: Path) -> None:
    """Never as markup."""
    async with open_shop(tmp_path) as shop:
        cleo = await shop.visit("cleo")
        id = await begin(cleo)
        await reply(cleo, id, "You should have read <i>that</i> on our website.")
        await cleo.send(f"/desk/practice/{id}", do="end")
        assert "&lt;i&gt;that&lt;/i&gt;" in cleo.page
        assert "<i>" not in cleo.page
