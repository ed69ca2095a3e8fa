"""Ids that nobody guesses. Source: security EN-7."""

import base64
import uuid
from collections.abc import Callable

import pytest

from watchword.ids import RandomIds

MANY = 2_000


def bits_of_user_id(text: str) -> int:
    """The 128 bits of a UUID."""
    return uuid.UUID(text).int


def bits_of_handle(text: str) -> int:
    """The 128 bits of a session handle."""
    return int.from_bytes(base64.urlsafe_b64decode(text + "=="), "big")


@pytest.mark.parametrize(
    ("make", "bits_of", "free"),
    [(RandomIds().user_id, bits_of_user_id, 122), (RandomIds().session_handle, bits_of_handle, 128)],
    ids=["user", "session"],
)
def test_ids_are_random_in_every_bit(make: Callable[[], str], bits_of: Callable[[str], int], free: int) -> None:
    """Attack: count on from an id of one's own, or learn from it when it was made; each bit is set about half the time.

    Six bits of a UUID say that it is one. For fair bits the bounds are off once in 10^23 runs.
    """
    made = [bits_of(make()) for _ in range(MANY)]
    assert MANY == len(set(made))
    counts = [sum(bits >> place & 1 for bits in made) for place in range(128)]
    assert free == sum(MANY * 0.38 < count < MANY * 0.62 for count in counts)
