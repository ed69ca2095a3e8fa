"""What the load needs to know of a contender: how to serve it, and how a client of it does each operation."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Literal

from benchmarks.http import Connection, Headers, UnexpectedAnswer

DatabaseKind = Literal["sqlite", "postgres"]
Operation = Literal["sign_up", "sign_in", "bare", "empty", "called", "verify", "refresh", "sign_out", "visit"]

PASSWORD = "correct horse 7 battery"  # of every person; the same for all contenders
VISIT_REQUESTS = 50  # protected requests before and after the one refresh of a visit


class Lacking(Exception):
    """A contender was asked for an operation that its class does not have; `lacks` shall say so."""


@dataclass(slots=True)
class Person:
    """Somebody with an account, and the tokens that the client keeps for them."""

    email: str
    headers: Headers = field(default_factory=dict)
    refresh_token: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    def keep(self, cookies: dict[str, str | None]) -> None:
        """Keep what an answer set, as a browser does."""
        for name, value in cookies.items():
            if value is None:
                self.cookies.pop(name, None)
            else:
                self.cookies[name] = value
        self.headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def bear(self, access_token: str, refresh_token: str = "") -> None:
        """Keep tokens that travel in a header."""
        if not access_token:
            raise UnexpectedAnswer("no access token came")
        self.headers["authorization"] = f"Bearer {access_token}"
        self.refresh_token = refresh_token


class Contender:
    """One product, served by one process.

    Attributes:
        name: As it stands in tables.
        folder: Where its files are; `.` where it runs in this project's own environment.
        lacks: Operations that it does not have, each with the reason.
        spares: What it leaves out of an operation that Watchword does; the page says so.
        shows_parts: Whether it serves `/empty`, the framework's way of guarding a route, guarding nothing, and
            `/called`, whose function asks for the session itself, without that way.
        revokes: Whether signing out ends the access of the token at once; where not, the page says so.
    """

    name: ClassVar[str]
    folder: ClassVar[str]
    lacks: ClassVar[dict[Operation, str]] = {}
    spares: ClassVar[dict[Operation, str]] = {}
    revokes: ClassVar[bool] = True
    shows_parts: ClassVar[bool] = False

    def command(self, environment: Path) -> list[str]:
        """What serves it; told by BENCH_PORT and BENCH_DATABASE, ends when its standard input does."""
        return [str(environment / "bin" / "python"), "-m", f"benchmarks.contenders.{self.folder}.server"]

    def variables(self) -> dict[str, str]:
        """Further variables for its server."""
        return {}

    def has(self, operation: Operation) -> bool:
        """Whether there is such an operation."""
        return self.shows_parts if operation in ("empty", "called") else operation not in self.lacks

    def _lacking(self, operation: Operation, http: Connection, person: Person) -> Lacking:
        why = self.lacks.get(operation, "write it, or name it in lacks")
        return Lacking(f"{self.name} was asked for {operation} by {person.email} on {http}: {why}")

    async def bare(self, http: Connection) -> None:
        """The route that asks for nobody."""
        answer = (await http.call("GET", "/bare")).must_be(200)
        if answer.json() != {"user": "anybody"}:
            raise UnexpectedAnswer(f"the bare route said {answer.body!r}")

    async def empty(self, http: Connection, person: Person) -> None:
        """The route with a dependency that does nothing, asked by somebody signed in."""
        answer = (await http.call("GET", "/empty", headers=person.headers)).must_be(200)
        if answer.json() != {"user": "anybody"}:
            raise UnexpectedAnswer(f"the route with the empty dependency said {answer.body!r}")

    async def called(self, http: Connection, person: Person) -> None:
        """The same route, for somebody signed in only, whose function looks for the session itself."""
        await self.verify(http, person, "/called")

    async def verify(self, http: Connection, person: Person, path: str = "/me") -> None:
        """The same route, for somebody signed in only."""
        answer = (await http.call("GET", path, headers=person.headers)).must_be(200)
        if not answer.json()["user"]:
            raise UnexpectedAnswer(f"the protected route said {answer.body!r}")

    async def sign_up(self, http: Connection, person: Person) -> None:
        """Make the account."""
        raise self._lacking("sign_up", http, person)

    async def sign_in(self, http: Connection, person: Person) -> None:
        """Start a session; the tokens are kept with the person."""
        raise self._lacking("sign_in", http, person)

    async def refresh(self, http: Connection, person: Person) -> None:
        """Exchange the refresh token for new tokens."""
        raise self._lacking("refresh", http, person)

    async def sign_out(self, http: Connection, person: Person) -> None:
        """End the session."""
        raise self._lacking("sign_out", http, person)

    async def visit(self, http: Connection, person: Person) -> None:
        """What a person's morning is made of: sign in, work, refresh where there is such a thing, work, sign out."""
        await self.sign_in(http, person)
        for _ in range(VISIT_REQUESTS):
            await self.verify(http, person)
        if self.has("refresh"):
            await self.refresh(http, person)
        for _ in range(VISIT_REQUESTS):
            await self.verify(http, person)
        await self.sign_out(http, person)
