"""Tokens out of a request and into a response, in cookies or in headers. Source: FDI 4.1, 4.2, 4.5."""

from dataclasses import dataclass, field
from typing import Literal

from watchword.fdi.cookies import LEGACY_COOKIE, CookiePolicy
from watchword.http.messages import Header, HttpRequest
from watchword.sessions.issued_tokens import IssuedTokens
from watchword.sessions.session import SessionContainer

Transport = Literal["cookie", "header"]
TransferMethod = Literal["cookie", "header", "any"]


def bearer_token(request: HttpRequest) -> str | None:
    """What follows `Bearer ` in `Authorization`; an empty rest counts as absent."""
    value = request.header("authorization") or ""
    return value.removeprefix("Bearer ").strip() or None if value.startswith("Bearer ") else None


def transfer_method(policy: CookiePolicy, request: HttpRequest, *, creating: bool) -> TransferMethod:
    """Which transports this request may use: as set, else the client's wish, which only creation honours."""
    configured = policy.settings.token_transfer_method
    if callable(configured):
        return configured(request, creating)
    if configured != "any" or not creating:
        return configured
    wish = (request.header("st-auth-mode") or "").lower()
    return wish if wish in ("cookie", "header") else "any"


def transport_for_new_session(policy: CookiePolicy, request: HttpRequest) -> Transport:
    """The transport of a session that starts now; a client that says nothing gets headers (FDI 4.8)."""
    method = transfer_method(policy, request, creating=True)
    return "header" if method == "any" else method


@dataclass(slots=True)
class TokenWriter:
    """Collects what one response must say about tokens, and writes each cookie and header once.

    The state is read when the response starts, so that a handler may change the payload as often as
    it likes and the client gets the last token only (FDI 4.3, 4.12).
    """

    policy: CookiePolicy
    request: HttpRequest
    _session: SessionContainer | None = None
    _transport: Transport = "header"
    _cleared: frozenset[Transport] = frozenset()
    _everything_cleared: bool = False
    _deletions: tuple[tuple[str, tuple[str | None, ...]], ...] = ()
    _repeated_front_token: str | None = None
    _known_device: str | None = field(default=None, repr=False)

    @property
    def session(self) -> SessionContainer | None:
        """The session whose state this response tells, or `None`."""
        return self._session

    @property
    def is_silent(self) -> bool:
        """Whether `headers` would be empty for sure: nothing was issued, ended, cleared or deleted."""
        session = self._session
        return (
            (session is None or (session.issued is None and not session.ended))
            and not (self._everything_cleared or self._cleared or self._deletions)
            and self._repeated_front_token is None
        )

    def hold(self, session: SessionContainer, transport: Transport) -> SessionContainer:
        """As `attach`, for a session that came along; the one to use.

        That is the one of a dependency that asked before, if there was one: what a handler changes in an object
        of its own, even ending the session, would not reach the client.
        """
        held = self._session
        if held is not None and held.handle == session.handle:
            session = held
        self.attach(session, transport)
        return session

    def attach(self, session: SessionContainer, transport: Transport) -> None:
        """Send this session's new tokens, now or issued later in the request, in this transport."""
        self._session, self._transport = session, transport
        self._everything_cleared = False

    def clear(self, transport: Transport) -> None:
        """Take the tokens of one transport from the client."""
        self._cleared = self._cleared.union((transport,))

    def clear_all(self) -> None:
        """Take every token from the client, whatever an earlier step attached (FDI 4.5)."""
        self._everything_cleared = True

    def delete_cookie(self, name: str, *domains: str | None) -> None:
        """Delete a cookie on further domains: old, planted or legacy ones."""
        self._deletions += ((name, domains),)

    def repeat_front_token(self, front_token: str) -> None:
        """Send a front token the client already has, so that a native client does not announce a sign-out."""
        self._repeated_front_token = front_token

    def remember_device(self, cookie: str) -> None:
        """Send a device cookie, where this response sends a session in cookies."""
        self._known_device = cookie

    def headers(self, now_ms: int) -> list[Header]:
        """The response headers, computed from where things stand now."""
        return self._token_headers(now_ms) + (self._deletion_headers() if self._deletions else [])

    def _token_headers(self, now_ms: int) -> list[Header]:
        session = self._session
        if self._everything_cleared:
            return [*self._clearing("cookie", "header"), ("front-token", "remove")]
        if session is not None and session.ended:
            return [*self._clearing(*self._cleared, self._transport), ("front-token", "remove")]
        others = self._clearing(*(self._cleared - {self._transport}))
        if session is not None and session.issued is not None:
            return others + self._tokens(session.issued, now_ms)
        repeated = [("front-token", self._repeated_front_token)] if self._repeated_front_token else []
        return others + repeated

    def _deletion_headers(self) -> list[Header]:
        same_site = self.policy.same_site(self.policy.website_origin(self.request))
        return [
            ("set-cookie", cookie)
            for name, domains in self._deletions
            for cookie in self.policy.clear(name, same_site, *domains)
        ]

    def _tokens(self, issued: IssuedTokens, now_ms: int) -> list[Header]:
        headers: list[Header] = []
        if self._transport == "cookie":
            same_site = self.policy.same_site(self.policy.website_origin(self.request))
            headers.append(("set-cookie", self.policy.set_access_token(issued.access_token, now_ms, same_site)))
            if issued.refresh_token is not None and issued.refresh_token_expires_at_ms is not None:
                cookie = self.policy.set_refresh_token(
                    issued.refresh_token, issued.refresh_token_expires_at_ms, same_site
                )
                headers.append(("set-cookie", cookie))
            if self._known_device is not None:
                headers.append(("set-cookie", self.policy.set_known_device(self._known_device, now_ms, same_site)))
        headers.append(("front-token", issued.front_token))
        if self._transport == "header" or self.policy.settings.expose_access_token_to_frontend_in_cookie_based_auth:
            headers.append(("st-access-token", issued.access_token))
        if self._transport == "header" and issued.refresh_token is not None:
            headers.append(("st-refresh-token", issued.refresh_token))
        if self._transport == "cookie" and issued.anti_csrf_token is not None:
            headers.append(("anti-csrf", issued.anti_csrf_token))
        return headers

    def _clearing(self, *transports: Transport) -> list[Header]:
        headers: list[Header] = []
        if "header" in transports:
            headers += [("st-access-token", ""), ("st-refresh-token", "")]
        if "cookie" in transports:
            same_site = self.policy.same_site(self.policy.website_origin(self.request))
            for name in (self.policy.access_cookie, self.policy.refresh_cookie):
                headers += [("set-cookie", cookie) for cookie in self.policy.clear(name, same_site)]
        return headers


def carries_legacy_session(request: HttpRequest) -> bool:
    """Whether the client still has the marker cookie of FDI 1.15 or older (FDI 4.9, step 1)."""
    return LEGACY_COOKIE in request.cookies
