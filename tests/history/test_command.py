"""``warmline history``: what people type, and what they read."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.cli.main import main
from tests.history.kit import ANSWERED, ASKED, mbox
from tests.history.test_tables import PAIRS

CONFIG = """
data_dir: {folder}/var
channels:
  email: {{address: help@shop.example, smtp_port: 0, maildir: out}}
"""

pytestmark = pytest.mark.sqlite


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "w.yaml"
    path.write_text(CONFIG.format(folder=tmp_path), "utf-8")
    return str(path)


def warmline(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What the command prints, errors as well."""
    with pytest.raises(SystemExit):
        main(["history", *arguments])
    said = capsys.readouterr()
    return said.out + said.err


def test_a_mailbox_is_imported_listed_and_removed(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(mbox(tmp_path / "old.mbox", ASKED, ANSWERED))
    told = warmline(capsys, "import", source, "--config", config, "--dry")
    assert "Would import 2 messages in 1 conversation." in told
    assert "nothing was imported yet" in warmline(capsys, "list", "--config", config)
    told = warmline(capsys, "import", source, "--config", config)
    assert "Imported 2 messages in 1 conversation." in told
    assert "warmline history remove 1" in told
    told = warmline(capsys, "import", source, "--config", config)
    assert "Left out, here already: 2" in told
    assert "old.mbox (mbox): 2 messages in 1" in warmline(capsys, "list", "--config", config)
    assert "removed 1" in warmline(capsys, "remove", "1", "--config", config)
    assert "there is no import 1" in warmline(capsys, "remove", "1", "--config", config)


def test_a_table_is_imported_once_somebody_has_confirmed_its_columns(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The guess is printed as a mapping, with rows."""
    path = tmp_path / "t.csv"
    path.write_text(PAIRS, "utf-8")
    told = warmline(capsys, "import", str(path), "--config", config)
    assert "text: Anfrage" in told
    assert "#   answer: It left on Friday." in told
    assert "--yes" in told
    assert "Imported 2" in warmline(capsys, "import", str(path), "--config", config, "--yes")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name a file or folder, or a mailbox"),
        (("nowhere",), "does not exist"),
        (("{empty}",), "is empty"),
        (("{mbox}", "--our-addresses", "shop"), "is no address"),
        (("{mbox}", "--brand", "south"), "the brands are: none"),
        (("{mbox}", "--label", "!"), "--label"),
    ],
)
def test_mistakes_say_what_to_do(
    config: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    says: str,
) -> None:
    places = {"empty": tmp_path / "empty.mbox", "mbox": mbox(tmp_path / "m.mbox", ASKED)}
    places["empty"].touch()
    given = [argument.format(**places) for argument in arguments]
    assert says in warmline(capsys, "import", *given, "--config", config)
