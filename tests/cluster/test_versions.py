"""What is adopted in one process is followed in all of them."""

from __future__ import annotations

import asyncio
from typing import Any

import brand_voice
from gateway import AddItems, Outdated
from gateway.testing import FakeHandler
from tests.cluster.conftest import GatewayCluster
from tests.conftest import until
from tests.spine.conftest import echo

RULE = AddItems(at=("lexicon", "use", "en", "place"), items=("parking lot",))
SEEN: dict[str, Any] = {"author": "desk:ana", "why": "customers say so"}


async def test_workers_follow_what_a_page_adopts(cluster: GatewayCluster) -> None:
    """A web process adopts, as the desk's page does; both workers follow at once, because Redis
    tells them: they would look by themselves only after an hour."""
    handlers = [FakeHandler(echo), FakeHandler(echo)]
    config: dict[str, Any] = {"brand_voice": {}, "versions": {"look_every": 3600}}
    web = await cluster.add("web", brand_voice, **config)
    workers = [
        await cluster.add(
            "worker", brand_voice, handler=handler, **config, worker={"conversations_at_once": 1}
        )
        for handler in handlers
    ]
    adoption = await web.services.versions.adopt("guide", [RULE], after=0, **SEEN)
    for gateway in workers:
        follower = gateway.gateway.infrastructure.follower
        await until(lambda f=follower: f.overlays["guide"].number == adoption.version.number)
    customers = [web.customer("fake", f"c{number}") for number in range(8)]
    for customer in customers:
        await customer.write("is there a parking lot")
    await until(lambda: len(cluster.delivered) == len(customers))
    assert all(handler.turns for handler in handlers)
    texts = {message.text for message in cluster.delivered}
    assert [text for text in texts if "parking lot" in text] == []
    assert all("is there a place" in text for text in texts)


async def test_of_two_processes_that_adopt_at_once_one_is_told(cluster: GatewayCluster) -> None:
    """Both saw the same version: one adopts, the other is told that it was second."""
    config: dict[str, Any] = {"brand_voice": {}}
    one = await cluster.add("all", brand_voice, **config)
    two = await cluster.add("all", brand_voice, **config)
    results = await asyncio.gather(
        *(
            gateway.services.versions.adopt("guide", [change], after=0, **SEEN)
            for gateway, change in (
                (one, RULE),
                (two, AddItems(at=RULE.at, items=("car park",))),
            )
        ),
        return_exceptions=True,
    )
    assert [type(result) for result in results if isinstance(result, Exception)] == [Outdated]
    assert [each.number for each in await one.services.versions.history()] == [1]
