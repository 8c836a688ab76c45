"""Slack's OpenID Connect on a local server: authorize, token, userInfo and keys.

Follows Slack's documentation ("Sign in with Slack", methods ``openid.connect.token`` and
``openid.connect.userInfo``): a code works once, the redirect URI and the PKCE verifier must match,
and the identity is a token signed with RS256 by a key of the list.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET, TEAM = "123.456", "s3cret-of-slack", "T0SHOP"


class SlackOpenId:
    """One workspace, whose member ``user`` allows every sign-in."""

    def __init__(self) -> None:
        self.url = ""
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.user, self.name, self.team = "U0EVE", "Eve Adler", TEAM
        self.claims: dict[str, Any] = {}
        self.headers: dict[str, str] = {"kid": "k1"}
        self.signing: Any = self.key
        self.algorithm = "RS256"
        self.info: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.asked: list[dict[str, str]] = []

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(
            [
                web.get("/openid/connect/authorize", self._authorize),
                web.get("/openid/connect/keys", self._keys),
                web.post("/api/openid.connect.token", self._token),
                web.route("*", "/api/openid.connect.userInfo", self._user_info),
            ]
        )
        return app

    async def _authorize(self, request: web.Request) -> web.Response:
        asked = dict(request.query)
        assert asked["client_id"] == CLIENT
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        assert "openid" in asked["scope"].split(" ")
        self.asked.append(asked)
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        to = f"{asked['redirect_uri']}?code={code}&state={asked['state']}"
        return web.Response(status=302, headers={"Location": to})

    async def _token(self, request: web.Request) -> web.Response:
        form = await request.post()
        basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {basic}":
            return web.json_response({"ok": False, "error": "bad_client_secret"})
        asked = self.codes.pop(str(form.get("code", "")), None)
        if asked is None:
            return web.json_response({"ok": False, "error": "invalid_code"})
        if form.get("redirect_uri") != asked["redirect_uri"]:
            return web.json_response({"ok": False, "error": "bad_redirect_uri"})
        digest = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
        if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
            return web.json_response({"ok": False, "error": "bad_code_verifier"})
        return web.json_response(
            {"ok": True, "access_token": "xoxp-eve", "token_type": "Bearer",
             "id_token": self._id_token(asked["nonce"])}
        )  # fmt: skip

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": "https://slack.com",
            "sub": self.user,
            "aud": CLIENT,
            "exp": now + 300,
            "iat": now,
            "nonce": nonce,
            "name": self.name,
            "https://slack.com/team_id": self.team,
            "https://slack.com/user_id": self.user,
            **self.claims,
        }
        return jwt.encode(claims, self.signing, algorithm=self.algorithm, headers=self.headers)

    async def _user_info(self, request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != "Bearer xoxp-eve":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        return web.json_response({"ok": True, "sub": self.user, **self.info})

    async def _keys(self, _: web.Request) -> web.Response:
        public = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key())
        known = {**json.loads(public), "kid": "k1", "use": "sig", "alg": "RS256"}
        return web.json_response({"keys": [known]})
