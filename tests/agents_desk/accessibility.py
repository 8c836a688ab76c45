"""Checks pages with axe-core (https://github.com/dequelabs/axe-core), which `.ci/npm` installs."""

from __future__ import annotations

from functools import cache
from typing import Any

from tests.agents_desk.conftest import PASSWORD
from tests.clients.conftest import HERE, needs_package

RUN = """async (rules) => {
  const chosen = rules.length ? { runOnly: rules } : {};
  const { violations } = await axe.run(document, { resultTypes: ["violations"], ...chosen });
  const shown = (nodes) => nodes.slice(0, 3).map((node) => node.html.slice(0, 160));
  return violations.map(({ id, nodes }) => [id, ...shown(nodes)]);
}"""


@cache
def _axe() -> str:
    return HERE.joinpath("node_modules", "axe-core", "axe.min.js").read_text("utf-8")


async def person(browser: Any, url: str, name: str, scheme: str, **options: Any) -> Any:
    """The browser of a person who has signed in; with an empty name, of nobody. Skips the test when
    axe-core is not installed."""
    needs_package("axe-core")
    # The pages' policy allows no script of others; it is switched off for axe alone.
    context = await browser.new_context(color_scheme=scheme, bypass_csp=True, **options)
    page = await context.new_page()
    if name:
        await page.goto(f"{url}/desk/sign-in")
        await page.fill("#name", name)
        await page.fill("#password", PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_selector("#queue", state="attached")
    return page


async def problems(page: Any, scheme: str, width: int) -> list[object]:
    """What keeps people from reading the page, which is ``width`` pixels wide: broken rules, an id
    twice, or scrolling sideways. Its context bypasses the policy of the pages (`person`)."""
    found: list[object] = [*await violations(page, scheme)]
    ids = await page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
    found += [f"#{id} twice" for id in {*ids} if ids.count(id) > 1]
    wide = await page.evaluate("document.documentElement.scrollWidth")
    return found + ([f"{wide} pixels wide"] if wide > width else [])


async def violations(page: Any, scheme: str = "light") -> list[list[str]]:
    """The rules that the page breaks now, each with the first elements that break it. In the dark
    ``scheme`` only those of contrast are checked: no other depends on it."""
    await page.evaluate(_axe())
    rules = ["color-contrast", "link-in-text-block"] if scheme == "dark" else []
    found: list[list[str]] = await page.evaluate(RUN, rules)
    return found
