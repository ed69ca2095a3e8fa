"""A `Watchword` without HTTP on each database, and people in it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest

from tests.site import PASSWORD, SECRET, FakeClock, Letterbox
from watchword import AppInfo, User, Watchword
from watchword.accounts import directory
from watchword.accounts.users import LoginMethod, ThirdPartyIdentity
from watchword.crypto.passwords import PasswordHasher
from watchword.database.database import Transaction
from watchword.database.statements import Statement
from watchword.delivery.email_delivery import EmailDelivery
from watchword.ids import Ids
from watchword.recipes import EmailVerification, Session, ThirdPartyEmailPassword, UserRoles
from watchword.recipes.thirdparty.operations import insert_identity

GOOGLE = "ada at google"
LOCALHOST = "http://localhost:8000"


@dataclass
class Town:
    """An application with every recipe, on a clock that is moved, and its mail."""

    auth: Watchword
    recipe: ThirdPartyEmailPassword
    verification: EmailVerification
    clock: FakeClock
    mail: Letterbox = field(default_factory=Letterbox)

    async def sign_up(self, email: str = "ada@example.com", tenant_id: str = "public") -> User:
        """Somebody with a password, a second after the one before."""
        self.clock.advance(1_000)
        return await self.recipe.sign_up(email, PASSWORD, tenant_id=tenant_id, user_context={})

    async def sign_in_up(
        self, user_id: str = "1234", email: str = "ada@example.com", provider: str = "google", tenant_id: str = "public"
    ) -> User:
        """Somebody who comes from a provider, a second after the one before."""
        self.clock.advance(1_000)
        result = await self.recipe.sign_in_up(
            provider,
            user_id,
            email=email,
            is_verified=True,
            oauth_tokens={},
            raw_user_info={},
            tenant_id=tenant_id,
            user_context={},
        )
        return result.user

    async def make_tenant(self, tenant_id: str) -> None:
        """One more tenant."""

        async def insert(tx: Transaction) -> None:
            await tx.execute(
                Statement("insert into {tenants} (app_id, tenant_id) values ('public', :tenant_id)"),
                tenant_id=tenant_id,
            )

        await self.auth._db.write(insert)


async def give_google(auth: Watchword, user: User, now_ms: int) -> None:
    """Have a user sign in with a provider as well, as an import makes them."""
    method = LoginMethod(
        recipe_id="thirdparty",
        recipe_user_id=GOOGLE,
        tenant_ids=("public",),
        time_joined_ms=now_ms,
        email="ada@gmail.example",
        third_party=ThirdPartyIdentity("google", "1234"),
        verified=True,
    )

    async def insert(tx: Transaction) -> None:
        await directory.insert_login_method(tx, "public", user, method)
        await insert_identity(tx, "public", method)

    await auth._db.write(insert)


def make_town(database_url: str, mail: Letterbox | None = None, ids: Ids | None = None) -> Town:
    """Not started yet."""
    recipe, verification, clock = ThirdPartyEmailPassword(), EmailVerification(mode="OPTIONAL"), FakeClock()
    mail = mail or Letterbox()
    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain=LOCALHOST, website_domain=LOCALHOST),
        database=database_url,
        secret=SECRET,
        recipe_list=[recipe, verification, UserRoles(), Session(signing_key_algorithm="EdDSA")],
        passwords=PasswordHasher(workers=2),
        email_delivery=EmailDelivery(mail),
        ids=ids,
        clock=clock,
    )
    return Town(auth, recipe, verification, clock, mail)


@pytest.fixture
async def town(database_url: str) -> AsyncIterator[Town]:
    """Started, on SQLite and on PostgreSQL."""
    town = make_town(database_url)
    await town.auth.start()
    yield town
    await town.auth.stop()
