"""When keys are made, sign, and are withdrawn; pure. Source: FDI 5.4, JW-7."""

from dataclasses import replace

import pytest

from tests.sessions.nodes import DAY, HOUR, MINUTE
from watchword.sessions.access_tokens import KID_LENGTH
from watchword.sessions.key_schedule import KeyPlace, KeySchedule, new_kid

NOW = 1_700_000_000_000
WEEK = 7 * DAY
RS256 = KeySchedule(kind="dynamic", algorithm="RS256", rotation_ms=WEEK, token_validity_ms=HOUR)
STATIC = replace(RS256, kind="static")


def test_kids_tell_the_kind_and_have_one_length() -> None:
    """FDI 5.1: `d-` for rotating keys, `s-` for static ones; the size check of payloads relies on the length."""
    kids = [new_kid("dynamic"), new_kid("static"), new_kid("dynamic")]

    assert ["d-", "s-", "d-"] == [kid[:2] for kid in kids]
    assert {KID_LENGTH} == {len(kid) for kid in kids}
    assert 3 == len(set(kids))


@pytest.mark.parametrize("schedule", [RS256, STATIC], ids=["dynamic", "static"])
def test_first_key_of_an_app_signs_at_once(schedule: KeySchedule) -> None:
    """Nobody has its JWKS yet, so nobody has to wait for it."""
    first = schedule.due([], NOW)

    assert first is not None
    assert (0, NOW, schedule.kind, HOUR) == (first.slot, first.signs_from_ms, first.kind, first.token_validity_ms)


def first_key(schedule: KeySchedule = RS256) -> KeyPlace:
    """The first key, made now."""
    first = schedule.due([], NOW)
    assert first is not None
    return first


def test_next_key_is_published_fifteen_minutes_before_it_signs() -> None:
    """FDI 5.4 needs more than ten: server-side rendering caches JWKS as long and asks for no unknown key."""
    first = first_key()

    assert RS256.due([first], NOW + WEEK - 15 * MINUTE - 1) is None
    second = RS256.due([first], NOW + WEEK - 15 * MINUTE)
    assert second is not None
    assert (1, NOW + WEEK) == (second.slot, second.signs_from_ms)
    assert [first, second] == RS256.candidates([second, first], NOW + WEEK - 1)
    assert [second, first] == RS256.candidates([first, second], NOW + WEEK)


def test_key_that_is_made_late_has_its_head_start_all_the_same() -> None:
    """After a night without traffic the old key signs on until the new one has been published long enough."""
    late = NOW + WEEK + DAY

    second = RS256.due([first_key()], late)

    assert second is not None
    assert late + 15 * MINUTE == second.signs_from_ms


def test_a_key_of_a_clock_that_ran_ahead_puts_nothing_off() -> None:
    """F-15: one node's clock is a month ahead for a moment and makes a key; the next one comes when it was due."""
    first = first_key()
    ahead = RS256.due([first], NOW + 30 * DAY)
    assert ahead is not None
    keys = [first, ahead]

    assert RS256.due(keys, NOW + DAY) is None
    second = RS256.due(keys, NOW + WEEK - 15 * MINUTE)

    assert second is not None
    assert (2, NOW + WEEK) == (second.slot, second.signs_from_ms)
    keys.append(second)
    assert first == RS256.candidates(keys, NOW + WEEK - 1)[0]
    assert second == RS256.candidates(keys, NOW + WEEK)[0]
    assert RS256.due(keys, NOW + WEEK) is None
    assert second == RS256.candidates(keys, NOW + 31 * DAY)[0]


def test_static_key_never_rotates() -> None:
    """One for as long as the app lives."""
    assert STATIC.due([first_key(STATIC)], NOW + 100 * WEEK) is None


def test_head_start_shrinks_with_the_rotation() -> None:
    """Suites rotate every few seconds; keys still overlap, and each process looks often enough to be in time."""
    fast = replace(RS256, rotation_ms=4_000)

    assert (2_000, 2_000) == (fast.head_start_ms, fast.look_every_ms)
    assert (15 * MINUTE, MINUTE) == (RS256.head_start_ms, RS256.look_every_ms)


def test_another_algorithm_starts_with_a_head_start_and_the_old_key_signs_meanwhile() -> None:
    """`signing_key_algorithm` was changed: the new key is published first, as JWKS are cached by now."""
    old = first_key()
    es256 = replace(RS256, algorithm="ES256")

    new = es256.due([old], NOW + DAY)

    assert new is not None
    assert (0, "ES256", NOW + DAY + 15 * MINUTE) == (new.slot, new.algorithm, new.signs_from_ms)
    assert old == es256.candidates([old, new], NOW + DAY)[0]
    assert new == es256.candidates([old, new], NOW + DAY + 15 * MINUTE)[0]
    assert es256.due([old, new], NOW + DAY) is None


def test_kinds_do_not_mix() -> None:
    """Line 50: tokens of the other kind are refused, so the first key of a kind signs at once, and only its own."""
    dynamic = first_key()

    static = STATIC.due([dynamic], NOW + DAY)

    assert static is not None
    assert NOW + DAY == static.signs_from_ms
    assert [static] == STATIC.candidates([dynamic, static], NOW + DAY)


def test_clock_behind_the_one_that_made_the_first_key_still_signs() -> None:
    """Two processes start together and the slower clock loses the race: the only key there is signs."""
    first = first_key()

    assert [first] == RS256.candidates([first], NOW - 5_000)


def test_key_is_withdrawn_when_its_last_token_has_expired() -> None:
    """JW-7: one access-token life after last use; a process that looks once a minute may sign a minute longer."""
    first = first_key()
    second = RS256.due([first], NOW + WEEK - MINUTE)
    assert second is not None

    assert RS256.withdrawn_at_ms(first, [first]) is None
    assert second.signs_from_ms + MINUTE + HOUR == RS256.withdrawn_at_ms(first, [first, second])
    assert RS256.withdrawn_at_ms(second, [first, second]) is None


def test_key_outlives_the_longest_token_it_may_have_signed() -> None:
    """Tokens signed before `access_token_validity_ms` was made shorter, or after it was made longer, verify on."""
    first = first_key()
    second = RS256.due([first], NOW + WEEK - MINUTE)
    assert second is not None
    for schedule, key in (
        (RS256, replace(first, token_validity_ms=DAY)),
        (replace(RS256, token_validity_ms=DAY), first),
    ):
        assert second.signs_from_ms + MINUTE + DAY == schedule.withdrawn_at_ms(key, [key, second])
