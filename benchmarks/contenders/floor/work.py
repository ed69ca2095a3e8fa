"""What cannot be left out of each operation, straight on the fastest libraries; over HTTP and inside a process.

No limits, no second statement, no check of anything but what the operation is about: a real product does more.
"""

import hashlib
import json
import secrets
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt,
    crypto_pwhash_alg,
    crypto_pwhash_ALG_ARGON2ID13,
)

from benchmarks.contenders.serving import HASH_ITERATIONS, HASH_MEMORY_KIB
from watchword.crypto.base64url import decode_base64url, encode_base64url

TABLES = (
    "create table people (email text primary key, salt bytea not null, tag bytea not null)",
    "create table live (handle text primary key, email text not null, token bytea not null)",
)
INSERT_PERSON = "insert into people values ($1, $2, $3)"
FIND_PERSON = "select salt, tag from people where email = $1"
INSERT_SESSION = "insert into live values ($1, $2, $3)"
CHANGE_SESSION = "update live set token = $3 where handle = $1 and token = $2 returning email"
DELETE_SESSION = "delete from live where handle = $1"


class Store(Protocol):
    """One statement, committed; its first row."""

    async def run(self, sql: str, *values: Any) -> Any:
        """Run it."""
        ...


class SqliteStore:
    """SQLite with durable commits, on the event loop: no hop to a thread is cheaper than any."""

    def __init__(self, path: str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = wal", "synchronous = full", "busy_timeout = 5000"):
            self._connection.execute(f"pragma {pragma}").fetchall()

    async def run(self, sql: str, *values: Any) -> Any:
        """One statement is one transaction."""
        numbered = sql.replace("$", "?")
        return self._connection.execute(numbered, values).fetchone()

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()


class PostgresStore:
    """A pool of asyncpg; one statement is one transaction and one round trip."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def run(self, sql: str, *values: Any) -> Any:
        """Run it."""
        async with self._pool.acquire() as connection:
            return await connection.fetchrow(sql, *values)


@dataclass(slots=True)
class Tokens:
    """What a session gives its client."""

    access: str
    refresh: str


class Floor:
    """The operations."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._key = generate_private_key(65_537, 2_048)
        self._public = self._key.public_key()
        self._seal = secrets.token_bytes(32)
        self._header = encode_base64url(b'{"typ":"JWT","version":"5","gen":1,"alg":"RS256","kid":"d-0123456789"}')
        self.hashing = ThreadPoolExecutor(2)

    async def make_tables(self) -> None:
        """Two tables, one for people and one for sessions."""
        for table in TABLES:
            await self.store.run(table)

    async def sign_up(self, email: str, password: str, run_in_thread: Any) -> Tokens:
        """Hash, one row, one signature."""
        salt = secrets.token_bytes(16)
        tag = await run_in_thread(hash_password, password, salt)
        await self.store.run(INSERT_PERSON, email, salt, tag)
        return self.new_tokens(email, secrets.token_urlsafe(16))[0]

    async def sign_in(self, email: str, password: str, run_in_thread: Any) -> Tokens:
        """Read, hash, one row, one signature."""
        salt, tag = await self.store.run(FIND_PERSON, email)
        if await run_in_thread(hash_password, password, bytes(salt)) != bytes(tag):
            raise PermissionError(email)
        handle = secrets.token_urlsafe(16)
        tokens, stored = self.new_tokens(email, handle)
        await self.store.run(INSERT_SESSION, handle, email, stored)
        return tokens

    def verify(self, token: str) -> str:
        """The bare signature check, and who it is."""
        signed, _, signature = token.rpartition(".")
        self._public.verify(decode_base64url(signature), signed.encode(), PKCS1v15(), SHA256())
        return json.loads(decode_base64url(signed.partition(".")[2]))["sub"]

    async def refresh(self, token: str) -> Tokens:
        """Unseal, one conditional update, commit, one signature."""
        sealed = decode_base64url(token)
        plain = crypto_aead_xchacha20poly1305_ietf_decrypt(sealed[24:], b"", sealed[:24], self._seal)
        handle = json.loads(plain)["handle"]
        refresh = self._new_refresh_token(handle)
        row = await self.store.run(CHANGE_SESSION, handle, _stored(token), _stored(refresh))
        if row is None:
            raise PermissionError(handle)
        return Tokens(self._sign(row[0], handle, refresh), refresh)

    async def sign_out(self, token: str) -> None:
        """One signature check and one row less."""
        self.verify(token)
        handle = json.loads(decode_base64url(token.split(".")[1]))["sessionHandle"]
        await self.store.run(DELETE_SESSION, handle)

    def new_tokens(self, email: str, handle: str) -> tuple[Tokens, bytes]:
        """The tokens of a session, and what is stored of the refresh token."""
        refresh = self._new_refresh_token(handle)
        return Tokens(self._sign(email, handle, refresh), refresh), _stored(refresh)

    def _new_refresh_token(self, handle: str) -> str:
        plain = json.dumps({"handle": handle, "id": secrets.token_hex(32)}).encode()
        nonce = secrets.token_bytes(24)
        return encode_base64url(nonce + crypto_aead_xchacha20poly1305_ietf_encrypt(plain, b"", nonce, self._seal))

    def _sign(self, email: str, handle: str, refresh_token: str) -> str:
        now = int(time.time())
        claims = {"sub": email, "sessionHandle": handle, "iat": now, "exp": now + 3_600, "iss": "http://localhost/auth"}
        claims |= {"refreshTokenHash1": _stored(refresh_token).hex(), "rsub": email, "tId": "public"}
        signed = f"{self._header}.{encode_base64url(json.dumps(claims).encode())}"
        return f"{signed}.{encode_base64url(self._key.sign(signed.encode(), PKCS1v15(), SHA256()))}"


def hash_password(password: str, salt: bytes) -> bytes:
    """Argon2id as everybody here has it, by the fastest library for Python."""
    memory = HASH_MEMORY_KIB * 1024
    return crypto_pwhash_alg(32, password.encode(), salt, HASH_ITERATIONS, memory, crypto_pwhash_ALG_ARGON2ID13)


def _stored(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
