"""Several support addresses in the settings: what they inherit, and mistakes."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import channels.email
import channels.slack.customers
import channels.sms
import channels.telegram
from channels.email import EmailSettings
from channels.email.mailboxes import MailboxNames
from channels.sms import SmsSettings
from channels.telegram import TelegramSettings
from gateway import BadConfig, Settings
from gateway.testing import as_plugins, settings_for

TWILIO = {"account_sid": "AC1", "auth_token": "t1", "from": "+15550100", "timeout": 7}
TELEGRAM = {"bot_token": "1:first", "poll_timeout": 3}
EMAIL = {
    "address": "help@north.example",
    "smtp_port": 0,
    "outgoing": {"host": "mail.north.example"},
}


def read(
    folder: Path, module: ModuleType, name: str, section: dict[str, Any], **environ: str
) -> Settings:
    return settings_for(as_plugins([module]), {"channels": {name: section}}, folder, environ)


def test_a_number_inherits_what_it_does_not_set(tmp_path: Path) -> None:
    section = TWILIO | {"numbers": {"south": {"from": "MG0001", "rate": 2}}}
    settings = read(tmp_path, channels.sms, "sms", section).section(SmsSettings)
    assert settings is not None
    first, south = (settings.accounts()[name] for name in ("", "south"))
    assert (first.number, first.rate, south.number, south.service) == (
        "+15550100", None, None, "MG0001",
    )  # fmt: skip
    assert (south.account_sid, south.timeout, south.rate) == ("AC1", 7, 2)


def test_a_number_may_be_of_another_account(tmp_path: Path) -> None:
    """Its token comes from the environment, as every secret may."""
    section = TWILIO | {"numbers": {"south": {"from": "+15550200", "account_sid": "AC2"}}}
    variable = "WARMLINE_CHANNELS__SMS__NUMBERS__SOUTH__AUTH_TOKEN"
    settings = read(tmp_path, channels.sms, "sms", section, **{variable: "t2"}).section(SmsSettings)
    assert settings is not None
    assert settings.accounts()["south"].auth_token.get_secret_value() == "t2"


def test_a_bot_may_come_from_the_environment_alone(tmp_path: Path) -> None:
    variable = "WARMLINE_CHANNELS__TELEGRAM__BOTS__SOUTH__BOT_TOKEN"
    settings = read(
        tmp_path, channels.telegram, "telegram", TELEGRAM, **{variable: "2:second"}
    ).section(TelegramSettings)
    assert settings is not None
    south = settings.accounts()["south"]
    assert (south.bot_token.get_secret_value(), south.poll_timeout) == ("2:second", 3)


def test_a_mailbox_takes_the_first_ones_way_out(tmp_path: Path) -> None:
    """Unless it has its own; the port that mail comes in by belongs to the first."""
    section = EMAIL | {
        "mailboxes": {
            "south": {"address": "help@south.example"},
            "east": {"address": "help@east.example", "maildir": "east"},
        }
    }
    settings = read(tmp_path, channels.email, "email", section).section(EmailSettings)
    assert settings is not None
    south, east = (settings.accounts()[name] for name in ("south", "east"))
    assert south.outgoing is not None
    assert (south.outgoing.host, south.smtp_port) == ("mail.north.example", None)
    assert (east.outgoing, east.maildir) == (None, Path("east"))


@pytest.mark.parametrize(
    ("module", "name", "section", "message"),
    [
        (channels.sms, "sms", TWILIO | {"numbers": {"s": {"from": "+15550100"}}}, "each needs its"),
        (
            channels.sms,
            "sms",
            TWILIO | {"numbers": {"s": {"from": "+15550200", "account_sid": "AC2"}}},
            "needs both",
        ),
        (channels.sms, "sms", TWILIO | {"numbers": {"A b": {"from": "+15550200"}}}, "numbers"),
        (
            channels.telegram,
            "telegram",
            TELEGRAM | {"bots": {"s": {"bot_token": "1:first"}}},
            "same `bot_token`",
        ),
        (
            channels.email,
            "email",
            EMAIL | {"mailboxes": {"s": {"address": "Help@North.example"}}},
            "belongs to two",
        ),
    ],
)
def test_a_mistake_says_what_to_do(
    tmp_path: Path, module: ModuleType, name: str, section: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadConfig, match=message):
        read(tmp_path, module, name, section)


NAMES = MailboxNames({"": ["help@north.example"], "south": ["help@south.example", "s@s.example"]})


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ("To: Help <Help@South.Example>", ("south",)),
        ("To: help+order7@south.example", ("south",)),
        ("To: help@north.example, s@s.example", ("", "south")),
        ("To: undisclosed-recipients:;\nDelivered-To: help@south.example", ("south",)),
        ("To: help@north.example\nDelivered-To: help@south.example", ("south",)),
        ("To: list@elsewhere.example\nCc: help@north.example", ("",)),
        ('To: "help@south.example" <help@north.example>', ("",)),
        ("To: nobody@elsewhere.example", ()),
    ],
)
def test_a_mails_headers_name_its_mailbox(headers: str, found: tuple[str, ...]) -> None:
    """What delivery wrote goes before what the sender wrote; a display name counts for nothing."""
    assert NAMES.of_mail(f"{headers}\nFrom: a@b.example\n\nHello".encode()) == found
