"""Files: a customer's are fetched with our token, ours are uploaded."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from urllib.parse import urlsplit

import aiohttp
import msgspec
import structlog
from slack_sdk.web.async_client import AsyncWebClient

from channels.slack.payloads import Shared
from gateway import Attachment, File, House, Outside, TooLarge

log = structlog.get_logger(__name__)
SLACKS = "files.slack.com"
MOST = 20
"""Files of one message; Slack itself allows ten."""
REMEMBERED = 1000


class Missing(Exception):
    """A file that cannot be had, and why: told to the agent."""


class Fetcher:
    """Downloads that outlive the request which began them: Slack waits three seconds, a file may
    take longer, and Slack's next delivery then finds it here."""

    def __init__(self, *, api_base: str, largest: int, timeout: float) -> None:
        api = urlsplit(api_base)
        self._own = (api_base,)
        # Our token goes to no other host, whatever a message says.
        self._hosts = {api.netloc} if api.hostname != "slack.com" else {SLACKS}
        self._largest = largest
        self._timeout = aiohttp.ClientTimeout(total=timeout * 6, connect=timeout)
        self._running: OrderedDict[str, asyncio.Task[Attachment]] = OrderedDict()
        self._places = asyncio.Semaphore(4)

    async def fetch(
        self, files: Sequence[Shared], client: AsyncWebClient, house: House, *, within: float
    ) -> tuple[tuple[Attachment, ...], tuple[str, ...], bool]:
        """What was fetched within ``within`` seconds, what cannot be had and why, and
        whether that is all of it."""
        tasks = [(file, self._task(file, client, house)) for file in files[:MOST]]
        if tasks:
            await asyncio.wait([task for _, task in tasks], timeout=within)
        kept: list[Attachment] = []
        missing = [_told(file, "there are too many") for file in files[MOST:]]
        for file, task in tasks:
            if not task.done() or task.cancelled():
                missing.append(_told(file, "it took too long"))
            elif error := task.exception():
                missing.append(_told(file, str(error)))
            else:
                kept.append(task.result())
        return tuple(kept), tuple(missing), all(task.done() for _, task in tasks)

    def stop(self) -> None:
        """Give up what still runs."""
        for task in self._running.values():
            task.cancel()
        self._running.clear()

    def _task(self, file: Shared, client: AsyncWebClient, house: House) -> asyncio.Task[Attachment]:
        task = self._running.get(file.id)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._running[file.id] = asyncio.create_task(self._get(file, client, house))
            task.add_done_callback(_seen)
        if len(self._running) > REMEMBERED:
            self._running.popitem(last=False)[1].cancel()
        return task

    async def _get(self, file: Shared, client: AsyncWebClient, house: House) -> Attachment:
        try:
            async with self._places:
                file = await _whole(file, client)
                data = await self._download(file, client.token or "", house.outside)
                media_type = file.mimetype or "application/octet-stream"
                name = file.name or file.id
                return await house.files.keep(File(name=name, media_type=media_type, data=data))
        except (Missing, TooLarge) as error:
            raise Missing(str(error)) from None
        except Exception as error:
            log.warning("slack.file_failed", file=file.id, error=type(error).__name__)
            raise Missing(f"it could not be fetched ({type(error).__name__})") from error

    async def _download(self, file: Shared, token: str, outside: Outside) -> bytes:
        url = file.url_private_download or file.url_private or ""
        if not url or urlsplit(url).netloc not in self._hosts:
            raise Missing("it does not lie with Slack")
        if file.size > self._largest:
            raise Missing(f"it has {file.size} bytes, and {self._largest} are allowed")
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            outside.session(own=self._own, timeout=self._timeout) as session,
            session.get(url, headers=headers, allow_redirects=False) as response,
        ):
            if response.status != 200:
                raise Missing(f"Slack answered {response.status}")
            if response.content_type == "text/html" and file.mimetype != "text/html":
                raise Missing("Slack asks for a sign-in: the app needs the scope files:read")
            return await self._bounded(response)

    async def _bounded(self, response: aiohttp.ClientResponse) -> bytes:
        data = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            data += chunk
            if len(data) > self._largest:
                raise Missing(f"it has more than {self._largest} bytes")
        return bytes(data)


def _seen(task: asyncio.Task[Attachment]) -> None:
    """It was logged where it failed; that nobody came back for it is no error."""
    if not task.cancelled():
        task.exception()


async def _whole(file: Shared, client: AsyncWebClient) -> Shared:
    """In a shared channel a file is an id, to be asked for ("files in shared channels")."""
    if file.file_access != "check_file_info":
        return file
    answer = await client.files_info(file=file.id)
    return msgspec.convert(answer["file"], Shared)


def _told(file: Shared, why: str) -> str:
    return f"{file.name or file.id}: {why}"[:300]


async def upload(
    client: AsyncWebClient, files: Sequence[File], *, channel: str, thread: str | None
) -> None:
    """Share ``files`` there, all or none of them."""
    parts = [{"filename": one.name, "content": one.data, "title": one.name} for one in files]
    await client.files_upload_v2(channel=channel, thread_ts=thread, file_uploads=parts)
