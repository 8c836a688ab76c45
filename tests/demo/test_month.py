"""The simulated month: once, in the background, only in a new database, and off by one setting."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from gateway.cli.simulate import ScenarioFile
from gateway.plugins import PluginRegistry, installed_plugins
from gateway.settings import load
from gateway.testing import FakeChannel, FakeHandler, RunningGateway, running
from gateway.testing.simulation.words import matter_kinds
from plugins import demo_shop
from plugins.demo_shop import DemoShopSettings, config, month
from plugins.demo_shop.month import LABEL, PastMonth
from tests.conftest import until
from tests.spine.conftest import echo

SMALL = """
per_day: 2
channels: {rest: 1}
languages: {en: 1}
open_at_end: 2
staff: [{id: "desk:una", name: Una, languages: [en], skill: 1, warmth: 1, trust: 1}]
"""


class Played:
    """Stands for the process: it leaves a database, when it is allowed to."""

    def __init__(self, database: Path) -> None:
        self.database, self.times = database, 0
        self.may_end = asyncio.Event()

    async def __call__(self, folder: Path, services: Any) -> None:
        self.times += 1
        await self.may_end.wait()
        (folder / "data").mkdir(parents=True)
        shutil.copy(self.database, folder / "data" / "warmline.db")


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database of a small month that the real process played."""
    folder = tmp_path_factory.mktemp("played")
    (folder / "month.yaml").write_text(SMALL, "utf-8")
    (folder / "warmline.yaml").write_text(
        "brand_voice: {}\nchannels: {rest: {open: true}}\nplugins: {escalation: {}}\n", "utf-8"
    )
    past = PastMonth(
        data_dir=folder, scenario=folder / "month.yaml", config=folder / "warmline.yaml"
    )

    days = month.DAYS

    async def play() -> None:
        async with running(FakeChannel(), FakeHandler(echo), tmp_path=folder) as gw:
            await past._play(folder / "demo-month", gw.services)

    month.DAYS = 2  # less to wait for; the fixture `monkeypatch` is not for a whole module
    try:
        asyncio.run(play())
    finally:
        month.DAYS = days
    return folder / "demo-month" / "data" / "warmline.db"


@pytest.fixture
async def played(simulated: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Played]:
    """The month is played by a stand-in, and nobody waits for a model."""
    stand_in = Played(simulated)
    monkeypatch.setattr(month, "MODEL_TIMEOUT", 0.0)
    monkeypatch.setattr(PastMonth, "_play", lambda _, *arguments: stand_in(*arguments))
    yield stand_in
    stand_in.may_end.set()


def shop(tmp_path: Path, *, history: bool = True) -> Any:
    tree = {"plugins": {"demo_shop": {"maildir": str(tmp_path / "mail"), "history": history}}}
    return running(demo_shop, FakeChannel(), FakeHandler(echo), config=tree, tmp_path=tmp_path)


async def conversations(gw: RunningGateway) -> int:
    return len(await gw.services.records.cases(limit=500))


async def test_a_new_database_gets_it(tmp_path: Path, played: Played) -> None:
    """Each conversation with the label, within the thirty days before now."""
    played.may_end.set()
    async with shop(tmp_path) as gw:
        await until(lambda: gw.services.storage.get("demo_shop", "history"))
        cases = await gw.services.records.cases(limit=500)
        assert cases
        assert all(LABEL in case.conversation.labels for case in cases)
        assert all(0 <= (gw.services.clock.now() - c.messages[0].at).days <= 30 for c in cases)
        assert not (tmp_path / "var" / "demo-month").exists()


async def test_the_shop_answers_meanwhile(tmp_path: Path, played: Played) -> None:
    """The start does not wait for the month; who writes first keeps what was said."""
    async with shop(tmp_path) as gw:
        await until(lambda: played.times)
        async with gw.session() as http, http.get("/") as page, http.get("/readyz") as ready:
            assert (page.status, ready.status) == (200, 200)
        ana = gw.customer("fake", "ana")
        await ana.say("hello")
        assert len(ana.heard) == 1
        played.may_end.set()
        await until(lambda: gw.services.storage.get("demo_shop", "history"))
        assert await conversations(gw) > 1


async def test_it_comes_once(tmp_path: Path, played: Played) -> None:
    """Also after all of it was erased, and never where customers have written."""
    played.may_end.set()
    async with shop(tmp_path) as gw:
        await until(lambda: gw.services.storage.get("demo_shop", "history"))
        cases = await gw.services.records.cases(limit=500)
        for address in {case.conversation.address for case in cases}:
            await gw.gateway.customer_data.erase(address)
        assert await conversations(gw) == 0
        await past_month(tmp_path)._add_once(gw.services)
        assert (played.times, await conversations(gw)) == (1, 0)


async def test_a_database_with_customers_is_left_alone(tmp_path: Path, played: Played) -> None:
    """Even of one who wrote before the demo was installed."""
    played.may_end.set()
    async with shop(tmp_path, history=False) as gw:
        await gw.customer("fake", "ana").say("hello")
        await past_month(tmp_path)._add_once(gw.services)
        assert (played.times, await conversations(gw)) == (0, 1)


def past_month(tmp_path: Path) -> PastMonth:
    return PastMonth(data_dir=tmp_path / "var", scenario=Path(), config=config())


@pytest.mark.parametrize(("said", "on"), [({}, True), ({"HISTORY": "false"}, False)])
def test_one_setting_turns_it_off(said: dict[str, str], on: bool) -> None:
    """In the file or in the environment; the page then does not speak of it."""
    environ = {f"WARMLINE_PLUGINS__DEMO_SHOP__{name}": value for name, value in said.items()}
    settings = load(config(), PluginRegistry(installed_plugins()).declared(), environ)
    section = settings.section(DemoShopSettings)
    assert section is not None
    assert section.history is on
    found: list[object] = []
    demo_shop.register_routes(found.append, settings)
    assert any(isinstance(each, PastMonth) for each in found) is on


async def test_a_failed_simulation_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shop goes on without the month, and the log says why."""
    monkeypatch.setattr(month, "MODEL_TIMEOUT", 0.0)
    past = PastMonth(data_dir=tmp_path, scenario=tmp_path / "nowhere.yaml", config=config())
    async with shop(tmp_path, history=False) as gw:
        task = asyncio.create_task(past.watch(gw.services))
        await asyncio.wait([task], timeout=0.05)
        folder = tmp_path / "demo-month"
        await until(lambda: task.done() or not folder.exists(), 30.0)
        assert not task.done()
        assert await gw.services.storage.get("demo_shop", "history") is None
        task.cancel()


def test_its_file_is_a_scenario() -> None:
    """Of matters that exist, on channels that the demo has: no answer leaves the machine."""
    tree = yaml.safe_load((config().parent / "month.yaml").read_text("utf-8"))
    scenario = msgspec.convert(tree, ScenarioFile)
    assert isinstance(scenario.labels, dict)
    assert set(scenario.labels) <= set(matter_kinds())
    assert isinstance(scenario.channels, dict)
    assert set(scenario.channels) <= {"webchat", "email", "rest"}
