"""Search with the embeddings of a model server, through its real HTTP client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr, ValidationError

import brand_voice
from gateway import (
    CircuitBreaker,
    EmbeddingModel,
    ModelError,
    NewDocument,
    NewPassage,
    NewSource,
    TryLater,
    WarmlineError,
)
from gateway.testing import FakeChannel, FakeClock, running
from plugins import escalation, knowledge
from plugins.knowledge.settings import EmbeddingSettings, KnowledgeSettings
from tests.conftest import until
from tests.knowledge.search.encoder import SIZE, FakeEncoder


class FakeEmbeddings:
    """A server with OpenAI's API of embeddings. ``failure``: error, busy, garbage, short, few, zero
    or slow."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.failure = ""
        self.size = SIZE
        self.released = asyncio.Event()
        self._encoder = FakeEncoder()

    @property
    def texts(self) -> list[str]:
        return [text for request in self.requests for text in request["input"]]

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers["Authorization"])
        if self.failure == "slow":
            await self.released.wait()
        if self.failure in ("error", "busy"):
            status = 500 if self.failure == "error" else 429
            return web.json_response({"error": {"message": "no", "type": "t"}}, status=status)
        if self.failure == "garbage":
            return web.Response(text="<html>Bad gateway</html>", content_type="text/html")
        found = [list(each)[: self.size] for each in await self._encoder.embed(body["input"])]
        if self.failure == "zero":
            found = [[0.0] * SIZE for _ in found]
        data = [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(found)
        ]
        data.reverse()  # the order is not promised
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        answer = {"object": "list", "model": body["model"], "usage": usage}
        return web.json_response({**answer, "data": data[1:] if self.failure == "few" else data})

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_post("/v1/embeddings", self.answer)
        async with TestServer(app) as server:
            yield str(server.make_url("/v1"))


@pytest.fixture
async def served() -> AsyncIterator[tuple[FakeEmbeddings, EmbeddingModel]]:
    fake = FakeEmbeddings()
    async with fake.serving() as url:
        model = model_at(url)
        yield fake, model
        fake.released.set()
        await model.close()


def model_at(url: str, **changes: Any) -> EmbeddingModel:
    given: dict[str, Any] = {
        "api_key": SecretStr("secret"), "base_url": url, "name": "small", "dimensions": SIZE,
        "shorten": False, "timeout": 5.0,
    }  # fmt: skip
    return EmbeddingModel(**given | changes)


Served = tuple[FakeEmbeddings, EmbeddingModel]


async def test_vectors_come_in_the_order_of_the_texts(served: Served) -> None:
    """Many texts go in several requests; each vector has the norm 1."""
    fake, model = served
    texts = [f"parcel number{index}" for index in range(150)]
    found = await model.embed(texts)
    assert sorted(len(request["input"]) for request in fake.requests) == [22, 64, 64]
    assert set(fake.keys) == {"Bearer secret"}
    alone = await model.embed([texts[149]])
    assert list(found[149]) == pytest.approx(list(alone[0]))
    assert sum(number * number for number in found[7]) == pytest.approx(1.0, abs=1e-5)


async def test_personal_data_is_not_sent(served: Served) -> None:
    """E-mail addresses, phone, account and card numbers; prices stay. Long texts are cut, and empty
    ones do not fail the request."""
    fake, model = served
    await model.embed([
        "Parcel to mia@example.org or +49 461 555 0142 for 4.90 EUR",
        "DE89 3704 0044 0532 0130 00", "x" * 9_000, "",
    ])  # fmt: skip
    sent = fake.texts
    assert "mia" not in sent[0]
    assert "555" not in sent[0]
    assert "4.90 EUR" in sent[0]
    assert "3704" not in sent[1]
    assert len(sent[2]) == 4_000
    assert sent[3] == "-"


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        ("error", ModelError, "answered 500"),
        ("busy", TryLater, "answered 429"),
        ("garbage", ModelError, "JSON"),
        ("few", ModelError, "answered with 1 vectors to 2 texts"),
        ("zero", ModelError, "no direction"),
    ],
)
async def test_what_cannot_be_used_is_an_error(
    served: Served, failure: str, kind: type[Exception], words: str
) -> None:
    """Nothing of it becomes a vector, and no message quotes the texts."""
    fake, model = served
    fake.failure = failure
    with pytest.raises(kind, match=words) as raised:
        await model.embed(["mia wants", "a parcel"])
    assert "mia" not in str(raised.value)


async def test_another_size_is_refused(served: Served) -> None:
    """A server that was given another model under the same name."""
    fake, model = served
    fake.size = 32
    with pytest.raises(ModelError, match="32 numbers instead of 96; correct `dimensions`"):
        await model.embed(["a parcel"])


