"""What every channel must do, ours and anyone's, as checks that run against its real provider
protocol.

A channel's tests build a `ProviderSimulator`: the provider's test server, and a customer behind it. Its
quality file says of every check ``done``, or ``exempt`` and why:

    duplicate_delivery: done
    rate_limit: {exempt: customers fetch their messages from us}

and its tests run what is done:

    @pytest.mark.parametrize("check", checks(QUALITY))
    async def test_contract(check: Check, far_end: FarEnd) -> None:
        await check(far_end)
"""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeAlias
from uuid import uuid4

import structlog
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.model import Address, Agent, File, Reason, Reply, Turn
from gateway.ports import NotAccepted
from gateway.testing.kit import FakeHandler, RunningGateway

Trouble = Literal["busy", "broken", "never", "cut"]
"""``busy``: try later, in `PAUSE` seconds (429); ``broken``: a passing fault (5xx); ``never``: this
message will never be taken (4xx); ``cut``: the line is cut after the message was taken."""

PAUSE = 40
"""The Retry-After of a busy provider, in seconds."""


class ProviderSimulator(Protocol):
    """The other end of a channel: its provider, and customers who use it.

    ``gw`` is a gateway with the channel awake, the guest `echo` as its handler, the plain voice,
    and a `FakeClock`. ``secrets`` are what must never be in a log; ``hostile`` are texts made of
    the provider's control syntax; ``largest`` is the most bytes a body may have.
    """

    gw: RunningGateway
    secrets: Sequence[str]
    hostile: Sequence[str]
    largest: int

    def address(self, name: str) -> Address:
        """How the gateway names this customer."""
        ...

    async def say(
        self, text: str, *, id: str, name: str = "carla", files: Sequence[File] = ()
    ) -> int:
        """Deliver a customer's message as the provider would; the status that it gets, 200 for
        taken. The same ``id`` is the same message, delivered again."""
        ...

    async def say_forged(self, text: str) -> int:
        """The same by somebody who does not have the secret."""
        ...

    async def post(self, body: bytes) -> int:
        """Any bytes, with whatever proof the provider gives; the status."""
        ...

    async def heard(self, name: str = "carla") -> list[str]:
        """What this customer read, in order, markup undone."""
        ...

    async def files(self, name: str = "carla") -> list[bytes]:
        """The files that this customer was sent, in order."""
        ...

    def trouble(self, *kinds: Trouble) -> None:
        """What the next calls to the provider meet, one each."""
        ...

    @property
    def calls(self) -> int:
        """How often the provider was asked to send, whatever came of it."""
        ...


Check: TypeAlias = Callable[[ProviderSimulator], Awaitable[None]]
CHECKS: dict[str, Check] = {}
ANA = Agent(id="desk:ana", name="Ana")
WORDS = "Grüße 👩🏽\u200d🔧 שלום ﷺ e\u0301 \u202eabc\u202c 𝒳 中文 — “ok”"


def echo() -> FakeHandler:
    """A guest that says back what was said; ``person`` brings one."""

    def answer(turn: Turn) -> Reply | None:
        if turn.kind != "message":
            return None
        if turn.route.action == "escalate" or turn.message.text == "person":
            reason = Reason(code="asked_for_person", detail="said so")
            return Reply(opener="", body=("A person comes.",), escalate=(reason,))
        return Reply(opener="", body=(turn.message.text,))

    return FakeHandler(answer, name="echo")


POLICY: dict[str, Any] = {
    "reasons": {
        name: {"enabled": False}
        for name in ("low_confidence", "out_of_scope", "bot_failed", "loop", "language")
    }
}
"""A policy under which the echo answers everything; write it beside your configuration."""


def _check(check: Check) -> Check:
    CHECKS[getattr(check, "__name__", "").removeprefix("check_")] = check
    return check


# -- coming in -----------------------------------------------------------------------------------


@_check
async def check_answers(far: ProviderSimulator) -> None:
    """A customer is answered, and a person's words reach them too."""
    assert await far.say("hello", id="a1") == 200
    await far.gw.settled()
    assert await far.heard() == ["hello"]
    assert await far.say("person", id="a2") == 200
    await far.gw.settled()
    [item] = await far.gw.services.desk.queue()
    await far.gw.services.desk.answer(item.conversation.id, ANA, "Ana here.", key="k")
    await far.gw.settled()
    assert await far.heard() == ["hello", "A person comes.", "Ana here."]


