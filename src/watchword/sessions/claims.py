"""Session claims: values in the JWT payload that remember when they were fetched, and rules about them. FDI 7."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from watchword.errors import ConfigurationError, HookFailed
from watchword.sessions.errors import ClaimFailure
from watchword.sessions.payloads import RESERVED_CLAIMS
from watchword.signatures import check_callable
from watchword.telemetry.hooks import Hooks, is_ours

Primitive = str | int | float | bool
ValueT = TypeVar("ValueT")


@dataclass(frozen=True, slots=True)
class ClaimOwner:
    """Whose session a claim is fetched for; what every `fetch_value` function is told."""

    user_id: str
    recipe_user_id: str
    tenant_id: str


FetchValue = Callable[[ClaimOwner, dict[str, Any]], ValueT | Awaitable[ValueT | None] | None]


class SessionClaim(Generic[ValueT]):
    """A value kept in the JWT payload as `{"v": value, "t": milliseconds when it was fetched}`.

    Args:
        key: The name in the payload, and the id of its validators unless they get one of their own.
        fetch_value: `(owner, user_context)`, sync or async; `None` leaves the claim out.

    Raises:
        ConfigurationError: The key is reserved, or the function cannot be called like that.
    """

    def __init__(self, key: str, fetch_value: FetchValue[ValueT]) -> None:
        if key in RESERVED_CLAIMS:
            raise ConfigurationError(f"claim {key}", "is a name of ours in the access token; choose another key")
        check_callable(f"claim {key}, fetch_value", fetch_value, "owner", "user_context")
        self.key = key
        self._fetch_value = fetch_value

    async def fetch(self, owner: ClaimOwner, user_context: dict[str, Any], now_ms: int) -> dict[str, Any]:
        """What to merge into the payload: the claim with a fresh value, or nothing when there is none.

        Raises:
            HookFailed: The application's function raised.
        """
        try:
            value = self._fetch_value(owner, user_context)
            if inspect.isawaitable(value):
                value = await value
        except Exception as error:
            raise HookFailed(f"fetch_value of claim {self.key}", f"raised {type(error).__name__}") from error
        return {} if value is None else self.wrap(value, now_ms)

    def wrap(self, value: Any, now_ms: int) -> dict[str, Any]:
        """What to merge into the payload for this value."""
        return {self.key: {"v": value, "t": now_ms}}

    def find_value(self, payload: Mapping[str, Any]) -> ValueT | None:
        """The value in a payload, or `None` when it is not there."""
        entry: Any = payload.get(self.key)
        return entry.get("v") if isinstance(entry, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] # JSON

    def find_fetch_time_ms(self, payload: Mapping[str, Any]) -> int | None:
        """When the value was fetched, in milliseconds since the epoch, or `None`."""
        entry: Any = payload.get(self.key)
        return entry.get("t") if isinstance(entry, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] # JSON


class ClaimValidator:
    """A rule about the payload of a session; subclass it for rules of your own.

    Args:
        id: Named in the 403 answer.
        claim: Fetched anew when `should_refetch` says so; `None` when the rule needs no fetching.
    """

    def __init__(self, id: str, claim: SessionClaim[Any] | None = None) -> None:
        self.id = id
        self.claim = claim

    def should_refetch(self, payload: Mapping[str, Any], now_ms: int) -> bool:  # noqa: ARG002 # for subclasses
        """Whether the claim must be fetched before `find_failure` is asked."""
        return False

    async def find_failure(self, payload: Mapping[str, Any], now_ms: int) -> ClaimFailure | None:
        """Why the payload is not good enough, or `None` when it is."""
        raise NotImplementedError


class ValueValidator(ClaimValidator):
    """A rule about one claim's value, with an optional age after which the value is fetched again.

    Args:
        claim: The claim looked at.
        expectation: The name and the value put into the reason, for example `("expectedValue", True)`.
        holds: Says whether the value is good.
        max_age_seconds: Older values are fetched again, and refused if they stay old; `None`: any age.
        id: Named in the 403 answer; the claim's key by default.
    """

    def __init__(
        self,
        claim: SessionClaim[Any],
        expectation: tuple[str, Any],
        holds: Callable[[Any], bool],
        max_age_seconds: int | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id or claim.key, claim)
        self._claim = claim
        self._expectation = expectation
        self._holds = holds
        self._max_age_seconds = max_age_seconds

    def _age_ms(self, payload: Mapping[str, Any], now_ms: int) -> int:
        fetched_at_ms = self._claim.find_fetch_time_ms(payload)
        return now_ms - fetched_at_ms if fetched_at_ms is not None else 0

    def should_refetch(self, payload: Mapping[str, Any], now_ms: int) -> bool:
        """Whether the value is missing or too old."""
        if self._claim.find_value(payload) is None:
            return True
        return self._max_age_seconds is not None and self._age_ms(payload, now_ms) > self._max_age_seconds * 1000

    async def find_failure(self, payload: Mapping[str, Any], now_ms: int) -> ClaimFailure | None:
        """The reason in the words and members that the official suites compare (FDI 7)."""
        name, expected = self._expectation
        value = self._claim.find_value(payload)
        if value is None:
            return self._failure("value does not exist", {name: expected, "actualValue": None})
        age_ms = self._age_ms(payload, now_ms)
        if self._max_age_seconds is not None and age_ms > self._max_age_seconds * 1000:
            return self._failure("expired", {"ageInSeconds": age_ms / 1000, "maxAgeInSeconds": self._max_age_seconds})
        if not self._holds(value):
            return self._failure("wrong value", {name: expected, "actualValue": value})
        return None

    def _failure(self, message: str, details: dict[str, Any]) -> ClaimFailure:
        return ClaimFailure(self.id, {"message": message, **details})


async def fetch_claim(
    hooks: Hooks, claim: SessionClaim[Any], owner: ClaimOwner, user_context: dict[str, Any], now_ms: int
) -> dict[str, Any]:
    """What `claim.fetch` answers, timed and bounded.

    Raises:
        HookFailed: The application's function raised, or took too long.
    """
    return await hooks.call(f"fetch_value of claim {claim.key}", lambda: claim.fetch(owner, user_context, now_ms))


async def find_failure(
    hooks: Hooks, validator: ClaimValidator, payload: Mapping[str, Any], now_ms: int
) -> ClaimFailure | None:
    """What `validator.find_failure` answers; timed and bounded where the validator is the application's own."""
    if is_ours(type(validator)):  # does no I/O, and is asked at every request
        return await validator.find_failure(payload, now_ms)
    return await hooks.call_override(
        f"find_failure of validator {validator.id}", lambda: validator.find_failure(payload, now_ms)
    )


