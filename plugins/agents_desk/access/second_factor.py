"""The second factor: time-based codes (TOTP, RFC 6238) and recovery codes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime

import pyotp

from gateway import Value, WarmlineError

CLEAR_CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789"
"""Letters and digits that look different from one another."""
PERIOD = 30
"""Seconds for which a code is shown (RFC 6238, section 5.2)."""
DIGITS = 6
DRIFT = (-1, 0, 1)
"""Periods around now whose codes are accepted, for clocks that are a little wrong."""
RECOVERY_CODES = 10


class SecondFactor(Value, frozen=True, kw_only=True):
    """A person's authenticator. It counts from the moment that it is ``confirmed`` by a first code.

    ``last`` is the period of the code that was used last: no code of it or before works again (RFC
    6238, section 5.2). ``recovery`` are digests of the recovery codes that were not used yet; each
    code has 80 random bits, so a fast digest is enough.
    """

    secret: str
    since: datetime
    confirmed: bool = False
    last: int = -1
    recovery: tuple[str, ...] = ()


class WrongCode(WarmlineError):
    """The code is wrong, or was used before."""

    def __init__(self) -> None:
        super().__init__("this code is wrong or was used already; wait for the next one")


def new_second_factor(now: datetime) -> SecondFactor:
    """A new authenticator with a random secret of 160 bits (RFC 4226, section 4)."""
    return SecondFactor(secret=pyotp.random_base32(), since=now)


def use_code(factor: SecondFactor, code: str, now: datetime) -> SecondFactor:
    """``factor`` after ``code`` was used, which is a code of the authenticator or a recovery code.

    Spaces, dashes and case do not matter. Raises WrongCode, also for a code that was used before.
    """
    typed = "".join(character for character in code.lower() if character.isalnum())
    if len(typed) == DIGITS and typed.isascii() and typed.isdecimal():
        return _use_time_code(factor, typed, now)
    digest = recovery_digest(typed)
    left = tuple(known for known in factor.recovery if not hmac.compare_digest(known, digest))
    if len(left) == len(factor.recovery):
        raise WrongCode
    return factor.replace(recovery=left)


def _use_time_code(factor: SecondFactor, code: str, now: datetime) -> SecondFactor:
    generator = pyotp.TOTP(factor.secret, digits=DIGITS, interval=PERIOD)
    period = int(now.timestamp()) // PERIOD
    found = -1
    for candidate in (period + drift for drift in DRIFT):
        if hmac.compare_digest(generator.generate_otp(candidate), code):
            found = candidate
    if found <= factor.last:
        raise WrongCode
    return factor.replace(last=found)


def new_recovery_codes() -> tuple[str, ...]:
    """Codes to write down, such as ``ab3d-k2m9-xw4p-77hq``."""
    return tuple(
        "-".join("".join(secrets.choice(CLEAR_CHARACTERS) for _ in range(4)) for _ in range(4))
        for _ in range(RECOVERY_CODES)
    )


def recovery_digest(code: str) -> str:
    return hashlib.sha256(code.replace("-", "").encode()).hexdigest()


def provisioning_uri(factor: SecondFactor, name: str, issuer: str) -> str:
    """The ``otpauth://`` address that authenticator apps read, with their names for the account
    (https://github.com/google/google-authenticator/wiki/Key-Uri-Format)."""
    generator = pyotp.TOTP(factor.secret, digits=DIGITS, interval=PERIOD)
    return generator.provisioning_uri(name=name, issuer_name=issuer)


def qr_code(text: str) -> str:
    """``text`` as a QR code: an SVG element without styles or scripts, dark on white."""
    import segno  # noqa: PLC0415  (1 MB, and few ever set up an authenticator)

    code = segno.make(text, error="m", micro=False)
    return code.svg_inline(scale=4, border=4, dark="#000", light="#fff", omitsize=True)
