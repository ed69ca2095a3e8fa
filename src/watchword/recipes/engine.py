"""What recipes are given when they are wired: the floors below, and what they ask of the session recipe."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from watchword.accounts.sign_ups import SignUps
from watchword.accounts.tenants import Tenants
from watchword.accounts.users import LoginMethod
from watchword.audit.events import EventLog
from watchword.clock import Clock
from watchword.crypto.passwords import PasswordHasher
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database, Transaction
from watchword.delivery.outbox import Outbox
from watchword.http.client import OutgoingClient
from watchword.ids import Ids
from watchword.protection.challenge_gate import ChallengeGate
from watchword.protection.limits import Limits
from watchword.recipes.user_context import UserContext
from watchword.sessions.claims import ClaimValidator, SessionClaim
from watchword.sessions.endings import Ending
from watchword.sessions.session import SessionContainer
from watchword.settings import AppInfo
from watchword.telemetry.hooks import Hooks


class SessionStarter(Protocol):
    """What other recipes ask of the session recipe."""

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
        """Make and store a session; its tokens are in the answer's `issued`."""
        ...

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
        """End the sessions of a user in the caller's transaction, last in it; returns their handles.

        In one tenant, or in all; of one login method, or of all. `ending` says why; left out, the application
        wished it.
        """
        ...

    async def delete_sessions_of_tenant(self, tx: Transaction, tenant_id: str) -> list[str]:
        """End the sessions of a tenant that is deleted, likewise."""
        ...

    def remember_revoked(self, handles: Sequence[str]) -> None:
        """Refuse the access tokens of sessions whose end has been committed; called after the commit."""
        ...

    async def list_session_handles_for_user(self, user_id: str) -> list[str]:
        """Those of somebody, in all tenants."""
        ...

    async def fetch_and_set_claim(self, handle: str, claim: SessionClaim[Any]) -> None:
        """Look a claim up anew and put it into a session. Raises `Unauthorised` when that has ended."""
        ...

    def add_claim(self, claim: SessionClaim[Any], *validators: ClaimValidator, in_new_sessions: bool = True) -> None:
        """Put a claim into each new session, and check these rules about it at every verification."""
        ...


class FollowsChanges(Protocol):
    """What a recipe that changes something asks of all recipes."""

    async def follow_change(self, tx: Transaction, user_id: str, method: LoginMethod, new_email: str | None) -> None:
        """See `Recipe.follow_change`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """What `Watchword` gives to each recipe when it is wired: the floors below, ready to use."""

    app_id: str
    app_info: AppInfo
    db: Database
    clock: Clock
    ids: Ids
    secrets: SecretRing
    passwords: PasswordHasher
    outbox: Outbox
    outgoing: OutgoingClient
    limits: Limits
    audit: EventLog
    tenants: Tenants
    sessions: SessionStarter
    challenges: ChallengeGate | None = None
    sign_ups: SignUps = field(default_factory=SignUps)
    hooks: Hooks = field(default_factory=Hooks)
    recipes: Sequence[FollowsChanges] = ()
