"""`warmline doctor`: every problem says what is wrong, since when, and what to do."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import text

from gateway import Clock, HealthProblem, Settings, TryLater, Undeliverable, WarmlineError, hookimpl
from gateway.adapters.sql.engine.opening import migrate
from gateway.adapters.sql.engine.sqlite import SqliteDatabase
from gateway.adapters.sql.statistics import DatabaseHealthCheck
from gateway.cli.doctor import health_checks, listens_at
from gateway.cli.main import command
from gateway.cli.serve import serving_lock
from gateway.ops import doctor
from gateway.ops.doctor import backlog_problems, diagnose
from gateway.plugins import BadPlugin
from gateway.settings import CoreSettings
from gateway.store import Backlog, QueueStatistics
from gateway.testing import FakeChannel, FakeClock, FakeHandler, running
from tests.webhooks.receiver import SECRET

DEAD_LETTER = """
INSERT INTO customers (id, opted_out, created_at) VALUES (1, false, 0);
INSERT INTO conversations
  (id, customer_id, channel, address, lane, state, epoch, tier, mood, opened_at)
  VALUES (1, 1, 'x', 'y', 'x:y', 'bot', 0, 'bot', 'calm', 0);
INSERT INTO messages
  (id, conversation_id, lane, author, internal, purpose, status, text, at)
  VALUES (1, 1, 'x:y', 'bot', false, 'answer', 'failed', 'hello', 0);
INSERT INTO outbox
  (message_id, conversation_id, lane, channel, author, epoch, key, payload, state, attempts,
   due_at, created_at)
  VALUES (1, 1, 'x:y', 'x', 'bot', 0, 'k', '{}', 'dead', 1, 0, 1767225600000)
"""
NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture
def warmline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs the command with a small configuration."""
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "warmline.yaml"
    file.write_text("brand_voice: {}\nchannels: {rest: {open: true}}\n", "utf-8")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(command(), arguments, catch_exceptions=False)

    return run


def parts(result: Result) -> dict[str, dict[str, Any]]:
    return {part["part"]: part for part in map(json.loads, result.stdout.splitlines())}


def test_doctor_works_without_a_server_or_a_database(warmline: Any, tmp_path: Path) -> None:
    """Nothing is broken, and the command creates nothing."""
    result = warmline("doctor", "--json")
    found = parts(result)
    assert result.exit_code == 0
    assert found["server"]["state"] == found["database"]["state"] == "warning"
    assert found["configuration"] == {"part": "configuration", "state": "well"}
    assert not list(tmp_path.rglob("*.db"))


def test_a_dead_letter_is_shown_with_what_to_do(warmline: Any, tmp_path: Path) -> None:
    """With its age and the command that sends it again; exit 1."""
    (tmp_path / "var").mkdir()
    database = SqliteDatabase(tmp_path / "var" / "warmline.db")
    asyncio.run(migrate(database))
    with database.engine.begin() as connection:
        for statement in DEAD_LETTER.split(";"):
            connection.execute(text(statement))
    asyncio.run(database.stop())
    result = warmline("doctor")
    assert result.exit_code == 1
    assert "broken   queues: 1 reply could not be delivered (since 2026-01-01 00:00 UTC)" in (
        result.stdout
    )
    assert "warmline outbox retry" in result.stdout


def test_a_wrong_configuration_is_shown_with_its_line(warmline: Any, tmp_path: Path) -> None:
    """It must be fixed first, so nothing else is checked."""
    (tmp_path / "warmline.yaml").write_text("brand_voice: {}\nport: many\n", "utf-8")
    result = warmline("doctor", "--json")
    assert result.exit_code == 1
    [part] = map(json.loads, result.stdout.splitlines())
    assert part["part"] == "configuration"
    assert "warmline.yaml:2: port" in part["what"]


