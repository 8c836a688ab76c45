"""Slack, as its Web API, Events API and Socket Mode documentation describes it, for tests.

Real HTTP on this machine. It checks every call's token, arguments and limits; what is wrong is
answered with Slack's error and recorded in ``faults``, which a test's teardown must find empty.
Set ``events_url`` to the gateway's address and use `event`, `interact` and `command` to deliver,
signed, as Slack does; with an app connected by Socket Mode they go through its WebSocket.

    async with SlackServer() as slack:
        slack.add_user("U1", "Carla")
        slack.add_channel("D1", im="U1")
        ...API_BASE is slack.api_base...
        status, answer = await slack.say("D1", "U1", "hello")
        assert slack.read("D1") == ["hello", "hi"]
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import html
import itertools
import json
import re
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, Self
from urllib.parse import urlencode
from uuid import uuid4

from aiohttp import ClientSession, WSMsgType, web
from aiohttp.test_utils import TestServer

from tests.slack.shapes import METHODS, faults, structure

Kind = Literal["busy", "broken", "error", "cut", "drop", "hang"]
"""``busy``: 429 with Retry-After; ``broken``: 500; ``error``: 200 with ``{"ok": false}``;
``cut``: done, then disconnected; ``drop``: disconnected before; ``hang``: done, never answered."""
PING = re.compile(r"<(?:@[UW]\w+|!(?:channel|here|everyone|subteam)[^>]*)>")
LINK = re.compile(r"<([^>|]+)(?:\|([^>]*))?>")
Args = dict[str, Any]


class Failure(NamedTuple):
    """What a call meets; ``after`` is the Retry-After in seconds, ``method`` None any method."""

    kind: Kind
    method: str | None = "chat.postMessage"
    after: int = 40
    error: str = "channel_not_found"


class Call(NamedTuple):
    """One call of the Web API: its arguments and token, and the answer's status and error."""

    method: str
    args: Args
    token: str
    status: int
    error: str | None


