"""The same with a real Rasa 3.6, trained on the exported project: `make test-rasa` runs it.

RASA names the program. Its name does not begin with `test_`: without a Rasa nobody runs it.
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

from .rasa_suite import *  # noqa: F403
from .rasa_suite import Server, settings
from .test_rasa import exported

pytestmark = pytest.mark.timeout(1200)
TOKEN = "a-token-of-this-run"


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shop's knowledge, exported and learnt."""
    made = exported(tmp_path_factory.mktemp("shop"), "--epochs", "60")
    with (made / "train.log").open("wb") as log:
        done = subprocess.run(
            [os.environ["RASA"], "train", "--out", "models"], cwd=made, env=_environment(),
            stdout=log, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
    assert done.returncode == 0, (made / "train.log").read_text("utf-8", "replace")[-3000:]
    return made


@pytest.fixture(scope="session")
def rasa(project: Path) -> Iterator[Server]:
    with listening(project) as (url, _):
        yield Server(url, TOKEN)


@contextmanager
def listening(project: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Rasa server with what was learnt in ``project``, ended at the end."""
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
            with urlopen(url, timeout=5) as answer:  # noqa: S310  (a server of ours)
                if answer.status == 200:
                    return
        except (URLError, OSError):
            late = time.monotonic() > deadline
            if late or server.poll() is not None:
                pytest.fail(log.read_text("utf-8", "replace")[-3000:])
        time.sleep(0.5)


def _environment() -> dict[str, str]:
    """Of a Python that is none of ours, and a Rasa that tells nobody that it runs."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return own | {"RASA_TELEMETRY_ENABLED": "false", "SQLALCHEMY_SILENCE_UBER_WARNING": "1"}


async def test_it_dies_while_customers_write(project: Path, tmp_path: Path) -> None:
    """Messages before, while and after the server is killed are all understood and kept."""
    with listening(project) as (url, server):
        config = settings(Server(url, TOKEN), tmp_path) | {"worker": {"understand_timeout": 60}}
        guests = (nlu_local, nlu_rasa, FakeChannel())
        async with running(*guests, config=config, tmp_path=tmp_path) as gw:
            people = [gw.customer("fake", f"c{number}") for number in range(12)]
            for number, one in enumerate(people):
                if number == 4:
                    server.kill()
                await one.write("how do I get a refund?")
            # Longer than a test waits otherwise: Rasa has the machine for itself.
            await until(lambda: not len(gw.gateway.incoming), timeout=300)
            queue = await gw.house.desk.queue()
            cards = [await gw.house.desk.card(item.conversation.id) for item in queue]
        said = [card.messages[0].understanding for card in cards]
        assert len(said) == len(people)
        assert {one.intent.name for one in said if one} == {"refund"}
        assert "nlu_local" in {one.ranked_by for one in said if one}
