"""Real servers on real sockets: uvicorn in a thread, on a port that is known before its application is made."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn


def listen() -> socket.socket:
    """A socket on a free port of this machine; connections wait in it until something serves it."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    return listener


def port_of(listener: socket.socket) -> int:
    """The port that `listen` was given."""
    return listener.getsockname()[1]


class _ThreadedServer(uvicorn.Server):
    """A server that says when it is ready, or that it will never be."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.decided = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.decided.set()

    def run_in_thread(self, listener: socket.socket) -> None:
        try:
            self.run(sockets=[listener])
        finally:
            self.decided.set()


@contextmanager
def serve(app: Any, listener: socket.socket, certificate: Path | None = None) -> Iterator[None]:
    """Serve an ASGI application until the block ends; with a certificate (key included), over https.

    Raises:
        RuntimeError: The application did not start; uvicorn has logged why.
    """
    config = uvicorn.Config(
        app, log_level="warning", lifespan="on", ssl_certfile=certificate, timeout_graceful_shutdown=2
    )
    server = _ThreadedServer(config)
    thread = threading.Thread(target=server.run_in_thread, args=(listener,), name="uvicorn")
    thread.start()
    try:
        server.decided.wait()
        if not server.started:
            raise RuntimeError("the application did not start; see the log above")
        yield
    finally:
        server.should_exit = True
        thread.join()
