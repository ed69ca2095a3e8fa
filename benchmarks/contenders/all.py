"""All contenders, in the order of the tables."""

from benchmarks.contenders.better_auth.client import BetterAuth
from benchmarks.contenders.better_auth_server.client import BetterAuthServer
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.django_allauth.client import DjangoAllauth
from benchmarks.contenders.fastapi_alone.client import FastApiAlone
from benchmarks.contenders.fastapi_fullauth.client import FastApiFullAuth
from benchmarks.contenders.fastapi_users.client import FastApiUsersDatabase, FastApiUsersJwt
from benchmarks.contenders.floor.client import FloorContender
from benchmarks.contenders.watchword.client import WatchwordContender


def list_contenders() -> list[Contender]:
    """Watchword, what bounds it from below, and its peers."""
    return [
        WatchwordContender(),
        FloorContender(),
        FastApiAlone(),
        FastApiUsersJwt(),
        FastApiUsersDatabase(),
        DjangoAllauth(),
        BetterAuth(),
        BetterAuthServer(),
        FastApiFullAuth(),
    ]
