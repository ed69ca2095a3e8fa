"""Sessions in and out of requests: find the tokens, check the request, ask the session recipe. FDI 4.7 to 4.11."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from watchword.errors import WatchwordError
from watchword.fdi.cookies import LEGACY_COOKIE, CookiePolicy
from watchword.fdi.csrf import HANDSHAKE, anti_csrf_mode, check_not_cross_site
from watchword.fdi.exchange import Exchange
from watchword.fdi.refreshing import first_that_refreshes
from watchword.fdi.transport import (
    Transport,
    bearer_token,
    carries_legacy_session,
    transfer_method,
    transport_for_new_session,
)
from watchword.http.messages import HttpRequest
from watchword.recipes.api import ApiRequest
from watchword.recipes.session.recipe import OverrideGlobalClaimValidators, Session
from watchword.sessions.errors import TryAgain, TryRefreshToken, Unauthorised
from watchword.sessions.session import ENDED_BECAUSE, SessionContainer

_READING_METHODS = ("GET", "HEAD")


class DuplicateCookies(WatchwordError):
    """Two cookies of one name came along and `older_cookie_domain` says where the old one lies (FDI 4.11)."""

    code = "duplicate_cookies"


@dataclass(frozen=True, slots=True)
class RefreshCandidates:
    """The refresh tokens that a request offers, best first, and the transport they came in."""

    transport: Transport
    tokens: Sequence[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class RequestSessions:
    """Everything about sessions that depends on the request they travel in.

    Attributes:
        policy: Cookie attributes and domains.
        recipe: The session recipe, with the application's overrides.
    """

    policy: CookiePolicy
    recipe: Session

    # Verifying (FDI 4.9)

    async def load(
        self,
        exchange: Exchange,
        *,
        session_required: bool = True,
        anti_csrf_check: bool | None = None,
        check_database: bool = False,
        override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
    ) -> SessionContainer | None:
        """The session of a request; later changes to it go out with this request's response.

        Returns:
            `None` only when no session came along and none is required.
        Raises:
            Unauthorised: None came along, or it was revoked.
            TryRefreshToken: The access token is not good any more, also when the session is optional.
            InvalidClaims: See the validators.
            CrossSiteRequest: A browser sent it from another site.
        """
        request = exchange.request
        if request.method in ("OPTIONS", "TRACE") and not session_required:
            return None  # with a required one the handler would run for anybody who sends another method's name
        if request.method == "POST" and request.path == self.policy.app_info.api_base_path + "/session/refresh":
            return await self.refresh(exchange, ApiRequest(http=request))  # a route of the application's own
        cookies, user_context = request.cookies, exchange.user_context
        if LEGACY_COOKIE in cookies:
            raise TryRefreshToken("the client still holds a session of an old protocol")
        transport, candidates = self._access_tokens(request)
        if not candidates:
            return self._without_session(session_required)
        is_checked = request.method != "GET" if anti_csrf_check is None else anti_csrf_check
        if request.method == HANDSHAKE:
            check_not_cross_site(self.policy, request)
            is_checked = False
        try:
            check_anti_csrf = is_checked and transport == "cookie" and self._check_csrf(request)
            if len(candidates) > 1:
                session = await self._one_that_verifies(exchange, candidates, check_anti_csrf, check_database)
            else:  # written out a second time: what `partial` costs is a tenth of all this
                session = await self.recipe.get_session(
                    candidates[0],
                    anti_csrf_token=request.header("anti-csrf"),
                    check_anti_csrf=check_anti_csrf,
                    check_database=check_database,
                    override_global_claim_validators=[],
                    user_context=user_context,
                )
        except WatchwordError:
            if any(self.recipe.parse_access_token(token) is not None for token in candidates):
                raise
            return self._without_session(session_required)  # what came along is no access token
        session = exchange.writer.hold(session, transport)
        if len(cookies.get(self.policy.access_cookie, ())) > 1:
            self._delete_strays(exchange, self.policy.access_cookie)
        await self.recipe.validate_claims(
            session, override_global_claim_validators=override_global_claim_validators, user_context=user_context
        )
        return session

    def _without_session(self, session_required: bool) -> None:
        if session_required:
            # Nothing is cleared: another tab may just be receiving new cookies (FDI 15, pitfall 13).
            raise Unauthorised("no access token came along", clear_tokens=False)

    def _access_tokens(self, request: HttpRequest) -> tuple[Transport, Sequence[str]]:
        """The transport, and what may be an access token in it; a lone cookie is looked at when it is verified."""
        method = transfer_method(self.policy, request, creating=False)
        bearer = bearer_token(request) if method != "cookie" else None
        if bearer is not None and self.recipe.parse_access_token(bearer) is not None:
            return "header", [bearer]
        if method == "header":
            return "cookie", []
        cookies = request.cookies.get(self.policy.access_cookie, ())
        if len(cookies) <= 1:
            return "cookie", cookies
        tokens = [cookie for cookie in cookies if self.recipe.parse_access_token(cookie) is not None]
        if tokens and self.policy.settings.older_cookie_domain is not None:
            raise TryRefreshToken("two access token cookies came along")
        return "cookie", tokens

    def _check_csrf(self, request: HttpRequest) -> bool:
        """Check what needs no token; answers whether the token must match as well."""
        if request.method not in _READING_METHODS:
            check_not_cross_site(self.policy, request)
        mode = anti_csrf_mode(self.policy, request)
        if mode == "VIA_CUSTOM_HEADER" and request.header("rid") is None:
            raise TryRefreshToken("the rid header is missing, so this may be a forged request")
        return mode == "VIA_TOKEN"

    async def _one_that_verifies(
        self, exchange: Exchange, candidates: Sequence[str], check_anti_csrf: bool, check_database: bool
    ) -> SessionContainer:
        """Of several, which are there only when cookies of one name lie on several domains: planted, or left over.

        Two sessions that are both good are one too many: a neighbouring sub-domain may have planted its own, so
        that somebody works in an account that is not theirs. The strays are deleted, and the client refreshes.
        """
        verify = partial(
            self.recipe.get_session,
            anti_csrf_token=exchange.request.header("anti-csrf"),
            check_anti_csrf=check_anti_csrf,
            check_database=check_database,
            override_global_claim_validators=[],
            user_context=exchange.user_context,
        )
        found: dict[str, SessionContainer] = {}
        for token in candidates:
            with suppress(TryRefreshToken, Unauthorised):
                session = await verify(token)
                found.setdefault(session.handle, session)
        if not found:
            return await verify(candidates[-1])  # raises what is wrong with it
        if len(found) > 1 and self._delete_strays(exchange, self.policy.access_cookie):
            raise TryRefreshToken("access tokens of two sessions came along in cookies of one name")
        return next(iter(found.values()))

    def _delete_strays(self, exchange: Exchange, name: str) -> bool:
        """Delete the cookies of this name that are not where we set ours; `False` where there can be none."""
        strays = self.policy.foreign_domains()
        if strays:
            exchange.writer.delete_cookie(name, *strays)
        return bool(strays)

    # Refreshing (FDI 4.10, 4.11)

    def refresh_candidates(self, exchange: Exchange) -> RefreshCandidates:
        """The refresh tokens of a request, after the checks that need no token.

        Raises:
            DuplicateCookies: The old ones are being deleted; the next refresh works.
            Unauthorised: There is none, or the anti-CSRF header is missing.
            CrossSiteRequest: Nothing is cleared.
        """
        request = exchange.request
        if carries_legacy_session(request):
            # Everywhere it may lie: one planted on a parent domain would send the client from 401 to refresh for ever.
            own, elsewhere = self.policy.settings.cookie_domain, self.policy.foreign_domains()
            exchange.writer.delete_cookie(LEGACY_COOKIE, own, *elsewhere)
        method = transfer_method(self.policy, request, creating=False)
        if method != "header":
            self._resolve_duplicates(exchange)
        bearer = bearer_token(request) if method != "cookie" else None
        cookies = [] if method == "header" else [c for c in request.cookies.get(self.policy.refresh_cookie, ()) if c]
        if bearer is not None and cookies and self.recipe.peek_refresh_token(bearer) is None:
            bearer = None  # the application's own bearer must not end the session in the cookies (FDI 15, pitfall 27)
        if bearer is not None:
            if request.cookies.get(self.policy.refresh_cookie):
                exchange.writer.clear("cookie")
            return RefreshCandidates("header", [bearer])
        if not cookies:
            raise Unauthorised("no refresh token came along")
        if method == "cookie" and bearer_token(request) is not None:
            exchange.writer.clear("header")
        if anti_csrf_mode(self.policy, request) == "VIA_CUSTOM_HEADER" and request.header("rid") is None:
            raise Unauthorised("the rid header is missing on a refresh")
        return RefreshCandidates("cookie", self._best_first(request, cookies))

    def _resolve_duplicates(self, exchange: Exchange) -> None:
        cookies = exchange.request.cookies
        doubled = [
            name for name in (self.policy.access_cookie, self.policy.refresh_cookie) if len(cookies.get(name, ())) > 1
        ]
        older = self.policy.settings.older_cookie_domain
        if doubled and older is not None:
            for name in doubled:
                exchange.writer.delete_cookie(name, older or None)
            raise DuplicateCookies("the client holds cookies of an older cookie domain; they are being deleted")
        for name in doubled:
            self._delete_strays(exchange, name)

    def _best_first(self, request: HttpRequest, tokens: Sequence[str]) -> list[str]:
        """Of two tokens of one session the younger; a stale twin must not look like theft (CK-4).

        Of two sessions that of the access token: a planted refresh token alone moves nobody into another account.

        Raises:
            TryAgain: The access token does not say which; the strays are being deleted, and then there is one.
        """
        if len(tokens) == 1:
            return list(tokens)
        best: dict[str, tuple[tuple[int, int], str]] = {}
        for token in tokens:
            info = self.recipe.peek_refresh_token(token)
            if info is None:
                continue
            age = (info.gen, info.iat_ms)
            if info.handle not in best or age > best[info.handle][0]:
                best[info.handle] = (age, token)
        if len(best) > 1:
            own = {self.recipe.find_handle(cookie) for cookie in request.cookies.get(self.policy.access_cookie, ())}
            named = [best[handle] for handle in best if handle in own]
            if len(named) == 1:
                return [named[0][1]]
            if own != {None} and own and self.policy.foreign_domains():
                raise TryAgain
        return [token for _, token in best.values()] or [tokens[0]]

    async def refresh(self, exchange: Exchange, api: ApiRequest) -> SessionContainer:
        """Refresh the session of a request through the recipe function; used by `verify_session` on the refresh path.

        Raises: as `refresh_candidates` and `Session.refresh_session`.
        """
        check_not_cross_site(self.policy, exchange.request)
        candidates = self.refresh_candidates(exchange)

        async def refresh_session(call: ApiRequest) -> SessionContainer:
            return await self.recipe.refresh_session(
                call.refresh_token or "",
                anti_csrf_token=call.anti_csrf_token,
                check_anti_csrf=call.check_anti_csrf,
                user_context=exchange.user_context,
            )

        calls = self.refresh_calls(exchange, candidates, api)
        session = await first_that_refreshes(calls, refresh_session, self.recipe)
        exchange.writer.attach(session, candidates.transport)
        return session

    def refresh_calls(self, exchange: Exchange, candidates: RefreshCandidates, api: ApiRequest) -> list[ApiRequest]:
        """One call of the refresh API per candidate, to be tried in turn."""
        via_token = candidates.transport == "cookie" and anti_csrf_mode(self.policy, exchange.request) == "VIA_TOKEN"
        return [
            replace(
                api,
                refresh_token=token,
                anti_csrf_token=exchange.request.header("anti-csrf"),
                check_anti_csrf=via_token,
            )
            for token in candidates.tokens
        ]

    # Starting (FDI 4.8)

    def check_may_start(self, request: HttpRequest) -> None:
        """Refuse a form that a page of another site sent: signing somebody in as the attacker is an attack (CS-4).

        A link may come from anywhere: browsers do not take our cookies from an image or a frame.

        Raises:
            CrossSiteRequest: Nothing may be done and nothing cleared.
        """
        if request.method not in _READING_METHODS:
            check_not_cross_site(self.policy, request)

    def new_session_needs_anti_csrf_token(self, request: HttpRequest) -> bool:
        """Whether a session that starts in this request carries an anti-CSRF token."""
        if transport_for_new_session(self.policy, request) != "cookie":
            return False
        return anti_csrf_mode(self.policy, request) == "VIA_TOKEN"

    async def attach_new(self, exchange: Exchange, session: SessionContainer) -> None:
        """Send a session that has just started, and end those that it replaces in this client (SE-2)."""
        request, sent_before = exchange.request, exchange.writer.session
        transport = transport_for_new_session(self.policy, request)
        exchange.writer.attach(session, transport)
        cookies, bearer = request.cookies.get(self.policy.access_cookie, []), bearer_token(request)
        if transport == "header" and cookies:
            exchange.writer.clear("cookie")
        if transport == "cookie" and bearer is not None:
            exchange.writer.clear("header")
        held = (*cookies, *([] if bearer is None else [bearer]))
        found = (self.recipe.find_session_to_replace(token, session.user_id) for token in held)
        replaced = {handle for handle in found if handle is not None}
        if sent_before is not None:  # this response would have carried it
            replaced.add(sent_before.handle)
        for handle in replaced - {session.handle}:
            await self.recipe.revoke_session(handle, user_context={**exchange.user_context, ENDED_BECAUSE: "replaced"})

    def front_token_to_repeat(self, request: HttpRequest) -> str | None:
        """The front token of the request's own access token, for a native client whose refresh failed.

        Those announce a sign-out to their application on any failed refresh without one, although
        they keep the tokens; a browser would take its age for a wrong clock (security 4.4).
        """
        if request.header("origin") is not None or request.header("sec-fetch-site") is not None:
            return None
        cookies = request.cookies.get(self.policy.access_cookie, ())
        found = {front_token for cookie in cookies if (front_token := self.recipe.find_front_token(cookie)) is not None}
        return found.pop() if len(found) == 1 else None  # of two, one may be planted
