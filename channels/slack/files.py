"""Files that people shared in Slack, and the rule where our token may be sent."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Annotated

import aiohttp
import msgspec
import structlog
from yarl import URL

from channels.slack.api import SlackApi
from gateway import (
    Attachment,
    File,
    PublicHttp,
    Services,
    TooLarge,
    TryLater,
    WarmlineError,
    read_bounded,
)

log = structlog.get_logger(__name__)
SLACK_DOMAINS = frozenset({"slack.com", "slack-gov.com"})
"""docs.slack.dev, "GovSlack". The API is at the domain itself, files are at ``files.`` below it."""
MAX_FILES = 20
"""Files that are taken of one message; Slack itself allows ten."""
REMEMBERED = 1000


class FileUnavailable(WarmlineError):
    """A file cannot be fetched. The text says why, for the agent."""


class SharedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file in a message. In a shared channel it may be an id alone, with ``file_access:
    check_file_info`` (docs.slack.dev, "Files in Slack Connect channels"). ``size`` is in bytes."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    name: str | None = None
    mimetype: str | None = None
    size: int = 0
    mode: str = "hosted"
    url_private: str | None = None
    url_private_download: str | None = None
    file_access: str | None = None

    @property
    def url(self) -> str:
        return self.url_private_download or self.url_private or ""


def may_send_token(url: str, api_base: str) -> bool:
    """Whether a request to ``url`` may carry our token.

    It may go to the origin (scheme, host and port) of ``api_base``. When that is Slack's own
    domain, it may also go to Slack's file server there, by https alone. No other host gets it,
    whatever a message says; an address with a user name in it never does.
    """
    try:
        # aiohttp dials what yarl reads: no second parser may disagree with it.
        target, api = URL(url), URL(api_base)
        origin = (target.scheme, target.host, target.port)
    except (TypeError, ValueError):
        return False
    if not target.host or target.user is not None or target.password is not None:
        return False
    if origin == (api.scheme, api.host, api.port):
        return True
    return api.host in SLACK_DOMAINS and origin == ("https", f"files.{api.host}", 443)


async def download(
    file: SharedFile, api: SlackApi, public_http: PublicHttp, *, limit: int
) -> bytes:
    """The bytes of ``file``, at most ``limit``. Raises FileUnavailable, or TryLater when Slack
    cannot be reached."""
    if not may_send_token(file.url, api.api_base):
        raise FileUnavailable("it is not stored at Slack")
    if file.size > limit:
        raise FileUnavailable(f"it has {file.size} bytes, over the limit of {limit}")
    timeout = aiohttp.ClientTimeout(total=api.timeout * 6, connect=api.timeout)
    headers = {"Authorization": f"Bearer {api.token}"}
    try:
        async with (
            public_http.session(own=(api.api_base,), timeout=timeout) as session,
            session.get(URL(file.url), headers=headers, allow_redirects=False) as response,
        ):
            if response.status == 429 or response.status >= 500:
                raise TryLater(f"Slack answered {response.status} for a file")
            if response.status != 200:
                raise FileUnavailable(f"Slack answered {response.status}")
            if response.content_type == "text/html" and file.mimetype != "text/html":
                # Slack shows its sign-in page instead of a refusal.
                raise FileUnavailable(
                    "Slack asks for a sign-in: the app needs the scope files:read"
                )
            return await read_bounded(response.content.iter_chunked(65_536), limit)
    except TooLarge:
        raise FileUnavailable(f"it has more than {limit} bytes") from None
    except (aiohttp.ClientError, TimeoutError) as error:
        raise TryLater(f"it could not be fetched ({type(error).__name__})") from error


class FileFetcher:
    """Downloads that outlive the request which began them. Slack waits three seconds; a file may
    take longer, and Slack's next delivery of its message then finds it here.

    ``limit`` is the largest file, in bytes.
    """

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._running: OrderedDict[str, asyncio.Task[Attachment]] = OrderedDict()
        self._slots = asyncio.Semaphore(4)

    async def fetch(
        self, files: Sequence[SharedFile], api: SlackApi, services: Services, *, within: float
    ) -> tuple[tuple[Attachment, ...], tuple[str, ...], bool]:
        """What was fetched within ``within`` seconds; what is missing and why; whether every
        download has ended."""
        tasks = [(file, self._task(file, api, services)) for file in files[:MAX_FILES]]
        if tasks:
            await asyncio.wait([task for _, task in tasks], timeout=within)
        fetched: list[Attachment] = []
        missing = [_missing(file, "there are too many") for file in files[MAX_FILES:]]
        for file, task in tasks:
            if not task.done() or task.cancelled():
                missing.append(_missing(file, "it took too long"))
            elif error := task.exception():
                missing.append(_missing(file, str(error)))
            else:
                fetched.append(task.result())
        return tuple(fetched), tuple(missing), all(task.done() for _, task in tasks)

    def stop(self) -> None:
        """Cancel the downloads that still run."""
        for task in self._running.values():
            task.cancel()
        self._running.clear()

    def _task(
        self, file: SharedFile, api: SlackApi, services: Services
    ) -> asyncio.Task[Attachment]:
        task = self._running.get(file.id)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._running[file.id] = asyncio.create_task(self._fetch(file, api, services))
            # `_fetch` logs its failures: asyncio need not report them again.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        if len(self._running) > REMEMBERED:
            self._running.popitem(last=False)[1].cancel()
        return task

    async def _fetch(self, file: SharedFile, api: SlackApi, services: Services) -> Attachment:
        try:
            async with self._slots:
                if file.file_access == "check_file_info":
                    answer = await api.call("files.info", file=file.id)
                    file = msgspec.convert(answer["file"], SharedFile)
                data = await download(file, api, services.public_http, limit=self._limit)
                media_type = file.mimetype or "application/octet-stream"
                name = file.name or file.id
                return await services.files.keep(File(name=name, media_type=media_type, data=data))
        except WarmlineError as error:
            log.info("slack.file_not_fetched", file=file.id, error=str(error))
            raise
        except Exception as error:
            log.warning("slack.file_failed", file=file.id, error=type(error).__name__)
            raise FileUnavailable(f"it could not be fetched ({type(error).__name__})") from error


def _missing(file: SharedFile, why: str) -> str:
    return f"{file.name or file.id}: {why}"[:300]
