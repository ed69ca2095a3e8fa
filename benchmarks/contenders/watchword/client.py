"""A browser at Watchword: tokens in cookies, the frontend protocol in its newest version."""

from typing import ClassVar

from benchmarks.contenders.contender import PASSWORD, Contender, Person
from benchmarks.http import Answer, Connection, Headers, UnexpectedAnswer

HEADERS: Headers = {"st-auth-mode": "cookie", "rid": "anti-csrf", "fdi-version": "4.2"}
REFRESH_COOKIE = "sRefreshToken"  # its path is that of the refresh route, so it travels there only


class WatchwordContender(Contender):
    """Watchword."""

    name: ClassVar[str] = "Watchword"
    folder: ClassVar[str] = "watchword"
    shows_parts: ClassVar[bool] = True

    async def sign_up(self, http: Connection, person: Person) -> None:
        """An account and its first session."""
        self._keep(person, await self._post_form(http, "/auth/signup", person))

    async def sign_in(self, http: Connection, person: Person) -> None:
        """A session."""
        self._keep(person, await self._post_form(http, "/auth/signin", person))

    async def refresh(self, http: Connection, person: Person) -> None:
        """A new access token and a new refresh token."""
        headers = HEADERS | {"cookie": f"{REFRESH_COOKIE}={person.refresh_token}"}
        before = person.refresh_token
        answer = await http.call("POST", "/auth/session/refresh", headers=headers)
        self._keep(person, answer.must_be(200))
        if person.refresh_token == before:
            raise UnexpectedAnswer("the refresh token was not changed")

    async def sign_out(self, http: Connection, person: Person) -> None:
        """End the session."""
        (await http.call("POST", "/auth/signout", headers=HEADERS | person.headers, body={})).must_be(200)

    async def _post_form(self, http: Connection, path: str, person: Person) -> Answer:
        fields = [{"id": "email", "value": person.email}, {"id": "password", "value": PASSWORD}]
        answer = (await http.call("POST", path, headers=HEADERS, body={"formFields": fields})).must_be(200)
        if answer.json()["status"] != "OK":
            raise UnexpectedAnswer(f"{path} said {answer.body!r}")
        return answer

    def _keep(self, person: Person, answer: Answer) -> None:
        access_token, refresh_token = (answer.cookies.get(name) for name in ("sAccessToken", REFRESH_COOKIE))
        if not access_token or not refresh_token:
            raise UnexpectedAnswer("no tokens came")
        person.headers["cookie"] = f"sAccessToken={access_token}"
        person.refresh_token = refresh_token
