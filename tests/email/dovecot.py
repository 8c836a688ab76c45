"""A real Dovecot on a free port, with its mail in a temporary directory."""

from __future__ import annotations

import asyncio
import grp
import imaplib
import os
import pwd
import signal
import socket
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ..conftest import needs, until

USER, PASSWORD = "help@lindenhof.example", 'pass "word"\\'

CONFIG = """
base_dir = {dir}/run
state_dir = {dir}/state
log_path = {dir}/log
protocols = imap
listen = 127.0.0.1
ssl = {ssl}
{certificate}
disable_plaintext_auth = no
default_internal_user = {internal}
default_internal_group = {group}
default_login_user = {login}
first_valid_uid = 0
first_valid_gid = 0
mail_location = maildir:{dir}/mail/%u
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {dir}/passwd
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class Dovecot:
    """One server. It can be stopped and restarted; its mail stays."""

    def __init__(self, directory: Path, certificate: tuple[Path, Path] | None) -> None:
        self.directory, self.port = directory, free_port()
        directory.chmod(0o755)
        self._tls = certificate is not None
        cert, key = certificate or ("", "")
        users = _users()
        for name in ("mail", "home"):
            directory.joinpath(name).mkdir()
            os.chown(directory / name, int(users["uid"]), int(users["gid"]))
        tls_files = f"ssl_cert = <{cert}\nssl_key = <{key}" if certificate else ""
        text = CONFIG.format(
            dir=directory,
            ssl="yes" if certificate else "no",
            certificate=tls_files,
            **users,
            imap=0 if certificate else self.port,
            imaps=self.port if certificate else 0,
        )
        directory.joinpath("dovecot.conf").write_text(text)
        directory.joinpath("passwd").write_text(f"{USER}:{PASSWORD}\n")
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            needs("dovecot"),
            "-F",
            "-c",
            str(self.directory / "dovecot.conf"),
            start_new_session=True,
        )
        await until(self._answers, 20)

    async def stop(self) -> None:
        """Kill all its processes at once, as when the machine goes down."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()
            self._process = None

    def deliver(self, raw: bytes, password: str = PASSWORD) -> None:
        """Append a mail to the inbox, as a delivery would."""
        with imaplib.IMAP4("127.0.0.1", self.port) as imap:
            imap.login(USER, password)
            assert imap.append("INBOX", "", "", raw)[0] == "OK"

    def flags(self, folder: str = "INBOX") -> list[str]:
        """The flags of each mail in ``folder``, oldest first, without ``Recent``."""
        with imaplib.IMAP4("127.0.0.1", self.port) as imap:
            imap.login(USER, PASSWORD)
            known, (count, *_) = imap.select(folder, readonly=True)
            if known != "OK" or count == b"0":
                return []
            found = imap.fetch("1:*", "(FLAGS)")[1]
        lines = [line.decode() for line in found if isinstance(line, bytes)]
        flags = [line.partition("FLAGS (")[2].partition(")")[0] for line in lines]
        return [value.replace("\\Recent", "").strip() for value in flags]

    def log(self) -> str:
        return self.directory.joinpath("log").read_text()

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.returncode is None, self.log()
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as link:
                return self._tls or link.recv(20).startswith(b"* OK")
        except OSError:
            return False


@asynccontextmanager
async def dovecot(certificate: tuple[Path, Path] | None = None) -> AsyncIterator[Dovecot]:
    """A running server while the context is open.

    Its directory is not pytest's, which is private and too long for the names of unix sockets.
    """
    needs("dovecot")
    with tempfile.TemporaryDirectory(prefix="warmline-imap-") as directory:
        server = Dovecot(Path(directory), certificate)
        try:
            await server.start()
            yield server
        finally:
            await server.stop()


def _users() -> dict[str, str | int]:
    """The users of its processes and the owner of its mail: the package's users when we are root,
    because Dovecot refuses both as root; else the current user."""
    if os.getuid() == 0:
        owner = pwd.getpwnam("dovecot")
        names = {"internal": "dovecot", "group": "dovecot", "login": "dovenull"}
        return {**names, "uid": owner.pw_uid, "gid": owner.pw_gid}
    us, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    names = {"internal": us, "group": group, "login": us}
    return {**names, "uid": os.getuid(), "gid": os.getgid()}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as held:
        port: int = held.getsockname()[1]
    return port
