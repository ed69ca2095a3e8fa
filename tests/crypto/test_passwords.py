"""Password hashes: Argon2id at the floor or above, in a bounded pool that refuses instead of growing."""

import asyncio
import logging
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from watchword.crypto.passwords import PasswordHasher, PasswordMismatch
from watchword.crypto.phc import parse_argon2id
from watchword.errors import BadInput, ConfigurationError, Overloaded

WEAKER = "$argon2id$v=19$m=8192,t=2,p=1$eQwMpZoixSmnthzdz3PzwA$VvPNreqdiuAf6GzCNrY/9CHe+g1Ae187SJ8gy6pGFlg"
MALFORMED = [
    "",
    "plain text",
    "$2b$99$abcdefghijklmnopqrstuuJ7q3l6v5C4GQe2XyCzLqBvN0b1m2n3o",
    WEAKER.replace("p=1", "p=9999"),
    WEAKER.replace("m=8192", "m=8388608"),
    WEAKER.replace("t=2", "t=1000000"),
    WEAKER[:-1],
]


@pytest_asyncio.fixture
async def hasher() -> AsyncIterator[PasswordHasher]:
    """One with the parameters of the floor."""
    hasher = PasswordHasher()
    yield hasher
    hasher.stop()


async def test_a_new_hash_is_argon2id_at_the_floor(hasher: PasswordHasher) -> None:
    """PHC form, 16 bytes of salt, 32 of tag, 19,456 KiB, two passes, one lane (security PW-1)."""
    first, second = await hasher.hash("correct horse"), await hasher.hash("correct horse")
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert (16, 32) == (len(parse_argon2id(first).salt), len(parse_argon2id(first).tag))
    assert first != second


@pytest.mark.parametrize("password", ["correct horse", "pässwörd 🔑", "a\0b", "x" * 1024, " ", "e\u0301"])
async def test_the_right_password_and_no_other_verifies(hasher: PasswordHasher, password: str) -> None:
    """Any text of up to 1,024 bytes works as it is: no trimming, no cutting at NUL, no normalising (PW-8)."""
    stored = await hasher.hash(password)
    await hasher.verify(password, stored)
    for other in (password + "x", password[:-1], password.upper() + "\0", ""):
        with pytest.raises(PasswordMismatch):
            await hasher.verify(other, stored)


@pytest.mark.parametrize(
    ("one", "other"), [("x" * 72 + "1", "x" * 72 + "2"), ("a\0b", "a\0c"), ("é", "e\u0301"), ("a", "A")]
)
async def test_passwords_that_other_hashes_confuse_are_different(hasher: PasswordHasher, one: str, other: str) -> None:
    """Not cut at 72 bytes or at NUL as bcrypt does, and not folded (security PW-4)."""
    with pytest.raises(PasswordMismatch):
        await hasher.verify(other, await hasher.hash(one))


async def test_every_byte_of_the_hash_counts(hasher: PasswordHasher) -> None:
    """A changed salt or tag, at its beginning or its end, does not verify."""
    *head, salt, tag = (await hasher.hash("correct horse")).split("$")
    others = [(salt, "AAAA" + tag[4:]), (salt, tag[:-4] + "AAAA"), ("AAAA" + salt[4:], tag), (salt[:-4] + "AAAA", tag)]
    for other in others:
        with pytest.raises(PasswordMismatch):
            await hasher.verify("correct horse", "$".join([*head, *other]))


async def test_another_implementation_agrees(hasher: PasswordHasher) -> None:
    """OpenSSL's Argon2id verifies our hashes, and we verify its."""
    Argon2id.verify_phc_encoded(b"correct horse", await hasher.hash("correct horse"))
    theirs = Argon2id(salt=b"0123456789abcdef", length=32, iterations=3, lanes=1, memory_cost=20_000)
    await hasher.verify("correct horse", theirs.derive_phc_encoded(b"correct horse"))


