"""A real site for tests: FastAPI on a real socket, and browsers that carry tokens in cookies or in headers."""

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx2
import uvicorn
from fastapi import Body, Depends, FastAPI, Request

from tests.services.programs import free_port
from watchword import AppInfo, AuditSettings, Challenge, Protection, SessionContainer, SignUps, Watchword
from watchword.audit.teller import OnEvent
from watchword.clock import SystemClock
from watchword.crypto.passwords import PasswordHasher
from watchword.database.database import Database
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.mail import RenderedMail
from watchword.frameworks.fastapi import create_session, install, verify_session
from watchword.recipes import Session, SessionFeature, ThirdPartyEmailPassword
from watchword.recipes.recipe import Recipe
from watchword.telemetry.hooks import HookLimits
from watchword.telemetry.telemetry import Telemetry

Carry = Literal["cookies", "headers"]
SECRET = "a secret for tests that has at least 32 bytes"
PASSWORD = "correct horse 1"


class FakeClock:
    """A clock that stands still until it is moved; all nodes of a test share it."""

    def __init__(self, now_ms: int = 1_800_000_000_000) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def advance(self, milliseconds: int) -> None:
        self._now_ms += milliseconds


class RunningClock(FakeClock):
    """The clock of this machine, or one that is off by some time."""

    def __init__(self, off_ms: int = 0) -> None:
        super().__init__(off_ms)

    def now_ms(self) -> int:
        return SystemClock().now_ms() + super().now_ms()


class Letterbox:
    """The mail that a site has sent: what a person finds, one letter after the other."""

    def __init__(self) -> None:
        self._mails: asyncio.Queue[RenderedMail] = asyncio.Queue()

    async def send(self, message: RenderedMail) -> None:
        self._mails.put_nowait(message)

    async def take(self) -> RenderedMail:
        """The next mail; waits for it."""
        async with asyncio.timeout(20):
            return await self._mails.get()

    async def take_link(self) -> str:
        """The link in the next mail."""
        found = re.findall(r"https?://\S+token=\S+", (await self.take()).text)
        assert 1 == len(set(found))
        return found[0]

    def is_empty(self) -> bool:
        return self._mails.empty()


