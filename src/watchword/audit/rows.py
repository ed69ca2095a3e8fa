"""An event as a row: what is written, the marks on it, and what is read."""

import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from watchword.audit.events import Fact, SecurityEvent
from watchword.audit.marks import ChainKey, new_salt, personal_hash
from watchword.database.database import Row
from watchword.database.statements import Statement
from watchword.http.json import decode_json_object, encode_json

_LONGEST_TEXT = 500
_counter_bits = 24


class EventIds:
    """Ids that sort by time, and within one millisecond of one process in the order in which they were made."""

    def __init__(self) -> None:
        self._count = itertools.count(secrets.randbits(_counter_bits - 1))

    def make(self, at_ms: int) -> str:
        """32 hexadecimal characters: 12 of the time, 6 of a count, 14 at random."""
        count = next(self._count) % (1 << _counter_bits)
        return f"{first_event_id(at_ms)}{count:06x}{secrets.token_hex(7)}"


def first_event_id(at_ms: int) -> str:
    """What sorts before every id of this moment and behind every earlier one."""
    return f"{min(max(at_ms, 0), (1 << 48) - 1):012x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """A security event as stored.

    Attributes:
        id: Sorts by time; the same on every reading.
        kind: What happened, an `EventKind`.
        at_ms: When, by the clock of the process where it happened; milliseconds since the epoch.
        tenant_id: Where.
        user_id: Whom it concerns; `None` also when the person was erased.
        handle: Which session it concerns.
        address: Of the client that caused it, or its network.
        reason: Words of a person.
        facts: Further details.
        is_erased: Whether a person was taken out of it.
        seq: Its place in the chain; `None` in the first moments, until it has one.
    """

    id: str
    kind: str
    at_ms: int
    tenant_id: str
    user_id: str | None
    handle: str | None
    address: str | None
    reason: str | None
    facts: dict[str, Fact]
    is_erased: bool
    seq: int | None

    @classmethod
    def from_row(cls, row: Row) -> "AuditEvent":
        """The event in a row of the columns `EVENT_COLUMNS`."""
        return cls(
            id=row["event_id"],
            kind=row["kind"],
            at_ms=row["at_ms"],
            tenant_id=row["tenant_id"],
            user_id=row["user_id"],
            handle=row["handle"],
            address=row["address"],
            reason=row["reason"],
            facts=decode_json_object(row["facts"].encode(), "facts"),
            is_erased=row["erased_mac"] is not None,
            seq=row["seq"],
        )


def new_row(key: ChainKey, app_id: str, event_id: str, at_ms: int, event: SecurityEvent) -> dict[str, Any]:
    """The parameters of `INSERT_EVENT`. `event.address` is stored as it is given."""
    salt, user_id, address, reason = new_salt(), _clean(event.user_id), _clean(event.address), _clean(event.reason)
    row: dict[str, Any] = {
        "app_id": app_id,
        "event_id": event_id,
        "kind": event.kind,
        "at_ms": at_ms,
        "tenant_id": _clean(event.tenant_id),
        "handle": _clean(event.handle),
        "facts": encode_json({name: _clean_fact(value) for name, value in event.facts.items()}).decode(),
        "user_id": user_id,
        "address": address,
        "reason": reason,
        "salt": salt,
        "personal_hash": personal_hash(salt, user_id, address, reason),
    }
    return {**row, "mac": mark_of(key, app_id, row)}


def mark_of(key: ChainKey, app_id: str, row: Mapping[str, Any] | Row) -> bytes:
    """The mark that an event must carry."""
    return key.mark("event", app_id, *(row[column] for column in _MARKED[:-1]), bytes(row["personal_hash"]))


def hash_of_personal(row: Row) -> bytes:
    """The hash that must stand in a row that was not erased."""
    return personal_hash(bytes(row["salt"]), row["user_id"], row["address"], row["reason"])


def _clean(text: str | None) -> str | None:
    """Text that every database can hold, at most 500 characters: an event is never lost for a character in it."""
    if text is None:
        return None
    return text[:_LONGEST_TEXT].replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _clean_fact(value: Fact) -> Fact:
    return _clean(value) if isinstance(value, str) else value


_MARKED = ("event_id", "kind", "at_ms", "tenant_id", "handle", "facts", "personal_hash")

EVENT_COLUMNS = "event_id, kind, at_ms, tenant_id, handle, facts, user_id, address, reason, erased_mac, seq"

# Stored again after an outage in which nobody knows whether it was: then it is there once.
INSERT_EVENT = Statement("""
    insert into {audit_events} (app_id, event_id, kind, at_ms, tenant_id, handle, facts,
                                user_id, address, reason, salt, personal_hash, mac)
    values (:app_id, :event_id, :kind, :at_ms, :tenant_id, :handle, :facts,
            :user_id, :address, :reason, :salt, :personal_hash, :mac)
        on conflict (app_id, event_id) do nothing
""")
