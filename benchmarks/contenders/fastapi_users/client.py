"""A client of fastapi-users: bearer tokens."""

from typing import ClassVar
from urllib.parse import urlencode

from benchmarks.contenders.contender import PASSWORD, Contender, Operation, Person
from benchmarks.http import Connection


class FastApiUsersJwt(Contender):
    """fastapi-users with JWT; its sign-up makes no session."""

    name: ClassVar[str] = "fastapi-users, JWT"
    folder: ClassVar[str] = "fastapi_users"
    strategy: ClassVar[str] = "jwt"
    lacks: ClassVar[dict[Operation, str]] = {"refresh": "it has no refresh tokens"}
    revokes: ClassVar[bool] = False
    spares: ClassVar[dict[Operation, str]] = {
        "sign_up": "its sign-up makes no session",
        "sign_in": "nothing is stored: there is no session that could be listed or ended",
        "sign_out": "nothing happens: the token opens everything until it expires",
    }

    def variables(self) -> dict[str, str]:
        """The strategy."""
        return {"BENCH_STRATEGY": self.strategy}

    async def sign_up(self, http: Connection, person: Person) -> None:
        """An account, without a session."""
        body = {"email": person.email, "password": PASSWORD}
        (await http.call("POST", "/auth/register", body=body)).must_be(201)

    async def sign_in(self, http: Connection, person: Person) -> None:
        """A token."""
        form = urlencode({"username": person.email, "password": PASSWORD})
        headers = {"content-type": "application/x-www-form-urlencoded"}
        answer = (await http.call("POST", "/auth/login", headers=headers, body=form)).must_be(200)
        person.bear(answer.json()["access_token"])

    async def sign_out(self, http: Connection, person: Person) -> None:
        """Forget the token; with JWT there is nothing to forget."""
        (await http.call("POST", "/auth/logout", headers=person.headers)).must_be(204)


class FastApiUsersDatabase(FastApiUsersJwt):
    """fastapi-users with tokens in the database."""

    name: ClassVar[str] = "fastapi-users, database"
    strategy: ClassVar[str] = "database"
    spares: ClassVar[dict[Operation, str]] = {"sign_up": "its sign-up makes no session"}
    revokes: ClassVar[bool] = True
