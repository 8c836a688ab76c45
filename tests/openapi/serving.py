"""A gateway process with every HTTP route, and the credentials that each route asks for."""

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

TIMEOUT = 300.0


class GatewayProcess:
    """`warmline serve` with `CONFIG`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{free_port()}"
        self._log_file = folder / "stderr"
        (folder / "warmline.yaml").write_text(yaml.safe_dump(CONFIG), "utf-8")
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [WARMLINE, "serve", "--port", self.url.rpartition(":")[2]],
                cwd=folder,
                env=_environment(folder),
                stdout=log,
                stderr=log,
            )

    def wait_ready(self) -> None:
        """Wait until it answers requests."""
        deadline = time.monotonic() + TIMEOUT
        while not self._answers():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)

    @property
    def log(self) -> str:
        return self._log_file.read_text("utf-8")

    def stop(self) -> int:
        """End the process, by a kill when it does not end in time. Returns its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.RequestException:
            return False


class Authentication(AuthBase):
    """Adds to each request what its route asks for: a signature, a token, a session."""

    def __init__(self, process: GatewayProcess) -> None:
        self._url = process.url
        self._webchat_token = self._start_chat()
        password = process.folder / "var" / "desk-password"
        self._cookie, self._csrf = self._sign_in(password.read_text("utf-8").strip())

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        path = request.path_url
        if path.startswith("/channels/sms/"):
            request.headers["X-Twilio-Signature"] = twilio_signature(path, _body(request))
        elif path.startswith("/channels/slack/"):
            stamp = str(int(time.time()))
            request.headers["X-Slack-Request-Timestamp"] = stamp
            request.headers["X-Slack-Signature"] = slack_signature(stamp, _body(request))
        elif path.startswith("/channels/telegram/"):
            request.headers["X-Telegram-Bot-Api-Secret-Token"] = TELEGRAM
        elif path.startswith("/channels/webchat/"):
            request.headers["Authorization"] = f"Bearer {self._webchat_token}"
        elif path.startswith("/desk") and "sign-" not in path:
            request.headers["Cookie"] = self._cookie
            if request.method == "POST":
                self._add_csrf_token(request)
        return request

    def _add_csrf_token(self, request: requests.PreparedRequest) -> None:
        """Replace the form's CSRF token by the one of our session."""
        kind = str(request.headers.get("Content-Type", ""))
        if kind.startswith("application/x-www-form-urlencoded"):
            fields = dict(parse_qsl(_body(request).decode("utf-8", "replace")))
            request.prepare_body(urlencode({**fields, "csrf": self._csrf}), None)

    def _start_chat(self) -> str:
        answer = requests.post(
            f"{self._url}/channels/webchat/messages", json={"type": "hello"}, timeout=TIMEOUT
        )
        return str(answer.json()["token"])

    def _sign_in(self, password: str) -> tuple[str, str]:
        """The session's cookie and the CSRF token of its forms. The public URL is https, so an HTTP
        client does not send the desk's cookies by itself."""
        page = requests.get(f"{self._url}/desk/sign-in", timeout=TIMEOUT)
        form = {"name": "una", "password": password, "csrf": _csrf(page.text)}
        answer = requests.post(
            f"{self._url}/desk/sign-in",
            data=form,
            headers={"Cookie": _cookie(page)},
            allow_redirects=False,
            timeout=TIMEOUT,
        )
        assert answer.status_code == 303, answer.text
        cookie = _cookie(answer)
        desk = requests.get(f"{self._url}/desk", headers={"Cookie": cookie}, timeout=TIMEOUT)
        return cookie, _csrf(desk.text)


def twilio_signature(path: str, body: bytes) -> str:
    """Twilio's signature: HMAC-SHA1 over the URL and the sorted fields of the form."""
    fields = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    signed = PUBLIC + path + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.digest(TWILIO.encode(), signed.encode(), hashlib.sha1)).decode()


def slack_signature(stamp: str, body: bytes) -> str:
    signed = b":".join((b"v0", stamp.encode(), body))
    return "v0=" + hmac.digest(SLACK.encode(), signed, hashlib.sha256).hex()


def _environment(folder: Path) -> dict[str, str]:
    """Without e-mail, which has no HTTP route."""
    variables = environment(folder, **SECRETS)
    return {
        name: value
        for name, value in variables.items()
        if not name.startswith("WARMLINE_CHANNELS__EMAIL")
    }


def _body(request: requests.PreparedRequest) -> bytes:
    body = request.body or b""
    return body.encode() if isinstance(body, str) else body


def _cookie(answer: requests.Response) -> str:
    return answer.headers["Set-Cookie"].partition(";")[0]


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found, page
    return found[1]
