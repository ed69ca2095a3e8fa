"""Somebody with a browser: does one thing after the other, and repeats what was not answered, as honest clients do."""

import asyncio
import base64
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.chaos.inbox import Inbox
from tests.chaos.record import Account, Book, Session, Violation
from tests.race.wire import Reply, Wire
from tests.site import PASSWORD

#: How long somebody repeats. Far longer than any fault lasts.
PATIENCE_SECONDS = 90
#: How long a page waits for one answer before it asks again.
ANSWER_SECONDS = 20
_PAUSE_SECONDS = 0.1
_MAIL_SECONDS = 0.5
#: Where the clocks of two nodes are hours apart, a token of one is old at the other: a few refreshes, and no logout.
_MOST_REFRESHES = 30
_MOST_LINKS = 20
_HEADERS = {"st-auth-mode": "header", "rid": "anti-csrf", "content-type": "application/json"}

Way = Callable[[], tuple[Wire, Mapping[str, str]]]
"""Which node the next request goes to, and headers that go with it."""


class GaveUp(Exception):
    """Nobody answered for so long that no fault explains it; that is noted already."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that decides, and how many requests before it were left without one: they may have worked."""

    status: int
    headers: Mapping[str, str]
    body: Any
    silences: int

    @property
    def message(self) -> str:
        """What the body says went wrong, or nothing."""
        return self.body.get("message", "") if isinstance(self.body, dict) else ""


