"""The numbers of the limits, checked before anything starts."""

from typing import Any

import pytest

from watchword.errors import ConfigurationError
from watchword.protection.settings import FailureRule, Limit, Protection

MINUTE, HOUR = 60_000, 3_600_000


@pytest.mark.parametrize(
    ("setting", "wrong"),
    [
        ("failures_per_account", 1),
        ("failures_per_account", 101),
        ("failure_window_seconds", 0),
        ("first_delay_seconds", 0),
        ("first_delay_seconds", 3_601),
        ("longest_delay_seconds", 86_401),
        ("sign_in", Limit(0, 60)),
        ("sign_up", Limit(20, 0)),
        ("email_exists", Limit(20, -1)),
        ("refresh", Limit(10**9, 60)),
    ],
)
def test_a_number_that_cannot_be_is_refused_by_name(setting: str, wrong: Any) -> None:
    """Nothing at all would be let through, or everything; `None` is the way to switch a limit off."""
    with pytest.raises(ConfigurationError, match=rf"^protection\.{setting}"):
        Protection(**{setting: wrong})


def test_delays_grow_and_end() -> None:
    """Ten failures are free, then one minute, doubling up to an hour (RL-1)."""
    rule = Protection().failure_rule
    assert FailureRule(10, 15 * MINUTE, MINUTE, HOUR, stop=100) == rule
    assert [0, MINUTE, 2 * MINUTE, 4 * MINUTE] == [rule.delay_ms(failures) for failures in (9, 10, 11, 12)]
    assert [HOUR, HOUR, HOUR] == [rule.delay_ms(failures) for failures in (16, 40, 2_000_000_000)]


def test_a_hundred_guesses_take_days() -> None:
    """However patient, nobody gets 100 failures in a row at one account in less than three days (NIST 3.2.2)."""
    rule = Protection().failure_rule
    assert rule is not None
    assert 3 * 24 * HOUR < sum(rule.delay_ms(failures) for failures in range(1, 100))


def test_what_is_off_is_named() -> None:
    """The start says it aloud."""
    assert [] == Protection().switched_off
    assert ["failures_per_account", "refresh"] == Protection(failures_per_account=None, refresh=None).switched_off
