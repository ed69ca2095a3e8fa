"""A client of fastapi-fullauth: bearer tokens and a refresh token that changes at each use."""

from typing import ClassVar

from benchmarks.contenders.contender import PASSWORD, Contender, Operation, Person
from benchmarks.http import Connection

PREFIX = "/api/v1/auth"


class FastApiFullAuth(Contender):
    """fastapi-fullauth; its sign-up makes no session."""

    name: ClassVar[str] = "fastapi-fullauth"
    folder: ClassVar[str] = "fastapi_fullauth"
    spares: ClassVar[dict[Operation, str]] = {"sign_up": "its sign-up makes no session"}

    async def sign_up(self, http: Connection, person: Person) -> None:
        """An account, without a session."""
        body = {"email": person.email, "password": PASSWORD}
        (await http.call("POST", f"{PREFIX}/register", body=body)).must_be(202)

    async def sign_in(self, http: Connection, person: Person) -> None:
        """A pair of tokens."""
        body = {"email": person.email, "password": PASSWORD}
        tokens = (await http.call("POST", f"{PREFIX}/login", body=body)).must_be(200).json()
        person.bear(tokens["access_token"], tokens["refresh_token"])

    async def refresh(self, http: Connection, person: Person) -> None:
        """A new pair."""
        body = {"refresh_token": person.refresh_token}
        tokens = (await http.call("POST", f"{PREFIX}/refresh", body=body)).must_be(200).json()
        person.bear(tokens["access_token"], tokens["refresh_token"])

    async def sign_out(self, http: Connection, person: Person) -> None:
        """End the session."""
        body = {"refresh_token": person.refresh_token}
        (await http.call("POST", f"{PREFIX}/logout", headers=person.headers, body=body)).must_be(204)
