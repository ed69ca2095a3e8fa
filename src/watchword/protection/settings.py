"""How much is allowed before it is taken for an attack: checked numbers, each of which can be switched off."""

from dataclasses import dataclass, fields
from typing import Literal, get_args

from watchword.errors import ConfigurationError
from watchword.setting_types import checked_settings

LimitName = Literal[
    "sign_up",
    "email_exists",
    "refresh",
    "password_reset_token",
    "password_reset",
    "email_verify_token",
    "email_verify",
    "sign_in_up",
    "authorisation_url",
]
"""The limits that a route can name; each is a field of `Protection`."""

MailLimitName = Literal["mails_per_address", "mails_per_tenant", "mails_per_app"]
"""The budgets that a mail can use up, in the order in which they are asked."""

QUIET_MS = 60_000  # whoever goes on at a limit is in the audit log once in this time

FOREVER_MS = 253_402_300_799_999  # the year 9999
KEEP_FAILURES_MS = 86_400_000  # once delays have begun, failures in a row are remembered for a day after the last


@checked_settings("limit.")
@dataclass(frozen=True, slots=True)
class Limit:
    """A budget that fills up evenly: at most `requests` at once, and as many in every `seconds` after that."""

    requests: int
    seconds: int

    @property
    def period_ms(self) -> int:
        """How long an empty budget takes to be full again."""
        return self.seconds * 1000

    @property
    def cost_ms(self) -> int:
        """How long one request takes to be there again."""
        return max(1, self.period_ms // self.requests)


@dataclass(frozen=True, slots=True)
class FailureRule:
    """How failures in a row slow further tries down; times in milliseconds.

    Attributes:
        free: So many failures cost no time.
        window_ms: Fewer than that are forgotten this long after the last one.
        first_delay_ms: The wait after the failure number `free`; it doubles with each further one.
        longest_delay_ms: Where the doubling ends.
        stop: After so many since the last success, however slow, nothing is compared any more; `None` for never.
    """

    free: int
    window_ms: int
    first_delay_ms: int
    longest_delay_ms: int
    stop: int | None = None

    def delay_ms(self, failures: int) -> int:
        """The wait after so many failures in a row."""
        if failures < self.free:
            return 0
        return min(self.first_delay_ms << min(failures - self.free, _MOST_DOUBLINGS), self.longest_delay_ms)

    def too_late_ms(self, now_ms: int) -> int:
        """A wait until later than this was set by a clock that ran ahead, and is none; see `Budget.too_late_ms`."""
        return now_ms + 2 * self.longest_delay_ms

    def kept_ms(self, failures: int) -> int:
        """How long so many failures in a row are remembered after the last one."""
        return self.window_ms if failures < self.free else max(self.window_ms, KEEP_FAILURES_MS)

    def is_stopped(self, in_a_row: int) -> bool:
        """Whether so many failures since the last success were the last."""
        return self.stop is not None and in_a_row >= self.stop

    def kept_until_ms(self, in_a_row: int, now_ms: int) -> int:
        """When so many failures since the last success are forgotten: after as many days, a stop never.

        A guesser who waits until then has one try a day, and whoever floods us with names that nobody has leaves
        rows for one day only.
        """
        if self.is_stopped(in_a_row):
            return FOREVER_MS
        return now_ms + in_a_row * self.day_ms

    @property
    def day_ms(self) -> int:
        """For how long each failure is remembered on the way to a stop."""
        return 0 if self.stop is None else KEEP_FAILURES_MS


_MOST_DOUBLINGS = 20  # keeps the numbers far from where 64 bits end
_LONGEST_SECONDS = 30 * 86_400
_MOST_REQUESTS = 10_000_000


@checked_settings("protection.")
@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """The limits; `None` switches one off, which is logged at every start.

    A network is one IPv4 address or one IPv6 /64. The defaults leave room for an office or a school behind
    one address.

    Attributes:
        failures_per_account: Failed sign-ins in a row for one e-mail address of one tenant, known or not,
            before there is a wait; a success sets it back. A browser that has signed in to the account
            before counts for itself, so that a stranger cannot lock its owner out.
        failures_before_reset: Failed sign-ins since the last success, however slow, for one address of one
            tenant, after which no password is compared any more until there is a new one: the person is asked
            to set it. Browsers that have signed in before go on. In force where reset links are mailed, since it
            would lock owners out elsewhere, and only together with `failures_per_account`.
        failure_window_seconds: Fewer failures than that are forgotten this long after the last one.
        first_delay_seconds: The first wait; it doubles with each further failure.
        longest_delay_seconds: The longest wait.
        sign_in: Failed sign-ins of one network, over all accounts; successful ones cost nothing.
        sign_up: Sign-ups of one network.
        email_exists: Questions of one network whether an address has an account (security EN-4).
        refresh: Refreshes of one network. An open page needs one an hour: the default is room for
            more than 100 000 people behind one address, and stops only a flood.
        password_reset_token: Wishes of one network for a link that sets a new password.
        password_reset: New passwords of one network by such links, and guesses at their tokens.
        email_verify_token: Wishes of one network for a link that verifies an address.
        email_verify: Uses of such links by one network, and guesses at their tokens.
        sign_in_up: Sign-ins of one network with a provider; each may cost us calls to it.
        authorisation_url: Ways of one network to a provider.
        mails_per_address: Mails of one kind that strangers can cause to one e-mail address. What is asked
            for beyond that is answered as ever and not sent, so that nobody's mailbox can be flooded.
        mails_per_tenant: The same for all addresses of one tenant, so that nobody spends the operator's money or
            good name; each kind has its own, so that mails of one kind do not use up what others need.
        mails_per_app: The same for all tenants together.
    Raises:
        ConfigurationError: A number that cannot be.

    Source: security 2.3, RL-1, RL-2, RL-5, RL-7.
    """

    failures_per_account: int | None = 10
    failures_before_reset: int | None = 100
    failure_window_seconds: int = 900
    first_delay_seconds: int = 60
    longest_delay_seconds: int = 3_600
    sign_in: Limit | None = Limit(200, seconds=900)
    sign_up: Limit | None = Limit(200, seconds=600)
    email_exists: Limit | None = Limit(20, seconds=60)
    refresh: Limit | None = Limit(6_000, seconds=60)
    password_reset_token: Limit | None = Limit(200, seconds=600)
    password_reset: Limit | None = Limit(200, seconds=600)
    email_verify_token: Limit | None = Limit(300, seconds=600)
    email_verify: Limit | None = Limit(300, seconds=600)
    sign_in_up: Limit | None = Limit(1_000, seconds=600)
    authorisation_url: Limit | None = Limit(1_000, seconds=600)
    mails_per_address: Limit | None = Limit(5, seconds=3_600)
    mails_per_tenant: Limit | None = Limit(10_000, seconds=3_600)
    mails_per_app: Limit | None = Limit(50_000, seconds=3_600)

    def __post_init__(self) -> None:
        if self.failures_per_account is not None:
            _check("failures_per_account", self.failures_per_account, 2, 100)
        if self.failures_before_reset is not None:
            _check("failures_before_reset", self.failures_before_reset, self.failures_per_account or 2, 10_000)
        _check("failure_window_seconds", self.failure_window_seconds, 1, _LONGEST_SECONDS)
        _check("first_delay_seconds", self.first_delay_seconds, 1, self.longest_delay_seconds)
        _check("longest_delay_seconds", self.longest_delay_seconds, 1, 86_400)
        for name in ("sign_in", *get_args(LimitName), *get_args(MailLimitName)):
            limit: Limit | None = getattr(self, name)
            if limit is not None:
                _check(f"{name}.requests", limit.requests, 1, _MOST_REQUESTS)
                _check(f"{name}.seconds", limit.seconds, 1, _LONGEST_SECONDS)

    @property
    def failure_rule(self) -> FailureRule | None:
        """What holds for one account, or `None` when that is switched off."""
        if self.failures_per_account is None:
            return None
        return FailureRule(
            free=self.failures_per_account,
            window_ms=self.failure_window_seconds * 1000,
            first_delay_ms=self.first_delay_seconds * 1000,
            longest_delay_ms=self.longest_delay_seconds * 1000,
            stop=self.failures_before_reset,
        )

    @property
    def is_stopping(self) -> bool:
        """Whether there is an end to the guesses at one account, however slow they are."""
        return self.failures_per_account is not None and self.failures_before_reset is not None

    @property
    def switched_off(self) -> list[str]:
        """The names of the limits that are off."""
        return [field.name for field in fields(self) if getattr(self, field.name) is None]


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ConfigurationError(f"protection.{name}", f"is {value}; set a number from {least} to {most}")
