"""The tree of errors that Watchword raises on purpose; facts and a stable code, no HTTP.

    WatchwordError
    ├── ConfigurationError            start-up refused, with the setting to change
    ├── BadInput                      a caller sent something malformed; names the field
    │   ├── InvalidPayload            JWT payload or session data that cannot be stored
    │   ├── SessionNotFound           no session has the handle that the application gave
    │   └── UserNotFound              no user has the id, or not with this address
    ├── FieldErrors                   form fields that were refused
    │   └── EmailAlreadyExists        by another user's address
    ├── GeneralError                  a sentence for the person at the screen
    ├── WrongCredentials · NoEmailGivenByProvider
    ├── SignUpNotAllowed · SignInNotAllowed · SignInUpNotAllowed · PasswordResetNotAllowed
    ├── PasswordResetTokenInvalid · EmailVerificationTokenInvalid · EmailAlreadyVerified
    ├── Unauthorised · TryRefreshToken · TryAgain · TokenTheftDetected · InvalidClaims
    ├── CrossSiteRequest              a browser sent it from a site that is not ours
    ├── HookFailed                    a function of the application raised or misbehaved
    ├── ProviderFailed                an outside provider is down, slow or lies
    ├── TooManyRequests               a limit against attacks is used up
    └── Overloaded · StorageUnavailable   come back later; nothing was changed

The face (`fdi/errors.py`) holds the one table from these to answers. A message never holds a token,
a password, a code or a cookie.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar


class WatchwordError(Exception):
    """Base of every error raised on purpose. `code` is stable; the message is for people."""

    code: ClassVar[str] = "error"


class ConfigurationError(WatchwordError):
    """A setting cannot work; raised at start-up, before anything is served.

    Args:
        setting: The name as the user writes it, for example `app_info.api_domain`.
        remedy: One sentence that says what is wrong and what to set.
    """

    code = "configuration"

    def __init__(self, setting: str, remedy: str) -> None:
        super().__init__(f"{setting}: {remedy}")
        self.setting = setting
        self.remedy = remedy


class BadInput(WatchwordError):
    """A caller sent something malformed.

    Args:
        field: The name of the field at fault, as it is on the wire.
        message: A sentence that may be shown; the contract fixes many of them (FDI 3.3, 8.2, 8.3).
    """

    code = "bad_input"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.message = message


class BodyTooLarge(BadInput):
    """The request body is over the limit; it was not read further."""

    code = "body_too_large"


class InvalidPayload(BadInput):
    """A JWT payload or session data that JSON, the size limit or the reserved names do not allow.

    Raised before anything is written.
    """

    code = "invalid_payload"


class SessionNotFound(BadInput):
    """No session has the handle that the application gave; it may have ended.

    Not `Unauthorised`: the session of the request itself, say an administrator's, is untouched.
    """

    code = "session_not_found"

    def __init__(self) -> None:
        super().__init__("handle", "there is no session of this handle; it may have ended")


class UserNotFound(BadInput):
    """No user has the id that the application gave, or not by this recipe, or not with this address."""

    code = "user_not_found"

    def __init__(self) -> None:
        super().__init__("user_id", "there is no such user, or not with this e-mail address")


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one form field, in words for the person who filled it in."""

    id: str
    error: str


