"""The session recipe: the overridable class through which every session is made, checked, changed and ended."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, Unpack

from watchword.accounts.bans import require_not_banned
from watchword.accounts.tenants import keep_tenant
from watchword.database.database import Transaction
from watchword.http.messages import HttpRequest
from watchword.identifiers import check_id
from watchword.recipes.api import Answer, ApiRequest, Route
from watchword.recipes.session.by_handle import SessionsByHandle
from watchword.recipes.session.fdi import session_routes
from watchword.recipes.user_context import UserContext, address_of
from watchword.recipes.with_session import WithSession
from watchword.sessions import lifecycle, refresh, verify
from watchword.sessions.access_tokens import AccessTokenInfo
from watchword.sessions.claims import ClaimOwner, ClaimValidator, SessionClaim, fetch_claim
from watchword.sessions.devices import origin_of
from watchword.sessions.errors import InvalidClaims, TokenTheftDetected, TryRefreshToken, Unauthorised
from watchword.sessions.payloads import refuse_claims
from watchword.sessions.refresh_tokens import RefreshToken
from watchword.sessions.session import SessionContainer
from watchword.sessions.settings import SessionOptions, SessionSettings
from watchword.telemetry.hooks import is_ours

Validators = Sequence[ClaimValidator]
OverrideGlobalClaimValidators = (
    Validators | Callable[[Validators, SessionContainer, UserContext], Validators | Awaitable[Validators]]
)
"""The validators of one route: a list that replaces the global ones, or a function
`(global validators, session, user context)` to such a list, sync or async."""


class Session(SessionsByHandle):
    """Sessions; listed by the application only where the defaults do not fit.

    Subclass it to change what it does: the coroutine methods are its functions, `refresh_post`,
    `signout_post`, `jwks_get` and `open_id_discovery_configuration_get` its HTTP APIs, and the `on_*`
    methods its error answers.

    Args:
        disabled_apis: Names of HTTP APIs to switch off.
        options: The attributes of `watchword.recipes.SessionSettings`, by name.
    Raises:
        ConfigurationError: A setting cannot work.
    """

    recipe_ids: ClassVar[tuple[str, ...]] = ("session", "jwt", "openid")

    def __init__(self, *, disabled_apis: Sequence[str] = (), **options: Unpack[SessionOptions]) -> None:
        super().__init__(SessionSettings.from_options(options), disabled_apis=disabled_apis)
        self._claim_validators: list[ClaimValidator] = []
        self._has_own_global_validators = (
            type(self).get_global_claim_validators is not Session.get_global_claim_validators
        )

    def routes(self) -> Sequence[Route]:
        """The HTTP APIs of this recipe."""
        return session_routes(self)

    # Starting and checking sessions

    async def create_new_session(
        self,
        user_id: str,
        *,
        jwt_payload: Mapping[str, Any],
        session_data: Mapping[str, Any],
        recipe_user_id: str | None = None,
        tenant_id: str = "public",
        with_anti_csrf_token: bool = False,
        user_context: UserContext | None = None,
    ) -> SessionContainer:
        """Make and store a session; its tokens are in the answer's `issued`. Source: FDI 4.8.

        Args:
            user_id: Any text; people need not be users of ours.
            jwt_payload: Rides in the access token, where the frontend can read it.
            session_data: Stays in the database.
            recipe_user_id: The login method; the user id when left out.
            tenant_id: The tenant it belongs to.
            with_anti_csrf_token: Whether its tokens carry an anti-CSRF token (FDI 4.7).
            user_context: Handed to claims.
        Raises:
            TenantNotFound: There is no such tenant.
            BadInput: The user id cannot be one.
            InvalidPayload: Something JSON cannot hold, a reserved name, that of a claim, or too much.
            AccountBanned: The user is banned; there is no session.
            HookFailed: A claim could not be fetched.
        """
        await self.engine.tenants.get(tenant_id)
        for name, value in (("user_id", user_id), ("recipe_user_id", recipe_user_id or user_id)):
            check_id(name, value)  # before claims are fetched for it
        owner = ClaimOwner(user_id, recipe_user_id or user_id, tenant_id)
        refuse_claims(jwt_payload, self._claim_names)
        payload, context = dict(jwt_payload), {} if user_context is None else user_context
        for claim in self._claims.values():
            payload |= await fetch_claim(self.hooks, claim, owner, context, self.now_ms())
        waiting = WithSession.of(context)
        granted = await lifecycle.create_session(
            self.session_engine,
            owner,
            jwt_payload=payload,
            session_data=session_data,
            with_anti_csrf_token=with_anti_csrf_token,
            origin=origin_of(context.get("request")),
            admit=partial(self._admit, tenant_id=tenant_id, user_id=user_id),
            also=None if waiting is None else waiting.write,
        )
        if waiting is not None:
            waiting.note_stored(granted.access_token.handle)
        return SessionContainer(self, granted.access_token, issued=granted.issued, user_context=user_context)

    async def _admit(self, tx: Transaction, *, tenant_id: str, user_id: str) -> None:
        """Who is banned, or in a tenant that has just been deleted, gets no session."""
        await keep_tenant(tx, self.engine.app_id, tenant_id)
        await require_not_banned(tx, app_id=self.engine.app_id, user_id=user_id, now_ms=self.now_ms())

    async def get_session(
        self,
        access_token: str,
        *,
        anti_csrf_token: str | None = None,
        check_anti_csrf: bool = False,
        check_database: bool = False,
        override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
        user_context: UserContext | None = None,
    ) -> SessionContainer:
        """The session of an access token; without I/O unless asked for, or a claim must be fetched. Source: FDI 4.9.

        Args:
            access_token: As it came along.
            anti_csrf_token: The one that came along.
            check_anti_csrf: Whether the two must match.
            check_database: Ask the database whether the session still is.
            override_global_claim_validators: See `OverrideGlobalClaimValidators`; `[]` checks no claims.
            user_context: Handed to claims.
        Raises:
            TryRefreshToken: Not verifiable, expired, of a dead branch, or without its anti-CSRF token.
            Unauthorised: The session was revoked.
            InvalidClaims: A claim does not hold.
        """
        token = await verify.verify_access_token(self.session_engine, access_token)
        if check_anti_csrf:
            verify.check_anti_csrf_token(token, anti_csrf_token)
        if check_database:
            await verify.check_database(self.session_engine, token)
        session = SessionContainer(self, token, user_context=user_context)
        if override_global_claim_validators != []:
            await self.validate_claims(
                session, override_global_claim_validators=override_global_claim_validators, user_context=user_context
            )
        return session

    def parse_access_token(self, token: str) -> AccessTokenInfo | None:
        """What an access token says, unverified; `None` when it is something else."""
        return verify.parse_access_token(self.session_engine, token)

    def find_session_to_replace(self, access_token: str, user_id: str) -> str | None:
        """The handle in an access token of ours that came along when somebody signed in anew (SE-2).

        An expired one counts only for the person who signed in: found in an old log, it must not end the
        session of somebody else.
        """
        token = verify.find_signed_access_token(self.session_engine, access_token)
        if token is None or (token.user_id != user_id and token.expires_at_ms <= self.now_ms()):
            return None
        return token.handle

    def find_handle(self, access_token: str) -> str | None:
        """The handle in an access token of ours whose signature holds, expired or not; no I/O."""
        token = verify.find_signed_access_token(self.session_engine, access_token)
        return None if token is None else token.handle

    def find_front_token(self, access_token: str) -> str | None:
        """The front token of an access token whose signature holds, expired or not (security 4.4)."""
        token = verify.find_signed_access_token(self.session_engine, access_token)
        return None if token is None else token.front_token()

    def peek_refresh_token(self, token: str) -> RefreshToken | None:
        """What a refresh token of this app says, good or not any more; `None` when it is something else."""
        return refresh.peek(self.session_engine, token)

    async def refresh_session(
        self,
        refresh_token: str,
        *,
        anti_csrf_token: str | None = None,
        check_anti_csrf: bool = False,
        user_context: UserContext | None = None,
    ) -> SessionContainer:
        """New tokens for a refresh token; `issued.refresh_token` is `None` when the client keeps its own.

        Args:
            refresh_token: As it came along.
            anti_csrf_token: The one that came along.
            check_anti_csrf: Whether it must match the one bound into the refresh token.
            user_context: The application's own.
        Raises:
            Unauthorised: Not a token of ours, or its session has ended.
            TryAgain: Too soon after a promotion to call it theft; nothing changed.
            TokenTheftDetected: The token was replaced before; the session is revoked.
        """
        granted = await refresh.refresh(
            self.session_engine,
            refresh_token,
            anti_csrf_token=anti_csrf_token,
            check_anti_csrf=check_anti_csrf,
            address=address_of(user_context or {}),
        )
        return SessionContainer(self, granted.access_token, issued=granted.issued, user_context=user_context)

    # Claims

    def add_claim(self, claim: SessionClaim[Any], *validators: ClaimValidator, in_new_sessions: bool = True) -> None:
        """Put a claim into each new session, and check these rules about it at every verification (FDI 7).

        Its name is the claim's from then on: nothing else puts a value under it into a payload (security SE-7).

        Args:
            claim: The claim.
            validators: Rules for every route.
            in_new_sessions: `False` leaves it to be fetched by the routes that ask for it.
        """
        self._claim_names.add(claim.key)
        if in_new_sessions:
            self._claims[claim.key] = claim
        self._claim_validators += validators

    async def get_global_claim_validators(
        self,
        *,
        user_id: str,  # noqa: ARG002 - for overrides
        recipe_user_id: str,  # noqa: ARG002
        tenant_id: str,  # noqa: ARG002
        validators_added_by_recipes: Validators,
        user_context: UserContext,  # noqa: ARG002
    ) -> Validators:
        """The rules checked on every route that does not override them; override it to add your own."""
        return validators_added_by_recipes

    async def validate_claims(
        self,
        session: SessionContainer,
        *,
        override_global_claim_validators: OverrideGlobalClaimValidators | None = None,
        user_context: UserContext | None = None,
    ) -> None:
        """Check the rules about a session's payload that apply to this route.

        Raises:
            InvalidClaims: One or more do not hold; fetched values reach the client all the same.
        """
        override = override_global_claim_validators
        if override is None and not self._claim_validators and not self._has_own_global_validators:
            return
        context: UserContext = {} if user_context is None else user_context
        if override is not None and not callable(override):
            validators = override
        else:
            validators = await self.get_global_claim_validators(
                user_id=session.user_id,
                recipe_user_id=session.recipe_user_id,
                tenant_id=session.tenant_id,
                validators_added_by_recipes=tuple(self._claim_validators),
                user_context=context,
            )
            if override is not None:
                validators = await self._choose(override, validators, session, context)
        if validators:
            await session.assert_claims(validators)

    async def _choose(
        self,
        override: Callable[[Validators, SessionContainer, UserContext], Validators | Awaitable[Validators]],
        validators: Validators,
        session: SessionContainer,
        context: UserContext,
    ) -> Validators:
        if not is_ours(override):
            return await self.hooks.call_override(
                "override_global_claim_validators", lambda: override(validators, session, context)
            )
        chosen = override(validators, session, context)
        return await chosen if inspect.isawaitable(chosen) else chosen

    async def reissue_access_token(self, token: AccessTokenInfo, jwt_payload: Mapping[str, Any]) -> AccessTokenInfo:
        """The same access token with another payload and a new issue time; same expiry, same binding (FDI 4.12)."""
        return await lifecycle.reissue_access_token(self.session_engine, token, jwt_payload)

    # HTTP APIs

    async def refresh_post(self, api: ApiRequest) -> Answer:
        """`POST /session/refresh`. Source: FDI 4.10, 8.1.

        Raises:
            WatchwordError: What `refresh_session` raises.
        """
        if api.refresh_token is None:
            raise Unauthorised("no refresh token came along")
        session = await self.refresh_session(
            api.refresh_token,
            anti_csrf_token=api.anti_csrf_token,
            check_anti_csrf=api.check_anti_csrf,
            user_context=api.user_context,
        )
        return Answer(body={}, session=session)

    async def signout_post(self, api: ApiRequest) -> Answer:
        """`POST /signout`: end the session of the request; `None` there means it was revoked before. FDI 8.1."""
        if api.session is not None:
            await api.session.revoke()
        return Answer(body={"status": "OK"}, session=api.session)

    async def jwks_get(self, api: ApiRequest) -> Answer:  # noqa: ARG002 - for overrides
        """`GET /jwt/jwks.json`: the public keys, cached for less than a new key's head start. Source: FDI 5.4."""
        keys = self.session_engine.keys
        max_age_seconds = keys.schedule.look_every_ms // 1000
        cache = ("cache-control", f"max-age={max_age_seconds}, must-revalidate")
        return Answer(body=await keys.get_jwks(), headers=(cache,))

    async def open_id_discovery_configuration_get(self, api: ApiRequest) -> Answer:  # noqa: ARG002 - for overrides
        """`GET /.well-known/openid-configuration`: where the keys are. Source: FDI 8.6."""
        issuer = self.engine.app_info.issuer
        return Answer(body={"issuer": issuer, "jwks_uri": f"{issuer}/jwt/jwks.json"})

    # Error answers: return an `Answer` of your own, or `None` for the contract's (FDI 6)

    async def on_unauthorised(self, error: Unauthorised, request: HttpRequest) -> Answer | None:  # noqa: ARG002
        """There is no session, or it has ended."""
        return None

    async def on_try_refresh_token(self, error: TryRefreshToken, request: HttpRequest) -> Answer | None:  # noqa: ARG002
        """The access token does not hold any more."""
        return None

    async def on_token_theft_detected(
        self,
        error: TokenTheftDetected,  # noqa: ARG002
        request: HttpRequest,  # noqa: ARG002
    ) -> Answer | None:
        """A refresh token was stolen; its session is revoked already. A place to warn the user."""
        return None

    async def on_invalid_claims(self, error: InvalidClaims, request: HttpRequest) -> Answer | None:  # noqa: ARG002
        """A claim does not hold."""
        return None