class SlackServer:
    """One workspace (or several: `add_team`) with our app in it."""

    def __init__(
        self,
        *,
        team: str = "T0HOME",
        signing_secret: str = "shhh-signing-secret",  # noqa: S107
        bot_token: str = "xoxb-home-token",  # noqa: S107
        app_token: str = "xapp-home-token",  # noqa: S107
        now: Callable[[], float] = time.time,
        tiers: bool = False,
    ) -> None:
        self.team, self.signing_secret = team, signing_secret
        self.bot_token, self.app_token = bot_token, app_token
        self.now, self.tiers = now, tiers
        self.bot_user, self.bot_id, self.app_id = "U0BOT", "B0BOT", "A0APP"
        self.tokens: dict[str, str] = {bot_token: team}
        self.users: dict[str, Args] = {}
        self.channels: dict[str, Args] = {}
        self.messages: dict[str, list[Args]] = defaultdict(list)
        self.ephemeral: list[Args] = []
        self.views: dict[str, Args] = {}
        self.homes: dict[str, Args] = {}
        self.uploads: dict[str, Args] = {}
        self.calls: list[Call] = []
        self.faults: list[str] = []
        self.pings: list[str] = []
        """Every mention of a person or a group in what the app said."""
        self.away = False
        """No call is answered: the connection is cut."""
        self.troubles: list[Failure] = []
        self.odd_answers: list[tuple[bytes, str]] = []
        """What the next posts answer with 200, after they are done: a body and its type."""
        self.slow_downloads = asyncio.Event()
        """Cleared, downloads wait until it is set."""
        self.slow_downloads.set()
        self.served = 0
        self.events_url = ""
        self.socket: web.WebSocketResponse | None = None
        self.connected = asyncio.Event()
        self._acks: dict[str, asyncio.Future[Any]] = {}
        self._used: dict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._count = itertools.count(1)
        self._released = asyncio.Event()
        self._triggers: set[str] = set()
        self.add_user(self.bot_user, "Warmline", is_bot=True)

    # -- the workspace ---------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=100_000_000)
        app.add_routes(
            [
                web.route("*", "/api/{method}", self._api),
                web.post("/upload/v1/{id}", self._upload),
                web.get("/files-pri/{id}/download/{name}", self._download),
                web.get("/link", self._link),
            ]
        )
        self._server = TestServer(app, skip_url_asserts=True)
        await self._server.start_server()
        self.url = str(self._server.make_url("")).rstrip("/")
        self.api_base = f"{self.url}/api/"
        self.session = ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._released.set()
        self.slow_downloads.set()
        if self.socket is not None:
            await self.socket.close()
        await self.session.close()
        await self._server.close()

    def add_team(self, team: str, token: str) -> None:
        """Another workspace that installed the app."""
        self.tokens[token] = team

    def add_user(self, id: str, name: str, **more: Any) -> Args:
        """``more``: is_bot, is_restricted, is_ultra_restricted, is_stranger, deleted, team_id."""
        self.users[id] = {
            "id": id, "team_id": self.team, "name": name.lower(), "real_name": name,
            "deleted": False, "is_bot": False, "is_restricted": False,
            "is_ultra_restricted": False, "is_stranger": False, "is_app_user": False,
            "profile": {"real_name": name, "display_name": name}, **more,
        }  # fmt: skip
        return self.users[id]

    def add_channel(
        self,
        id: str,
        *,
        im: str | None = None,
        name: str = "",
        members: tuple[str, ...] = (),
        shared: bool = False,
        team: str | None = None,
    ) -> Args:
        """A DM with the user ``im``, or a channel; ``shared``: by Slack Connect."""
        everyone = [self.bot_user, *([im] if im else members)]
        self.channels[id] = {
            "id": id, "name": name or id.lower(), "is_im": im is not None, "user": im,
            "is_channel": im is None, "is_ext_shared": shared, "is_archived": False,
            "is_member": True, "members": everyone, "team": team or self.team,
        }  # fmt: skip
        return self.channels[id]

    def add_file(self, name: str, media_type: str, data: bytes, user: str = "U1") -> Args:
        """A file as it stands in a message event."""
        id = f"F{next(self._count):06d}"
        self.uploads[id] = {"name": name, "data": data, "mimetype": media_type}
        return self._file(id, user)

    def _file(self, id: str, user: str) -> Args:
        kept = self.uploads[id]
        url = f"{self.url}/files-pri/{self.team}-{id}/download/{kept['name']}"
        return {
            "id": id, "name": kept["name"], "title": kept.get("title", kept["name"]),
            "mimetype": kept["mimetype"], "size": len(kept["data"]), "user": user,
            "mode": "hosted", "url_private": url, "url_private_download": url,
            "permalink": f"{self.url}/files/{user}/{id}",
        }  # fmt: skip

    def trouble(self, kind: Kind, *, times: int = 1, **more: Any) -> None:
        """Let the next calls fail, one each; ``method=None``: any method."""
        self.troubles += [Failure(kind, **more)] * times

    def release(self) -> None:
        """Disconnect the calls that hang."""
        self._released.set()
        self._released = asyncio.Event()

    def ts(self) -> str:
        """A new message's timestamp: unique, growing."""
        return f"{int(self.now())}.{next(self._count):06d}"

    def said(self, channel: str, thread: str | None = None) -> list[Args]:
        """What the app posted there (with ``thread``: in that thread alone), oldest first."""
        return [
            m
            for m in self.messages[channel]
            if m.get("bot_id") and (thread is None or m.get("thread_ts") == thread)
        ]

    def read(self, channel: str, thread: str | None = None) -> list[str]:
        """The same as a person reads it, markup undone."""
        return [readable(m["text"]) for m in self.said(channel, thread) if m["text"]]

    def made(self, method: str) -> list[Call]:
        return [call for call in self.calls if call.method == method]

    # -- what Slack delivers ---------------------------------------------------------------------

    def signed(
        self, body: bytes, *, at: float | None = None, secret: str | None = None
    ) -> dict[str, str]:
        """The headers that prove that ``body`` is Slack's."""
        stamp = str(int(self.now() if at is None else at))
        return {
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": signature(secret or self.signing_secret, stamp, body),
        }

    async def say(self, channel: str, user: str, text: str, **more: Any) -> tuple[int, Any]:
        """A person writes: it stands in the channel and is delivered as a message event.
        ``text`` is as Slack sends it (escaped); ``more`` joins the event."""
        event = self.message(channel, user, text, **more)
        return await self.event(event)

    def message(self, channel: str, user: str, text: str, **more: Any) -> Args:
        """A message event; it stands in the channel from now on."""
        kind = "im" if self.channels[channel]["is_im"] else "channel"
        event = {
            "type": "message", "channel": channel, "user": user, "text": text,
            "ts": self.ts(), "channel_type": kind, "team": self.users[user]["team_id"],
            "client_msg_id": str(uuid4()), **more,
        }  # fmt: skip
        event["event_ts"] = event["ts"]
        if all(m["ts"] != event["ts"] for m in self.messages[channel]):
            self.messages[channel].append(dict(event))
        return event

    async def event(
        self, event: Args, *, retry: int = 0, event_id: str | None = None, team: str | None = None
    ) -> tuple[int, Any]:
        """Deliver an event; ``retry`` is its X-Slack-Retry-Num. Gives status and body."""
        team = team or self.team
        body = {
            "token": "ignored", "team_id": team, "api_app_id": self.app_id, "event": event,
            "type": "event_callback", "event_id": event_id or f"Ev{next(self._count):08d}",
            "event_time": int(self.now()),
            "authorizations": [{
                "enterprise_id": None, "team_id": team, "user_id": self.bot_user, "is_bot": True,
                "is_enterprise_install": False,
            }],
            "is_ext_shared_channel": bool(
                self.channels.get(str(event.get("channel")), {}).get("is_ext_shared")
            ),
        }  # fmt: skip
        return await self._deliver("events_api", body, retry=retry)

    async def interact(self, payload: Args) -> tuple[int, Any]:
        """Deliver an interaction (a click, a modal's submission, a shortcut)."""
        full = {
            "team": {"id": self.team, "domain": "home"}, "api_app_id": self.app_id,
            "token": "ignored", "enterprise": None, "is_enterprise_install": False,
            "trigger_id": self.trigger(), **payload,
        }  # fmt: skip
        return await self._deliver("interactive", full)

    async def click(
        self, channel: str, user: str, message: Mapping[str, Any], action_id: str
    ) -> tuple[int, Any]:
        """A person presses the button ``action_id`` of ``message``."""
        [button] = [
            {**element, "block_id": block.get("block_id", "b")}
            for block in message["blocks"]
            for element in (*block.get("elements", ()), block.get("accessory") or {})
            if element.get("action_id") == action_id
        ]
        shown = {k: v for k, v in message.items() if k != "channel"}
        return await self.interact(
            {
                "type": "block_actions",
                "user": {"id": user, "username": user.lower(), "team_id": self.team},
                "channel": {"id": channel, "name": self.channels[channel]["name"]},
                "container": {
                    "type": "message",
                    "message_ts": message["ts"],
                    "channel_id": channel,
                },
                "message": shown,
                "response_url": f"{self.url}/response",
                "actions": [{**button, "action_ts": self.ts()}],
            }
        )

    async def submit(self, user: str, view: Mapping[str, Any], values: Args) -> tuple[int, Any]:
        """A person submits a modal; ``values`` are its ``state.values``."""
        full = {**view, "state": {"values": values}}
        who = {"id": user, "username": user.lower(), "team_id": self.team}
        return await self.interact({"type": "view_submission", "user": who, "view": full})

    async def command(self, command: str, text: str, *, user: str, channel: str) -> tuple[int, Any]:
        """A person types a slash command."""
        body = {
            "command": command, "text": text, "user_id": user, "user_name": user.lower(),
            "channel_id": channel, "channel_name": "x", "team_id": self.team, "team_domain": "home",
            "api_app_id": self.app_id, "trigger_id": self.trigger(), "token": "ignored",
            "response_url": f"{self.url}/response",
        }  # fmt: skip
        return await self._deliver("slash_commands", body)

    def trigger(self) -> str:
        """A trigger id that views.open takes once."""
        trigger = f"{next(self._count)}.trigger"
        self._triggers.add(trigger)
        return trigger

    async def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, Any]:
        """Any bytes to the app's address."""
        async with self.session.post(self.events_url, data=body, headers=headers) as response:
            raw = await response.text()
            is_json = response.content_type == "application/json" and raw
            return response.status, json.loads(raw) if is_json else raw

    async def _deliver(self, kind: str, body: Args, *, retry: int = 0) -> tuple[int, Any]:
        if self.socket is not None:
            return await self._through_socket(kind, body, retry)
        if kind == "events_api":
            raw, media = json.dumps(body).encode(), "application/json"
        else:
            form = {"payload": json.dumps(body)} if kind == "interactive" else body
            raw, media = urlencode(form).encode(), "application/x-www-form-urlencoded"
        headers = {"Content-Type": media, **self.signed(raw)}
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": "http_error"}
        return await self.post(raw, headers)

    async def _through_socket(self, kind: str, body: Args, retry: int) -> tuple[int, Any]:
        assert self.socket is not None
        id = str(uuid4())
        acked = self._acks[id] = asyncio.get_running_loop().create_future()
        envelope = {
            "envelope_id": id, "type": kind, "payload": body, "accepts_response_payload": True,
            **({"retry_attempt": retry, "retry_reason": "timeout"} if retry else {}),
        }  # fmt: skip
        await self.socket.send_json(envelope)
        try:
            # Slack's own bound: an envelope not acknowledged in 3 seconds is delivered again.
            return 200, await asyncio.wait_for(acked, 3)
        except TimeoutError:
            return 0, None

    # -- the Web API -----------------------------------------------------------------------------

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        args = await _arguments(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        met = self._meets(method)
        if self.away or (met and met.kind == "drop"):
            self._record(method, args, token, 0, "away")
            return _cut(request)
        if met and met.kind in ("busy", "broken", "error"):
            return self._troubled(met, method, args, token)
        if wait := self._over_tier(method, args, token):
            return self._troubled(Failure("busy", after=wait), method, args, token)
        answer = self._answer(method, args, token)
        self._record(method, args, token, 200, answer.get("error"))
        if met and met.kind == "hang":
            await self._released.wait()
        if met:
            return _cut(request)
        if self.odd_answers and method == "chat.postMessage":
            body, kind = self.odd_answers.pop(0)
            return web.Response(body=body, content_type=kind)
        return web.json_response(answer)

    def _meets(self, method: str) -> Failure | None:
        for i, trouble in enumerate(self.troubles):
            if trouble.method in (method, None):
                return self.troubles.pop(i)
        return None

    def _troubled(self, met: Failure, method: str, args: Args, token: str) -> web.Response:
        if met.kind == "busy":
            self._record(method, args, token, 429, "ratelimited")
            body = {"ok": False, "error": "ratelimited"}
            return web.json_response(body, status=429, headers={"Retry-After": str(met.after)})
        if met.kind == "broken":
            self._record(method, args, token, 500, "internal_error")
            return web.Response(text="<html>oh no</html>", content_type="text/html", status=500)
        self._record(method, args, token, 200, met.error)
        return web.json_response({"ok": False, "error": met.error})

    def _record(self, method: str, args: Args, token: str, status: int, error: str | None) -> None:
        self.calls.append(Call(method, args, token, status, error))

    def _over_tier(self, method: str, args: Args, token: str) -> int:
        """Seconds to wait when the method's tier is used up (a minute's worth in any minute)."""
        known = METHODS.get(method)
        if not self.tiers or known is None:
            return 0
        used = self._used[(method, str(args.get(known.per, token)))]
        now = self.now()
        while used and used[0] <= now - 60:
            used.popleft()
        if len(used) >= known.tier:
            return max(1, int(used[0] + 60 - now) + 1)
        used.append(now)
        return 0

    def _answer(self, method: str, args: Args, token: str) -> Args:  # noqa: PLR0911  (a table)
        if method not in METHODS:
            return self._wrong(method, "unknown_method")
        if method == "apps.connections.open":
            if token != self.app_token:
                return self._wrong(method, "invalid_auth")
            return {"ok": True, "url": self.url.replace("http", "ws", 1) + "/link?ticket=1"}
        if token not in self.tokens:
            return self._wrong(method, "not_authed" if not token else "invalid_auth")
        for fault in faults(method, args):
            return self._wrong(method, fault)
        place = args.get("channel") or args.get("channel_id")
        if place and place not in self.channels:
            return {"ok": False, "error": "channel_not_found"}
        handler = getattr(self, "_do_" + method.replace(".", "_"))
        try:
            return {"ok": True, **handler(args, token)}
        except SlackError as error:
            return {"ok": False, "error": str(error)}

    def _wrong(self, method: str, fault: str) -> Args:
        self.faults.append(f"{method}: {fault}")
        return {"ok": False, "error": fault.partition(":")[0]}

    def _do_auth_test(self, args: Args, token: str) -> Args:
        return {"url": self.url, "team": "Home", "team_id": self.tokens[token], "user": "warmline",
                "user_id": self.bot_user, "bot_id": self.bot_id}  # fmt: skip

    # -- messages

    def _do_chat_postMessage(self, args: Args, token: str) -> Args:  # noqa: N802
        channel = self.channels[args["channel"]]
        self._may_write(channel)
        thread = args.get("thread_ts")
        if thread and not self._found(args["channel"], thread):
            raise SlackError("thread_not_found")
        message = self._posted(channel["id"], args)
        return {"channel": channel["id"], "ts": message["ts"], "message": message}

    def _may_write(self, channel: Args) -> None:
        if channel["is_archived"]:
            raise SlackError("is_archived")
        if not channel["is_member"]:
            raise SlackError("not_in_channel")

    def _posted(self, channel: str, args: Args, **more: Any) -> Args:
        text = args.get("text") or ""
        shown = structure(args.get("blocks"))
        self._pinged(text, args, shown)
        message = {
            "type": "message", "user": self.bot_user, "bot_id": self.bot_id, "text": text,
            "ts": self.ts(), "team": self.team, "app_id": self.app_id, "channel": channel,
            **({"thread_ts": args["thread_ts"]} if args.get("thread_ts") else {}),
            **({"blocks": shown} if shown else {}),
            **({"metadata": structure(args["metadata"])} if args.get("metadata") else {}), **more,
        }  # fmt: skip
        self.messages[channel].append(message)
        return message

    def _pinged(self, text: str, args: Args, shown: Any) -> None:
        self.pings += PING.findall(text)
        for found in _texts(shown):
            self.pings += PING.findall(found)
        if args.get("link_names") or args.get("parse") == "full":
            self.pings += re.findall(r"@(?:channel|here|everyone|\w+)", text)

    def _do_chat_postEphemeral(self, args: Args, token: str) -> Args:  # noqa: N802
        if args["user"] not in self.channels[args["channel"]]["members"]:
            raise SlackError("user_not_in_channel")
        ts = self.ts()
        self.ephemeral.append({**args, "blocks": structure(args.get("blocks")), "ts": ts})
        return {"message_ts": ts}

    def _do_chat_update(self, args: Args, token: str) -> Args:
        message = self._found(args["channel"], args["ts"])
        if message is None:
            raise SlackError("message_not_found")
        if message.get("bot_id") != self.bot_id:
            raise SlackError("cant_update_message")
        self._pinged(args.get("text") or "", args, structure(args.get("blocks")))
        if "text" in args:
            message["text"] = args["text"]
            message.pop("blocks", None)  # retained only when there is no text either
        for name in ("blocks", "metadata"):
            if args.get(name) is not None:
                message[name] = structure(args[name])
        return {"channel": args["channel"], "ts": args["ts"], "text": message["text"]}

    def _do_chat_delete(self, args: Args, token: str) -> Args:
        message = self._found(args["channel"], args["ts"])
        if message is None:
            raise SlackError("message_not_found")
        if message.get("bot_id") != self.bot_id:
            raise SlackError("cant_delete_message")
        self.messages[args["channel"]].remove(message)
        return {"channel": args["channel"], "ts": args["ts"]}

    def _do_chat_getPermalink(self, args: Args, token: str) -> Args:  # noqa: N802
        if self._found(args["channel"], args["message_ts"]) is None:
            raise SlackError("message_not_found")
        stamp = args["message_ts"].replace(".", "")
        return {"permalink": f"{self.url}/archives/{args['channel']}/p{stamp}"}

    def _found(self, channel: str, ts: str) -> Args | None:
        return next((m for m in self.messages[channel] if m["ts"] == ts), None)

    # -- conversations

    def _do_conversations_history(self, args: Args, token: str) -> Args:
        found = [
            m
            for m in self.messages[args["channel"]]
            if m.get("thread_ts") in (None, m["ts"]) or m.get("subtype") == "thread_broadcast"
        ]
        return self._page(list(reversed(found)), args)

    def _do_conversations_replies(self, args: Args, token: str) -> Args:
        root = args["ts"]
        if self._found(args["channel"], root) is None:
            raise SlackError("thread_not_found")
        found = [m for m in self.messages[args["channel"]] if root in (m["ts"], m.get("thread_ts"))]
        return self._page(found, args)

    def _page(self, found: list[Args], args: Args) -> Args:
        oldest, latest = float(args.get("oldest") or 0), float(args.get("latest") or "inf")
        inclusive = args.get("inclusive") in ("1", "true", True)
        within = [
            m
            for m in found
            if oldest < float(m["ts"]) < latest
            or (inclusive and float(m["ts"]) in (oldest, latest))
        ]
        start, limit = int(args.get("cursor") or 0), int(args.get("limit") or 100)
        page, more = within[start : start + limit], len(within) > start + limit
        whole = args.get("include_all_metadata") in ("1", "true", True)
        shown = [{k: v for k, v in m.items() if whole or k != "metadata"} for m in page]
        cursor = str(start + limit) if more else ""
        return {
            "messages": shown,
            "has_more": more,
            "response_metadata": {"next_cursor": cursor},
        }

    def _do_conversations_info(self, args: Args, token: str) -> Args:
        return {
            "channel": {k: v for k, v in self.channels[args["channel"]].items() if k != "members"}
        }

    def _do_conversations_list(self, args: Args, token: str) -> Args:
        return {"channels": list(self.channels.values()), "response_metadata": {"next_cursor": ""}}

    def _do_conversations_members(self, args: Args, token: str) -> Args:
        members = self.channels[args["channel"]]["members"]
        start, limit = int(args.get("cursor") or 0), int(args.get("limit") or 100)
        cursor = str(start + limit) if len(members) > start + limit else ""
        return {
            "members": members[start : start + limit],
            "response_metadata": {"next_cursor": cursor},
        }

    def _do_conversations_open(self, args: Args, token: str) -> Args:
        user = args.get("users") or ""
        if user not in self.users:
            raise SlackError("user_not_found")
        for channel in self.channels.values():
            if channel["user"] == user:
                return {"channel": {"id": channel["id"]}}
        return {"channel": {"id": self.add_channel(f"D{user}", im=user)["id"]}}

    def _do_conversations_join(self, args: Args, token: str) -> Args:
        self.channels[args["channel"]]["is_member"] = True
        return {"channel": self.channels[args["channel"]]}

    def _do_users_info(self, args: Args, token: str) -> Args:
        if args["user"] not in self.users:
            raise SlackError("user_not_found")
        return {"user": self.users[args["user"]]}

    def _do_reactions_get(self, args: Args, token: str) -> Args:
        message = self._found(args["channel"], args["timestamp"])
        if message is None:
            raise SlackError("message_not_found")
        return {"type": "message", "channel": args["channel"], "message": message}

    def _do_reactions_add(self, args: Args, token: str) -> Args:
        message = self._found(args["channel"], args["timestamp"])
        if message is None:
            raise SlackError("message_not_found")
        reactions = message.setdefault("reactions", [])
        if any(r["name"] == args["name"] for r in reactions):
            raise SlackError("already_reacted")
        reactions.append({"name": args["name"], "users": [self.bot_user], "count": 1})
        return {}

    # -- views

    def _do_views_open(self, args: Args, token: str) -> Args:
        if args["trigger_id"] not in self._triggers:
            raise SlackError("expired_trigger_id")
        self._triggers.remove(args["trigger_id"])
        return {"view": self._viewed(f"V{next(self._count):06d}", args)}

    _do_views_push = _do_views_open

    def _do_views_update(self, args: Args, token: str) -> Args:
        id = args.get("view_id") or ""
        if id not in self.views:
            raise SlackError("not_found")
        if args.get("hash") and args["hash"] != self.views[id]["hash"]:
            raise SlackError("hash_conflict")
        return {"view": self._viewed(id, args)}

    def _viewed(self, id: str, args: Args) -> Args:
        view = structure(args["view"])
        for found in _texts(view.get("blocks")):
            self.pings += PING.findall(found)
        self.views[id] = {**view, "id": id, "hash": self.ts(), "team_id": self.team}
        return self.views[id]

    def _do_views_publish(self, args: Args, token: str) -> Args:
        if args["user_id"] not in self.users:
            raise SlackError("user_not_found")
        id = f"V{args['user_id']}"
        self.homes[args["user_id"]] = self._viewed(id, args)
        return {"view": self.views[id]}

    # -- files

    def _do_files_getUploadURLExternal(self, args: Args, token: str) -> Args:  # noqa: N802
        id = f"F{next(self._count):06d}"
        self.uploads[id] = {
            "name": args["filename"], "length": int(args["length"]), "data": None,
            "mimetype": "application/octet-stream",
        }  # fmt: skip
        return {"upload_url": f"{self.url}/upload/v1/{id}", "file_id": id}

    def _do_files_completeUploadExternal(self, args: Args, token: str) -> Args:  # noqa: N802
        files = []
        for file in structure(args["files"]):
            kept = self.uploads.get(file["id"])
            if kept is None or kept["data"] is None:
                raise SlackError("file_not_found")
            kept["title"] = file.get("title", kept["name"])
            files.append(self._file(file["id"], self.bot_user))
        if args.get("channel_id"):
            self._may_write(self.channels[args["channel_id"]])
            message = {"text": args.get("initial_comment", ""), "thread_ts": args.get("thread_ts")}
            self._posted(
                args["channel_id"], message, files=files, subtype="file_share", upload=True
            )
        return {"files": [{"id": file["id"], "title": file["title"]} for file in files]}

    def _do_files_info(self, args: Args, token: str) -> Args:
        if args["file"] not in self.uploads:
            raise SlackError("file_not_found")
        return {"file": self._file(args["file"], self.bot_user)}

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if self.away:
            return _cut(request)
        kept = self.uploads.get(request.match_info["id"])
        data = await request.read()
        if kept is None or len(data) != kept.get("length"):
            self.faults.append(
                f"upload: {len(data)} bytes, {kept and kept.get('length')} announced"
            )
            return web.Response(status=400, text="bad upload")
        kept["data"] = data
        return web.Response(text=f"OK - {len(data)}")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        met = self._meets("download")
        if self.away or (met and met.kind == "drop"):
            return _cut(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self._record("download", {"path": request.path}, token, 200, None)
        if met and met.kind == "hang":
            await self._released.wait()
            return _cut(request)
        if met:
            return web.Response(status={"busy": 429, "error": 404}.get(met.kind, 500))
        if token not in self.tokens:
            # Slack shows its sign-in page instead of a refusal.
            return web.Response(
                text="<!DOCTYPE html><title>Slack</title>", content_type="text/html"
            )
        await self.slow_downloads.wait()
        self.served += 1
        kept = self.uploads[request.match_info["id"].partition("-")[2]]
        return web.Response(body=kept["data"], content_type=kept["mimetype"])

    # -- Socket Mode -----------------------------------------------------------------------------

    async def _link(self, request: web.Request) -> web.WebSocketResponse:
        if request.query.get("ticket") != "1":
            raise web.HTTPForbidden
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1})
        self.socket = socket
        self.connected.set()
        async for message in socket:
            if message.type == WSMsgType.TEXT:
                ack = json.loads(message.data)
                if (waiting := self._acks.pop(ack["envelope_id"], None)) and not waiting.done():
                    waiting.set_result(ack.get("payload"))
        if self.socket is socket:
            self.socket = None
            self.connected.clear()
        return socket


