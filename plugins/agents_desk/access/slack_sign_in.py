"""Sign in with Slack: OpenID Connect's authorization-code flow with state, nonce and PKCE.

Slack signs the identity token (RS256); its public keys are fetched from Slack. Only members of one
workspace may sign in. They are agents unless the settings, or later an admin, give another role.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
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
    PluginStorage,
    PublicHttp,
    StoredValue,
    TooLarge,
    Value,
    WarmlineError,
    read_bounded,
)
from plugins.agents_desk.access.accounts import (
    PLUGIN,
    DeskAccount,
    DeskAccounts,
    delete_entry,
    stored_entries,
)
from plugins.agents_desk.access.sessions import DeskSessions, browser_name
from plugins.agents_desk.access.throttle import SignInThrottle
from plugins.agents_desk.guard import RequestGuard, safe_target
from plugins.agents_desk.html import HtmlRenderer, redirect
from plugins.agents_desk.settings import DeskSettings, Role

log = structlog.get_logger(__name__)

ISSUER = "https://slack.com"
FLOW_PREFIX = "flow/"
COOKIE = "desk-slack"
FLOW_EXPIRES_AFTER = timedelta(minutes=10)
CALL_TIMEOUT = 10
"""Seconds that one call to Slack may take."""
KEYS_MAX_BYTES = 100_000
UNREADABLE_KEYS = (TooLarge, msgspec.DecodeError, jwt.PyJWTError, AttributeError, TypeError)


class SlackSignInRefused(WarmlineError):
    """Why Slack's answer does not sign the person in; the message completes a sentence."""


class PendingSlackSignIn(Value, frozen=True, kw_only=True):
    """A sign-in that has gone to Slack: the browser it began in (as a digest), and the secrets that
    must match when it returns."""

    browser: str
    nonce: str
    verifier: str
    return_to: str = msgspec.field(name="wanted")
    at: datetime


