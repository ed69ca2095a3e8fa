"""Serve the example with nothing to set up: `python -m examples.fastapi_demo`, from the repository's root.

Environment: `PORT` (default 8000), `DATABASE_URL` (default an SQLite file in `.demo/`). The secret is made
once and kept in `.demo/` too, so a second start knows the same users and sessions.
"""

import os
import secrets
import socket
import sys
from pathlib import Path

import uvicorn

from examples.fastapi_demo.provider import demo_provider
from watchword.errors import ConfigurationError

FOLDER = Path(".demo")

WELCOME = """
Watchword demo: {origin}

In the browser: sign up with any e-mail address, or continue with the provider that runs on this machine.
Change both kinds of data, press Refresh, sign out.
At the provider choose any name, for example grace@example.com.
The routes of this example are described at {origin}/docs, those under /auth in docs/fdi.openapi.yaml.
No mail leaves this machine: what would be sent, and how it looks, is at {origin}/mail

With curl:
  curl -c jar -b jar -H 'st-auth-mode: cookie' -H 'content-type: application/json' {origin}/auth/signup \\
    -d '{{"formFields":[{{"id":"email","value":"ada@example.com"}},{{"id":"password","value":"correct horse 1"}}]}}'
  curl -c jar -b jar {origin}/api/session
  curl -c jar -b jar -X PATCH -H 'content-type: application/json' {origin}/api/session/payload \\
    -d '{{"role":"editor"}}'
  curl -c jar -b jar -X POST -i {origin}/auth/session/refresh
  curl -c jar -b jar -X POST {origin}/auth/signout
  curl -c jar -b jar -H 'st-auth-mode: cookie' -H 'content-type: application/json' {origin}/auth/signin \\
    -d '{{"formFields":[{{"id":"email","value":"ada@example.com"}},{{"id":"password","value":"correct horse 1"}}]}}'

Users and sessions are in {database}. Stop with Ctrl-C.
"""


class Server(uvicorn.Server):
    """Says what to try once the application really answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then greet."""
        await super().startup(sockets=sockets)
        if self.started:
            origin = f"http://localhost:{os.environ['PORT']}"
            database = os.environ["DATABASE_URL"].split("@")[-1]  # without user and password
            sys.stdout.write(WELCOME.format(origin=origin, database=database))
            sys.stdout.flush()


def main() -> None:
    """Set what is not set, start the local provider, serve until told to stop."""
    port = int(os.environ.setdefault("PORT", "8000"))
    FOLDER.mkdir(mode=0o700, exist_ok=True)
    os.environ.setdefault("DATABASE_URL", f"sqlite:///{FOLDER / 'demo.db'}")
    os.environ.setdefault("WATCHWORD_SECRET", kept_secret(FOLDER / "secret"))
    try:
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        sys.exit(f"Port {port} cannot be used ({error.strerror}); choose another: PORT={port + 10} make demo")
    with listener, demo_provider(preferred_port=port + 1) as issuer:
        os.environ["DEMO_PROVIDER"] = issuer
        try:
            server = Server(uvicorn.Config("examples.fastapi_demo.app:app", log_level="warning"))
            server.run(sockets=[listener])
        except ConfigurationError as error:
            sys.exit(f"The demo cannot start. {error}")
        except KeyboardInterrupt:  # uvicorn has stopped in order and says again what stopped it
            return
    if not server.started:
        sys.exit(1)


def kept_secret(path: Path) -> str:
    """The secret in `path`, made on the first start and readable by its owner only."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode=0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text()


if __name__ == "__main__":
    main()
