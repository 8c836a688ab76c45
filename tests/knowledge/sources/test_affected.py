"""Which answers rest on a document that changed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway import Services, SourceUse
from gateway.testing import MemoryKnowledge
from plugins.knowledge.sources.affected import answers_affected_by, written_answers
from tests.knowledge.sources.conftest import Reading, Site

ANSWERS: dict[str, Any] = {
    "cost": {
        "facts": {"price": "€4.90"},
        "say": {"en": {"body": ["Delivery costs {price}."]}},
    },
    "page": {
        "links": [{"title": "Delivery", "url": "{{base}}/"}],
        "say": {"en": {"body": ["See our page."]}},
    },
    "hours": {"say": {"en": {"body": ["We open at 9:00 and €4 is what a coffee costs."]}}},
}
NORTH: dict[str, Any] = {"cost_north": {"say": {"de": {"body": ["Der Versand kostet €4.90."]}}}}


class Answers:
    """The part of `Trials` that tells the written answers."""

    def __init__(self, url: str) -> None:
        text = msgspec.json.encode(ANSWERS).replace(b"{{base}}", url.encode())
        self._all = msgspec.json.decode(text)

    async def in_force(self, kind: str, at: tuple[str, ...]) -> Any:
        return {("answers",): self._all, ("brands", "north", "answers"): NORTH}.get(at)


@pytest.fixture
def shop(services: Services, reading: Reading, site: Site) -> Reading:
    reading.services = msgspec.structs.replace(services, trials=Answers(site.url))
    return reading


async def affected(shop: Reading) -> dict[str, str]:
    services = shop.services
    written = await written_answers(services)
    found = {}
    for change in await shop.store.changes():
        for answer in (await answers_affected_by(services, change, written)).written:
            found[f"{answer.brand}/{answer.intent}"] = answer.why
    return found


async def test_a_changed_price_flags_the_answers_that_state_it_or_link_there(
    shop: Reading, site: Site
) -> None:
    """Facts and texts of all brands are looked through; an answer with another price is not."""
    site.page("/", "A parcel costs €4.90 to send.")
    source = await shop.add(f"{site.url}/")
    await shop.read(source)
    assert await affected(shop) == {}
    site.page("/", "A parcel costs €5.90 to send.")
    await shop.read(source)
    assert await affected(shop) == {
        "/cost": "says €4.90",
        "/page": "links to this page",
        "north/cost_north": "says €4.90",
    }


async def test_a_page_that_is_gone_flags_what_links_there_and_what_was_sent(
    shop: Reading, site: Site
) -> None:
    """The newest answers that rested on its passages are named."""
    site.page("/", "The first page of all.")
    site.page("/a", "The page A of the help.", "/")
    source = await shop.add(f"{site.url}/a")
    await shop.read(source)
    (document,) = await shop.store.documents(source.id)
    (passage,) = await shop.store.passages_of(document.id)
    use = SourceUse(
        passage=passage.id,
        document=document.id,
        version=1,
        conversation=7,
        turn=9,
        at=shop.clock.now(),
    )
    assert isinstance(shop.store, MemoryKnowledge)
    shop.store.note_use(use)
    await shop.store.mark_gone(document.id)
    (_, gone) = await shop.store.changes()
    found = await answers_affected_by(shop.services, gone, {})
    assert found.used == (use,)
