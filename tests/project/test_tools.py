"""The helpers in tests/conftest.py."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser

from tests.conftest import needs, until


def test_a_program_is_found() -> None:
    """`needs` returns the path of a program."""
    assert needs("sh").endswith("/sh")


@pytest.mark.parametrize(("strict", "what"), [("0", pytest.skip), ("1", pytest.fail)])
def test_a_missing_program_skips_the_test(
    monkeypatch: pytest.MonkeyPatch, strict: str, what: object
) -> None:
    """It fails the test where skipping is forbidden. Both name the program."""
    monkeypatch.setenv("WARMLINE_NO_SKIP", strict)
    with pytest.raises(what.Exception, match="no-such-program is not installed"):
        needs("no-such-program")


async def test_until_returns_the_first_true_value() -> None:
    """It fails at its deadline."""
    values = iter([0, 0, 7])
    assert await until(lambda: next(values)) == 7
    with pytest.raises(pytest.fail.Exception, match="not so within"):
        await until(lambda: False, timeout=0.05)


async def test_a_browser_opens_a_page(browser: Browser) -> None:
    """Chromium runs and renders."""
    page = await browser.new_page()
    await page.set_content("<h1>Good morning</h1>")
    assert await page.inner_text("h1") == "Good morning"