@dataclass(kw_only=True)
class SlackSignIn:
    """Sends people to Slack and signs them in when they return. Create it only with settings that
    name a Slack app."""

    settings: DeskSettings
    storage: PluginStorage
    accounts: DeskAccounts
    sessions: DeskSessions
    throttle: SignInThrottle
    guard: RequestGuard
    html: HtmlRenderer
    audit: AuditLog
    clock: Clock
    public_http: PublicHttp
    public_url: str

    def __post_init__(self) -> None:
        secret = self.settings.slack_client_secret
        self._client_id = self.settings.slack_client_id or ""
        self._client_secret = secret.get_secret_value() if secret else ""
        self._redirect_uri = f"{self.public_url.rstrip('/')}/desk/slack/back"
        self._site = URL(self.settings.slack_api_base).origin()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/desk/slack", self._begin),
            web.get("/desk/slack/back", self._finish),
        ]

    async def _begin(self, request: web.Request) -> web.Response:
        """Store what must match later, and send the browser to Slack."""
        state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        pending = PendingSlackSignIn(
            browser=_digest(browser),
            nonce=nonce,
            verifier=verifier,
            return_to=safe_target(request.query.get("next", "")),
            at=self.clock.now(),
        )
        text = msgspec.json.encode(pending).decode()
        await self.storage.put(PLUGIN, FLOW_PREFIX + _digest(state), text)
        query = {
            "response_type": "code",
            "scope": "openid profile",
            "client_id": self._client_id,
            "redirect_uri": self._redirect_uri,
            "state": state,
            "nonce": nonce,
            "team": self.settings.slack_team or "",
            "code_challenge": _code_challenge(verifier),
            "code_challenge_method": "S256",
        }
        response = redirect(f"{self._site}/openid/connect/authorize?{urlencode(query)}")
        # Lax, because the browser must send it when Slack redirects back.
        response.set_cookie(
            COOKIE,
            browser,
            path="/desk/slack",
            max_age=int(FLOW_EXPIRES_AFTER.total_seconds()),
            httponly=True,
            secure=self.public_url.startswith("https://"),
            samesite="Lax",
        )
        return response

    async def _finish(self, request: web.Request) -> web.Response:
        """Verify what came back from Slack and sign the person in."""
        origin = self.guard.client_address(request)
        try:
            pending = await self._take_pending(request)
            claims = await self._fetch_claims(request.query.get("code", ""), pending)
            account = await self._account_of(claims)
        except SlackSignInRefused as refused:
            log.warning("desk.slack_refused", why=str(refused), address=origin)
            await self.audit.record("", "sign_in_failed", origin=origin, detail=str(refused))
            text = f"You could not be signed in with Slack: {refused}."
            return self.html.message("Not signed in", text, status=403)
        response = redirect(pending.return_to)
        response.del_cookie(COOKIE, path="/desk/slack")
        await self.sessions.end_previous(request)
        named = browser_name(request)
        session = await self.sessions.start(account, response, origin, browser=named)
        if not session.step:
            browser = self.sessions.name_browser(request, response)
            await self.throttle.remember(account.name.casefold(), browser)
            await self.audit.record(account.agent.id, "signed_in", origin=origin, detail="by Slack")
            log.info("desk.signed_in", agent=account.agent.id)
        return response

    async def _take_pending(self, request: web.Request) -> PendingSlackSignIn:
        """The pending sign-in of this request. It can be used once, within 10 minutes, and only by
        the browser that began it. Raises SlackSignInRefused."""
        key = FLOW_PREFIX + _digest(request.query.get("state", ""))
        entry = await self.storage.get(PLUGIN, key)
        if entry is None:
            raise SlackSignInRefused(
                "this sign-in was not started here or has expired; please start again"
            )
        if not await delete_entry(self.storage, entry):
            raise SlackSignInRefused("this sign-in was already used")
        pending = _decode(entry)
        browser = _digest(request.cookies.get(COOKIE, ""))
        if not hmac.compare_digest(browser, pending.browser):
            raise SlackSignInRefused("this sign-in was started in another browser")
        if self._is_expired(pending):
            raise SlackSignInRefused("it took too long; please start again")
        if "error" in request.query:
            raise SlackSignInRefused("you did not allow it in Slack")
        return pending

    async def _fetch_claims(self, code: str, pending: PendingSlackSignIn) -> dict[str, Any]:
        """The verified claims of the identity token. Raises SlackSignInRefused."""
        client = AsyncWebClient(base_url=self.settings.slack_api_base, timeout=CALL_TIMEOUT)
        try:
            token = await client.openid_connect_token(
                client_id=self._client_id,
                client_secret=self._client_secret,
                code=code,
                redirect_uri=self._redirect_uri,
                grant_type="authorization_code",
                code_verifier=pending.verifier,
            )
            claims = await self._verify(str(token["id_token"]), pending)
            client.token = str(token["access_token"])
            user_info = await client.openid_connect_userInfo()
        except (SlackClientError, KeyError) as error:
            raise SlackSignInRefused("Slack did not confirm it") from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise SlackSignInRefused("Slack could not be reached") from error
        if user_info["sub"] != claims["sub"]:
            raise SlackSignInRefused("Slack's answers name two different people")
        return claims

    async def _verify(self, token: str, pending: PendingSlackSignIn) -> dict[str, Any]:
        keys = await self._fetch_keys()
        try:
            key_id = jwt.get_unverified_header(token).get("kid")
            key = next(key for key in keys.keys if key.key_id == key_id)
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=self._client_id,
                issuer=ISSUER,
                leeway=30,
                options={"require": ["exp", "iat", "aud", "iss", "sub", "nonce"]},
            )
        except (jwt.PyJWTError, StopIteration) as error:
            reason = f"Slack's token is not valid ({type(error).__name__})"
            raise SlackSignInRefused(reason) from error
        if not hmac.compare_digest(str(claims["nonce"]), pending.nonce):
            raise SlackSignInRefused("Slack's token is for another sign-in")
        return claims

    async def _fetch_keys(self) -> jwt.PyJWKSet:
        timeout = aiohttp.ClientTimeout(total=CALL_TIMEOUT)
        async with (
            self.public_http.session(own=(str(self._site),), timeout=timeout) as http,
            http.get(self._site / "openid/connect/keys", allow_redirects=False) as response,
        ):
            try:
                body = await read_bounded(response.content.iter_chunked(16_384), KEYS_MAX_BYTES)
                return jwt.PyJWKSet.from_dict(msgspec.json.decode(body))
            except UNREADABLE_KEYS as error:
                raise SlackSignInRefused("Slack's keys could not be read") from error

    async def _account_of(self, claims: dict[str, Any]) -> DeskAccount:
        """The account of the person, created at the first sign-in. Raises SlackSignInRefused."""
        if claims.get("https://slack.com/team_id") != self.settings.slack_team:
            raise SlackSignInRefused("you are not a member of this workspace")
        user = str(claims.get("https://slack.com/user_id", ""))
        if not user.isalnum():
            raise SlackSignInRefused("Slack's token names no user")
        agent = Agent(id=f"slack:{user}", name=str(claims.get("name") or user)[:80])
        role = self._role_in_settings(user)
        new = DeskAccount(name=agent.id, agent=agent, role=role or "agent")

        def update(old: DeskAccount) -> DeskAccount:
            # Without a role in the settings, the role that an admin gave stays.
            return old.replace(agent=old.agent.replace(name=agent.name), role=role or old.role)

        try:
            await self.accounts.add(new)
        except WarmlineError:
            account = await self.accounts.change(agent.id, update)
        else:
            account = new
            await self.audit.record(agent.id, "user_added", detail=f"by Slack as {new.role}")
        if account.locked:
            raise SlackSignInRefused("your account is locked; ask an admin")
        return account

    def _role_in_settings(self, user: str) -> Role | None:
        if user in self.settings.slack_admins:
            return "admin"
        return "lead" if user in self.settings.slack_leads else None

    def _is_expired(self, pending: PendingSlackSignIn) -> bool:
        return self.clock.now() - pending.at > FLOW_EXPIRES_AFTER

    async def delete_expired(self) -> None:
        """Delete pending sign-ins that never came back from Slack."""
        async for entry in stored_entries(self.storage, FLOW_PREFIX):
            if self._is_expired(_decode(entry)):
                await delete_entry(self.storage, entry)


def _decode(entry: StoredValue) -> PendingSlackSignIn:
    return msgspec.json.decode(entry.value, type=PendingSlackSignIn)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _code_challenge(verifier: str) -> str:
    """RFC 7636, method S256."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
