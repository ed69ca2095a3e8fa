"""Users brought from elsewhere, on both databases: whole, once, with their ids and passwords; and out again."""

import asyncio
from typing import Any

import pytest

from tests.crypto.test_imported import HASHES, PASSWORD
from tests.site import Site, running_site
from watchword.audit.events import Unlogged
from watchword.clock import SystemClock
from watchword.crypto.passwords import PasswordHasher
from watchword.database.database import Database
from watchword.database.statements import Statement
from watchword.ids import RandomIds
from watchword.recipes import EmailPassword, ThirdParty, UserRoles
from watchword.transfer.errors import RecordRefused
from watchword.transfer.exporting import export_users
from watchword.transfer.importing import Importer, Outcome
from watchword.transfer.records import UserRecord, read_record

BCRYPT = HASHES["bcrypt 2b"]


def user(id: str | None = None, email: str = "ada@example.com", **more: Any) -> UserRecord:
    """Somebody with a password."""
    method = {"recipeId": "emailpassword", "email": email, "passwordHash": BCRYPT, **more}
    return read_record({"loginMethods": [method], "externalUserId": id})


def with_google(id: str | None, subject: str, email: str = "ada@example.com") -> UserRecord:
    """Somebody with a password and Google."""
    methods = [
        {"recipeId": "emailpassword", "email": email, "passwordHash": BCRYPT},
        {"recipeId": "thirdparty", "thirdPartyId": "google", "thirdPartyUserId": subject, "email": email},
    ]
    return read_record({"loginMethods": methods, "externalUserId": id})


def importer_of(db: Database, *, dry_run: bool = False) -> Importer:
    """As the command makes it."""
    return Importer(
        db=db,
        app_id="public",
        passwords=PasswordHasher(),
        ids=RandomIds(),
        clock=SystemClock(),
        audit=Unlogged(),
        dry_run=dry_run,
    )


def database_of(site: Site) -> Database:
    """The database of a running site."""
    return site.auth.session_recipe.engine.db


async def everybody(db: Database) -> list[UserRecord]:
    """All who are there."""
    return [record async for record in export_users(db, "public")]


async def count(db: Database) -> dict[str, int]:
    """How many rows each table has that a user needs."""
    tables = ("users", "login_methods", "emailpassword_users", "emailpassword_emails", "thirdparty_users")
    statements = {table: Statement(f"select app_id from {{{table}}}") for table in tables}  # noqa: S608 - names above
    return {table: len(await db.list(statement)) for table, statement in statements.items()}


def kinds(outcomes: list[Outcome]) -> list[str]:
    """The outcomes, of a refusal only that it is one."""
    return ["refused" if isinstance(outcome, RecordRefused) else outcome for outcome in outcomes]


async def test_who_comes_in_goes_out_as_they_were(installation: Database, importer: Importer) -> None:
    """Ids, hashes, providers, times and roles, and a second run leaves everybody as they are."""
    ada = read_record(
        {
            "externalUserId": "42",
            "loginMethods": [
                {
                    "recipeId": "emailpassword",
                    "email": "ada@example.com",
                    "passwordHash": BCRYPT,
                    "isVerified": True,
                    "timeJoinedInMSSinceEpoch": 1_500_000_000_000,
                },
                {
                    "recipeId": "thirdparty",
                    "thirdPartyId": "google",
                    "thirdPartyUserId": "1093",
                    "email": "ada@example.com",
                    "externalUserId": "42-google",
                    "timeJoinedInMSSinceEpoch": 1_600_000_000_000,
                },
            ],
            "userRoles": [{"role": "admin", "tenantIds": ["public"]}, {"role": "editor", "tenantIds": ["public"]}],
        }
    )
    bob = user("7", "bob@example.com", timeJoinedInMSSinceEpoch=1_700_000_000_000, passwordHash=None)
    assert ["imported", "imported"] == await importer.store([ada, bob])
    assert [ada, bob] == await everybody(installation)
    assert ["already there", "already there"] == await importer.store([ada, bob])
    assert [ada, bob] == await everybody(installation)


async def test_a_user_who_cannot_be_taken_leaves_nothing_behind(installation: Database, importer: Importer) -> None:
    """Each is refused by itself, with the reason, and the others of the batch are stored."""
    await importer.store([with_google("1", "a"), user("2", "bob@example.com")])
    before = await count(installation)
    outcomes = await importer.store(
        [
            user("3", "ada@example.com"),  # the address of 1
            with_google("4", "a", "eve@example.com"),  # the Google account of 1
            user("1", "eve@example.com"),  # the id of 1
            user("1", "ada@example.com"),  # 1, with one of two ways to sign in
            with_google("5", "b", "bob@example.com"),  # the address of 2
            user("6", "no@example.com", passwordHash="md5"),
            user("7", "no@example.com", tenantIds=["nowhere"]),
        ]
    )
    assert ["refused"] * 3 + ["already there"] + ["refused"] * 3 == kinds(outcomes)
    assert before == await count(installation)
    assert ["imported"] == await importer.store([user("8", "new@example.com")])


