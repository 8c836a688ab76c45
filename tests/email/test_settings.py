"""The section `channels.email`: required keys, refused values, and when it is active."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from channels import email as package
from channels.email import Email, EmailSettings
from gateway import BadConfig, Channel, Poller, ReadinessProbe, Sender, WarmlineError
from gateway.settings import DeclaredSection, Settings, load

from .conftest import ADDRESS, channel, outbound

ROUTES = {"address": ADDRESS, "smtp_port": 0, "maildir": "mail"}


def loaded(tmp_path: Path, yaml: str, environ: dict[str, str] | None = None) -> Settings:
    declared: list[DeclaredSection] = []

    def section(name: str, model: Any, aliases: Any) -> None:
        declared.append(DeclaredSection(name=name, model=model, aliases=dict(aliases)))

    package.register_settings(section)
    file = tmp_path / "warmline.yaml"
    file.write_text(yaml)
    return load(file, declared, environ or {})


def registered(settings: Settings) -> list[Channel]:
    found: list[Channel] = []
    package.register_channels(found.append, settings)
    return found


def test_the_channel_is_inactive_without_its_section(tmp_path: Path) -> None:
    """Without its section nothing is registered."""
    assert registered(loaded(tmp_path, "channels: {}")) == []


def test_the_channel_implements_the_gateways_protocols(tmp_path: Path) -> None:
    """One object receives, sends and reports its readiness."""
    text = "channels: {email: {address: help@shop.example, maildir: mail, smtp_port: 2525}}"
    (found,) = registered(loaded(tmp_path, text))
    for part in (Channel, Sender, Poller, ReadinessProbe):
        assert isinstance(found, part)
    assert found.name == "email"
    assert (found.traits.unsure, found.traits.attachments) == ("resend", True)


def test_the_port_comes_from_the_environment(tmp_path: Path) -> None:
    """`WARMLINE_CHANNELS__EMAIL__SMTP_PORT` overrides the file."""
    text = "channels: {email: {address: help@shop.example, maildir: mail, smtp_port: 2525}}"
    settings = loaded(tmp_path, text, {"WARMLINE_CHANNELS__EMAIL__SMTP_PORT": "0"})
    section = settings.section(EmailSettings)
    assert section is not None
    assert section.smtp_port == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"smtp_port": None}, "no way in"),
        ({"maildir": None}, "one way out"),
        ({"outgoing": {"host": "mx.example"}}, "one way out"),
        ({"address": "nobody"}, "is not a mail address"),
        ({"also": ["a b"]}, "is not a mail address"),
        ({"smtp_prot": 25}, "unknown key"),
        ({"smtp_port": 70_000}, "at most 65535"),
        ({"imap": {"host": "mx.example", "user": "u", "password": "p", "idle": 1}}, "unknown key"),
    ],
    ids=str,
)
def test_wrong_settings_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """A section that cannot work stops the start-up, with an error that names the key."""
    given = {name: value for name, value in {**ROUTES, **changes}.items() if value is not None}
    tree = {"channels": {"email": given}}
    with pytest.raises(BadConfig) as refused:
        loaded(tmp_path, str(tree).replace("'", '"').replace("True", "true"))
    (problem,) = refused.value.problems
    assert message in problem.message
    assert problem.key.startswith("channels.email")


def test_secrets_are_not_shown() -> None:
    """Passwords do not appear when the settings are printed."""
    account = {"host": "h", "user": "u", "password": "hunter2"}
    section = {"address": ADDRESS, "imap": account, "outgoing": account}
    assert "hunter2" not in repr(EmailSettings.model_validate(section))


@pytest.mark.parametrize("section", ["outgoing", "imap", "smtp_tls"])
async def test_a_missing_certificate_is_an_error_that_names_its_setting(
    tmp_path: Path, section: str, fakes: Any
) -> None:
    """The path is relative to the configuration file; the error names the setting and the path."""
    account = {"host": "127.0.0.1", "user": "u", "password": "p", "ca_file": "none.pem"}
    section_settings: dict[str, Any] = {
        "outgoing": {"outgoing": account},
        "imap": {"imap": account},
        "smtp_tls": {"smtp_tls": {"cert": "none.pem", "key": "none.pem"}},
    }[section]

    async def begin() -> None:
        email = channel(tmp_path, **section_settings)
        await (email.watch if section == "imap" else email.run)(fakes.services)

    with pytest.raises(WarmlineError, match=rf"channels\.email\.{section}.*{tmp_path}.none\.pem"):
        await begin()


async def test_the_maildir_is_below_the_data_directory(tmp_path: Path) -> None:
    """`maildir: mail` is `mail` below the data directory, wherever the configuration file is."""
    text = f"data_dir: {tmp_path}/data\nchannels: {{email: {ROUTES}}}".replace("'", '"')
    (email,) = registered(loaded(tmp_path, text))
    assert isinstance(email, Email)
    await email.send(outbound())
    assert len(list((tmp_path / "data" / "mail" / "new").iterdir())) == 1
