"""The tree of errors that Watchword raises on purpose; facts and a stable code, no HTTP.

    WatchwordError
    ├── ConfigurationError            start-up refused, with the setting to change
    ├── BadInput                      a caller sent something malformed; names the field
    │   ├── InvalidPayload            JWT payload or session data that cannot be stored
    │   └── UserNotFound              no user has the id, or not with this address
    ├── FieldErrors                   form fields that were refused
    │   └── EmailAlreadyExists        by another user's address
    ├── GeneralError                  a sentence for the person at the screen
    ├── SignUpNotAllowed · SignInNotAllowed · SignInUpNotAllowed · PasswordResetNotAllowed
    ├── HookFailed                    a function of the application raised or misbehaved
    └── Overloaded · StorageUnavailable   come back later; nothing was changed

Here stands what several rooms raise, and what overrides of the application do. What only one room raises stands in
its `errors.py` or beside the function, and is exported where the room is: `WrongCredentials` by `watchword.recipes`.

The face (`fdi/errors.py`) holds the one table from these to answers. A message never holds a token,
a password, a code or a cookie.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


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


class InvalidPayload(BadInput):
    """A JWT payload or session data that JSON, the size limit or the reserved names do not allow.

    Raised before anything is written.
    """

    code = "invalid_payload"


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


class EmailAlreadyExists(FieldErrors):
    """Another password user of this tenant has the address; a field error with the contract's sentence (FDI 8.2)."""

    code = "email_already_exists"

    def __init__(self) -> None:
        super().__init__([FieldError("email", "This email already exists. Please sign in instead.")])


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


class HookFailed(WatchwordError):
    """A function of the application raised, or returned what it may not; the cause is chained.

    The log names the hook; the client sees the code only.
    """

    code = "hook_failed"

    def __init__(self, hook: str, problem: str) -> None:
        super().__init__(f"{hook} {problem}")
        self.hook = hook


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
