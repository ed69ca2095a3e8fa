"""A small OpenID provider on this machine, for trying out "Continue with …" without an account anywhere."""

import logging
import os
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import authlib.deprecate
import flask
from werkzeug.serving import make_server

with warnings.catch_warnings():  # the package uses a part of authlib that announces its own end
    warnings.simplefilter("ignore", authlib.deprecate.AuthlibDeprecationWarning)
    import oidc_provider_mock

PEOPLE = [
    oidc_provider_mock.User(
        sub=f"{name.lower()}@example.com",
        claims={"email": f"{name.lower()}@example.com", "email_verified": True, "name": name},
    )
    for name in ("Grace", "Katherine")
]


@contextmanager
def demo_provider(preferred_port: int) -> Iterator[str]:
    """Run the provider while the block runs and give its issuer.

    A person is known by issuer and subject, so the same port at the next start keeps the users; when it
    is taken, any free port does.
    """
    os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"  # plain http: it never leaves this machine
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    provider = oidc_provider_mock.app(user_claims=PEOPLE)
    provider.after_request(_load_nothing_from_elsewhere)
    with _listener(preferred_port) as listener:
        port = listener.getsockname()[1]
        server = make_server("127.0.0.1", port, provider, threaded=True, fd=listener.fileno())
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://localhost:{port}"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def _listener(preferred_port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", preferred_port))
    except (OSError, OverflowError):
        return socket.create_server(("127.0.0.1", 0))


def _load_nothing_from_elsewhere(response: flask.Response) -> flask.Response:
    # Its page would fetch a style sheet from the net; the demo stays on this machine.
    response.headers["Content-Security-Policy"] = "default-src 'self'; style-src 'unsafe-inline'"
    return response
