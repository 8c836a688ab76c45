"""A fake Twilio: Messages (create and list), media, and signed webhooks.

After Twilio's "Messages resource", "Twilio API responses", "Error and warning dictionary" and
"Webhooks security". It checks the credentials, shape and limits of each call. A call that Twilio
would not accept is an `AssertionError`, kept in ``violations`` and raised at the end of the test.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer

SID = "AC" + "0" * 31 + "7"
TOKEN = "5up3rs3cr3t-t0k3n"
NUMBER = "+15550100200"
SERVICE = "MG" + "1" * 32
API = "/2010-04-01/Accounts"
MAX_BODY = 1600
"""Characters of a body (error 21617)."""

TwilioFailure = Literal["busy", "down", "refuse", "cut before", "cut after", "hang", "garbage"]


def signature(url: str, form: Mapping[str, str], token: str = TOKEN) -> str:
    """Sign as Twilio does: the URL, then each field's name and value, sorted by name."""
    text = url + "".join(name + form[name] for name in sorted(form))
    digest = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


class FakeTwilio:
    """One account. ``sent`` holds the messages that it accepted, in order."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.send_calls = 0
        """How often we asked it to send."""
        self.list_calls = 0
        self.violations: list[str] = []
        self.media: dict[str, tuple[str, bytes]] = {}
        self.fetched: list[tuple[str, bool]] = []
        """Paths of fetched files, and whether the call carried credentials."""
        self.redirect: str | None = None
        """Where media redirect to; None: to a path of this server."""
        self.refusals: dict[str, tuple[int, int]] = {}
        """Number -> status and error code of messages to it."""
        self.templates: dict[str, str] = {}
        """Content SID -> body of our approved templates."""
        self.odd_answers: list[Any] = []
        """What the next calls that send answer with 201, after they took the message: bytes as they
        are, anything else as JSON."""
        self.before_answering: Callable[[], Awaitable[Any]] | None = None
        self._failures: list[tuple[TwilioFailure, dict[str, Any]]] = []
        self._released = asyncio.Event()
        self.url = ""
        self.status_of_account = "active"
        self.numbers: dict[str, str] = {}
        """Our numbers, and the webhook of each."""

    def fail_next(self, failure: TwilioFailure, **more: Any) -> None:
        """Fail the next call that sends, with ``after`` seconds (busy), ``status``, ``code``."""
        self._failures.append((failure, more))

    def release(self) -> None:
        """Let hanging calls go on."""
        self._released.set()

    # -- the API ---------------------------------------------------------------------------------

    def routes(self) -> list[web.RouteDef]:
        base = f"{API}/{{account}}"
        return [
            web.post(base + "/Messages.json", self._create),
            web.get(base + "/Messages.json", self._list),
            web.get(base + ".json", self._account),
            web.get(base + "/IncomingPhoneNumbers.json", self._numbers),
            web.get(base + "/Messages/{message}/Media/{media}", self._media),
            web.get("/store/{media}", self._stored),
        ]

    async def _create(self, request: web.Request) -> web.StreamResponse:
        self.send_calls += 1
        if (refused := self._unauthorised(request)) is not None:
            return refused
        fields = parse_qsl(await request.text(), keep_blank_values=True)
        form = dict(fields)
        files = [value for name, value in fields if name == "MediaUrl"]
        self._check(request.content_type == "application/x-www-form-urlencoded", "not a form")
        failure, more = self._failures.pop(0) if self._failures else (None, {})
        if (answer := await self._mishap(failure, more, request)) is not None:
            return answer
        if (refused := self._invalid(form)) is not None:
            return refused
        record = self._record(form) | {"media": files, "num_media": str(len(files))}
        self.sent.append(record)
        if self.before_answering is not None:
            await self.before_answering()
        if failure == "cut after":
            self._cut(request)
        if failure == "garbage":
            return web.Response(text="<html>", status=201)
        answer = self.odd_answers.pop(0) if self.odd_answers else record
        if isinstance(answer, bytes):
            return web.Response(body=answer, status=201, content_type="application/json")
        return web.json_response(answer, status=201)

    async def _mishap(
        self, failure: TwilioFailure | None, more: dict[str, Any], request: web.Request
    ) -> web.StreamResponse | None:
        if failure == "busy":
            headers = {"Retry-After": str(more["after"])} if "after" in more else {}
            return error(429, 20429, "Too Many Requests", headers)
        if failure == "down":
            return error(more.get("status", 503), 20503, "Service is unavailable")
        if failure == "refuse":
            return error(more.get("status", 400), more["code"], more.get("message", "Refused"))
        if failure == "cut before":
            self._cut(request)
        if failure == "hang":
            await self._released.wait()
        return None

    def _invalid(self, form: dict[str, str]) -> web.Response | None:
        to, body = form.get("To", ""), form.get("Body", "")
        allowed = {"To", "Body", "From", "MessagingServiceSid", "StatusCallback", "MediaUrl"}
        allowed |= {"ContentSid", "ContentVariables"}
        self._check(not set(form) - allowed, f"unknown fields {set(form) - allowed}")
        self._check("From" in form or "MessagingServiceSid" in form, "no sender")
        ends = {n.partition(":")[0] if ":" in n else "" for n in (to, form.get("From", to))}
        self._check(len(ends) == 1, f"From and To are on different channels: {ends}")
        callback = form.get("StatusCallback", "https://ok.example")
        self._check(callback.startswith(("http://", "https://")), "StatusCallback is not a URL")
        bare = to.removeprefix("whatsapp:").removeprefix("rcs:")
        if bare in self.refusals and "ContentSid" not in form:
            status, code = self.refusals[bare]
            return error(status, code, f"The 'To' number {to} is not fine")
        hidden = to.startswith("whatsapp:") and re.fullmatch(r"[A-Z]{2}\.[A-Za-z0-9]{1,128}", bare)
        if not bare.startswith("+") and not hidden:
            return error(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if "ContentSid" in form:
            return self._invalid_template(form)
        if not body and "MediaUrl" not in form:
            return error(400, 21602, "Message body is required.")
        if len(body) > MAX_BODY:
            return error(
                400, 21617, "The concatenated message body exceeds the 1600 character limit"
            )
        return None

    def _invalid_template(self, form: dict[str, str]) -> web.Response | None:
        values = json.loads(form["ContentVariables"])
        self._check("Body" not in form and "MediaUrl" not in form, "a template beside a body")
        if form["ContentSid"] not in self.templates:
            return error(400, 21655, "The ContentSid is Invalid")
        if any("\n" in value or "\t" in value or "     " in value for value in values.values()):
            return error(400, 21656, "The ContentVariables Parameter is invalid")
        form["Body"] = self.templates[form["ContentSid"]].replace("{{1}}", values["1"])
        return None

    def _record(self, form: dict[str, str]) -> dict[str, Any]:
        now = format_datetime(datetime.now(UTC))
        service = form.get("MessagingServiceSid")
        return {
            "account_sid": SID,
            "api_version": "2010-04-01",
            "body": form.get("Body", ""),
            "date_created": now,
            "date_sent": None,
            "date_updated": now,
            "direction": "outbound-api",
            "error_code": None,
            "error_message": None,
            "from": None if service else form.get("From"),
            "messaging_service_sid": service,
            "num_media": "0",
            "num_segments": "0" if service else str(-(-len(form.get("Body", "")) // 160)),
            "price": None,
            "price_unit": "USD",
            "sid": f"SM{uuid4().hex}",
            "status": "accepted" if service else "queued",
            "to": form["To"],
            "uri": f"{API}/{SID}/Messages/SM.json",
            "subresource_uris": {},
            "status_callback": form.get("StatusCallback"),
            "template": form.get("ContentSid"),
        }

    async def _list(self, request: web.Request) -> web.StreamResponse:
        self.list_calls += 1
        if (refused := self._unauthorised(request)) is not None:
            return refused
        query = dict(request.query)
        self._check(not set(query) - {"To", "From", "DateSent>", "PageSize"}, f"list {query}")
        found = [
            record
            for record in reversed(self.sent)
            if query.get("To", record["to"]) == record["to"]
            and query.get("From", record["from"]) == record["from"]
        ]
        page = found[: int(query.get("PageSize", 50))]
        shown = [
            {k: v for k, v in record.items() if k not in ("status_callback", "media", "template")}
            for record in page
        ]
        uri = f"{API}/{SID}/Messages.json?{urlencode(query)}"
        return web.json_response(
            {"messages": shown, "page": 0, "page_size": 50, "uri": uri, "next_page_uri": None}
        )

    async def _media(self, request: web.Request) -> web.StreamResponse:
        """Redirect to a store, as Twilio does."""
        self.fetched.append((request.path, "Authorization" in request.headers))
        if (refused := self._unauthorised(request)) is not None:
            return refused
        if request.match_info["media"] not in self.media:
            return error(404, 20404, "The requested resource was not found")
        raise web.HTTPTemporaryRedirect(
            self.redirect or f"{self.url}/store/{request.match_info['media']}"
        )

    async def _stored(self, request: web.Request) -> web.StreamResponse:
        self.fetched.append((request.path, "Authorization" in request.headers))
        kind, data = self.media[request.match_info["media"]]
        return web.Response(body=data, content_type=kind)

    async def _account(self, request: web.Request) -> web.StreamResponse:
        if (refused := self._unauthorised(request)) is not None:
            return refused
        return web.json_response({"sid": SID, "status": self.status_of_account})

    async def _numbers(self, request: web.Request) -> web.StreamResponse:
        if (refused := self._unauthorised(request)) is not None:
            return refused
        wanted = request.query.get("PhoneNumber")
        found = [
            {"sid": f"PN{i}", "phone_number": number, "sms_url": url, "sms_application_sid": ""}
            for i, (number, url) in enumerate(self.numbers.items())
            if number == wanted
        ]
        return web.json_response(
            {"incoming_phone_numbers": found, "page": 0, "page_size": 1, "next_page_uri": None}
        )

    def _unauthorised(self, request: web.Request) -> web.Response | None:
        given = request.headers.get("Authorization", "")
        right = "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()
        if given != right or request.match_info["account"] != SID:
            return error(401, 20003, "Authenticate")
        return None

    def _cut(self, request: web.Request) -> None:
        assert request.transport is not None
        request.transport.abort()
        raise asyncio.CancelledError

    def _check(self, right: bool, what: str) -> None:
        if not right:
            self.violations.append(what)

    # -- the other way: webhooks -----------------------------------------------------------------

    def keep(self, media_type: str, data: bytes) -> str:
        """Keep a file for a message; gives its address as webhooks tell it."""
        sid = f"ME{uuid4().hex}"
        self.media[sid] = (media_type, data)
        return f"{self.url}{API}/{SID}/Messages/MM{'2' * 32}/Media/{sid}"

    def message(self, text: str, sender: str, **more: str) -> dict[str, str]:
        """The form of an incoming message from ``sender``."""
        prefix = "whatsapp:" if sender.startswith("whatsapp:") else ""
        sid = more.get("MessageSid", f"SM{uuid4().hex}")
        form = {
            "ToCountry": "US",
            "FromCountry": "US",
            "FromCity": "DES MOINES",
            "SmsMessageSid": sid,
            "SmsSid": sid,
            "MessageSid": sid,
            "AccountSid": SID,
            "NumMedia": "0",
            "NumSegments": "1",
            "SmsStatus": "received",
            "Body": text,
            "From": sender,
            "To": prefix + NUMBER,
            "ApiVersion": "2010-04-01",
        }
        return form | more

    def status(self, record: Mapping[str, Any], status: str, **more: str) -> dict[str, str]:
        """The form of a status callback for a sent message."""
        return {
            "AccountSid": SID,
            "ApiVersion": "2010-04-01",
            "From": record["from"] or NUMBER,
            "MessageSid": record["sid"],
            "MessageStatus": status,
            "SmsSid": record["sid"],
            "SmsStatus": status,
            "To": record["to"],
        } | more


def error(status: int, code: int, message: str, headers: Any = None) -> web.Response:
    """An error as Twilio writes it."""
    body = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return web.json_response(body, status=status, headers=headers)


async def post_signed(
    url: str, form: Mapping[str, str], *, signed_for: str | None = None, **headers: str
) -> tuple[int, str]:
    """Post a signed form as Twilio does; returns status and body."""
    sent_headers = {"X-Twilio-Signature": signature(signed_for or url, form), **headers}
    async with (
        ClientSession() as session,
        session.post(url, data=dict(form), headers=sent_headers) as answer,
    ):
        return answer.status, await answer.text()


@asynccontextmanager
async def running_twilio() -> AsyncIterator[FakeTwilio]:
    """A fake Twilio on a free port. At the end it asserts that every call was valid."""
    twilio = FakeTwilio()
    app = web.Application()
    app.add_routes(twilio.routes())
    server = TestServer(app)
    await server.start_server()
    twilio.url = str(server.make_url("")).rstrip("/")
    try:
        yield twilio
    finally:
        twilio.release()
        await server.close()
    assert twilio.violations == []
