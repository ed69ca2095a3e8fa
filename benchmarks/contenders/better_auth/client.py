"""A browser at better-auth: a signed cookie."""

from pathlib import Path
from typing import ClassVar

from benchmarks.contenders.contender import PASSWORD, Contender, Operation, Person
from benchmarks.http import Connection


class BetterAuth(Contender):
    """better-auth."""

    name: ClassVar[str] = "better-auth (Node.js)"
    folder: ClassVar[str] = "better_auth"
    lacks: ClassVar[dict[Operation, str]] = {"refresh": "its one token is prolonged in the database, not exchanged"}
    spares: ClassVar[dict[Operation, str]] = {
        "sign_up": "its Argon2id costs less than any we know for Python, and its token is not signed by a key pair",
        "sign_in": "as for sign-up; its token is looked up in the database at each request instead",
    }

    def command(self, environment: Path) -> list[str]:
        """Node.js, with the packages of its own folder."""
        return ["node", str(environment / "server.mjs")]

    def variables(self) -> dict[str, str]:
        """As in production."""
        return {"NODE_ENV": "production", "BETTER_AUTH_TELEMETRY": "0"}

    async def sign_up(self, http: Connection, person: Person) -> None:
        """An account and its first session."""
        body = {"name": "Ada", "email": person.email, "password": PASSWORD}
        answer = await http.call("POST", "/api/auth/sign-up/email", body=body)
        person.keep(answer.must_be(200).cookies)

    async def sign_in(self, http: Connection, person: Person) -> None:
        """A session."""
        body = {"email": person.email, "password": PASSWORD}
        answer = await http.call("POST", "/api/auth/sign-in/email", body=body)
        person.keep(answer.must_be(200).cookies)

    async def sign_out(self, http: Connection, person: Person) -> None:
        """End the session."""
        headers = person.headers | {"origin": f"http://localhost:{http.port}"}
        (await http.call("POST", "/api/auth/sign-out", headers=headers, body={})).must_be(200)
