"""Users and their login methods, as every recipe and the application see them."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class ThirdPartyIdentity:
    """Who the provider says this is. `id` is the provider's id here, `user_id` the person's id there."""

    id: str
    user_id: str


@dataclass(frozen=True, slots=True)
class LoginMethod:
    """One way to sign in: an e-mail address with a password, or an identity at a provider.

    Attributes:
        recipe_id: `emailpassword` or `thirdparty`.
        recipe_user_id: The id of this login method; equal to the user's id until accounts are linked.
        tenant_ids: The tenants it may be used in.
        time_joined_ms: Milliseconds since the epoch.
        verified: Whether the e-mail address is known to be this person's.
    """

    recipe_id: str
    recipe_user_id: str
    tenant_ids: tuple[str, ...]
    time_joined_ms: int
    email: str | None = None
    third_party: ThirdPartyIdentity | None = None
    verified: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """Who is banned may not sign in. Times are milliseconds since the epoch.

    Attributes:
        reason: A sentence that the person reads instead of ours.
        until_ms: When it is over; `None`: when somebody takes it back.
    """

    since_ms: int
    reason: str | None = None
    until_ms: int | None = None

    def holds_at(self, now_ms: int) -> bool:
        """Whether it is not over yet."""
        return self.until_ms is None or now_ms < self.until_ms

    def sentence(self) -> str:
        """What the person reads who tries to sign in."""
        if self.reason is not None:
            return self.reason
        if self.until_ms is None:
            return "This account is suspended. Please contact support."
        until = datetime.fromtimestamp(self.until_ms / 1000, UTC)
        return f"This account is suspended until {until:%Y-%m-%d %H:%M} UTC."


@dataclass(frozen=True, slots=True)
class User:
    """A person. The hooks of the application receive this object.

    Attributes:
        id: The (primary) user id.
        time_joined_ms: Milliseconds since the epoch.
        login_methods: At least one, oldest first.
        ban: The latest ban that nobody took back, which may be over; `None` without one.
    """

    id: str
    time_joined_ms: int
    login_methods: tuple[LoginMethod, ...]
    ban: Ban | None = None

    @property
    def email(self) -> str | None:
        """The e-mail address of the oldest login method that has one."""
        return next((method.email for method in self.login_methods if method.email is not None), None)

    @property
    def third_party(self) -> ThirdPartyIdentity | None:
        """The provider's identity of the oldest login method that has one; `None` for a password user."""
        return next((m.third_party for m in self.login_methods if m.third_party is not None), None)

    @property
    def tenant_ids(self) -> tuple[str, ...]:
        """The tenants of all login methods, each once."""
        return tuple(dict.fromkeys(tenant for method in self.login_methods for tenant in method.tenant_ids))
