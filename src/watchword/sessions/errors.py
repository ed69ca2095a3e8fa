"""Why a request has no session, or not the one it needs; and sessions that are not there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from watchword.errors import BadInput, WatchwordError


class SessionNotFound(BadInput):
    """No session has the handle that the application gave; it may have ended.

    Not `Unauthorised`: the session of the request itself, say an administrator's, is untouched.
    """

    code = "session_not_found"

    def __init__(self) -> None:
        super().__init__("handle", "there is no session of this handle; it may have ended")


class Unauthorised(WatchwordError):
    """There is no session: none came along, or it has ended.

    Args:
        reason: For the log only; never sent.
        clear_tokens: Whether the client must drop what it holds. False where a concurrent refresh
            may just be putting new tokens into the browser (FDI 4.9, step 5).
    """

    code = "unauthorised"

    def __init__(self, reason: str, *, clear_tokens: bool = True) -> None:
        super().__init__(reason)
        self.clear_tokens = clear_tokens


class TryRefreshToken(WatchwordError):
    """The access token is not good any more; a refresh may help. Source: FDI 6."""

    code = "try_refresh_token"


class TryAgain(WatchwordError):
    """A refresh token that is not acceptable, too soon after a promotion to call it theft (R5).

    Nothing was changed and nothing is cleared. Source: security contract 4.4.
    """

    code = "try_again"

    def __init__(self) -> None:
        super().__init__("another refresh of this session was just answered; try again in a moment")


class TokenTheftDetected(WatchwordError):
    """A refresh token was used after its successor; the session is already revoked.

    Raised after the revocation is committed. Source: RFC 9700, section 4.14.2.
    """

    code = "token_theft_detected"

    def __init__(self, handle: str, user_id: str, recipe_user_id: str) -> None:
        super().__init__(
            f"session {handle}: an old refresh token came back, the session is revoked; "
            "ask the user to sign in again, and look at the sign-ins of this user"
        )
        self.handle = handle
        self.user_id = user_id
        self.recipe_user_id = recipe_user_id


@dataclass(frozen=True, slots=True)
class ClaimFailure:
    """A claim validator said no. `reason` is any JSON value; `None` is left out of the answer (FDI 6)."""

    id: str
    reason: Any = None


class InvalidClaims(WatchwordError):
    """The session is real, but one or more claims do not hold. Source: FDI 6, `INVALID_CLAIMS`."""

    code = "invalid_claims"

    def __init__(self, failures: Sequence[ClaimFailure]) -> None:
        super().__init__("claims not met: " + ", ".join(failure.id for failure in failures))
        self.failures = tuple(failures)