async def test_rows_that_wait_too_long_are_a_problem() -> None:
    """A message that waits for a second is none; one that waits for two minutes is."""
    young = Backlog(inbox=QueueStatistics(rows=3, since=NOW - timedelta(seconds=1)))
    assert backlog_problems(young, NOW) == []
    since = NOW - timedelta(minutes=2)
    [problem] = backlog_problems(Backlog(inbox=QueueStatistics(rows=3, since=since)), NOW)
    assert (problem.what, problem.since) == ("3 messages wait to be handled", since)
    every = {
        name: QueueStatistics(rows=1, since=NOW - timedelta(days=1))
        for name in Backlog.__struct_fields__
    }
    assert len(backlog_problems(Backlog(**every), NOW)) == len(every)


async def test_a_schema_of_another_version_is_a_problem(tmp_path: Path) -> None:
    """An older one and a newer one. The check changes neither."""
    file = tmp_path / "t.db"
    database = SqliteDatabase(file)
    await migrate(database, "0001")
    checkup = DatabaseHealthCheck(database)
    [problem] = await checkup.check_health(FakeClock())
    assert "older version (0001" in problem.what
    assert not await checkup.is_current()
    await migrate(database)
    assert await checkup.is_current()
    assert await checkup.check_health(FakeClock()) == []
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    [problem] = await checkup.check_health(FakeClock())
    assert "newer version" in problem.what
    await database.stop()


async def test_a_full_disk_and_a_long_write_ahead_log_are_problems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are shown before they stop the gateway."""
    file = tmp_path / "t.db"
    database = SqliteDatabase(file)
    await migrate(database)

    class Usage:
        total, free = 2**40, 2**20

    monkeypatch.setattr("gateway.adapters.sql.statistics.shutil.disk_usage", lambda _: Usage)
    monkeypatch.setattr("gateway.adapters.sql.statistics.LARGEST_LOG", 1)
    await database.write(lambda c: c.execute(text("CREATE TABLE t (a)")).rowcount)
    disk, log = await DatabaseHealthCheck(database).check_health(FakeClock())
    assert (disk.severity, log.severity) == ("broken", "warning")
    assert "1 MB are left" in disk.what
    await database.stop()


class CheckedPlugin:
    """A plugin with a health check that returns or raises ``result``."""

    name = "checked"

    def __init__(self, result: Sequence[HealthProblem] | Exception) -> None:
        self._result = result

    async def check_health(self, clock: Clock) -> Sequence[HealthProblem]:
        if isinstance(self._result, Exception):
            raise self._result
        return self._result

    async def handle(self, turn: object) -> None:
        return None

    priority = 99

    @hookimpl
    def register_handlers(self, register: Any, settings: Settings) -> None:
        register(self)


async def test_a_plugins_health_check_is_run(tmp_path: Path) -> None:
    """A plugin that implements `HealthCheck` is shown under its own name."""
    problem = HealthProblem(what="it is slow", fix="wait", severity="warning")
    async with running(CheckedPlugin([problem]), FakeChannel(), tmp_path=tmp_path) as gw:
        found = {d.part: d.problem for d in await diagnose(health_checks(gw.gateway))}
    assert found["checked"] == problem
    assert found["database"] is None


@pytest.mark.parametrize(
    ("error", "what"),
    [
        (TryLater("the provider cannot be reached"), "the provider cannot be reached"),
        (Undeliverable("no"), "no"),
        (ValueError("with a secret"), "the check failed with ValueError"),
    ],
)
async def test_a_check_that_raises_is_a_problem(error: Exception, what: str) -> None:
    """Our own errors are written for people; of others only the type is shown."""
    plugin = CheckedPlugin(error)
    [diagnosis] = await diagnose({"checked": lambda: plugin.check_health(FakeClock())})
    assert diagnosis.problem is not None
    assert diagnosis.problem.what == what


async def test_a_check_that_hangs_does_not_delay_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It times out, and the results of the others are shown."""
    monkeypatch.setattr(doctor, "TIMEOUT", 0.05)

    async def hangs() -> Sequence[HealthProblem]:
        await asyncio.Event().wait()
        return ()

    async def well() -> Sequence[HealthProblem]:
        return ()

    hung, fine = await diagnose({"hangs": hangs, "fine": well})
    assert hung.problem is not None
    assert fine.problem is None


