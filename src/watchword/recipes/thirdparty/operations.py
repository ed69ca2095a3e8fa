"""What a sign-in with a provider does to the database, its SQL beside it."""

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace

from watchword.accounts import directory
from watchword.accounts.email import is_fake_email
from watchword.accounts.users import LoginMethod, ThirdPartyIdentity, User
from watchword.audit.events import SecurityEvent
from watchword.database.database import Row, Transaction
from watchword.database.statements import Statement
from watchword.errors import EmailAlreadyExists, SignInUpNotAllowed, StorageUnavailable
from watchword.identifiers import is_storable
from watchword.recipes.engine import Engine
from watchword.recipes.thirdparty.errors import IdentityTaken

log = logging.getLogger(__name__)

RECIPE_ID = "thirdparty"

REFUSED = "Cannot sign in / up due to security reasons. Please try a different login method or contact support."

HAS_ACCOUNT = "You have an account already. Please sign in as you did before."

_ATTEMPTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person at a provider.

    Attributes:
        third_party_id: The provider's entry here.
        third_party_user_id: The person there.
        issuer: Who vouches for it; empty without OpenID Connect.
        former_issuers: Names that the issuer went by before.
        has_issuer: Whether the provider names one, so that an empty one only means that nobody asked.
        is_of_one_tenant: Whether the provider is as one tenant says: another tenant's provider of this id may be
            anybody, and its word counts for nobody who is shared.
    """

    third_party_id: str
    third_party_user_id: str
    issuer: str = ""
    former_issuers: Collection[str] = ()
    has_issuer: bool = True
    is_of_one_tenant: bool = False


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The user, the login method that was used, and whether this sign-in made them."""

    user: User
    recipe_user_id: str
    created: bool


async def sign_in_up(
    engine: Engine,
    tenant_id: str,
    identity: Identity,
    email: str,
    *,
    is_verified: bool,
    address: str | None = None,
) -> SignedIn:
    """Find the user with this identity, or make one; what the provider says about the address is stored.

    A returning user of whom nothing changed costs one read. Somebody else with the same address is not
    looked at: nothing is linked here (security OA-7, OA-9), unless an address may have one user only: then that
    somebody else keeps it, and a returning user the address from before.

    Args:
        engine: The floors below.
        tenant_id: Where the user may sign in.
        identity: As verified.
        email: In normal form.
        is_verified: Whether the provider vouches for it and is trusted to.
        address: The client's, for the audit log.

    Raises:
        SignInUpNotAllowed: The identity is known, but another issuer vouched for it; or it is new, and somebody
            else has the address (`SignUps.one_account_per_email`).
        StorageUnavailable: The database did not answer; nothing is half done.
    """
    for _ in range(_ATTEMPTS):
        found = await _find(engine, engine.db, tenant_id, identity)
        if found is not None:
            return await _sign_in(engine, tenant_id, found, identity, email, is_verified)
        try:
            return await _sign_up(engine, tenant_id, identity, email, is_verified, address)
        except IdentityTaken:
            continue
        except EmailAlreadyExists:
            raise SignInUpNotAllowed(HAS_ACCOUNT) from None
    raise StorageUnavailable("a user came and went several times while signing in")  # sign-ups raced with deletions


@dataclass(frozen=True, slots=True)
class _Found:
    user: User
    method: LoginMethod
    issuer: str

    def after(self, email: str, is_verified: bool) -> tuple[str, bool]:
        """The address, and whether it is verified, as they stand after this sign-in."""
        if self.method.email is not None and is_fake_email(email):  # no address this time: the known one stays
            return self.method.email, self.method.verified
        # Once verified an address stays so; proof for one says nothing about another (security TK-8).
        return email, is_verified or (self.method.verified and self.method.email == email)

    def is_somebody_else(self, identity: Identity) -> bool:
        """Whether the same id at the provider of the same name is another person's, as far as known (OA-7)."""
        is_anothers_too = identity.is_of_one_tenant and len(self.method.tenant_ids) > 1
        if identity.issuer and self.issuer:
            former = () if is_anothers_too else identity.former_issuers
            return self.issuer not in (identity.issuer, *former)
        if self.issuer:
            return not identity.has_issuer
        # Nobody knows who vouched for it. Used in several tenants, it may come from the provider of another one.
        return bool(identity.issuer) and is_anothers_too

    def is_up_to_date(self, identity: Identity, email: str, is_verified: bool) -> bool:
        same_address = (self.method.email, self.method.verified) == self.after(email, is_verified)
        return same_address and identity.issuer in ("", self.issuer)


