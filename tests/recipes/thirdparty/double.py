"""A provider on a real socket that does what it should, or misbehaves in each way a test asks for."""

import asyncio
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.services.programs import free_port
from watchword.clock import Clock
from watchword.crypto.base64url import encode_base64url
from watchword.crypto.jwt import SigningKey, generate_signing_key, sign

Misbehaviour = Callable[[Request], Any]
CLIENT_ID = "the-client"
CLIENT_SECRET = "the secret of the client"
ADA = {"sub": "248289761001", "email": "ada@example.com", "email_verified": True, "name": "Ada"}


@dataclass
class Attempt:
    """What the provider remembers of a code."""

    client_id: str
    redirect_uri: str
    challenge: str | None
    nonce: str | None
    claims: dict[str, Any]


@dataclass
class ProviderDouble:
    """An OpenID provider. Change a field to make it misbehave; every request is counted by path.

    Attributes:
        person: Who sits at the browser: the claims of id_token and user info.
        announced: Members put over the discovery document; `None` removes one.
        misbehave: By path, what to answer instead.
        checks_pkce: Whether it does what PKCE is for.
        change_claims: Changes the id_token's claims just before it is signed.
        change_token: Changes the signed id_token.
        key: What signs. `published` are the keys it tells of.
    """

    issuer: str
    clock: Clock
    key: SigningKey = field(default_factory=lambda: generate_signing_key("ES256", "key-1"))
    person: dict[str, Any] = field(default_factory=lambda: dict(ADA))
    announced: dict[str, Any] = field(default_factory=dict)
    misbehave: dict[str, Misbehaviour] = field(default_factory=dict)
    checks_pkce: bool = True
    names_itself: bool = False
    change_claims: Callable[[dict[str, Any]], None] = lambda _: None
    change_token: Callable[[str], str] = lambda token: token
    change_answer: Callable[[dict[str, Any]], None] = lambda _: None
    change_profile: Callable[[dict[str, Any]], Any] = lambda profile: profile
    published: list[dict[str, Any]] | None = None
    key_headers: dict[str, str] = field(default_factory=dict)
    codes: dict[str, Attempt] = field(default_factory=dict)
    access_tokens: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    forms: list[dict[str, str]] = field(default_factory=list)
    basic: list[str | None] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def count(self, path: str) -> int:
        """How often a path was asked for."""
        return self.requests.count(path)

    def app(self) -> Starlette:
        """The provider as an ASGI application."""
        paths: dict[str, Any] = {
            "/.well-known/openid-configuration": self.discovery,
            "/keys": self.keys,
            "/authorize": self.authorize,
            "/token": self.token,
            "/userinfo": self.userinfo,
        }
        return Starlette(
            routes=[Route(path, self._counted(path, answer), methods=["GET", "POST"]) for path, answer in paths.items()]
        )

    def _counted(self, path: str, answer: Any) -> Any:
        async def endpoint(request: Request) -> Response:
            self.requests.append(path)
            if path in self.misbehave:
                return await self.misbehave[path](request)
            return await answer(request)

        return endpoint

    async def hang(self, _request: Request) -> Response:
        """Never answer, until the test is over."""
        await self.released.wait()
        return Response(status_code=503)

    async def discovery(self, _request: Request) -> Response:
        """The discovery document."""
        document: dict[str, Any] = {
            "issuer": self.issuer,
            "authorization_endpoint": self.issuer + "/authorize",
            "token_endpoint": self.issuer + "/token",
            "userinfo_endpoint": self.issuer + "/userinfo",
            "jwks_uri": self.issuer + "/keys",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["ES256", "RS256", "EdDSA"],
            "code_challenge_methods_supported": ["plain", "S256"],
        }
        if self.names_itself:
            document["authorization_response_iss_parameter_supported"] = True
        document |= self.announced
        return JSONResponse({name: value for name, value in document.items() if value is not None})

    async def keys(self, _request: Request) -> Response:
        """The published keys."""
        keys = [self.key.public_jwk] if self.published is None else self.published
        return JSONResponse({"keys": keys}, headers=self.key_headers)

    async def authorize(self, request: Request) -> Response:
        """The person agrees at once, and the browser goes back with a code."""
        asked = request.query_params
        if asked.get("response_type") != "code" or "redirect_uri" not in asked:
            return Response(status_code=400)
        back = {"code": self.new_code(dict(asked)), "state": asked.get("state", "")}
        if self.names_itself:
            back["iss"] = self.issuer
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", 302)

    def new_code(self, asked: dict[str, str]) -> str:
        """A code for an authorization request with these parameters."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = Attempt(
            client_id=asked["client_id"],
            redirect_uri=asked["redirect_uri"],
            challenge=asked.get("code_challenge"),
            nonce=asked.get("nonce"),
            claims=dict(self.person),
        )
        return code

    async def token(self, request: Request) -> Response:
        """Exchange a code, once."""
        form = dict(parse_qsl((await request.body()).decode()))
        self.forms.append(form)
        self.basic.append(request.headers.get("authorization"))
        attempt = self.codes.pop(form.get("code", ""), None)
        if attempt is None or not self._redeems(attempt, form):
            return JSONResponse({"error": "invalid_grant", "error_description": "<b>no</b>"}, 400)
        answer = self.tokens_for(attempt.claims, form["client_id"], attempt.nonce)
        self.change_answer(answer)
        return JSONResponse(answer)

    def _redeems(self, attempt: Attempt, form: dict[str, str]) -> bool:
        if (attempt.client_id, attempt.redirect_uri) != (form.get("client_id"), form.get("redirect_uri")):
            return False
        if not self.checks_pkce:
            return True
        verifier = form.get("code_verifier")
        if attempt.challenge is None or verifier is None:
            return attempt.challenge is None and verifier is None
        return encode_base64url(hashlib.sha256(verifier.encode()).digest()) == attempt.challenge

    def tokens_for(self, person: dict[str, Any], client_id: str, nonce: str | None = None) -> dict[str, Any]:
        """A token endpoint's answer for a person; also what a mobile SDK would hold."""
        access_token = secrets.token_urlsafe(16)
        self.access_tokens[access_token] = person
        now_seconds = self.clock.now_ms() // 1000
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": client_id,
            "iat": now_seconds,
            "exp": now_seconds + 3600,
            "at_hash": left_half("sha256", access_token),
            **person,
        }
        if nonce is not None:
            claims["nonce"] = nonce
        self.change_claims(claims)
        id_token = self.change_token(sign({}, json.dumps(claims).encode(), self.key))
        return {"access_token": access_token, "token_type": "Bearer", "expires_in": 3600, "id_token": id_token}

    async def userinfo(self, request: Request) -> Response:
        """The profile of whom the access token is for."""
        person = self.access_tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
        if person is None:
            return JSONResponse({"error": "invalid_token"}, 401)
        return JSONResponse(self.change_profile(dict(person)))


def left_half(hash_name: str, access_token: str) -> str:
    """The value of `at_hash`, calculated apart from the code under test."""
    digest = hashlib.new(hash_name, access_token.encode()).digest()
    return encode_base64url(digest[: len(digest) // 2])


@asynccontextmanager
async def quickly_serving(app: Starlette, port: int) -> AsyncIterator[None]:
    """Serve on a real socket; without uvicorn's loop around it, stopping takes no tenth of a second."""
    config = uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="off")
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield
    finally:
        await server.shutdown()


@asynccontextmanager
async def running_provider(clock: Clock) -> AsyncIterator[ProviderDouble]:
    """A provider on a free port of this machine."""
    port = free_port()
    double = ProviderDouble(f"http://127.0.0.1:{port}", clock)
    async with quickly_serving(double.app(), port):
        try:
            yield double
        finally:
            double.released.set()


def query_of(url: str) -> dict[str, str]:
    """The query of a URL; each name may be there once."""
    return {name: value for name, [value] in parse_qs(urlsplit(url).query, strict_parsing=True).items()}
