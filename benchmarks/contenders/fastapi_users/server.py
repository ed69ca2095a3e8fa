"""fastapi-users as the full example of its documentation sets it up; BENCH_STRATEGY chooses JWT or database tokens."""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin, schemas
from fastapi_users.authentication import AuthenticationBackend, BearerTransport, JWTStrategy
from fastapi_users.authentication.strategy.db import AccessTokenDatabase, DatabaseStrategy
from fastapi_users.db import SQLAlchemyBaseUserTableUUID, SQLAlchemyUserDatabase
from fastapi_users.password import PasswordHelper
from fastapi_users_db_sqlalchemy.access_token import SQLAlchemyAccessTokenDatabase, SQLAlchemyBaseAccessTokenTableUUID
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

from benchmarks.contenders.serving import (
    HASH_ITERATIONS,
    HASH_LANES,
    HASH_MEMORY_KIB,
    SECRET,
    make_durable,
    serve,
    sqlalchemy_url,
)


class Base(DeclarativeBase):
    """The tables."""


class User(SQLAlchemyBaseUserTableUUID, Base):
    """The table of users."""


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    """The table of tokens, used by the database strategy."""


class UserRead(schemas.BaseUser[uuid.UUID]):
    """A user as it is answered."""


class UserCreate(schemas.BaseUserCreate):
    """A user as it is sent."""


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    """Users, without mail."""

    reset_password_token_secret = SECRET
    verification_token_secret = SECRET


engine = create_async_engine(sqlalchemy_url())
make_durable(engine)
make_session = async_sessionmaker(engine, expire_on_commit=False)
hasher = Argon2Hasher(time_cost=HASH_ITERATIONS, memory_cost=HASH_MEMORY_KIB, parallelism=HASH_LANES)
passwords = PasswordHelper(PasswordHash((hasher,)))


async def get_session() -> AsyncIterator[AsyncSession]:
    """A database session for one request."""
    async with make_session() as session:
        yield session


async def get_users(session: AsyncSession = Depends(get_session)) -> AsyncIterator[Any]:
    """The users' table."""
    yield SQLAlchemyUserDatabase(session, User)


async def get_tokens(session: AsyncSession = Depends(get_session)) -> AsyncIterator[Any]:
    """The tokens' table."""
    yield SQLAlchemyAccessTokenDatabase(session, AccessToken)


async def get_manager(users: Any = Depends(get_users)) -> AsyncIterator[UserManager]:
    """The users."""
    yield UserManager(users, passwords)


def jwt_strategy() -> JWTStrategy[User, uuid.UUID]:
    """Tokens that nobody can end."""
    return JWTStrategy(secret=SECRET, lifetime_seconds=3600)


def database_strategy(tokens: AccessTokenDatabase[Any] = Depends(get_tokens)) -> DatabaseStrategy[Any, Any, Any]:
    """Tokens that are rows."""
    return DatabaseStrategy(tokens, lifetime_seconds=3600)


backend = AuthenticationBackend(
    name="bench",
    transport=BearerTransport(tokenUrl="auth/login"),
    get_strategy=jwt_strategy if os.environ["BENCH_STRATEGY"] == "jwt" else database_strategy,
)
fastapi_users = FastAPIUsers[User, uuid.UUID](get_manager, [backend])
current_user = fastapi_users.current_user(active=True)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Make the tables."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield
    await engine.dispose()


app = FastAPI(lifespan=lifespan)
app.include_router(fastapi_users.get_auth_router(backend), prefix="/auth")
app.include_router(fastapi_users.get_register_router(UserRead, UserCreate), prefix="/auth")


@app.get("/bare")
async def bare() -> dict[str, str]:
    """Answer anybody."""
    return {"user": "anybody"}


@app.get("/me")
async def me(user: User = Depends(current_user)) -> dict[str, str]:
    """Answer a user."""
    return {"user": str(user.id)}


if __name__ == "__main__":
    serve(app)
