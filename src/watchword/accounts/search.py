"""Finding users by what they have: an address, an identity at a provider, or how either begins. Source: CDI 14."""

# ruff: noqa: S608 - every part of a statement is a constant of this file

import unicodedata
from collections.abc import Sequence

from watchword.accounts.listing import Filter
from watchword.accounts.users import ThirdPartyIdentity
from watchword.database.database import Database
from watchword.database.statements import Statement

_LAST_CHARACTER = "\U0010ffff"  # after all that an address may hold, compared by bytes


async def find_ids_by_email(db: Database, app_id: str, email: str, tenant_id: str | None) -> set[str]:
    """The users with a login method of this address, in normal form."""
    rows = await db.list(FIND_BY_EMAIL, app_id=app_id, email=email, tenant_id=tenant_id)
    return {row["user_id"] for row in rows}


async def find_ids_by_third_party(
    db: Database, app_id: str, identity: ThirdPartyIdentity, tenant_id: str | None
) -> set[str]:
    """The users with this identity at a provider."""
    rows = await db.list(
        FIND_BY_THIRD_PARTY,
        app_id=app_id,
        third_party_id=identity.id,
        third_party_user_id=identity.user_id,
        tenant_id=tenant_id,
    )
    return {row["user_id"] for row in rows}


async def search_ids(
    db: Database, app_id: str, where: Filter, *, emails: Sequence[str], providers: Sequence[str], limit: int
) -> set[str]:
    """Users by the beginning of an address or of its domain, and of a provider's id; at most `limit`.

    Args:
        db: Where to look.
        app_id: Whose users.
        where: Only these.
        emails: One of these must fit; empty for any.
        providers: One of these must fit, too; empty for any. Not both may be empty.
        limit: The most users; which ones, where there are more, is the alphabet's choice.
    """
    if emails:
        walks = [
            {"prefix": prefix, "beyond": prefix + _LAST_CHARACTER, **_provider(provider)}
            for prefix in map(_plain, emails)
            for provider in providers or (None,)
        ]
        statements = (SEARCH_BY_EMAIL, SEARCH_BY_DOMAIN)
    else:
        walks = [_provider(provider) for provider in providers]
        statements = (SEARCH_BY_PROVIDER,)
    names = {"app_id": app_id, "at_most": limit, "tenant_id": None, "recipe_ids": None, **where.parameters()}
    found: dict[str, None] = {}
    for walk in walks:
        for statement in statements:
            rows = await db.list(statement, **names, **walk)
            found |= dict.fromkeys(row["user_id"] for row in rows)
    return set(list(found)[:limit])


def _provider(prefix: str | None) -> dict[str, str | None]:
    return {"provider": prefix, "beyond_provider": None if prefix is None else prefix + _LAST_CHARACTER}


def _plain(term: str) -> str:
    """A term as addresses are stored."""
    return unicodedata.normalize("NFC", term.strip().lower())


_OF_TENANT = """
       and (cast(:tenant_id as text) is null
            or exists (select 1 from {login_method_tenants} t
                        where t.app_id = m.app_id and t.recipe_user_id = m.recipe_user_id
                          and t.tenant_id = :tenant_id))
"""

_FILTERED = (
    _OF_TENANT
    + """
       and (cast(:recipe_ids as json) is null or m.recipe_id in (select value from {json_each}(:recipe_ids)))
"""
)

_OF_PROVIDER = """
       and (cast(:provider as text) is null or (m.third_party_id {bytewise} >= :provider
                                  and m.third_party_id {bytewise} < :beyond_provider))
"""

FIND_BY_EMAIL = Statement(
    "select m.user_id from {login_methods} m where m.app_id = :app_id and m.email {bytewise} = :email" + _OF_TENANT
)

FIND_BY_THIRD_PARTY = Statement(
    """
    select m.user_id from {login_methods} m
     where m.app_id = :app_id and m.third_party_id {bytewise} = :third_party_id
       and m.third_party_user_id {bytewise} = :third_party_user_id
    """
    + _OF_TENANT
)

SEARCH_BY_EMAIL = Statement(
    """
    select m.user_id from {login_methods} m
     where m.app_id = :app_id and m.email {bytewise} >= :prefix and m.email {bytewise} < :beyond
    """
    + _OF_PROVIDER
    + _FILTERED
    + "order by m.email {bytewise} limit :at_most"
)

SEARCH_BY_DOMAIN = Statement(
    """
    select m.user_id from {login_methods} m
     where m.app_id = :app_id and m.email_domain {bytewise} >= :prefix and m.email_domain {bytewise} < :beyond
    """
    + _OF_PROVIDER
    + _FILTERED
    + "order by m.email_domain {bytewise}, m.email {bytewise} limit :at_most"
)

SEARCH_BY_PROVIDER = Statement(
    """
    select m.user_id from {login_methods} m
     where m.app_id = :app_id and m.third_party_id {bytewise} >= :provider
       and m.third_party_id {bytewise} < :beyond_provider
    """
    + _FILTERED
    + "order by m.third_party_id {bytewise}, m.third_party_user_id {bytewise} limit :at_most"
)
