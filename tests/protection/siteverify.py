"""A service that hands out tokens to humans and says what they are worth, as Turnstile and hCaptcha do."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from fastapi import FastAPI, Request, Response

from tests.site import free_port, serving

SECRET, SITE_KEY = "the-secret-of-the-console", "the-site-key"


@dataclass
class Siteverify:
    """The service, on a real socket.

    Attributes:
        url: Where tokens are checked.
        asked: Each form that it was sent.
        broken: Whether it answers 200 with a page in place of its verdict.
    """

    url: str
    asked: list[dict[str, str]] = field(default_factory=list)
    broken: bool = False
    _tokens: dict[str, dict[str, Any]] = field(default_factory=dict)

    def solve(self, hostname: str = "localhost", action: str | None = None) -> str:
        """What a widget on a page of this host gives to a human."""
        token = secrets.token_urlsafe(300)
        self._tokens[token] = {"hostname": hostname} | ({} if action is None else {"action": action})
        return token

    def verify(self, form: dict[str, str]) -> dict[str, Any]:
        """The verdict; a token works once."""
        self.asked.append(form)
        if form.get("secret") != SECRET:
            return {"success": False, "error-codes": ["invalid-input-secret"]}
        if form.get("sitekey", SITE_KEY) != SITE_KEY:
            return {"success": False, "error-codes": ["sitekey-secret-mismatch"]}
        found = self._tokens.pop(form.get("response", ""), None)
        if found is None:
            return {"success": False, "error-codes": ["timeout-or-duplicate"]}
        return {"success": True, "challenge_ts": "2026-11-24T09:00:00Z", "error-codes": [], **found}


@asynccontextmanager
async def running_siteverify() -> AsyncIterator[Siteverify]:
    """The service, until the block ends."""
    port, app = free_port(), FastAPI()
    service = Siteverify(f"http://localhost:{port}/siteverify")

    @app.post("/siteverify", response_model=None)
    async def siteverify(request: Request) -> Response | dict[str, Any]:
        if service.broken:
            return Response("<html>Error 1015</html>", media_type="text/html")
        form = parse_qs((await request.body()).decode())
        return service.verify({name: values[0] for name, values in form.items()})

    async with serving(app, port):
        yield service
