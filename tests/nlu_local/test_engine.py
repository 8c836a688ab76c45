"""The understander as the gateway uses it: batches, training, kept models, the hooks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs

from gateway import BadConfig, Insight, Poller, ReadinessProbe, Settings, Trainable
from gateway.ops.evaluation import LanguageRestrictable
from gateway.settings import DeclaredSection, load
from gateway.testing import FakeChannel, running
from plugins.nlu_local import plugin as nlu_local
from plugins.nlu_local.engine import NluLocal
from plugins.nlu_local.model_store import FirstTraining, TrainingFailed, fingerprint
from plugins.nlu_local.plugin import NluLocalSettings
from plugins.nlu_local.protocol import UNIVERSAL
from tests.conftest import until

from .conftest import EXAMPLES, model_files, turns

TEXTS = (
    "When do you open?",
    "I am so FRUSTRATED, this is the third time!!!",
    "Ich möchte mit einem Mitarbeiter sprechen",
    "ok",
    "",
    "Où est mon remboursement ?",
)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models that the tests share, as training takes seconds."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def engine(models: Path) -> NluLocal:
    return NluLocal(examples=EXAMPLES, folder=models)


async def test_a_batch_gives_the_insights_of_each_message_alone(engine: NluLocal) -> None:
    """Thirty messages at once, in their order."""
    together = await engine.understand(turns(*TEXTS * 5))
    alone = [(await engine.understand(turns(text)))[0] for text in TEXTS]
    assert list(together) == alone * 5
    assert together[0].ranking is not None
    assert together[0].ranking[0].name == "opening_hours"


async def test_calls_wait_until_the_model_is_trained(tmp_path: Path) -> None:
    """Until then it is not ready, and the event loop is not blocked."""
    engine = NluLocal(examples=EXAMPLES, folder=tmp_path)
    assert await engine.trouble() == "not trained yet"
    asked = asyncio.gather(
        engine.understand(turns("refund please")), engine.understand(turns("When do you open?"))
    )
    waits = 0
    while not asked.done():
        waits += 1
        await asyncio.wait([asked], timeout=0.01)
    first, second = await asked
    names = [insight.ranking[0].name for insight in (*first, *second) if insight.ranking]
    assert names == ["refund", "opening_hours"]
    assert await engine.trouble() is None
    assert waits > 10


async def test_the_same_examples_are_trained_once(engine: NluLocal, models: Path) -> None:
    """The second start reads the model's file and writes nothing."""
    await engine.warm()
    before = await engine.understand(turns(*TEXTS))
    kept = model_files(models)
    after = await NluLocal(examples=EXAMPLES, folder=models).understand(turns(*TEXTS))
    assert list(after) == list(before)
    assert f"{fingerprint(EXAMPLES, UNIVERSAL)}.npz" in kept
    assert model_files(models) == kept


async def test_the_first_training_begins_with_the_server(tmp_path: Path) -> None:
    """What is learnt then is not learnt again."""
    engine = NluLocal(examples=EXAMPLES, folder=tmp_path)
    with capture_logs() as logs:
        await engine.start()
        await until(lambda: any(tmp_path.glob("*.npz")), timeout=60)
        (insight,) = await engine.understand(turns("refund please"))
        await engine.stop()
    assert insight.ranking is not None
    assert insight.ranking[0].name == "refund"
    assert [entry["examples"] for entry in logs if "examples" in entry] == [len(EXAMPLES)]


async def test_a_first_training_of_old_examples_is_given_up(tmp_path: Path) -> None:
    """As where colleagues adopted examples, which are read while the server starts."""
    first = FirstTraining(EXAMPLES, tmp_path, None)
    await first.finish(EXAMPLES[1:])
    assert model_files(tmp_path) == {}
    await first.stop()


async def test_other_examples_are_another_model(engine: NluLocal, models: Path) -> None:
    """Both models are kept."""
    more = (*EXAMPLES, ("do you repair bikes?", "repair"), ("bike repair", "repair"))
    await engine.understand(turns("hi"))
    other = NluLocal(examples=more, folder=models)
    (insight,) = await other.understand(turns("repair my bike"))
    assert insight.ranking is not None
    assert insight.ranking[0].name == "repair"
    assert set(model_files(models)) == {
        f"{fingerprint(rows, UNIVERSAL)}.npz" for rows in (EXAMPLES, more)
    }


async def test_a_damaged_model_is_trained_again(tmp_path: Path) -> None:
    """The file is replaced."""
    broken = tmp_path / f"{fingerprint(EXAMPLES, UNIVERSAL)}.npz"
    broken.write_bytes(b"PK\x03\x04 half a file")
    engine = NluLocal(examples=EXAMPLES, folder=tmp_path)
    (insight,) = await engine.understand(turns("refund please"))
    assert insight.ranking is not None
    assert insight.ranking[0].name == "refund"
    assert broken.stat().st_size > 1_000


async def test_a_failed_training_is_an_error(tmp_path: Path) -> None:
    """Every call raises it, and the readiness check gives the reason."""
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    engine = NluLocal(examples=EXAMPLES, folder=blocked / "models")
    with pytest.raises((TrainingFailed, OSError)):
        await engine.understand(turns("hi"))
    assert "not trained: " in (await engine.trouble() or "")


async def test_without_examples_there_is_everything_but_a_ranking() -> None:
    """Emotion needs no examples."""
    (insight,) = await NluLocal().understand(turns("Thanks, great service!!!"))
    assert insight.ranking is None
    assert insight.emotion is not None
    assert insight.emotion.label == "pleased"


