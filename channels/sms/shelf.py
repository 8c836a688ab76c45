"""Files that people send: laid out for Twilio, which fetches them by address and without proof.

So the address is the proof: signed, for one file, and good for a day.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime, timedelta
from urllib.parse import quote

from aiohttp import web
from pydantic import SecretStr

from gateway import Attachment, Services

PATH = "/channels/sms/files"
GOOD_FOR = timedelta(days=1)
"""Twilio fetches when it sends, and may queue a message for ten hours."""
MOST = 10
"""Files of one message ("Messages resource": ``MediaUrl``)."""


class Shelf:
    """Makes addresses of files, and gives the files to who has one."""

    def __init__(self, token: SecretStr, *, public_url: str) -> None:
        secret = token.get_secret_value().encode()
        self._key = hmac.digest(secret, b"warmline: addresses of files", hashlib.sha256)
        self._public = public_url

    def address(self, file: Attachment, at: datetime) -> str:
        """Where Twilio finds ``file`` for a day from ``at``."""
        until = str(int((at + GOOD_FOR).timestamp()))
        proof = self._proof(file.digest, file.media_type, until)
        kind = quote(file.media_type, safe="")
        return f"{self._public}{PATH}/{file.digest}?type={kind}&until={until}&proof={proof}"

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        """The door at which Twilio fetches."""

        async def give(request: web.Request) -> web.Response:
            digest, kind = request.match_info["digest"], request.query.get("type", "")
            until, proof = request.query.get("until", ""), request.query.get("proof", "")
            right = self._proof(digest, kind, until)
            if not hmac.compare_digest(proof.encode(), right.encode()):
                raise web.HTTPForbidden(text="this address was not made here")
            if services.clock.now().timestamp() > int(until):
                raise web.HTTPGone(text="this address is no longer good")
            headers = {
                "Content-Type": kind,
                "Content-Disposition": "attachment",
                "Content-Security-Policy": "sandbox; default-src 'none'",
                "Cache-Control": "private, no-store",
            }
            return web.Response(body=await services.files.open(digest), headers=headers)

        return (web.get(PATH + "/{digest:[0-9a-f]{64}}", give),)

    def _proof(self, digest: str, kind: str, until: str) -> str:
        told = "\n".join((digest, kind, until)).encode()
        return hmac.new(self._key, told, hashlib.sha256).hexdigest()
