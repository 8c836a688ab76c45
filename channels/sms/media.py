"""Files in both directions: fetched from Twilio, and offered to Twilio under signed links.

Twilio answers ``MediaUrl`` with a redirect to a store that needs no credentials. Every address is
checked before we call it: the API's own origin, with the account's credentials, and the known
stores, over https and without credentials. So no message can make us call any other address or
send the token to anybody. Nor can a store's name, or a redirect, lead into our own network (see
`gateway.PublicHttp`).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import mimetypes
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

import aiohttp
import structlog
from aiohttp import web
from pydantic import SecretStr
from yarl import URL

from channels.sms import API, SmsSettings
from channels.sms.parse import TwilioMedia
from gateway import (
    Attachment,
    Fact,
    File,
    FileLimits,
    Files,
    NotAccepted,
    PublicHttp,
    Services,
    TooLarge,
    read_bounded,
)

log = structlog.get_logger(__name__)
MAX_HOPS = 3
UNKNOWN_TYPE = "application/octet-stream"
CHUNK = 65_536
RETRY_AFTER = 0.5
"""Seconds until the second and last attempt: a message may arrive before its file is there."""
LINK_PATH = "/channels/sms/files"
LINK_LIFETIME = timedelta(days=1)
"""Twilio fetches a file when it sends the message, and may queue a message for ten hours."""


SHARED_LIFETIME = timedelta(days=14)
"""How long a customer can open a file that we sent as a link: as long as a holiday."""
SHARED_PATH = "/channels/sms/f"
LONGEST_NAME = 40
"""Characters of a file's name in a link: five links and a long text must fit one message."""
PROOF = 16
"""Bytes of the signature in a customer's link: a guess succeeds once in 2^128."""

