"""Who may make an account without being asked in: nobody, some addresses, or everybody; and one account an address.

What is decided here is a pure function of the address; only the rule that two people at once could break asks the
database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from watchword.accounts.email import verify_email
from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.errors import BadInput, ConfigurationError, EmailAlreadyExists
from watchword.setting_types import checked_settings

CLOSED = "Nobody can sign up here. Please ask for an account."
NOT_THIS_ADDRESS = "This address cannot be used to sign up."


@checked_settings("sign_ups.")
@dataclass(frozen=True, slots=True, kw_only=True)
class SignUps:
    """The rules for new accounts, whichever way people come; who has an account signs in as ever.

    They hold for the sign-up of people. Accounts that the application makes by code are asked for nothing but
    `one_account_per_email`.

    Attributes:
        open: `False`: nobody signs up, the application makes all accounts.
        allow: Addresses (`ada@example.com`) and whole domains (`@example.com`) that may, and no others; `None`:
            all. A provider has to vouch for the address then. Nothing shows that a typed one is the person's own
            until it is verified: list `EmailVerification` beside it.
        deny: Addresses and domains that may not, whatever `allow` says. A domain says nothing about those under it.
        reason: The sentence for whoever is refused; a fitting one when left out.
        one_account_per_email: Whether an address belongs to one user of a tenant, whichever way they sign in.
            Whoever has an account already is told to sign in as they did before.

    Raises:
        ConfigurationError: A list holds what is neither an address nor a domain.
    """

    open: bool = True
    allow: Sequence[str] | None = None
    deny: Sequence[str] = ()
    reason: str | None = None
    one_account_per_email: bool = False
    _allowed: frozenset[str] = field(init=False, repr=False)
    _denied: frozenset[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_allowed", _entries("sign_ups.allow", self.allow or ()))
        object.__setattr__(self, "_denied", _entries("sign_ups.deny", self.deny))

    def find_refusal(self, email: str, *, is_vouched_for: bool) -> str | None:
        """Why somebody new may not have an account, as a sentence for them; `None` when they may.

        Args:
            email: In normal form.
            is_vouched_for: `False` where a provider told the address and does not say that it is theirs.
        """
        if not self.open:
            return self.reason or CLOSED
        names = {email, "@" + email.rpartition("@")[2]}
        is_allowed = self.allow is None or (is_vouched_for and not self._allowed.isdisjoint(names))
        if is_allowed and self._denied.isdisjoint(names):
            return None
        return self.reason or NOT_THIS_ADDRESS

    async def require_only_account(
        self, tx: Transaction, app_id: str, tenant_id: str, email: str, *, user_id: str
    ) -> None:
        """Return if nobody else of the tenant has the address, and see to it that nobody gets it until the commit.

        To be called first in the transaction that gives somebody an address. Where the rule is on, these wait for
        each other at the row of the tenant.

        Raises:
            EmailAlreadyExists: Somebody has it; roll back.
        """
        if not self.one_account_per_email:
            return
        await tx.find(LOCK_TENANT, app_id=app_id, tenant_id=tenant_id)
        others = {"app_id": app_id, "tenant_id": tenant_id, "email": email, "user_id": user_id}
        if await tx.find(FIND_OTHER_ACCOUNT, **others) is not None:
            raise EmailAlreadyExists


def _entries(setting: str, entries: Sequence[str]) -> frozenset[str]:
    return frozenset(_entry(setting, entry) for entry in entries)


def _entry(setting: str, entry: str) -> str:
    """An entry in normal form, with or without something before the @."""
    try:
        if entry.startswith("@"):
            return verify_email("a" + entry, special_use=True).removeprefix("a")
        return verify_email(entry, special_use=True)
    except BadInput:
        raise ConfigurationError(
            setting,
            f"{entry!r} is neither an address nor a domain; write 'ada@example.com' or '@example.com'",
        ) from None


LOCK_TENANT = Statement(
    "select tenant_id from {tenants} where app_id = :app_id and tenant_id = :tenant_id {for_update}"
)

FIND_OTHER_ACCOUNT = Statement(
    """
    select m.user_id from {login_methods} m
      join {login_method_tenants} t on t.app_id = m.app_id and t.recipe_user_id = m.recipe_user_id
     where m.app_id = :app_id and t.tenant_id = :tenant_id and m.email {bytewise} = :email and m.user_id <> :user_id
     limit 1
    """
)
