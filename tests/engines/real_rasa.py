"""The same with a real Rasa 3.6, trained on the exported project: `make test-rasa` runs this.

RASA names the program. This file's name does not begin with `test_`, so that only those who have a
Rasa run it.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from aiohttp.test_utils import unused_port

from gateway.testing import FakeChannel, running
from plugins import nlu_rasa
from plugins.nlu_local import plugin as nlu_local
from tests.conftest import until

from .rasa_contract import *  # noqa: F403
from .rasa_contract import Server, settings
from .test_rasa import exported

pytestmark = pytest.mark.timeout(1200)
TOKEN = "a-token-of-this-run"


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's examples and answers, exported and trained."""
    folder = exported(tmp_path_factory.mktemp("shop"), "--epochs", "60")
    with (folder / "train.log").open("wb") as log:
        process = subprocess.run(
            [os.environ["RASA"], "train", "--out", "models"], cwd=folder, env=_environment(),
            stdout=log, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    assert process.returncode == 0, (folder / "train.log").read_text("utf-8", "replace")[-3000:]
    return folder


@pytest.fixture(scope="session")
def rasa(project: Path) -> Iterator[Server]:
    with listening(project) as (url, _):
        yield Server(url, TOKEN)


@contextmanager
def listening(project: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Rasa server with the model of ``project``, ended on exit."""
    port = unused_port()
    program = [
        os.environ["RASA"], "run", "--enable-api", "--auth-token", TOKEN,
        "--interface", "127.0.0.1", "--port", str(port),
    ]  # fmt: skip
    with (project / "run.log").open("ab") as log:
        server = subprocess.Popen(
            program, cwd=project, env=_environment(), stdout=log, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(f"{url}/status?token={TOKEN}", server, project / "run.log")
        yield url, server
    finally:
        server.terminate()
        server.wait(30)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 300
    while True:
        try:
            with urlopen(url, timeout=5) as answer:  # noqa: S310  (our own server)
                if answer.status == 200:
                    return
        except (URLError, OSError):
            late = time.monotonic() > deadline
            if late or server.poll() is not None:
                pytest.fail(log.read_text("utf-8", "replace")[-3000:])
        time.sleep(0.5)


def _environment() -> dict[str, str]:
    """For another Python than ours, and for a Rasa without telemetry."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return own | {"RASA_TELEMETRY_ENABLED": "false", "SQLALCHEMY_SILENCE_UBER_WARNING": "1"}


async def test_messages_survive_the_death_of_the_server(project: Path, tmp_path: Path) -> None:
    """Those before, during and after it are all understood and kept."""
    with listening(project) as (url, server):
        config = settings(Server(url, TOKEN), tmp_path) | {"worker": {"understand_timeout": 60}}
        plugins = (nlu_local, nlu_rasa, FakeChannel())
        async with running(*plugins, config=config, tmp_path=tmp_path) as gw:
            customers = [gw.customer("fake", f"c{number}") for number in range(12)]
            for number, customer in enumerate(customers):
                if number == 4:
                    server.kill()
                await customer.write("how do I get a refund?")
            # Longer than other tests wait: Rasa uses the whole machine.
            await until(lambda: not len(gw.gateway.incoming), timeout=300)
            queue = await gw.services.desk.queue()
            cards = [await gw.services.desk.card(item.conversation.id) for item in queue]
        understandings = [card.messages[0].understanding for card in cards]
        assert len(understandings) == len(customers)
        assert {found.intent.name for found in understandings if found} == {"refund"}
        assert "nlu_local" in {found.ranked_by for found in understandings if found}
