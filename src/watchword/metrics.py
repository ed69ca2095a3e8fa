"""Which number of which room each metric reads, whenever somebody collects."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from watchword.clock import Clock
from watchword.crypto.passwords import PasswordHasher
from watchword.database.database import Database
from watchword.delivery.outbox import Outbox
from watchword.fdi.outcomes import Outcomes
from watchword.protection.limits import Limits
from watchword.sessions.engine import SessionEngine
from watchword.telemetry import instruments as metric
from watchword.telemetry.instruments import Reading
from watchword.telemetry.telemetry import Telemetry

#: The conventions want a name, to tell pools of one process apart.
_POOL = {"db.client.connection.pool.name": "watchword"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The rooms that have numbers."""

    clock: Clock
    db: Database
    limits: Limits
    outbox: Outbox
    outcomes: Outcomes
    passwords: PasswordHasher
    sessions: SessionEngine

    def show(self, telemetry: Telemetry) -> None:
        """Have all of them read. Each is a plain attribute: collecting waits for nobody and asks no database."""
        sessions = self.sessions
        telemetry.observe(metric.SIGN_INS, self.outcomes.sign_ins)
        telemetry.observe(metric.SIGN_UPS, self.outcomes.sign_ups)
        telemetry.observe(metric.REFRESHES, lambda: _by("watchword.decision", sessions.counts.refreshes))
        telemetry.observe(metric.VERIFIED, self._verified)
        telemetry.observe(metric.CREATED, lambda: [(sessions.counts.created, {})])
        telemetry.observe(metric.REVOKED, lambda: [(sessions.feed.announced, {})])
        telemetry.observe(metric.SWEPT, lambda: [(sessions.counts.swept, {})])
        telemetry.observe(metric.FEED_AGE, lambda: _known(sessions.feed.find_age_seconds()))
        telemetry.observe(metric.LIMITED, lambda: _by("watchword.limit", self.limits.refused))
        telemetry.observe(metric.HASHES_RUNNING, lambda: [(self.passwords.running, {})])
        telemetry.observe(metric.HASHES_WAITING, lambda: [(self.passwords.waiting, {})])
        telemetry.observe(metric.CONNECTIONS, self._connections)
        telemetry.observe(metric.CONNECTIONS_MAX, lambda: [(self.db.usage().most, _POOL)])
        telemetry.observe(metric.CONNECTIONS_AWAITED, lambda: [(self.db.usage().waiting, _POOL)])
        telemetry.observe(metric.MAILS_WAITING, self._mails_waiting)
        telemetry.observe(metric.MAILS_DEAD, self._mails_dead)
        telemetry.observe(metric.OLDEST_MAIL, self._oldest_mail)

    def _verified(self) -> Iterable[Reading]:
        verified = self.sessions.verified
        return [(verified.hits, {"watchword.cache": "hit"}), (verified.misses, {"watchword.cache": "miss"})]

    def _connections(self) -> Iterable[Reading]:
        usage, state = self.db.usage(), "db.client.connection.state"
        return [(usage.used, {**_POOL, state: "used"}), (usage.idle, {**_POOL, state: "idle"})]

    def _mails_waiting(self) -> Iterable[Reading]:
        progress = self.outbox.progress
        return [] if progress is None else [(progress.waiting, {})]

    def _mails_dead(self) -> Iterable[Reading]:
        progress = self.outbox.progress
        return [] if progress is None else [(progress.dead, {})]

    def _oldest_mail(self) -> Iterable[Reading]:
        progress = self.outbox.progress
        if progress is None:
            return []
        since_ms = progress.oldest_waiting_since_ms
        return [(0.0 if since_ms is None else max(0, self.clock.now_ms() - since_ms) / 1000, {})]


def _by(label: str, counts: Mapping[str, int]) -> Iterable[Reading]:
    return [(number, {label: name.lower()}) for name, number in list(counts.items())]


def _known(value: float | None) -> Iterable[Reading]:
    return [] if value is None else [(value, {})]
