"""What a plugin gets before the first message, and when it is released."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gateway import Handler, Reply, Services, Settings, Traits, Turn, hookimpl
from gateway.app import build_gateway
from gateway.plugins import BadPlugin
from gateway.testing import FakeChannel, PlainVoice, as_plugins, running, settings_for


class Notebook:
    """A handler that keeps how often it was asked, in the gateway's storage."""

    name = "notebook"
    priority = 50

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.fails_in = ""

    def use_services(self, services: Services) -> None:
        self._step("use_services")
        self.storage = services.storage

    async def setup(self, services: Services) -> None:
        self._step("setup")
        await services.storage.put(self.name, "asked", "0")

    async def handle(self, turn: Turn) -> Reply | None:
        self._step("handle")
        seen = await self.storage.get(self.name, "asked")
        assert seen is not None
        count = str(int(seen.value) + 1)
        await self.storage.put(self.name, "asked", count, version=seen.version)
        return Reply(opener="", body=(f"Question {count}.",))

    async def teardown(self) -> None:
        self._step("teardown")
        seen = await self.storage.get(self.name, "asked")
        self.steps.append(f"asked {seen.value if seen else 'never'}")

    def _step(self, name: str) -> None:
        self.steps.append(name)
        if name == self.fails_in:
            raise ValueError("the notebook is full")

    @hookimpl
    def register_handlers(self, register: Callable[[Handler], None], settings: Settings) -> None:
        register(self)


class Sibling(Notebook):
    """Another plugin that is set up after `Notebook`."""

    name = "sibling"
    priority = 90


async def test_a_handler_gets_the_services_and_a_lifecycle(tmp_path: Path) -> None:
    """It gets services first, is set up before the first message with an open database, and is torn
    down after the last one while the database is still open."""
    notebook = Notebook()
    async with running(notebook, FakeChannel(), tmp_path=tmp_path) as gw:
        assert notebook.steps == ["use_services", "setup"]
        mia = gw.customer("fake", "mia")
        await mia.say("How long is the wait?")
        assert mia.heard == ["Question 1."]
    assert notebook.steps == ["use_services", "setup", "handle", "teardown", "asked 1"]


@pytest.mark.parametrize("step", ["use_services", "setup"])
async def test_a_failure_stops_the_start_and_names_the_plugin(step: str, tmp_path: Path) -> None:
    """The error says which plugin, which method and what it raised."""
    notebook = Notebook()
    notebook.fails_in = step
    what = f"plugin0 (notebook): {step} raised ValueError('the notebook is full')"
    with pytest.raises(BadPlugin, match=re.escape(what)):
        async with running(notebook, FakeChannel(), tmp_path=tmp_path):
            pass
    assert notebook.steps[-1] == step


async def test_what_was_set_up_is_torn_down_when_a_later_one_fails(tmp_path: Path) -> None:
    """Nothing that a plugin opened stays open."""
    notebook, sibling = Notebook(), Sibling()
    sibling.fails_in = "setup"
    with pytest.raises(BadPlugin, match="sibling"):
        async with running(notebook, sibling, FakeChannel(), tmp_path=tmp_path):
            pass
    assert "teardown" in notebook.steps
    assert "teardown" not in sibling.steps


async def test_a_failing_teardown_is_counted_and_stops_nobody(tmp_path: Path) -> None:
    """The others are torn down all the same."""
    notebook, sibling = Notebook(), Sibling()
    sibling.fails_in = "teardown"
    async with running(notebook, sibling, FakeChannel(), tmp_path=tmp_path) as gw:
        pass
    assert notebook.steps[-2:] == ["teardown", "asked 0"]
    assert gw.metric("warmline_plugin_failures_total", plugin="sibling") == 1


class Misspelt:
    """Registers whatever it is given."""

    def __init__(self, hook: str, item: object) -> None:
        def register_item(register: Callable[[Any], None], settings: Settings) -> None:
            register(item)

        setattr(self, hook, hookimpl(register_item))


class NoPriority:
    """A handler of somebody who has not read the page."""

    name = "mine"

    async def handle(self, turn: Turn) -> Reply | None:
        return None


class NoSend:
    """A channel that takes messages, and through which no answer goes."""

    name = "mute"

    def __init__(self, traits: Any) -> None:
        self.traits = traits


class NoRoutes:
    """Meant to serve routes."""

    def route(self, services: Services) -> list[object]:
        return []


@pytest.mark.parametrize(
    ("hook", "item", "said"),
    [
        ("register_handlers", Notebook, "register an object of it: `register(Notebook(...))`"),
        ("register_handlers", NoPriority(), "NoPriority as handler, which lacks priority; see"),
        ("register_routes", NoRoutes(), "NoRoutes as component, which is none of HttpRoutes,"),
        ("register_channels", NoPriority(), "NoPriority as channel, which lacks traits; see"),
        ("register_channels", NoSend(Traits()), "NoSend as channel, which lacks send; add it, or"),
        ("register_channels", NoSend({}), "NoSend as channel, whose traits are no Traits; see"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(
    hook: str, item: object, said: str, tmp_path: Path
) -> None:
    """The error says what is registered, as what, and what is missing."""
    plugins = as_plugins([Misspelt(hook, item)])
    with pytest.raises(BadPlugin, match=re.escape(said)):
        build_gateway(plugins, settings_for(plugins, {}, tmp_path))


def test_a_mailbox_needs_no_send(tmp_path: Path) -> None:
    """Its customers fetch their messages."""
    mute = Misspelt("register_channels", NoSend(Traits(mailbox=True)))
    plugins = as_plugins([mute, PlainVoice()])
    gateway = build_gateway(plugins, settings_for(plugins, {}, tmp_path))
    assert list(gateway.registrations.channels) == ["mute"]