async def test_nobody_comes_in_under_an_id_that_still_finds_somebody(database_url: str) -> None:
    """Attack: bring the id of another's login method, or the one from before a mapping; a ban would meet the other."""
    async with running_site(database_url, recipes=[EmailPassword(), ThirdParty(providers=[]), UserRoles()]) as site:
        importer = importer_of(database_of(site))
        assert ["imported"] == kinds(await importer.store([user("42", externalUserId="method-1")]))
        await site.auth.users.create_id_mapping("42", "customer-7")
        taken = ("42", "customer-7", "method-1")
        as_user = [user(id, "eve@example.com", externalUserId="eve-1") for id in taken]
        as_method = [user("eve", "eve@example.com", externalUserId=id) for id in taken]
        assert ["refused"] * 6 == kinds(await importer.store([*as_user, *as_method]))
        assert ["customer-7"] == [record.user_id for record in await everybody(database_of(site))]


async def test_the_same_person_twice_in_a_batch_is_one(installation: Database, importer: Importer) -> None:
    """Whoever comes first counts; another id for the same address is refused."""
    outcomes = await importer.store([user(), user(), user("1"), user(None, "ADA@example.com")])
    assert ["imported", "already there", "refused", "already there"] == kinds(outcomes)
    assert 1 == len(await everybody(installation))


async def test_two_imports_at_once_store_everybody_once(installation: Database, importer: Importer) -> None:
    """Two operators start the same import: each user is stored by one of them, whole."""
    records = [with_google(str(number), f"g{number}", f"user{number}@example.com") for number in range(40)]
    batches = [records[start : start + 10] for start in (0, 10, 20, 30)]
    outcomes = await asyncio.gather(*(importer.store(batch) for batch in [*batches, *batches]))
    assert 40 == sum(kinds(outcome).count("imported") for outcome in outcomes)
    expected = {
        "users": 40,
        "login_methods": 80,
        "emailpassword_users": 40,
        "emailpassword_emails": 40,
        "thirdparty_users": 40,
    }
    assert expected == await count(installation)


async def test_a_dry_run_says_the_same_and_stores_nothing(installation: Database, importer: Importer) -> None:
    """The outcomes of the real run, and empty tables."""
    records = [user("1"), user("2"), user("3", "bob@example.com")]
    assert ["imported", "refused", "imported"] == kinds(await importer_of(installation, dry_run=True).store(records))
    assert 0 == sum((await count(installation)).values())
    assert ["imported", "refused", "imported"] == kinds(await importer.store(records))


@pytest.mark.parametrize("kind", ["bcrypt 2b", "pbkdf2 of Django", "argon2id of four lanes (pwdlib)"])
async def test_people_sign_in_with_the_password_they_had(database_url: str, kind: str) -> None:
    """The old hash opens the account under the old id, and is one of ours from then on; roles are in the session."""
    record = read_record(
        {
            "externalUserId": "42",
            "loginMethods": [{"recipeId": "emailpassword", "email": "ada@example.com", "passwordHash": HASHES[kind]}],
            "userRoles": [{"role": "admin", "tenantIds": ["public"]}],
        }
    )
    async with running_site(database_url, recipes=[EmailPassword(), ThirdParty(), UserRoles()]) as site:
        db = database_of(site)
        assert ["imported"] == await importer_of(db).store([record])
        browser = site.browser()
        assert "WRONG_CREDENTIALS_ERROR" == (await browser.sign_in(password="wrong horse 1")).json()["status"]
        assert "42" == (await browser.sign_in(password=PASSWORD)).json()["user"]["id"]
        assert ["admin"] == browser.front_token["up"]["st-role"]["v"]
        (stored,) = await everybody(db)
        assert (stored.methods[0].password_hash or "").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert "OK" == (await browser.sign_in(password=PASSWORD)).json()["status"]


async def test_whoever_brings_no_hash_chooses_a_password_by_mail(database_url: str) -> None:
    """No password opens the account, not even the mark that stands in the table; a reset does."""
    async with running_site(database_url, recipes=[EmailPassword(), ThirdParty(), UserRoles()]) as site:
        await importer_of(database_of(site)).store([user("42", passwordHash=None)])
        browser = site.browser()
        for password in ("!", "", PASSWORD):
            assert "OK" != (await browser.sign_in(password=password)).json()["status"]
        await browser.post_form("/auth/user/password/reset/token", {"email": "ada@example.com"})
        token = (await site.mail.take_link()).partition("token=")[2].partition("&")[0]
        form = {"method": "token", "token": token, "formFields": [{"id": "password", "value": "new horse 1"}]}
        assert "OK" == (await browser.call("POST", "/auth/user/password/reset", json=form)).json()["status"]
        assert "42" == (await browser.sign_in(password="new horse 1")).json()["user"]["id"]