async def test_plugins_without_a_health_check_are_left_out(tmp_path: Path) -> None:
    """`HealthCheck` is optional."""
    async with running(FakeChannel(), FakeHandler(lambda _: None), tmp_path=tmp_path) as gw:
        assert "fake_handler" not in health_checks(gw.gateway)


@pytest.mark.parametrize(
    ("policy", "config", "states"),
    [
        ("{}", "", []),
        ("{hours: {}}", "", ["warning"]),
        ("{hours: {}, reasons: {harm: {enabled: false}}}", "", []),
        ("{hours: {}}", "webhooks: {endpoints: {pager: {url: 'https://p.example'}}}\n", ["well"]),
        (
            "{hours: {}}",
            "webhooks: {endpoints: {crm: {url: 'https://p.example', events: [survey]}}}\n",
            ["warning"],
        ),
    ],
)
def test_an_alarm_that_reaches_nobody_is_a_problem(
    warmline: Any, tmp_path: Path, policy: str, config: str, states: list[str]
) -> None:
    """Where agents have opening hours and harm is not switched off."""
    config = config.replace("{url", f"{{secret: {SECRET}, url")
    tmp_path.joinpath("policy.yaml").write_text(policy, "utf-8")
    file = tmp_path / "warmline.yaml"
    file.write_text(f"{file.read_text('utf-8')}policy: policy.yaml\n{config}", "utf-8")
    found = parts(warmline("doctor", "--json"))
    assert [part["state"] for name, part in found.items() if name == "alarms"] == states


BROKEN = {
    "import nowhere_at_all": "bad cannot be imported: ModuleNotFoundError(",
    "raise SystemExit('no licence')": "bad cannot be imported: SystemExit('no licence')",
    "{}['x']": "bad cannot be imported: KeyError('x')",
    "from gateway import hookimpl\n@hookimpl\ndef register_handler(register): ...": (
        "bad: unknown hook 'register_handler'; the hooks are listed"
    ),
    "from gateway import hookimpl\n@hookimpl\ndef register_handlers(registr, settings): ...": (
        "bad: Plugin 'bad' for hook 'register_handlers' hookimpl definition:"
    ),
    "from gateway import hookimpl\n@hookimpl(wrapper=True)\ndef register_handlers(): ...": (
        "bad: Plugin 'bad' for hook 'register_handlers' hookimpl definition:"
    ),
    "from gateway import hookimpl\n@hookimpl\ndef register_handlers(register, settings): {}['x']": (
        "bad: register_handlers raised KeyError('x')"
    ),
    "import json\nfrom gateway import hookimpl\n@hookimpl\n"
    "def register_handlers(register, settings): json.loads('x')": (
        "bad: register_handlers raised JSONDecodeError("
    ),
    "import json\njson.loads('x')": "bad cannot be imported: JSONDecodeError(",
    "from gateway import hookimpl\n@hookimpl\ndef register_handlers(register, settings):\n"
    "    register(3)": "bad registers int as handler, which lacks name, priority, handle",
}


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Path]]:
    """Installs the package warmline-bad, whose plugin is a module with this code."""
    site = tmp_path / "site"
    info = site / "warmline_bad-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: warmline-bad\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[warmline]\nbad = warmline_bad\n")
    monkeypatch.syspath_prepend(site)

    def write(code: str) -> Path:
        (site / "warmline_bad.py").write_text(code, "utf-8")
        return site / "warmline_bad.py"

    yield write
    sys.modules.pop("warmline_bad", None)


@pytest.mark.parametrize(("code", "what"), BROKEN.items())
def test_a_bug_in_a_package_is_shown_with_the_package(
    install: Callable[[str], Path], warmline: Any, code: str, what: str
) -> None:
    """Which distribution and entry point, where in its code, and what to do; the settings are not
    blamed. Also a plugin that cannot be imported does not stop the command."""
    file = install(code)
    result = warmline("doctor", "--json")
    assert result.exit_code == 1
    [part] = map(json.loads, result.stdout.splitlines())
    assert part["part"] == "plugin bad"
    assert part["what"].startswith(what)
    assert ("raised" not in what and "imported" not in what) or f"{file}:" in part["what"]
    assert "`bad = warmline_bad` of the package warmline-bad 1.2" in part["mend"]
    assert "`pip uninstall warmline-bad`" in part["mend"]
    with pytest.raises(BadPlugin, match="pip uninstall warmline-bad"):
        warmline("channels")


