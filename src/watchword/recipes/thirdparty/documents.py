"""What a provider publishes, discovery document and keys, kept for a while. Source: security SS-2, SS-5, JW-6."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, cast

from watchword.clock import Clock
from watchword.http.client import JsonAnswer
from watchword.recipes.thirdparty.errors import ProviderFailed

T = TypeVar("T")

_FLOOR_MS = 300_000  # 5 min, however little the provider says
_CEILING_MS = 86_400_000  # a day, however much it says
_USUAL_MS = 3_600_000
_STALE_MS = 86_400_000  # an old document serves this much longer while the provider cannot be asked
_RETRY_MS = 30_000  # after a failed refresh, nobody waits for the next attempt sooner
_RELOAD_MS = 10_000  # at most one reload for an unknown key in this time


class UnusableDocument(Exception):
    """The provider answered, but not with what the document must hold; the message is for the log."""


class Fetch(Protocol):
    """How a document is asked for."""

    def __call__(self, url: str, /) -> Awaitable[JsonAnswer]:
        """Ask for the document at this URL. Raises `ProviderFailed`."""
        ...


@dataclass(slots=True)
class _Entry:
    value: Any
    fetched_at_ms: int
    fresh_ms: int
    tried_at_ms: int


class Documents:
    """The documents of one provider, by URL; each is parsed and checked before it is kept.

    A refresh that fails, or that brings a document the check refuses, keeps the old one for a day: the
    provider's bad hour is not ours. One caller at a time fetches, the others take what it brought.
    """

    def __init__(self, fetch: Fetch, clock: Clock) -> None:
        self._fetch = fetch
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def get(self, url: str, parse: Callable[[dict[str, Any]], T]) -> T:
        """The document, as `parse` made it: from memory while fresh, else fetched.

        Args:
            url: From configuration, or from a document that was checked.
            parse: Checks and converts; raises `UnusableDocument`.

        Raises:
            ProviderFailed: There is none, not even an old one.
            UnusableDocument: The same, and the provider's answer is to blame.
        """
        entry = self._entries.get(url)
        if entry is not None and self._is_fresh(entry):
            return cast("T", entry.value)
        async with self._locks.setdefault(url, asyncio.Lock()):
            entry = self._entries.get(url)
            if entry is not None and self._is_fresh(entry):  # somebody else fetched while this one waited
                return cast("T", entry.value)
            try:
                return await self._load(url, parse)
            except (ProviderFailed, UnusableDocument):
                if entry is None or not self._is_usable(entry):
                    raise
                entry.tried_at_ms = self._clock.now_ms()
                return cast("T", entry.value)

    async def reload(self, url: str, parse: Callable[[dict[str, Any]], T]) -> T:
        """The document again, because a key is missing from it; asked for at most once in 10 s.

        Anybody can send tokens with invented key ids, so their number must not become the number of
        fetches (security JW-6). Raises as `get` does.
        """
        async with self._locks.setdefault(url, asyncio.Lock()):
            entry = self._entries.get(url)
            if entry is not None:
                if self._age_ms(entry.tried_at_ms) < _RELOAD_MS:
                    return cast("T", entry.value)
                entry.tried_at_ms = self._clock.now_ms()
            try:
                return await self._load(url, parse)
            except (ProviderFailed, UnusableDocument):
                if entry is None or not self._is_usable(entry):
                    raise
                return cast("T", entry.value)

    async def _load(self, url: str, parse: Callable[[dict[str, Any]], T]) -> T:
        answer = await self._fetch(url)
        body: Any = answer.body
        if answer.status != 200 or not isinstance(body, dict):
            raise UnusableDocument(f"no document at its URL (status {answer.status})")
        value = parse(cast("dict[str, Any]", body))
        now_ms = self._clock.now_ms()
        self._entries[url] = _Entry(value, now_ms, _fresh_ms(answer), now_ms)
        return value

    def _is_fresh(self, entry: _Entry) -> bool:
        if self._age_ms(entry.fetched_at_ms) < entry.fresh_ms:
            return True
        return self._age_ms(entry.tried_at_ms) < _RETRY_MS and self._is_usable(entry)

    def _is_usable(self, entry: _Entry) -> bool:
        return self._age_ms(entry.fetched_at_ms) < entry.fresh_ms + _STALE_MS

    def _age_ms(self, moment_ms: int) -> int:
        # After a clock was set back, the distance still bounds how long a document is kept.
        return abs(self._clock.now_ms() - moment_ms)


def _fresh_ms(answer: JsonAnswer) -> int:
    for directive in answer.headers.get("cache-control", "").lower().split(","):
        name, _, seconds = directive.strip().partition("=")
        if name == "max-age" and seconds.isascii() and seconds.isdigit():
            return min(max(int(seconds[:9]) * 1000, _FLOOR_MS), _CEILING_MS)
        if name in ("no-store", "no-cache"):
            return _FLOOR_MS
    return _USUAL_MS
