"""What is refused, what is recorded, and what happens when the team changes its files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway import (
    AddExamples,
    AddItems,
    ChangeRefused,
    ExampleText,
    NotFound,
    Outdated,
    RemoveAdopted,
    RemoveExamples,
    SetValue,
    TooLarge,
)
from tests.versions.shop import ANA, adopt, ask, newest, open_shop, roll_back

EN = ("answers", "parking", "say", "en")
BETTER = SetValue(at=EN, value={"opener": "", "body": ["{spaces} spaces."]})


def threshold(value: Any) -> SetValue:
    return SetValue(at=("reasons", "low_confidence", "below"), value=value)


async def test_of_two_people_at_once_one_is_told(tmp_path: Path) -> None:
    """Both saw the same version. One adopts; the other gets Outdated, and nothing is lost or mixed.
    Versions of different kinds do not hinder each other."""
    async with open_shop(tmp_path) as gw:
        versions = gw.services.versions
        given: Any = {"after": 0, "author": ANA, "why": "now"}
        results = await asyncio.gather(
            versions.adopt("answers", [BETTER], **given),
            versions.adopt("answers", [SetValue(at=EN, value={"body": ["{spaces}!"]})], **given),
            versions.adopt("policy", [threshold(0.3)], **given),
            versions.adopt("guide", [AddItems(at=("lexicon", "allow"), items=("x",))], **given),
            return_exceptions=True,
        )
        refused = [result for result in results if isinstance(result, BaseException)]
        assert [type(error) for error in refused] == [Outdated]
        history = await versions.history()
        assert [version.number for version in history] == [3, 2, 1]
        assert sorted(version.kind for version in history) == ["answers", "guide", "policy"]


@pytest.mark.parametrize(
    ("kind", "change", "expected"),
    [
        (
            "answers",
            SetValue(at=EN, value={"body": ["Many."]}),
            "answers.parking.say.en.body: never states the fact `spaces`; write `{spaces}` where",
        ),
        (
            "answers",
            SetValue(at=("answers", "parking", "say", "en", "mood"), value="x"),
            "answers.parking.say.en.body: is missing; add it",
        ),
        (
            "answers",
            SetValue(at=("answers", "opening", "say", "de"), value={"body": ["9 Uhr."]}),
            "answers.opening.say: `en` is missing; every answer needs it (the files have no answer",
        ),
        (
            "answers",
            SetValue(at=("brands", "north", "answers", "x", "say", "en"), value={"body": ["y"]}),
            "brands.north: has no answers of its own; adopt it for all, or give the brand",
        ),
        (
            "answers",
            SetValue(at=("openers",), value="x"),
            "openers: is no part of a file of answers; write `answers` or `drafts`",
        ),
        (
            "policy",
            threshold(1.5),
            "reasons.low_confidence.below: must be at most 1; write",
        ),
        (
            "policy",
            SetValue(at=("reasons", "harm", "tier"), value="boss"),
            "reasons.harm.tier: there is no tier `boss`; choose from front",
        ),
        ("policy", threshold(float("nan")), "reasons.low_confidence.below: is no finite number"),
        (
            "guide",
            AddItems(at=("lexicon", "avoid", "hype", "phrases", "en"), items=("!wow",)),
            "lexicon.avoid.hype.phrases.en.0.phrase: a phrase must begin with a letter or a digit",
        ),
        ("guide", SetValue(at=("lexicon", "avoids"), value="x"), "lexicon.avoids: unknown key"),
        (
            "guide",
            AddExamples(intent="x", examples=(ExampleText(text="y"),)),
            "examples: a version of `guide` has no examples; adopt them with `answers`",
        ),
        (
            "policy",
            AddItems(at=("reasons", "sensitive_intent", "intents"), items=("x",)),
            "reasons.sensitive_intent.intents: a list of `policy` is replaced as a whole",
        ),
        ("answers", RemoveExamples(ids=(7,)), "examples: there is no adopted example 7"),
        ("answers", RemoveAdopted(at=EN), "answers.parking.say.en: nothing is adopted here"),
        ("policy", SetValue(at=(), value=1), "a path has 1 to 20 keys, none of them empty"),
        ("policy", SetValue(at=("a", "b"), value={}), "a.b: is empty; name what is to change"),
        ("guide", SetValue(at=("lexicon", "x"), value="a\0b"), "lexicon.x: has characters that"),
    ],
)
@pytest.mark.sqlite
async def test_what_would_not_load_is_refused(
    kind: Any, change: Any, expected: str, tmp_path: Path
) -> None:
    """With its key, what is wrong and what to do. Nothing is stored, and the check says the same
    beforehand."""
    async with open_shop(tmp_path) as gw:
        with pytest.raises(ChangeRefused) as refused:
            await adopt(gw, kind, change)
        assert str(refused.value).startswith(expected)
        assert tuple(await gw.services.versions.check(kind, [change])) == refused.value.problems
        assert await gw.services.versions.history() == ()


@pytest.mark.sqlite
async def test_nothing_new_no_reason_and_too_much_are_refused(tmp_path: Path) -> None:
    """A version says why, and changes something."""
    async with open_shop(tmp_path) as gw:
        await adopt(gw, "policy", threshold(0.3))
        with pytest.raises(ChangeRefused, match="there is nothing to adopt"):
            await adopt(gw, "policy", threshold(0.3))
        with pytest.raises(ChangeRefused, match="why: must have 1 to 2000 characters"):
            await adopt(gw, "policy", threshold(0.2), why=" ")
        with pytest.raises(ChangeRefused, match="is in force already"):
            await roll_back(gw, 1)
        with pytest.raises(ChangeRefused, match="say which kind"):
            await roll_back(gw, 0)
        with pytest.raises(NotFound, match="no version 9"):
            await roll_back(gw, 9)
        with pytest.raises(NotFound, match="no version 1 of guide"):
            await roll_back(gw, 1, "guide")
        many = SetValue(
            at=("lexicon", "use", "en"), value={f"w{i}": ["x" * 150] for i in range(7000)}
        )
        with pytest.raises(TooLarge, match="larger than 1000000 bytes"):
            await adopt(gw, "guide", many)
        assert await newest(gw, "policy") == 1


async def test_a_roll_back_returns_only_from_what_the_person_saw(tmp_path: Path) -> None:
    """What somebody adopted meanwhile is not taken back unseen."""
    async with open_shop(tmp_path) as gw:
        await adopt(gw, "policy", threshold(0.3))
        await adopt(gw, "policy", threshold(0.2))
        back = {"kind": "policy", "author": ANA, "why": "too many hand-overs"}
        with pytest.raises(Outdated, match="version 2 of policy was adopted meanwhile"):
            await gw.services.versions.roll_back(0, after=1, **back)
        assert await newest(gw, "policy") == 2
        await gw.services.versions.roll_back(0, after=2, **back)
        assert await newest(gw, "policy") == 3


async def test_versions_are_recorded_and_never_rewritten(tmp_path: Path) -> None:
    """Who, when, why and which proposal; what changed; a roll-back is a version of its own."""
    async with open_shop(tmp_path) as gw:
        versions = gw.services.versions
        await adopt(gw, "answers", BETTER, proposal="p7")
        more = SetValue(at=("answers", "parking", "facts", "spaces"), value="14")
        await adopt(gw, "answers", more)
        assert await ask(gw, "parking?") == ["14 spaces."]
        await roll_back(gw, 1)
        assert await ask(gw, "parking?") == ["12 spaces."]
        third, second, first = await versions.history(kind="answers")
        assert (first.author, first.why, first.proposal) == (ANA, "customers asked", "p7")
        assert (third.number, third.before, third.restores) == (3, 2, 1)
        assert (await versions.overlay("answers", 3)).tree == (
            await versions.overlay("answers", 1)
        ).tree
        [difference] = await versions.differences(2)
        assert (difference.key, difference.change) == ("answers.parking.facts.spaces", "added")
        assert difference.after == "14"
        assert await versions.history(before=3, limit=1) == (second,)
        lines = [line for line in await gw.services.audit.lines() if line.who == ANA]
        assert [(line.what, line.detail) for line in lines] == [
            ("rolled_back", "answers version 3 to 1"),
            ("adopted", "answers version 2"),
            ("adopted", "answers version 1 of proposal p7"),
        ]


@pytest.mark.sqlite
async def test_what_no_longer_fits_the_files_is_left_out(tmp_path: Path) -> None:
    """The team removes the answer that was changed in one language. The start goes on, the rest of
    the version applies, and later changes are not hindered."""
    german = SetValue(at=("answers", "parking", "say", "de"), value={"body": ["Ja, {spaces}."]})
    other = SetValue(at=("answers", "returns", "say", "en"), value={"opener": "", "body": ["Yes."]})
    async with open_shop(tmp_path) as gw:
        await adopt(gw, "answers", german, other)
        await adopt(gw, "policy", SetValue(at=("reasons", "harm", "tier"), value="front"))
    (tmp_path / "answers.yaml").write_text(
        "answers: {returns: {say: {en: {opener: '', body: No.}}}}", "utf-8"
    )
    (tmp_path / "policy.yaml").write_text("tiers: {boss: {}}", "utf-8")
    with capture_logs() as logs:
        async with open_shop(tmp_path, fresh=False) as gw:
            assert await ask(gw, "returns?") == ["Yes."]
            left_out = gw.gateway.infrastructure.follower.left_out
            assert [problem.key for problem in left_out["answers"]] == [
                "answers.parking.say",
                "answers.parking.say.de.body.0",
            ]
            assert "there is no tier `front`" in str(left_out["policy"][0])
            again = SetValue(at=("answers", "returns", "say", "en"), value={"body": ["Sure."]})
            await adopt(gw, "answers", again)
    assert [log["event"] for log in logs].count("versions.left_out") >= 2


@pytest.mark.sqlite
async def test_items_come_and_go(tmp_path: Path) -> None:
    """Items join those adopted before, and are taken away one by one."""
    at = ("lexicon", "avoid", "hype", "phrases", "en")
    async with open_shop(tmp_path) as gw:
        await adopt(gw, "guide", AddItems(at=at, items=("as I said",)))
        await adopt(gw, "guide", AddItems(at=at, items=("as I said", {"phrase": "per my mail"})))
        assert (await gw.services.versions.overlay("guide")).tree == {
            "lexicon": {
                "avoid": {"hype": {"phrases": {"en": ["as I said", {"phrase": "per my mail"}]}}}
            }
        }
        await adopt(gw, "guide", RemoveAdopted(at=at, items=("as I said",)))
        await adopt(gw, "guide", RemoveAdopted(at=at, items=({"phrase": "per my mail"},)))
        assert not await gw.services.versions.overlay("guide")
