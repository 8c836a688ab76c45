"""Files in a real browser: by button, paste and drop; pictures in a dialog."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.agents_desk.conftest import PASSWORD
from tests.conftest import until

from .conftest import PDF, OutgoingGateway, png

DROP = """([kind, encoded]) => {
  const bytes = Uint8Array.from(atob(encoded), (c) => c.charCodeAt(0));
  const data = new DataTransfer();
  const name = kind === "paste" ? "image.png" : "dropped.png";
  data.items.add(new File([bytes], name, { type: "image/png" }));
  const box = document.getElementById("answer");
  const event = kind === "paste"
    ? new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true });
  box.dispatchEvent(event);
}"""


@pytest.fixture
async def page(browser: Any, gw: OutgoingGateway) -> AsyncIterator[Any]:
    """Ana's browser, on Maria's conversation, which she has."""
    picture = await gw.keep("broken_lamp.png", png(900, 600), "image/png")
    maria = gw.running.customer("fake", "maria")
    await maria.say("My lamp is broken, see.", name="Maria", attachments=(picture,))
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    page = await context.new_page()
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda m: page.errors.append(m.text) if m.type == "error" else None)
    await page.goto(f"{gw.running.url}/desk/sign-in?next=/desk/c/1")
    await page.fill("#name", "ana")
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("html.script #claim")
    await page.keyboard.press("c")
    await page.wait_for_selector("#answer:focus")
    yield page
    assert page.errors == []
    await context.close()


async def names(page: Any) -> list[str]:
    found: list[str] = await page.locator("#outgoing .name").all_inner_texts()
    return found


async def test_files_by_button_paste_and_drop(page: Any, gw: OutgoingGateway) -> None:
    """They show at once with small copies, can be removed by keyboard, and go with the answer; what
    was typed meanwhile stays."""
    await page.fill("#answer", "Here is the label.")
    await page.set_input_files(
        "#attach-files", [{"name": "label.pdf", "mimeType": "application/pdf", "buffer": PDF}]
    )
    await page.wait_for_selector("#outgoing .name >> text=label.pdf")
    encoded = base64.b64encode(png()).decode()
    await page.evaluate(DROP, ["drop", encoded])
    await page.wait_for_selector("#outgoing .name >> text=dropped.png")
    await page.evaluate(DROP, ["paste", encoded])
    await page.wait_for_selector("#files-refusal")  # this channel takes two
    pasted = (await names(page))[2]
    assert pasted.startswith("picture-")
    assert pasted.endswith(".png")
    await page.focus(f"button[aria-label='Remove {pasted}']")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("#files-refusal", state="detached")
    assert await names(page) == ["label.pdf", "dropped.png"]
    assert await page.input_value("#answer") == "Here is the label."
    assert await page.evaluate(
        "[...document.querySelectorAll('#outgoing img')].every((i) => i.naturalWidth > 0)"
    )
    await page.focus("#answer")
    await page.keyboard.press("Control+Enter")
    await page.wait_for_selector(".m.agent .file >> text=dropped.png")
    sent = [name for name, _, _ in await gw.sent_files(gw.chat)]
    assert sent == ["label.pdf", "dropped.png"]
    assert await names(page) == []


async def test_a_refused_file_says_why(page: Any, gw: OutgoingGateway) -> None:
    """An empty one, say; the notice can be closed, and the error in the log is the browser's."""
    await page.set_input_files(
        "#attach-files", [{"name": "empty.txt", "mimeType": "text/plain", "buffer": b""}]
    )
    await page.wait_for_selector("#uploads .why >> text=empty.txt is empty.")
    await page.click("#uploads button")
    assert await page.locator("#uploads li").count() == 0
    page.errors.clear()  # Chromium logs every answer of 422


async def test_a_file_alone_can_be_sent(page: Any, gw: OutgoingGateway) -> None:
    """The empty box does not hold it up."""
    await page.set_input_files(
        "#attach-files", [{"name": "label.pdf", "mimeType": "application/pdf", "buffer": PDF}]
    )
    await page.wait_for_selector("#outgoing .name")
    await page.click("#answer-form >> text=Send")
    await page.wait_for_selector(".m.agent .file >> text=label.pdf")
    assert len(await gw.sent_files(gw.chat)) == 1


async def test_a_picture_opens_in_a_dialog(page: Any, gw: OutgoingGateway) -> None:
    """By keyboard; Escape leads back to it."""
    await page.focus(".m.customer .thumb")
    await page.keyboard.press("Enter")
    await page.wait_for_selector("dialog.picture[open] img")

    async def shown() -> bool:
        found: bool = await page.evaluate(
            "document.querySelector('dialog.picture img').naturalWidth === 900"
        )
        return found

    await until(shown)
    assert await page.locator("dialog.picture img").get_attribute("alt") == "Picture: broken lamp"
    await page.keyboard.press("Escape")
    await page.wait_for_selector("dialog.picture", state="detached")
    assert await page.evaluate("document.activeElement.className") == "thumb"


async def test_a_damaged_picture_is_told_of(page: Any, gw: OutgoingGateway) -> None:
    """In its place, with the file to download beside it."""
    damaged = await gw.keep("torn.png", png(900, 600)[:90], "image/png")
    await gw.running.customer("fake", "maria").say("And this", attachments=(damaged,))
    await page.wait_for_selector(".damaged >> text=This picture cannot be shown")
    assert await page.locator(".m.customer .file a[download] >> text=torn.png").count() == 1
    assert await page.locator(".m.customer .thumb").count() == 1  # the whole one
    page.errors.clear()  # Chromium logs every answer of 422


@pytest.mark.parametrize("width", [390, 1280])
async def test_nothing_scrolls_sideways(page: Any, gw: OutgoingGateway, width: int) -> None:
    """With files and pictures, on the conversation, the first message and forwarding."""
    await page.set_viewport_size({"width": width, "height": 720})
    file = {"name": f"{'a-very-long-name-' * 5}.pdf", "mimeType": "text/plain", "buffer": PDF}
    await page.set_input_files("#attach-files", [file])
    await page.wait_for_selector("#outgoing .name")
    for path in ("/desk/c/1", "/desk/new", "/desk/c/1/forward"):
        await page.goto(gw.running.url + path)
        assert await page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), path


async def test_the_subject_is_for_mail_alone(page: Any, gw: OutgoingGateway) -> None:
    """It appears with a mailbox."""
    await page.goto(f"{gw.running.url}/desk/new?place=email&to=a@example.org")
    assert await page.is_visible("#subject")
    await page.select_option("#place", "fake")
    assert not await page.is_visible("#subject")
