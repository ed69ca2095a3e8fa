"""An application of one's own for each test: bare, with Watchword installed, served on a real socket."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from fastapi import Body, FastAPI, Request

from tests.site import SECRET, free_port, serving
from watchword import AppInfo, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.frameworks.fastapi import create_session, install
from watchword.recipes import EmailPassword
from watchword.recipes.recipe import Recipe

#: Another origin than the API's, so that the cross-origin headers matter.
WEBSITE = "http://localhost:3000"


@dataclass
class Own:
    """A FastAPI application to which a test adds routes before it serves it."""

    app: FastAPI
    auth: Watchword
    port: int

    @asynccontextmanager
    async def serve(self, app: Any = None) -> AsyncIterator[httpx2.AsyncClient]:
        """Serve it, or an application around it, and answer with a client that sends the website's origin."""
        url, headers = f"http://localhost:{self.port}", {"origin": WEBSITE}
        async with (
            serving(app or self.app, self.port),
            httpx2.AsyncClient(base_url=url, headers=headers, trust_env=False) as client,
        ):
            yield client


def make_own(database_url: str, *recipes: Recipe, **app_info: Any) -> Own:
    """An application with Watchword, one route that signs anybody in, and nothing else."""
    port = free_port()
    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain=f"http://localhost:{port}", website_domain=WEBSITE, **app_info),
        database=database_url,
        secret=SECRET,
        recipe_list=[EmailPassword(), *recipes],
        passwords=PasswordHasher(workers=1),
    )
    app = FastAPI()
    install(app, auth)

    @app.post("/login")
    async def login(request: Request, payload: dict[str, Any] = Body()) -> dict[str, Any]:
        session = await create_session(auth, request, user_id="ada", jwt_payload=payload)
        return {"handle": session.handle}

    return Own(app, auth, port)


async def bearer(client: httpx2.AsyncClient, **payload: Any) -> dict[str, str]:
    """The header of a new session with this payload."""
    answer = await client.post("/login", json=payload)
    assert 200 == answer.status_code
    return {"authorization": f"Bearer {answer.headers['st-access-token']}"}


def assert_readable(answer: httpx2.Response) -> None:
    """A page of the website may read it: each cross-origin header stands there once."""
    assert [WEBSITE] == answer.headers.get_list("access-control-allow-origin")
    assert ["true"] == answer.headers.get_list("access-control-allow-credentials")
    assert 1 == len(answer.headers.get_list("vary"))
    assert "Origin" in answer.headers["vary"].split(", ")


@pytest.fixture
def own(sqlite_url: str) -> Own:
    """With the defaults; one database is enough: nothing here depends on which."""
    return make_own(sqlite_url)
