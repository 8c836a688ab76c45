"""A mistake in the environment is reported with the variable's name and without its value."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import BaseModel, Field, SecretStr

from gateway.plugins import PluginRegistry, installed_plugins
from gateway.settings import BadConfig, DeclaredSection, Settings, SlotSettings, load


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


class Parcels(BaseModel):
    """The section of a stranger's plugin."""

    SLOTS: ClassVar[Mapping[str, SlotSettings]] = {"parcel": SlotSettings(pattern=r"PX\d{6}")}

    tracking: str = Field(pattern="^https://")
    label: str = "parcel"


PARCELS = DeclaredSection(
    name="plugins.parcels",
    model=Parcels,
    aliases={"PARCEL_TRACKING": "tracking", "PARCEL_LABEL": "label"},
)


def _load(tmp_path: Path, text: str, env: dict[str, str], section: DeclaredSection) -> Settings:
    file = tmp_path / "warmline.yaml"
    file.write_text(text, "utf-8")
    return load(file, [section], env)


def test_a_bare_variable_wakes_a_section_that_the_file_does_not_have(tmp_path: Path) -> None:
    """A plugin's own name for what it needs is enough, as our prefix is; `false` still wins."""
    env = {"PARCEL_TRACKING": "https://carrier.example/"}
    found = _load(tmp_path, "port: 8080\n", env, PARCELS).section(Parcels)
    assert found is not None
    assert found.tracking == "https://carrier.example/"
    off = _load(tmp_path, "plugins: {parcels: false}\n", env, PARCELS)
    assert off.asleep == {"plugins.parcels": "switched off"}


def test_a_bare_variable_of_a_setting_with_a_default_wakes_nothing(tmp_path: Path) -> None:
    """It may be meant for another program."""
    found = _load(tmp_path, "port: 8080\n", {"PARCEL_LABEL": "Paket"}, PARCELS)
    assert found.asleep == {"plugins.parcels": "`plugins.parcels` is not in the configuration"}


def test_a_mistake_in_a_bare_variable_names_it() -> None:
    """The file has no line for it."""
    with pytest.raises(BadConfig) as bad:
        load(None, [PARCELS], {"PARCEL_TRACKING": "carrier"})
    [line] = str(bad.value).splitlines()
    assert line.startswith("<environment>:1: plugins.parcels.tracking: ")
    assert line.endswith("(set by PARCEL_TRACKING)")


OUR_SECTIONS = {
    section.name: section
    for section in PluginRegistry(installed_plugins()).declared()
    if section.package == "warmline"
}
WOKEN_BY = {
    "channels.telegram": {"TELEGRAM_BOT_TOKEN": "1:a"},
    "channels.slack": {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": "s"},
    "channels.sms": {
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "t",
        "WARMLINE_CHANNELS__SMS__FROM": "+15550100",
    },
    "plugins.nlu_rasa": {"RASA_URL": "http://127.0.0.1:5005"},
    "plugins.agents_slack": {
        "SLACK_BOT_TOKEN": "xoxb-1",
        "WARMLINE_PLUGINS__AGENTS_SLACK__CHANNEL": "C012345",
    },
}
"""The variables that CONTRACT.md names, by the section that they wake."""


@pytest.mark.parametrize("auto", [False, True], ids=["own", "demo"])
@pytest.mark.parametrize("name", list(WOKEN_BY))
def test_well_known_variables_wake_our_sections(name: str, auto: bool, tmp_path: Path) -> None:
    """In a configuration that says `auto`, as the demo's, and in one that does not name them."""
    group, _, part = name.partition(".")
    text = f"{group}: {{{part}: auto}}\n" if auto else "port: 8080\n"
    section = OUR_SECTIONS[name]
    assert _load(tmp_path, text, WOKEN_BY[name], section).section(section.model) is not None


@pytest.mark.parametrize(
    ("name", "env"),
    [
        ("channels.slack", {"SLACK_BOT_TOKEN": "xoxb-1"}),
        ("plugins.nlu_openai", {"OPENAI_API_KEY": "sk"}),
        ("plugins.agents_desk", {"SLACK_CLIENT_ID": "1"}),
        ("plugins.demo_shop", {"WARMLINE_CHANNELS__EMAIL__SMTP_PORT": "0"}),
    ],
)
def test_a_variable_alone_that_is_not_enough_stops_nothing(
    name: str, env: dict[str, str], tmp_path: Path
) -> None:
    """The section sleeps, and the start-up goes on. No key alone sends messages to a model."""
    section = OUR_SECTIONS[name]
    found = _load(tmp_path, "port: 8080\n", env, section)
    assert found.section(section.model) is None


def test_a_plugin_declares_slots(tmp_path: Path) -> None:
    """They are known while its section is awake; the file's own pattern of that name wins."""
    env = {"PARCEL_TRACKING": "https://carrier.example/"}
    assert _load(tmp_path, "port: 8080\n", {}, PARCELS).core.slots == {}
    assert _load(tmp_path, "port: 8080\n", env, PARCELS).core.slots == dict(Parcels.SLOTS)
    own = _load(tmp_path, "slots: {parcel: {pattern: 'Q[0-9]'}}\n", env, PARCELS)
    assert own.core.slots["parcel"].pattern == "Q[0-9]"
