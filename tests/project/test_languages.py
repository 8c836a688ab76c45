"""Every packaged text that a customer reads exists in every language that the gateway serves."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from brand_voice import load
from gateway import HOURS_LANGUAGES
from plugins.escalation.texts import TEXTS
from plugins.start.command import LANGUAGES

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "plugins", "channels", "brand_voice")
SERVED = frozenset(TEXTS["handover"])
"""The languages of a hand-over: whoever writes in one of them is answered in it."""
WIDGET = ROOT / "channels" / "webchat" / "static"
KEY = re.compile(r'^  (\w+): "((?:[^"\\]|\\.)*)",?$', re.MULTILINE)

UNSAID = {
    "brand_voice/guide.yaml: lexicon": "words that we leave out of texts in those languages",
    "gateway/support/grounding": "words by which texts of those languages are compared",
    "gateway/support/statements/words/times.yaml": "words that are read in those languages",
    "gateway/testing/simulation": "what simulated customers write",
    "plugins/demo_shop/demo": "the demo's shop serves four languages",
    "plugins/insights/facts/words/edits.yaml": "words that are read in those languages",
    "plugins/insights/tickets/small_words.py": "words that are read in those languages",
    "plugins/knowledge/answering/words.yaml": "words that are read in those languages",
    "plugins/nlu_rasa/project.py": "the languages for which Rasa has a tokenizer",
    "plugins/practice/html.py": "the languages in which agents practise",
    "plugins/start/speech.py": "words by which a site's way of speaking is recognised",
}
"""Where a table of some languages is right, and why: nothing of it is said to a customer."""


def tables(tree: Any, at: str = "") -> Iterator[tuple[str, frozenset[str]]]:
    """Each mapping of languages in ``tree``, with its place and its languages."""
    if isinstance(tree, Mapping):
        if is_table(tree):
            yield at, frozenset(tree) & SERVED
        for key, value in tree.items():
            yield from tables(value, f"{at}.{key}".lstrip("."))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from tables(value, f"{at}.{index}")


def is_table(keys: Any) -> bool:
    """Whether these are languages: two or more of those served, and nothing else."""
    return len(SERVED & set(keys)) >= 2 and set(keys) <= SERVED | {"*"}


def in_yaml(file: Path) -> Iterator[tuple[str, frozenset[str]]]:
    return tables(yaml.load(file.read_text("utf-8"), yaml.CBaseLoader))  # noqa: S506  (texts alone)


def in_python(file: Path) -> Iterator[tuple[str, frozenset[str]]]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Dict):
            keys = {key.value for key in node.keys if isinstance(key, ast.Constant)}
            if is_table(keys):
                yield f"line {node.lineno}", frozenset(keys) & SERVED


def packaged() -> Iterator[tuple[str, frozenset[str]]]:
    """Each table of languages in the packages, as ``file: place``."""
    for package in PACKAGES:
        for file in sorted((ROOT / package).rglob("*")):
            found: Iterator[tuple[str, frozenset[str]]] = iter(())
            if file.suffix in {".yaml", ".yml"} and file.parent.name != "templates":
                found = in_yaml(file)
            elif file.suffix == ".py":
                found = in_python(file)
            for place, languages in found:
                yield f"{file.relative_to(ROOT).as_posix()}: {place}", languages


def test_every_packaged_text_speaks_every_served_language() -> None:
    """A text that is missing in one language is English there, in the middle of a conversation."""
    found = dict(packaged())
    missing = {place: sorted(SERVED - languages) for place, languages in found.items()
               if SERVED - languages and not place.startswith(tuple(UNSAID))}  # fmt: skip
    assert missing == {}
    assert len([place for place in found if not place.startswith(tuple(UNSAID))]) > 100


def test_what_is_left_out_is_there() -> None:
    """An exception that nothing needs any more goes."""
    found = dict(packaged())
    needed = {why for why in UNSAID for place, languages in found.items()
              if place.startswith(why) and SERVED - languages}  # fmt: skip
    assert needed == set(UNSAID)


@pytest.mark.parametrize("languages", [frozenset(LANGUAGES), HOURS_LANGUAGES])
def test_new_shops_and_opening_hours_have_every_language(languages: frozenset[str]) -> None:
    assert languages == SERVED


def test_the_chat_widget_speaks_every_served_language() -> None:
    """The same keys with the same placeholders in each."""
    english = dict(KEY.findall((WIDGET / "texts.js").read_text("utf-8")))
    others = {file.stem.removeprefix("texts-"): dict(KEY.findall(file.read_text("utf-8")))
              for file in WIDGET.glob("texts-*.js")}  # fmt: skip
    named = re.search(r"OTHERS = \[(.*)\]", (WIDGET / "texts.js").read_text("utf-8"))
    assert named is not None
    assert {*others, "en"} == SERVED
    assert set(re.findall(r"\w+", named[1])) == set(others)
    assert len(english) > 40
    for texts in others.values():
        assert list(texts) == list(english)
        for key, text in texts.items():
            assert re.findall(r"\{\w+\}", text) == re.findall(r"\{\w+\}", english[key]), key


def test_the_chat_widget_has_the_guides_form_of_address() -> None:
    """No word of another form: who is `usted` in the bot's messages is not `tú` around them."""
    checked = 0
    for code, address in load(None).address.items():
        file = WIDGET / f"texts-{code}.js"
        own = address.words.get(address.form, ())
        others = {word for words in address.words.values() for word in words} - set(own)
        for key, text in KEY.findall(file.read_text("utf-8")) if others else ():
            said = set(re.findall(r"\w+", text.lower()))
            assert said.isdisjoint(others), (code, key)
            checked += 1
    assert checked > 300
