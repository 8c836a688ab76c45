"""What every channel must do: checks that run against a simulation of its provider.

A channel's tests implement `ProviderSimulator`: a test server that speaks the provider's protocol,
and a customer who uses it. The channel's quality file says of each check whether it is ``done``, or
``exempt`` and why:

    duplicate_delivery: done
    rate_limit: {exempt: customers fetch their messages from us}

The tests run the checks that are done:

    @pytest.mark.parametrize("check", checks(QUALITY))
    async def test_contract(check: Check, provider: ProviderSimulator) -> None:
        await check(provider)
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from gateway.model import Address, Agent, File, Reason, Reply, Turn
from gateway.ports import NotAccepted, RefusedByChannel
from gateway.testing.kit import FakeHandler, RunningGateway

Trouble = Literal["busy", "broken", "never", "cut"]
"""How the provider fails. ``busy``: try again in `PAUSE` seconds (429). ``broken``: a temporary
failure (5xx). ``never``: it refuses this message for good (4xx). ``cut``: it takes the message, and
the connection breaks before its response."""

PAUSE = 40
"""The Retry-After of a busy provider, in seconds."""


class ProviderSimulator(Protocol):
    """The other end of a channel: its provider, and customers who use the provider.

    ``gw`` is a running gateway with the channel, the handler `echo`, the `PlainVoice` and a
    `FakeClock`. ``secrets`` are texts that must never be logged. ``hostile`` are texts in the
    provider's markup or control syntax. ``largest`` is the limit of a request's body in bytes.

    Where the channel polls, the simulation also has ``polled = True``, and `PolledQueue` gives it
    the statuses: 200 is what the channel confirmed to the provider, 503 what it asked for again.
    """

    gw: RunningGateway
    secrets: Sequence[str]
    hostile: Sequence[str]
    largest: int

    def address(self, name: str) -> Address:
        """The gateway's address of this customer."""
        ...

    async def say(
        self, text: str, *, id: str, name: str = "carla", files: Sequence[File] = ()
    ) -> int:
        """Deliver a customer's message as the provider would, and return the HTTP status of the
        response; of a channel that polls, see above. The same ``id`` is the same message again."""
        ...

    async def say_forged(self, text: str, *, proof: bytes = b"guessed") -> int:
        """As `say`, but without knowing the secret: ``proof`` stands in the place of the signature
        or the token, sent byte for byte as `post_raw` does. A channel to which nobody posts returns
        401."""
        ...

    async def post(self, body: bytes) -> int:
        """Deliver any bytes, signed as the provider would, and return the status."""
        ...

    async def heard(self, name: str = "carla") -> list[str]:
        """The texts that this customer received, in order, without markup."""
        ...

    async def files(self, name: str = "carla") -> list[bytes]:
        """The files that this customer received, in order."""
        ...

    def trouble(self, *kinds: Trouble) -> None:
        """Let the next calls to the provider fail, one for each of ``kinds``."""
        ...

    @property
    def calls(self) -> int:
        """How many times the provider was asked to send, with or without success."""
        ...


Check: TypeAlias = Callable[[ProviderSimulator], Awaitable[None]]
CHECKS: dict[str, Check] = {}
ANA = Agent(id="desk:ana", name="Ana")
UNICODE = "Grüße 👩🏽\u200d🔧 שלום ﷺ e\u0301 \u202eabc\u202c 𝒳 中文 — “ok”"


def echo() -> FakeHandler:
    """A handler that repeats the customer's text. The text ``person`` hands over to a person."""

    def answer(turn: Turn) -> Reply | None:
        if turn.kind != "message":
            return None
        if turn.route.action == "escalate" or turn.message.text == "person":
            reason = Reason(code="asked_for_person", detail="by the text")
            return Reply(opener="", body=("A person comes.",), escalate=(reason,))
        return Reply(opener="", body=(turn.message.text,))

    return FakeHandler(answer, name="echo")


POLICY: dict[str, Any] = {
    "reasons": {
        name: {"enabled": False}
        for name in ("low_confidence", "out_of_scope", "bot_failed", "loop", "language")
    }
}
"""A routing policy under which `echo` answers everything. Write it to a file that your
configuration names as ``policy``."""


def _check(check: Check) -> Check:
    CHECKS[getattr(check, "__name__", "").removeprefix("check_")] = check
    return check


# -- incoming ------------------------------------------------------------------------------------


@_check
async def check_answers(provider: ProviderSimulator) -> None:
    """A customer gets the bot's answer, and an agent's answer too."""
    assert await provider.say("hello", id="a1") == 200
    await provider.gw.settled()
    assert await provider.heard() == ["hello"]
    assert await provider.say("person", id="a2") == 200
    await provider.gw.settled()
    [item] = await provider.gw.services.desk.queue()
    await provider.gw.services.desk.answer(item.conversation.id, ANA, "Ana here.", key="k")
    await provider.gw.settled()
    assert await provider.heard() == ["hello", "A person comes.", "Ana here."]


