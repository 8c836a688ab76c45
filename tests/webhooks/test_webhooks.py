"""Outgoing webhooks: every event once, signed and in order."""

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
from tests.webhooks.receiver import SECRET, WebhookReceiver, webhook_receiver

SECRET_WORD = "zanzibar4711"


@pytest.fixture
async def crm() -> AsyncIterator[WebhookReceiver]:
    async with webhook_receiver() as receiver:
        yield receiver


@pytest.fixture
def answer_all(tmp_path: Path) -> dict[str, Any]:
    file = tmp_path / "policy.yaml"
    file.write_text(ANSWER_ALL, "utf-8")
    return {"policy": str(file)}


def echo(turn: Turn) -> Reply | None:
    return Reply(body=(f"You said {turn.message.text}.",)) if turn.kind == "message" else None


def no_answer(turn: Turn) -> Reply | None:
    return None


async def send_due(gw: RunningGateway) -> None:
    """Send all webhooks that are due."""
    await gw.settled()
    await gw.gateway.webhooks.sweep()
    await until(lambda: not len(gw.gateway.webhooks.lanes))


async def test_the_events_of_a_dialogue_come_once_and_in_order(
    tmp_path: Path, crm: WebhookReceiver, answer_all: dict[str, Any]
) -> None:
    """The specification's own library verifies their signatures. They hold no customer's words."""
    fake = FakeChannel()
    config = answer_all | crm.config()
    async with running(fake, FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say(f"hello {SECRET_WORD}")
        at = gw.clock.now()
        receipt = Receipt(channel="fake", ids=(f"fake-{fake.sent[0].key}",), status="read", at=at)
        await gw.services.intake.report(receipt)
        await send_due(gw)
        assert crm.event_types() == [
            "conversation.opened",
            "message.received",
            "message.sent",
            "message.read",
        ]
        assert SECRET_WORD not in crm.received_text()
        assert "carla" not in crm.received_text()
        assert {event["data"]["conversation"] for event in crm.accepted} == {1}
        assert len(set(crm.ids)) == 4
        assert gw.metric("warmline_webhooks_total", endpoint="crm", outcome="sent") == 4


async def test_agents_actions_are_events(tmp_path: Path, crm: WebhookReceiver) -> None:
    """For escalation, claim and resolution."""
    config = crm.config(events=["conversation"])
    async with running(
        FakeChannel(), FakeHandler(no_answer), config=config, tmp_path=tmp_path
    ) as gw:
        await gw.customer("fake", "carla").say("help")
        ana = gw.desk_agent("ana")
        card = await ana.claim()
        await ana.answer(card, "done")
        await ana.resolve(card)
        await send_due(gw)
        assert crm.event_types() == [
            "conversation.opened",
            "conversation.escalated",
            "conversation.claimed",
            "conversation.resolved",
        ]
        assert crm.accepted[1]["data"]["reasons"] == ["no_answer"]
        assert crm.accepted[2]["data"]["agent"] == "desk:ana"


async def test_include_text_adds_the_messages(
    tmp_path: Path, crm: WebhookReceiver, answer_all: dict[str, Any]
) -> None:
    """The texts of both sides."""
    config = answer_all | crm.config(include_text=True, events=["message"])
    async with running(FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("hello")
        await send_due(gw)
        assert [event["data"]["text"] for event in crm.accepted] == ["hello", "You said hello."]


async def test_a_survey_event_has_no_comment(
    tmp_path: Path, crm: WebhookReceiver, answer_all: dict[str, Any]
) -> None:
    """It has the score; the comment is the customer's words."""

    def ask(turn: Turn) -> Reply | None:
        if turn.kind == "event" and turn.name == "resolved":
            return Reply(body=("How was it?",), purpose="survey", survey=SurveyQuestion())
        return Reply(body=("Thanks.",), purpose="thanks") if turn.survey_answer else None

    class SurveyHandler(FakeHandler):
        def read_answer(self, turn: Turn) -> Any:
            from gateway import SurveyAnswer  # noqa: PLC0415

            return SurveyAnswer(score=4, comment=turn.message.text)

    config = answer_all | crm.config(events=["survey"])
    async with running(FakeChannel(), SurveyHandler(ask), config=config, tmp_path=tmp_path) as gw:
        carla, ana = gw.customer("fake", "carla"), gw.desk_agent("ana")
        await carla.say("help")
        await ana.resolve(await ana.claim())
        await carla.say(SECRET_WORD)
        await send_due(gw)
        assert crm.event_types() == ["survey.answered"]
        assert crm.accepted[0]["data"]["score"] == 4
        assert SECRET_WORD not in crm.received_text()


async def test_later_events_wait_behind_a_failed_one(
    tmp_path: Path, crm: WebhookReceiver, answer_all: dict[str, Any]
) -> None:
    """Within the conversation, until Retry-After has passed. Another conversation's are sent."""
    clock = FakeClock(datetime.now(UTC))
    config = answer_all | crm.config(events=["message.received"])
    crm.responses = [web.Response(status=503, headers={"Retry-After": "60"})]
    handler = FakeHandler(echo)
    async with running(FakeChannel(), handler, config=config, tmp_path=tmp_path, clock=clock) as gw:
        await gw.customer("fake", "carla").say("one")
        await send_due(gw)
        await gw.customer("fake", "carla").say("two")
        await gw.customer("fake", "dora").say("three")
        await send_due(gw)
        assert [event["data"]["conversation"] for event in crm.accepted] == [2]
        await clock.advance(59)
        await send_due(gw)
        assert len(crm.accepted) == 1
        await clock.advance(2)
        await send_due(gw)
        await until(lambda: len(crm.accepted) == 3)
        assert [event["data"]["conversation"] for event in crm.accepted] == [2, 1, 1]
        ids = [event["data"]["message"] for event in crm.accepted[1:]]
        assert ids == sorted(ids)


async def test_events_after_a_dead_letter_are_sent_and_it_can_be_retried(
    tmp_path: Path, crm: WebhookReceiver, answer_all: dict[str, Any]
) -> None:
    """410 makes a dead letter at once; ``retry`` sends it again with the same id."""
    config = answer_all | crm.config(events=["message"])
    crm.responses = [web.Response(status=410)]
    async with running(FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("one")
        await send_due(gw)
        assert crm.event_types() == ["message.sent"]
        [dead_letter] = await gw.gateway.store.webhooks.list()
        assert (dead_letter.endpoint, dead_letter.name) == ("crm", "message.received")
        assert (await gw.gateway.store.statistics.backlog(gw.clock.now())).hooks_dead.rows == 1
        assert await gw.gateway.store.webhooks.retry(None) == 1
        await send_due(gw)
        assert crm.event_types() == ["message.sent", "message.received"]
        assert crm.ids[1] == dead_letter.event


async def test_events_can_be_replayed(
    tmp_path: Path, crm: WebhookReceiver, answer_all: dict[str, Any]
) -> None:
    """From a given time on, with the same ids as before."""
    config = answer_all | crm.config(events=["message"])
    async with running(FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "carla").say("one")
        await send_due(gw)
        queue = gw.gateway.store.webhooks
        assert await queue.replay(gw.clock.now() + timedelta(seconds=1), None) == 0
        assert await queue.replay(gw.clock.now() - timedelta(minutes=1), "other") == 0
        assert await queue.replay(gw.clock.now() - timedelta(minutes=1), "crm") == 2
        await send_due(gw)
        assert crm.event_types() == ["message.received", "message.sent"] * 2
        assert crm.ids[:2] == crm.ids[2:]


async def test_an_event_survives_the_death_of_its_process(
    tmp_path: Path, crm: WebhookReceiver, answer_all: dict[str, Any]
) -> None:
    """The process dies before the request, or between the request and its record. The next process
    sends the event with the same id."""
    clock = FakeClock(datetime.now(UTC))
    config = answer_all | crm.config(events=["message.received"])
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
        await send_due(gw)
        assert len(crm.accepted) == 1  # the lease of the dead process still runs
        await clock.advance(46)
        await send_due(gw)
        assert crm.ids == [taken.event, taken.event]


async def test_a_rolled_back_turn_sends_no_event(
    tmp_path: Path, crm: WebhookReceiver, answer_all: dict[str, Any]
) -> None:
    """The same transaction writes turn and event: when it fails, there is neither."""
    config = answer_all | crm.config()
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
        await send_due(gw)
        await until(lambda: len(gw.gateway.registrations.handlers[0].turns) == 2)
        await until(lambda: not len(gw.gateway.incoming))
        await send_due(gw)
        assert crm.event_types().count("conversation.opened") == 1


async def test_erasing_a_customer_deletes_their_events(
    tmp_path: Path, crm: WebhookReceiver, answer_all: dict[str, Any]
) -> None:
    """With the words in them."""
    config = answer_all | crm.config(include_text=True)
    crm.responses = [web.Response(status=500)] * 9
    async with running(FakeChannel(), FakeHandler(echo), config=config, tmp_path=tmp_path) as gw:
        carla = gw.customer("fake", "carla")
        await carla.say(SECRET_WORD)
        held = await gw.gateway.store.customers.export(carla.address)
        assert isinstance(held, dict)
        assert len(held["hooks"]) == 3
        await gw.gateway.store.customers.erase(carla.address)
        assert await gw.gateway.store.webhooks.lanes() == ()


async def test_without_endpoints_no_event_is_stored(
    tmp_path: Path, answer_all: dict[str, Any]
) -> None:
    """The queue stays empty."""
    async with running(
        FakeChannel(), FakeHandler(echo), config=answer_all, tmp_path=tmp_path
    ) as gw:
        await gw.customer("fake", "carla").say("one")
        assert await gw.gateway.store.webhooks.lanes() == ()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_private_address_is_refused(crm: WebhookReceiver, host: str) -> None:
    """By number and by name. The error says which setting allows it."""
    url = crm.url.replace("127.0.0.1", host)
    endpoint = WebhookEndpoint.model_validate({"url": url, "secret": SECRET})
    sender = HttpWebhookSender({"crm": endpoint}, public_http=PublicNetworkHttp(), timeout=5)
    delivery = WebhookDelivery(
        id=1, event="msg_1", endpoint="crm", name="x", payload="{}", attempts=1
    )
    with pytest.raises(Undeliverable, match="allow_private"):
        await sender.post(delivery, datetime.now(UTC))
    assert crm.received == []
    await sender.close()


async def test_both_keys_sign_during_a_rotation(crm: WebhookReceiver) -> None:
    """A receiver can verify with the old key or the new one."""
    other = "whsec_" + "QUJD" * 10
    url = {"url": crm.url, "secret": f"{other} {SECRET}", "allow_private": True}
    sender = HttpWebhookSender(
        {"crm": WebhookEndpoint.model_validate(url)}, public_http=PublicNetworkHttp(), timeout=5
    )
    delivery = WebhookDelivery(
        id=1, event="msg_1", endpoint="crm", name="x", payload='{"type":"x"}', attempts=1
    )
    await sender.post(delivery, datetime.now(UTC))
    await sender.close()
    assert crm.event_types() == ["x"]
    assert Webhook(other).sign("msg_1", datetime.now(UTC), "{}").startswith("v1,")


def test_a_weak_secret_is_refused_at_the_start(tmp_path: Path) -> None:
    """The error says where it is and how to make a better one, and does not quote it."""
    endpoint = {"url": "https://example.org", "secret": "whsec_c2hvcnQ="}
    with pytest.raises(BadConfig, match=r"endpoints\.crm\.secret.*openssl") as raised:
        settings_for([], {"webhooks": {"endpoints": {"crm": endpoint}}}, tmp_path)
    assert "c2hvcnQ" not in str(raised.value)
