"""A newcomer who follows a page of the documentation: runs its commands, writes its files, and asks
the chat what the page says to ask."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from tests.conftest import until

FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]*)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OWN_TERMINAL = "in a terminal of its own"
START_SECONDS = 300
"""For a server's first start, which trains, on a busy machine."""


class Block(NamedTuple):
    """One fenced block of a page."""

    language: str
    title: str
    text: str

    @property
    def talk(self) -> tuple[str, str]:
        """What is said, and a part of what is heard; empty: it is not told."""
        said = re.search(r"^you: (.*)$", self.text, re.MULTILINE)
        heard = re.search(r"^bot: (.*)$", self.text, re.MULTILINE)
        assert said is not None
        return said[1], heard[1] if heard else ""


def blocks_of(page: Path, replaced: Mapping[str, str]) -> Iterator[Block]:
    """The blocks of ``page`` in their order, with other ports and hosts."""
    text = page.read_text("utf-8")
    for old, new in replaced.items():
        text = text.replace(old, new)
    for found in FENCE.finditer(text):
        yield Block(found[1], found[2] or "", found[3])


def free_port() -> int:
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        port: int = opened.getsockname()[1]
        return port


class Newcomer:
    """Runs commands in one shell session, and servers in terminals of their own."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.printed = ""
        """All that commands have printed."""
        self.env = {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
        }
        self._servers: dict[str, asyncio.subprocess.Process] = {}
        self._logs: dict[str, Path] = {}

    async def run(self, script: str) -> str:
        """Run ``script`` as the next commands of the session; return what it prints. A command that
        fails fails the test."""
        state = self.folder / ".state"
        keep = f"\nenv -0 > '{state}'\npwd > '{state}.pwd'\n"
        process = await asyncio.create_subprocess_exec(
            "bash", "-euo", "pipefail", "-c", script + keep,
            cwd=self.cwd, env=self.env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
        printed = output.decode()
        assert process.returncode == 0, f"{script}\n{printed}"
        lines = state.read_bytes().decode().split("\0")
        self.env = dict(line.split("=", 1) for line in lines if "=" in line)
        self.printed += printed
        return printed

    @property
    def cwd(self) -> Path:
        kept = self.folder / ".state.pwd"
        return Path(kept.read_text("utf-8").strip()) if kept.exists() else self.folder

    async def serve(self, command: str, ready: str) -> None:
        """Run a server in a terminal of its own until its URL ``ready`` answers. One with the same
        command is stopped first, as with Ctrl-C."""
        if command in self._servers:
            await self._stop(command)
        log = self.folder / f"terminal-{len(self._logs)}.log"
        with log.open("wb") as file:
            self._servers[command] = await asyncio.create_subprocess_exec(
                *command.split(), cwd=self.cwd, env=self.env, stdout=file, stderr=file
            )
        self._logs[command] = log
        async with asyncio.timeout(START_SECONDS), aiohttp.ClientSession() as session:
            while not await _answers(session, ready):
                assert self._servers[command].returncode is None, log.read_text("utf-8")
                await asyncio.sleep(0.1)

    def log(self, command: str) -> str:
        return self._logs[command].read_text("utf-8")

    async def logged(self, command: str, words: str) -> None:
        """Wait until the server has logged ``words``."""
        await until(lambda: words in self.log(command), START_SECONDS, every=0.1)

    async def _stop(self, command: str) -> None:
        process = self._servers.pop(command)
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
        assert await process.wait() in (0, -signal.SIGINT, 130), self.log(command)

    async def close(self) -> None:
        for process in self._servers.values():
            if process.returncode is None:
                process.kill()
            await process.wait()


@asynccontextmanager
async def newcomer(folder: Path) -> AsyncIterator[Newcomer]:
    person = Newcomer(folder)
    try:
        yield person
    finally:
        await person.close()


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


class Refused(Exception):
    """The chat does not open on this page."""


async def ask(port: int, text: str, *, origin: str = "") -> str:
    """What the bot answers to a new visitor's ``text`` in the chat of a page of ``origin``; by
    default the server's own. Raises Refused."""
    url = f"http://127.0.0.1:{port}"
    headers = {"Origin": origin or url}
    async with aiohttp.ClientSession() as session, asyncio.timeout(START_SECONDS):
        try:
            async with session.ws_connect(
                f"{url}/channels/webchat/socket", headers=headers
            ) as chat:
                await chat.send_json({"type": "hello"})
                await _frame(chat, "live")
                await chat.send_json({"type": "say", "id": "message-1", "text": text})
                return await _bots_answer(chat)
        except aiohttp.WSServerHandshakeError as refused:
            raise Refused(str(refused.status)) from None


async def _frame(chat: aiohttp.ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    while True:
        frame: dict[str, Any] = await chat.receive_json()
        if frame["type"] == kind:
            return frame


async def _bots_answer(chat: aiohttp.ClientWebSocketResponse) -> str:
    while True:
        message = await _frame(chat, "message")
        if message["author"] == "bot":
            return str(message["text"])
