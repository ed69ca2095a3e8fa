"""How every Python contender is served: one process, uvicorn with the same settings, until standard input ends."""

import os
import sys
import threading
from pathlib import Path
from typing import Any, Literal

import uvicorn

HASH_MEMORY_KIB = 19_456
HASH_ITERATIONS = 2
HASH_LANES = 1
SECRET = "a secret for measuring that has at least 32 bytes"


def database_kind() -> str:
    """`sqlite` or `postgres`."""
    return "sqlite" if os.environ["BENCH_DATABASE"].startswith("sqlite") else "postgres"


def database_url() -> str:
    """Where the database is, as `sqlite:////path` or `postgresql://…`."""
    return os.environ["BENCH_DATABASE"]


def sqlalchemy_url() -> str:
    """The same for SQLAlchemy's asynchronous engine."""
    return database_url().replace("sqlite:", "sqlite+aiosqlite:").replace("postgresql:", "postgresql+asyncpg:")


def sqlite_path() -> Path:
    """The file of an SQLite database."""
    return Path(database_url().removeprefix("sqlite:///"))


def make_durable(engine: Any) -> None:
    """Give each SQLite connection of an SQLAlchemy engine the settings that all contenders get."""
    from sqlalchemy import event  # noqa: PLC0415 - in the environment of the contender only

    if database_kind() == "sqlite":

        @event.listens_for(engine.sync_engine, "connect")
        def durable(connection: Any, _: Any) -> None:
            for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on", "busy_timeout = 5000"):
                connection.execute(f"pragma {pragma}")


def serve(app: Any, *, lifespan: Literal["on", "off"] = "on") -> None:
    """Serve an ASGI application until standard input ends. Django knows no lifespan."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        loop="uvloop",
        http="httptools",
        log_level="warning",
        access_log=False,
        timeout_keep_alive=600,
        lifespan=lifespan,
    )
    server = uvicorn.Server(config)

    def stop_with_parent() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=stop_with_parent, daemon=True).start()
    server.run()
