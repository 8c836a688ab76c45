"""Other systems hear what happened: all of it, signed, in order, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from gateway import BadConfig, Receipt, Reply, SurveyQuestion, Turn, Undeliverable
from gateway.adapters.public_http import PublicNetworkHttp
from gateway.adapters.webhook_client import HttpWebhookSender
from gateway.settings import WebhookEndpoint
from gateway.store import WebhookDelivery
from gateway.testing import (
    FakeChannel,
    FakeClock,
    FakeHandler,
    RunningGateway,
    running,
    settings_for,
)
from tests.conftest import until
from tests.spine.conftest import ANSWER_ALL
from tests.webhooks.receiver import SECRET, Receiver, receiver

WORDS = "zanzibar4711"


@pytest.fixture
async def crm() -> AsyncIterator[Receiver]:
    async with receiver() as here:
        yield here


@pytest.fixture
def easy(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "policy.yaml"
    file.write_text(ANSWER_ALL, "utf-8")
    return {"policy": str(file)}


def echo(turn: Turn) -> Reply | None:
    return Reply(body=(f"You said {turn.message.text}.",)) if turn.kind == "message" else None


def nobody(turn: Turn) -> Reply | None:
    return None


async def told(gw: RunningGateway) -> None:
    """Let everything be sent that is due."""
    await gw.settled()
    await gw.gateway.webhooks.sweep()
    await until(lambda: not len(gw.gateway.webhooks.lanes))


async def test_a_dialogue_is_told_in_its_order(
    tmp_path: Path, crm: Receiver, easy: dict[str, Any]
) -> None:
    """Each event once, signed so that the specification's own library verifies it; no words."""
    fake = FakeChannel()
    config = easy | crm.config()
    async with running(fake, FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say(f"hello {WORDS}")
        at = gw.clock.now()
        receipt = Receipt(channel="fake", ids=(f"fake-{fake.sent[0].key}",), status="read", at=at)
        await gw.services.intake.report(receipt)
        await told(gw)
        assert crm.names() == [
            "conversation.opened",
            "message.received",
            "message.sent",
            "message.read",
        ]
        assert WORDS not in crm.words()
        assert "carla" not in crm.words()
        assert {event["data"]["conversation"] for event in crm.taken} == {1}
        assert len(set(crm.ids)) == 4
        assert gw.metric("warmline_webhooks_total", endpoint="crm", outcome="sent") == 4


async def test_what_people_do_is_told(tmp_path: Path, crm: Receiver) -> None:
    """Escalated, claimed, answered, resolved."""
    config = crm.config(events=["conversation"])
    async with running(FakeChannel(), FakeHandler(nobody), config=config, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("help")
        ana = gw.desk_agent("ana")
        card = await ana.claim()
        await ana.answer(card, "done")
        await ana.resolve(card)
        await told(gw)
        assert crm.names() == [
            "conversation.opened",
            "conversation.escalated",
            "conversation.claimed",
            "conversation.resolved",
        ]
        assert crm.taken[1]["data"]["reasons"] == ["no_answer"]
        assert crm.taken[2]["data"]["agent"] == "desk:ana"


async def test_words_go_along_where_they_are_asked_for(
    tmp_path: Path, crm: Receiver, easy: dict[str, Any]
) -> None:
    """``include_text``: the texts of both sides."""
    config = easy | crm.config(include_text=True, events=["message"])
    async with running(FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("hello")
        await told(gw)
        assert [event["data"]["text"] for event in crm.taken] == ["hello", "You said hello."]


async def test_a_survey_is_told_without_its_comment(
    tmp_path: Path, crm: Receiver, easy: dict[str, Any]
) -> None:
    """The score is a figure; the comment is the customer's words."""

    def ask(turn: Turn) -> Reply | None:
        if turn.kind == "event" and turn.name == "resolved":
            return Reply(body=("How was it?",), purpose="survey", survey=SurveyQuestion())
        return Reply(body=("Thanks.",), purpose="thanks") if turn.survey_answer else None

    class Asks(FakeHandler):
        def read_answer(self, turn: Turn) -> Any:
            from gateway import SurveyAnswer  # noqa: PLC0415

            return SurveyAnswer(score=4, comment=turn.message.text)

    config = easy | crm.config(events=["survey"])
    async with running(FakeChannel(), Asks(ask), config=config, tmp_path=tmp_path) as gw:
        carla, ana = gw.customer("fake", "carla"), gw.desk_agent("ana")
        await carla.say("help")
        await ana.resolve(await ana.claim())
        await carla.say(WORDS)
        await told(gw)
        assert crm.names() == ["survey.answered"]
        assert crm.taken[0]["data"]["score"] == 4
        assert WORDS not in crm.words()


async def test_what_fails_waits_and_later_events_wait_behind_it(
    tmp_path: Path, crm: Receiver, easy: dict[str, Any]
) -> None:
    """Retry-After is heeded; order holds in the conversation; another conversation goes on."""
    clock = FakeClock(datetime.now(UTC))
    config = easy | crm.config(events=["message.received"])
    crm.answers = [web.Response(status=503, headers={"Retry-After": "60"})]
    hello = FakeHandler(echo)
    async with running(FakeChannel(), hello, config=config, tmp_path=tmp_path, clock=clock) as gw:
        await gw.customer("fake", "carla").say("one")
        await told(gw)
        await gw.customer("fake", "carla").say("two")
        await gw.customer("fake", "dora").say("three")
        await told(gw)
        assert [event["data"]["conversation"] for event in crm.taken] == [2]
        await clock.advance(59)
        await told(gw)
        assert len(crm.taken) == 1
        await clock.advance(2)
        await told(gw)
        await until(lambda: len(crm.taken) == 3)
        assert [event["data"]["conversation"] for event in crm.taken] == [2, 1, 1]
        ids = [event["data"]["message"] for event in crm.taken[1:]]
        assert ids == sorted(ids)


async def test_a_dead_letter_lets_the_next_go_and_can_be_sent_again(
    tmp_path: Path, crm: Receiver, easy: dict[str, Any]
) -> None:
    """410 ends it at once; ``retry`` sends it again with the same id."""
    config = easy | crm.config(events=["message"])
    crm.answers = [web.Response(status=410)]
    async with running(FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("one")
        await told(gw)
        assert crm.names() == ["message.sent"]
        [line] = await gw.gateway.store.webhooks.list()
        assert (line.endpoint, line.name) == ("crm", "message.received")
        assert (await gw.gateway.store.statistics.backlog(gw.clock.now())).hooks_dead.rows == 1
        assert await gw.gateway.store.webhooks.retry(None) == 1
        await told(gw)
        assert crm.names() == ["message.sent", "message.received"]
        assert crm.ids[1] == line.event


async def test_all_can_be_replayed(tmp_path: Path, crm: Receiver, easy: dict[str, Any]) -> None:
    """Since a moment, with the ids that the receiver may know."""
    config = easy | crm.config(events=["message"])
    async with running(FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("one")
        await told(gw)
        hooks = gw.gateway.store.webhooks
        assert await hooks.replay(gw.clock.now() + timedelta(seconds=1), None) == 0
        assert await hooks.replay(gw.clock.now() - timedelta(minutes=1), "other") == 0
        assert await hooks.replay(gw.clock.now() - timedelta(minutes=1), "crm") == 2
        await told(gw)
        assert crm.names() == ["message.received", "message.sent"] * 2
        assert crm.ids[:2] == crm.ids[2:]


async def test_a_process_that_died_on_it_loses_nothing(
    tmp_path: Path, crm: Receiver, easy: dict[str, Any]
) -> None:
    """Between the commit and the call, and between the call and its record: the next start sends
    it, with the same id."""
    clock = FakeClock(datetime.now(UTC))
    config = easy | crm.config(events=["message.received"])
    async with running(
        FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path, clock=clock
    ) as gw:
        await gw.customer("fake", "carla").say("one")
        lease = timedelta(seconds=45)
        taken = await gw.gateway.store.webhooks.take("crm:1", clock.now(), lease)  # ... and dies
        assert isinstance(taken, WebhookDelivery)
        await gw.gateway.webhook_sender.post(taken, clock.now())  # ... or dies only now
    async with running(
        FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path, clock=clock
    ) as gw:
        await told(gw)
        assert len(crm.taken) == 1  # the dead process may still be at it
        await clock.advance(46)
        await told(gw)
        assert crm.ids == [taken.event, taken.event]


async def test_a_turn_that_was_rolled_back_is_not_told(
    tmp_path: Path, crm: Receiver, easy: dict[str, Any]
) -> None:
    """The row is written by the very transaction; when that fails there is none."""
    config = easy | crm.config()
    async with running(FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        inbox = gw.gateway.store.inbox
        real, failures = inbox._webhooks.turn, [OSError("the disk is full")]

        def fails_after(*arguments: Any) -> Any:
            committed = real(*arguments)
            if failures:
                raise failures.pop()
            return committed

        inbox._webhooks.turn = fails_after  # type: ignore[method-assign]
        await gw.customer("fake", "carla").write("one")
        await until(lambda: not failures)
        await told(gw)
        await until(lambda: len(gw.gateway.registrations.handlers[0].turns) == 2)
        await until(lambda: not len(gw.gateway.incoming))
        await told(gw)
        assert crm.names().count("conversation.opened") == 1


async def test_an_erased_customer_is_told_no_more(
    tmp_path: Path, crm: Receiver, easy: dict[str, Any]
) -> None:
    """Their events go with them, the words in these too."""
    config = easy | crm.config(include_text=True)
    crm.answers = [web.Response(status=500)] * 9
    async with running(FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say(WORDS)
        held = await gw.gateway.store.customers.export(carla.address)
        assert isinstance(held, dict)
        assert len(held["hooks"]) == 3
        await gw.gateway.store.customers.erase(carla.address)
        assert await gw.gateway.store.webhooks.lanes() == ()


async def test_nothing_is_written_where_nobody_listens(
    tmp_path: Path, easy: dict[str, Any]
) -> None:
    """No endpoint, no row."""
    async with running(FakeChannel(), FakeHandler(echo), config=easy, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("one")
        assert await gw.gateway.store.webhooks.lanes() == ()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_address_of_this_network_is_refused(crm: Receiver, host: str) -> None:
    """By number and by name, at the connection; it is told how to permit it."""
    url = crm.url.replace("127.0.0.1", host)
    there = WebhookEndpoint.model_validate({"url": url, "secret": SECRET})
    post = HttpWebhookSender({"crm": there}, public_http=PublicNetworkHttp(), timeout=5)
    hook = WebhookDelivery(id=1, event="msg_1", endpoint="crm", name="x", payload="{}", attempts=1)
    with pytest.raises(Undeliverable, match="allow_private"):
        await post.post(hook, datetime.now(UTC))
    assert crm.tried == []
    await post.close()


async def test_both_keys_sign_while_one_replaces_the_other(crm: Receiver) -> None:
    """A receiver verifies with the old key or the new one."""
    other = "whsec_" + "QUJD" * 10
    url = {"url": crm.url, "secret": f"{other} {SECRET}", "allow_private": True}
    post = HttpWebhookSender(
        {"crm": WebhookEndpoint.model_validate(url)}, public_http=PublicNetworkHttp(), timeout=5
    )
    hook = WebhookDelivery(
        id=1, event="msg_1", endpoint="crm", name="x", payload='{"type":"x"}', attempts=1
    )
    await post.post(hook, datetime.now(UTC))
    await post.close()
    assert crm.names() == ["x"]
    assert Webhook(other).sign("msg_1", datetime.now(UTC), "{}").startswith("v1,")


def test_a_weak_secret_stops_the_start(tmp_path: Path) -> None:
    """It is told where, and how to make one; it is not quoted."""
    there = {"url": "https://example.org", "secret": "whsec_c2hvcnQ="}
    with pytest.raises(BadConfig, match=r"endpoints\.crm\.secret.*openssl") as raised:
        settings_for([], {"webhooks": {"endpoints": {"crm": there}}}, tmp_path)
    assert "c2hvcnQ" not in str(raised.value)