@_check
async def check_duplicate_delivery(far: ProviderSimulator) -> None:
    """The same message, however often delivered, is handled once; each delivery gets its OK."""
    assert [await far.say("once", id="d1") for _ in range(3)] == [200, 200, 200]
    await far.gw.settled()
    assert await far.say("once", id="d1") == 200
    await far.gw.settled()
    assert await far.heard() == ["once"]


@_check
async def check_lost_first_delivery(far: ProviderSimulator) -> None:
    """When the commit fails the provider gets a 5xx, and its next delivery is handled."""
    with _store_down(far):
        assert await far.say("important", id="l1") >= 500
    assert await far.say("important", id="l1") == 200
    await far.gw.settled()
    assert await far.heard() == ["important"]


@_check
async def check_bad_signature(far: ProviderSimulator) -> None:
    """Who has not the secret is refused with 401 or 403, and nothing is stored."""
    assert await far.say_forged("let me in") in (401, 403)
    await far.gw.settled()
    assert await _stored(far) == []


@_check
async def check_oversize(far: ProviderSimulator) -> None:
    """A body over the bound is 413, and nothing is stored."""
    assert await far.post(b"x" * (far.largest + 1)) == 413
    assert await _stored(far) == []


@_check
async def check_malformed(far: ProviderSimulator) -> None:
    """What no provider would send is a 4xx, or kept for a person; never a 5xx."""
    for body in (b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"a": {"b": [1, 2, {}]}}', b"a=%zz"):
        assert 200 <= await far.post(body) < 500, body
    await far.gw.settled()
    assert await far.say("still fine", id="m1") == 200


@_check
async def check_unicode(far: ProviderSimulator) -> None:
    """Every script, emoji and mark comes in and goes out as it is."""
    assert await far.say(WORDS, id="u1") == 200
    await far.gw.settled()
    assert await _stored(far) == [WORDS]
    assert await far.heard() == [WORDS]


@_check
async def check_ordering(far: ProviderSimulator) -> None:
    """Answers come in the order of the questions."""
    said = [f"number {i}" for i in range(8)]
    for i, text in enumerate(said):
        assert await far.say(text, id=f"o{i}") == 200
    await far.gw.settled()
    assert await far.heard() == said


@_check
async def check_attachment(far: ProviderSimulator) -> None:
    """A customer's file is kept, byte for byte, and named on the card."""
    png = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    file = File(name="broken.png", media_type="image/png", data=png)
    assert await far.say("see this", id="f1", files=(file,)) == 200
    await far.gw.settled()
    found = await far.gw.gateway.store.queries.messages(far.address("carla"), own=True)
    [kept] = [one for message in found for one in message.attachments]
    assert kept.media_type == "image/png"
    assert await far.gw.services.files.open(kept.digest) == png


# -- going out -----------------------------------------------------------------------------------


@_check
async def check_attachment_out(far: ProviderSimulator) -> None:
    """A person's file reaches the customer, byte for byte."""
    await far.say("person", id="g1")
    await far.gw.settled()
    [item] = await far.gw.services.desk.queue()
    data = b"%PDF-1.4 " + bytes(range(64))
    kept = await far.gw.services.files.keep(
        File(name="label.pdf", media_type="application/pdf", data=data)
    )
    await far.gw.services.desk.answer(
        item.conversation.id, ANA, "Print this.", key="k", attachments=(kept,)
    )
    await far.gw.settled()
    assert await far.files() == [data]


@_check
async def check_control_syntax(far: ProviderSimulator) -> None:
    """What means something to the provider means nothing from a customer: it is read as it was
    written, and pings, links and formats nothing."""
    for i, text in enumerate(far.hostile):
        assert await far.say(text, id=f"h{i}") == 200
        await far.gw.settled()
    assert await _stored(far) == list(far.hostile)
    assert await far.heard() == list(far.hostile)


