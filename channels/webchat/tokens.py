"""Signed tokens: who a visitor is, and which files are theirs. The gateway stores none of them.

All are JWTs with HMAC-SHA-256 (RFC 7519). Our own carry an audience each, so that one kind never
passes for another. The site signs its identity tokens with a secret of its own.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import jwt
import msgspec
import structlog

from gateway import Address, Attachment, Value, WarmlineError

CHANNEL = "webchat"
SESSION, FILE = "warmline-webchat-session", "warmline-webchat-file"
ALGORITHMS = ["HS256"]
SHAPE = re.compile(r"[A-Za-z0-9_-]{1,3000}\.[A-Za-z0-9_-]{1,3000}\.[A-Za-z0-9_-]{1,200}")

log = structlog.get_logger(__name__)
_SHORTEST = 32
"""Characters of a secret; those we make have 64."""
_REMEDY = "restore it from a backup, or delete it: all visitors then begin new conversations"

Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
V = TypeVar("V", bound=Value)


class BadSession(WarmlineError):
    """The session token is not ours, or has expired: the page must start a new session."""


class BadIdentity(WarmlineError):
    """The site's identity token is not valid."""


class BadFileReference(WarmlineError):
    """The file does not belong to this session."""


class SiteUser(Value, frozen=True, kw_only=True):
    """A logged-in user, vouched for by the site: ``sub`` is the customer's id at the company."""

    sub: Short
    name: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class Visitor(Value, frozen=True, kw_only=True, omit_defaults=True):
    """A session, and the site's user behind it if the site has proved one. ``site`` is the name of
    our support address, empty for the first one."""

    session: Short
    site: str = ""
    ref: Short | None = None
    name: Annotated[str, msgspec.Meta(max_length=200)] | None = None

    @property
    def address(self) -> Address:
        """The customer's address on this channel."""
        return Address(channel=CHANNEL, value=self.session, support_address=self.site)


class SessionTokens:
    """Signs and verifies the tokens of one site. Without ``identity_secret`` identity tokens are
    refused."""

    def __init__(
        self, *, secret: str, identity_secret: str | None, session_days: int, site: str = ""
    ) -> None:
        self._site = site
        self._secret = secret
        self._identity_secret = identity_secret
        self._lifetime = timedelta(days=session_days)

    def greet(self, token: str | None, identity: str | None) -> tuple[Visitor, bool]:
        """The visitor behind a hello, and whether the session is new.

        A session that was one user's is never shown to another user, nor to someone who is logged
        out: on a shared computer the next visitor gets a new one. Raises BadSession or BadIdentity.
        """
        user = self._site_user(identity) if identity else None
        known = self.visitor(token) if token else None
        ref, name = (user.sub, user.name) if user else (None, None)
        if known and known.ref in (None, ref):
            return known.replace(ref=ref, name=name), False
        session = secrets.token_urlsafe(18)
        return Visitor(session=session, site=self._site, ref=ref, name=name), True

    def home(self, ref: str) -> str:
        """The session in which a logged-in user begins, the same on every device. Nobody can
        compute it without our secret."""
        user = f"user\0{self._site}\0{ref}" if self._site else f"user\0{ref}"
        digest = hmac.digest(self._secret.encode(), user.encode(), hashlib.sha256)
        return f"u{base64.urlsafe_b64encode(digest[:18]).decode()}"

    def issue(self, visitor: Visitor) -> str:
        """A session token for ``visitor``, valid for ``session_days`` from now."""
        expires = datetime.now(UTC) + self._lifetime
        return self._sign({**msgspec.to_builtins(visitor), "aud": SESSION, "exp": expires})

    def visitor(self, token: str) -> Visitor:
        """The visitor whose session ``token`` is; raises BadSession."""
        try:
            visitor = _convert(Visitor, _verify(token, self._secret, audience=SESSION))
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            raise BadSession("this session has ended; a new one begins") from None
        if visitor.site != self._site:
            raise BadSession("this session is another site's; a new one begins")
        return visitor

    def grant(self, visitor: Visitor, file: Attachment) -> str:
        """A reference with which only ``visitor`` may fetch or send ``file``."""
        return self._sign({**msgspec.to_builtins(file), "aud": FILE, "sub": visitor.session})

    def file(self, visitor: Visitor, reference: str) -> Attachment:
        """The file behind ``reference``; raises BadFileReference unless it is this visitor's."""
        try:
            claims = _verify(reference, self._secret, audience=FILE, subject=visitor.session)
            return _convert(Attachment, claims)
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            raise BadFileReference("this file does not belong to this session") from None

    def _site_user(self, token: str) -> SiteUser:
        if self._identity_secret is None:
            raise BadIdentity(
                "this gateway takes no identity tokens; set channels.webchat.identity_secret"
            )
        try:
            claims = _verify(token, self._identity_secret, require=["sub", "exp"])
            return _convert(SiteUser, claims)
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            raise BadIdentity("the identity token is wrong or has expired") from None

    def _sign(self, claims: dict[str, Any]) -> str:
        return jwt.encode(claims, self._secret, ALGORITHMS[0])


def lasting_secret(path: Path) -> str:
    """The secret kept at ``path``. If there is none it is made, readable by its owner alone.

    Two processes that start together get the same one: a link appears whole or not at all. An empty
    file holds no secret that a session could rest on, so it is made anew, which is logged. Raises
    WarmlineError for one that cannot be read or is too short to be a secret of ours: making it anew
    would end every session and take visitors' files from them.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".webchat-")
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48))
            Path(path).hardlink_to(temporary)
        except FileExistsError:  # another process was first: use its secret
            pass
        finally:
            Path(temporary).unlink()
    return _read_secret(path)


def _read_secret(path: Path) -> str:
    try:
        secret = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is damaged"
        raise WarmlineError(f"cannot read the key {path}: {why}; {_REMEDY}") from None
    if not secret:
        log.warning("webchat.key_made_anew", file=str(path), why="it was empty")
        path.unlink(missing_ok=True)
        return lasting_secret(path)
    if len(secret) < _SHORTEST:
        raise WarmlineError(f"the key {path} is cut off or damaged; {_REMEDY}")
    return secret


def _verify(
    token: str,
    secret: str,
    *,
    audience: str | None = None,
    subject: str | None = None,
    require: list[str] | None = None,
) -> dict[str, Any]:
    if not SHAPE.fullmatch(token):
        raise jwt.DecodeError("not a token")
    return jwt.decode(
        token,
        secret,
        algorithms=ALGORITHMS,
        audience=audience,
        subject=subject,
        # A site may put an audience of its own into identity tokens; ours are always checked.
        # `iat` is no start of validity (RFC 7519, section 4.1.6): a site's clock may be ahead.
        options={
            "require": require or [],
            "verify_aud": audience is not None,
            "verify_iat": False,
        },
    )


def _convert(kind: type[V], claims: dict[str, Any]) -> V:
    return msgspec.convert(claims, kind)