async def test_a_server_that_fails_is_left_alone_for_a_while() -> None:
    """After five failures no request is made, until the time has passed; one that is late counts as
    a failure."""
    fake, now = FakeEmbeddings(), [0.0]
    async with fake.serving() as url:
        breaker = CircuitBreaker(now=lambda: now[0])
        model = model_at(url, timeout=0.05, breaker=breaker)
        fake.failure = "slow"
        with pytest.raises(ModelError, match="Timeout"):
            await model.embed(["a"])
        fake.released.set()
        fake.failure = "error"
        for _ in range(4):
            with pytest.raises(WarmlineError):
                await model.embed(["a"])
        made = len(fake.requests)
        with pytest.raises(TryLater, match="left alone"):
            await model.embed(["a"])
        assert len(fake.requests) == made
        fake.failure, now[0] = "", 60.0
        model.timeout = 5.0
        await model.close()  # the next client has the longer time
        assert len(await model.embed(["a"])) == 1
        await model.close()


async def test_only_a_model_that_can_is_asked_to_shorten() -> None:
    """Servers that do not know the parameter refuse it."""
    fake = FakeEmbeddings()
    async with fake.serving() as url:
        for shorten in (False, True):
            model = model_at(url, shorten=shorten)
            await model.embed(["a"])
            await model.close()
    assert [request.get("dimensions") for request in fake.requests] == [None, SIZE]
    assert {request["encoding_format"] for request in fake.requests} == {"float"}


def test_the_name_tells_models_servers_and_sizes_apart() -> None:
    """Vectors are stored under it."""
    names = {
        model_at("http://a/v1").embedding_model,
        model_at("http://b/v1").embedding_model,
        model_at("http://a/v1", name="large").embedding_model,
        model_at("http://a/v1", dimensions=128).embedding_model,
    }
    assert len(names) == 4
    assert "secret" not in "".join(names)


def test_openai_needs_a_key() -> None:
    """A server of one's own needs none; the section's key is shared."""
    with pytest.raises(ValidationError, match="OPENAI_API_KEY"):
        EmbeddingSettings(model="m", dimensions=SIZE)
    section = KnowledgeSettings.model_validate(
        {"api_key": "k", "embeddings": {"model": "m", "dimensions": SIZE}}
    )
    assert section.embeddings is not None
    assert section.embeddings.api_key is not None


async def test_a_gateway_embeds_and_finds_with_the_server(tmp_path: Path) -> None:
    """From the settings to stored vectors under the model's name, and a question that is embedded
    by the server; while it fails, the question raises what the handler knows."""
    fake = FakeEmbeddings()
    async with fake.serving() as url:
        config = {
            "brand_voice": {},
            "plugins": {
                "escalation": {},
                "knowledge": {
                    "embeddings": {"model": "small", "dimensions": SIZE, "base_url": url}
                },
            },
        }
        async with running(
            *(FakeChannel(), brand_voice, escalation, knowledge),
            config=config,
            tmp_path=tmp_path,
            clock=FakeClock(),
        ) as gw:
            store = gw.services.knowledge
            assert store is not None
            source = await store.add_source(NewSource(location="https://help.example/"))
            await store.checked(source.id)  # nothing is read from there
            stored = [
                await store.put_document(
                    source.id,
                    NewDocument(
                        location=f"https://help.example/{name}", title=name, language="en",
                        digest=name, passages=(NewPassage(text=text),),
                    ),
                )
                for name, text in {
                    "Delivery": "A parcel takes two days.", "Repairs": "We mend pianos.",
                }.items()
            ]  # fmt: skip
            [parcel] = await store.passages_of(stored[0].id)
            section = gw.gateway.settings.section(KnowledgeSettings)
            assert section is not None
            search = section.search
            name = f"{search._encoder.embedding_model}, layout 1"  # type: ignore[union-attr]

            async def embedded() -> bool:
                await gw.pass_time(60)
                return len(await store.vectors([parcel.id], name)) == 1

            await until(embedded, 30)
            first, *others = await search.find("how long does my parcel take", language="en")
            assert first.passage.id == parcel.id
            assert first.cosine > max((each.cosine for each in others), default=0.0)
            assert first.sentences[0][2] > 0.1
            assert "how long does my parcel take" in fake.texts
            fake.failure = "error"
            with pytest.raises(WarmlineError):
                await search.find("when do you mend a piano", language="en")
            fake.failure = ""
            await gw.gateway.stop_background()  # what is being worked on is still finished
            assert await search.find("do you mend pianos", language="en")
        assert isinstance(search._encoder, EmbeddingModel)
        assert search._encoder._client is None