@_check
async def check_duplicate_delivery(provider: ProviderSimulator) -> None:
    """A message that is delivered several times is handled once; each delivery gets a 200."""
    assert [await provider.say("once", id="d1") for _ in range(3)] == [200, 200, 200]
    await provider.gw.settled()
    assert await provider.say("once", id="d1") == 200
    await provider.gw.settled()
    assert await provider.heard() == ["once"]


@_check
async def check_lost_first_delivery(provider: ProviderSimulator) -> None:
    """If the commit fails, the provider gets a 5xx, or no confirmation of a polled message, and
    its next delivery is handled."""
    with _store_down(provider):
        assert await provider.say("important", id="l1") >= 500
    assert await provider.say("important", id="l1") == 200
    await provider.gw.settled()
    assert await provider.heard() == ["important"]


@_check
async def check_bad_signature(provider: ProviderSimulator) -> None:
    """A request without the secret is refused with 401 or 403, and nothing is stored; also one
    whose signature is not ASCII, or not even UTF-8: `hmac.compare_digest` refuses such a text."""
    for proof in (b"guessed", "gu\u00e9ss".encode(), b"\xe9\xff", b""):
        assert await provider.say_forged("let me in", proof=proof) in (401, 403), proof
    await provider.gw.settled()
    assert await _stored(provider) == []


@_check
async def check_oversize(provider: ProviderSimulator) -> None:
    """A body over the limit gets a 413, and nothing is stored. What is polled is confirmed all the
    same, or it would come again and again, and the next message is handled."""
    if _polled(provider):
        assert await provider.post(b"x" * (provider.largest + 1)) == 200
        assert await provider.say("the next one", id="v1") == 200
        await provider.gw.settled()
        assert await provider.heard() == ["the next one"]
        return
    assert await provider.post(b"x" * (provider.largest + 1)) == 413
    assert await _stored(provider) == []


@_check
async def check_malformed(provider: ProviderSimulator) -> None:
    """A malformed body gets a 4xx, or is stored for a person; never a 5xx. What is polled is
    confirmed."""
    for body in (b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b'{"a": {"b": [1, 2, {}]}}', b"a=%zz"):
        assert 200 <= await provider.post(body) < 500, body
    await provider.gw.settled()
    assert await provider.say("still fine", id="m1") == 200


@_check
async def check_unicode(provider: ProviderSimulator) -> None:
    """Scripts, emoji and combining marks are received and sent unchanged."""
    assert await provider.say(UNICODE, id="u1") == 200
    await provider.gw.settled()
    assert await _stored(provider) == [UNICODE]
    assert await provider.heard() == [UNICODE]


@_check
async def check_ordering(provider: ProviderSimulator) -> None:
    """Answers come in the order of the questions."""
    texts = [f"number {i}" for i in range(8)]
    for i, text in enumerate(texts):
        assert await provider.say(text, id=f"o{i}") == 200
    await provider.gw.settled()
    assert await provider.heard() == texts


@_check
async def check_attachment(provider: ProviderSimulator) -> None:
    """A customer's file is stored byte for byte, and listed with the message."""
    png = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    file = File(name="broken.png", media_type="image/png", data=png)
    assert await provider.say("see this", id="f1", files=(file,)) == 200
    await provider.gw.settled()
    found = await provider.gw.gateway.store.queries.messages(provider.address("carla"), own=True)
    [kept] = [file for message in found for file in message.attachments]
    assert kept.media_type == "image/png"
    assert await provider.gw.services.files.open(kept.digest) == png


# -- outgoing ------------------------------------------------------------------------------------


@_check
async def check_attachment_out(provider: ProviderSimulator) -> None:
    """An agent's file reaches the customer byte for byte."""
    await provider.say("person", id="g1")
    await provider.gw.settled()
    [item] = await provider.gw.services.desk.queue()
    data = b"%PDF-1.4 " + bytes(range(64))
    kept = await provider.gw.services.files.keep(
        File(name="label.pdf", media_type="application/pdf", data=data)
    )
    await provider.gw.services.desk.answer(
        item.conversation.id, ANA, "Print this.", key="k", attachments=(kept,)
    )
    await provider.gw.settled()
    assert await provider.files() == [data]


@_check
async def check_refused_files(provider: ProviderSimulator) -> None:
    """More files than the channel takes are refused before anything is stored, with the reason."""
    await provider.say("person", id="x1")
    await provider.gw.settled()
    [item] = await provider.gw.services.desk.queue()
    conversation, heard = item.conversation, await provider.heard()
    kept = await provider.gw.services.files.keep(
        File(name="label.pdf", media_type="application/pdf", data=b"%PDF-1.4 label")
    )
    limits = provider.gw.services.desk.file_limits(conversation.address)
    many = (kept,) * (limits.most + 1)
    refusal = ""
    try:
        await provider.gw.services.desk.answer(
            conversation.id, ANA, "Print these.", key="k", attachments=many
        )
    except RefusedByChannel as refused:
        refusal = str(refused)
    assert refusal.endswith(".")
    assert refusal
    await provider.gw.settled()
    assert await provider.heard() == heard
    assert (await provider.gw.services.desk.card(conversation.id)).conversation.owner is None


