"""Watchword on FastAPI, as its README shows it."""

import os
from typing import Any

from fastapi import Depends, FastAPI, Request

from benchmarks.contenders.serving import SECRET, database_url, serve
from watchword import AppInfo, Limit, Protection, SessionContainer, Watchword
from watchword.frameworks.fastapi import install, verify_session
from watchword.recipes import EmailPassword, Session

MANY = Limit(10_000_000, seconds=60)


def make_app(database: str, origin: str) -> FastAPI:
    """An application with the routes that are measured.

    The limits count as ever, up to a number that the load does not reach. Each refresh is served as one that comes
    an hour after the last: a young token would be answered with less work, without a write (`settle_ms`).
    """
    auth = Watchword(
        app_info=AppInfo(app_name="Bench", api_domain=origin, website_domain=origin),
        database=database,
        secret=SECRET,
        recipe_list=[EmailPassword(), Session(settle_ms=0, soft_window_ms=0)],
        protection=Protection(sign_in=MANY, sign_up=MANY, refresh=MANY),
    )
    app = FastAPI()
    install(app, auth)

    @app.get("/bare")
    async def bare() -> dict[str, Any]:
        return {"user": "anybody"}

    async def nothing(request: Request) -> None:
        """What the framework needs to call a dependency at all."""

    @app.get("/empty")
    async def empty(_: None = Depends(nothing)) -> dict[str, Any]:
        return {"user": "anybody"}

    find_session = verify_session(auth)

    @app.get("/called")
    async def called(request: Request) -> dict[str, Any]:
        session = await find_session(request)
        return {"user": session and session.user_id}

    @app.get("/me")
    async def me(session: SessionContainer = Depends(verify_session(auth))) -> dict[str, Any]:
        return {"user": session.user_id}

    return app


if __name__ == "__main__":
    serve(make_app(database_url(), f"http://localhost:{os.environ['BENCH_PORT']}"))
