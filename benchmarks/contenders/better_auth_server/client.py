"""A client of better-auth-server; the routes and cookies are those of better-auth."""

from typing import ClassVar

from benchmarks.contenders.better_auth.client import BetterAuth
from benchmarks.contenders.contender import Contender, Operation


class BetterAuthServer(BetterAuth):
    """better-auth-server."""

    name: ClassVar[str] = "better-auth-server"
    folder: ClassVar[str] = "better_auth_server"
    spares: ClassVar[dict[Operation, str]] = {
        "sign_in": "its token is not signed by a key pair but looked up in the database at each request",
    }
    command = Contender.command
    variables = Contender.variables