@_check
async def check_control_syntax(provider: ProviderSimulator) -> None:
    """The provider's control syntax has no effect in a customer's text: it mentions nobody, and
    makes no link and no format."""
    for i, text in enumerate(provider.hostile):
        assert await provider.say(text, id=f"h{i}") == 200
        await provider.gw.settled()
    assert await _stored(provider) == list(provider.hostile)
    assert await provider.heard() == list(provider.hostile)


@_check
async def check_retry(provider: ProviderSimulator) -> None:
    """After a temporary failure the message is sent again and arrives once."""
    provider.trouble("broken", "broken")
    await provider.say("patience", id="r1")
    await provider.gw.settled()
    for _ in range(3):
        await provider.gw.pass_time(300)
    assert await provider.heard() == ["patience"]


@_check
async def check_rate_limit(provider: ProviderSimulator) -> None:
    """A busy provider is not called again before its Retry-After."""
    provider.trouble("busy")
    await provider.say("later", id="b1")
    await provider.gw.settled()
    before = provider.calls
    await provider.gw.pass_time(PAUSE - 5)
    assert provider.calls == before
    await provider.gw.pass_time(400)
    assert await provider.heard() == ["later"]


@_check
async def check_permanent_failure(provider: ProviderSimulator) -> None:
    """A message that the provider refuses for good is a dead letter at once, and an agent gets the
    conversation."""
    provider.trouble("never")
    await provider.say("to nobody", id="p1")
    await provider.gw.settled()
    [letter] = await provider.gw.gateway.store.outbox.list()
    assert (letter.state, letter.attempts) == ("dead", 1)
    [item] = await provider.gw.services.desk.queue()
    assert item.handoff.reasons[0].code == "undeliverable"


@_check
async def check_cut_off(provider: ProviderSimulator) -> None:
    """If the connection breaks after the provider took the message, the customer gets it once."""
    provider.trouble("cut")
    await provider.say("did it arrive", id="c1")
    await provider.gw.settled()
    await provider.gw.pass_time(300)
    assert await provider.heard() == ["did it arrive"]


@_check
async def check_secrets_stay_secret(provider: ProviderSimulator) -> None:
    """No secret and no text of a customer is logged, whatever goes wrong."""
    private = f"my-door-code-{uuid4().hex}"
    with _log() as written:
        await provider.say(private, id="s1")
        await provider.say_forged(private)
        await provider.post(b"{" + private.encode())
        provider.trouble("never")
        await provider.say(private, id="s2")
        await provider.gw.settled()
    for secret in (*provider.secrets, private):
        assert secret not in written.getvalue()


async def post_raw(url: str, body: bytes, headers: Mapping[str, str | bytes]) -> int:
    """Post ``body`` to ``url`` over HTTP, each header byte for byte, and return the status. Clients
    of HTTP send no header that is not UTF-8; attackers do."""
    parts = urlsplit(url)
    sent = {"Host": parts.netloc, "Content-Length": f"{len(body)}", "Connection": "close"} | dict(
        headers
    )
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    try:
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        writer.write(f"POST {target} HTTP/1.1\r\n".encode())
        for name, value in sent.items():
            raw = value.encode() if isinstance(value, str) else value
            writer.write(name.encode() + b": " + raw + b"\r\n")
        writer.write(b"\r\n" + body)
        await writer.drain()
        status = (await reader.readline()).split()[1]
        await reader.read()
        return int(status)
    finally:
        writer.close()
        await writer.wait_closed()


def _polled(provider: ProviderSimulator) -> bool:
    return bool(getattr(provider, "polled", False))


async def _stored(provider: ProviderSimulator, name: str = "carla") -> list[str]:
    found = await provider.gw.gateway.store.queries.messages(
        provider.address(name), own=True, limit=1000
    )
    return [message.text for message in found if message.author == "customer"]


@contextmanager
def _store_down(provider: ProviderSimulator) -> Iterator[None]:
    inbox = provider.gw.gateway.store.inbox
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


# -- quality files -------------------------------------------------------------------------------


class QualityExemption(BaseModel):
    """Why a check makes no sense for the channel."""

    model_config = ConfigDict(extra="forbid")

    exempt: Annotated[str, Field(min_length=10)]


Quality: TypeAlias = dict[str, Literal["done"] | QualityExemption]
_QUALITY: TypeAdapter[Quality] = TypeAdapter(Quality)


def quality(file: Path) -> Quality:
    """Read a quality file: the state of each check. Raises AssertionError if a check is missing or
    unknown, and pydantic.ValidationError for an exemption without a reason."""
    found = _QUALITY.validate_python(yaml.safe_load(file.read_text("utf-8")))
    assert set(found) == set(CHECKS), (
        f"{file}: missing {sorted(set(CHECKS) - set(found))},"
        f" unknown {sorted(set(found) - set(CHECKS))}"
    )
    return found


def checks(file: Path) -> list[Any]:
    """The checks that are ``done`` in a quality file, as parameters for pytest."""
    import pytest  # noqa: PLC0415  (the command line uses this package and needs no pytest)

    return [
        pytest.param(CHECKS[name], id=name)
        for name, state in quality(file).items()
        if state == "done"
    ]
