"""Everything about sessions that the application may choose, checked once and then frozen."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from watchword.crypto.jwt import SigningAlgorithm
from watchword.errors import ConfigurationError
from watchword.http.messages import HttpRequest
from watchword.setting_types import checked_settings

AntiCsrf = Literal["NONE", "VIA_CUSTOM_HEADER", "VIA_TOKEN"]
TokenTransfer = Literal["any", "cookie", "header"]
SameSite = Literal["strict", "lax", "none"]

#: Four times the longest life of a message (30 s) and twice the clock skew between nodes (security 4.3).
SETTLE_FLOOR_MS = 130_000
#: Twice the longest life of a message (security 4.3).
SOFT_WINDOW_FLOOR_MS = 60_000


class SessionOptions(TypedDict, total=False):
    """The keyword arguments of `Session`; see `SessionSettings` for what each one means."""

    access_token_validity_ms: int
    refresh_token_validity_ms: int
    absolute_life_ms: int | None
    settle_ms: int
    soft_window_ms: int
    anti_csrf: AntiCsrf | None
    token_transfer_method: TokenTransfer | Callable[[HttpRequest, bool], TokenTransfer]
    cookie_domain: str | None
    older_cookie_domain: str | None
    cookie_prefixes: bool
    cookie_secure: bool | None
    cookie_same_site: SameSite | None
    session_expired_status_code: int
    invalid_claim_status_code: int
    expose_access_token_to_frontend_in_cookie_based_auth: bool
    use_dynamic_access_token_signing_key: bool
    signing_key_algorithm: SigningAlgorithm
    signing_key_rotation_ms: int
    max_session_data_bytes: int
    revocation_staleness_ms: int | None
    sweep_interval_ms: int | None


@checked_settings(but=("cookie_same_site",))
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """The settings of the session recipe. Source of the defaults: FDI 10, security 4.3.

    Attributes:
        access_token_validity_ms: Life of an access token.
        refresh_token_validity_ms: Idle life of a session: from the last promoted refresh to its end.
        absolute_life_ms: A session ends this long after sign-in, used or not; `None` never.
        settle_ms: Age below which a refresh token is answered with an access token only. At least
            130 s; 0 switches the rule off, for tests only.
        soft_window_ms: How long after a promotion an unacceptable refresh token is refused softly. At
            least 60 s; 0 switches the rule off, for tests only.
        anti_csrf: `None` follows the computed SameSite per request (FDI 4.7).
        token_transfer_method: Where tokens travel, or a function of the request and of whether a
            session is being created (FDI 4.1).
        cookie_domain: `Domain` of our cookies; none by default.
        older_cookie_domain: The `cookie_domain` used before; the empty text for none (FDI 4.11).
        cookie_prefixes: Call the cookies `__Host-sAccessToken` and `__Secure-sRefreshToken`, so that no other
            sub-domain can plant one. Browsers' scripts never read them; server-side rendering by the official
            React package does. Switching it signs everybody out once.
        cookie_secure: `None` means: when the API is https.
        cookie_same_site: `None` means: computed per request (FDI 4.3).
        session_expired_status_code: HTTP status when there is no valid session.
        invalid_claim_status_code: HTTP status when a claim does not hold.
        expose_access_token_to_frontend_in_cookie_based_auth: Send `st-access-token` with cookies too.
        use_dynamic_access_token_signing_key: Sign with the rotating key rather than with a static one.
        signing_key_algorithm: `RS256` is the only one that every official client verifies.
        signing_key_rotation_ms: How long one signing key signs.
        max_session_data_bytes: Largest session data of one session, as JSON.
        revocation_staleness_ms: How long a process that cannot read from the database what others revoked
            believes access tokens all the same; from then on each verification asks the database, and fails
            while that is away. At least 1 s; `None`: until the tokens expire.
        sweep_interval_ms: About how often a process looks for ended sessions to remove. At least 1 s;
            `None`: never.
    """

    access_token_validity_ms: int = 3_600_000
    refresh_token_validity_ms: int = 8_640_000_000
    absolute_life_ms: int | None = 31_536_000_000
    settle_ms: int = SETTLE_FLOOR_MS
    soft_window_ms: int = SOFT_WINDOW_FLOOR_MS
    anti_csrf: AntiCsrf | None = None
    token_transfer_method: TokenTransfer | Callable[[HttpRequest, bool], TokenTransfer] = "any"
    cookie_domain: str | None = None
    older_cookie_domain: str | None = None
    cookie_prefixes: bool = False
    cookie_secure: bool | None = None
    cookie_same_site: SameSite | None = None
    session_expired_status_code: int = 401
    invalid_claim_status_code: int = 403
    expose_access_token_to_frontend_in_cookie_based_auth: bool = False
    use_dynamic_access_token_signing_key: bool = True
    signing_key_algorithm: SigningAlgorithm = "RS256"
    signing_key_rotation_ms: int = 604_800_000
    max_session_data_bytes: int = 65_536
    revocation_staleness_ms: int | None = 300_000
    sweep_interval_ms: int | None = 300_000

    def __post_init__(self) -> None:
        if isinstance(self.cookie_same_site, str):  # blanks and capitals are accepted (FDI, line 32)
            object.__setattr__(self, "cookie_same_site", self.cookie_same_site.strip().lower())
        _check_choices(self)
        _check_times(self)
        _check_status_codes(self)

    def as_text(self) -> dict[str, str]:
        """Each setting by the name that the application writes, for comparing one node with another."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {f"Session({name})": str(value) for name, value in values.items() if not callable(value)}

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> "SessionSettings":
        """Settings from keyword arguments.

        Raises:
            ConfigurationError: A name that does not exist (security SC-7), or a value that cannot work.
        """
        names = [field.name for field in dataclasses.fields(cls)]
        for name in options:
            if name not in names:
                raise ConfigurationError(name, f"the session recipe has no such setting; there are: {', '.join(names)}")
        return cls(**options)

    @property
    def key_kind(self) -> Literal["dynamic", "static"]:
        """Which of an app's signing keys makes and verifies access tokens (FDI 4.9, step 8)."""
        return "dynamic" if self.use_dynamic_access_token_signing_key else "static"

    def list_warnings(self) -> list[str]:
        """What works but should not stay in production, one sentence each; logged at start."""
        found: list[str] = []
        if self.settle_ms == 0:
            found.append("settle_ms=0: a late answer of a refresh can sign an honest user out; for tests only")
        if self.soft_window_ms == 0:
            found.append("soft_window_ms=0: refreshes that race a promotion end the session; for tests only")
        if self.signing_key_algorithm != "RS256":
            found.append(
                f"signing_key_algorithm={self.signing_key_algorithm}: "
                "server-side rendering by the official React package verifies RS256 only"
            )
        return found


