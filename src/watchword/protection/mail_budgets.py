"""How many mails strangers can cause: to one mailbox, in one tenant, all in all (security RL-7)."""

import logging
from collections.abc import Callable, MutableMapping

from watchword.audit.events import EventLog, SecurityEvent
from watchword.clock import Clock
from watchword.protection.counting import Counting
from watchword.protection.settings import QUIET_MS, MailLimitName, Protection
from watchword.protection.store import Budget

log = logging.getLogger(__name__)

SILENT_MS = 3_600_000  # an attack shall not flood the log instead

_WHERE: dict[MailLimitName, str] = {
    "mails_per_address": "to one address",
    "mails_per_tenant": "in one tenant",
    "mails_per_app": "in all",
}


class MailBudgets:
    """Counts mails before they are written.

    Args:
        settings: The numbers.
        counting: Where it is counted.
        key: Makes what a budget is stored under, which tells nothing to whom who reads it.
        clock: Tells the time.
        audit: Hears of budgets that are used up.
        refused: How often each limit refused.
    """

    def __init__(
        self,
        settings: Protection,
        counting: Counting,
        key: Callable[[str, bytes], bytes],
        clock: Clock,
        audit: EventLog,
        refused: MutableMapping[str, int],
    ) -> None:
        self._settings = settings
        self._counting = counting
        self._key = key
        self._clock = clock
        self._audit = audit
        self._refused = refused
        self._silent_until_ms: dict[MailLimitName, int] = {}

    async def may_mail(self, kind: str, address: str, tenant_id: str) -> bool:
        """Count one mail; `False` when there have been enough of this kind. See `Limits.may_mail`.

        The mailbox is asked first: whoever floods one uses up nothing that others need.
        """
        budgets = self._budgets(kind, address, tenant_id)
        now_ms = self._clock.now_ms()
        without = await self._counting.count(lambda store: store.take_all(list(budgets.values()), now_ms))
        if without is None:
            return True
        self._tell(list(budgets)[without], kind, tenant_id, now_ms)
        return False

    def _budgets(self, kind: str, address: str, tenant_id: str) -> dict[MailLimitName, Budget]:
        of: dict[MailLimitName, tuple[str, str]] = {
            "mails_per_address": ("mail", f"{kind}\n{address}"),
            "mails_per_tenant": ("mail in tenant", f"{kind}\n{tenant_id}"),
            "mails_per_app": ("mail in app", kind),
        }
        return {
            name: Budget(self._key(what, text.encode("utf-8", "surrogatepass")), limit)
            for name, (what, text) in of.items()
            if (limit := getattr(self._settings, name)) is not None
        }

    def _tell(self, name: MailLimitName, kind: str, tenant_id: str, now_ms: int) -> None:
        self._refused[name] = self._refused.get(name, 0) + 1
        reached = SecurityEvent("limit_reached", tenant_id=tenant_id, facts={"limit": name, "mail": kind})
        self._audit.note(reached, quiet_ms=QUIET_MS)
        if now_ms >= self._silent_until_ms.get(name, 0):
            self._silent_until_ms[name] = now_ms + SILENT_MS
            log.warning(
                "somebody asks for more %s mails %s than protection.%s allows; they are not sent; this is not said "
                "again for an hour",
                kind,
                _WHERE[name],
                name,
            )
