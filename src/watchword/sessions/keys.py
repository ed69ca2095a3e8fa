"""The keys that sign access tokens: made once, rotated with a head start, sealed at rest, published as JWKS.

Source: FDI 5.4; security JW-6, JW-7, JW-10. Signing and JWKS look into the database once a minute, and
whoever looks when the next key is due makes it; verifying never does while the key is known.
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from watchword.audit.events import EventLog, SecurityEvent, Unlogged
from watchword.clock import Clock
from watchword.crypto.jwt import SigningKey, VerificationKey, generate_signing_key
from watchword.crypto.sealing import SealBroken, SecretRing
from watchword.database.database import Database, Row, Transaction
from watchword.database.statements import Statement
from watchword.errors import ConfigurationError, Overloaded, StorageUnavailable
from watchword.http.json import decode_json_object, encode_json
from watchword.sessions.key_schedule import KeyPlace, KeySchedule

log = logging.getLogger(__name__)

_PURPOSE = "signing_key"
#: An unknown `kid` causes one reload in this time for the whole process, however many come (security JW-6).
_UNKNOWN_KEY_INTERVAL_MS = 10_000
_WRONG_SECRET = (
    "does not open the signing keys in the database; set the secret they were sealed with, as the last entry of a "
    "list behind the new one while it is being changed"
)


@dataclass(frozen=True, slots=True)
class _StoredKey:
    """A key as the database has it."""

    place: KeyPlace
    withdrawn_at_ms: int | None
    sealed: bytes = field(repr=False)
    public_jwk: dict[str, Any]
    verification_key: VerificationKey

    def is_live(self, now_ms: int) -> bool:
        """Whether a token signed with it may still be alive."""
        return self.withdrawn_at_ms is None or now_ms <= self.withdrawn_at_ms


class SigningKeys:
    """An app's signing keys. `start` before use.

    Args:
        db: Where they are kept.
        app_id: Whose they are.
        clock: Tells the time.
        secrets: Seals the private halves.
        schedule: When which key signs.
        audit: Hears of keys that are made or sealed anew.
    """

    def __init__(
        self,
        *,
        db: Database,
        app_id: str,
        clock: Clock,
        secrets: SecretRing,
        schedule: KeySchedule,
        audit: EventLog | None = None,
    ) -> None:
        self._db = db
        self._app_id = app_id
        self._clock = clock
        self._secrets = secrets
        self.schedule = schedule
        self._audit = audit or Unlogged()
        self._keys: dict[str, _StoredKey] = {}
        self._opened: dict[str, SigningKey | None] = {}
        self._looked_at_ms: int | None = None
        self._asked_for_unknown_at_ms: int | None = None
        self._lock = asyncio.Lock()

    async def start(self) -> None:
        """Load the keys, and make the first one.

        Raises:
            ConfigurationError: The configured secret does not open them.
            StorageUnavailable: The database does not answer.
        """
        async with self._lock:
            await self._look()
            await self.get_signing_key()
            await self._seal_anew()

    async def get_signing_key(self) -> SigningKey:
        """The key that signs now. Never call it inside a transaction: it may ask the database."""
        await self._look_if_stale()
        now_ms = self._clock.now_ms()
        for place in self.schedule.candidates(self._places(), now_ms):
            key = self._find_opened(place)
            if key is not None:
                return key
        raise ConfigurationError("secret", _WRONG_SECRET)

    def knows(self, kid: str) -> bool:
        """Whether tokens of this key may still be alive; no I/O."""
        key = self._keys.get(kid)
        return key is not None and (key.withdrawn_at_ms is None or key.is_live(self._clock.now_ms()))

    def find_verification_key(self, kid: str) -> VerificationKey | None:
        """A key whose tokens may still be alive; no I/O."""
        return self._keys[kid].verification_key if self.knows(kid) else None

    async def reload_for_unknown(self, kid: str) -> None:
        """Look for a key that another process may have made; at most once in ten seconds."""
        async with self._lock:
            now_ms = self._clock.now_ms()
            asked_at_ms = self._asked_for_unknown_at_ms
            if kid in self._keys or (asked_at_ms is not None and abs(now_ms - asked_at_ms) < _UNKNOWN_KEY_INTERVAL_MS):
                return
            self._asked_for_unknown_at_ms = now_ms
            await self._load()

    async def get_jwks(self) -> dict[str, Any]:
        """The public keys of all tokens that may be alive, and of those to come. Source: RFC 7517; FDI 5.4."""
        await self._look_if_stale()
        now_ms = self._clock.now_ms()
        return {"keys": [dict(key.public_jwk) for key in self._keys.values() if key.is_live(now_ms)]}

    def longest_token_life_ms(self) -> int:
        """How long a token of any of these keys may live: more than the setting when that was made shorter."""
        return max((place.token_validity_ms for place in self._places()), default=self.schedule.token_validity_ms)

    def _places(self) -> list[KeyPlace]:
        return [key.place for key in self._keys.values()]

    def _find_opened(self, place: KeyPlace) -> SigningKey | None:
        """The private key, opened once; `None` when a process that knows a newer secret has sealed it.

        Then the key before it still signs here, and its tokens verify everywhere.
        """
        if place.kid not in self._opened:
            try:
                der = self._secrets.open(_PURPOSE, self._keys[place.kid].sealed, self._bound_to(place.kid))
            except SealBroken:
                log.error("signing key %s is sealed with a secret that this process does not have", place.kid)  # noqa: TRY400 # the trace says nothing more
                self._opened[place.kid] = None
            else:
                self._opened[place.kid] = SigningKey.from_bytes(place.algorithm, place.kid, der)
        return self._opened[place.kid]

    def _bound_to(self, kid: str) -> bytes:
        return encode_json([self._app_id, kid])

    async def _look_if_stale(self) -> None:
        now_ms = self._clock.now_ms()
        if not self._is_stale(now_ms) or (self._keys and self._lock.locked()):
            return  # somebody else is looking already, and the keys at hand still serve
        async with self._lock:
            if not self._is_stale(now_ms):
                return
            try:
                await self._look()
            except (StorageUnavailable, Overloaded):
                if not self._keys:
                    raise
                log.warning("the signing keys could not be looked up; going on with those at hand")

    def _is_stale(self, now_ms: int) -> bool:
        # The distance, not the difference: a clock that was put back must not stop the looking.
        return self._looked_at_ms is None or abs(now_ms - self._looked_at_ms) >= self.schedule.look_every_ms

    async def _look(self) -> None:
        """Load the keys, and make the one that is due."""
        self._looked_at_ms = self._clock.now_ms()
        await self._load()
        due = self.schedule.due(self._places(), self._clock.now_ms())
        if due is not None:
            await self._make(due)
            await self._load()
        if any(place.token_validity_ms < self.schedule.token_validity_ms for place in self._places()):
            await self._keep_longer()

    async def _load(self) -> None:
        rows = await self._db.list(LIST_KEYS, app_id=self._app_id)
        places = [_place(row) for row in rows]
        self._keys = {row["kid"]: self._stored_key(row, place, places) for row, place in zip(rows, places, strict=True)}

    def _stored_key(self, row: Row, place: KeyPlace, places: Sequence[KeyPlace]) -> _StoredKey:
        withdrawn_at_ms = self.schedule.withdrawn_at_ms(place, places)
        known = self._keys.get(place.kid)
        if known is not None:
            return replace(known, place=place, withdrawn_at_ms=withdrawn_at_ms)
        public_jwk = decode_json_object(row["public_jwk"].encode(), "public_jwk")
        sealed = bytes(row["sealed_private_key"])
        return _StoredKey(place, withdrawn_at_ms, sealed, public_jwk, VerificationKey.from_jwk(public_jwk))

    async def _make(self, place: KeyPlace) -> None:
        key = await asyncio.to_thread(generate_signing_key, place.algorithm, place.kid)
        sealed = self._secrets.seal(_PURPOSE, key.to_bytes(), self._bound_to(place.kid))
        values: dict[str, Any] = {
            "app_id": self._app_id,
            "kid": place.kid,
            "kind": place.kind,
            "algorithm": place.algorithm,
            "slot": place.slot,
            "sealed_private_key": sealed,
            "public_jwk": encode_json(key.public_jwk).decode(),
            "created_at_ms": self._clock.now_ms(),
            "signs_from_ms": place.signs_from_ms,
            "token_validity_ms": place.token_validity_ms,
        }
        made = SecurityEvent(
            "signing_key_made",
            facts={"kid": place.kid, "algorithm": place.algorithm, "signs_from_ms": place.signs_from_ms},
        )
        if await self._db.write(partial(self._execute_and_record, INSERT_KEY, values, made)):
            log.info("signing key %s made, signs from %s ms", place.kid, place.signs_from_ms)

    async def _seal_anew(self) -> None:
        """Seal under the newest secret what an older one sealed: a static key would need that one for ever."""
        for kid, stored in list(self._keys.items()):
            key, seen = self._opened.get(kid), stored.sealed
            if key is None or self._secrets.is_newest(seen):
                continue
            sealed = self._secrets.seal(_PURPOSE, key.to_bytes(), self._bound_to(kid))
            names = {"app_id": self._app_id, "kid": kid, "seen": seen, "sealed": sealed}
            resealed = SecurityEvent("secret_resealed", facts={"kid": kid})
            await self._db.write(partial(self._execute_and_record, RESEAL_KEY, names, resealed))

    async def _execute_and_record(
        self, statement: Statement, parameters: dict[str, Any], event: SecurityEvent, tx: Transaction
    ) -> int:
        changed = await tx.execute(statement, **parameters)
        if changed:  # of several processes that do the same, one has done it
            await self._audit.record(tx, event)
        return changed

    async def _keep_longer(self) -> None:
        """Tokens live longer than they did: so do the keys that verify them."""
        values = {"app_id": self._app_id, "token_validity_ms": self.schedule.token_validity_ms}
        await self._db.write(partial(_execute, KEEP_KEYS_LONGER, values))
        await self._load()


async def _execute(statement: Statement, parameters: dict[str, Any], tx: Transaction) -> int:
    return await tx.execute(statement, **parameters)


def _place(row: Row) -> KeyPlace:
    return KeyPlace(
        kid=row["kid"],
        kind=row["kind"],
        algorithm=row["algorithm"],
        slot=row["slot"],
        signs_from_ms=row["signs_from_ms"],
        token_validity_ms=row["token_validity_ms"],
    )


# Keys are few (one a week) and never change, but for the life of their tokens.
LIST_KEYS = Statement("""
    select kid, kind, algorithm, slot, sealed_private_key, public_jwk, signs_from_ms, token_validity_ms
      from {signing_keys}
     where app_id = :app_id
     order by signs_from_ms, slot
""")

# Of several processes that make the same key, the first one wins and all of them use what is stored then.
INSERT_KEY = Statement("""
    insert into {signing_keys} (app_id, kid, kind, algorithm, slot, sealed_private_key, public_jwk,
                                created_at_ms, signs_from_ms, token_validity_ms)
    values (:app_id, :kid, :kind, :algorithm, :slot, :sealed_private_key, :public_jwk,
            :created_at_ms, :signs_from_ms, :token_validity_ms)
    on conflict (app_id, kind, algorithm, slot) do nothing
""")

RESEAL_KEY = Statement("""
    update {signing_keys} set sealed_private_key = :sealed
     where app_id = :app_id and kid = :kid and sealed_private_key = :seen
""")

KEEP_KEYS_LONGER = Statement("""
    update {signing_keys} set token_validity_ms = :token_validity_ms
     where app_id = :app_id and token_validity_ms < :token_validity_ms
""")
