"""``docs/getting-started.md``, followed to the letter in a new folder: with its commands, files and
questions, real processes, a real mailbox and a real mail server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import aiohttp
import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from tests.conftest import until
from tests.email.dovecot import USER, Dovecot, dovecot
from tests.email.test_outgoing import FakeMailServer, served
from tests.start.help_centre import help_centre
from tests.start.newcomer import (
    OWN_TERMINAL,
    START_SECONDS,
    Block,
    Newcomer,
    Refused,
    ask,
    blocks_of,
    free_port,
    newcomer,
)

PAGE = Path(__file__).parents[2] / "docs" / "getting-started.md"
SERVE = "warmline serve"


@pytest.mark.timeout(1200)
async def test_the_page_leads_to_an_answering_shop(tmp_path: Path) -> None:
    """Everything on the page works as it says: the chat answers on two pages, the desk has two
    users and the case, and a mail is answered."""
    async with (
        dovecot() as inbox,
        mail_server() as (sent, smtp_port),
        help_centre() as centre,
    ):
        port, site_port = free_port(), free_port()
        replaced = {
            "8080": str(port),
            "8000": str(site_port),
            "add https://help.lindenhof.example/": f"add {centre}/de/index.html --private",
            "imap.provider.example": "127.0.0.1",
            "smtp.provider.example": "127.0.0.1",
        }
        async with newcomer(tmp_path / "new") as person:
            walk = Walk(person, port, site_port, inbox, sent)
            # What differs on a test's machine: the ports of the mail servers, which have no TLS.
            person.env |= {
                "SMTP_PORT": str(smtp_port),
            }
            for block in blocks_of(PAGE, replaced):
                await walk.follow(block)
            assert walk.heard == [
                "the chat",
                "the chat",
                f"the chat on http://127.0.0.1:{site_port}",
                "the chat",
                "a mail",
            ]


@asynccontextmanager
async def mail_server() -> AsyncIterator[tuple[FakeMailServer, int]]:
    """A mail server that takes our mail after a login."""
    server = FakeMailServer()
    loop = asyncio.get_running_loop()
    async with served(
        lambda: SMTP(
            server,
            hostname="smtp.example",
            loop=loop,
            auth_require_tls=False,
            authenticator=lambda *_: AuthResult(success=True),
        )
    ) as port:
        yield server, port


class Walk:
    """Follows the blocks of the page."""

    def __init__(
        self,
        person: Newcomer,
        port: int,
        site_port: int,
        inbox: Dovecot,
        sent: FakeMailServer,
    ) -> None:
        self.person, self.port, self.site_port = person, port, site_port
        self.inbox, self.sent = inbox, sent
        self.heard: list[str] = []

    async def follow(self, block: Block) -> None:
        match block.language, block.title:
            case "sh", "once":
                assert block.text.startswith("make install\n")
            case "sh", title if title == OWN_TERMINAL:
                await self._serve(block.text.strip())
            case "sh", "":
                await self._run(block.text)
            case "yaml", title:
                self._write_below(title, block.text)
            case "text", "a mail":
                await self._mail(*block.talk)
            case "text", title:
                await self._ask(title, *block.talk)
            case language, title:
                raise AssertionError(f"nobody follows a block of {language}, {title}")

    async def _run(self, script: str) -> None:
        printed = await self.person.run(script)
        if "cat >> answers.yaml" in script:
            await self.person.logged(SERVE, "nlu.changed")
        if "warmline check" in script:
            assert printed.splitlines()[-1] == "OK"

    async def _serve(self, command: str) -> None:
        if command == SERVE:
            await self.person.serve(command, f"http://127.0.0.1:{self.port}/readyz")
            return
        site = f"http://127.0.0.1:{self.site_port}"
        await self.person.serve(command, f"{site}/")
        with pytest.raises(Refused):
            await ask(self.port, "When are you open?", origin=site)
        await self.person.logged(SERVE, f'add \\"{site}\\"')
        assert f'add "{site}" here' in await self.person.run("warmline check 2>&1")

    def _write_below(self, title: str, text: str) -> None:
        name, below = re.fullmatch(r"([\w.]+), below (\w+:)", title).groups()  # type: ignore[union-attr]  # it fails the test
        file = self.person.cwd / name
        whole = file.read_text("utf-8")
        assert f"\n{below}\n" in whole
        file.write_text(whole.replace(f"\n{below}\n", f"\n{below}\n{text}", 1), "utf-8")
        self._use_the_tests_mail_servers()

    def _use_the_tests_mail_servers(self) -> None:
        email = "WARMLINE_CHANNELS__EMAIL"
        self.person.env |= {
            f"{email}__IMAP__PORT": str(self.inbox.port),
            f"{email}__IMAP__TLS": "false",
            f"{email}__OUTGOING__PORT": self.person.env["SMTP_PORT"],
            f"{email}__OUTGOING__STARTTLS": "false",
        }
        password = "the mailbox's password"
        (self.inbox.directory / "passwd").write_text(f"{USER}:{password}\n", "utf-8")

    async def _ask(self, title: str, said: str, expected: str) -> None:
        where = re.search(r"http://\S+", title)
        heard = await ask(self.port, said, origin=where[0] if where else "")
        assert expected in " ".join(heard.split())
        self.heard.append(title)
        if not expected:
            await self._is_at_the_desk(said)

    async def _is_at_the_desk(self, said: str) -> None:
        """Both users can sign in, and the case waits there."""
        password = re.search(r"^  (\w{4}-\w{4}-\w{4}-\w{4})$", self.person.printed, re.MULTILINE)
        assert password is not None
        assert said in await self._desk_of("admin", password[1])
        assert said in await self._desk_of("ana", "a long password of hers")

    async def _desk_of(self, name: str, password: str) -> str:
        url = f"http://127.0.0.1:{self.port}"
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            async with session.get(f"{url}/desk/sign-in") as page:
                fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', await page.text()))
            form = {**fields, "name": name, "password": password, "next": "/desk"}
            headers = {"Origin": url}
            async with session.post(f"{url}/desk/sign-in", data=form, headers=headers) as answer:
                assert answer.status == 200, await answer.text()
                return await answer.text()

    async def _mail(self, said: str, expected: str) -> None:
        mail = EmailMessage(policy=default)
        mail["From"], mail["To"] = "Mia <mia@example.org>", USER
        mail["Subject"], mail["Message-ID"] = "A question", "<question-1@example.org>"
        mail.set_content(said)
        raw = mail.as_bytes(policy=default.clone(linesep="\r\n"))
        password = "the mailbox's password"
        await asyncio.to_thread(self.inbox.deliver, raw, password)
        await until(lambda: self.sent.received, START_SECONDS)
        answer = message_from_bytes(self.sent.received[0].original_content or b"", policy=default)
        assert isinstance(answer, EmailMessage)
        body = answer.get_body(("plain",))
        assert body is not None
        assert expected in body.get_content()
        self.heard.append("a mail")
