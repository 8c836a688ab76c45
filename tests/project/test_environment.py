"""What is wrong in the environment is told by the variable's name, and nothing of its value."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from gateway.settings import BadConfig, DeclaredSection, load


class Shop(BaseModel):
    """A guest's section."""

    origins: tuple[str, ...] = ()
    token: SecretStr | None = None
    most: int = 3
    ca_file: Path | None = None


SHOP = DeclaredSection(name="plugins.shop", model=Shop)


def told(env: dict[str, str], file: Path | None = None) -> list[str]:
    with pytest.raises(BadConfig) as bad:
        load(file, [SHOP], env)
    return str(bad.value).splitlines()


@pytest.mark.parametrize("text", ["https://shop.example", '["https://shop.example"', "{"])
def test_a_list_that_is_no_json_was_a_traceback(text: str) -> None:
    """It is a mistake like others: which variable, and how it is written."""
    [line] = told({"WARMLINE_PLUGINS__SHOP__ORIGINS": text})
    assert line == (
        "<environment>:1: plugins.shop.origins: must be a list, as JSON"
        " (set by WARMLINE_PLUGINS__SHOP__ORIGINS)"
    )
    assert text not in line


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Those of the environment by variable, those of the file by line."""
    file = tmp_path / "warmline.yaml"
    file.write_text("port: 8080\nplugins:\n  shop:\n    most: many\n", "utf-8")
    env = {"WARMLINE_PORT": "eighty", "WARMLINE_LIMITS": '{"accepts": ', "warmline_log": "x"}
    lines = told(env, file)
    assert [" ".join(line.split()[:2]) for line in lines] == [
        "<environment>:1: port:",
        "<environment>:1: limits:",
        f"{file}:4: plugins.shop.most:",
    ]
    assert "(set by WARMLINE_PORT)" in lines[0]
    assert lines[1].endswith("must be a mapping, as JSON (set by WARMLINE_LIMITS)")


def test_a_mistake_within_a_value_names_the_whole_variable() -> None:
    """Where a mapping came as one JSON text, that is the variable to change."""
    [line] = told({"WARMLINE_LIMITS": '{"accepts": "many"}'})
    assert line.startswith("<environment>:1: limits.accepts:")
    assert line.endswith("(set by WARMLINE_LIMITS)")


def test_lists_come_as_json() -> None:
    """What is right is read."""
    settings = load(None, [SHOP], {"WARMLINE_PLUGINS__SHOP__ORIGINS": '["https://shop.example"]'})
    shop = settings.section(Shop)
    assert shop is not None
    assert shop.origins == ("https://shop.example",)


def test_a_list_was_to_be_a_valid_tuple(tmp_path: Path) -> None:
    """What is to be a list or a mapping is named in the words of YAML, and how to write it."""
    file = tmp_path / "warmline.yaml"
    file.write_text("limits: many\nplugins:\n  shop:\n    origins: https://a\n", "utf-8")
    limits, origins = told({}, file)
    assert limits == f"{file}:1: limits: must be a mapping; write `name: value` below it"
    assert origins == (
        f"{file}:4: plugins.shop.origins: "
        "must be a list: `[one, two]`, or a line `- one` for each below it"
    )


def test_a_secret_file_that_is_not_there_was_passed_over(tmp_path: Path) -> None:
    """Data would have been stored without their key: it is told, and nothing of what a file has."""
    (tmp_path / "bytes").write_bytes(b"\xff\x00")
    for file in (tmp_path / "none", tmp_path / "bytes", tmp_path):
        [line] = told({"WARMLINE_DATA_KEY_FILE": str(file)})
        assert line.startswith("<environment>:1: WARMLINE_DATA_KEY_FILE: the file that it names")
        assert "xff" not in line
    (tmp_path / "token").write_text("t0k3n\n", "utf-8")
    found = load(None, [SHOP], {"WARMLINE_PLUGINS__SHOP__TOKEN_FILE": str(tmp_path / "token")})
    shop = found.section(Shop)
    assert shop is not None
    assert shop.token == SecretStr("t0k3n")


def test_files_of_others_stopped_the_start(tmp_path: Path) -> None:
    """A variable that is none of ours may name what it likes."""
    (tmp_path / "keytab").write_bytes(b"\xff\x00")
    load(None, [SHOP], {"KRB5_KEYTAB_FILE": str(tmp_path / "keytab")})


def test_a_setting_that_is_a_path_was_taken_for_a_secret(tmp_path: Path) -> None:
    """Its own name ends in ``_file``."""
    (tmp_path / "ca.pem").write_text("pem", "utf-8")
    name = "WARMLINE_PLUGINS__SHOP__CA_FILE"
    shop = load(None, [SHOP], {name: str(tmp_path / "ca.pem")}).section(Shop)
    assert shop is not None
    assert shop.ca_file == tmp_path / "ca.pem"