async def test_a_timer_has_no_insight(engine: NluLocal) -> None:
    """No customer wrote it."""
    (turn,) = turns("I am FURIOUS")
    assert await engine.understand([turn.replace(kind="timer")]) == [Insight()]


async def test_a_short_message_is_read_in_the_language_of_its_conversation() -> None:
    """One word does not show its language."""
    (turn,) = turns("sofort!!")
    in_german = turn.replace(conversation=turn.conversation.replace(language="de"))
    (insight,) = await NluLocal().understand([in_german])
    assert insight.emotion is not None
    assert insight.emotion.label == "urgent"


async def test_it_can_be_trained_and_restricted() -> None:
    """As `warmline eval` does with its rows and languages."""
    engine = NluLocal()
    assert isinstance(engine, Trainable)
    assert isinstance(engine, LanguageRestrictable)
    (insight,) = await engine.train(EXAMPLES).understand(turns("opening hours?"))
    assert insight.ranking is not None
    assert insight.ranking[0].name == "opening_hours"
    (insight,) = await engine.restricted(["de", "fr"]).understand(turns("ok"))
    assert insight.language is not None
    assert insight.language.code in {"de", "fr"}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("plugin", {"numpy", "py3langid", "sklearn"}),
        ("worker", {"aiohttp", "asyncio", "pydantic", "sklearn", "structlog"}),
    ],
)
def test_each_process_loads_only_what_it_needs(module: str, heavy: set[str]) -> None:
    """The server reads and trains in other processes, so it needs no models (scikit-learn is a
    second and 100 MB). The worker process needs no settings and no web server (17 MB)."""
    code = f"import sys, plugins.nlu_local.{module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert heavy.isdisjoint(done.stdout.split())


# -- the hooks -----------------------------------------------------------------------------------


def settings(folder: Path, text: str) -> Settings:
    file = folder / "warmline.yaml"
    file.write_text(text, "utf-8")
    section = DeclaredSection(name="plugins.nlu_local", model=NluLocalSettings)
    return load(file, [section], {"WARMLINE_DATA_DIR": str(folder / "var")})


def test_it_registers_one_understander(tmp_path: Path) -> None:
    """One object understands, runs in the background and reports readiness."""
    (tmp_path / "nlu.yml").write_text(
        "nlu:\n- intent: a\n  examples: |\n    - x\n- intent: b\n  examples: |\n    - y\n"
    )
    given = settings(tmp_path, "plugins:\n  nlu_local:\n    knowledge: nlu.yml\n")
    understanders: list[object] = []
    routes: list[object] = []
    nlu_local.register_understanders(understanders.append, given)
    nlu_local.register_routes(routes.append, given)
    (engine,) = understanders
    assert routes == [engine]
    assert isinstance(engine, Poller)
    assert isinstance(engine, ReadinessProbe)


def test_without_its_section_it_registers_nothing(tmp_path: Path) -> None:
    """Neither an understander nor a background task."""
    given = settings(tmp_path, "plugins: {}\n")
    registered: list[object] = []
    nlu_local.register_understanders(registered.append, given)
    nlu_local.register_routes(registered.append, given)
    assert registered == []


def test_a_mistake_in_an_example_file_stops_the_start(tmp_path: Path) -> None:
    """The plugin reports it when it registers, with file and line."""
    (tmp_path / "nlu.yml").write_text("nlu:\n- intent: a\n")
    given = settings(tmp_path, "plugins:\n  nlu_local:\n    knowledge: [nlu.yml]\n")
    with pytest.raises(BadConfig, match=r"nlu\.yml:2: a\.examples"):
        nlu_local.register_understanders([].append, given)


def test_an_unsupported_language_is_a_bad_setting(tmp_path: Path) -> None:
    """The error names its line."""
    error = r"yaml:3: plugins\.nlu_local\.languages: .*cannot detect xx"
    with pytest.raises(BadConfig, match=error):
        settings(tmp_path, "plugins:\n  nlu_local:\n    languages: [en, xx]\n")


async def test_other_plugins_can_use_the_encoder(tmp_path: Path) -> None:
    """While the server runs, through the services: what means the same is near, in any language.
    Many texts are encoded in parts."""
    texts = ("I want my money back", "Ich möchte mein Geld zurück", "When do you open?")
    config: dict[str, object] = {"plugins": {"nlu_local": {}}}
    async with running(nlu_local, FakeChannel(), tmp_path=tmp_path, config=config) as gw:
        encoder = gw.services.encoder
        assert encoder is not None
        money, geld, hours = map(np.array, await encoder.embed(texts))
        many = await encoder.embed([*texts, *(f"order {number}" for number in range(70))])
    assert money @ money == pytest.approx(1, abs=1e-3)
    assert money @ geld > 0.7
    assert money @ hours < 0.4
    assert len(many) == 73
    assert np.allclose(many[1], geld, atol=1e-5)
    assert (encoder.embedding_model or "").startswith("universal ")


async def test_without_an_encoder_there_is_none(tmp_path: Path) -> None:
    """Other plugins see it before they ask."""
    config: dict[str, object] = {"plugins": {"nlu_local": {"sentence_encoder": False}}}
    async with running(nlu_local, FakeChannel(), tmp_path=tmp_path, config=config) as gw:
        assert gw.services.encoder is None