async def _sign_in(
    engine: Engine, tenant_id: str, found: _Found, identity: Identity, email: str, is_verified: bool
) -> SignedIn:
    if found.is_somebody_else(identity):
        # The same `sub` under another issuer is another person, whatever the entry is called (security OA-7).
        log.warning(
            "an identity of provider %s was vouched for by another issuer than before; if the provider only "
            "changed its issuer, name the old one in its former_issuers",
            identity.third_party_id,
        )
        raise SignInUpNotAllowed(REFUSED)
    if not found.is_up_to_date(identity, email, is_verified):
        await _update(engine, tenant_id, identity, email, is_verified)
        found = await _find(engine, engine.db, tenant_id, identity) or found
    return SignedIn(found.user, found.method.recipe_user_id, created=False)


async def is_known(engine: Engine, tenant_id: str, third_party_id: str, third_party_user_id: str) -> bool:
    """Whether somebody of the tenant signs in with this account of the provider."""
    if not is_storable(third_party_user_id):
        return False
    identity = {"third_party_id": third_party_id, "third_party_user_id": third_party_user_id}
    names = {"app_id": engine.app_id, "tenant_id": tenant_id, **identity}
    return await engine.db.find(FIND_KNOWN, **names) is not None


async def has_identity(engine: Engine, tenant_id: str, recipe_user_id: str) -> bool:
    """Whether a login method opens an account here, after whoever is deleting it has finished.

    Asked before a session is made and after it was stored: a person who was deleted in between has none (SE-5).
    Who deletes somebody removes the identity first and the sessions last, so that either is seen.
    """
    names = {"app_id": engine.app_id, "tenant_id": tenant_id, "recipe_user_id": recipe_user_id}
    return await engine.db.find(LOCK_IDENTITY, **names) is not None


async def _update(engine: Engine, tenant_id: str, identity: Identity, email: str, is_verified: bool) -> None:
    key = {
        "app_id": engine.app_id,
        "tenant_id": tenant_id,
        "third_party_id": identity.third_party_id,
        "third_party_user_id": identity.third_party_user_id,
    }

    async def update(tx: Transaction) -> None:
        await tx.execute(UPDATE_ISSUER, **key, issuer=identity.issuer)  # it also locks the identity until the commit
        found = await _find(engine, tx, tenant_id, identity)
        if found is not None:
            address, verified = found.after(email, is_verified)
            recipe_user_id = found.method.recipe_user_id
            try:
                if address != found.method.email:
                    await engine.sign_ups.require_only_account(
                        tx, engine.app_id, tenant_id, address, user_id=found.user.id
                    )
            except EmailAlreadyExists:
                log.warning("an address changed at provider %s to one that another user has", identity.third_party_id)
                return
            await directory.update_login_method_email(tx, engine.app_id, recipe_user_id, address, verified=verified)

    await engine.db.write(update)


async def _sign_up(
    engine: Engine, tenant_id: str, identity: Identity, email: str, is_verified: bool, address: str | None
) -> SignedIn:
    user_id, now_ms = engine.ids.user_id(), engine.clock.now_ms()
    method = LoginMethod(
        recipe_id=RECIPE_ID,
        recipe_user_id=user_id,
        tenant_ids=(tenant_id,),
        time_joined_ms=now_ms,
        email=email,
        third_party=ThirdPartyIdentity(identity.third_party_id, identity.third_party_user_id),
        verified=is_verified,
    )
    user = User(id=user_id, time_joined_ms=now_ms, login_methods=(method,))

    async def insert(tx: Transaction) -> None:
        await engine.sign_ups.require_only_account(tx, engine.app_id, tenant_id, email, user_id=user_id)
        await directory.insert_user(tx, engine.app_id, user)
        await insert_identity(tx, engine.app_id, method, identity.issuer)
        signed_up = SecurityEvent(
            "sign_up",
            tenant_id=tenant_id,
            user_id=user_id,
            address=address,
            facts={"method": RECIPE_ID, "provider": identity.third_party_id},
        )
        await engine.audit.record(tx, signed_up)

    await engine.db.write(insert)
    return SignedIn(user, user_id, created=True)


