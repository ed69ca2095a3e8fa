"""A client of the floor: bearer tokens."""

from typing import Any, ClassVar

from benchmarks.contenders.contender import PASSWORD, Contender, Person
from benchmarks.http import Connection


class FloorContender(Contender):
    """The floor."""

    name: ClassVar[str] = "the floor"
    folder: ClassVar[str] = "floor"
    revokes: ClassVar[bool] = False

    async def sign_up(self, http: Connection, person: Person) -> None:
        """An account."""
        await self._enter(http, "/sign-up", {"email": person.email, "password": PASSWORD}, person)

    async def sign_in(self, http: Connection, person: Person) -> None:
        """A session."""
        await self._enter(http, "/sign-in", {"email": person.email, "password": PASSWORD}, person)

    async def refresh(self, http: Connection, person: Person) -> None:
        """New tokens."""
        await self._enter(http, "/refresh", {"token": person.refresh_token}, person)

    async def sign_out(self, http: Connection, person: Person) -> None:
        """One row less."""
        (await http.call("POST", "/sign-out", headers=person.headers)).must_be(200)

    async def _enter(self, http: Connection, path: str, body: Any, person: Person) -> None:
        tokens = (await http.call("POST", path, body=body)).must_be(200).json()
        person.bear(tokens["access"], tokens["refresh"])
