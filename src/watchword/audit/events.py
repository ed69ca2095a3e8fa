"""What is recorded of a security event, and how rooms and recipes say that one happened.

    await engine.audit.record(tx, SecurityEvent("password_changed", user_id=user.id))   # in the transaction of it
    engine.audit.note(SecurityEvent("sign_in_failed", address=address))                 # where nothing is written

Requirements: security LG-2, LG-3.
"""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Literal, Protocol

from watchword.database.database import Transaction

EventKind = Literal[
    # people
    "sign_up",
    "sign_in",
    "sign_in_failed",
    "sign_in_refused",
    "password_reset_requested",
    "password_changed",
    "email_change_requested",
    "email_changed",
    "email_verified",
    "email_unverified",
    "login_method_removed",
    "user_banned",
    "user_unbanned",
    "user_deleted",
    "user_erased",
    "users_imported",
    "users_exported",
    "role_given",
    "role_taken",
    "role_changed",
    "role_deleted",
    # tenants
    "tenant_created",
    "tenant_changed",
    "tenant_deleted",
    "tenant_joined",
    "tenant_left",
    "provider_changed",
    "provider_deleted",
    # sessions
    "session_created",
    "session_revoked",
    "refresh_refused",
    "theft_detected",
    # the installation
    "limit_reached",
    "sign_in_stopped",
    "sign_in_reopened",
    "signing_key_made",
    "secret_resealed",
    "mail_given_up",
    "events_dropped",
    "events_removed",
    "log_set_back",
]
"""What can happen; one line for each, which `docs/audit.md` explains."""

Fact = str | int | bool | None


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One thing that happened. The log adds the time and an id.

    Attributes:
        kind: What happened.
        tenant_id: Where.
        user_id: Whom it concerns, as far as known.
        handle: Which session it concerns.
        address: The canonical address of the client that caused it; stored as `AuditSettings.addresses` says.
        reason: Words of a person, for example an operator's "stolen laptop".
        facts: Further details. Never a secret, and nothing about a person: what stands here cannot be erased.
    """

    kind: EventKind
    _: KW_ONLY
    tenant_id: str = "public"
    user_id: str | None = None
    handle: str | None = None
    address: str | None = None
    reason: str | None = None
    facts: Mapping[str, Fact] = field(default_factory=dict[str, Fact])


class EventLog(Protocol):
    """Where security events go."""

    async def record(self, tx: Transaction, *events: SecurityEvent) -> None:
        """Store events in the caller's transaction, by one statement: they are there if and only if it commits.

        To be called for what the transaction does, and after it has done so.
        """
        ...

    def note(self, *events: SecurityEvent, quiet_ms: int = 0) -> None:
        """Take events that go with no write of ours; never waits and never raises. They are stored soon after.

        Args:
            events: What happened.
            quiet_ms: How long this process does not note the same again, for what a stranger may cause at will.
        """
        ...

    async def erase_user(self, tx: Transaction, user_id: str) -> int:
        """Take a person out of their events for good, in the caller's transaction: user id, addresses, reasons.

        The events stay, without a name, and the chain stays whole. Returns how many there were. What is still
        noted and not stored is flushed first, by `flush`. The caller records that it was done.
        """
        ...

    async def flush(self) -> None:
        """Store what was noted so far. Raises `StorageUnavailable` when the database does not answer."""
        ...


class Unlogged:
    """The log that keeps nothing, where the application switched it off."""

    async def record(self, tx: Transaction, *events: SecurityEvent) -> None:
        """Do nothing."""

    def note(self, *events: SecurityEvent, quiet_ms: int = 0) -> None:
        """Do nothing."""

    async def erase_user(self, tx: Transaction, user_id: str) -> int:  # noqa: ARG002 - nothing is kept
        """Do nothing: there are no events. Events from before it was switched off run out by age."""
        return 0

    async def flush(self) -> None:
        """Do nothing."""
