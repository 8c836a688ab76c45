"""The section `channels.email`: what it needs, what it refuses, and what wakes it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from channels import email as package
from channels.email import Email, EmailSettings
from gateway import BadConfig, Channel, Poller, ReadinessProbe, Sender, WarmlineError
from gateway.settings import DeclaredSection, Settings, load

from .conftest import ADDRESS, channel, outbound

WAYS = {"address": ADDRESS, "smtp_port": 0, "maildir": "mail"}


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


def test_it_sleeps_until_it_is_named(tmp_path: Path) -> None:
    """Without its section nothing is registered."""
    assert registered(loaded(tmp_path, "channels: {}")) == []


def test_awake_it_is_all_that_the_gateway_asks(tmp_path: Path) -> None:
    """One object takes mail in, sends, and tells how it is."""
    text = "channels: {email: {address: help@shop.example, maildir: mail, smtp_port: 2525}}"
    (found,) = registered(loaded(tmp_path, text))
    for part in (Channel, Sender, Poller, ReadinessProbe):
        assert isinstance(found, part)
    assert found.name == "email"
    assert (found.traits.unsure, found.traits.attachments) == ("resend", True)


def test_the_port_comes_from_the_environment(tmp_path: Path) -> None:
    """`WARMLINE_CHANNELS__EMAIL__SMTP_PORT` is stronger than the file."""
    text = "channels: {email: {address: help@shop.example, maildir: mail, smtp_port: 2525}}"
    settings = loaded(tmp_path, text, {"WARMLINE_CHANNELS__EMAIL__SMTP_PORT": "0"})
    section = settings.section(EmailSettings)
    assert section is not None
    assert section.smtp_port == 0


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"smtp_port": None}, "no way in"),
        ({"maildir": None}, "one way out"),
        ({"outgoing": {"host": "mx.example"}}, "one way out"),
        ({"address": "nobody"}, "is not a mail address"),
        ({"also": ["a b"]}, "is not a mail address"),
        ({"smtp_prot": 25}, "unknown key"),
        ({"smtp_port": 70_000}, "less than or equal to 65535"),
        ({"imap": {"host": "mx.example", "user": "u", "password": "p", "idle": 1}}, "unknown key"),
    ],
    ids=str,
)
def test_mistakes_are_named(tmp_path: Path, changes: dict[str, Any], says: str) -> None:
    """With file, line and key; a section that cannot work stops the start."""
    given = {name: value for name, value in {**WAYS, **changes}.items() if value is not None}
    tree = {"channels": {"email": given}}
    with pytest.raises(BadConfig) as refused:
        loaded(tmp_path, str(tree).replace("'", '"').replace("True", "true"))
    (problem,) = refused.value.problems
    assert says in problem.message
    assert problem.key.startswith("channels.email")


def test_secrets_are_not_shown() -> None:
    """Neither password appears when the settings are printed."""
    account = {"host": "h", "user": "u", "password": "hunter2"}
    told = {"address": ADDRESS, "imap": account, "outgoing": account}
    assert "hunter2" not in repr(EmailSettings.model_validate(told))


@pytest.mark.parametrize("section", ["outgoing", "imap", "smtp_tls"])
async def test_a_missing_certificate_names_its_setting(
    tmp_path: Path, section: str, fakes: Any
) -> None:
    """A path is meant relative to the configuration; what is not there is an error in words."""
    account = {"host": "127.0.0.1", "user": "u", "password": "p", "ca_file": "none.pem"}
    told: dict[str, Any] = {
        "outgoing": {"outgoing": account},
        "imap": {"imap": account},
        "smtp_tls": {"smtp_tls": {"cert": "none.pem", "key": "none.pem"}},
    }[section]

    async def begin() -> None:
        email = channel(tmp_path, **told)
        await (email.watch if section == "imap" else email.run)(fakes.services)

    with pytest.raises(WarmlineError, match=rf"channels\.email\.{section}.*{tmp_path}.none\.pem"):
        await begin()


async def test_the_maildir_lies_with_our_data(tmp_path: Path) -> None:
    """`maildir: mail` is `mail` below the data directory, wherever the configuration lies."""
    text = f"data_dir: {tmp_path}/data\nchannels: {{email: {WAYS}}}".replace("'", '"')
    (email,) = registered(loaded(tmp_path, text))
    assert isinstance(email, Email)
    await email.send(outbound())
    assert len(list((tmp_path / "data" / "mail" / "new").iterdir())) == 1
