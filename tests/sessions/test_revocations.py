"""The handles revoked in this process: remembered long enough, forgotten in time, small, and cheap to add."""

import tracemalloc

from tests.site import FakeClock
from watchword.sessions.revocations import RevokedHandles

LIFE_MS = 3_600_000
HELD_MS = LIFE_MS + 60_000


def test_a_handle_is_remembered_for_the_life_of_an_access_token_and_a_minute() -> None:
    """A token that was being signed while its session was revoked dies with the others (security SE-3)."""
    clock = FakeClock()
    revoked = RevokedHandles(clock, LIFE_MS)
    revoked.add("first")
    clock.advance(HELD_MS - 1)
    revoked.add("second")
    assert (True, True) == (revoked.has("first"), revoked.has("second"))


def test_handles_are_forgotten_half_a_life_later_at_the_latest() -> None:
    """Handles are forgotten by generations; nothing stays for longer than one and a half lives."""
    clock = FakeClock()
    revoked = RevokedHandles(clock, LIFE_MS)
    for number in range(10):
        revoked.add(str(number))
        clock.advance(HELD_MS // 4)
    clock.advance(HELD_MS // 4)
    revoked.forget_old()
    assert [False] * 6 + [True] * 4 == [revoked.has(str(number)) for number in range(10)]
    clock.advance(HELD_MS * 3 // 2)
    revoked.forget_old()
    assert not revoked.has("9")


def test_a_handle_revoked_again_is_remembered_anew() -> None:
    """Signing out twice never shortens how long the tokens stay refused."""
    clock = FakeClock()
    revoked = RevokedHandles(clock, LIFE_MS)
    revoked.add("twice")
    clock.advance(LIFE_MS)
    revoked.add("twice")
    clock.advance(LIFE_MS)
    revoked.add("other")
    assert revoked.has("twice")


def test_a_clock_that_is_put_back_forgets_nothing_and_keeps_nothing_for_ever() -> None:
    """Entries made while the clock was a month ahead live as long as others (security F-15)."""
    clock = FakeClock()
    revoked = RevokedHandles(clock, LIFE_MS)
    clock.advance(30 * 86_400_000)
    revoked.add("ahead")
    clock.advance(-30 * 86_400_000)
    revoked.add("now")
    clock.advance(LIFE_MS)
    revoked.add("later")
    assert (True, True, True) == tuple(revoked.has(handle) for handle in ("ahead", "now", "later"))
    clock.advance(2 * LIFE_MS)
    revoked.forget_old()
    assert (False, False, False) == tuple(revoked.has(handle) for handle in ("ahead", "now", "later"))


def test_tokens_of_a_longer_life_are_remembered_longer() -> None:
    """Made shorter, the life of access tokens still holds for those that are out."""
    clock = FakeClock()
    revoked = RevokedHandles(clock, LIFE_MS)
    revoked.keep_longer(10 * LIFE_MS)
    revoked.add("old")
    clock.advance(10 * LIFE_MS)
    revoked.add("new")
    assert revoked.has("old")


def test_many_revocations_cost_as_much_each_as_one() -> None:
    """Attack: sign in ten thousand times, then have the application end all sessions of that user.

    Each entry used to copy all the others: 10 000 held the event loop for six seconds, these would for hours.
    """
    revoked = RevokedHandles(FakeClock(), LIFE_MS)
    for number in range(300_000):
        revoked.add(str(number))
    assert revoked.has("0")


def test_a_handle_costs_some_thirty_bytes() -> None:
    """A million revoked handles stay below 64 MB, those included that are kept half a life longer than needed."""
    clock = FakeClock()
    revoked = RevokedHandles(clock, LIFE_MS)
    tracemalloc.start()
    try:
        for number in range(90_000):
            clock.advance(HELD_MS // 60_000)
            revoked.add(str(number))
        used, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert used < 20_000_000  # 60,000 a life; most of it is the part that stays as it is
    assert revoked.has("89999")
