"""What a handler holds of a session: no I/O to read the JWT payload, one call to change either kind of data."""

import asyncio
import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Generic, Protocol, cast

from watchword.sessions.access_tokens import AccessTokenInfo
from watchword.sessions.claims import ClaimOwner, ClaimValidator, SessionClaim, ValueT, fetch_claim, find_failure
from watchword.sessions.errors import ClaimFailure, InvalidClaims
from watchword.sessions.information import SessionInformation
from watchword.sessions.issued_tokens import IssuedTokens
from watchword.telemetry.hooks import Hooks

if TYPE_CHECKING:  # defaults of type variables come with Python 3.13; type checkers know them already
    from typing_extensions import TypeVar

    PayloadT = TypeVar("PayloadT", bound=Mapping[str, Any], default=dict[str, Any])
    DataT = TypeVar("DataT", bound=Mapping[str, Any], default=dict[str, Any])
else:
    from typing import TypeVar

    PayloadT = TypeVar("PayloadT")
    DataT = TypeVar("DataT")


#: Under this name the user context tells the functions that end sessions why; a `Cause` of `endings.py`.
ENDED_BECAUSE = "ended_because"


class SessionFunctions(Protocol):
    """What a session asks of the session recipe, so that the application's overrides apply."""

    @property
    def hooks(self) -> Hooks:
        """Calls functions of the application."""
        ...

    async def get_session_information(
        self, handle: str, *, user_context: dict[str, Any] | None = None
    ) -> SessionInformation:
        """The session as stored. Raises `Unauthorised` when it is gone."""
        ...

    async def update_jwt_payload(
        self, handle: str, jwt_payload: Mapping[str, Any], *, user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Replace the payload and return it as stored. Raises `Unauthorised` when the session is gone."""
        ...

    async def merge_into_jwt_payload(
        self, handle: str, changes: Mapping[str, Any], *, user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Merge into the payload and return it as stored. Raises `Unauthorised` when the session is gone."""
        ...

    async def merge_claims_into_jwt_payload(
        self, handle: str, claims: Mapping[str, Any], *, user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The same for what claims made of their values, whose names nothing else may set."""
        ...

    async def reissue_access_token(self, token: AccessTokenInfo, jwt_payload: Mapping[str, Any]) -> AccessTokenInfo:
        """The same access token with another payload and a new issue time."""
        ...

    async def get_session_data(self, handle: str, *, user_context: dict[str, Any] | None = None) -> dict[str, Any]:
        """The session data. Raises `Unauthorised` when the session is gone."""
        ...

    async def update_session_data(
        self, handle: str, session_data: Mapping[str, Any], *, user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Replace the session data and return it. Raises `Unauthorised` when the session is gone."""
        ...

    async def merge_into_session_data(
        self, handle: str, changes: Mapping[str, Any], *, user_context: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """Merge into the session data and return it. Raises `Unauthorised` when the session is gone."""
        ...

    async def revoke_session(self, handle: str, *, user_context: dict[str, Any] | None = None) -> bool:
        """End the session; whether it was there."""
        ...

    def now_ms(self) -> int:
        """Milliseconds since the epoch, by the injected clock."""
        ...


class SessionContainer(Generic[PayloadT, DataT]):
    """One session, in one request. `SessionContainer[Payload, Data]` gives both kinds of data a type.

    Every method that asks the database raises `Unauthorised` when the session has ended meanwhile.

    Attributes:
        handle: The constant id of the session.
        user_id: The (primary) user.
        recipe_user_id: The login method that was used.
        tenant_id: The tenant it belongs to.
        issued: New tokens that the client must receive with this response, or `None`.
        ended: Whether it was revoked in this request, so that the client must drop its tokens.
    """

    def __init__(
        self,
        functions: SessionFunctions,
        token: AccessTokenInfo,
        *,
        issued: IssuedTokens | None = None,
        user_context: dict[str, Any] | None = None,
    ) -> None:
        self.handle = token.handle
        self.user_id = token.user_id
        self.recipe_user_id = token.recipe_user_id
        self.tenant_id = token.tenant_id
        self.issued = issued
        self.ended = False
        self._functions = functions
        self._token = token
        self._changed_payload: dict[str, Any] | None = None
        self._changing: asyncio.Lock | None = None
        self._user_context: dict[str, Any] = {} if user_context is None else user_context

    def __repr__(self) -> str:
        return f"SessionContainer(handle={self.handle!r}, user_id={self.user_id!r}, tenant_id={self.tenant_id!r})"

    @property
    def user_context(self) -> dict[str, Any]:
        """The context of the request: handed to other functions it tells them the language of mails and the address."""
        return self._user_context

    @property
    def access_token(self) -> str:
        """The access token: the one that came along, or the newest one issued in this request."""
        return self._token.text

    @property
    def expires_at_ms(self) -> int:
        """When the access token expires, in milliseconds since the epoch."""
        return self._token.expires_at_ms

    @property
    def access_token_payload(self) -> dict[str, Any]:
        """A copy of the whole payload of the access token, reserved claims included."""
        return self._token.payload()

    @property
    def jwt_payload(self) -> PayloadT:
        """A copy of what hooks, application and recipe claims put into the payload; needs no I/O."""
        changed = self._changed_payload
        return cast("PayloadT", self._token.jwt_payload() if changed is None else copy.deepcopy(changed))

    async def update_jwt_payload(self, jwt_payload: PayloadT) -> PayloadT:
        """Replace the payload, except for the claims of recipes; the client gets a new access token.

        Returns:
            The payload as stored.
        Raises:
            InvalidPayload: A reserved name or the name of a claim, something JSON cannot hold, or too much for a
                cookie.
            Unauthorised: The session has ended.
        """
        async with self._one_at_a_time():
            stored = await self._functions.update_jwt_payload(self.handle, jwt_payload, user_context=self._user_context)
            return await self._take_payload(stored)

    async def merge_into_jwt_payload(self, changes: Mapping[str, Any]) -> PayloadT:
        """Merge into the payload, one level deep; `None` removes a key. Otherwise as `update_jwt_payload`."""
        async with self._one_at_a_time():
            stored = await self._functions.merge_into_jwt_payload(self.handle, changes, user_context=self._user_context)
            return await self._take_payload(stored)

    def _one_at_a_time(self) -> asyncio.Lock:
        """Held while the payload changes: the newest token must hold what was stored last."""
        if self._changing is None:
            self._changing = asyncio.Lock()
        return self._changing

    async def _take_payload(self, stored: dict[str, Any]) -> PayloadT:
        if self._functions.now_ms() >= self._token.expires_at_ms:
            # A new token would outlive the old one's expiry; the client refreshes next anyway (FDI 4.12).
            self._changed_payload = stored
        else:
            self._changed_payload = None
            self._token = await self._functions.reissue_access_token(self._token, stored)
            self.issued = IssuedTokens.of(self._token, self.issued)
        return self.jwt_payload

    async def get_session_data(self) -> DataT:
        """What the database keeps under the session handle; never sent to the client."""
        return cast("DataT", await self._functions.get_session_data(self.handle, user_context=self._user_context))

    async def update_session_data(self, session_data: DataT) -> DataT:
        """Replace the session data; returns it as stored.

        Raises:
            InvalidPayload: Something JSON cannot hold, or more than `max_session_data_bytes`.
            Unauthorised: The session has ended.
        """
        stored = await self._functions.update_session_data(self.handle, session_data, user_context=self._user_context)
        return cast("DataT", stored)

    async def merge_into_session_data(self, changes: Mapping[str, Any]) -> DataT:
        """Merge into the session data, one level deep; `None` removes a key; concurrent merges all survive."""
        stored = await self._functions.merge_into_session_data(self.handle, changes, user_context=self._user_context)
        return cast("DataT", stored)

    async def revoke(self) -> None:
        """End this session; the response takes the client's tokens, also when it had ended before."""
        user_context = {ENDED_BECAUSE: "signed_out", **self._user_context}
        await self._functions.revoke_session(self.handle, user_context=user_context)
        self.ended = True
        self.issued = None

    async def get_time_created_ms(self) -> int:
        """When the person signed in, in milliseconds since the epoch."""
        return (await self._information()).time_created_ms

    async def require_recent_sign_in(self, at_most_seconds: int = 300) -> None:
        """Return if the person signed in just now: to be asked before a change by whoever has no password to give.

        A refresh does not count, only what made this session.

        Args:
            at_most_seconds: How long ago it may be.

        Raises:
            InvalidClaims: It is longer ago, under the id `recent-sign-in` (403): ask the person to sign in again.
            Unauthorised: The session has ended.

        Source: security PW-12.
        """
        age_ms = self._functions.now_ms() - await self.get_time_created_ms()
        if age_ms > at_most_seconds * 1_000:
            reason = {"message": "sign in again", "ageInSeconds": age_ms // 1_000, "atMostSeconds": at_most_seconds}
            raise InvalidClaims([ClaimFailure("recent-sign-in", reason)])

    async def get_expiry_ms(self) -> int:
        """When the session ends if it is not refreshed again, in milliseconds since the epoch."""
        return (await self._information()).expires_at_ms

    async def _information(self) -> SessionInformation:
        return await self._functions.get_session_information(self.handle, user_context=self._user_context)

    def get_claim_value(self, claim: SessionClaim[ValueT]) -> ValueT | None:
        """The value of a claim in the payload, or `None`; needs no I/O."""
        return claim.find_value(cast("Mapping[str, Any]", self.jwt_payload))

    async def set_claim_value(self, claim: SessionClaim[ValueT], value: ValueT) -> None:
        """Put a value into the payload, as fetched now."""
        await self._merge_claims(claim.wrap(value, self._functions.now_ms()))

    async def fetch_and_set_claim(self, claim: SessionClaim[Any]) -> None:
        """Fetch a claim and put it into the payload; a claim without a value is left as it is."""
        fetched = await self._fetch(claim)
        if fetched:
            await self._merge_claims(fetched)

    async def remove_claim(self, claim: SessionClaim[Any]) -> None:
        """Take a claim out of the payload."""
        await self._merge_claims({claim.key: None})

    async def _merge_claims(self, claims: Mapping[str, Any]) -> None:
        functions, context = self._functions, self._user_context
        async with self._one_at_a_time():
            stored = await functions.merge_claims_into_jwt_payload(self.handle, claims, user_context=context)
            await self._take_payload(stored)

    async def assert_claims(self, validators: Sequence[ClaimValidator]) -> None:
        """Check rules about the payload, fetching first what is missing or too old (FDI 7).

        What was fetched reaches the client even if a rule fails then: otherwise each request would fetch again.

        Raises:
            InvalidClaims: One or more rules do not hold.
        """
        now_ms = self._functions.now_ms()
        payload = {**self.access_token_payload, **self.jwt_payload}
        fetched: dict[str, Any] = {}
        for validator in validators:
            if validator.claim is not None and validator.should_refetch(payload, now_ms):
                fetched |= await self._fetch(validator.claim)
                payload |= fetched
        if fetched:
            await self._merge_claims(fetched)
        failures = [await find_failure(self._functions.hooks, validator, payload, now_ms) for validator in validators]
        found = [failure for failure in failures if failure is not None]
        if found:
            raise InvalidClaims(found)

    async def _fetch(self, claim: SessionClaim[Any]) -> dict[str, Any]:
        owner = ClaimOwner(self.user_id, self.recipe_user_id, self.tenant_id)
        return await fetch_claim(self._functions.hooks, claim, owner, self._user_context, self._functions.now_ms())