class PrimitiveClaim(SessionClaim[ValueT]):
    """A claim whose value is one text, number or truth value."""

    def has_value(self, value: ValueT, max_age_seconds: int | None = None, id: str | None = None) -> ClaimValidator:
        """The claim is exactly this value, not merely equal: `1` is not `True`."""

        def holds(actual: Any) -> bool:
            return actual == value and isinstance(actual, bool) == isinstance(value, bool)

        return ValueValidator(self, ("expectedValue", value), holds, max_age_seconds, id)


class BooleanClaim(PrimitiveClaim[bool]):
    """A claim that is true or false."""

    def is_true(self, max_age_seconds: int | None = None, id: str | None = None) -> ClaimValidator:
        """The claim is `True`."""
        return self.has_value(value=True, max_age_seconds=max_age_seconds, id=id)

    def is_false(self, max_age_seconds: int | None = None, id: str | None = None) -> ClaimValidator:
        """The claim is `False`."""
        return self.has_value(value=False, max_age_seconds=max_age_seconds, id=id)


class PrimitiveArrayClaim(SessionClaim[Sequence[Primitive]]):
    """A claim whose value is a list of texts, numbers or truth values.

    Any other value fails every rule: a text is a sequence too, and `superadmin` would include `admin`.
    """

    def includes(self, value: Primitive, max_age_seconds: int | None = None, id: str | None = None) -> ClaimValidator:
        """The list holds this value."""
        return self._rule(("expectedToInclude", value), lambda found: _holds(found, value), max_age_seconds, id)

    def includes_all(
        self, values: Sequence[Primitive], max_age_seconds: int | None = None, id: str | None = None
    ) -> ClaimValidator:
        """The list holds every one of these values."""
        wanted = list(values)
        return self._rule(
            ("expectedToInclude", wanted), lambda found: all(_holds(found, v) for v in wanted), max_age_seconds, id
        )

    def includes_any(
        self, values: Sequence[Primitive], max_age_seconds: int | None = None, id: str | None = None
    ) -> ClaimValidator:
        """The list holds at least one of these values."""
        wanted = list(values)
        return self._rule(
            ("expectedToIncludeAtLeastOneOf", wanted),
            lambda found: any(_holds(found, v) for v in wanted),
            max_age_seconds,
            id,
        )

    def excludes(self, value: Primitive, max_age_seconds: int | None = None, id: str | None = None) -> ClaimValidator:
        """The list does not hold this value."""
        return self._rule(("expectedToNotInclude", value), lambda found: not _holds(found, value), max_age_seconds, id)

    def excludes_all(
        self, values: Sequence[Primitive], max_age_seconds: int | None = None, id: str | None = None
    ) -> ClaimValidator:
        """The list holds none of these values."""
        unwanted = list(values)
        return self._rule(
            ("expectedToNotInclude", unwanted),
            lambda found: not any(_holds(found, v) for v in unwanted),
            max_age_seconds,
            id,
        )

    def _rule(
        self,
        expectation: tuple[str, Any],
        holds: Callable[[list[Any]], bool],
        max_age_seconds: int | None,
        id: str | None,
    ) -> ClaimValidator:
        def holds_for_lists(found: Any) -> bool:
            return isinstance(found, list) and holds(found)  # pyright: ignore[reportUnknownArgumentType] # JSON

        return ValueValidator(self, expectation, holds_for_lists, max_age_seconds, id)


def _holds(found: list[Any], value: Primitive) -> bool:
    """Whether a list has exactly this value, not merely an equal one: `1` is not `True`."""
    return any(item == value and isinstance(item, bool) == isinstance(value, bool) for item in found)