def _check_choices(settings: SessionSettings) -> None:
    choices: dict[str, tuple[object, ...]] = {
        "anti_csrf": (None, "NONE", "VIA_CUSTOM_HEADER", "VIA_TOKEN"),
        "cookie_same_site": (None, "strict", "lax", "none"),
        "signing_key_algorithm": ("RS256", "ES256", "EdDSA"),
    }
    if not callable(settings.token_transfer_method):
        choices["token_transfer_method"] = ("any", "cookie", "header")
    for name, allowed in choices.items():
        value = getattr(settings, name)
        if value not in allowed:
            raise ConfigurationError(name, f"{value!r} is not one of {', '.join(map(repr, allowed))}")


def _check_times(settings: SessionSettings) -> None:
    for name, floor in (
        ("access_token_validity_ms", 1_000),
        ("refresh_token_validity_ms", 1_000),
        ("signing_key_rotation_ms", 1_000),
        ("absolute_life_ms", 1_000),
        ("revocation_staleness_ms", 1_000),
        ("sweep_interval_ms", 1_000),
        ("max_session_data_bytes", 2),
        ("settle_ms", 0),
        ("soft_window_ms", 0),
    ):
        value = getattr(settings, name)
        if value is None and name in ("absolute_life_ms", "revocation_staleness_ms", "sweep_interval_ms"):
            continue
        if not isinstance(value, int) or isinstance(value, bool) or value < floor:
            raise ConfigurationError(name, f"{value!r} is not a whole number of at least {floor}")
    for name, floor in (("settle_ms", SETTLE_FLOOR_MS), ("soft_window_ms", SOFT_WINDOW_FLOOR_MS)):
        if 0 < getattr(settings, name) < floor:
            raise ConfigurationError(
                name, f"{getattr(settings, name)} ms is below the safe floor; set at least {floor}, or 0 in tests only"
            )
    if settings.refresh_token_validity_ms <= settings.settle_ms:
        raise ConfigurationError(
            "refresh_token_validity_ms",
            f"a session would end before its refresh token settles; set more than settle_ms ({settings.settle_ms})",
        )


def _check_status_codes(settings: SessionSettings) -> None:
    names = ("session_expired_status_code", "invalid_claim_status_code")
    for name in names:
        value = getattr(settings, name)
        if not isinstance(value, int) or not 400 <= value <= 599:
            raise ConfigurationError(name, f"{value!r} is not an HTTP error status; the clients know 401 and 403")
        if value == 409:  # the soft refusal of a refresh, which must keep the session (security SC-12)
            raise ConfigurationError(name, "409 already means that a refresh should be tried again; choose another")
    if settings.session_expired_status_code == settings.invalid_claim_status_code:
        raise ConfigurationError(
            "session_expired_status_code", "is equal to invalid_claim_status_code; clients tell the two apart by it"
        )