@asynccontextmanager
async def serving(app: Any, port: int) -> AsyncIterator[None]:
    """Serve an ASGI application on a real socket of this machine."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="warning", lifespan="on"))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined] - older uvicorn; harmless elsewhere
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            task.result()
            raise RuntimeError("the application did not start; see its log")
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await task


def example_app(auth: Watchword) -> FastAPI:
    """The routes that tests call, as a user of Watchword would write them."""
    app = FastAPI()
    install(app, auth)

    @app.get("/me")
    async def me(session: SessionContainer = Depends(verify_session(auth))) -> dict[str, Any]:
        return {"handle": session.handle, "userId": session.user_id, "payload": session.jwt_payload}

    @app.get("/maybe")
    async def maybe(
        session: SessionContainer | None = Depends(verify_session(auth, session_required=False)),
    ) -> dict[str, Any]:
        return {"userId": None if session is None else session.user_id}

    @app.post("/act")
    async def act(session: SessionContainer = Depends(verify_session(auth))) -> dict[str, Any]:
        return {"userId": session.user_id}

    @app.get("/exact")
    async def exact(session: SessionContainer = Depends(verify_session(auth, check_database=True))) -> dict[str, Any]:
        return {"userId": session.user_id}

    @app.get("/data")
    async def data(session: SessionContainer = Depends(verify_session(auth))) -> dict[str, Any]:
        return await session.get_session_data()

    @app.put("/payload")
    async def replace(
        payload: dict[str, Any] = Body(), session: SessionContainer = Depends(verify_session(auth))
    ) -> dict[str, Any]:
        await session.update_jwt_payload(payload)
        return session.jwt_payload

    @app.patch("/payload")
    async def merge(
        payload: dict[str, Any] = Body(), session: SessionContainer = Depends(verify_session(auth))
    ) -> dict[str, Any]:
        await session.merge_into_jwt_payload(payload)
        return session.jwt_payload

    @app.put("/data")
    async def replace_data(
        payload: dict[str, Any] = Body(), session: SessionContainer = Depends(verify_session(auth))
    ) -> dict[str, Any]:
        await session.update_session_data(payload)
        return await session.get_session_data()

    @app.post("/revoke")
    async def revoke(session: SessionContainer = Depends(verify_session(auth))) -> dict[str, Any]:
        await session.revoke()
        return {}

    @app.post("/login")
    async def login(request: Request, payload: dict[str, Any] = Body()) -> dict[str, Any]:
        session = await create_session(
            auth, request, user_id=payload["userId"], jwt_payload=payload.get("jwtPayload", {})
        )
        return {"handle": session.handle}

    @app.get("/broken")
    async def broken() -> None:
        raise RuntimeError("the application's own mistake")

    return app


@dataclass
class Browser:
    """Keeps tokens as a real client does, in one of the two transports."""

    client: httpx2.AsyncClient
    carry: Carry
    headers: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """One request with what the browser holds, remembering what comes back."""
        headers = {"st-auth-mode": self.carry.removesuffix("s"), "rid": "anti-csrf", **self.headers}
        if "anti-csrf" in self.tokens:
            headers["anti-csrf"] = self.tokens["anti-csrf"]
        wanted = "st-refresh-token" if path.endswith("/session/refresh") else "st-access-token"
        if self.carry == "headers" and self.tokens.get(wanted):
            headers["authorization"] = f"Bearer {self.tokens[wanted]}"
        headers |= options.pop("headers", {})
        answer = await self.client.request(method, path, headers=headers, **options)
        for name in ("st-access-token", "st-refresh-token", "front-token", "anti-csrf"):
            if name in answer.headers:
                self.tokens[name] = answer.headers[name]
        return answer

    async def post_form(self, path: str, fields: dict[str, Any], **options: Any) -> httpx2.Response:
        """POST `formFields` as the official clients do."""
        body = {"formFields": [{"id": key, "value": value} for key, value in fields.items()]}
        return await self.call("POST", path, json=body, **options)

    async def sign_up(self, email: str = "ada@example.com", password: str = PASSWORD, **more: Any) -> httpx2.Response:
        return await self.post_form("/auth/signup", {"email": email, "password": password, **more})

    async def sign_in(self, email: str = "ada@example.com", password: str = PASSWORD) -> httpx2.Response:
        return await self.post_form("/auth/signin", {"email": email, "password": password})

    async def refresh(self, **options: Any) -> httpx2.Response:
        return await self.call("POST", "/auth/session/refresh", **options)

    async def get(self, path: str, **options: Any) -> httpx2.Response:
        return await self.call("GET", path, **options)

    @property
    def front_token(self) -> dict[str, Any]:
        """The front token, decoded as `atob` would: standard alphabet, padded."""
        return json.loads(base64.b64decode(self.tokens["front-token"], validate=True))


@dataclass
class Site:
    """A running application and what a test needs of it."""

    url: str
    auth: Watchword
    clock: FakeClock
    mail: Letterbox = field(default_factory=Letterbox)
    clients: list[httpx2.AsyncClient] = field(default_factory=list)

    async def post_mail(self) -> None:
        """Wait until no mail waits to be sent."""
        async with asyncio.timeout(20):
            while (await self.auth.outbox.get_progress()).waiting:  # noqa: ASYNC110 - the worker says nothing to us
                await asyncio.sleep(0.01)

    def browser(self, carry: Carry = "cookies", **headers: str) -> Browser:
        """A new browser without anything in it."""
        client = httpx2.AsyncClient(base_url=self.url, timeout=30, trust_env=False)
        self.clients.append(client)
        return Browser(client, carry, headers)


@asynccontextmanager
async def running_site(
    database_url: str | Database,
    *,
    recipes: Sequence[Recipe] | None = None,
    session: Session | None = None,
    session_feature: SessionFeature | None = None,
    clock: FakeClock | None = None,
    protection: Protection | None = None,
    audit: AuditSettings | None = None,
    on_event: OnEvent | None = None,
    challenge: Challenge | None = None,
    sign_ups: SignUps | None = None,
    website_domain: str | None = None,
    add_routes: Callable[[FastAPI, Watchword], None] = lambda _app, _auth: None,
    hook_limits: HookLimits | None = None,
    telemetry: Telemetry | None = None,
    **app_info: Any,
) -> AsyncIterator[Site]:
    """A site on one database, given by URL or open; with the recipes of the seed unless others are given."""
    port = free_port()
    url = f"http://localhost:{port}"
    clock, mail = clock or FakeClock(), Letterbox()
    chosen = list(recipes) if recipes is not None else [ThirdPartyEmailPassword(session_feature=session_feature)]
    if session is not None:
        chosen.append(session)
    auth = Watchword(
        app_info=AppInfo(
            app_name="Test",
            api_domain=app_info.pop("api_domain", url),
            website_domain=website_domain or url,
            **app_info,
        ),
        database=database_url,
        secret=SECRET,
        recipe_list=chosen,
        clock=clock,
        protection=protection,
        audit=audit,
        on_event=on_event,
        challenge=challenge,
        sign_ups=sign_ups,
        hook_limits=hook_limits,
        telemetry=telemetry,
        passwords=PasswordHasher(workers=2),
        email_delivery=EmailDelivery(mail),
    )
    app = example_app(auth)
    add_routes(app, auth)
    async with serving(app, port):
        site = Site(url, auth, clock, mail)
        try:
            yield site
        finally:
            for client in site.clients:
                await client.aclose()
