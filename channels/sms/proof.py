"""Whether a request is Twilio's: its signature over the address and the form."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from aiohttp import web
from multidict import MultiDict
from pydantic import SecretStr
from twilio.request_validator import RequestValidator

HEADER = "X-Twilio-Signature"


class Proof:
    """Knows the token that Twilio signs with, and under which address we are called.

    That is ``public_url``. Where a trusted proxy stands before us, the address that it was called
    by (X-Forwarded-Proto, X-Forwarded-Host) is tried as well; from anybody else these count for
    nothing.
    """

    def __init__(
        self,
        token: SecretStr,
        *,
        public_url: str,
        proxies: Sequence[IPv4Network | IPv6Network],
    ) -> None:
        self._validator = RequestValidator(token.get_secret_value())
        self._public = public_url.rstrip("/")
        self._proxies = tuple(proxies)

    def present(self, request: web.Request) -> str:
        """The signature that the request bears; raises HTTPForbidden when there is none."""
        given = request.headers.get(HEADER, "")
        if not given:
            raise web.HTTPForbidden(text=f"{HEADER} is missing")
        return given

    def check(self, request: web.Request, form: MultiDict[str], signature: str) -> None:
        """Raises HTTPForbidden when ``signature`` is not Twilio's."""
        for base in self._bases(request):
            if self._validator.validate(base + request.raw_path, form, signature):
                return
        raise web.HTTPForbidden(text=f"{HEADER} is not right for this address and form")

    def _bases(self, request: web.Request) -> list[str]:
        bases = [self._public]
        if self._is_trusted(request.remote):
            proto = _last(request.headers.getall("X-Forwarded-Proto", []))
            host = _last(request.headers.getall("X-Forwarded-Host", []))
            if proto in ("http", "https") and _is_host(host):
                bases.append(f"{proto}://{host}")
        return bases

    def _is_trusted(self, peer: str | None) -> bool:
        try:
            address = ip_address((peer or "").partition("%")[0])
        except ValueError:
            return False
        return any(address in network for network in self._proxies)


def _last(given: Sequence[str]) -> str:
    """What the nearest proxy said; what stands before it may be anybody's."""
    return given[-1].rpartition(",")[2].strip() if given else ""


def _is_host(host: str) -> bool:
    name, _, port = host.partition(":")
    plain = name.replace("-", "").replace(".", "")
    return plain.isascii() and plain.isalnum() and (not port or port.isdecimal())
