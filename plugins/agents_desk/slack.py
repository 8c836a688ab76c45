"""Sign in with Slack: OpenID Connect's authorization-code flow with state, nonce and PKCE.

The identity comes as a token that Slack signs (RS256); its keys are fetched from Slack. Members of
one workspace alone come in, as agents unless the settings, or an admin later, say otherwise.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import aiohttp
import jwt
import msgspec
import structlog
from aiohttp import web
from slack_sdk.errors import SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from yarl import URL

from gateway import (
    Agent,
    AuditLog,
    Clock,
    Outdated,
    PluginStorage,
    PublicHttp,
    StoredValue,
    Value,
    WarmlineError,
)
from plugins.agents_desk.accounts import GUEST, Account, Accounts
from plugins.agents_desk.guard import Guard, ours, redirect
from plugins.agents_desk.paper import Paper
from plugins.agents_desk.roles import Role
from plugins.agents_desk.sessions import Sessions
from plugins.agents_desk.settings import DeskSettings

log = structlog.get_logger(__name__)

ISSUER = "https://slack.com"
FLOW = "flow/"
COOKIE = "desk-slack"
MINUTES = timedelta(minutes=10)
PATIENCE = 10
"""Seconds that one call to Slack may take."""
MOST = 100_000
"""Bytes that Slack's list of keys may have."""


class Refused(WarmlineError):
    """Why Slack's word is not enough to come in."""


class Flow(Value, frozen=True, kw_only=True):
    """A visit to Slack that has begun: in which browser, and what has to come back."""

    browser: str
    nonce: str
    verifier: str
    wanted: str
    at: datetime


