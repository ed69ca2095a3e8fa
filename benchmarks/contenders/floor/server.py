"""The floor over HTTP: plain ASGI, the same server as all others."""

import asyncio
import json
from functools import partial
from typing import Any

import asyncpg

from benchmarks.contenders.floor.work import Floor, PostgresStore, SqliteStore, Tokens
from benchmarks.contenders.serving import database_kind, database_url, serve, sqlite_path

JSON = [(b"content-type", b"application/json")]


class FloorApp:
    """Seven routes in one function."""

    def __init__(self) -> None:
        self._floor: Floor | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message.get("more_body"):
                break
        answer = json.dumps(await self._answer(scope["path"], dict(scope["headers"]), body)).encode()
        length = (b"content-length", str(len(answer)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [*JSON, length]})
        await send({"type": "http.response.body", "body": answer})

    async def _answer(self, path: str, headers: dict[bytes, bytes], body: bytes) -> dict[str, str]:
        floor = self._floor
        assert floor is not None
        if path == "/bare":
            return {"user": "anybody"}
        token = headers.get(b"authorization", b"").decode()[7:]
        if path == "/me":
            return {"user": floor.verify(token)}
        if path == "/sign-out":
            await floor.sign_out(token)
            return {}
        given = json.loads(body)
        if path == "/refresh":
            return _shown(await floor.refresh(given["token"]))
        run_in_thread = partial(asyncio.get_running_loop().run_in_executor, floor.hashing)
        work = floor.sign_up if path == "/sign-up" else floor.sign_in
        return _shown(await work(given["email"], given["password"], run_in_thread))

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        if database_kind() == "sqlite":
            self._floor = Floor(SqliteStore(str(sqlite_path())))
        else:
            self._floor = Floor(PostgresStore(await asyncpg.create_pool(database_url(), min_size=2, max_size=10)))
        await self._floor.make_tables()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


def _shown(tokens: Tokens) -> dict[str, str]:
    return {"access": tokens.access, "refresh": tokens.refresh}


if __name__ == "__main__":
    serve(FloorApp())
