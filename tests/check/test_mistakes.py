"""``warmline check`` names every mistake that a newcomer makes, with what to write instead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from shutil import copytree

import pytest

from gateway.cli.check import check_files
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.settings import unknown_variables
from tests.check.mistakes import AFTER, BEFORE, Mistake

SHOP = Path(__file__).parent / "shop"
MISTAKES = (*BEFORE, *AFTER)
PASSWORDS = (
    "WARMLINE_CHANNELS__EMAIL__IMAP__PASSWORD",
    "WARMLINE_CHANNELS__EMAIL__OUTGOING__PASSWORD",
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a shop, all valid."""
    return Path(copytree(SHOP, tmp_path_factory.mktemp("shop") / "shop"))


@pytest.fixture(autouse=True)
def in_the_shop(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shop)
    for name in PASSWORDS:
        monkeypatch.setenv(name, "a password of the mail provider")


def told() -> list[str]:
    """What ``check`` says."""
    return [str(problem) for problem in check_files(Path("warmline.yaml"))[1]]


def told_with(mistakes: Sequence[Mistake]) -> list[str]:
    """What ``check`` says to files with all these mistakes."""
    texts = {file.name: file.read_text("utf-8") for file in SHOP.iterdir()}
    try:
        for name, text in texts.items():
            changed = text
            for mistake in mistakes:
                if mistake.file == name:
                    changed = changed.replace(mistake.was, mistake.wrote, 1)
            Path(name).write_text(changed, "utf-8")
        return told()
    finally:
        for name, text in texts.items():
            Path(name).write_text(text, "utf-8")


def span(mistake: Mistake) -> range:
    """The lines that ``mistake`` changes."""
    text = (SHOP / mistake.file).read_text("utf-8")
    start = text[: text.index(mistake.was)].count("\n") + 1
    return range(start, start + mistake.was.rstrip("\n").count("\n") + 1)


def groups() -> Iterator[list[Mistake]]:
    """The mistakes in groups of which all can be in the files at once: a file that is not YAML,
    or lacks what others need, stands alone."""
    alone = [each for each in MISTAKES if not each.key or each.together is False]
    yield from ([each] for each in alone)
    rest = [each for each in MISTAKES if each not in alone]
    while rest:
        group: list[Mistake] = []
        taken: set[tuple[str, int]] = set()
        for mistake in rest:
            lines = {(mistake.file, line) for line in span(mistake)}
            same_length = mistake.was.count("\n") == mistake.wrote.count("\n")
            if same_length and not lines & taken:
                group.append(mistake)
                taken |= lines
        if not group:
            group = rest[:1]
        yield group
        rest = [each for each in rest if each not in group]


GROUPS = list(groups())


def test_the_shop_is_valid() -> None:
    """Else the rows below would show nothing."""
    assert told() == []


def test_there_are_enough_mistakes() -> None:
    """At least 80, half of them written without a look at the code, in every file."""
    assert len(MISTAKES) >= 120
    assert len(BEFORE) >= 50
    assert {mistake.file for mistake in MISTAKES} == {file.name for file in SHOP.iterdir()}


@pytest.mark.parametrize(
    "group", GROUPS, ids=lambda group: f"{len(group)}-{group[0].wrote.strip()[:30]}"
)
def test_every_mistake_is_named_with_what_to_write(group: list[Mistake]) -> None:
    """Each has one line, with file, line and key, and the right hint, which is never what was
    written; and there are no other lines."""
    lines = told_with(group)
    missing = [mistake for mistake in group if not any(tells(line, mistake) for line in lines)]
    assert missing == [], "\n".join(lines)
    assert len(lines) == len(group), "\n".join(lines)


def tells(line: str, mistake: Mistake) -> bool:
    place = re.fullmatch(r"([\w.]+):(\d+): (.*?): (.*)", line, re.DOTALL)
    assert place is not None, line
    file, number, key, message = place.groups()
    hints = re.findall(r"(?:write|did you mean) `([^`]+)`", message)
    return (
        (file, key) == (mistake.told_at or mistake.file, mistake.key)
        and mistake.says in message
        and not any(hint in mistake.wrote.splitlines() for hint in hints)
        and (bool(mistake.told_at) or int(number) in near(mistake))
    )


def near(mistake: Mistake) -> range:
    """The lines where it may be told: those that it changes, and those beside them."""
    lines = span(mistake)
    return range(lines.start - 1, lines.stop + mistake.wrote.count("\n") + 1)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("WARMLINE_PROT", "did you mean `WARMLINE_PORT`?"),
        ("WARMLINE_CHANNELS_REST_TOKEN", "did you mean `WARMLINE_CHANNELS__REST__TOKEN`?"),
        ("WARMLINE_CHANNELS__EMAIL__IMAP__PASSWORD_FILE", ""),
        ("WARMLINE_LIMITS__BODY", ""),
        ("WARMLINE_DATA_KEY_FILE", ""),
    ],
)
def test_a_variable_that_nothing_reads_is_named(name: str, advice: str) -> None:
    """A misspelt one would have no effect, and nobody would know."""
    declared = PluginRegistry(installed_plugins()).declared()
    found = dict(unknown_variables(declared, {name: "x", "PATH": "/bin"}))
    assert found == ({name: advice} if advice else {})
