"""The section ``channels.email``, and the TLS contexts that it describes."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from email.errors import MessageError
from email.headerregistry import Address as MailAddress
from email.utils import parseaddr
from pathlib import Path
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from gateway import SupportAddressName, WarmlineError

M = TypeVar("M", bound=BaseModel)


def _mailbox(text: str) -> MailAddress:
    name, spec = parseaddr(text)
    try:
        address = MailAddress(display_name=name, addr_spec=spec)
    except (ValueError, IndexError, MessageError):
        address = MailAddress()
    if not (address.username and address.domain):
        raise ValueError(f"{text!r} is not a mail address; write `Name <name@host>`")
    return address


def _checked_mailbox(value: str) -> str:
    _mailbox(value)
    return value


def _normalized(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_mailbox(address).addr_spec.lower() for address in value)


class ImapSettings(BaseModel):
    """A mailbox that we watch. A new mail is marked read, or moved, once it is stored."""

    model_config = ConfigDict(extra="forbid")

    host: str
    port: int = Field(993, ge=1, le=65535)
    user: str
    password: SecretStr
    tls: bool = Field(True, description="TLS from the first byte; the certificate is checked")
    ca_file: Path | None = Field(None, description="PEM file of a private authority")
    folder: str = "INBOX"
    move_to: str | None = Field(
        None, description="folder for mail that is stored; none: it stays in `folder`"
    )
    poll: float = Field(60.0, ge=1, le=1700, description="seconds between checks, besides IDLE")
    timeout: float = Field(30.0, gt=0, le=600, description="seconds for one command")

    def tls_context(self) -> ssl.SSLContext | None:
        """The context that verifies the server; None without TLS. Raises WarmlineError when
        ``ca_file`` cannot be used."""
        return _client_context(self.ca_file, "channels.email.imap.ca_file") if self.tls else None


class OutgoingSettings(BaseModel):
    """The mail server that takes our mail (a smart host)."""

    model_config = ConfigDict(extra="forbid")

    host: str
    port: int = Field(587, ge=1, le=65535)
    user: str | None = None
    password: SecretStr | None = None
    tls: bool = Field(False, description="TLS from the first byte, as on port 465")
    starttls: bool | None = Field(
        None, description="none: when the server offers it; always with `user`"
    )
    ca_file: Path | None = None
    timeout: float = Field(20.0, gt=0, le=600, description="seconds for one command")

    def tls_context(self) -> ssl.SSLContext:
        """The context that verifies the server. Raises WarmlineError when ``ca_file`` cannot be
        used."""
        return _client_context(self.ca_file, "channels.email.outgoing.ca_file")


class ListenerTls(BaseModel):
    """Our own certificate, offered by STARTTLS on the listener."""

    model_config = ConfigDict(extra="forbid")

    cert: Path
    key: Path

    def tls_context(self) -> ssl.SSLContext:
        """A server's context. Raises WarmlineError when the certificate cannot be used."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            context.load_cert_chain(self.cert, self.key)
        except OSError as error:
            raise WarmlineError(
                f"channels.email.smtp_tls: cannot use {self.cert} with {self.key}: {error}"
            ) from error
        return context


LOGO_TYPES = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".gif": "image/gif"}
"""Media types of a logo by its suffix: what all mail programs show. Gmail and Outlook show no SVG
(https://www.caniemail.com/features/image-svg/)."""

LARGEST_LOGO = 100_000
"""Bytes. It is in every mail; Gmail cuts only the text of a mail, at 102 KB."""


class LookSettings(BaseModel):
    """How our mail looks."""

    model_config = ConfigDict(extra="forbid")

    logo: Path | None = Field(
        None,
        description="PNG, JPEG or GIF above the text, shown 40 pixels high, 100 kB at most; none: "
        "the name in `address`",
    )
    colour: str = Field(
        "#1f5c4d", pattern=r"^#[0-9a-fA-F]{6}$", description="of the line at the top and of links"
    )
    footer: str = Field(
        "",
        max_length=2000,
        description="text below every mail: the company, its address, its telephone number",
    )
    quote: bool = Field(True, description="whether the customer's words stand below the answer")

    @field_validator("logo")
    @classmethod
    def _shows_everywhere(cls, value: Path | None) -> Path | None:
        if value is not None and value.suffix.lower() not in LOGO_TYPES:
            raise ValueError(f"{value}: mail programs show {', '.join(LOGO_TYPES)}")
        return value


