"""The pages of accounts in a browser: accessible, and an invitation from the link to the desk."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agents_desk.access.conftest import NEW, AccountDesk
from tests.agents_desk.accessibility import person, violations


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_an_invitation_by_keyboard(browser: Any, desk: AccountDesk, scheme: str) -> None:
    """An admin makes a link, somebody opens it, chooses a password, looks at the own account, and
    the admin finds them. Every page on the way breaks no rule of axe-core, and is not too wide for
    a phone."""
    found: dict[str, Any] = {}
    url = desk.gw.url
    phone = {"viewport": {"width": 390, "height": 800}}
    admin = await person(browser, url, "dora", scheme, **phone)
    guest = await person(browser, url, "", scheme, **phone)

    async def check(page: Any, name: str) -> None:
        wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        if broken := [*await violations(page, scheme), *(["too wide"] if wide else [])]:
            found[name] = broken

    await admin.goto(f"{url}/desk/users")
    await check(admin, "users")
    await admin.focus("#invite-name")
    await admin.keyboard.type("eve")
    await admin.keyboard.press("Tab")
    await admin.keyboard.type("Eve Adler")
    await admin.keyboard.press("Enter")
    await admin.wait_for_selector("#address:focus")
    await check(admin, "link")
    address = await admin.input_value("#address")
    await guest.goto(url + address[address.index("/desk/join") :])
    await check(guest, "join")
    await guest.keyboard.type(NEW)
    await guest.keyboard.press("Tab")
    await guest.keyboard.type(NEW)
    await guest.keyboard.press("Enter")
    await guest.wait_for_selector("#queue", state="attached")
    other = await desk.browser()
    await other.sign_in("eve", NEW)
    await guest.goto(f"{url}/desk/account")
    await guest.wait_for_selector("text=Firefox on Linux")
    await check(guest, "account")
    await guest.click("text=Sign out all others")
    await guest.wait_for_selector("text=Firefox on Linux", state="detached")
    await admin.goto(f"{url}/desk/user/eve")
    await admin.click("summary >> text=Remove")
    await check(admin, "user")
    await admin.goto(f"{url}/desk/user/cleo")
    await check(admin, "user of the settings")
    assert found == {}
    for page in (admin, guest):
        await page.context.close()