def test_a_health_check_that_raises_is_shown_with_the_package(
    install: Callable[[str], Path], warmline: Any
) -> None:
    """By type and place: its text may hold a secret."""
    file = install(
        "from gateway import hookimpl\n"
        "class Bad:\n"
        "    name, priority = 'bad_handler', 1\n"
        "    async def handle(self, turn): ...\n"
        "    async def check_health(self, clock): raise RuntimeError('s3cret')\n"
        "@hookimpl\n"
        "def register_handlers(register, settings): register(Bad())\n"
    )
    result = warmline("doctor", "--json")
    found = parts(result)["bad_handler"]
    assert found["what"] == f"its health check raised RuntimeError at {file}:5"
    assert "`pip uninstall warmline-bad`" in found["mend"]
    assert "s3cret" not in result.stdout


@pytest.mark.parametrize("error", ["ConnectionRefusedError", "aiohttp.ServerDisconnectedError"])
def test_a_service_that_cannot_be_reached_is_no_bug(
    install: Callable[[str], Path], warmline: Any, error: str
) -> None:
    """The package is not blamed, nor its removal advised."""
    install(
        "import aiohttp\nfrom gateway import hookimpl\n"
        "class Bad:\n"
        "    name, priority = 'bad_handler', 1\n"
        "    async def handle(self, turn): ...\n"
        f"    async def check_health(self, clock): raise {error}('s3cret')\n"
        "@hookimpl\n"
        "def register_handlers(register, settings): register(Bad())\n"
    )
    result = warmline("doctor", "--json")
    found = parts(result)["bad_handler"]
    assert found["what"] == f"the check failed with {error.rpartition('.')[2]}"
    assert found["mend"] == "check its settings, and that this machine can reach it"
    assert "s3cret" not in result.stdout


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import nowhere_at_all", "bad cannot be imported"),
        (
            "from gateway import hookimpl\n@hookimpl\ndef register_handlers(registr): ...",
            "'registr'",
        ),
    ],
)
def test_a_broken_package_does_not_hide_our_own_commands(
    install: Callable[[str], Path], warmline: Any, code: str, what: str
) -> None:
    """Those of plugins are not known then: they fail with its name."""
    install(code)
    assert "serve" in warmline("--help").stdout
    with pytest.raises(BadPlugin, match=what):
        warmline("knowledge", "list")


class Readyz(BaseHTTPRequestHandler):
    """A server that is ready."""

    def do_GET(self) -> None:
        body = b'{"checks": {"database": "ok"}}' if self.path == "/readyz" else b"{}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Write nothing."""


def test_the_server_is_asked_where_it_listens(warmline: Any, tmp_path: Path) -> None:
    """`serve --port` may differ from the setting; a second start does not hide it."""
    var = tmp_path / "var"
    var.mkdir()
    mine = Settings(CoreSettings(data_dir=var), {}, base=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), Readyz) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        with serving_lock(mine, f"http://127.0.0.1:{server.server_port}"):
            with pytest.raises(WarmlineError, match="another"), serving_lock(mine, "http://x:1"):
                pass
            assert parts(warmline("doctor", "--json"))["server"]["state"] == "well"
            server.shutdown()
            server.server_close()
            gone = parts(warmline("doctor", "--json"))["server"]
    assert f"http://127.0.0.1:{server.server_port}/readyz does not answer" in gone["what"]
    assert gone["mend"] == "see its log and restart it"
    with serving_lock(mine):  # a command that holds it, such as `restore`
        assert listens_at(var / "serving.lock") is None
        file = tmp_path / "warmline.yaml"
        file.write_text(file.read_text("utf-8") + "host: '::1'\nport: 9\n", "utf-8")
        assert "http://[::1]:9/readyz" in parts(warmline("doctor", "--json"))["server"]["what"]
