"""better-auth-server on FastAPI, as its README shows it, with its rate limits on as in production."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from better_auth import BetterAuth, EmailAndPassword, RateLimit, crypto
from better_auth.adapters.sqlalchemy import SQLAlchemyAdapter
from better_auth.integrations.fastapi import BetterAuthFastAPI
from fastapi import Depends, FastAPI
from nacl.bindings import crypto_pwhash_alg, crypto_pwhash_ALG_ARGON2ID13
from sqlalchemy.ext.asyncio import create_async_engine

from benchmarks.contenders.serving import (
    HASH_ITERATIONS,
    HASH_MEMORY_KIB,
    SECRET,
    make_durable,
    serve,
    sqlalchemy_url,
)


def _argon2id(password: str, salt: str) -> bytes:
    """The hash that all contenders get. Its own, scrypt with N=16384 and r=16, costs more and cannot be configured."""
    memory = HASH_MEMORY_KIB * 1024
    return crypto_pwhash_alg(
        64, password.encode(), bytes.fromhex(salt), HASH_ITERATIONS, memory, crypto_pwhash_ALG_ARGON2ID13
    )


crypto._scrypt = _argon2id  # noqa: SLF001 - for equal cost

MANY = (10, 100_000_000)
engine = create_async_engine(sqlalchemy_url())
make_durable(engine)
adapter = SQLAlchemyAdapter(engine)
auth = BetterAuth(
    secret=SECRET,
    base_url=f"http://localhost:{os.environ['BENCH_PORT']}",
    adapter=adapter,
    email_and_password=EmailAndPassword(enabled=True),
    rate_limit=RateLimit(enabled=True, max=MANY[1], custom_rules={"*": MANY}),
)
ba = BetterAuthFastAPI(auth)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Make the tables."""
    await adapter.create_tables()
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
app.include_router(ba.router)


@app.get("/bare")
async def bare() -> dict[str, str]:
    """Answer anybody."""
    return {"user": "anybody"}


@app.get("/me")
async def me(result: dict[str, Any] = Depends(ba.require_session)) -> dict[str, str]:
    """Answer a user."""
    return {"user": result["user"]["id"]}


if __name__ == "__main__":
    serve(app)
