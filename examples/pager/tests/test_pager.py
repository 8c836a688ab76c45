"""The pager channel meets the contract of all channels, over real HTTP with real signatures."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from pathlib import Path

import pytest
import warmline_pager
import yaml
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

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

QUALITY = Path(warmline_pager.__file__).with_suffix(".quality.yaml")
SECRET, TOKEN = "signs-what-the-company-sends", "token-of-the-company"


class PagerCompany:
    """The pager company: it posts messages, and accepts one of ours for each key."""

    secrets: Sequence[str] = (SECRET, TOKEN)
    hostile: Sequence[str] = ()
    largest = 1_000_000

    def __init__(self) -> None:
        self.calls = 0
        self._failures: list[Trouble] = []
        self._pages: dict[str, dict[str, str]] = {}
        self.gw: RunningGateway
        self.session: ClientSession

    def address(self, name: str) -> Address:
        return Address(channel="pager", value=name)

    async def say(
        self, text: str, *, id: str, name: str = "carla", files: Sequence[File] = ()
    ) -> int:
        return await self.post(json.dumps({"id": id, "number": name, "text": text}).encode())

    async def say_forged(self, text: str, *, proof: bytes = b"guessed") -> int:
        body = json.dumps({"id": "f", "number": "carla", "text": text}).encode()
        headers = {"X-Pager-Signature": proof}
        return await post_raw(f"{self.gw.url}/channels/pager/webhook", body, headers)

    async def post(self, body: bytes) -> int:
        return await self._post(body, hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest())

    async def _post(self, body: bytes, signature: str) -> int:
        headers = {"X-Pager-Signature": signature}
        async with self.session.post(
            "/channels/pager/webhook", data=BytesIO(body), headers=headers
        ) as response:
            return response.status

    async def heard(self, name: str = "carla") -> list[str]:
        return [page["text"] for page in self._pages.values() if page["number"] == name]

    async def files(self, name: str = "carla") -> list[bytes]:
        return []

    def trouble(self, *kinds: Trouble) -> None:
        self._failures += kinds

    async def accept(self, request: web.Request) -> web.Response:
        self.calls += 1
        assert request.headers["Authorization"] == f"Bearer {TOKEN}"
        failure = self._failures.pop(0) if self._failures else None
        if failure == "busy":
            return web.Response(status=429, headers={"Retry-After": "40"})
        if failure in ("broken", "never"):
            return web.Response(status=500 if failure == "broken" else 404)
        page = await request.json()
        self._pages.setdefault(page["key"], page)
        if failure == "cut":
            request.transport.abort()
        return web.json_response({"id": page["key"]})


@pytest.fixture
async def far_end(tmp_path: Path) -> AsyncIterator[ProviderSimulator]:
    company = PagerCompany()
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(POLICY), "utf-8")
    app = web.Application()
    app.add_routes([web.post("/pages", company.accept)])
    async with TestServer(app) as server:
        section = {
            "api_base": str(server.make_url("")).rstrip("/"),
            "token": TOKEN,
            "secret": SECRET,
        }
        config = {"policy": "policy.yaml", "channels": {"pager": section}}
        async with (
            running(
                warmline_pager, echo(), config=config, tmp_path=tmp_path, clock=FakeClock()
            ) as company.gw,
            ClientSession(company.gw.url) as company.session,
        ):
            yield company


@pytest.mark.parametrize("check", checks(QUALITY))
async def test_contract(check: Check, far_end: ProviderSimulator) -> None:
    """What every channel must do."""
    await check(far_end)
