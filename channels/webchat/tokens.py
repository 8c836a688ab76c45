"""Who is at the other end: signed tokens, so that nobody can be forged and we store nothing.

All are JWTs with HMAC-SHA-256 (RFC 7519). Ours carry an audience each, so that one kind never
passes for another; the site's identity tokens are signed with the site's own secret.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import jwt
import msgspec

from gateway import Attachment, Value, WarmlineError

SESSION, GRANT = "warmline-webchat-session", "warmline-webchat-file"
ALGORITHMS = ["HS256"]
SHAPE = re.compile(r"[A-Za-z0-9_-]{1,3000}\.[A-Za-z0-9_-]{1,3000}\.[A-Za-z0-9_-]{1,200}")

Short = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
V = TypeVar("V", bound=Value)


class BadSession(WarmlineError):
    """The session token is not ours, or has expired: begin a new session."""


class BadIdentity(WarmlineError):
    """The site's identity token cannot be believed."""


class BadGrant(WarmlineError):
    """The file does not belong to this session."""


class Identity(Value, frozen=True, kw_only=True):
    """A user as the site vouches for: ``sub`` is the customer's id at the company."""

    sub: Short
    name: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class Visitor(Value, frozen=True, kw_only=True):
    """A session, and whom the site proved to be behind it."""

    session: Short
    ref: Short | None = None
    name: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class Tokens:
    """Signs and reads tokens. ``identity_secret`` None: identity tokens are refused."""

    def __init__(self, *, secret: str, identity_secret: str | None, session_days: int) -> None:
        self._secret = secret
        self._identity_secret = identity_secret
        self._life = timedelta(days=session_days)

    def greet(self, token: str | None, identity: str | None) -> tuple[Visitor, bool]:
        """The visitor behind a hello, and whether the session is new.

        A session that was proven to be one user's is never shown to another, nor to nobody: on
        a shared computer the next visitor begins anew. Raises BadSession or BadIdentity.
        """
        person = self._identity(identity) if identity else None
        known = self.visitor(token) if token else None
        ref, name = (person.sub, person.name) if person else (None, None)
        if known and known.ref in (None, ref):
            return known.replace(ref=ref, name=name), False
        return Visitor(session=secrets.token_urlsafe(18), ref=ref, name=name), True

    def issue(self, visitor: Visitor) -> str:
        """A session token for ``visitor``, good for ``session_days`` from now."""
        now = datetime.now(UTC)
        claims = {**msgspec.to_builtins(visitor), "aud": SESSION, "exp": now + self._life}
        return jwt.encode(claims, self._secret, ALGORITHMS[0])

    def visitor(self, token: str) -> Visitor:
        """The visitor whose session ``token`` is; raises BadSession."""
        try:
            return _as(Visitor, _read(token, self._secret, audience=SESSION))
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            raise BadSession("this session is over; a new one begins") from None

    def grant(self, visitor: Visitor, file: Attachment) -> str:
        """A reference with which ``visitor``, and nobody else, may fetch or send ``file``."""
        claims = {**msgspec.to_builtins(file), "aud": GRANT, "sub": visitor.session}
        return jwt.encode(claims, self._secret, ALGORITHMS[0])

    def file(self, visitor: Visitor, grant: str) -> Attachment:
        """The file that ``grant`` means; raises BadGrant unless it is this visitor's."""
        try:
            claims = _read(grant, self._secret, audience=GRANT, subject=visitor.session)
            return _as(Attachment, claims)
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            raise BadGrant("this file does not belong to this session") from None

    def _identity(self, token: str) -> Identity:
        if self._identity_secret is None:
            raise BadIdentity("this gateway knows no users; set channels.webchat.identity_secret")
        try:
            return _as(Identity, _read(token, self._identity_secret, require=["sub", "exp"]))
        except (jwt.InvalidTokenError, msgspec.ValidationError):
            raise BadIdentity("the identity token is wrong or has expired") from None


def lasting_secret(path: Path) -> str:
    """The secret kept at ``path``; made, readable by its owner alone, if there is none yet.

    Two processes that start together get the same one: a link either appears whole or not at all.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=".webchat-")
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48))
            Path(path).hardlink_to(draft)
        except FileExistsError:  # the other process was first, and its secret is ours
            pass
        finally:
            Path(draft).unlink()
    return path.read_text("ascii").strip()


def _read(
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
        options={"require": require or [], "verify_aud": audience is not None},
    )


def _as(kind: type[V], claims: dict[str, Any]) -> V:
    return msgspec.convert(claims, kind)
