"""The section ``channels.email``."""

from __future__ import annotations

from collections.abc import Callable
from email.errors import MessageError
from email.headerregistry import Address as MailAddress
from email.utils import parseaddr
from pathlib import Path
from typing import Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

M = TypeVar("M", bound=BaseModel)


class ImapSettings(BaseModel):
    """A mailbox that we watch. New mail is marked read (or moved) once it is safely taken in."""

    model_config = ConfigDict(extra="forbid")

    host: str
    port: int = Field(993, ge=1, le=65535)
    user: str
    password: SecretStr
    tls: bool = Field(True, description="TLS from the first byte; the certificate is checked")
    ca_file: Path | None = Field(None, description="PEM of a private authority")
    folder: str = "INBOX"
    move_to: str | None = Field(None, description="folder for what was taken in; none: it stays")
    poll: float = Field(60.0, ge=1, le=1700, description="seconds; the net below IDLE")
    timeout: float = Field(30.0, gt=0, le=600, description="seconds for one command")


class OutgoingSettings(BaseModel):
    """The mail server that takes our mail (a smart host)."""

    model_config = ConfigDict(extra="forbid")

    host: str
    port: int = Field(587, ge=1, le=65535)
    user: str | None = None
    password: SecretStr | None = None
    tls: bool = Field(False, description="TLS from the first byte, as on port 465")
    starttls: bool | None = Field(None, description="none: when offered; a must with `user`")
    ca_file: Path | None = None
    timeout: float = Field(20.0, gt=0, le=600, description="seconds for one command")


class ListenerTls(BaseModel):
    """Our own certificate, offered by STARTTLS on the listener."""

    model_config = ConfigDict(extra="forbid")

    cert: Path
    key: Path


class EmailSettings(BaseModel):
    """How customers' mail reaches us, and how ours leaves. At least one way in is needed
    (``imap`` or ``smtp_port``) and exactly one way out (``outgoing`` or ``maildir``)."""

    model_config = ConfigDict(extra="forbid")

    address: str = Field(description="who we are, such as `Shop <help@shop.example>`")
    also: tuple[str, ...] = Field((), description="further addresses of ours")
    any_recipient: bool = Field(False, description="the listener takes mail for every address")
    subject: str = Field("Your message", description="of a mail of ours that answers none")

    imap: ImapSettings | None = None
    smtp_port: int | None = Field(None, ge=0, le=65535, description="0: any free port")
    smtp_host: str = "127.0.0.1"
    smtp_tls: ListenerTls | None = None
    smtp_connections: int = Field(100, ge=1, description="at once; more are told to come back")
    lmtp: bool = Field(False, description="the listener speaks LMTP (RFC 2033) instead of SMTP")

    outgoing: OutgoingSettings | None = None
    maildir: Path | None = Field(
        None, description="write our mail here, below the data directory, instead of sending it"
    )

    max_size: int = Field(25_000_000, ge=10_000, description="bytes of one mail")
    max_attachments: int = Field(20, ge=0, description="files kept of one mail; the raw has all")
    max_parts: int = Field(200, ge=1, le=1000, description="MIME parts of one mail")
    loop_mails: int = Field(20, ge=1, description="of one sender in `loop_window`")
    loop_window: float = Field(3600.0, gt=0, description="seconds; mail beyond is not answered")

    @field_validator("address")
    @classmethod
    def _one_address(cls, value: str) -> str:
        _mailbox(value)
        return value

    @field_validator("also")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_mailbox(one).addr_spec.lower() for one in value)

    @model_validator(mode="after")
    def _ways(self) -> Self:
        if self.imap is None and self.smtp_port is None:
            raise ValueError("no way in: set `imap` or `smtp_port`")
        if (self.outgoing is None) == (self.maildir is None):
            raise ValueError("needs one way out: set either `outgoing` or `maildir`")
        return self

    def with_paths(self, place: Callable[[Path], Path]) -> Self:
        """A copy whose certificate files are where ``place`` says that they are."""

        def moved(model: M | None, *names: str) -> M | None:
            found = {name: getattr(model, name, None) for name in names}
            placed = {name: place(path) for name, path in found.items() if path is not None}
            return model.model_copy(update=placed) if model else None

        return self.model_copy(
            update={
                "imap": moved(self.imap, "ca_file"),
                "outgoing": moved(self.outgoing, "ca_file"),
                "smtp_tls": moved(self.smtp_tls, "cert", "key"),
            }
        )

    @property
    def mailbox(self) -> MailAddress:
        """Our own address, with its display name."""
        return _mailbox(self.address)

    @property
    def ours(self) -> frozenset[str]:
        """Every address of ours, lower-case."""
        return frozenset({self.mailbox.addr_spec.lower(), *self.also})


def _mailbox(text: str) -> MailAddress:
    name, spec = parseaddr(text)
    try:
        found = MailAddress(display_name=name, addr_spec=spec)
    except (ValueError, IndexError, MessageError):
        found = MailAddress()
    if not (found.username and found.domain):
        raise ValueError(f"{text!r} is not a mail address; write `Name <name@host>`")
    return found
