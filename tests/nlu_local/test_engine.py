"""The understander as the gateway uses it: batches, waiting for training, the cache, the hooks."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import BadConfig, Insight, Poller, ReadinessProbe, Settings, Trainable
from gateway.ops.evaluation import LanguageRestrictable
from gateway.settings import DeclaredSection, load
from plugins.nlu_local import guest as nlu_local
from plugins.nlu_local.config import NluLocalSettings
from plugins.nlu_local.engine import NluLocal
from plugins.nlu_local.failures import TrainingFailed
from plugins.nlu_local.store import fingerprint

from .conftest import ROWS, turns

SAID = (
    "When do you open?",
    "I am so FRUSTRATED, this is the third time!!!",
    "Ich möchte mit einem Mitarbeiter sprechen",
    "ok",
    "",
    "Où est mon remboursement ?",
)


def written(folder: Path) -> dict[str, int]:
    """The models in a folder, and when each was written."""
    return {path.name: path.stat().st_mtime_ns for path in folder.glob("*.npz")}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models that the tests share: training takes seconds."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def ready(models: Path) -> NluLocal:
    return NluLocal(rows=ROWS, folder=models)


async def test_a_batch_is_understood_as_each_alone(ready: NluLocal) -> None:
    """Thirty messages at once give what they give one by one, in their order."""
    together = await ready.understand(turns(*SAID * 5))
    alone = [(await ready.understand(turns(text)))[0] for text in SAID]
    assert list(together) == alone * 5
    assert together[0].ranking is not None
    assert together[0].ranking[0].name == "opening_hours"


async def test_whoever_asks_early_waits(tmp_path: Path) -> None:
    """Before it is trained it says so; the first questions wait for the real answer, while the
    event loop turns on."""
    engine = NluLocal(rows=ROWS, folder=tmp_path)
    assert await engine.trouble() == "not trained yet"
    asked = asyncio.gather(
        engine.understand(turns("refund please")), engine.understand(turns("When do you open?"))
    )
    turned = 0
    while not asked.done():
        turned += 1
        await asyncio.wait([asked], timeout=0.01)
    first, second = await asked
    assert [one.ranking[0].name for one in (*first, *second) if one.ranking] == [
        "refund",
        "opening_hours",
    ]
    assert await engine.trouble() is None
    assert turned > 10


async def test_what_was_learnt_is_kept(ready: NluLocal, models: Path) -> None:
    """The same examples are learnt once: the second start reads the file and writes nothing."""
    await ready.warm()
    before = await ready.understand(turns(*SAID))
    kept = written(models)
    after = await NluLocal(rows=ROWS, folder=models).understand(turns(*SAID))
    assert list(after) == list(before)
    assert f"{fingerprint(ROWS)}.npz" in kept
    assert written(models) == kept


async def test_other_examples_are_learnt_anew(ready: NluLocal, models: Path) -> None:
    """One more intent is another model; both are kept."""
    more = (*ROWS, ("do you repair bikes?", "repair"), ("bike repair", "repair"))
    await ready.understand(turns("hi"))
    (told,) = await NluLocal(rows=more, folder=models).understand(turns("repair my bike"))
    assert told.ranking is not None
    assert told.ranking[0].name == "repair"
    assert set(written(models)) == {f"{fingerprint(rows)}.npz" for rows in (ROWS, more)}


async def test_a_damaged_file_is_learnt_again(tmp_path: Path) -> None:
    """A kept model that is damaged is replaced, and nobody notices but the log."""
    broken = tmp_path / f"{fingerprint(ROWS)}.npz"
    broken.write_bytes(b"PK\x03\x04 half a file")
    (told,) = await NluLocal(rows=ROWS, folder=tmp_path).understand(turns("refund please"))
    assert told.ranking is not None
    assert told.ranking[0].name == "refund"
    assert broken.stat().st_size > 1_000


async def test_training_that_fails_is_told(tmp_path: Path) -> None:
    """Where nothing can be written nobody is given nonsense: the reason is told, and kept."""
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    engine = NluLocal(rows=ROWS, folder=blocked / "models")
    with pytest.raises((TrainingFailed, OSError)):
        await engine.understand(turns("hi"))
    assert "not trained: " in (await engine.trouble() or "")


async def test_without_examples_all_but_intents_is_told() -> None:
    """No examples: there is no ranking, and everything else."""
    (told,) = await NluLocal().understand(turns("Thanks, great service!!!"))
    assert told.ranking is None
    assert told.emotion is not None
    assert told.emotion.label == "pleased"


async def test_a_timer_has_no_meaning(ready: NluLocal) -> None:
    """What no customer wrote tells nothing."""
    (turn,) = turns("I am FURIOUS")
    assert await ready.understand([turn.replace(kind="timer")]) == [Insight()]


async def test_the_conversation_lends_its_language() -> None:
    """A word too short to tell is read in the language of the conversation."""
    (turn,) = turns("sofort!!")
    spoken = turn.replace(conversation=turn.conversation.replace(language="de"))
    (told,) = await NluLocal().understand([spoken])
    assert told.emotion is not None
    assert told.emotion.label == "urgent"


async def test_it_can_be_trained_and_restricted() -> None:
    """`warmline eval` trains it from rows and restricts its languages."""
    engine = NluLocal()
    assert isinstance(engine, Trainable)
    assert isinstance(engine, LanguageRestrictable)
    (told,) = await engine.train(ROWS).understand(turns("opening hours?"))
    assert told.ranking is not None
    assert told.ranking[0].name == "opening_hours"
    (narrow,) = await engine.restricted(["de", "fr"]).understand(turns("ok"))
    assert narrow.language is not None
    assert narrow.language.code in {"de", "fr"}


def test_serving_needs_no_scikit_learn() -> None:
    """scikit-learn, a second and 100 MB, is not loaded with the plugin."""
    code = "import sys, plugins.nlu_local.guest; sys.exit('sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_reading_needs_no_settings_and_no_web_server() -> None:
    """The process that reads messages loads neither: a quarter of a second and 17 MB."""
    code = "import sys, plugins.nlu_local.child; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert {"aiohttp", "pydantic", "sklearn"}.isdisjoint(told.stdout.split())


# -- the hooks -----------------------------------------------------------------------------------


def settings(folder: Path, text: str) -> Settings:
    file = folder / "warmline.yaml"
    file.write_text(text, "utf-8")
    one = DeclaredSection(name="plugins.nlu_local", model=NluLocalSettings)
    return load(file, [one], {"WARMLINE_DATA_DIR": str(folder / "var")})


def test_it_registers_one_understander(tmp_path: Path) -> None:
    """What understands, what trains beside the server and what tells readiness are one."""
    (tmp_path / "nlu.yml").write_text(
        "nlu:\n- intent: a\n  examples: |\n    - x\n- intent: b\n  examples: |\n    - y\n"
    )
    given = settings(tmp_path, "plugins:\n  nlu_local:\n    knowledge: nlu.yml\n")
    understanders: list[object] = []
    sites: list[object] = []
    nlu_local.register_understanders(understanders.append, given)
    nlu_local.register_routes(sites.append, given)
    (engine,) = understanders
    assert sites == [engine]
    assert isinstance(engine, Poller)
    assert isinstance(engine, ReadinessProbe)


def test_asleep_it_registers_nothing(tmp_path: Path) -> None:
    """Without its section nothing is offered."""
    given = settings(tmp_path, "plugins: {}\n")
    offered: list[object] = []
    nlu_local.register_understanders(offered.append, given)
    nlu_local.register_routes(offered.append, given)
    assert offered == []


def test_a_broken_example_stops_the_start(tmp_path: Path) -> None:
    """The mistake is found when the plugin registers, with file and line."""
    (tmp_path / "nlu.yml").write_text("nlu:\n- intent: a\n")
    given = settings(tmp_path, "plugins:\n  nlu_local:\n    knowledge: [nlu.yml]\n")
    with pytest.raises(BadConfig, match=r"nlu\.yml:2: a\.examples"):
        nlu_local.register_understanders([].append, given)


def test_an_unknown_language_is_a_bad_setting(tmp_path: Path) -> None:
    """A language we cannot tell is refused where it stands."""
    with pytest.raises(BadConfig, match=r"yaml:3: plugins\.nlu_local\.languages: .*cannot tell xx"):
        settings(tmp_path, "plugins:\n  nlu_local:\n    languages: [en, xx]\n")
