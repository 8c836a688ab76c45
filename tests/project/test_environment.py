"""A mistake in the environment is reported with the variable's name and without its value."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from gateway.settings import BadConfig, DeclaredSection, load


class Shop(BaseModel):
    """A plugin's section."""

    origins: tuple[str, ...] = ()
    token: SecretStr | None = None
    most: int = 3
    ca_file: Path | None = None


SHOP = DeclaredSection(name="plugins.shop", model=Shop)


def problems(env: dict[str, str], file: Path | None = None) -> list[str]:
    with pytest.raises(BadConfig) as bad:
        load(file, [SHOP], env)
    return str(bad.value).splitlines()


@pytest.mark.parametrize("text", ["https://shop.example", '["https://shop.example"', "{"])
def test_a_list_that_is_not_json_is_a_mistake(text: str) -> None:
    """The message names the variable and says how to write it."""
    [line] = problems({"WARMLINE_PLUGINS__SHOP__ORIGINS": text})
    assert line == (
        "<environment>:1: plugins.shop.origins: must be a list, as JSON"
        " (set by WARMLINE_PLUGINS__SHOP__ORIGINS)"
    )
    assert text not in line


def test_all_mistakes_are_reported_at_once(tmp_path: Path) -> None:
    """Those in the environment with the variable, those in the file with the line."""
    file = tmp_path / "warmline.yaml"
    file.write_text("port: 8080\nplugins:\n  shop:\n    most: many\n", "utf-8")
    env = {"WARMLINE_PORT": "eighty", "WARMLINE_LIMITS": '{"accepts": ', "warmline_log": "x"}
    lines = problems(env, file)
    assert [" ".join(line.split()[:2]) for line in lines] == [
        "<environment>:1: port:",
        "<environment>:1: limits:",
        f"{file}:4: plugins.shop.most:",
    ]
    assert "(set by WARMLINE_PORT)" in lines[0]
    assert lines[1].endswith("must be a mapping, as JSON (set by WARMLINE_LIMITS)")


def test_a_mistake_inside_json_names_the_variable() -> None:
    """If a mapping comes as one JSON text, that variable has to be changed."""
    [line] = problems({"WARMLINE_LIMITS": '{"accepts": "many"}'})
    assert line.startswith("<environment>:1: limits.accepts:")
    assert line.endswith("(set by WARMLINE_LIMITS)")


def test_lists_are_read_from_json() -> None:
    """A list in a variable is a JSON text."""
    settings = load(None, [SHOP], {"WARMLINE_PLUGINS__SHOP__ORIGINS": '["https://shop.example"]'})
    shop = settings.section(Shop)
    assert shop is not None
    assert shop.origins == ("https://shop.example",)


def test_a_wrong_shape_is_explained_in_terms_of_yaml(tmp_path: Path) -> None:
    """The message says how to write a list or a mapping, and nothing of Python's types."""
    file = tmp_path / "warmline.yaml"
    file.write_text("limits: many\nplugins:\n  shop:\n    origins: https://a\n", "utf-8")
    limits, origins = problems({}, file)
    assert limits == f"{file}:1: limits: must be a mapping; write `name: value` below it"
    assert origins == (
        f'{file}:4: plugins.shop.origins: must be a list; write `origins: ["https://a"]`'
    )


def test_a_secret_file_that_cannot_be_read_is_a_mistake(tmp_path: Path) -> None:
    """Otherwise data would be stored without encryption. The message has nothing of the file's
    content."""
    (tmp_path / "bytes").write_bytes(b"\xff\x00")
    for file in (tmp_path / "none", tmp_path / "bytes", tmp_path):
        [line] = problems({"WARMLINE_DATA_KEY_FILE": str(file)})
        assert line.startswith("<environment>:1: WARMLINE_DATA_KEY_FILE: the file that it names")
        assert "xff" not in line
    (tmp_path / "token").write_text("t0k3n\n", "utf-8")
    found = load(None, [SHOP], {"WARMLINE_PLUGINS__SHOP__TOKEN_FILE": str(tmp_path / "token")})
    shop = found.section(Shop)
    assert shop is not None
    assert shop.token == SecretStr("t0k3n")


def test_file_variables_of_other_programs_are_ignored(tmp_path: Path) -> None:
    """Their files may have any content."""
    (tmp_path / "keytab").write_bytes(b"\xff\x00")
    load(None, [SHOP], {"KRB5_KEYTAB_FILE": str(tmp_path / "keytab")})


def test_a_setting_whose_name_ends_in_file_is_a_path(tmp_path: Path) -> None:
    """Its value is not replaced by the file's content."""
    (tmp_path / "ca.pem").write_text("pem", "utf-8")
    name = "WARMLINE_PLUGINS__SHOP__CA_FILE"
    shop = load(None, [SHOP], {name: str(tmp_path / "ca.pem")}).section(Shop)
    assert shop is not None
    assert shop.ca_file == tmp_path / "ca.pem"
