"""The half of the session recipe that needs no request: reading, changing and ending sessions by their handle."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from watchword.database.database import Transaction
from watchword.errors import ConfigurationError
from watchword.recipes.engine import Engine
from watchword.recipes.recipe import Recipe
from watchword.recipes.user_context import UserContext, ending_of
from watchword.sessions import information, lifecycle, revoke
from watchword.sessions.claims import ClaimOwner, SessionClaim, fetch_claim
from watchword.sessions.endings import Ending
from watchword.sessions.engine import SessionEngine
from watchword.sessions.errors import Unauthorised
from watchword.sessions.information import SessionInformation
from watchword.sessions.payloads import checked_jwt_payload, checked_session_data, merge, refuse_claims
from watchword.sessions.settings import SessionSettings
from watchword.sessions.sweeper import Sweeper

ValueT = TypeVar("ValueT")
log = logging.getLogger(__name__)


class SessionsByHandle(Recipe):
    """The session functions that take a handle or a user id. Each may be overridden, with `super()`.

    Args:
        settings: Of all sessions.
        disabled_apis: Names of HTTP APIs to switch off.
    """

    def __init__(self, settings: SessionSettings, *, disabled_apis: Sequence[str] = ()) -> None:
        super().__init__(disabled_apis=disabled_apis)
        self.settings = settings
        self._sessions: SessionEngine | None = None
        self._sweeper: Sweeper | None = None
        self._claims: dict[str, SessionClaim[Any]] = {}  # each new session has them
        #: Names that stand for claims in any payload: no replace drops them, and nothing but a claim sets them.
        self._claim_names: set[str] = set()

    def bind(self, engine: Engine) -> None:
        """Called once by `Watchword`. Raises `ConfigurationError` as every recipe does."""
        super().bind(engine)
        self._sessions = SessionEngine.assemble(
            db=engine.db,
            app_id=engine.app_id,
            clock=engine.clock,
            ids=engine.ids,
            secrets=engine.secrets,
            settings=self.settings,
            issuer=engine.app_info.issuer,
            audit=engine.audit,
        )

    async def start(self) -> None:
        """Load the signing keys and what was revoked, and begin the work in the background.

        Raises:
            ConfigurationError: The configured secret does not open the keys.
            StorageUnavailable: The database does not answer.
        """
        for warning in self.settings.list_warnings():
            log.warning("session setting %s", warning)
        await self.session_engine.start()
        if self._sweeper is None:
            self._sweeper = Sweeper(self.session_engine)
            self._sweeper.start()

    async def stop(self) -> None:
        """End the work in the background."""
        sweeper, self._sweeper = self._sweeper, None
        if sweeper is not None:
            await sweeper.stop()
        await self.session_engine.stop()

    @property
    def session_engine(self) -> SessionEngine:
        """The engine of the floor below, past every override. Raises `ConfigurationError` before `bind`."""
        if self._sessions is None:
            raise ConfigurationError("recipe_list", "the session recipe is not in the recipe_list of a Watchword yet")
        return self._sessions

    def now_ms(self) -> int:
        """Milliseconds since the epoch, by the injected clock."""
        return self.session_engine.clock.now_ms()

    async def find_session_information(
        self,
        handle: str,
        *,
        user_context: UserContext | None = None,  # noqa: ARG002 - for overrides
    ) -> SessionInformation | None:
        """The session as stored, or `None` when it has ended or never was."""
        return await information.find_session_information(self.session_engine, handle)

    async def get_session_information(
        self, handle: str, *, user_context: UserContext | None = None
    ) -> SessionInformation:
        """The session as stored. Raises `Unauthorised` when it has ended or never was."""
        return _there(await self.find_session_information(handle, user_context=user_context))

    async def update_jwt_payload(
        self,
        handle: str,
        jwt_payload: Mapping[str, Any],
        *,
        user_context: UserContext | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Replace the payload, except for the claims of recipes; clients see it at their next refresh.

        Returns:
            The payload as stored.
        Raises:
            InvalidPayload: A reserved name, that of a claim, something JSON cannot hold, or too much for a cookie.
            Unauthorised: The session has ended.
        """
        refuse_claims(jwt_payload, self._claim_names)
        new = checked_jwt_payload(jwt_payload)

        def replace(stored: dict[str, Any]) -> dict[str, Any]:
            return {name: value for name, value in stored.items() if name in self._claim_names} | new

        return _there(await lifecycle.change_jwt_payload(self.session_engine, handle, replace))

    async def merge_into_jwt_payload(
        self,
        handle: str,
        changes: Mapping[str, Any],
        *,
        user_context: UserContext | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Merge into the payload, one level deep; `None` removes a key. Otherwise as `update_jwt_payload`."""
        refuse_claims(changes, self._claim_names)
        return await self._merge(handle, checked_jwt_payload(changes))

    async def merge_claims_into_jwt_payload(
        self,
        handle: str,
        claims: Mapping[str, Any],
        *,
        user_context: UserContext | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Merge what claims made of their values; for them, as for nobody else may these names be set.

        Raises: as `update_jwt_payload`.
        """
        return await self._merge(handle, checked_jwt_payload(claims))

    async def _merge(self, handle: str, new: dict[str, Any]) -> dict[str, Any]:
        changed = await lifecycle.change_jwt_payload(self.session_engine, handle, lambda stored: merge(stored, new))
        return _there(changed)

    async def set_claim_value(
        self, handle: str, claim: SessionClaim[ValueT], *, value: ValueT, user_context: UserContext | None = None
    ) -> None:
        """Put a claim's value into the payload, as fetched now. Raises `Unauthorised` when the session has ended."""
        await self.merge_claims_into_jwt_payload(handle, claim.wrap(value, self.now_ms()), user_context=user_context)

    async def fetch_and_set_claim(
        self, handle: str, claim: SessionClaim[Any], *, user_context: UserContext | None = None
    ) -> None:
        """Fetch a claim for the session's user and put it into the payload; one without a value is left as it is.

        Raises:
            Unauthorised: The session has ended.
            HookFailed: The application's function raised.
        """
        known = await self.get_session_information(handle, user_context=user_context)
        owner = ClaimOwner(known.user_id, known.recipe_user_id, known.tenant_id)
        fetched = await fetch_claim(self.hooks, claim, owner, user_context or {}, self.now_ms())
        if fetched:
            await self.merge_claims_into_jwt_payload(handle, fetched, user_context=user_context)

    async def get_session_data(self, handle: str, *, user_context: UserContext | None = None) -> dict[str, Any]:
        """The session data. Raises `Unauthorised` when the session has ended."""
        return (await self.get_session_information(handle, user_context=user_context)).session_data

    async def update_session_data(
        self,
        handle: str,
        session_data: Mapping[str, Any],
        *,
        user_context: UserContext | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Replace the session data, and return it as stored.

        Raises:
            InvalidPayload: Something JSON cannot hold, or more than `max_session_data_bytes`.
            Unauthorised: The session has ended.
        """
        new = checked_session_data(session_data, self.settings.max_session_data_bytes)
        return _there(await lifecycle.change_session_data(self.session_engine, handle, lambda _: new))

    async def merge_into_session_data(
        self,
        handle: str,
        changes: Mapping[str, Any],
        *,
        user_context: UserContext | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Merge into the session data, one level deep; `None` removes a key; concurrent merges all survive."""
        new = checked_session_data(changes, self.settings.max_session_data_bytes)
        changed = await lifecycle.change_session_data(self.session_engine, handle, lambda stored: merge(stored, new))
        return _there(changed)

    async def revoke_session(self, handle: str, *, user_context: UserContext | None = None) -> bool:
        """End a session; whether it was there."""
        return bool(await self.revoke_multiple_sessions([handle], user_context=user_context))

    async def revoke_multiple_sessions(
        self,
        handles: Sequence[str],
        *,
        user_context: UserContext | None = None,
    ) -> list[str]:
        """End sessions, all or none. Returns the handles of those that were there.

        `reason` in the user context, words of whoever does it, goes into the audit log.
        """
        return await revoke.revoke_sessions(self.session_engine, handles, ending_of(user_context))

    async def revoke_all_sessions_for_user(
        self,
        user_id: str,
        *,
        tenant_id: str | None = None,
        user_context: UserContext | None = None,
    ) -> list[str]:
        """End all sessions of a user, in one tenant or in all. Returns their handles."""
        return await revoke.revoke_all_sessions_for_user(
            self.session_engine, user_id, tenant_id, ending_of(user_context)
        )

    async def delete_sessions_of_user(
        self,
        tx: Transaction,
        user_id: str,
        *,
        tenant_id: str | None = None,
        recipe_user_id: str | None = None,
        except_handle: str | None = None,
        ending: Ending | None = None,
    ) -> list[str]:
        """End the sessions of a user in a transaction of another recipe's, as when a password changes.

        Not for overriding: whoever wants to know of it overrides the function that changes the password.
        Called last in the transaction; after its commit, `remember_revoked` gets what this returns.
        """
        return await revoke.delete_sessions_of_user(
            tx,
            self.session_engine,
            user_id,
            tenant_id,
            recipe_user_id=recipe_user_id,
            except_handle=except_handle,
            ending=ending or Ending(),
        )

    async def delete_sessions_of_tenant(self, tx: Transaction, tenant_id: str) -> list[str]:
        """End the sessions of a tenant that is deleted, as `delete_sessions_of_user` does those of a user."""
        ending = Ending(cause="tenant_deleted")
        return await revoke.delete_sessions_of_tenant(tx, self.session_engine, tenant_id, ending=ending)

    def remember_revoked(self, handles: Sequence[str]) -> None:
        """Refuse the access tokens of sessions whose end has been committed."""
        revoke.remember_revoked(self.session_engine, handles)

    async def list_session_handles_for_user(
        self,
        user_id: str,
        *,
        tenant_id: str | None = None,
        user_context: UserContext | None = None,  # noqa: ARG002
    ) -> list[str]:
        """The handles of a user's sessions, newest first, in one tenant or in all."""
        return await information.list_session_handles(self.session_engine, user_id, tenant_id)

    async def list_sessions_for_user(
        self,
        user_id: str,
        *,
        tenant_id: str | None = None,
        user_context: UserContext | None = None,  # noqa: ARG002
    ) -> list[SessionInformation]:
        """A user's sessions as stored, newest first, in one tenant or in all."""
        return await information.list_sessions(self.session_engine, user_id, tenant_id)


def _there(found: ValueT | None) -> ValueT:
    if found is None:
        raise Unauthorised("the session has ended")
    return found
