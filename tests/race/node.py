"""One node of the race: a process that serves a real application, on the clock of the race.

Run as `python -m tests.race.node SETTINGS`, a JSON object; it ends when its standard input does.
"""

import json
import logging
import sys
import threading
from dataclasses import asdict, dataclass
from typing import Any

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.race.clock import ARRIVES_WITHIN_MS, DELTA_MS, FastClock
from tests.site import SECRET, example_app
from watchword import AppInfo, Watchword
from watchword.crypto.passwords import PasswordHasher
from watchword.recipes import Session


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """What a node is told.

    Attributes:
        port: Where it listens, on the loopback address.
        database: The URL of the database that all nodes share.
        clock: The clock of the race as this node reads it.
        may_take_ms: How long, on the clock of the race, a decision may take after the clock was read for it.
        settle_ms: The setting of the session recipe.
    """

    port: int
    database: str
    clock: FastClock
    may_take_ms: int
    settle_ms: int

    def to_argument(self) -> str:
        """As one argument of the command line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_argument(cls, argument: str) -> "NodeSettings":
        """The settings in an argument."""
        settings: dict[str, Any] = json.loads(argument)
        return cls(**{**settings, "clock": FastClock(**settings["clock"])})


class Watching:
    """Stands around the application: loses requests that are too old, and notes those that took too long.

    A network would do the first. The second cannot be undone, so whoever asked is named in `/race`.
    """

    def __init__(self, app: ASGIApp, clock: FastClock, may_take_ms: int) -> None:
        self._app = app
        self._clock = clock
        self._may_take_ms = may_take_ms
        self.too_slow: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what carries no time of sending; of all else measure how long it took."""
        headers = dict(scope.get("headers", ()))
        if b"x-race-sent" not in headers:
            return await self._app(scope, receive, send)
        sent_ms, started_ms = int(headers[b"x-race-sent"]), self._clock.now_ms()
        if started_ms - sent_ms > ARRIVES_WITHIN_MS:
            await send({"type": "http.response.start", "status": 504, "headers": [(b"content-length", b"0")]})
            return await send({"type": "http.response.body", "body": b""})

        async def timed(message: Message) -> None:
            if message["type"] == "http.response.start":
                ended_ms = self._clock.now_ms()
                if ended_ms - sent_ms > DELTA_MS or ended_ms - started_ms > self._may_take_ms:
                    self.too_slow.append(int(headers[b"x-race-session"]))
                times = f"{started_ms} {ended_ms}".encode()
                message = {**message, "headers": [*message["headers"], (b"x-race-times", times)]}
            await send(message)

        return await self._app(scope, receive, timed)


class Events(logging.Handler):
    """Counts what the engine logs of refreshes, and shows errors."""

    def __init__(self) -> None:
        super().__init__()
        self.counts = {"token theft": 0, "session_row_behind": 0, "refused softly": 0}

    def emit(self, record: logging.LogRecord) -> None:
        """Count one line of the log."""
        text = record.getMessage()
        for name in self.counts:
            self.counts[name] += name in text
        if record.levelno >= logging.ERROR:
            print(self.format(record), file=sys.stderr)


def make_app(settings: NodeSettings, events: Events) -> ASGIApp:
    """The application of the tests, watched."""
    url = f"http://localhost:{settings.port}"
    right = FastClock(settings.clock.base_ms, settings.clock.origin_ns, settings.clock.speed)
    auth = Watchword(
        app_info=AppInfo(app_name="Race", api_domain=url, website_domain=url),
        database=settings.database,
        secret=SECRET,
        recipe_list=[Session(signing_key_algorithm="EdDSA", settle_ms=settings.settle_ms)],
        clock=settings.clock,
        passwords=PasswordHasher(workers=1),
    )
    app: FastAPI = example_app(auth)
    watching = Watching(app, right, settings.may_take_ms)

    @app.get("/race")
    async def race() -> dict[str, Any]:
        return {"tooSlow": watching.too_slow, "events": events.counts}

    return watching


def main() -> None:
    """Serve until standard input ends."""
    settings = NodeSettings.from_argument(sys.argv[1])
    events = Events()
    log = logging.getLogger("watchword")
    log.setLevel(logging.INFO)
    log.addHandler(events)
    log.propagate = False
    server = uvicorn.Server(
        uvicorn.Config(
            make_app(settings, events),
            host="127.0.0.1",
            port=settings.port,
            log_level="error",
            access_log=False,
            lifespan="on",
            timeout_keep_alive=3_600,
        )
    )

    def stop_with_parent() -> None:
        sys.stdin.read()
        server.should_exit = True

    threading.Thread(target=stop_with_parent, daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()
