"""What is wrong in the environment is told by the variable's name, and nothing of its value."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr

from gateway.settings import BadConfig, Declared, load


class Shop(BaseModel):
    """A guest's section."""

    origins: tuple[str, ...] = ()
    token: SecretStr | None = None
    most: int = 3


SHOP = Declared(name="plugins.shop", model=Shop)


def told(env: dict[str, str], file: Path | None = None) -> list[str]:
    with pytest.raises(BadConfig) as bad:
        load(file, [SHOP], env)
    return str(bad.value).splitlines()


@pytest.mark.parametrize("text", ["https://shop.example", '["https://shop.example"', "{"])
def test_a_list_that_is_no_json_was_a_traceback(text: str) -> None:
    """It is a mistake like others: which variable, and how it is written."""
    [line] = told({"WARMLINE_PLUGINS__SHOP__ORIGINS": text})
    assert line.startswith("<environment>:1: plugins.shop.origins: input should be a valid tuple")
    assert line.endswith("(set by WARMLINE_PLUGINS__SHOP__ORIGINS; write it as JSON)")
    assert text not in line


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Those of the environment by variable, those of the file by line."""
    file = tmp_path / "warmline.yaml"
    file.write_text("port: 8080\nplugins:\n  shop:\n    most: many\n", "utf-8")
    env = {"WARMLINE_PORT": "eighty", "WARMLINE_LIMITS": '{"accepts": ', "warmline_log": "x"}
    lines = told(env, file)
    assert [line.partition(" input")[0] for line in lines] == [
        "<environment>:1: port:",
        "<environment>:1: limits:",
        f"{file}:4: plugins.shop.most:",
    ]
    assert "(set by WARMLINE_PORT)" in lines[0]
    assert "(set by WARMLINE_LIMITS; write it as JSON)" in lines[1]


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