class FieldErrors(WatchwordError):
    """One or more form fields were refused. Source: FDI 3.3, `FIELD_ERROR`."""

    code = "field_errors"

    def __init__(self, fields: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{field.id}: {field.error}" for field in fields))
        self.fields = tuple(fields)


class GeneralError(WatchwordError):
    """An outcome the person at the screen should read; the official clients show the message.

    Raise it in an override to answer with a sentence of your own. Source: FDI 3.2, `GENERAL_ERROR`.
    """

    code = "general_error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class WrongCredentials(WatchwordError):
    """Unknown e-mail, wrong password, no password: the three are not told apart (security EN-1)."""

    code = "wrong_credentials"

    def __init__(self) -> None:
        super().__init__("the e-mail address or the password is wrong")


class EmailAlreadyExists(FieldErrors):
    """Another password user of this tenant has the address; a field error with the contract's sentence (FDI 8.2)."""

    code = "email_already_exists"

    def __init__(self) -> None:
        super().__init__([FieldError("email", "This email already exists. Please sign in instead.")])


class NoEmailGivenByProvider(WatchwordError):
    """The provider returned no e-mail address and the provider's entry requires one. Source: FDI 8.3."""

    code = "no_email_given_by_provider"

    def __init__(self) -> None:
        super().__init__("the provider gave no e-mail address; ask for its e-mail scope, or set require_email=False")


class _NotAllowed(WatchwordError):
    """Base of the refusals that carry a sentence for the user (FDI 3.4)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SignUpNotAllowed(_NotAllowed):
    """Signing up is not open to this person; `reason` is shown to them."""

    code = "sign_up_not_allowed"


class SignInNotAllowed(_NotAllowed):
    """Signing in is not open to this person; `reason` is shown to them."""

    code = "sign_in_not_allowed"


class SignInUpNotAllowed(_NotAllowed):
    """Signing in or up with this provider is not open to this person; `reason` is shown to them."""

    code = "sign_in_up_not_allowed"


class PasswordResetNotAllowed(_NotAllowed):
    """The password of this person may not be reset; `reason` is shown to whoever asked. For overrides."""

    code = "password_reset_not_allowed"


class PasswordResetTokenInvalid(WatchwordError):
    """Unknown, expired, used, of another tenant, or for an address changed since; they are not told apart."""

    code = "password_reset_token_invalid"

    def __init__(self) -> None:
        super().__init__("the link does not hold any more; ask for another one")


class EmailVerificationTokenInvalid(WatchwordError):
    """Unknown, expired, used, of another tenant, or for an address changed since; they are not told apart."""

    code = "email_verification_token_invalid"

    def __init__(self) -> None:
        super().__init__("the link does not hold any more; ask for another one")


class EmailAlreadyVerified(WatchwordError):
    """There is nothing to verify: the address is verified, or the person has none."""

    code = "email_already_verified"

    def __init__(self) -> None:
        super().__init__("the e-mail address is verified already")


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


class CrossSiteRequest(WatchwordError):
    """A browser sent a state-changing request from a site that is not configured (security CS-2).

    Nothing was done and nothing is cleared.
    """

    code = "cross_site_request"

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"a page of {origin} may not call this API; if it is yours, name it in app_info.website_domain "
            "or app_info.origins"
        )
        self.origin = origin


class HookFailed(WatchwordError):
    """A function of the application raised, or returned what it may not; the cause is chained.

    The log names the hook; the client sees the code only.
    """

    code = "hook_failed"

    def __init__(self, hook: str, problem: str) -> None:
        super().__init__(f"{hook} {problem}")
        self.hook = hook


class ProviderFailed(WatchwordError):
    """An outside provider is unreachable, answered with an error, or told something untrue.

    Args:
        provider: The third-party id, for example `google`.
        problem: What went wrong, for the log; no token, no code, no text made by the provider.
        message: The sentence for the person at the screen.
    """

    code = "provider_failed"

    def __init__(self, provider: str, problem: str, message: str | None = None) -> None:
        super().__init__(f"provider {provider}: {problem}")
        self.provider = provider
        self.message = message or f"Signing in with {provider} did not work. Please try again."


class TooManyRequests(WatchwordError):
    """A limit against guessing or floods is used up; nothing was done, and no session is touched.

    It says the same for an account that exists and for one that does not (security EN-1).
    """

    code = "too_many_requests"

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many tries; the next one counts in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class Overloaded(WatchwordError):
    """A bounded pool is full; nothing was changed."""

    code = "overloaded"

    def __init__(self, what: str, retry_after_seconds: int = 1) -> None:
        super().__init__(f"{what} is busy; try again in {retry_after_seconds} s")
        self.retry_after_seconds = retry_after_seconds


class StorageUnavailable(WatchwordError):
    """The database did not answer, or the result of a commit is not known; no token is cleared.

    Repeating the operation is safe (security DB-2).
    """

    code = "storage_unavailable"

    def __init__(self, reason: str, retry_after_seconds: int = 1) -> None:
        super().__init__(reason)
        self.retry_after_seconds = retry_after_seconds
