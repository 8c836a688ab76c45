"""The channels' contract over the web chat's long polls (its socket uses the same frames)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession

import channels.webchat
from gateway import Address, File
from gateway.testing import (
    POLICY,
    Check,
    FakeClock,
    ProviderSimulator,
    RunningGateway,
    Trouble,
    checks,
    echo,
    post_raw,
    running,
)

QUALITY = Path(channels.webchat.__file__).parent / "quality.yaml"
SECRET = "a secret of the gateway, long enough to be one"
ROOT = "/channels/webchat"


class Browsers:
    """The browsers of some customers, each with a session of its own."""

    secrets: Sequence[str] = (SECRET,)
    hostile: Sequence[str] = (
        "<img src=x onerror=alert(1)>",
        "<script>alert(1)</script> &amp; &#60;",
        '","type":"error","id":"',
        "javascript:alert(1) https://example.org/?a=<b>",
    )
    largest = 64 * 1024
    calls = 0

    def __init__(self, root: str = ROOT) -> None:
        self.root = root
        self.gw: RunningGateway
        self.http: ClientSession
        self._ready: dict[str, dict[str, Any]] = {}

    async def meet(self, *names: str) -> None:
        """Say hello for each customer, as a page does first."""
        for name in names:
            async with self.http.post(f"{self.root}/messages", json={"type": "hello"}) as response:
                self._ready[name] = await response.json()

    def address(self, name: str) -> Address:
        return Address(channel="webchat", value=self._ready[name]["session"])

    def _authorization(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._ready[name]['token']}"}

    async def say(
        self, text: str, *, id: str, name: str = "carla", files: Sequence[File] = ()
    ) -> int:
        refs = [await self._upload(file, name) for file in files]
        frame = {"type": "say", "id": f"message-{id}", "text": text, "attachments": refs}
        async with self.http.post(
            f"{self.root}/messages", json=frame, headers=self._authorization(name)
        ) as response:
            return response.status

    async def _upload(self, file: File, name: str) -> str:
        async with self.http.post(
            f"{self.root}/files",
            params={"name": file.name},
            data=BytesIO(file.data),
            headers=self._authorization(name),
        ) as response:
            return str((await response.json())["ref"])

    async def say_forged(self, text: str, *, proof: bytes = b"guessed") -> int:
        head, body, _ = self._ready["carla"]["token"].split(".")
        signed = b"c2lnbmVkIGJ5IG5vYm9keQ" if proof == b"guessed" else proof
        forged = f"Bearer {head}.{body}.".encode() + signed
        frame = {"type": "say", "id": "message-forged", "text": text}
        return await post_raw(
            f"{self.gw.url}{self.root}/messages",
            json.dumps(frame).encode(),
            {"Authorization": forged, "Content-Type": "application/json"},
        )

    async def post(self, body: bytes) -> int:
        async with self.http.post(
            f"{self.root}/messages", data=BytesIO(body), headers=self._authorization("carla")
        ) as response:
            return response.status

    async def _frames(self, name: str) -> list[dict[str, Any]]:
        async with self.http.get(
            f"{self.root}/messages", params={"after": "0"}, headers=self._authorization(name)
        ) as response:
            frames: list[dict[str, Any]] = (await response.json())["frames"]
        return [frame for frame in frames if frame.get("author") in ("bot", "agent")]

    async def heard(self, name: str = "carla") -> list[str]:
        return [frame["text"] for frame in await self._frames(name) if frame["text"]]

    async def files(self, name: str = "carla") -> list[bytes]:
        found = []
        for frame in await self._frames(name):
            for file in frame.get("attachments", ()):
                async with self.http.get(
                    f"{self.root}/files/{file['ref']}", headers=self._authorization(name)
                ) as response:
                    found.append(await response.read())
        return found

    def trouble(self, *kinds: Trouble) -> None:
        """The gateway calls nobody: customers fetch their messages."""


@pytest.fixture
async def far_end(tmp_path: Path) -> AsyncIterator[ProviderSimulator]:
    browsers = Browsers()
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
    config = {"policy": "policy.yaml", "channels": {"webchat": {"secret": SECRET}}}
    async with (
        running(
            channels.webchat, echo(), config=config, tmp_path=tmp_path, clock=FakeClock()
        ) as browsers.gw,
        ClientSession(browsers.gw.url) as browsers.http,
    ):
        await browsers.meet("carla")
        yield browsers


@pytest.mark.parametrize("check", checks(QUALITY))
async def test_contract(check: Check, far_end: ProviderSimulator) -> None:
    """The channel meets the contract of all channels."""
    await check(far_end)
