"""Digests of other plugins stand in the support channel once."""

from __future__ import annotations

import pytest

from channels.slack.agents.plugin import AgentsSlack
from gateway import Digest, DigestReceiver, Services
from tests.agents_slack.support_channel import SUPPORT, SupportChannel, shown
from tests.agents_slack.test_outage import TIMES
from tests.slack.server import Kind

DIGEST = Digest(
    id="week-2026-W40",
    title="The week of 28 September",
    lines=("78 of 100 felt heard (70 to 84)", "A <b>bold</b> claim & more"),
    url="https://desk.example/desk/report?from=2026-09-28",
)


async def send(services: Services, digest: Digest = DIGEST) -> None:
    """As the plugin with the report does."""
    for receiver in services.digest_receivers:
        if receiver.receives_digests(digest.brand):
            await receiver.receive_digest(digest, services)


def posted(support: SupportChannel) -> list[str]:
    return [
        text
        for m in support.slack.said(SUPPORT)
        if "The week of 28 September" in (text := shown(m))
    ]


async def test_a_digest_is_posted_as_it_is(support: SupportChannel) -> None:
    """Its title, its lines and where the rest stands; once, however often it comes."""
    await send(support.gw.services)
    await send(support.gw.services)
    await support.until(lambda: posted(support))
    await support.quiet(60)
    (text,) = posted(support)
    assert "78 of 100 felt heard (70 to 84)" in text
    assert "A &lt;b&gt;bold&lt;/b&gt; claim &amp; more" in text
    assert "<https://desk.example/desk/report?from=2026-09-28|The whole report>" in text


@pytest.mark.parametrize("kind", ["busy", "broken", "cut", "drop", "hang"])
async def test_an_outage_delays_and_never_doubles_it(support: SupportChannel, kind: Kind) -> None:
    """It is read back before it is posted again."""
    support.slack.trouble(kind, times=TIMES[kind], after=3)
    await send(support.gw.services)
    await support.until(lambda: len(support.slack.troubles) == 0)
    support.slack.release()
    await support.until(lambda: posted(support))
    await support.quiet(60)
    assert len(posted(support)) == 1


async def test_only_its_own_support_channel_gets_a_brand_s_digest(support: SupportChannel) -> None:
    """The channel of the settings has those about all."""
    (receiver,) = support.gw.services.digest_receivers
    assert isinstance(receiver, DigestReceiver)
    assert isinstance(receiver, AgentsSlack)
    assert receiver.receives_digests("")
    assert not receiver.receives_digests("lindenhof")