class EmailMailbox(BaseModel):
    """A further mailbox. What it does not set is as in `EmailSettings`; without ``imap`` its mail
    comes in by the first one's port or mailbox, and is known by its recipients."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(description="its address, such as `South <help@south.example>`")
    also: tuple[str, ...] = Field((), description="further addresses of it")
    subject: str | None = Field(None, description="subject of a mail that answers no other")
    imap: ImapSettings | None = None
    outgoing: OutgoingSettings | None = None
    maildir: Path | None = None
    look: LookSettings | None = Field(
        None, description="how its mail looks; none: as the first one's, within one brand"
    )

    _valid_address = field_validator("address")(_checked_mailbox)
    _valid_also = field_validator("also")(_normalized)

    @model_validator(mode="after")
    def _one_way_out(self) -> Self:
        if self.outgoing is not None and self.maildir is not None:
            raise ValueError("has two ways out: set `outgoing` or `maildir`, or neither")
        return self


class EmailSettings(BaseModel):
    """How customers' mail reaches us, and how ours leaves. At least one way in is needed
    (``imap`` or ``smtp_port``) and exactly one way out (``outgoing`` or ``maildir``).
    ``mailboxes`` are further mailboxes by name."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(description="our own address, such as `Shop <help@shop.example>`")
    also: tuple[str, ...] = Field((), description="further addresses of ours")
    any_recipient: bool = Field(False, description="the listener takes mail for every address")
    subject: str = Field("Your message", description="subject of a mail that answers no other")

    imap: ImapSettings | None = None
    smtp_port: int | None = Field(None, ge=0, le=65535, description="0: any free port")
    smtp_host: str = "127.0.0.1"
    smtp_tls: ListenerTls | None = None
    smtp_connections: int = Field(
        100, ge=1, description="connections at once; further ones get the answer 421"
    )
    smtp_connections_each: int = Field(
        20, ge=1, description="connections at once from one address; further ones get 421"
    )
    smtp_silence: float = Field(
        300.0, ge=1, description="seconds between commands, and for one mail to arrive"
    )
    lmtp: bool = Field(False, description="the listener speaks LMTP (RFC 2033) instead of SMTP")

    outgoing: OutgoingSettings | None = None
    maildir: Path | None = Field(
        None, description="write our mail here, below the data directory, instead of sending it"
    )

    look: LookSettings = Field(default_factory=LookSettings, description="how our mail looks")

    max_size: int = Field(25_000_000, ge=10_000, description="bytes of one mail")
    max_attachments: int = Field(
        20, ge=0, description="files kept of one mail; the original mail has all of them"
    )
    max_parts: int = Field(200, ge=1, le=1000, description="MIME parts of one mail")
    loop_mails: int = Field(20, ge=1, description="mails of one sender in `loop_window`")
    loop_window: float = Field(
        3600.0, gt=0, description="seconds; mail beyond `loop_mails` is not answered"
    )

    alarm_to: tuple[str, ...] = Field(
        (),
        description="addresses of people who get a mail when a customer speaks of harm and "
        "nobody is there",
    )

    digest_to: tuple[str, ...] = Field(
        (), description="addresses of people who get the weekly digest of the report by mail"
    )

    mailboxes: dict[SupportAddressName, EmailMailbox] = Field(
        {}, description="further mailboxes of ours, each a support address of its own"
    )

    _valid_address = field_validator("address")(_checked_mailbox)
    _valid_lists = field_validator("also", "alarm_to", "digest_to")(_normalized)

    @model_validator(mode="after")
    def _check_routes(self) -> Self:
        if self.imap is None and self.smtp_port is None:
            raise ValueError("no way in: set `imap` or `smtp_port`")
        if (self.outgoing is None) == (self.maildir is None):
            raise ValueError("needs one way out: set either `outgoing` or `maildir`")
        addresses = [address for one in self.accounts().values() for address in one.own_addresses]
        if len(set(addresses)) < len(addresses):
            twice = min(address for address in addresses if addresses.count(address) > 1)
            raise ValueError(f"`mailboxes`: {twice} belongs to two of them; leave it in one")
        for field, what in (("alarm_to", "alarm"), ("digest_to", "digest")):
            if own := self.every_address.intersection(getattr(self, field)):
                raise ValueError(
                    f"`{field}`: {min(own)} is an address that customers write to; the {what} "
                    "would come in as a message, so name addresses of people"
                )
        return self

    def with_paths(self, resolve: Callable[[Path], Path]) -> Self:
        """A copy whose certificate files have the paths that ``resolve`` returns."""

        def resolved(model: M | None, *names: str) -> M | None:
            paths = {name: getattr(model, name, None) for name in names}
            update = {name: resolve(path) for name, path in paths.items() if path is not None}
            return model.model_copy(update=update) if model else None

        return self.model_copy(
            update={
                "imap": resolved(self.imap, "ca_file"),
                "outgoing": resolved(self.outgoing, "ca_file"),
                "smtp_tls": resolved(self.smtp_tls, "cert", "key"),
                "look": resolved(self.look, "logo"),
            }
        )

    def accounts(self) -> dict[str, Self]:
        """The settings of each mailbox, by its name; the first one has none. Each knows the
        addresses of the others."""
        found = {"": self}
        first = EmailMailbox(address=self.address, also=self.also)
        for name, mailbox in self.mailboxes.items():
            way_out = {}
            if mailbox.outgoing or mailbox.maildir:
                way_out = {"outgoing": mailbox.outgoing, "maildir": mailbox.maildir}
            update = {
                "address": mailbox.address,
                "also": mailbox.also,
                "subject": mailbox.subject or self.subject,
                "imap": mailbox.imap,
                "smtp_port": None,
                "alarm_to": (),
                "digest_to": (),
                "look": mailbox.look or self.look,
                "mailboxes": {**self.mailboxes, "": first},
                **way_out,
            }
            found[name] = self.model_copy(update=update)
        return found

    @property
    def every_address(self) -> frozenset[str]:
        """The addresses of all mailboxes, lower-case."""
        found = {_mailbox(mailbox.address).addr_spec.lower() for mailbox in self.mailboxes.values()}
        found |= {address for mailbox in self.mailboxes.values() for address in mailbox.also}
        return self.own_addresses | found

    @property
    def mailbox(self) -> MailAddress:
        """Our own address, with its display name."""
        return _mailbox(self.address)

    @property
    def own_addresses(self) -> frozenset[str]:
        """Every address of ours, lower-case."""
        return frozenset({self.mailbox.addr_spec.lower(), *self.also})


def _client_context(ca_file: Path | None, key: str) -> ssl.SSLContext:
    """Checks certificates and names, against the machine's authorities or ``ca_file`` alone."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise WarmlineError(f"{key}: cannot use {ca_file}: {error}") from error
