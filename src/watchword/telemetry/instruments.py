"""Every metric there is: its name, unit and meaning. Names by OpenTelemetry's conventions where it has one.

`http.server.request.duration` is left to the instrumentation of the framework, which sees our routes as well;
ours is `watchword.request.duration`, which knows the outcome.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Reading = tuple[int | float, Mapping[str, str]]
"""A value and its attributes."""

#: The upper ends of a histogram's buckets, in seconds, as the conventions advise; and two more for hooks and mail.
SECONDS_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How long something takes, in seconds."""

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Observed:
    """A number that is read when somebody collects.

    Attributes:
        kind: A `counter` only grows; an `up_down` may be added up over processes; a `gauge` may not.
    """

    name: str
    unit: str
    description: str
    kind: Literal["counter", "up_down", "gauge"] = "counter"


REQUESTS = Histogram("watchword.request.duration", "Requests that our routes answered, by route, status and outcome")
HASHING = Histogram("watchword.hashing.duration", "One password hash, without the wait for its turn")
HASHING_WAIT = Histogram("watchword.hashing.wait", "The wait of a password hash for its turn")
HOOKS = Histogram("watchword.hook.duration", "One call of a function, method or service of the application")
MAILS = Histogram("watchword.mail.duration", "One attempt at sending a mail")
DATABASE = Histogram("db.client.operation.duration", "One transaction or one read of the database")
OUTGOING = Histogram("http.client.request.duration", "One request to somebody else's server")

HISTOGRAMS = (REQUESTS, HASHING, HASHING_WAIT, HOOKS, MAILS, DATABASE, OUTGOING)

SIGN_INS = Observed("watchword.sign_ins", "{sign-in}", "Attempts to sign in, by recipe and outcome")
SIGN_UPS = Observed("watchword.sign_ups", "{sign-up}", "Attempts to sign up, by recipe and outcome")
REFRESHES = Observed("watchword.refreshes", "{refresh}", "Refreshes, by what was decided")
VERIFIED = Observed("watchword.verified_tokens", "{token}", "Signatures of access tokens, remembered or checked")
CREATED = Observed("watchword.sessions.created", "{session}", "Sessions that began")
REVOKED = Observed("watchword.sessions.revoked", "{session}", "Sessions that were ended")
SWEPT = Observed("watchword.sweeper.removed", "{row}", "Rows that the sweeper removed")
LIMITED = Observed("watchword.limits.hit", "{refusal}", "Requests refused by a limit, by its name")
FEED_AGE = Observed("watchword.revocations.age", "s", "Since the last look at what other processes revoked", "gauge")
HASHES_RUNNING = Observed("watchword.hashing.running", "{hash}", "Password hashes at work", "up_down")
HASHES_WAITING = Observed("watchword.hashing.waiting", "{hash}", "Password hashes that wait for a worker", "up_down")
CONNECTIONS = Observed("db.client.connection.count", "{connection}", "Connections of the pool, by state", "up_down")
CONNECTIONS_MAX = Observed("db.client.connection.max", "{connection}", "The most connections of the pool", "up_down")
CONNECTIONS_AWAITED = Observed(
    "db.client.connection.pending_requests", "{request}", "Callers that wait for the database", "up_down"
)
MAILS_WAITING = Observed("watchword.outbox.waiting", "{mail}", "Mails not sent yet, in all processes", "gauge")
MAILS_DEAD = Observed("watchword.outbox.dead", "{mail}", "Mails given up within thirty days", "gauge")
OLDEST_MAIL = Observed("watchword.outbox.oldest_age", "s", "How long the oldest mail has waited", "gauge")

OBSERVED = (
    SIGN_INS, SIGN_UPS, REFRESHES, VERIFIED, CREATED, REVOKED, SWEPT, LIMITED, FEED_AGE, HASHES_RUNNING,
    HASHES_WAITING, CONNECTIONS, CONNECTIONS_MAX, CONNECTIONS_AWAITED, MAILS_WAITING, MAILS_DEAD, OLDEST_MAIL,
)  # fmt: skip