async def insert_identity(tx: Transaction, app_id: str, method: LoginMethod, issuer: str = "") -> None:
    """The recipe's own rows of a login method that is in the directory already.

    Args:
        tx: The transaction of the whole user.
        app_id: Whose user.
        method: With the identity at the provider.
        issuer: Who vouched for it; empty where nobody knows, then the next sign-in says.

    Raises:
        IdentityTaken: Somebody has the identity in one of the tenants; roll back.
    """
    if method.third_party is None:
        raise ValueError("the login method has no identity at a provider")
    for tenant_id in method.tenant_ids:
        won = await tx.find(
            INSERT_IDENTITY,
            app_id=app_id,
            tenant_id=tenant_id,
            third_party_id=method.third_party.id,
            third_party_user_id=method.third_party.user_id,
            issuer=issuer,
            recipe_user_id=method.recipe_user_id,
        )
        if won is None:
            raise IdentityTaken


async def join_tenant(tx: Transaction, app_id: str, method: LoginMethod, tenant_id: str) -> None:
    """Let an identity be used in one more tenant, vouched for by the same issuer as where it is used already.

    Raises:
        IdentityTaken: Somebody of that tenant has it; roll back.
    """
    known = await tx.find(FIND_ISSUER, app_id=app_id, recipe_user_id=method.recipe_user_id)
    joined = replace(method, tenant_ids=(tenant_id,))
    await insert_identity(tx, app_id, joined, "" if known is None else known["issuer"])


async def _find(engine: Engine, reader: directory.Reader, tenant_id: str, identity: Identity) -> _Found | None:
    rows: list[Row] = await reader.list(
        FIND_IDENTITY,
        app_id=engine.app_id,
        tenant_id=tenant_id,
        third_party_id=identity.third_party_id,
        third_party_user_id=identity.third_party_user_id,
    )
    user = directory.user_from_rows(rows)
    if user is None:
        return None
    own_id = rows[0]["own_recipe_user_id"]
    method = next(method for method in user.login_methods if method.recipe_user_id == own_id)
    return _Found(user, method, rows[0]["issuer"])


FIND_IDENTITY = Statement(
    "select i.issuer, i.recipe_user_id as own_recipe_user_id,"  # noqa: S608 - constant parts, as everywhere
    + directory.USER_COLUMNS
    + "from {users} u"
    + directory.USER_LOGIN_METHODS
    + """
      join {thirdparty_users} i on i.app_id = u.app_id and i.tenant_id = :tenant_id
       and i.third_party_id = :third_party_id and i.third_party_user_id = :third_party_user_id
     where
    """
    + directory.user_of_login_method(
        """
        (select recipe_user_id from {thirdparty_users}
          where app_id = :app_id and tenant_id = :tenant_id
            and third_party_id = :third_party_id and third_party_user_id = :third_party_user_id)
        """
    )
)

FIND_KNOWN = Statement(
    """
    select recipe_user_id from {thirdparty_users}
     where app_id = :app_id and tenant_id = :tenant_id
       and third_party_id = :third_party_id and third_party_user_id = :third_party_user_id
    """
)

FIND_ISSUER = Statement(
    "select issuer from {thirdparty_users} where app_id = :app_id and recipe_user_id = :recipe_user_id limit 1"
)

INSERT_IDENTITY = Statement(
    """
    insert into {thirdparty_users} (app_id, tenant_id, third_party_id, third_party_user_id, issuer, recipe_user_id)
    values (:app_id, :tenant_id, :third_party_id, :third_party_user_id, :issuer, :recipe_user_id)
    on conflict (app_id, tenant_id, third_party_id, third_party_user_id) do nothing
    returning recipe_user_id
    """
)

LOCK_IDENTITY = Statement(
    """
    select third_party_id from {thirdparty_users}
     where app_id = :app_id and recipe_user_id = :recipe_user_id and tenant_id = :tenant_id
       {for_update}
    """
)

UPDATE_ISSUER = Statement(
    """
    update {thirdparty_users} set issuer = case when :issuer = '' then issuer else :issuer end
     where app_id = :app_id and tenant_id = :tenant_id
       and third_party_id = :third_party_id and third_party_user_id = :third_party_user_id
    """
)
