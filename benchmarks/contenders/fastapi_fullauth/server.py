"""fastapi-fullauth as its README shows it, with its rate limits, lock-out and list of ended tokens on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argon2 import PasswordHasher
from fastapi import Depends, FastAPI
from fastapi_fullauth import FullAuth, FullAuthConfig
from fastapi_fullauth.adapters import SQLAlchemyAdapter
from fastapi_fullauth.config import AuthRateLimits
from fastapi_fullauth.core import crypto
from fastapi_fullauth.dependencies import current_user
from fastapi_fullauth.models.sqlalchemy import RefreshTokenMixin, UserMixin
from fastapi_fullauth.types import UserSchema
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, relationship

from benchmarks.contenders.serving import (
    HASH_ITERATIONS,
    HASH_LANES,
    HASH_MEMORY_KIB,
    SECRET,
    make_durable,
    serve,
    sqlalchemy_url,
)

# The hash that all contenders get. Its own, with argon2-cffi's defaults, costs more and cannot be configured.
crypto._argon2_hasher = PasswordHasher(HASH_ITERATIONS, HASH_MEMORY_KIB, HASH_LANES)  # noqa: SLF001 - for equal cost


class Base(DeclarativeBase):
    """The tables."""


class RefreshToken(RefreshTokenMixin, Base):
    """The table of refresh tokens."""


class User(UserMixin, Base):
    """The table of users."""

    refresh_tokens: Mapped[list[RefreshToken]] = relationship(lazy="raise", passive_deletes=True)


engine = create_async_engine(sqlalchemy_url())
make_durable(engine)
MANY = 100_000_000
fullauth = FullAuth(
    adapter=SQLAlchemyAdapter(
        async_sessionmaker(engine, expire_on_commit=False), user_model=User, refresh_token_model=RefreshToken
    ),
    config=FullAuthConfig(SECRET_KEY=SECRET, AUTH_RATE_LIMITS=AuthRateLimits(login=MANY, register=MANY, refresh=MANY)),
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Make the tables."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
fullauth.init_app(app)


@app.get("/bare")
async def bare() -> dict[str, str]:
    """Answer anybody."""
    return {"user": "anybody"}


@app.get("/me")
async def me(user: UserSchema = Depends(current_user)) -> dict[str, str]:
    """Answer a user."""
    return {"user": str(user.id)}


if __name__ == "__main__":
    serve(app)
