"""Password hashes: Argon2id in a bounded pool, so that sign-ins neither stall the loop nor fill the memory."""

import asyncio
import base64
import hmac
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from nacl.bindings import (
    crypto_pwhash_alg,
    crypto_pwhash_ALG_ARGON2ID13,
    crypto_pwhash_SALTBYTES,
    crypto_pwhash_str_alg,
)

from watchword.crypto.imported.kinds import ImportedHash, parse_imported
from watchword.crypto.phc import MAX_ITERATIONS, MAX_MEMORY_KIB, Argon2idHash, UnsupportedHash, parse_argon2id
from watchword.errors import BadInput, ConfigurationError, Overloaded, WatchwordError
from watchword.setting_types import checked_settings
from watchword.telemetry.instruments import HASHING, HASHING_WAIT
from watchword.telemetry.telemetry import Telemetry

_log = logging.getLogger(__name__)
_Result = TypeVar("_Result")

FLOOR_MEMORY_KIB = 19_456
"""The least memory of a new hash, in KiB. Source: OWASP Password Storage Cheat Sheet; security PW-1."""

FLOOR_ITERATIONS = 2
"""The least number of passes of a new hash. Source: as above."""

_TAG_BYTES = 32
_NICENESS = 10  # a tenth of the event loop's weight, where both want one processor; nothing where one is free
_MAX_PASSWORD_BYTES = 1024  # security PW-7


class PasswordMismatch(WatchwordError):
    """The password does not belong to the hash, or there is no usable hash; the two are not told apart."""

    code = "password_mismatch"

    def __init__(self) -> None:
        super().__init__("the password does not match")


