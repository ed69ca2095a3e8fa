"""The claim `st-ev`: whether the session's e-mail address is verified. Source: FDI 7."""

from collections.abc import Mapping
from typing import Any

from watchword.sessions.claims import BooleanClaim, ClaimValidator, FetchValue, SessionClaim, ValueValidator


class EmailVerificationClaim(BooleanClaim):
    """Whether the address of the session's login method is verified; true for people without an address.

    Args:
        fetch_value: Looks it up; the recipe gives its own.
    """

    def __init__(self, fetch_value: FetchValue[bool]) -> None:
        super().__init__("st-ev", fetch_value)

    def is_verified(
        self, refetch_time_on_false_in_seconds: int = 10, max_age_in_seconds: int | None = None
    ) -> ClaimValidator:
        """The address is verified.

        Args:
            refetch_time_on_false_in_seconds: A `False` older than this is looked up again, so that somebody
                who verified elsewhere gets in soon.
            max_age_in_seconds: Any value older than this is looked up again; `None`: never for its age.
        """
        return _IsVerified(self, refetch_time_on_false_in_seconds, max_age_in_seconds)


class _IsVerified(ValueValidator):
    def __init__(
        self, claim: SessionClaim[bool], refetch_time_on_false_in_seconds: int, max_age_in_seconds: int | None
    ) -> None:
        super().__init__(claim, ("expectedValue", True), lambda value: value is True, max_age_in_seconds)
        self._refetch_false_after_ms = refetch_time_on_false_in_seconds * 1000

    def should_refetch(self, payload: Mapping[str, Any], now_ms: int) -> bool:
        """Whether the value is missing, too old, or false for a while."""
        if super().should_refetch(payload, now_ms):
            return True
        is_false = self._claim.find_value(payload) is False
        return is_false and self._age_ms(payload, now_ms) > self._refetch_false_after_ms
