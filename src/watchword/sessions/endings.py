"""Why a session is ended before its time, for the audit log and for whoever asks later."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from watchword.audit.events import SecurityEvent

Cause = Literal[
    "signed_out",
    "by_application",
    "replaced",
    "password_reset",
    "password_changed",
    "email_changed",
    "login_method_removed",
    "user_deleted",
    "user_banned",
    "left_tenant",
    "tenant_deleted",
]

#: How each is told to support staff; the sentence goes on with the time.
CAUSES: Mapping[Cause, str] = {
    "signed_out": "The person signed out, or the application ended the session in a request of its own,",
    "by_application": "The application ended it by its handle or for the whole user, as an operator or a job does,",
    "replaced": "The person signed in anew in the same browser, and the new session took its place,",
    "password_reset": "The password was reset by a mailed link, which signs out everywhere,",
    "password_changed": "The password was changed, which ends the sessions that knew the old one,",
    "email_changed": "The e-mail address was changed, which ends the sessions from before,",
    "login_method_removed": "The way to sign in with which it began was removed from the account,",
    "user_deleted": "The user was deleted,",
    "user_banned": "The user was banned,",
    "left_tenant": "The user was shut out of the tenant,",
    "tenant_deleted": "The tenant was deleted,",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """Why sessions are ended.

    Attributes:
        cause: In one word.
        reason: In words of whoever did it.
        address: The client's whose request it was.
    """

    cause: Cause = "by_application"
    reason: str | None = None
    address: str | None = None

    def event(self, handle: str, tenant_id: str, user_id: str) -> SecurityEvent:
        """What is recorded of one session."""
        return SecurityEvent(
            "session_revoked",
            tenant_id=tenant_id,
            user_id=user_id,
            handle=handle,
            address=self.address,
            reason=self.reason,
            facts={"cause": self.cause},
        )
