"""The settings of sessions: safe defaults, floors, and a sentence for each that cannot work. Source: FDI 10, SC."""

import dataclasses
from typing import Any

import pytest

from watchword.errors import ConfigurationError
from watchword.sessions.settings import SessionOptions, SessionSettings


def test_defaults_are_those_of_the_contract() -> None:
    """FDI 10 and security 4.3: an hour, a hundred days, a year, a week; settle age and soft window at their floors."""
    settings = SessionSettings()

    assert (3_600_000, 8_640_000_000, 31_536_000_000) == (
        settings.access_token_validity_ms,
        settings.refresh_token_validity_ms,
        settings.absolute_life_ms,
    )
    assert (130_000, 60_000, 604_800_000) == (
        settings.settle_ms,
        settings.soft_window_ms,
        settings.signing_key_rotation_ms,
    )
    assert ("RS256", 401, 403) == (
        settings.signing_key_algorithm,
        settings.session_expired_status_code,
        settings.invalid_claim_status_code,
    )
    assert (300_000, 300_000) == (settings.revocation_staleness_ms, settings.sweep_interval_ms)
    assert [] == settings.list_warnings()


def test_what_may_be_switched_off_is_none() -> None:
    """No absolute life, no bound on staleness, no sweeping: each is said by `None`, never by a number."""
    settings = SessionSettings(absolute_life_ms=None, revocation_staleness_ms=None, sweep_interval_ms=None)

    assert (None, None, None) == (
        settings.absolute_life_ms,
        settings.revocation_staleness_ms,
        settings.sweep_interval_ms,
    )


def test_options_and_settings_have_the_same_names() -> None:
    """What `Session(…)` takes is what there is."""
    assert [field.name for field in dataclasses.fields(SessionSettings)] == list(SessionOptions.__annotations__)


@pytest.mark.parametrize(
    ("options", "setting"),
    [
        ({"settle_ms": 129_999}, "settle_ms"),
        ({"settle_ms": -1}, "settle_ms"),
        ({"settle_ms": 130_000.0}, "settle_ms"),
        ({"soft_window_ms": 1}, "soft_window_ms"),
        ({"access_token_validity_ms": 999}, "access_token_validity_ms"),
        ({"access_token_validity_ms": True}, "access_token_validity_ms"),
        ({"refresh_token_validity_ms": 130_000}, "refresh_token_validity_ms"),
        ({"absolute_life_ms": 0}, "absolute_life_ms"),
        ({"signing_key_rotation_ms": 0}, "signing_key_rotation_ms"),
        ({"max_session_data_bytes": 0}, "max_session_data_bytes"),
        ({"revocation_staleness_ms": 999}, "revocation_staleness_ms"),
        ({"revocation_staleness_ms": "long"}, "revocation_staleness_ms"),
        ({"sweep_interval_ms": 0}, "sweep_interval_ms"),
        ({"anti_csrf": "via_token"}, "anti_csrf"),
        ({"token_transfer_method": "both"}, "token_transfer_method"),
        ({"cookie_same_site": "loose"}, "cookie_same_site"),
        ({"signing_key_algorithm": "HS256"}, "signing_key_algorithm"),
        ({"session_expired_status_code": 409}, "session_expired_status_code"),
        ({"invalid_claim_status_code": 409}, "invalid_claim_status_code"),
        ({"invalid_claim_status_code": 401}, "session_expired_status_code"),
        ({"session_expired_status_code": 200}, "session_expired_status_code"),
        ({"access_token_validity": 5}, "access_token_validity"),
    ],
    ids=str,
)
def test_what_cannot_work_is_refused_by_name(options: dict[str, Any], setting: str) -> None:
    """SC-7, SC-12, SC-15: the error names the setting as the user writes it."""
    with pytest.raises(ConfigurationError) as refusal:
        SessionSettings.from_options(options)

    assert setting == refusal.value.setting


def test_rules_may_be_switched_off_for_tests_with_a_warning() -> None:
    """SC-15: 0 is accepted for both, and said aloud; so is an algorithm that not every client verifies."""
    settings = SessionSettings(settle_ms=0, soft_window_ms=0, signing_key_algorithm="ES256")

    assert ["settle_ms", "soft_window_ms", "signing_key_algorithm"] == [
        warning.split("=")[0] for warning in settings.list_warnings()
    ]


@pytest.mark.parametrize(("written", "meant"), [("Lax", "lax"), (" STRICT ", "strict"), ("none", "none"), (None, None)])
def test_same_site_is_read_with_blanks_and_capitals(written: Any, meant: str | None) -> None:
    """FDI line 32."""
    assert meant == SessionSettings(cookie_same_site=written).cookie_same_site