class SlackError(Exception):
    """Slack's ``error``."""


async def _arguments(request: web.Request) -> Args:
    """From the query, a form or JSON: Slack takes them all."""
    args: Args = dict(request.query)
    if request.content_type == "application/json":
        args |= await request.json()
    elif request.can_read_body:
        args |= dict(await request.post())
    args.pop("token", None)
    return args


def _cut(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _texts(found: Any) -> list[str]:
    """Every ``text`` of type mrkdwn or plain_text in blocks."""
    if isinstance(found, list):
        return [text for item in found for text in _texts(item)]
    if not isinstance(found, dict):
        return []
    own = found.get("text")
    here = [own] if isinstance(own, str) and found.get("type") in ("mrkdwn", "plain_text") else []
    return here + [text for value in found.values() for text in _texts(value)]


def signature(secret: str, stamp: str, body: bytes) -> str:
    """docs.slack.dev, "Verifying requests from Slack"."""
    base = b"v0:" + stamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


def escaped(text: str) -> str:
    """As Slack sends what a person typed."""
    return html.escape(text, quote=False)


def readable(text: str) -> str:
    """As a person reads it: links by their label, entities undone."""
    return html.unescape(LINK.sub(lambda m: m.group(2) or m.group(1), text))


__all__ = ["Call", "Failure", "SlackError", "SlackServer", "escaped", "readable", "signature"]
