"""A channel's own limit, and a guide that sets a higher one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import brand_voice
from brand_voice import GuidedVoice, load
from gateway import Reply, Traits
from gateway.cli.main import command
from gateway.testing import FakeChannel, FakeHandler, running

from .builders import render_context

AUTHORS = ("bot", "agent")


@pytest.mark.parametrize(
    ("guide", "channel", "longest"), [(2000, 1000, 1000), (800, 1000, 800), (2000, None, 2000)]
)
@pytest.mark.parametrize("author", AUTHORS)
def test_the_guide_only_lowers_the_channels_limit(
    own_guide: Callable[[str], Path], guide: int, channel: int | None, longest: int, author: str
) -> None:
    """The lower of the two limits applies to every part, for the bot and for agents."""
    voice = GuidedVoice(load(own_guide(f"channels: {{pigeon: {{max_length: {guide}}}}}")))
    reply = Reply(opener="", body=("a " * 2_500,), purpose="message")
    context = render_context("pigeon", author=author, max_length=channel)
    parts = voice.render(reply, context).parts
    assert longest - 2 <= max(map(len, parts)) <= longest
    assert "".join(parts).count("a") == 2_500


def test_the_advice_knows_the_channels_limit(own_guide: Callable[[str], Path]) -> None:
    """A text that needs too many parts is advised against, by the lower limit."""
    guide = "channels: {pigeon: {max_length: 2000, max_parts: 1}}"
    voice = GuidedVoice(load(own_guide(guide)))

    def rules(max_length: int | None) -> list[str]:
        context = render_context("pigeon", author="agent", max_length=max_length)
        return [finding.rule for finding in voice.lint("word " * 30, context)]

    assert "too-long" in rules(100)
    assert "too-long" not in rules(None)


@pytest.mark.parametrize(
    ("guide", "warns"),
    [
        ("telegram: {max_length: 4097}", True),
        ("telegram: {max_length: 4096}", False),
        ("telegram: {max_length: 300}", False),
        ("default: {max_length: 9000}", False),
        ("default: {max_length: 9000}, telegram: {buttons: native}", False),
        ("default: {max_length: 9000}, telegram: {max_length: 9000}", True),
        ("pigeon: {max_length: 9000}", False),
    ],
)
def test_check_warns_of_a_guide_above_the_channels_limit(
    own_guide: Callable[[str], Path], tmp_path: Path, guide: str, warns: bool
) -> None:
    """On stderr, with the channel's limit, and only of what a guide writes for that channel. The
    configuration is still OK."""
    own_guide(f"channels: {{{guide}}}")
    config = tmp_path / "warmline.yaml"
    config.write_text(
        f"data_dir: {tmp_path}\nbrand_voice: {{guide: guide.yaml}}\n"
        "channels: {telegram: {bot_token: '1:x'}}\n",
        "utf-8",
    )
    # The variables that choose the tests' database are no settings, and `check` says so.
    unset = {name: None for name in os.environ if name.startswith("WARMLINE_TEST_")}
    result = CliRunner().invoke(command(), ["check", "--config", str(config)], env=unset)
    assert (result.exit_code, result.stdout) == (0, "OK\n")
    warning = "channels.telegram.max_length: it is above the channel's own limit of 4096"
    assert (warning in result.stderr) is warns
    assert bool(result.stderr) is warns


async def test_replies_and_agents_messages_keep_the_channels_limit(
    own_guide: Callable[[str], Path], tmp_path: Path
) -> None:
    """Whatever the guide allows, no message is longer than the provider takes."""
    own_guide("channels: {fake: {max_length: 2000}}")
    channel = FakeChannel(traits=Traits(max_length=100))
    answer = FakeHandler(lambda _: Reply(opener="", body=("word " * 50,)))
    config = {"brand_voice": {"guide": "guide.yaml"}}
    async with running(brand_voice, channel, answer, config=config, tmp_path=tmp_path) as gw:
        await gw.customer("fake", "ana").say("hello")
        ana = gw.desk_agent("ana")
        await ana.answer(await ana.claim(await gw.services.desk.card(1)), "word " * 50)
        await gw.settled()
        sent = {author: [m.text for m in channel.sent if m.author == author] for author in AUTHORS}
    for author, texts in sent.items():
        assert " ".join(texts).count("word") == 50, author
        assert max(map(len, texts)) <= 100, author
