"""The handles revoked in this process: remembered long enough, forgotten in time, and cheap to add."""

from tests.site import FakeClock
from watchword.sessions.revocations import RevokedHandles

LIFE_MS = 3_600_000


def test_a_handle_is_remembered_for_the_life_of_an_access_token_and_a_minute() -> None:
    """A token that was being signed while its session was revoked dies with the others (security SE-3)."""
    clock = FakeClock()
    revoked = RevokedHandles(clock, LIFE_MS)
    revoked.add("first")
    clock.advance(LIFE_MS + 59_999)
    revoked.add("second")
    assert (True, True) == (revoked.has("first"), revoked.has("second"))
    clock.advance(1)
    revoked.add("third")
    assert (False, True, True) == (revoked.has("first"), revoked.has("second"), revoked.has("third"))


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


def test_many_revocations_cost_as_much_each_as_one() -> None:
    """Attack: sign in ten thousand times, then have the application end all sessions of that user.

    Each entry used to copy all the others: 10 000 held the event loop for six seconds, these would for hours.
    """
    revoked = RevokedHandles(FakeClock(), LIFE_MS)
    for number in range(300_000):
        revoked.add(str(number))
    assert revoked.has("0")
