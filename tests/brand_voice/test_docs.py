"""docs/voice.md shows what the renderer produces, and names every rule and key.

After an intended change, ``python -m tests.brand_voice.test_docs`` updates its blocks.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import msgspec
import yaml

from brand_voice import Guide, GuidedVoice, load
from brand_voice.guide import ChannelGuide
from gateway import Rendered, Reply, Voice

from .builders import render_context

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "voice.md"
BLOCK = re.compile(
    r'```text title="(?P<why>applied: )?(?P<channel>\w+), (?P<mood>\w+)(?P<first>, first words)?"\n'
    r"(?P<text>.*?)```\n",
    re.DOTALL,
)
NAMED = re.compile(
    r'(?:finding|note|_noted)\(\s*"([a-z_-]+)"|(?:rule|PhraseRule\(name)="([a-z_-]+)"'
)


def titled(page: str, title: str) -> str:
    (found,) = re.findall(rf'```\w+ title="{re.escape(title)}"\n(.*?)```', page, re.DOTALL)
    return str(found)


def renewed(page: str, voice: Voice) -> str:
    """The page with every block as the renderer produces it now."""
    parcel = msgspec.json.decode(titled(page, "parcel.json").encode(), type=Reply)

    def block(found: re.Match[str]) -> str:
        first = found["first"] is not None
        when = render_context(found["channel"], found["mood"], first=first, customer="Ana")
        rendered = voice.render(parcel, when)
        text = explained(rendered) if found["why"] else "\n---\n".join(rendered.parts)
        if rendered.segments is not None and not found["why"]:
            text += f"\n\n[{rendered.encoding}, {rendered.segments} segments]"
        head = found[0].partition("\n")[0]
        return f"{head}\n{wrapped(text)}\n```\n"

    return BLOCK.sub(block, page)


def wrapped(text: str) -> str:
    return "\n".join(
        textwrap.fill(
            line, 64, break_long_words=False, break_on_hyphens=False, subsequent_indent=indent
        )
        for line in text.split("\n")
        for indent in ["    " if line.startswith("  ") else ""]
    )


def explained(rendered: Rendered) -> str:
    lines = [f"{a.rule}\n  - {a.before}\n  + {a.after}" for a in rendered.applied]
    return "\n".join(line.replace("  - \n", "") for line in lines)


def test_the_blocks_are_what_the_renderer_produces(voice: Voice) -> None:
    """The same reply on four channels in two moods, and the rules applied, word for word."""
    page = PAGE.read_text("utf-8")
    assert len(BLOCK.findall(page)) == 9
    assert page == renewed(page, voice)


def test_every_rule_is_documented() -> None:
    """The table has each rule that the code or the guide names, and no other."""
    code = "\n".join(p.read_text("utf-8") for p in (ROOT / "brand_voice").glob("*.py"))
    named = {called or value for called, value in NAMED.findall(code)}
    named |= set(load(None).lexicon.avoid)
    named |= {"opener", "greeting", "sign_off", "buttons", "survey"}  # named by the kind of piece
    table = PAGE.read_text("utf-8").partition("| Rule |")[2]
    cells = re.findall(r"^\| ((?:`[a-z_-]+`(?:, )?)+) \|", table, re.MULTILINE)
    assert {name for cell in cells for name in re.findall(r"`([a-z_-]+)`", cell)} == named


def test_every_key_is_documented() -> None:
    """The tables name each key of the guide and of a channel."""
    page = PAGE.read_text("utf-8")
    named = set(re.findall(r"`([a-z_]+)[.`]", page))
    assert set(Guide.model_fields) - {"version"} <= named
    documented = set(
        re.findall(r"^\| `([a-z_]+)` \|", page.partition("### Channels")[2], re.MULTILINE)
    )
    assert set(ChannelGuide.model_fields) <= documented


def test_the_example_guide_works(tmp_path: Path) -> None:
    """The guide on the page is valid and does what its comments say."""
    page = PAGE.read_text("utf-8")
    path = tmp_path / "guide.yaml"
    path.write_text(titled(page, "guide.yaml"), "utf-8")
    own = GuidedVoice(load(path))
    text = "I guarantee, cross my heart, your ticket is gonna be in the cart."
    rules = [finding.rule for finding in own.lint(text, render_context(author="agent"))]
    assert rules == ["promises", "slang", "use"]
    rendered = own.render(Reply(body=("A.",)), render_context("pigeon", "angry", first=True))
    assert rendered.parts == ("This went wrong, and I am sorry. A.",)
    settings = yaml.safe_load(titled(page, "warmline.yaml"))
    assert settings == {"brand_voice": {"guide": "guide.yaml"}}


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text("utf-8"), GuidedVoice(load(None))), "utf-8")
