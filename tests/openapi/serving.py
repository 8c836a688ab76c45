"""One gateway with every HTTP door open, as a process; and the proof that each door asks for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import requests
import yaml
from requests.auth import AuthBase

from tests.story.serving import WARMLINE, environment, free_port

from .description import CONFIG, PUBLIC, SECRETS, SLACK, TELEGRAM, TWILIO

PATIENCE = 300.0


class Served:
    """`warmline serve` with `CONFIG`; ``told`` is its log."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self._log = folder / "stderr"
        (folder / "warmline.yaml").write_text(yaml.safe_dump(CONFIG), "utf-8")
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [WARMLINE, "serve", "--port", self.url.rpartition(":")[2]],
                cwd=folder,
                env=_environment(folder),
                stdout=log,
                stderr=log,
            )

    def open(self) -> None:
        """Wait until it answers."""
        deadline = time.monotonic() + PATIENCE
        while not self._alive():
            assert self._process.poll() is None, self.told
            assert time.monotonic() < deadline, self.told
            time.sleep(0.1)

    @property
    def told(self) -> str:
        return self._log.read_text("utf-8")

    def stop(self) -> int:
        """Its exit code. What does not end by itself is killed."""
        self._process.terminate()
        try:
            return self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _alive(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.RequestException:
            return False


class Proofs(AuthBase):
    """Puts on each request what its door asks for: a signature, a token, a session."""

    def __init__(self, served: Served) -> None:
        self._url = served.url
        self._visitor = self._hello()
        password = served.folder / "var" / "desk-password"
        self._cookie, self._csrf = self._sign_in(password.read_text("utf-8").strip())

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        path = request.path_url
        if path.startswith("/channels/sms/"):
            request.headers["X-Twilio-Signature"] = twilio(path, _body(request))
        elif path.startswith("/channels/slack/"):
            stamp = str(int(time.time()))
            request.headers["X-Slack-Request-Timestamp"] = stamp
            request.headers["X-Slack-Signature"] = slack(stamp, _body(request))
        elif path.startswith("/channels/telegram/"):
            request.headers["X-Telegram-Bot-Api-Secret-Token"] = TELEGRAM
        elif path.startswith("/channels/webchat/"):
            request.headers["Authorization"] = f"Bearer {self._visitor}"
        elif path.startswith("/desk") and "sign-" not in path:
            request.headers["Cookie"] = self._cookie
            if request.method == "POST":
                self._ours(request)
        return request

    def _ours(self, request: requests.PreparedRequest) -> None:
        """The form's token is our page's."""
        kind = str(request.headers.get("Content-Type", ""))
        if kind.startswith("application/x-www-form-urlencoded"):
            fields = dict(parse_qsl(_body(request).decode("utf-8", "replace")))
            request.prepare_body(urlencode({**fields, "csrf": self._csrf}), None)

    def _hello(self) -> str:
        told = requests.post(
            f"{self._url}/channels/webchat/messages", json={"type": "hello"}, timeout=PATIENCE
        )
        return str(told.json()["token"])

    def _sign_in(self, password: str) -> tuple[str, str]:
        """The cookie, and the token of the forms. The desk believes to be behind https: its
        cookies are such as a client of http does not send by itself."""
        page = requests.get(f"{self._url}/desk/sign-in", timeout=PATIENCE)
        form = {"name": "una", "password": password, "csrf": _csrf(page.text)}
        answer = requests.post(
            f"{self._url}/desk/sign-in",
            data=form,
            headers={"Cookie": _cookie(page)},
            allow_redirects=False,
            timeout=PATIENCE,
        )
        assert answer.status_code == 303, answer.text
        cookie = _cookie(answer)
        desk = requests.get(f"{self._url}/desk", headers={"Cookie": cookie}, timeout=PATIENCE)
        return cookie, _csrf(desk.text)


def twilio(path: str, body: bytes) -> str:
    """As Twilio documents it: HMAC-SHA1 over the address, and the sorted fields of the form."""
    fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    told = PUBLIC + path + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.digest(TWILIO.encode(), told.encode(), hashlib.sha1)).decode()


def slack(stamp: str, body: bytes) -> str:
    told = b":".join((b"v0", stamp.encode(), body))
    return "v0=" + hmac.digest(SLACK.encode(), told, hashlib.sha256).hex()


def _environment(folder: Path) -> dict[str, str]:
    """No mail: it has no HTTP door."""
    all_of_it = environment(folder, **SECRETS)
    return {k: v for k, v in all_of_it.items() if not k.startswith("WARMLINE_CHANNELS__EMAIL")}


def _body(request: requests.PreparedRequest) -> bytes:
    body = request.body or b""
    return body.encode() if isinstance(body, str) else body


def _cookie(answer: requests.Response) -> str:
    return answer.headers["Set-Cookie"].partition(";")[0]


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page
    return found[1]
