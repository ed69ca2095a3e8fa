"""A native client of django-allauth's headless API, with its JWT strategy, the one that has refresh tokens."""

from typing import ClassVar

from benchmarks.contenders.contender import PASSWORD, Contender, Operation, Person
from benchmarks.http import Answer, Connection

PREFIX = "/_allauth/app/v1"


class DjangoAllauth(Contender):
    """django-allauth; its access tokens are believed until they end."""

    name: ClassVar[str] = "django-allauth"
    folder: ClassVar[str] = "django_allauth"
    revokes: ClassVar[bool] = False
    spares: ClassVar[dict[Operation, str]] = {
        "verify": "a session that was ended goes on until its access token expires",
    }

    async def sign_up(self, http: Connection, person: Person) -> None:
        """An account and its first session."""
        await self._enter(http, "signup", person)

    async def sign_in(self, http: Connection, person: Person) -> None:
        """A session with a pair of tokens."""
        await self._enter(http, "login", person)

    async def refresh(self, http: Connection, person: Person) -> None:
        """A new pair."""
        body = {"refresh_token": person.refresh_token}
        answer = (await http.call("POST", f"{PREFIX}/tokens/refresh", body=body)).must_be(200)
        tokens = answer.json()["data"]
        person.bear(tokens["access_token"], tokens["refresh_token"])

    async def sign_out(self, http: Connection, person: Person) -> None:
        """End the session; 401 is how this API says that nobody is signed in any more."""
        answer: Answer = await http.call("DELETE", f"{PREFIX}/auth/session", headers=person.headers)
        answer.must_be(401)

    async def _enter(self, http: Connection, path: str, person: Person) -> None:
        body = {"email": person.email, "password": PASSWORD}
        meta = (await http.call("POST", f"{PREFIX}/auth/{path}", body=body)).must_be(200).json()["meta"]
        person.bear(meta["access_token"], meta["refresh_token"])