@_check
async def check_retry(far: ProviderSimulator) -> None:
    """A passing fault is waited out: the message arrives, once."""
    far.trouble("broken", "broken")
    await far.say("patience", id="r1")
    await far.gw.settled()
    for _ in range(3):
        await far.gw.pass_time(300)
    assert await far.heard() == ["patience"]


@_check
async def check_rate_limit(far: ProviderSimulator) -> None:
    """A busy provider is left alone for as long as it asked."""
    far.trouble("busy")
    await far.say("later", id="b1")
    await far.gw.settled()
    before = far.calls
    await far.gw.pass_time(PAUSE - 5)
    assert far.calls == before
    await far.gw.pass_time(400)
    assert await far.heard() == ["later"]


@_check
async def check_permanent_failure(far: ProviderSimulator) -> None:
    """What will never be taken is a dead letter at once, the next message goes, a person knows."""
    far.trouble("never")
    await far.say("to nobody", id="p1")
    await far.gw.settled()
    [letter] = await far.gw.gateway.store.outbox.list()
    assert (letter.state, letter.attempts) == ("dead", 1)
    [item] = await far.gw.services.desk.queue()
    assert item.handoff.reasons[0].code == "undeliverable"


@_check
async def check_cut_off(far: ProviderSimulator) -> None:
    """A line that is cut after the message was taken: never said twice to a provider that cannot
    tell, and either found, sent again under the same id, or a person's."""
    far.trouble("cut")
    await far.say("did it arrive", id="c1")
    await far.gw.settled()
    await far.gw.pass_time(300)
    assert await far.heard() == ["did it arrive"]


@_check
async def check_secrets_stay_secret(far: ProviderSimulator) -> None:
    """No secret, and no word of a customer, is in the log, whatever goes wrong."""
    private = f"my-door-code-{uuid4().hex}"
    with _log() as written:
        await far.say(private, id="s1")
        await far.say_forged(private)
        await far.post(b"{" + private.encode())
        far.trouble("never")
        await far.say(private, id="s2")
        await far.gw.settled()
    for secret in (*far.secrets, private):
        assert secret not in written.getvalue()


async def _stored(far: ProviderSimulator, name: str = "carla") -> list[str]:
    found = await far.gw.gateway.store.queries.messages(far.address(name), own=True, limit=1000)
    return [message.text for message in found if message.author == "customer"]


@contextmanager
def _store_down(far: ProviderSimulator) -> Iterator[None]:
    inbox = far.gw.gateway.store.inbox
    real = inbox.accept

    async def refuse(*_: object) -> Any:
        raise NotAccepted("the disk is full")

    inbox.accept = refuse  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        inbox.accept = real  # type: ignore[method-assign]


@contextmanager
def _log() -> Iterator[io.StringIO]:
    written = io.StringIO()
    before = structlog.get_config()
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(written),
        cache_logger_on_first_use=False,
    )
    try:
        yield written
    finally:
        structlog.configure(**before)


# -- the quality file ----------------------------------------------------------------------------


class QualityExemption(BaseModel):
    """A check that makes no sense for this channel, and why."""

    model_config = ConfigDict(extra="forbid")

    exempt: Annotated[str, Field(min_length=10)]


Quality: TypeAlias = dict[str, Literal["done"] | QualityExemption]
_QUALITY: TypeAdapter[Quality] = TypeAdapter(Quality)


def quality(file: Path) -> Quality:
    """What ``file`` says of each check. Raises AssertionError when one is missing, unknown, or
    exempt without a reason."""
    found = _QUALITY.validate_python(yaml.safe_load(file.read_text("utf-8")))
    assert set(found) == set(CHECKS), (
        f"{file}: missing {sorted(set(CHECKS) - set(found))},"
        f" unknown {sorted(set(found) - set(CHECKS))}"
    )
    return found


def checks(file: Path) -> list[Any]:
    """The checks that ``file`` calls done, as parameters for pytest."""
    import pytest  # noqa: PLC0415  (the command uses this package too, where there is no pytest)

    return [
        pytest.param(CHECKS[name], id=name)
        for name, state in quality(file).items()
        if state == "done"
    ]