@checked_settings("password_hasher.")
class PasswordHasher:
    """Makes and verifies password hashes in threads of its own.

    Memory in use is at most `workers` times `memory_kib`. The pool is made at the first hash; `stop` ends
    it, and a later hash makes a new one.

    Args:
        memory_kib: Memory of one hash, in KiB.
        iterations: Passes over that memory.
        workers: Hashes that run at the same time; by default one per processor.
        queue_limit: Callers that may wait for a worker; the next one is refused.
        firebase_signer_key: The base64 text in the Firebase console under the password hash parameters, where
            users were imported from there.
    Raises:
        ConfigurationError: Parameters under the floor or over the ceiling (security PW-1, SC-8).
    """

    def __init__(
        self,
        *,
        memory_kib: int = FLOOR_MEMORY_KIB,
        iterations: int = FLOOR_ITERATIONS,
        workers: int | None = None,
        queue_limit: int = 256,
        firebase_signer_key: str | None = None,
    ) -> None:
        _check_range("memory_kib", memory_kib, FLOOR_MEMORY_KIB, MAX_MEMORY_KIB)
        _check_range("iterations", iterations, FLOOR_ITERATIONS, MAX_ITERATIONS)
        self._memory_kib = memory_kib
        self._iterations = iterations
        self._workers = _processors() if workers is None else workers
        _check_range("workers", self._workers, 1, 1024)
        _check_memory_of_pool(self._workers, memory_kib)
        _check_range("queue_limit", queue_limit, 0, 100_000)
        self._firebase_signer_key = _signer_key(firebase_signer_key)
        self._places = self._workers + queue_limit
        self._taken = 0
        self._lock = threading.Lock()  # places are given back by the workers' threads
        self._pool: ThreadPoolExecutor | None = None
        self._telemetry = Telemetry(enabled=False)

    def report_to(self, telemetry: Telemetry) -> None:
        """Called by `Watchword`: whom to tell how long hashes wait and take."""
        self._telemetry = telemetry

    @property
    def running(self) -> int:
        """How many hashes are at work."""
        return min(self._taken, self._workers)

    @property
    def waiting(self) -> int:
        """How many hashes wait for a worker."""
        return max(0, self._taken - self._workers)

    async def hash(self, password: str) -> str:
        """A new Argon2id hash in PHC form, with a random 16-byte salt.

        Raises:
            BadInput: The password is longer than 1,024 bytes or not encodable as UTF-8 (security PW-7).
            Overloaded: The queue is full, or there is no memory for the hash.
        """
        try:
            data = password.encode()
        except UnicodeEncodeError:
            raise BadInput("password", "The password has characters that cannot be used") from None
        if len(data) > _MAX_PASSWORD_BYTES:
            raise BadInput("password", f"The password is longer than {_MAX_PASSWORD_BYTES} bytes")
        return await self._run(lambda: self._hash(data))

    async def verify(self, password: str, password_hash: str | None) -> None:
        """Return if the password belongs to the hash.

        Without a hash (unknown user, user without password) the same work is done for nothing, with the
        configured parameters and through the same queue, so that time does not tell who exists (EN-2).

        Args:
            password: As it was typed.
            password_hash: An Argon2id hash in PHC form, one that was imported, or `None`.
        Raises:
            PasswordMismatch: Wrong password, no hash, or a hash this class cannot read (which is logged).
            Overloaded: The queue is full, or there is no memory for the hash.
        """
        # An attacker may send lone surrogates; no stored hash was made from such bytes, so they never match.
        data = password.encode("utf-8", "surrogatepass")
        if not await self._run(lambda: self._matches(data, password_hash)):
            raise PasswordMismatch

    def refuse_when_full(self) -> None:
        """Raise `Overloaded` when a hash would be refused now: asked before a lookup that would be in vain.

        No place is kept, so the hash itself may still be refused, for everybody alike (security PW-6).
        """
        with self._lock:
            if self._taken >= self._places:
                raise Overloaded("password hashing")

    def needs_rehash(self, password_hash: str) -> bool:
        """Whether the hash is weaker than what is configured now, or of another kind (security PW-2)."""
        try:
            parsed = parse_argon2id(password_hash)
        except UnsupportedHash:
            return True
        return (
            parsed.memory_kib < self._memory_kib or parsed.iterations < self._iterations or len(parsed.tag) < _TAG_BYTES
        )

    def check_importable(self, password_hash: str) -> None:
        """Refuse a hash of another system that could not be verified at a sign-in (security PW-3, PW-5).

        Raises:
            UnsupportedHash: Malformed, of a kind that is not known, too costly; the text holds no part of it.
        """
        self._read(password_hash)

    def stop(self) -> None:
        """End the pool; hashes that run or wait are still finished and answered."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False)

    async def _run(self, work: Callable[[], _Result]) -> _Result:
        """Run in the pool and tell how long it waited and took."""
        turn = _Turn()
        with self._telemetry.operation("hash password") as operation:
            result = await self._submit(lambda: turn.take(work))
            operation.note("watchword.hashing.wait_seconds", turn.waited_seconds)
        self._telemetry.record(HASHING_WAIT, turn.waited_seconds)
        self._telemetry.record(HASHING, turn.worked_seconds)
        return result

    async def _submit(self, work: Callable[[], _Result]) -> _Result:
        """Run in the pool, or refuse at once when all places are taken (security PW-6)."""
        with self._lock:
            if self._taken >= self._places:
                raise Overloaded("password hashing")
            if self._pool is None:
                self._pool = ThreadPoolExecutor(self._workers, "watchword-password", initializer=_give_way)
            try:
                future = self._pool.submit(work)
            except RuntimeError:  # no memory for another thread
                raise Overloaded("password hashing") from None
            self._taken += 1
        # Runs when the work ends, and also when a waiting caller is cancelled before its turn.
        future.add_done_callback(self._give_place_back)
        return await asyncio.wrap_future(future)

    def _give_place_back(self, _: "Future[_Result]") -> None:
        with self._lock:
            self._taken -= 1

    def _hash(self, password: bytes) -> str:
        try:
            phc: bytes = crypto_pwhash_str_alg(
                password, self._iterations, self._memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13
            )
        except RuntimeError:  # libsodium has one failure only: it got no memory
            raise Overloaded("password hashing") from None
        return phc.decode("ascii")

    def _matches(self, password: bytes, password_hash: str | None) -> bool:
        try:
            stored = None if password_hash is None else self._read(password_hash)
        except UnsupportedHash as error:
            _log.error("a stored password hash cannot be verified: %s", error)  # never the hash itself
            stored = None
        if stored is None:
            salt = secrets.token_bytes(crypto_pwhash_SALTBYTES)
            _derive(password, salt, self._iterations, self._memory_kib, _TAG_BYTES)
            return False
        if not isinstance(stored, Argon2idHash):
            return stored.matches(password)
        tag = _derive(password, stored.salt, stored.iterations, stored.memory_kib, len(stored.tag))
        return hmac.compare_digest(tag, stored.tag)

    def _read(self, password_hash: str) -> Argon2idHash | ImportedHash:
        """A hash of ours, or one that was imported; raises `UnsupportedHash`."""
        try:
            return parse_argon2id(password_hash)
        except UnsupportedHash:
            return parse_imported(password_hash, self._firebase_signer_key)


class _Turn:
    """How long a hash waited for a worker, and how long it took."""

    def __init__(self) -> None:
        self._asked = time.perf_counter()
        self.waited_seconds = 0.0
        self.worked_seconds = 0.0

    def take(self, work: Callable[[], _Result]) -> _Result:
        """Do the work; called by the worker."""
        began = time.perf_counter()
        self.waited_seconds = began - self._asked
        try:
            return work()
        finally:
            self.worked_seconds = time.perf_counter() - began


def _derive(password: bytes, salt: bytes, iterations: int, memory_kib: int, tag_bytes: int) -> bytes:
    # Not libsodium's own "verify": it answers "wrong password" also when it gets no memory.
    try:
        tag: bytes = crypto_pwhash_alg(
            tag_bytes, password, salt, iterations, memory_kib * 1024, crypto_pwhash_ALG_ARGON2ID13
        )
    except RuntimeError:
        raise Overloaded("password hashing") from None
    return tag


def _processors() -> int:
    """How many processors this process may use; a container often has fewer than the machine."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _signer_key(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise ConfigurationError(
            "password_hasher.firebase_signer_key", "is not base64; copy base64_signer_key from the Firebase console"
        ) from None


def _give_way() -> None:
    """Let the event loop go first where a hash wants the same processor: other requests do not wait for sign-ins."""
    if sys.platform == "linux":  # where each thread has a niceness of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICENESS)


def _check_range(setting: str, value: int, floor: int, ceiling: int) -> None:
    if not floor <= value <= ceiling:
        raise ConfigurationError(
            f"password_hasher.{setting}", f"is {value}; set a value from {floor} to {ceiling}, or leave it out"
        )


def _check_memory_of_pool(workers: int, memory_kib: int) -> None:
    """Refuse a pool that could take more than half of the machine's memory (security SC-8)."""
    if not hasattr(os, "sysconf"):
        return
    machine_kib = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 1024
    if workers * memory_kib > machine_kib // 2:
        raise ConfigurationError(
            "password_hasher.workers",
            f"{workers} workers with {memory_kib} KiB each could take more than half of this machine's memory "
            f"({machine_kib} KiB); set fewer workers or a smaller memory_kib",
        )
