"""Programs of others, from npm, that tests talk to. `.ci/npm` installs them."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def needs_package(name: str) -> str:
    """The path of Node.js, if the npm package ``name`` is installed. Else the test is skipped with
    the package's name; or it fails, if WARMLINE_NO_SKIP is 1 and .ci/run installed the packages."""
    node = shutil.which("node")
    if node and (HERE / "node_modules" / name).is_dir():
        return node
    missing = f"the npm package {name} is not installed (.ci/npm installs it)"
    if os.environ.get("WARMLINE_NO_SKIP") == "1" and os.environ.get("WARMLINE_NPM") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture
async def telegram_test_api(unused_tcp_port: int) -> AsyncIterator[str]:
    """The address of a running telegram-test-api."""
    node = needs_package("telegram-test-api")
    process = await asyncio.create_subprocess_exec(
        node, "telegram_server.mjs", str(unused_tcp_port), cwd=HERE, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"ready\n"
        yield f"http://127.0.0.1:{unused_tcp_port}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
