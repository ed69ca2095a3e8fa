"""One node of the chaos: a process that serves a real application, until it is killed."""

import importlib
import json
import logging
import os
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import Body, Depends, FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.chaos.clock import MovableClocks
from tests.chaos.points import DeadlyDatabase, Doom, doom, log_of
from tests.site import SECRET, example_app
from watchword import AppInfo, Protection, SessionContainer, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.database.open import open_database
from watchword.delivery.email_delivery import EmailDelivery
from watchword.delivery.smtp import SmtpService
from watchword.frameworks.fastapi import verify_session
from watchword.protection.settings import Limit
from watchword.recipes import EmailPassword, Session
from watchword.sessions.sweeper import Sweeper

#: One for all nodes: an access token of one is good at the other.
API = "http://localhost:8000"
ROTATION_MS = 6 * 3_600_000
#: The kernel's answer to a write beyond the limit: with this setting death, else an error like that of a full disk.
_TOO_LARGE = signal.SIGXFSZ
#: What is always under way: the life of the application itself, and the request that asks.
_NOT_WORK = 2
_PLENTY = Limit(1_000_000, seconds=600)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """What a node is told.

    Attributes:
        port: Where it listens, on the loopback address.
        database: The URL of the database that all nodes share.
        clocks: The file of the clocks.
        place: Which of them is this node's.
        mail_port: Where its mail server listens.
        dies_at: At which point of its start it is killed; 0 is at none.
        dies_of_limit: Whether a write beyond a limit of the kernel kills, or only fails.
    """

    port: int
    database: str
    clocks: str
    place: int
    mail_port: int
    dies_at: int = 0
    dies_of_limit: bool = False

    def to_line(self) -> bytes:
        """As one line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "NodeSettings":
        """The settings in a line."""
        return cls(**json.loads(line))


def tell(**what: Any) -> None:
    """One line to whoever runs the nodes; short enough to be written at once, among those of other processes."""
    os.write(sys.stdout.fileno(), json.dumps({"pid": os.getpid(), **what}).encode() + b"\n")


class TellErrors(logging.Handler):
    """Passes on what a node logs as an error: there is no fault that may cause one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell the message, and the last line of its trace."""
        text = self.format(record).strip().splitlines()
        tell(error=f"{text[0]} | {text[-1]}"[:2_000])


class Doomed:
    """Stands around the application: a request may say at which point of its work the process is to die.

    Attributes:
        busy: How many requests are being worked at.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.busy = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, with the doom that the headers name."""
        headers = dict(scope.get("headers", ()))
        if b"x-chaos-at" in headers:
            doom.set(Doom(int(headers[b"x-chaos-at"])))
        elif b"x-chaos-torn" in headers:
            transaction, after = map(int, headers[b"x-chaos-torn"].split())
            doom.set(Doom(torn=(transaction, after)))
        self.busy += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self.busy -= 1


def make_app(settings: NodeSettings) -> ASGIApp:
    """The application of the tests on the database that can kill, with the few routes that chaos needs besides."""
    from_the_start = Doom(settings.dies_at) if settings.dies_at else None
    auth = Watchword(
        app_info=AppInfo(app_name="Chaos", api_domain=API, website_domain=API),
        database=DeadlyDatabase(open_database(settings.database), log_of(settings.database), from_the_start),
        secret=SECRET,
        recipe_list=[EmailPassword(), Session(signing_key_algorithm="EdDSA", signing_key_rotation_ms=ROTATION_MS)],
        clock=MovableClocks(Path(settings.clocks)).at(settings.place),
        passwords=PasswordHasher(workers=1),
        protection=Protection(
            sign_up=_PLENTY,
            sign_in=_PLENTY,
            password_reset_token=_PLENTY,
            password_reset=_PLENTY,
            mails_per_address=_PLENTY,
        ),
        email_delivery=EmailDelivery(
            SmtpService(host="localhost", port=settings.mail_port, sender="chaos@example.com", tls="none")
        ),
    )
    app: FastAPI = example_app(auth)
    doomed = Doomed(app)
    _add_routes(app, auth, doomed)
    return doomed


def _add_routes(app: FastAPI, auth: Watchword, doomed: Doomed) -> None:
    @app.patch("/data")
    async def merge_data(
        changes: dict[str, Any] = Body(), session: SessionContainer = Depends(verify_session(auth))
    ) -> dict[str, Any]:
        await session.merge_into_session_data(changes)
        return {}

    @app.post("/revoke-all")
    async def revoke_all(session: SessionContainer = Depends(verify_session(auth))) -> dict[str, Any]:
        return {"gone": len(await auth.sessions.revoke_all(session.user_id))}

    @app.post("/sweep")
    async def sweep() -> dict[str, Any]:
        return {"removed": await Sweeper(auth.session_recipe.session_engine).sweep()}

    @app.post("/send")
    async def send() -> dict[str, Any]:
        return {"sent": await auth.outbox.send_due()}

    @app.get("/ready")
    async def ready() -> dict[str, Any]:
        return {"busy": doomed.busy - _NOT_WORK}


def warm_up() -> None:
    """Import what is imported at first use only, so that no node of many has to."""
    for name in ("asyncpg", "aiosmtplib", "jinja2", "email_validator"):
        importlib.import_module(name)
    config = _config(Doomed(FastAPI()), 0)
    config.load()
    config.get_loop_factory()


def _config(app: ASGIApp, port: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host="127.0.0.1",
        port=port,
        log_level="critical",
        access_log=False,
        lifespan="on",
        ws="none",
        timeout_keep_alive=3_600,
    )


class _Server(uvicorn.Server):
    """A server that tells when it is ready."""

    async def startup(self, sockets: Any = None) -> None:
        await super().startup(sockets)
        if self.started:
            tell(ready=True)


def serve(settings: NodeSettings, lifeline: int) -> None:
    """Serve until killed, or until whoever holds the other end of the lifeline is gone."""
    signal.signal(_TOO_LARGE, signal.SIG_DFL if settings.dies_of_limit else signal.SIG_IGN)
    log = logging.getLogger("watchword")
    log.setLevel(logging.ERROR)
    log.addHandler(TellErrors())
    log.propagate = False

    def die_with_parent() -> None:
        os.read(lifeline, 1)
        os._exit(1)

    threading.Thread(target=die_with_parent, daemon=True).start()
    _Server(_config(make_app(settings), settings.port)).run()
