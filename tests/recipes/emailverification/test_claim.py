"""The claim `st-ev` by itself: when it is looked up again, and what a failure says."""

from typing import Any

import pytest

from watchword.recipes import EmailVerificationClaim
from watchword.sessions.errors import ClaimFailure

NOW_MS = 1_800_000_000_000
CLAIM = EmailVerificationClaim(lambda _owner, _user_context: True)


def payload(value: bool | None, age_ms: int) -> dict[str, Any]:
    """A JWT payload whose claim has this value and age."""
    return {} if value is None else {"st-ev": {"v": value, "t": NOW_MS - age_ms}}


@pytest.mark.parametrize(
    ("value", "age_ms", "max_age_in_seconds", "expected"),
    [
        (None, 0, None, True),
        (False, 10_000, None, False),
        (False, 10_001, None, True),
        (True, 10_001, None, False),
        (True, 10**12, None, False),
        (True, 60_000, 60, False),
        (True, 60_001, 60, True),
        (False, 5_001, 5, True),
    ],
)
def test_when_it_is_looked_up_again(
    value: bool | None, age_ms: int, max_age_in_seconds: int | None, expected: bool
) -> None:
    """When missing, when false for more than 10 s, or when older than the maximum age (FDI 7)."""
    validator = CLAIM.is_verified(max_age_in_seconds=max_age_in_seconds)
    assert expected == validator.should_refetch(payload(value, age_ms), NOW_MS)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, None),
        (False, {"message": "wrong value", "expectedValue": True, "actualValue": False}),
        (None, {"message": "value does not exist", "expectedValue": True, "actualValue": None}),
    ],
)
async def test_what_a_failure_says(value: bool | None, expected: dict[str, Any] | None) -> None:
    """The reasons of `has_value(True)` (FDI 7)."""
    failure = await CLAIM.is_verified().find_failure(payload(value, 0), NOW_MS)
    assert (None if expected is None else ClaimFailure("st-ev", expected)) == failure
