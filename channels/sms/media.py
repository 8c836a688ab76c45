"""Files that customers send: fetched from Twilio, and from nowhere else.

Twilio answers ``MediaUrl`` with a redirect to a store that wants no credentials. Every address is
held against what we know before it is called: the API's own origin, with the account's
credentials, and the known stores, over https and without them. So no message can make us call
anything else, or tell the token to anybody; nor can a store's name, or a redirect, that leads into
our own network (see `gateway.Outside`).
"""

from __future__ import annotations

import asyncio
import base64
import mimetypes
from collections.abc import Mapping, Sequence

import aiohttp
import structlog
from yarl import URL

from channels.sms.incoming import Media
from channels.sms.settings import API, SmsSettings
from gateway import Attachment, Fact, File, Files, PublicHttp, TooLarge

log = structlog.get_logger(__name__)
HOPS = 3
CHUNK = 65_536
AGAIN = 0.5
"""Seconds until the one other try: Twilio's message may be there before its file is."""


class NotFetched(Exception):
    """Why a file is not kept, in words for the agent."""


class Passing(NotFetched):
    """It may be there in a moment."""


class Fetcher:
    """Fetches the files of one message side by side. ``largest`` bounds each, in bytes."""

    def __init__(self, settings: SmsSettings, *, largest: int) -> None:
        self._settings = settings
        self._largest = largest
        self._api = URL(settings.base)
        token = settings.auth_token.get_secret_value()
        self._auth = basic_auth(settings.account_sid, token)

    async def keep(
        self, media: Sequence[Media], files: Files, public_http: PublicHttp
    ) -> tuple[tuple[Attachment, ...], tuple[Fact, ...]]:
        """What was kept, and for each of the others why it was not. The message is never lost for
        a file's sake: Twilio does not deliver it again."""
        async with public_http.session(own=(self._settings.base,)) as session:
            found = await asyncio.gather(*(self._one(session, one, files) for one in media))
        kept = tuple(one for one in found if isinstance(one, Attachment))
        return kept, tuple(one for one in found if isinstance(one, Fact))

    async def _one(
        self, session: aiohttp.ClientSession, media: Media, files: Files
    ) -> Attachment | Fact:
        try:
            async with asyncio.timeout(self._settings.media_timeout):
                return await files.keep(await self._fetch(session, media))
        except NotFetched as error:
            why = str(error)
        except TooLarge:
            why = "it is too large"
        except TimeoutError:
            why = f"Twilio did not give it within {self._settings.media_timeout:g} s"
        except aiohttp.ClientError as error:
            why = f"it could not be fetched ({type(error).__name__})"
        log.warning("media.not_kept", why=why)
        name = _name(media)
        return Fact(name="file not kept", value=f"{name}, {media.media_type}: {why}")

    async def _fetch(self, session: aiohttp.ClientSession, media: Media) -> File:
        if not media.media_type.startswith(self._settings.media_types):
            raise NotFetched("files of this type are not taken")
        try:
            data = await self._follow(session, media.url)
        except Passing:
            await asyncio.sleep(AGAIN)
            data = await self._follow(session, media.url)
        return File(name=_name(media), media_type=media.media_type, data=data)

    async def _follow(self, session: aiohttp.ClientSession, address: str) -> bytes:
        try:
            url = self._at_api(URL(address))
        except ValueError:
            raise NotFetched("its address is none") from None
        for _ in range(HOPS):
            headers = self._credentials_for(url)
            async with session.get(url, headers=headers, allow_redirects=False) as response:
                if response.status in (301, 302, 303, 307, 308):
                    url = url.join(URL(response.headers.get("Location", "")))
                    continue
                return await self._read(response)
        raise NotFetched("it is passed on too often")

    def _at_api(self, url: URL) -> URL:
        """Where the API is overridden, what Twilio's own address would be there."""
        if self._settings.overridden and str(url.origin()) == API:
            return self._api.join(url.relative())
        return url

    def _credentials_for(self, url: URL) -> Mapping[str, str]:
        """Raises NotFetched for an address that is not Twilio's."""
        if url.user is None and url.is_absolute():
            if url.origin() == self._api.origin():
                mine = f"/2010-04-01/Accounts/{self._settings.account_sid}/"
                return self._auth if url.path.startswith(mine) else {}
            known = url.host in self._settings.media_hosts
            if known and url.scheme == "https" and url.port == 443:
                return {}
        raise NotFetched("its address is not Twilio's")

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if response.status == 404 or response.status >= 500:
            raise Passing(f"Twilio answered {response.status}")
        if response.status != 200:
            raise NotFetched(f"Twilio answered {response.status}")
        data = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK):
            data += chunk
            if len(data) > self._largest:
                raise NotFetched(f"it is larger than {self._largest} bytes")
        return bytes(data)


def basic_auth(user: str, password: str) -> dict[str, str]:
    """The header of HTTP Basic authentication (RFC 7617)."""
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def _name(media: Media) -> str:
    """A name with the right ending: the file's id at Twilio."""
    last = media.url.partition("?")[0].rpartition("/")[2]
    plain = "".join(char for char in last if char.isalnum() and char.isascii())[:64]
    return (plain or "file") + (mimetypes.guess_extension(media.media_type) or "")
