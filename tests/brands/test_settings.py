"""Several support addresses in the settings: what they inherit, and mistakes."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import channels.email
import channels.rest
import channels.slack.customers
import channels.sms
import channels.telegram
from channels.email import Email, EmailSettings
from channels.email.composing import MailLook
from channels.email.intake import MailboxNames
from channels.rest import RestSettings
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


def test_a_number_has_its_own_rcs_and_an_accounts_templates(tmp_path: Path) -> None:
    """An RCS sender is one number's; templates are the account's."""
    section = TWILIO | {
        "rcs_from": "rcs:north_agent",
        "whatsapp_templates": {"en": f"HX{1:032}"},
        "numbers": {
            "south": {"from": "+15550200", "rcs_from": "rcs:south_agent"},
            "east": {"from": "+15550300", "account_sid": "AC2", "auth_token": "t2"},
        },
    }
    settings = read(tmp_path, channels.sms, "sms", section).section(SmsSettings)
    assert settings is not None
    south, east = (settings.accounts()[name] for name in ("south", "east"))
    assert (south.rcs_from, east.rcs_from) == ("rcs:south_agent", None)
    assert "rcs:south_agent" in south.addressed
    assert (set(south.whatsapp_templates), set(east.whatsapp_templates)) == ({"en"}, set())


def mailbox_looks(folder: Path, **south: Any) -> list[MailLook]:
    """The looks of two mailboxes, each of its own brand; ``south`` are settings of the second."""
    mailboxes = {"south": {"address": "help@south.example"} | south}
    look = {"footer": "North Outdoor Ltd", "quote": False}
    config = {
        "brands": {
            "north": {"title": "North Outdoor", "support_addresses": ["email"]},
            "south": {"title": "South Outdoor", "support_addresses": ["email/south"]},
        },
        "channels": {"email": EMAIL | {"mailboxes": mailboxes, "look": look}},
    }
    settings = settings_for(as_plugins([channels.email]), config, folder, {})
    section = settings.section(EmailSettings)
    assert section is not None
    south_mailbox, first = Email.all_from_settings(section, settings)
    return [first.look, south_mailbox.look]


def test_a_mailboxs_mail_looks_like_its_brand(tmp_path: Path) -> None:
    """The address written to, the brand's name, and nothing that says another company."""
    north, south = mailbox_looks(tmp_path)
    assert str(north.sender) == "North Outdoor <help@north.example>"
    assert str(south.sender) == "South Outdoor <help@south.example>"
    assert (north.name, south.name) == ("North Outdoor", "South Outdoor")
    assert (north.footer, south.footer) == ("North Outdoor Ltd", "")
    assert (north.quote, south.quote) == (False, False)


def test_a_mailbox_may_have_its_own_name_and_look(tmp_path: Path) -> None:
    own = {"address": "The South <help@south.example>", "look": {"footer": "South Ltd"}}
    _, south = mailbox_looks(tmp_path, **own)
    assert str(south.sender) == "The South <help@south.example>"
    assert (south.footer, south.quote) == ("South Ltd", True)


def test_a_further_program_is_never_open(tmp_path: Path) -> None:
    """Whatever the first one is; its own token or secret is needed, and what is unsafe about it is
    named with its key."""
    section = {
        "open": True,
        "origins": ["https://north.example"],
        "sites": {"kiosk": {"token": "short", "callback_url": "http://kiosk.example/in"}},
    }
    settings = read(tmp_path, channels.rest, "rest", section).section(RestSettings)
    assert settings is not None
    kiosk = settings.accounts()["kiosk"]
    assert (kiosk.open, kiosk.origins) == (False, ("https://north.example",))
    assert [each.key for each in kiosk.unsafe("kiosk")] == [
        "channels.rest.sites.kiosk.token",
        "channels.rest.sites.kiosk.callback_url",
    ]


@pytest.mark.parametrize(
    ("module", "name", "section", "message"),
    [
        (channels.rest, "rest", {"open": True, "sites": {"s": {}}}, "anybody could use it"),
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