class Person:
    """A client and what it was told.

    Args:
        account: Who it is.
        way: Asked before each request.
        inbox: Where links come.
        book: Where violations and counts go.
        is_link_good: Looks into the database whether a link would work now; `None` when that cannot be told.
    """

    def __init__(
        self,
        account: Account,
        way: Way,
        inbox: Inbox,
        book: Book,
        is_link_good: Callable[[str], Awaitable[bool | None]],
    ) -> None:
        self.account = account
        self.way = way
        self._inbox = inbox
        self._book = book
        self._is_link_good = is_link_good
        self._changes = 0
        self._token = ""
        book.accounts[account.email] = account

    @property
    def session(self) -> Session:
        """The one in use."""
        return self.account.sessions[-1]

    async def sign_up(self) -> None:
        """Make the account; when that was done already without our hearing of it, sign in."""
        answered = await self._post_form("/auth/signup", password=self.account.password, email=self.account.email)
        self.account.unheard += answered.silences
        self.account.signed_up = True
        if answered.body.get("status") == "OK":
            self._acknowledge("sign-up")
            self._begin_session(answered)
            return
        taken = answered.body.get("status") == "FIELD_ERROR" and answered.silences > 0
        if not taken:
            self._book.fail(Violation.ANSWER, f"sign-up: {answered.status} {answered.body}")
        self._acknowledge("sign-up")
        await self.sign_in()

    async def sign_in(self) -> None:
        """A further session."""
        answered = await self._post_form("/auth/signin", password=self.account.password, email=self.account.email)
        self.account.unheard += answered.silences
        if answered.body.get("status") != "OK":
            self._book.fail(Violation.LOST, f"the account of {self.account.email}: sign-in says {answered.body}")
            raise GaveUp
        self._acknowledge("sign-in")
        self._begin_session(answered)

    async def refresh(self) -> bool:
        """New tokens for those at hand; whether a new refresh token came along. What is not answered is repeated."""
        session = self.session
        answered = await self._ask("POST", "/auth/session/refresh", token=session.refresh_token)
        if answered.status != 200:
            self._book.fail(Violation.SIGNED_OUT, f"refresh: {answered.status} {answered.message}")
            raise GaveUp
        self._acknowledge("refresh")
        session.access_token = answered.headers["st-access-token"]
        new = answered.headers.get("st-refresh-token")
        session.refresh_token = new or session.refresh_token
        return new is not None

    def refresh_headers(self) -> dict[str, str]:
        """Those of a refresh, for who sends one and does not wait for the answer."""
        return {**_HEADERS, "authorization": f"Bearer {self.session.refresh_token}"}

    async def change_data(self) -> None:
        """Merge a key of its own into the session data, so that nothing written later hides a loss."""
        changes = self._next_change()
        await self._with_session("PATCH", "/data", changes)
        self.session.data |= changes
        self._acknowledge("data change")

    async def change_payload(self) -> None:
        """Merge into the JWT payload; the answer brings a new access token."""
        changes = self._next_change(at_most=8)
        answered = await self._with_session("PATCH", "/payload", changes)
        self.session.payload |= changes
        self.session.access_token = answered.headers.get("st-access-token", self.session.access_token)
        self._acknowledge("payload change")

    async def verify(self, *, exactly: bool) -> None:
        """Call a protected route."""
        await self._with_session("GET", "/exact" if exactly else "/me")
        self._acknowledge("verified request")

    async def sign_out(self) -> None:
        """End the session in use."""
        await self._end("/auth/signout")
        self.account.ended.append(self.account.sessions.pop())
        self._acknowledge("sign-out")

    async def sign_out_everywhere(self) -> None:
        """End all sessions."""
        await self._end("/revoke-all")
        self._all_ended()
        self._acknowledge("sign-out everywhere")

    async def ask_for_link(self) -> None:
        """Have a link sent that sets a new password."""
        answered = await self._post_form("/auth/user/password/reset/token", email=self.account.email)
        if answered.body.get("status") != "OK":
            self._book.fail(Violation.ANSWER, f"asking for a link: {answered.status} {answered.body}")

    async def receive_link(self) -> None:
        """Wait for a link in the mail; ask for another where none comes, as it may have died with a node."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while (token := await self._inbox.next_token(self.account.email, _MAIL_SECONDS)) is None:
            if time.monotonic() > give_up_at:
                self._book.fail(Violation.STUCK, "no mail with a link came")
                raise GaveUp
            await self.ask_for_link()
        self._token = token
        self._acknowledge("link")

    async def use_new_link(self) -> None:
        """Set a new password with the link at hand; with another, if that one was sent before the last new password."""
        for _ in range(_MOST_LINKS):
            was_good = await self._is_link_good(self._token)
            if await self._try_link():
                return
            if was_good:
                self._book.fail(Violation.LOST, "a good link was used up, and its password does not work")
            await self.receive_link()
        self._book.fail(Violation.STUCK, "no link sets a new password")
        raise GaveUp

    async def _try_link(self) -> bool:
        """Whether the new password counts; a link that is used up already may have been so by us."""
        self._changes += 1
        new = f"{PASSWORD} {self._changes}"
        answered = await self._post_form("/auth/user/password/reset", token=self._token, password=new)
        if answered.body.get("status") == "OK":
            self._reset_done(new)
            return True
        if answered.body.get("status") != "RESET_PASSWORD_INVALID_TOKEN_ERROR":
            self._book.fail(Violation.ANSWER, f"reset: {answered.status} {answered.body}")
        if not answered.silences:
            return False
        tried = await self._post_form("/auth/signin", email=self.account.email, password=new)
        if tried.body.get("status") != "OK":
            return False
        self._reset_done(new)
        self.account.unheard += tried.silences
        self._begin_session(tried)
        return True

    async def fetch_keys(self) -> None:
        """Look at the public keys, as who verifies tokens elsewhere does: there is one that signs now."""
        answered = await self._ask("GET", "/auth/jwt/jwks.json")
        if not answered.body.get("keys"):
            self._book.fail(Violation.LOST, "the signing keys")
        self._acknowledge("keys")

    def _reset_done(self, password: str) -> None:
        self.account.password = password
        self.account.resets += 1
        self._all_ended()
        self._acknowledge("password reset")

    def _all_ended(self) -> None:
        self.account.ended += self.account.sessions
        self.account.sessions.clear()
        self.account.unheard = 0

    def _acknowledge(self, what: str) -> None:
        self._book.acknowledged[what] += 1

    def _next_change(self, at_most: int | None = None) -> dict[str, Any]:
        self._changes += 1
        name = self._changes if at_most is None else self._changes % at_most
        return {f"n{name}": self._changes}

    def _begin_session(self, answered: Answered) -> None:
        access_token = answered.headers["st-access-token"]
        self.account.sessions.append(
            Session(_handle_in(access_token), answered.headers["st-refresh-token"], access_token)
        )

    async def _end(self, path: str) -> None:
        """A request that ends the session; when it has worked unheard, the repetition may find no session."""
        silences = 0
        while True:
            answered = await self._ask("POST", path, token=self.session.access_token)
            silences += answered.silences
            if answered.status == 200:
                return
            if answered.status == 401 and "try refresh" in answered.message:
                refreshed = await self._ask("POST", "/auth/session/refresh", token=self.session.refresh_token)
                if refreshed.status == 200:
                    self.session.access_token = refreshed.headers["st-access-token"]
                    self.session.refresh_token = refreshed.headers.get("st-refresh-token", self.session.refresh_token)
                    continue
                answered = refreshed
            if answered.status == 401 and silences:
                return
            self._book.fail(Violation.SIGNED_OUT, f"{path}: {answered.status} {answered.message}")
            return

    async def _with_session(self, method: str, path: str, body: Any = None) -> Answered:
        for _ in range(_MOST_REFRESHES):
            answered = await self._ask(method, path, token=self.session.access_token, body=body)
            if answered.status == 401 and "try refresh" in answered.message:
                await self.refresh()
                continue
            if answered.status == 200:
                return answered
            break
        self._book.fail(Violation.SIGNED_OUT, f"{method} {path}: {answered.status} {answered.message}")
        raise GaveUp

    async def _post_form(self, path: str, token: str | None = None, **fields: str) -> Answered:
        body: dict[str, Any] = {"formFields": [{"id": name, "value": value} for name, value in fields.items()]}
        return await self._ask("POST", path, body=body if token is None else {**body, "token": token})

    async def _ask(self, method: str, path: str, *, token: str = "", body: Any = None) -> Answered:
        """Ask until somebody answers for good."""
        headers = {**_HEADERS, "authorization": f"Bearer {token}"} if token else _HEADERS
        content = b"" if body is None else json.dumps(body).encode()
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        silences = 0
        while True:
            reply = await self._try(method, path, headers, content)
            if reply is not None and reply.status not in (409, 429, 503):
                if reply.status >= 500:
                    self._book.fail(Violation.ANSWER, f"{method} {path}: {reply.status} {reply.body[:200]!r}")
                return Answered(reply.status, reply.headers, json.loads(reply.body or b"{}"), silences)
            silences += 1
            self._note(path, reply)
            if time.monotonic() > give_up_at:
                self._book.fail(Violation.STUCK, f"{method} {path}: {reply or 'no answer'}")
                raise GaveUp
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _try(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> Reply | None:
        wire, more = self.way()
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await wire.ask(method, path, {**headers, **more}, content)
        except (OSError, ValueError):  # refused, cut, too late; or half an answer
            return None

    def _note(self, path: str, reply: Reply | None) -> None:
        self._book.repeated["no answer" if reply is None else str(reply.status)] += 1
        if reply is not None and (reply.headers.get("front-token") == "remove" or "set-cookie" in reply.headers):
            self._book.fail(Violation.SIGNED_OUT, f"{path}: {reply.status} clears the client's tokens")


def _handle_in(access_token: str) -> str:
    part = access_token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))["sessionHandle"]
