"""With ``write_files`` the team's own YAML is written, too, and nothing else in it changes."""

from __future__ import annotations

import asyncio
import difflib
import fcntl
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway import (
    AddItems,
    AdoptedExample,
    Adoption,
    CannotEdit,
    Overlay,
    RemoveAdopted,
    SetValue,
    Version,
)
from gateway.support.overlay_files import OverlayFiles
from gateway.support.yaml_edit import YamlText, as_read
from gateway.versions.service import VersionService
from plugins.nlu_local.written_examples import write_examples
from tests.conftest import until
from tests.versions.shop import (
    ANSWERS,
    GUIDE,
    POLICY,
    adopt,
    ask,
    configuration,
    load,
    open_shop,
    roll_back,
)

DEMO = Path(__file__).parents[2] / "plugins" / "demo_shop" / "demo"
EN = ("answers", "parking", "say", "en")
NLU = """\
version: "3.1"
nlu:
- intent: refund
  examples: |
    - I want my money back
    - please refund my order   # not a comment

# Where we are.
- intent: location
  examples: |
    - where is the shop
    - what is your address
"""
COMMENTED = """\
en:
  # polite
  - phrase: foo   # one
    instead: bar
  # last
  - baz # two
"""
WRITING: dict[str, Any] = {"versions": {"write_files": True, "look_every": 0.05}}


def changes(before: str, after: str) -> list[str]:
    """The changed lines, as a diff shows them."""
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))
    return [line for line in lines[2:] if not line.startswith("@@")]


@pytest.mark.sqlite
async def test_the_files_change_and_change_back(tmp_path: Path) -> None:
    """The answer of the call names the files. After the roll-back they are, byte by byte, what they
    were, and so is what customers hear, also after a restart in between."""
    config = configuration(**WRITING)
    async with open_shop(tmp_path, config=config) as gw:
        better = SetValue(at=EN, value={"opener": "", "body": ["{spaces} spaces."]})
        adoption = await adopt(gw, "answers", better)
        assert adoption.written == (str(tmp_path / "answers.yaml"),)
        assert adoption.not_written == ()
        below = SetValue(at=("reasons", "low_confidence", "below"), value=0.95)
        assert (await adopt(gw, "policy", below)).written == (str(tmp_path / "policy.yaml"),)
        words = AddItems(at=("lexicon", "use", "en", "lot"), items=("parking area",))
        fresh = AddItems(at=("customers", "en", "angry"), items=("rip off",))
        assert (await adopt(gw, "guide", words, fresh)).written == (str(tmp_path / "guide.yaml"),)
    assert changes(ANSWERS, (tmp_path / "answers.yaml").read_text("utf-8")) == [
        '-      en: {opener: "", body: "There are {spaces} spaces behind the shop."}',
        "+      en: {opener: '', body: ['{spaces} spaces.']}",
    ]
    assert changes(POLICY, (tmp_path / "policy.yaml").read_text("utf-8")) == [
        "-  low_confidence: {below: 0.5}   # for the old model",
        "+  low_confidence: {below: 0.95}   # for the old model",
    ]
    assert changes(GUIDE, (tmp_path / "guide.yaml").read_text("utf-8")) == [
        "-      lot: [car park]",
        "+      lot: [car park, parking area]",
        "+customers:",
        "+  en:",
        "+    angry:",
        "+      - rip off",
    ]
    async with open_shop(tmp_path, config=config, fresh=False) as gw:
        assert "spaces" not in str(await ask(gw, "parking?"))  # too unclear for this policy
        await roll_back(gw, 0, "policy")
        assert await ask(gw, "parking?") == ["12 spaces."]
        await roll_back(gw, 0, "answers")
        assert await ask(gw, "parking?") == ["There are 12 spaces behind the shop."]
        await roll_back(gw, 0, "guide")
    for name, text in (("answers", ANSWERS), ("policy", POLICY), ("guide", GUIDE)):
        assert (tmp_path / f"{name}.yaml").read_text("utf-8") == text


@pytest.mark.sqlite
async def test_what_was_adopted_before_is_written_with_the_next(tmp_path: Path) -> None:
    """When ``write_files`` is switched on, the files catch up with the database."""
    below = SetValue(at=("reasons", "low_confidence", "below"), value=0.3)
    async with open_shop(tmp_path) as gw:
        await adopt(gw, "policy", below)
    assert (tmp_path / "policy.yaml").read_text("utf-8") == POLICY
    async with open_shop(tmp_path, config=configuration(**WRITING), fresh=False) as gw:
        await adopt(gw, "policy", SetValue(at=("tiers", "front", "claim_minutes"), value=5))
        assert load(tmp_path / "policy.yaml") == {
            "reasons": {"low_confidence": {"below": 0.3}},
            "clarify": {"times": 0},
            "tiers": {"front": {"claim_minutes": 5}},
        }
        [version, _] = await gw.services.versions.history()
        assert version.written == (str(tmp_path / "policy.yaml"),)
        await roll_back(gw, 0, "policy")
    assert (tmp_path / "policy.yaml").read_text("utf-8") == POLICY


