"""`auth.sessions`: sessions without a request, from scripts, jobs and the application's own admin pages."""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from watchword.recipes.session.recipe import Session
from watchword.recipes.user_context import UserContext
from watchword.sessions.claims import SessionClaim, ValueT
from watchword.sessions.errors import SessionNotFound, Unauthorised
from watchword.sessions.information import SessionInformation
from watchword.sessions.session import SessionContainer
from watchword.sessions.story import explain_session


class Sessions:
    """Make, read, change and end sessions by handle or user. Goes through the recipe, so overrides apply.

    A function that takes a handle raises `SessionNotFound` when there is no such session, not
    `Unauthorised`: that would sign out the administrator in whose request it runs.
    """

    def __init__(self, recipe: Session) -> None:
        self._recipe = recipe

    async def create(
        self,
        user_id: str,
        *,
        jwt_payload: Mapping[str, Any] | None = None,
        session_data: Mapping[str, Any] | None = None,
        recipe_user_id: str | None = None,
        tenant_id: str = "public",
        user_context: UserContext | None = None,
    ) -> SessionContainer:
        """Make a session for somebody who signed in by other means; its tokens are in `issued`.

        Args:
            user_id: Any text.
            jwt_payload: Rides in the access token, where the frontend can read it.
            session_data: Stays in the database.
            recipe_user_id: The login method; the user id when left out.
            tenant_id: The tenant it belongs to.
            user_context: Handed to claims and overrides.
        Raises:
            InvalidPayload: One of the two cannot be stored; nothing was written.
            TenantNotFound: There is no such tenant.
            BadInput: The user id cannot be one.
        """
        return await self._recipe.create_new_session(
            user_id,
            jwt_payload=jwt_payload or {},
            session_data=session_data or {},
            recipe_user_id=recipe_user_id,
            tenant_id=tenant_id,
            user_context=user_context,
        )

    async def get(self, handle: str) -> SessionInformation:
        """The session as stored. Raises `SessionNotFound`."""
        with _not_found():
            return await self._recipe.get_session_information(handle)

    async def find(self, handle: str) -> SessionInformation | None:
        """The session as stored, or `None` when it has ended or never was."""
        return await self._recipe.find_session_information(handle)

    async def explain(self, handle: str) -> str:
        """Why a session was refused or ended, in sentences for those who help people; as `watchword why`."""
        engine = self._recipe.session_engine
        await engine.audit.flush()
        return await explain_session(engine.db, engine.app_id, handle, engine.clock.now_ms())

    async def list_handles(self, user_id: str, *, tenant_id: str | None = None) -> list[str]:
        """The handles of a user's sessions, newest first, in one tenant or in all."""
        return await self._recipe.list_session_handles_for_user(user_id, tenant_id=tenant_id)

    async def update_jwt_payload(self, handle: str, jwt_payload: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the payload, except for the claims of recipes; the client sees it at its next refresh.

        Returns:
            The payload as stored.
        Raises:
            InvalidPayload: A reserved name, something JSON cannot hold, or too much for a cookie.
            SessionNotFound: There is no such session.
        """
        with _not_found():
            return await self._recipe.update_jwt_payload(handle, jwt_payload)

    async def merge_into_jwt_payload(self, handle: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Merge into the payload, one level deep; `None` removes a key. Otherwise as `update_jwt_payload`."""
        with _not_found():
            return await self._recipe.merge_into_jwt_payload(handle, changes)

    async def set_claim_value(self, handle: str, claim: SessionClaim[ValueT], *, value: ValueT) -> None:
        """Put a claim's value into the payload, as fetched now; the client sees it at its next refresh.

        Raises:
            SessionNotFound: There is no such session.
        """
        with _not_found():
            await self._recipe.set_claim_value(handle, claim, value=value)

    async def fetch_and_set_claim(self, handle: str, claim: SessionClaim[Any]) -> None:
        """Fetch a claim anew, such as somebody's roles, and put it into the payload; as `set_claim_value`."""
        with _not_found():
            await self._recipe.fetch_and_set_claim(handle, claim)

    async def get_session_data(self, handle: str) -> dict[str, Any]:
        """The session data. Raises `SessionNotFound`."""
        with _not_found():
            return await self._recipe.get_session_data(handle)

    async def update_session_data(self, handle: str, session_data: Mapping[str, Any]) -> dict[str, Any]:
        """Replace the session data, and return it as stored.

        Raises:
            InvalidPayload: Something JSON cannot hold, or more than `max_session_data_bytes`.
            SessionNotFound: There is no such session.
        """
        with _not_found():
            return await self._recipe.update_session_data(handle, session_data)

    async def merge_into_session_data(self, handle: str, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Merge into the session data, one level deep; `None` removes a key; concurrent merges all survive."""
        with _not_found():
            return await self._recipe.merge_into_session_data(handle, changes)

    async def revoke(self, handle: str, *, reason: str | None = None) -> bool:
        """End a session; returns whether it was there. For jobs and for other people's sessions.

        For the session of the current request use its own `revoke()`: that clears the client as well.

        Args:
            handle: Of the session.
            reason: For the audit log, and for whoever asks `watchword why` later.
        """
        return await self._recipe.revoke_session(handle, user_context=_because(reason))

    async def revoke_many(self, handles: Sequence[str], *, reason: str | None = None) -> list[str]:
        """End sessions, all or none. Returns the handles of those that were there; `reason` as for `revoke`."""
        return await self._recipe.revoke_multiple_sessions(handles, user_context=_because(reason))

    async def revoke_all(self, user_id: str, *, tenant_id: str | None = None, reason: str | None = None) -> list[str]:
        """End all sessions of a user, in one tenant or in all. Returns their handles; `reason` as for `revoke`."""
        return await self._recipe.revoke_all_sessions_for_user(
            user_id, tenant_id=tenant_id, user_context=_because(reason)
        )

    # Last in the class: below it, `list` is this method.
    async def list(self, user_id: str, *, tenant_id: str | None = None) -> list[SessionInformation]:
        """A user's sessions, newest first, in one tenant or in all: device, address, start and last use of each."""
        return await self._recipe.list_sessions_for_user(user_id, tenant_id=tenant_id)


def _because(reason: str | None) -> UserContext:
    return {} if reason is None else {"reason": reason}


@contextmanager
def _not_found() -> Generator[None]:
    try:
        yield
    except Unauthorised:
        raise SessionNotFound from None
