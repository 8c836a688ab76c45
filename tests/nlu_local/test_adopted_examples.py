"""Models trained with what people adopted: kept for a roll-back, gone after an erasure."""

from __future__ import annotations

from pathlib import Path

from gateway import AdoptedExample, Overlay
from plugins.nlu_local.engine import NluLocal
from plugins.nlu_local.examples import ExampleFiles
from plugins.nlu_local.model_store import fingerprint, forget_models, load_or_train

from .conftest import EXAMPLES, write_examples

SENTENCE = AdoptedExample(id=7, intent="repair", text="mend my bike", conversation=3)


async def loaded(path: Path) -> None:
    """The model is there: nothing is trained."""


def engine(folder: Path) -> NluLocal:
    files = ExampleFiles([write_examples(folder)])
    return NluLocal(example_files=files, folder=folder / "models", universal=False)


async def test_adopted_examples_join_those_of_the_files(tmp_path: Path) -> None:
    """One intent for each sentence: the file's, else the earlier one."""
    files = ExampleFiles([write_examples(tmp_path)])
    taken = AdoptedExample(id=8, intent="repair", text="Refund status?")
    second = AdoptedExample(id=9, intent="shipping", text="Mend my bike!")
    adopted = [SENTENCE, taken, second]
    assert [problem.key for problem in files.misfits(adopted)] == [
        "examples.repair",
        "examples.shipping",
    ]
    files.use_adopted(adopted)
    assert set(files.examples) - set(EXAMPLES) == {("mend my bike", "repair")}
    files.use_adopted(())
    assert set(files.examples) == set(EXAMPLES)


async def test_the_model_of_an_erased_example_is_forgotten(tmp_path: Path) -> None:
    """Models without it stay. One that another process is still training with it goes at the next
    look, because its note is there before the model."""
    folder = tmp_path / "models"
    folder.mkdir()
    with_it, without = [*EXAMPLES, (SENTENCE.text, SENTENCE.intent)], list(EXAMPLES)
    for examples in (with_it, without):
        (folder / f"{fingerprint(examples)}.npz").write_bytes(b"model")
    await load_or_train(with_it, folder, load=loaded, adopted=[7])
    await load_or_train(without, folder, load=loaded)
    forget_models(folder, {7, 8})
    assert len(list(folder.glob("*.npz"))) == 2
    forget_models(folder, {8})
    assert [path.stem for path in folder.glob("*.npz")] == [fingerprint(without)]
    (folder / f"{fingerprint(with_it)}.npz").write_bytes(b"trained meanwhile")
    forget_models(folder, {8})
    assert [path.stem for path in folder.glob("*.npz")] == [fingerprint(without)]


async def test_an_overlay_changes_what_is_learnt(tmp_path: Path) -> None:
    """The engine follows overlays of answers if it learns from files; what is erased is no example
    any more."""
    nlu = engine(tmp_path)
    assert nlu.version_kinds == {"answers"}
    assert NluLocal(universal=False).version_kinds == frozenset()
    overlay = Overlay(kind="answers", number=1, examples=(SENTENCE,), kept_examples=frozenset({7}))
    assert await nlu.use_overlay(overlay) == []
    [problem] = await nlu.check_health(None)  # type: ignore[arg-type]  # it needs no clock
    assert "not trained on the current examples" in problem.what
    model = tmp_path / "models" / f"{fingerprint([*EXAMPLES, ('mend my bike', 'repair')])}.npz"
    model.parent.mkdir()
    model.write_bytes(b"model")
    assert await nlu.check_health(None) == ()  # type: ignore[arg-type]
    await nlu.use_overlay(overlay.replace(examples=(), lost=1, kept_examples=frozenset()))
    assert len(await nlu.check_health(None)) == 1  # type: ignore[arg-type]