@pytest.mark.parametrize("password", ["correct horse", "", "\ud800", "x" * 5000])
@pytest.mark.parametrize("stored", [None, *MALFORMED])
async def test_without_a_usable_hash_nothing_matches(
    hasher: PasswordHasher, stored: str | None, password: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No user, no password, or a hash we cannot read: a mismatch, never another error (security PW-3, EN-1)."""
    with pytest.raises(PasswordMismatch):
        await hasher.verify(password, stored)
    assert (stored is not None) == bool(caplog.records)
    assert all(record.levelno == logging.ERROR for record in caplog.records)


async def test_the_log_of_a_broken_hash_says_why_without_the_hash(
    hasher: PasswordHasher, caplog: pytest.LogCaptureFixture
) -> None:
    """An operator learns that it is too costly; salt and tag stay out of the log (security LG-1)."""
    with pytest.raises(PasswordMismatch):
        await hasher.verify("x", WEAKER.replace("t=2", "t=1000000"))
    assert "t=1000000) is over the ceiling" in caplog.text
    assert "eQwMpZ" not in caplog.text


@pytest.mark.parametrize("password", ["x" * 1025, "é" * 513, "\ud800", "ab\udfff"])
async def test_what_cannot_be_hashed_is_refused_by_name(hasher: PasswordHasher, password: str) -> None:
    """Over 1,024 bytes, or lone surrogates: bad input, before any work (security PW-7)."""
    with pytest.raises(BadInput) as caught:
        await hasher.hash(password)
    assert "password" == caught.value.field


async def test_weaker_hashes_need_renewal_and_others_do_not() -> None:
    """Less memory, fewer passes, shorter tag, another kind; stronger or equal ones stay (security PW-2)."""
    floor, stronger = PasswordHasher(), PasswordHasher(memory_kib=30_000, iterations=3)
    stored = "$argon2id$v=19$m=19456,t=2,p=1$eQwMpZoixSmnthzdz3PzwA$VvPNreqdiuAf6GzCNrY/9CHe+g1Ae187SJ8gy6pGFlg"
    assert not floor.needs_rehash(stored)
    assert not floor.needs_rehash(stored.replace("m=19456,t=2", "m=30000,t=3"))
    assert not stronger.needs_rehash(stored.replace("m=19456,t=2", "m=30000,t=3"))
    assert stronger.needs_rehash(stored)
    assert stronger.needs_rehash(stored.replace("m=19456", "m=30000"))
    assert floor.needs_rehash(stored[:-22] + "w")  # a tag of 16 bytes
    assert all(floor.needs_rehash(malformed) for malformed in [WEAKER, *MALFORMED])


@pytest.mark.parametrize(
    "settings",
    [
        {"memory_kib": 19_455},
        {"memory_kib": 2_000_000},
        {"iterations": 1},
        {"iterations": 17},
        {"workers": 0},
        {"workers": -1},
        {"queue_limit": -1},
    ],
)
def test_settings_out_of_range_stop_the_start(settings: dict[str, int]) -> None:
    """The floor cannot be undercut, and the sentence says what to set (security PW-1, SC-8)."""
    with pytest.raises(ConfigurationError) as caught:
        PasswordHasher(**settings)
    assert f"password_hasher.{next(iter(settings))}" == caught.value.setting
    assert "set a value from" in caught.value.remedy


def test_a_pool_that_could_eat_the_machine_stops_the_start() -> None:
    """Workers times memory stays under half of the memory there is (security SC-8)."""
    with pytest.raises(ConfigurationError, match="more than half of this machine's memory") as caught:
        PasswordHasher(memory_kib=1_048_576, workers=1024)
    assert "password_hasher.workers" == caught.value.setting


async def test_the_loop_runs_on_while_a_hash_is_made(hasher: PasswordHasher) -> None:
    """Hashing happens in a thread, so that other requests go on (security PW-6)."""
    hashing = asyncio.ensure_future(hasher.hash("correct horse"))
    turns = 0
    while not hashing.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 5
    await hashing


@pytest.mark.parametrize("stored", [None, WEAKER])
async def test_a_full_queue_refuses_at_once_known_and_unknown_users_alike(stored: str | None) -> None:
    """One worker and one place to wait: the third caller is told to come back, before any work (security PW-6)."""
    hasher = PasswordHasher(workers=1, queue_limit=1)
    results = await asyncio.gather(*(hasher.verify("x", stored) for _ in range(5)), return_exceptions=True)
    assert [PasswordMismatch] * 2 + [Overloaded] * 3 == [type(result) for result in results]
    with pytest.raises(PasswordMismatch):
        await hasher.verify("x", stored)
    hasher.stop()


async def test_a_caller_who_leaves_gives_the_place_back() -> None:
    """Clients that disconnect while they wait must not fill the queue for the others (fault F-22)."""
    hasher = PasswordHasher(workers=1, queue_limit=3)
    for _ in range(5):
        waiting = [asyncio.ensure_future(hasher.hash("x")) for _ in range(4)]
        await asyncio.sleep(0)
        for task in waiting:
            task.cancel()
        assert [asyncio.CancelledError] * 4 == [
            type(result) for result in await asyncio.gather(*waiting, return_exceptions=True)
        ]
        # The one that was running holds its place until it ends; the three that waited are free again now.
        hashed = await asyncio.gather(*(hasher.hash("x") for _ in range(3)))
        assert 3 == len(hashed)
    hasher.stop()


async def test_many_threads_at_once_all_finish() -> None:
    """More workers than processors and many callers: no deadlock, every answer right."""
    hasher = PasswordHasher(workers=8)
    stored = await hasher.hash("correct horse")
    guesses = ["correct horse" if number % 3 else "wrong" for number in range(48)]
    results = await asyncio.gather(*(hasher.verify(guess, stored) for guess in guesses), return_exceptions=True)
    assert [guess == "correct horse" for guess in guesses] == [result is None for result in results]
    hasher.stop()


async def test_a_stopped_pool_answers_those_who_wait_and_starts_again() -> None:
    """Stopping loses no answer; an application that starts again needs no new object."""
    hasher = PasswordHasher(workers=1)
    waiting = [asyncio.ensure_future(hasher.hash("x")) for _ in range(3)]
    await asyncio.sleep(0)
    hasher.stop()
    hasher.stop()
    hashed = await asyncio.gather(*waiting)
    assert ["$argon2id$"] * 3 == [phc[:10] for phc in hashed]
    assert (await hasher.hash("x")).startswith("$argon2id$")
    hasher.stop()


def test_no_memory_is_an_overload_and_not_a_wrong_password() -> None:
    """When the system gives no memory, nobody is told that their password is wrong (security SE-10, F-25)."""
    program = """
        import asyncio, resource
        from watchword.crypto.passwords import PasswordHasher
        from watchword.errors import Overloaded

        async def main():
            hasher = PasswordHasher(memory_kib=524_288, workers=1)
            resource.setrlimit(resource.RLIMIT_AS, (512 * 1024 * 1024,) * 2)
            for work in (hasher.hash("x"), hasher.verify("x", None)):
                try:
                    await work
                except Overloaded as error:
                    print(error)
            hasher.stop()

        asyncio.run(main())
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True, timeout=60
    )
    assert ["password hashing is busy; try again in 1 s"] * 2 == done.stdout.splitlines()
