"""The limits in force: who is counted where, and what happens when it is too much."""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Literal

from watchword.audit.events import EventLog, SecurityEvent, Unlogged
from watchword.clock import Clock
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Body, Database, Transaction
from watchword.errors import Overloaded, StorageUnavailable
from watchword.http.client_address import network_of
from watchword.protection.counting import Counting
from watchword.protection.devices import account_tag, device_cookie, read_device
from watchword.protection.errors import SignInStopped, TooManyRequests
from watchword.protection.mail_budgets import MailBudgets
from watchword.protection.memory_store import MOST_KEYS, MemoryStore
from watchword.protection.settings import QUIET_MS, FailureRule, Limit, LimitName, Protection
from watchword.protection.store import Budget, Lane, SignInKeys

log = logging.getLogger(__name__)

#: In how many lots a budget comes that is too big for one more write with each request, as a refresh costs only one.
#: A process counts the first lot of each network by itself, and honest networks seldom get further; what comes then
#: it takes out of the shared budget one lot at a time.
_LOTS: dict[LimitName, int] = {"refresh": 50}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who tries to sign in, as far as a request tells.

    Attributes:
        address: The client's canonical address, or `None` when it is not known.
        device_cookies: The values of its device cookies.
    """

    address: str | None = None
    device_cookies: Sequence[str] = field(default=(), repr=False)


class Limits:
    """Counts and refuses. Losing the database never loosens more than to one budget a process (security RL-4).

    Args:
        settings: The numbers.
        db: Where nodes count together.
        app_id: Whose limits they are.
        clock: Tells the time.
        secrets: Keys of the hashes and of the device cookies.
        audit: Hears of limits that are reached, of each network once in a while.
    """

    def __init__(
        self,
        settings: Protection,
        db: Database,
        app_id: str,
        clock: Clock,
        secrets: SecretRing,
        audit: EventLog | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._secrets = secrets
        self._audit = audit or Unlogged()
        self._counting = Counting(db, app_id, clock)
        self._before = MemoryStore()  # what need not be shared yet
        self._left_of_lots: dict[bytes, int] = {}
        #: How often each limit refused; read by whoever measures.
        self.refused: dict[str, int] = {}
        #: Whether somebody who has no password that counts can get a new one by mail; without that nothing is stopped.
        self.resets_are_mailed = False
        self._mails = MailBudgets(settings, self._counting, self._key, clock, self._audit, self.refused)
        self._warned_without_address = False

    def start(self) -> None:
        """Say which limits are off."""
        for name in self.settings.switched_off:
            log.warning("protection.%s is off: nothing slows that kind of attack down", name)

    async def check(self, name: LimitName, address: str | None) -> None:
        """Count one request of a network on one limit.

        Raises:
            TooManyRequests: The network's budget is used up; nothing may be done.
        """
        limit: Limit | None = getattr(self.settings, name)
        budget = self._budget(name, limit, address)
        if budget is None:
            return
        now_ms = self._clock.now_ms()
        lots = _LOTS.get(name)
        if lots is not None and budget.limit.requests >= lots and await self._takes_lots(budget, lots, now_ms):
            return
        wait_ms = await self._counting.count(lambda store: store.take(budget, now_ms))
        self._refuse(name, wait_ms, SecurityEvent("limit_reached", address=address, facts={"limit": name}))

    async def may_mail(self, kind: str, address: str, *, tenant_id: str) -> bool:
        """Count one mail that a stranger may have caused; `False` when there have been enough of this kind.

        Whoever asks for the mail is answered as ever: a refusal would tell who has an account (security EN-3).

        Args:
            kind: What the mail is for; each has budgets of its own.
            address: In normal form.
            tenant_id: Where it was asked for.
        """
        return await self._mails.may_mail(kind, address, tenant_id)

    @asynccontextmanager
    async def sign_in_attempt(
        self, tenant_id: str, email: str, caller: Caller, *, later: Callable[[Body[None]], None] | None = None
    ) -> AsyncGenerator[None, None]:
        """Around the comparison of a password: counts before it, so that parallel guesses count too.

        Leaving with `Overloaded` or `StorageUnavailable` takes the count back, since nothing was
        compared; leaving without an error forgets earlier failures; any other error leaves it counted.

        Args:
            tenant_id: Where the account is, or would be.
            email: In normal form. Unknown ones count like known ones (security EN-1).
            caller: As far as known; without anything, the account alone is counted.
            later: Takes what forgets earlier failures, to be done in a transaction that comes anyway; without it that
                is a transaction of its own.
        Raises:
            TooManyRequests: Before anything was compared.
            SignInStopped: The same, and waiting does not help.
        """
        keys = self._sign_in_keys(tenant_id, email, caller)
        if keys.network is None and not keys.lanes:
            yield
            return
        now_ms = self._clock.now_ms()
        begun = await self._counting.count(lambda store: store.begin(keys, now_ms))
        reached = SecurityEvent(
            "limit_reached",
            tenant_id=tenant_id,
            address=caller.address,
            facts={"limit": "failures_before_reset" if begun.is_stopped else "sign_in"},
        )
        if begun.is_stopped:
            self._note_refusal("failures_before_reset", reached)
            raise SignInStopped
        self._refuse("sign_in", begun.wait_ms, reached)
        try:
            yield
        except (Overloaded, StorageUnavailable):
            counted = SignInKeys(keys.network, begun.lanes[-1:])
            await self._counting.settle(lambda store: store.take_back(counted, now_ms))
            raise
        except BaseException:
            if begun.is_last:
                facts = {"failures": self.settings.failures_before_reset}
                self._audit.note(
                    SecurityEvent("sign_in_stopped", tenant_id=tenant_id, address=caller.address, facts=facts)
                )
            raise
        right = SignInKeys(keys.network, begun.lanes)
        if later is None:
            await self._counting.settle(lambda store: store.succeed(right))
        else:
            later(await self._counting.succeed(right))

    def can_be_used_up(self, name: LimitName | Literal["sign_in"]) -> bool:
        """Whether anything is counted there."""
        of_accounts = name == "sign_in" and self.settings.failure_rule is not None
        return of_accounts or getattr(self.settings, name) is not None

    async def is_half_used(
        self, name: LimitName | Literal["sign_in"], tenant_id: str, email: str, caller: Caller
    ) -> bool:
        """Whether half of what is let through is used up: of the network's budget, at sign-in also of the account's.

        Args:
            name: The limit.
            tenant_id: Where the account is, or would be.
            email: In normal form.
            caller: As far as known.
        """
        if name == "sign_in":
            keys = self._sign_in_keys(tenant_id, email, caller)
        else:
            keys = SignInKeys(self._budget(name, getattr(self.settings, name), caller.address))
        now_ms = self._clock.now_ms()
        return await self._counting.count(lambda store: store.is_half_used(keys, now_ms))

    async def forget_failures(self, tx: Transaction, tenant_id: str, email: str) -> None:
        """Start the count of an account anew, as after a success, in the transaction that is the reason.

        Its owner has proved to be that in another way, or the account is gone.
        """
        lane = self._sign_in_keys(tenant_id, email, None).lane
        if lane is not None:
            await self._counting.forget(tx, lane)

    def remember_device(self, tenant_id: str, email: str, device_cookies: Sequence[str]) -> str | None:
        """The device cookie for a browser that has just signed in to an account; `None` where that is off."""
        if self.settings.failures_per_account is None:
            return None
        tag = account_tag(tenant_id, email)
        return device_cookie(self._secrets, read_device(self._secrets, device_cookies, tag), tag)

    # Keys

    def _sign_in_keys(self, tenant_id: str, email: str, caller: Caller | None) -> SignInKeys:
        network = None if caller is None else self._budget("sign_in", self.settings.sign_in, caller.address)
        rule = self._failure_rule()
        if rule is None:
            return SignInKeys(network)
        tag = account_tag(tenant_id, email)
        account = Lane(self._key("account", tag), rule)
        device = None if caller is None else read_device(self._secrets, caller.device_cookies, tag)
        if device is not None and tag in device.accounts:
            # Neither strangers at the account nor neighbours in the network use this up (security RL-2).
            return SignInKeys(None, (Lane(self._key("device", device.id + tag), rule), account))
        return SignInKeys(network, (account,))

    def _failure_rule(self) -> FailureRule | None:
        rule = self.settings.failure_rule
        return rule if rule is None or self.resets_are_mailed else replace(rule, stop=None)

    def _budget(self, name: str, limit: Limit | None, address: str | None) -> Budget | None:
        if limit is None:
            return None
        network = None if address is None else network_of(address)
        if network is None:
            # One budget for all whose address we do not know would be one that an attacker empties for everybody.
            if not self._warned_without_address:
                self._warned_without_address = True
                log.warning(
                    "requests come without the client's address, so nothing is limited per network; behind a proxy "
                    "on a Unix socket, set trusted_proxies=['unix'] and have it send X-Forwarded-For"
                )
            return None
        return Budget(self._key(name, network.encode()), limit)

    def _key(self, what: str, data: bytes) -> bytes:
        return self._secrets.mac("limits", what.encode() + b"\x00" + data)

    async def _takes_lots(self, budget: Budget, lots: int, now_ms: int) -> bool:
        """Whether a request is in a lot that this process has; `False` when there is no whole one left."""
        size = budget.limit.requests // lots
        if self._before.take_now(Budget(budget.key, Limit(size, budget.limit.seconds)), now_ms) == 0:
            return True
        left = self._left_of_lots.pop(budget.key, 0)
        if left == 0:
            lot = Budget(budget.key, Limit(lots, budget.limit.seconds))  # one of these is as much as `size` requests
            if await self._counting.count(lambda store: store.take(lot, now_ms)) > 0:
                return False
            left = size + self._left_of_lots.pop(budget.key, 0)
        if left > 1:
            self._left_of_lots[budget.key] = left - 1
            if len(self._left_of_lots) > MOST_KEYS:
                del self._left_of_lots[next(iter(self._left_of_lots))]
        return True

    def _refuse(self, name: str, wait_ms: int, reached: SecurityEvent) -> None:
        if wait_ms > 0:
            self._note_refusal(name, reached)
            raise TooManyRequests(-(-wait_ms // 1000))

    def _note_refusal(self, name: str, reached: SecurityEvent) -> None:
        self.refused[name] = self.refused.get(name, 0) + 1
        self._audit.note(reached, quiet_ms=QUIET_MS)
