"""A client of better-auth-server; the routes and cookies are those of better-auth."""

from typing import ClassVar

from benchmarks.contenders.better_auth.client import BetterAuth
from benchmarks.contenders.contender import Contender


class BetterAuthServer(BetterAuth):
    """better-auth-server."""

    name: ClassVar[str] = "better-auth-server"
    folder: ClassVar[str] = "better_auth_server"
    command = Contender.command
    variables = Contender.variables