class SlackSignIn:
    """``callback`` is our address for Slack to send people back to."""

    def __init__(
        self,
        settings: DeskSettings,
        *,
        storage: PluginStorage,
        accounts: Accounts,
        sessions: Sessions,
        guard: Guard,
        paper: Paper,
        audit: AuditLog,
        clock: Clock,
        public_http: PublicHttp,
        public_url: str,
    ) -> None:
        self._settings, self._notebook, self._accounts = settings, storage, accounts
        self._sessions, self._guard, self._paper = sessions, guard, paper
        self._audit, self._clock, self._outside = audit, clock, public_http
        self._secure = public_url.startswith("https://")
        self._callback = f"{public_url.rstrip('/')}/desk/slack/back"
        self._site = URL(settings.slack_api_base).origin()
        secret = settings.slack_client_secret
        self._id = settings.slack_client_id or ""
        self._secret = secret.get_secret_value() if secret else ""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/desk/slack", self._leave),
            web.get("/desk/slack/back", self._return),
        ]

    async def _leave(self, request: web.Request) -> web.Response:
        """Off to Slack. What has to come back is kept for this browser, for ten minutes."""
        state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        flow = Flow(
            browser=_digest(browser),
            nonce=nonce,
            verifier=verifier,
            wanted=ours(request.query.get("next", "")),
            at=self._clock.now(),
        )
        text = msgspec.json.encode(flow).decode()
        await self._notebook.put(GUEST, FLOW + _digest(state), text)
        asked = {
            "response_type": "code",
            "scope": "openid profile",
            "client_id": self._id,
            "redirect_uri": self._callback,
            "state": state,
            "nonce": nonce,
            "team": self._settings.slack_team or "",
            "code_challenge": _challenge(verifier),
            "code_challenge_method": "S256",
        }
        response = redirect(f"{self._site}/openid/connect/authorize?{urlencode(asked)}")
        # Lax: it has to come along when Slack sends the browser back.
        response.set_cookie(
            COOKIE,
            browser,
            path="/desk/slack",
            max_age=int(MINUTES.total_seconds()),
            httponly=True,
            secure=self._secure,
            samesite="Lax",
        )
        return response

    async def _return(self, request: web.Request) -> web.Response:
        origin = self._guard.origin(request)
        try:
            flow = await self._taken(request)
            claims = await self._claims(request.query.get("code", ""), flow)
            account = await self._known(claims)
        except Refused as refused:
            log.warning("desk.slack_refused", why=str(refused), address=origin)
            await self._audit.record("", "sign_in_failed", origin=origin, detail=str(refused))
            text = f"Slack did not sign you in: {refused}."
            return self._paper.plain("Not signed in", text, status=403)
        response = redirect(flow.wanted)
        response.del_cookie(COOKIE, path="/desk/slack")
        await self._sessions.end_elsewhere(request)
        await self._audit.record(account.agent.id, "signed_in", origin=origin, detail="by Slack")
        await self._sessions.start(account, response, origin)
        log.info("desk.signed_in", agent=account.agent.id)
        return response

    async def _taken(self, request: web.Request) -> Flow:
        """The flow that comes back with this request: once, in time, and in its own browser."""
        key = FLOW + _digest(request.query.get("state", ""))
        entry = await self._notebook.get(GUEST, key)
        if entry is None:
            raise Refused("this sign-in was not begun here, or is over; please begin again")
        try:
            await self._notebook.drop(GUEST, key, version=entry.version)
        except Outdated:
            raise Refused("this sign-in was used already") from None
        flow = _flow(entry)
        mine = _digest(request.cookies.get(COOKIE, ""))
        if not hmac.compare_digest(mine, flow.browser):
            raise Refused("this sign-in was begun in another browser")
        if self._clock.now() - flow.at > MINUTES:
            raise Refused("it took too long; please begin again")
        if "error" in request.query:
            raise Refused("it was not allowed there")
        return flow

    async def _claims(self, code: str, flow: Flow) -> dict[str, Any]:
        """Who it is, in Slack's signed words. Raises Refused."""
        client = AsyncWebClient(base_url=self._settings.slack_api_base, timeout=PATIENCE)
        try:
            token = await client.openid_connect_token(
                client_id=self._id,
                client_secret=self._secret,
                code=code,
                redirect_uri=self._callback,
                grant_type="authorization_code",
                code_verifier=flow.verifier,
            )
            claims = await self._verified(str(token["id_token"]), flow)
            client.token = str(token["access_token"])
            now = await client.openid_connect_userInfo()
        except (SlackClientError, KeyError) as error:
            raise Refused("Slack did not confirm it") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise Refused("Slack could not be reached") from error
        if now["sub"] != claims["sub"]:
            raise Refused("Slack speaks of two different people")
        return claims

    async def _verified(self, token: str, flow: Flow) -> dict[str, Any]:
        keys = await self._keys()
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = next(one for one in keys.keys if one.key_id == kid)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._id,
                issuer=ISSUER,
                leeway=30,
                options={"require": ["exp", "iat", "aud", "iss", "sub", "nonce"]},
            )
        except (jwt.PyJWTError, StopIteration) as error:
            raise Refused(f"its token is not valid ({type(error).__name__})") from error
        if not hmac.compare_digest(str(claims["nonce"]), flow.nonce):
            raise Refused("its token is for another sign-in")
        return claims

    async def _keys(self) -> jwt.PyJWKSet:
        timeout = aiohttp.ClientTimeout(total=PATIENCE)
        async with (
            self._outside.session(own=(str(self._site),), timeout=timeout) as http,
            http.get(self._site / "openid/connect/keys", allow_redirects=False) as answer,
        ):
            body = bytearray()
            async for chunk in answer.content.iter_chunked(16_384):
                body += chunk
                if len(body) > MOST:
                    raise Refused("Slack's keys could not be read")
        try:
            return jwt.PyJWKSet.from_dict(msgspec.json.decode(body))
        except (msgspec.DecodeError, jwt.PyJWTError, AttributeError, TypeError) as error:
            raise Refused("Slack's keys could not be read") from error

    async def _known(self, claims: dict[str, Any]) -> Account:
        """The account of the person; made at the first time. Raises Refused."""
        if claims.get("https://slack.com/team_id") != self._settings.slack_team:
            raise Refused("you are not a member of this workspace")
        user = str(claims.get("https://slack.com/user_id", ""))
        if not user.isalnum():
            raise Refused("its token names nobody")
        agent = Agent(id=f"slack:{user}", name=str(claims.get("name") or user)[:80])
        new = Account(name=agent.id, agent=agent, role=self._role(user) or "agent")
        try:
            await self._accounts.add(new)
        except WarmlineError:
            account = await self._accounts.change(agent.id, lambda old: self._fresh(old, new))
        else:
            account = new
            await self._audit.record(agent.id, "user_added", detail=f"by Slack as {new.role}")
        if account.locked:
            raise Refused("your account is locked; ask an admin")
        return account

    def _fresh(self, old: Account, new: Account) -> Account:
        """Name as Slack has it now; the role that an admin gave stays where the settings name
        none."""
        user = new.name.removeprefix("slack:")
        agent = old.agent.replace(name=new.agent.name)
        return old.replace(agent=agent, role=self._role(user) or old.role)

    def _role(self, user: str) -> Role | None:
        """What the settings say of a user; None when they say nothing."""
        if user in self._settings.slack_admins:
            return "admin"
        return "lead" if user in self._settings.slack_leads else None

    async def tidy(self) -> None:
        """Forget visits to Slack that nobody came back from."""
        after = ""
        while page := await self._notebook.scan(GUEST, FLOW, after=after):
            for entry in page:
                if self._clock.now() - _flow(entry).at > MINUTES:
                    await self._forget(entry)
            after = page[-1].key

    async def _forget(self, entry: StoredValue) -> None:
        try:
            await self._notebook.drop(GUEST, entry.key, version=entry.version)
        except Outdated:
            return  # it came back at this moment


def _flow(entry: StoredValue) -> Flow:
    return msgspec.json.decode(entry.value, type=Flow)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _challenge(verifier: str) -> str:
    """RFC 7636, method S256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