MMS_TYPES = ("image/jpeg", "image/png", "image/gif")
"""Those that Twilio adapts to every telephone ("Accepted content types for media")."""
MMS_SIZE = 5_000_000
"""Bytes of a message with its media (the same page)."""
MMS_COUNTRIES = frozenset({"US", "CA"})
"""Where numbers can send and receive MMS ("MMS support" of Twilio's country guidelines)."""
SMS_FILES = FileLimits(
    most=5,
    hint="Pictures go as MMS within the USA and Canada. Everything else goes as a link that the"
    f" customer can open for {SHARED_LIFETIME.days} days.",
)
WHATSAPP_FILES = FileLimits(
    most=1,
    size=16_000_000,
    image_size=5_000_000,
    types=(
        "image/jpeg",
        "image/png",
        *("audio/ogg", "audio/amr", "audio/3gpp", "audio/aac", "audio/mpeg"),
        *("video/mp4", "application/pdf", "text/vcard", "text/x-vcard", "application/msword"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
)
"""Twilio, "Guidance on WhatsApp Media Messages"."""


class MediaNotFetched(Exception):
    """Why a file is not kept, for the agent to read."""


class MediaNotReady(MediaNotFetched):
    """The file may be there in a moment."""


class TwilioMediaFetcher:
    """Fetches the files of one message side by side. ``largest`` bounds each, in bytes."""

    def __init__(self, settings: SmsSettings, *, largest: int) -> None:
        self._settings = settings
        self._largest = largest
        self._api = URL(settings.base)
        self._auth = basic_auth(settings.account_sid, settings.auth_token.get_secret_value())

    async def fetch(
        self, media: Sequence[TwilioMedia], files: Files, public_http: PublicHttp
    ) -> tuple[tuple[Attachment, ...], tuple[Fact, ...]]:
        """The files that are kept, and a fact that says of each of the others why not. A missing
        file never stops the message: Twilio does not deliver it again."""
        async with public_http.session(own=(self._settings.base,)) as session:
            results = await asyncio.gather(*(self._keep(session, file, files) for file in media))
        kept = tuple(result for result in results if isinstance(result, Attachment))
        missing = "; ".join(result for result in results if isinstance(result, str))
        return kept, (Fact(name="file not kept", value=missing),) if missing else ()

    async def _keep(
        self, session: aiohttp.ClientSession, media: TwilioMedia, files: Files
    ) -> Attachment | str:
        """The stored file, or which one is missing and why."""
        try:
            async with asyncio.timeout(self._settings.media_timeout):
                return await files.keep(await self._fetch(session, media))
        except MediaNotFetched as error:
            reason = str(error)
        except TooLarge:
            reason = f"the file is larger than {self._largest} bytes"
        except TimeoutError:
            reason = f"Twilio did not send the file within {self._settings.media_timeout:g} s"
        except aiohttp.ClientError as error:
            reason = f"the download failed ({type(error).__name__})"
        except NotAccepted as error:
            reason = str(error)
        log.warning("media.not_kept", why=reason)
        return f"{_file_name(media)}, {media.media_type}: {reason}"

    async def _fetch(self, session: aiohttp.ClientSession, media: TwilioMedia) -> File:
        if not media.media_type.startswith(self._settings.media_types):
            raise MediaNotFetched("files of this type are not accepted")
        try:
            data = await self._download(session, media.url)
        except MediaNotReady:
            await asyncio.sleep(RETRY_AFTER)
            data = await self._download(session, media.url)
        return File(name=_file_name(media), media_type=media.media_type, data=data)

    async def _download(self, session: aiohttp.ClientSession, address: str) -> bytes:
        try:
            url = self._api_url(URL(address))
        except ValueError:
            raise MediaNotFetched("the file's address is not a valid URL") from None
        for _ in range(MAX_HOPS):
            headers = self._credentials_for(url)
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status in (301, 302, 303, 307, 308):
                    url = url.join(URL(response.headers.get("Location", "")))
                    continue
                return await self._read(response)
        raise MediaNotFetched("the file's address redirects too often")

    def _api_url(self, url: URL) -> URL:
        """``url`` at the overridden API, when it is one of Twilio's own API."""
        if self._settings.overridden and str(url.origin()) == API:
            return self._api.join(url.relative())
        return url

    def _credentials_for(self, url: URL) -> Mapping[str, str]:
        """The headers to send to ``url``. Raises MediaNotFetched when it is not Twilio's."""
        if url.user is None and url.is_absolute():
            if url.origin() == self._api.origin():
                account = f"/2010-04-01/Accounts/{self._settings.account_sid}/"
                return self._auth if url.path.startswith(account) else {}
            known = url.host in self._settings.media_hosts
            if known and url.scheme == "https" and url.port == 443:
                return {}
        raise MediaNotFetched("the file's address is not Twilio's")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if response.status == 404 or response.status >= 500:
            raise MediaNotReady(f"Twilio answered {response.status}")
        if response.status != 200:
            raise MediaNotFetched(f"Twilio answered {response.status}")
        return await read_bounded(response.content.iter_chunked(CHUNK), self._largest)


class MediaLinks:
    """Signed links under which Twilio fetches the files that agents send.

    Twilio fetches without credentials. So each link carries a signature, is for one file, and
    expires after a day.
    """

    def __init__(self, token: SecretStr, *, public_url: str) -> None:
        secret = token.get_secret_value().encode()
        self._key = hmac.digest(secret, b"warmline: addresses of files", hashlib.sha256)
        self._public_url = public_url

    def url(self, file: Attachment, at: datetime) -> str:
        """Where Twilio finds ``file`` for a day from ``at``."""
        until = str(int((at + LINK_LIFETIME).timestamp()))
        proof = self._sign(file.digest, file.media_type, until)
        media_type = quote(file.media_type, safe="")
        query = f"type={media_type}&until={until}&proof={proof}"
        return f"{self._public_url}{LINK_PATH}/{file.digest}?{query}"

    def shared_url(self, file: Attachment, at: datetime) -> str:
        """Where the customer finds ``file`` for `SHARED_LIFETIME` from ``at``. Short, as it counts
        in a text message."""
        until = str(int((at + SHARED_LIFETIME).timestamp()))
        name, digest = _link_name(file), _base64(bytes.fromhex(file.digest))
        proof = self._sign_shared(digest, until, name)
        return f"{self._public_url}{SHARED_PATH}/{digest}/{until}/{proof}/{name}"

    def routes(self, services: Services) -> Iterable[web.RouteDef]:
        """The routes that serve the files."""

        async def share(request: web.Request) -> web.Response:
            digest, until, proof, name = (
                request.match_info[part] for part in ("digest", "until", "proof", "name")
            )
            expected = self._sign_shared(digest, until, name)
            if not hmac.compare_digest(proof.encode(), expected.encode()):
                raise web.HTTPForbidden(text="this link's signature is not valid")
            if services.clock.now().timestamp() > int(until):
                raise web.HTTPGone(text="this link has expired; ask us to send the file again")
            data = await services.files.open(base64.urlsafe_b64decode(digest + "=").hex())
            headers = {
                "Content-Type": UNKNOWN_TYPE,  # it is saved: no browser shows it on our address
                "Content-Disposition": f'attachment; filename="{name}"',
                "Content-Security-Policy": "sandbox; default-src 'none'",
                "X-Content-Type-Options": "nosniff",
                "Referrer-Policy": "no-referrer",
                "Cache-Control": "private, no-store",
            }
            return web.Response(body=data, headers=headers)

        async def serve(request: web.Request) -> web.Response:
            digest, media_type = request.match_info["digest"], request.query.get("type", "")
            until, proof = request.query.get("until", ""), request.query.get("proof", "")
            expected = self._sign(digest, media_type, until)
            if not hmac.compare_digest(proof.encode(), expected.encode()):
                raise web.HTTPForbidden(text="this link's signature is not valid")
            if services.clock.now().timestamp() > int(until):
                raise web.HTTPGone(text="this link has expired")
            headers = {
                "Content-Type": media_type,
                "Content-Disposition": "attachment",
                "Content-Security-Policy": "sandbox; default-src 'none'",
                "Cache-Control": "private, no-store",
            }
            return web.Response(body=await services.files.open(digest), headers=headers)

        shared = "{digest:[A-Za-z0-9_-]{43}}/{until:[0-9]{1,12}}/{proof:[A-Za-z0-9_-]{22}}"
        return (
            web.get(LINK_PATH + "/{digest:[0-9a-f]{64}}", serve),
            web.get(f"{SHARED_PATH}/{shared}/{{name:[A-Za-z0-9_.-]{{1,40}}}}", share),
        )

    def _sign_shared(self, digest: str, until: str, name: str) -> str:
        signed = "\n".join(("shared", digest, until, name)).encode()
        return _base64(hmac.digest(self._key, signed, hashlib.sha256)[:PROOF])

    def _sign(self, digest: str, media_type: str, until: str) -> str:
        signed = "\n".join((digest, media_type, until)).encode()
        return hmac.new(self._key, signed, hashlib.sha256).hexdigest()


def takes_mms(number: str | None, to: str) -> bool:
    """Whether pictures go from our ``number`` to the number ``to`` by MMS. Without a number, a
    Messaging Service chooses one of the customer's country."""
    return _country(to) in MMS_COUNTRIES and (number is None or _country(number) in MMS_COUNTRIES)


def _country(number: str) -> str:
    """The country of ``number``; empty when it is unknown, as for short codes."""
    if not number.startswith("+1"):
        return ""  # the others need no metadata to say that they are not there
    import phonenumbers  # noqa: PLC0415  (a tenth of a second)

    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    except phonenumbers.NumberParseException:
        return ""


def split_media(
    files: Sequence[Attachment], *, mms: bool
) -> tuple[list[Attachment], list[Attachment]]:
    """Those of ``files`` that go as MMS, and those that go as links."""
    media: list[Attachment] = []
    left = MMS_SIZE
    for file in files:
        if mms and file.media_type in MMS_TYPES and file.size <= left:
            media.append(file)
            left -= file.size
    return media, [file for file in files if file not in media]


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _link_name(file: Attachment) -> str:
    """The file's name as a part of a link, with its extension."""
    stem, dot, suffix = file.name.rpartition(".")
    if not dot or not 1 <= len(suffix) <= 5:
        stem, suffix = file.name, ""
    clean = (re.sub(r"[^A-Za-z0-9_-]+", "-", part).strip("-") for part in (stem, suffix))
    stem, suffix = clean
    end = f".{suffix}" if suffix else ""
    return f"{stem[: LONGEST_NAME - len(end)] or 'file'}{end}"


def basic_auth(user: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic authentication (RFC 7617)."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _file_name(media: TwilioMedia) -> str:
    """The file's id at Twilio, with the extension of its type."""
    last = media.url.partition("?")[0].rpartition("/")[2]
    plain = "".join(char for char in last if char.isalnum() and char.isascii())[:64]
    return (plain or "file") + (mimetypes.guess_extension(media.media_type) or "")