@pytest.mark.sqlite
async def test_of_two_processes_the_newer_version_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process adopts and writes between our adoption and our writing."""
    async with open_shop(tmp_path, config=configuration(**WRITING)) as gw:
        waiting: list[Version] = []

        async def wait(_: VersionService, version: Version) -> Adoption:
            waiting.append(version)
            return Adoption(version=version)

        at = ("reasons", "low_confidence", "below")
        with monkeypatch.context() as late:
            late.setattr(VersionService, "_write", wait)
            await adopt(gw, "policy", SetValue(at=at, value=0.3))
        await adopt(gw, "policy", SetValue(at=at, value=0.4))
        service = gw.services.versions
        assert isinstance(service, VersionService)
        done = await service._write(waiting[0])
        assert (done.written, len(done.not_written)) == ((), 1)
        assert load(tmp_path / "policy.yaml")["reasons"]["low_confidence"]["below"] == 0.4
        await roll_back(gw, 0, "policy")
    assert (tmp_path / "policy.yaml").read_text("utf-8") == POLICY


@pytest.mark.sqlite
async def test_the_files_are_written_by_one_process_at_a_time(tmp_path: Path) -> None:
    async with open_shop(tmp_path, config=configuration(**WRITING)) as gw:
        service = gw.services.versions
        assert isinstance(service, VersionService)
        assert service.folder is not None
        descriptor = os.open(service.folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        at = ("reasons", "low_confidence", "below")
        writing = asyncio.create_task(adopt(gw, "policy", SetValue(at=at, value=0.3)))
        await until(lambda: gw.gateway.infrastructure.follower.overlays["policy"].number == 1)
        await asyncio.sleep(0.1)
        assert (tmp_path / "policy.yaml").read_text("utf-8") == POLICY
        os.close(descriptor)
        assert (await writing).written == (str(tmp_path / "policy.yaml"),)


@pytest.mark.sqlite
async def test_what_the_team_wrote_since_stays(tmp_path: Path) -> None:
    """Rolling back does not overwrite what a person has written into the file meanwhile."""
    file = tmp_path / "policy.yaml"
    async with open_shop(tmp_path, config=configuration(**WRITING)) as gw:
        below = SetValue(at=("reasons", "low_confidence", "below"), value=0.3)
        await adopt(gw, "policy", below)
        edited = file.read_text("utf-8").replace("0.3", "0.45")
        file.write_text(edited, "utf-8")
        adoption = await roll_back(gw, 0, "policy")
        assert adoption.written == ()
        [reason] = adoption.not_written
        assert reason == (
            "reasons.low_confidence.below: was changed in the file since, and stays as it is there"
        )
        assert file.read_text("utf-8") == edited
        assert gw.gateway.policy.reasons.low_confidence.below == pytest.approx(0.45)


@pytest.mark.sqlite
def test_own_sentences_are_written_and_customers_words_not(tmp_path: Path) -> None:
    """What a colleague wrote goes into the file of its intent; a customer's sentence stays where an
    erasure finds it. Taken out again, the file is what it was."""
    file = tmp_path / "nlu.yml"
    file.write_text(NLU, "utf-8")
    rows = (
        ("refund", "give me back what I paid", 0),
        ("refund", "my neighbour wants his money", 1),
        ("parking", "where do I park", 0),
        ("location", "where is the shop", 0),
    )
    nothing = Overlay(kind="answers")
    after = nothing.replace(
        number=1,
        examples=tuple(
            AdoptedExample(id=id, intent=intent, text=text, conversation=conversation)
            for id, (intent, text, conversation) in enumerate(rows, 1)
        ),
    )
    done = write_examples([file], nothing, after, {})
    assert done.written == (str(file),)
    assert done.not_written == (
        "1 sentence of a customer stays in the database alone, so that an erasure finds all of it",
    )
    assert changes(NLU, file.read_text("utf-8")) == [
        "+    - give me back what I paid",
        "+",
        "+- intent: parking",
        "+  examples: |",
        "+    - where do I park",
    ]
    write_examples([file], after, nothing, done.originals)
    assert file.read_text("utf-8") == NLU


@pytest.mark.sqlite
@pytest.mark.parametrize("name", ["answers.yaml", "policy.yaml", "warmline.yaml"])
def test_an_edit_touches_its_value_alone(name: str) -> None:
    """In our own files, with their comments: each value can be set, and restored byte by byte."""
    text = (DEMO / name).read_text("utf-8")
    edited = YamlText(text, name)
    paths: list[tuple[str, ...]] = []

    def walk(tree: Any, at: tuple[str, ...]) -> None:
        if at:
            paths.append(at)
        if isinstance(tree, dict):
            for key, value in tree.items():
                walk(value, (*at, key))

    walk(edited.tree, ())
    for at in paths[:: max(1, len(paths) // 12)]:
        raw = edited.raw(at)
        assert raw is not None
        edited.set(at, {"new: key": ["a # b", "no", "1", ""]})
        assert edited.find(at) == {"new: key": ["a # b", "no", "1", ""]}
        edited.restore(at, raw)
        assert edited.text == text


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("text", "at", "after"),
    [
        ("", ("a", "b"), "a:\n  b: 1\n"),
        ("# ours\n", ("a",), "# ours\na: 1\n"),
        ("a:\n", ("a", "b"), "a:\n  b: 1\n"),
        ("{x: 2}", ("a", "b"), "{x: 2, a: {b: 1}}"),
        ("a: {}\n", ("a", "b"), "a:\n  b: 1\n"),
        ("a:\n  x: 2 # two\n\n# end\n", ("a", "b"), "a:\n  x: 2 # two\n  b: 1\n\n# end\n"),
        ("a: |\n  text\n\nb: 2\n", ("a",), "a: 1\n\nb: 2\n"),
        ("a: ä€😀 # c\nb: x", ("b",), "a: ä€😀 # c\nb: 1"),
        ("a: x\r\nb: y\r\n", ("b",), "a: x\r\nb: 1\r\n"),
    ],
)
def test_a_value_is_set(text: str, at: tuple[str, ...], after: str) -> None:
    """Where it is, or at the end of the mapping it belongs to."""
    edited = YamlText(text)
    edited.set(at, 1)
    assert edited.text == after


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "text", ["x: &a {b: 1}\na: *a\n", "a: 1\n", "a: [1]\n", "base: &a {b: 1}\na: {<<: *a}\n"]
)
def test_what_cannot_be_changed_in_place_is_refused(text: str) -> None:
    """An alias, a single value or a list where a mapping is expected: the text stays as it is."""
    edited = YamlText(text)
    try:
        edited.set(("a", "b"), "2")
    except CannotEdit:
        assert edited.text == text
    else:
        assert edited.text == "base: &a {b: 1}\na: {<<: *a, b: '2'}\n"


@pytest.mark.sqlite
async def test_a_mapping_that_becomes_empty_goes(tmp_path: Path) -> None:
    """What was added with the mappings above it is taken out with them."""
    async with open_shop(tmp_path, config=configuration(**WRITING)) as gw:
        at = ("reasons", "repeat_contact", "tier")
        await adopt(gw, "policy", SetValue(at=at, value="front"))
        assert "repeat_contact" in (tmp_path / "policy.yaml").read_text("utf-8")
        await adopt(gw, "policy", RemoveAdopted(at=at))
        assert (tmp_path / "policy.yaml").read_text("utf-8") == POLICY


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "text",
    [
        "reasons:   # none yet\ntiers: 1\n",
        "reasons: {}  # none\ntiers: 1\n",
        "reasons: # none yet\n  # why\n\n# the tiers\ntiers: 1\n",
        "reasons:\n  low:\n    # all\n",
        "reasons: {a: 1, b: true} # both\n",
        "reasons: { a: 1 }\n",
        "reasons: {}\n",
        "tiers: 1\nreasons:\n  a: 1",
        "reasons:\r\n  a: 1 # a\r\ntiers: 2\r\n",
        "# ours\n",
        "",
        "\ufefftiers: 1\n",
    ],
)
def test_what_was_added_goes_without_a_trace(tmp_path: Path, text: str) -> None:
    """Comments, empty values and the kinds of other values are as before, byte by byte."""
    file = tmp_path / "policy.yaml"
    file.write_bytes(text.encode())
    files = OverlayFiles(lambda _: [file])
    for tree in (
        {"reasons": {"low": {"below": 0.5}}},
        {"reasons": {"low": {"x": 1}, "y": {"z": 2}}},
    ):
        done = files.write({}, tree, {})
        assert done.not_written == ()
        files.write(tree, {}, done.originals)
        assert file.read_bytes().decode() == text


@pytest.mark.sqlite
@pytest.mark.parametrize(
    ("text", "during"),
    [
        (
            f"{COMMENTED}de: []\n",
            f"{COMMENTED}  - phrase: as I said\n    instead: ''\n  - x\nde: []\n",
        ),
        ("en:\n- a\n# end\n", "en:\n- a\n- phrase: as I said\n  instead: ''\n- x\n# end\n"),
        (
            "en: [  # open\n  a, # a\n  b]\n",
            "en: [  # open\n  a, # a\n  b, {phrase: as I said, instead: ''}, x]\n",
        ),
        ("en: []  # none\n", "en:  # none\n  - phrase: as I said\n    instead: ''\n  - x\n"),
        ("de: [x]", "de: [x]\nen:\n  - phrase: as I said\n    instead: ''\n  - x"),
    ],
)
def test_items_are_added_below_those_of_the_team(tmp_path: Path, text: str, during: str) -> None:
    """The comments in a list stay, and the list is as before when the items are taken away."""
    file = tmp_path / "guide.yaml"
    file.write_text(text, "utf-8")
    files = OverlayFiles(lambda _: [file], joins=lambda _: True)
    tree = {"en": [{"phrase": "as I said", "instead": ""}, "x"]}
    done = files.write({}, tree, {})
    assert (file.read_text("utf-8"), done.not_written) == (during, ())
    assert files.write(tree, {}, done.originals).not_written == ()
    assert file.read_text("utf-8") == text


@pytest.mark.sqlite
@pytest.mark.parametrize(
    "text",
    [
        *(NLU, NLU.rstrip("\n"), NLU + "\n\n", NLU.replace("\n", "\r\n")),
        *("", "stories: []\n", "# c\n"),
        *("nlu:\n# the first one:\n# - intent: x\n", "nlu: []  # none yet\nstories: []\n", "nlu:"),
        'version: "3.1"\r\nnlu: # none\r\n',
    ],
)
def test_examples_go_without_a_trace(tmp_path: Path, text: str) -> None:
    """The file has the same bytes, and can still be read, whatever it was before."""
    file = tmp_path / "nlu.yml"
    file.write_bytes(text.encode())
    rows = (("refund", "give it back"), ("parking", "where do I park"), ("parking", "parking"))
    nothing, after = (
        Overlay(
            kind="answers",
            examples=tuple(
                AdoptedExample(id=id, intent=intent, text=said)
                for id, (intent, said) in enumerate(examples, 1)
            ),
        )
        for examples in ((), rows)
    )
    done = write_examples([file], nothing, after, {})
    assert (done.written, done.not_written) == ((str(file),), ())
    assert write_examples([file], after, nothing, done.originals).not_written == ()
    assert file.read_bytes().decode() == text


@pytest.mark.sqlite
def test_a_new_intent_is_written_where_examples_are(tmp_path: Path) -> None:
    """Not into another file of the folder; and a comment of the team keeps the intent in it."""
    domain, nlu = tmp_path / "domain.yml", tmp_path / "nlu.yml"
    domain.write_text("intents: [refund]\n", "utf-8")
    nlu.write_text(NLU, "utf-8")
    example = AdoptedExample(id=1, intent="parking", text="where do I park")
    nothing, after = Overlay(kind="answers"), Overlay(kind="answers", examples=(example,))
    done = write_examples([domain, nlu], nothing, after, {})
    assert done.written == (str(nlu),)
    with nlu.open("a", encoding="utf-8") as file:
        file.write("    # more in spring\n")
    [problem] = write_examples([domain, nlu], after, nothing, done.originals).not_written
    assert "comments of yours" in problem
    assert "# more in spring" in nlu.read_text("utf-8")


KEYS = st.sampled_from(["a", "b", "c: d", "no", "é"])
TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=12)
TREES = st.dictionaries(
    KEYS,
    st.recursive(
        TEXTS | st.lists(TEXTS, max_size=3),
        lambda inner: st.dictionaries(KEYS, inner, max_size=4),
        max_leaves=8,
    ),
    max_size=4,
)


@pytest.mark.sqlite
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # other tests run beside it
@given(TREES, st.lists(KEYS, min_size=1, max_size=3), TREES | TEXTS, st.booleans())
def test_any_value_in_any_file(tree: Any, at: list[str], value: Any, in_flow: bool) -> None:
    """Either the value is set, and everything else reads as before, or the text stays as it was."""
    text = yaml.safe_dump(tree, default_flow_style=in_flow, allow_unicode=True)
    edited = YamlText(text)
    before, path = edited.tree, tuple(at)
    try:
        edited.set(path, value)
    except CannotEdit:
        assert edited.text == text
        return
    assert edited.find(path) == as_read(value)
    assert yaml.compose(edited.text, Loader=yaml.CBaseLoader) is not None
    if edited.find(path[:1]) is not None and len(path) == 1:
        assert {k: v for k, v in edited.tree.items() if k != path[0]} == {
            k: v for k, v in before.items() if k != path[0]
        }
