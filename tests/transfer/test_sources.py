"""Users of other systems as these keep or export them: their tables, and files as they write them."""

# ruff: noqa: S608 - the SQL is ours

import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.crypto.test_imported import FIREBASE_HASH, FIREBASE_SIGNER_KEY, HASHES
from watchword.crypto.passwords import PasswordHasher
from watchword.database.foreign import ForeignDatabase, ForeignUnreadable
from watchword.errors import ConfigurationError
from watchword.transfer.errors import RecordRefused, SourceUnreadable
from watchword.transfer.records import MethodRecord, UserRecord
from watchword.transfer.run import Brought
from watchword.transfer.sources import auth0, cognito, django, fastapi_users, firebase, jsonlines, supertokens

JOINED_MS = 1_577_934_245_000  # 2020-01-02 03:04:05 UTC
DJANGO_HASH = HASHES["pbkdf2 of Django"]
BCRYPT = HASHES["bcrypt 2b"]


async def make(url: str, sql: str) -> ForeignDatabase:
    """The other application's database, with these tables and rows."""
    if url.startswith("sqlite"):
        with sqlite3.connect(url.removeprefix("sqlite:///")) as connection:
            connection.executescript(sql)
        connection.close()
    else:
        server = await asyncpg.connect(url)
        await server.execute(sql)
        await server.close()
    return ForeignDatabase(url)


async def all_of(source: AsyncIterator[Brought]) -> dict[str, UserRecord | str]:
    """What a source brings, by place; of a refusal its words."""
    return {
        brought.place: str(brought.record) if isinstance(brought.record, RecordRefused) else brought.record
        async for brought in source
    }


def password(email: str, password_hash: str | None, *, verified: bool = False, joined_ms: int = 0) -> MethodRecord:
    """A method with a password."""
    return MethodRecord(
        recipe_id="emailpassword",
        email=email,
        password_hash=password_hash,
        verified=verified,
        time_joined_ms=joined_ms,
    )


def provider(id: str, subject: str, email: str | None, *, verified: bool = False, joined_ms: int = 0) -> MethodRecord:
    """A method with a provider."""
    return MethodRecord(
        recipe_id="thirdparty",
        email=email,
        third_party_id=id,
        third_party_user_id=subject,
        verified=verified,
        time_joined_ms=joined_ms,
    )


DJANGO = f"""
create table auth_user (id integer primary key, password varchar(128) not null, is_superuser bool not null,
    username varchar(150) not null, email varchar(254) not null, is_active bool not null,
    date_joined timestamp not null);
create table account_emailaddress (id integer primary key, email varchar(254) not null, verified bool not null,
    "primary" bool not null, user_id integer not null);
create table socialaccount_socialaccount (id integer primary key, provider varchar(200) not null,
    uid varchar(191) not null, user_id integer not null);
insert into auth_user values
    (1, '{DJANGO_HASH}', true, 'ada', 'Ada@example.com', true, '2020-01-02 03:04:05'),
    (2, '!unusable', false, 'bob', 'bob@example.com', true, '2020-01-02 03:04:05'),
    (3, '{DJANGO_HASH}', false, 'cleo', 'cleo@example.com', false, '2020-01-02 03:04:05'),
    (4, '{DJANGO_HASH}', false, 'dan', '', true, '2020-01-02 03:04:05'),
    (5, '!reset me', false, 'eve', 'eve@example.com', true, '2020-01-02 03:04:05');
insert into account_emailaddress values (1, 'ada@example.com', true, true, 1), (2, 'old@example.com', false, false, 1),
    (3, 'bob@example.com', true, true, 2);
insert into socialaccount_socialaccount values (1, 'google', '1093', 1), (2, 'linkedin_oauth2', 'li-2', 2),
    (3, 'github', '77', 2);
"""


async def test_django_with_allauth(database_url: str) -> None:
    """Hash, proof of the address, providers under our names; whoever may not sign in there may not here."""
    db = await make(database_url, DJANGO)
    ada, bob, cleo, dan, eve = (await all_of(django.read_users(db))).values()
    joined: dict[str, Any] = {"joined_ms": JOINED_MS}
    methods = (
        password("ada@example.com", DJANGO_HASH, verified=True, **joined),
        provider("google", "1093", "ada@example.com", verified=True, **joined),
    )
    assert UserRecord(user_id="1", methods=methods) == ada
    providers = tuple(
        provider(id, subject, "bob@example.com", verified=True, **joined)
        for id, subject in [("github", "77"), ("linkedin", "li-2")]
    )
    assert isinstance(bob, UserRecord)
    assert providers == tuple(sorted(bob.methods, key=lambda method: method.third_party_id))
    assert "is_active: is false: this person may not sign in there" == cleo
    assert "email: is empty, and no provider is connected; --user-names takes user names" == dan
    assert UserRecord(user_id="5", methods=(password("eve@example.com", None, **joined),)) == eve
    assert 5 == await db.count("auth_user")


async def test_django_by_user_name_and_without_allauth(database_url: str) -> None:
    """`--user-names` brings what people type there; a user model of another name is named."""
    sql = DJANGO.partition("create table account_emailaddress")[0].replace("auth_user", "people_user")
    sql += f"insert into people_user values (9, '{DJANGO_HASH}', false, 'Ada', '', true, '2020-01-02 03:04:05');"
    db = await make(database_url, sql)
    with pytest.raises(SourceUnreadable, match="no table auth_user"):
        await all_of(django.read_users(db))
    found = await all_of(django.read_users(db, "people_user", user_names=True))
    expected = UserRecord(user_id="9", methods=(password("ada", DJANGO_HASH, joined_ms=JOINED_MS),))
    assert {"people_user.id 9": expected} == found


async def test_fastapi_users(database_url: str) -> None:
    """UUIDs as text, the superuser's role, OAuth accounts; and without their table as well."""
    kind = "char(36)" if database_url.startswith("sqlite") else "uuid"
    ada, bob = "6b1f2a1e-0a5e-4a8e-9f0f-0123456789ab", "7b1f2a1e-0a5e-4a8e-9f0f-0123456789ab"
    db = await make(
        database_url,
        f"""
        create table "user" (id {kind} primary key, email varchar(320) not null, hashed_password varchar(1024) not null,
            is_active boolean not null, is_superuser boolean not null, is_verified boolean not null);
        create table oauth_account (id {kind} primary key, user_id {kind} not null, oauth_name varchar(100) not null,
            account_id varchar(320) not null, account_email varchar(320) not null);
        insert into "user" values ('{ada}', 'ada@example.com', '{BCRYPT}', true, true, true),
            ('{bob}', 'bob@example.com', '{BCRYPT}', false, false, false);
        insert into oauth_account values ('{ada}', '{ada}', 'github', '7', 'ada@example.com');
        insert into oauth_account values ('{bob}', '{ada}', 'google', '1093', 'ada@gmail.com');
        """,
    )
    methods = (
        password("ada@example.com", BCRYPT, verified=True),
        provider("github", "7", "ada@example.com", verified=True),
        provider("google", "1093", "ada@gmail.com"),  # the proof is for the other address (TK-8)
    )
    expected = {
        f"user.id {ada}": UserRecord(user_id=ada, methods=methods, roles=(("superuser", "public"),)),
        f"user.id {bob}": "is_active: is false: this person may not sign in there",
    }
    assert expected == await all_of(fastapi_users.read_users(db))
    without = await all_of(fastapi_users.read_users(db, oauth_table="nowhere"))
    assert UserRecord(user_id=ada, methods=methods[:1], roles=(("superuser", "public"),)) == without[f"user.id {ada}"]


async def test_a_supertokens_core(postgres_url: str) -> None:
    """Mapped ids, tenants, linked methods, proofs and roles; whoever has no password waits for that recipe."""
    ids = [f"{number}0000000-0000-4000-8000-000000000000" for number in range(1, 5)]
    ada, google, bob, cleo = ids
    db = await make(
        postgres_url,
        f"""
        create table all_auth_recipe_users (app_id varchar(64), tenant_id varchar(64), user_id char(36),
            primary_or_recipe_user_id char(36), is_linked_or_is_a_primary_user boolean, recipe_id varchar(128),
            time_joined bigint, primary_or_recipe_user_time_joined bigint);
        create table emailpassword_users (app_id varchar(64), user_id char(36), email varchar(256),
            password_hash varchar(256), time_joined bigint);
        create table thirdparty_users (app_id varchar(64), third_party_id varchar(28), third_party_user_id varchar(256),
            user_id char(36), email varchar(256), time_joined bigint);
        create table emailverification_verified_emails (app_id varchar(64), user_id varchar(128), email varchar(256));
        create table userid_mapping (app_id varchar(64), supertokens_user_id char(36), external_user_id varchar(128));
        create table user_roles (app_id varchar(64), tenant_id varchar(64), user_id varchar(128), role varchar(255));
        insert into all_auth_recipe_users values
            ('public', 'public', '{ada}', '{ada}', true, 'emailpassword', 20, 10),
            ('public', 'acme', '{ada}', '{ada}', true, 'emailpassword', 20, 10),
            ('public', 'public', '{google}', '{ada}', true, 'thirdparty', 10, 10),
            ('public', 'public', '{bob}', '{bob}', false, 'emailpassword', 30, 30),
            ('public', 'public', '{cleo}', '{cleo}', false, 'passwordless', 40, 40),
            ('other', 'public', '{bob}', '{bob}', false, 'emailpassword', 30, 30);
        insert into emailpassword_users values ('public', '{ada}', 'ada@example.com', '{BCRYPT}', 20),
            ('public', '{bob}', 'bob@example.com', '{BCRYPT}', 30);
        insert into thirdparty_users values ('public', 'google', '1093', '{google}', 'ada@gmail.com', 10);
        insert into emailverification_verified_emails values ('public', '{google}', 'ada@gmail.com'),
            ('public', 'customer-7', 'bob@example.com');
        insert into userid_mapping values ('public', '{bob}', 'customer-7');
        insert into user_roles values ('public', 'public', 'customer-7', 'admin');
        """,
    )
    of_ada = (
        MethodRecord(
            recipe_id="emailpassword",
            email="ada@example.com",
            password_hash=BCRYPT,
            tenant_ids=("public", "acme"),
            time_joined_ms=20,
        ),
        MethodRecord(
            recipe_id="thirdparty",
            email="ada@gmail.com",
            third_party_id="google",
            third_party_user_id="1093",
            verified=True,
            time_joined_ms=10,
            recipe_user_id=google,
        ),
    )
    of_bob = (password("bob@example.com", BCRYPT, verified=True, joined_ms=30),)
    found = await all_of(supertokens.read_users(db))
    mine = found[f"user {ada}"]
    assert isinstance(mine, UserRecord)
    assert (ada, of_ada) == (mine.user_id, mine.methods)
    assert UserRecord(user_id="customer-7", methods=of_bob, roles=(("admin", "public"),)) == found[f"user {bob}"]
    assert "recipe_id: is passwordless, and there is no such recipe here" == found[f"user {cleo}"]
    assert 3 == len(found)


async def test_auth0(tmp_path: Path) -> None:
    """The id that was in `sub`, the hash of the other file, providers with and without the field identities."""
    users = [
        {"user_id": "auth0|5dea", "email": "ada@example.com", "email_verified": True,
         "created_at": "2020-01-02T03:04:05.000Z",
         "identities": [{"provider": "auth0", "user_id": "5dea", "connection": "Username-Password-Authentication"},
                        {"provider": "google-oauth2", "user_id": "1093", "isSocial": True}]},
        {"user_id": "auth0|euclid", "email": "bob@example.com"},
        {"user_id": "github|77"},
        {"user_id": "auth0|x", "email": "c@example.com", "blocked": True},
        {"user_id": "sms|1"},
        {"email": "nobody@example.com"},
    ]  # fmt: skip
    hashes = [
        {"_id": {"$oid": "5dea"}, "email": "ada@example.com", "passwordHash": BCRYPT},
        {"_id": {"$oid": "other"}, "alt_id": "euclid", "passwordHash": BCRYPT},
    ]
    file, hashes_file = tmp_path / "users.ndjson", tmp_path / "hashes.ndjson"
    file.write_text("\n".join(json.dumps(user) for user in users))
    hashes_file.write_text("\n".join(json.dumps(line) for line in hashes))
    ada = (
        password("ada@example.com", BCRYPT, verified=True, joined_ms=JOINED_MS),
        provider("google", "1093", "ada@example.com", verified=True, joined_ms=JOINED_MS),
    )
    expected = {
        "line 1": UserRecord(user_id="auth0|5dea", methods=ada),
        "line 2": UserRecord(user_id="auth0|euclid", methods=(password("bob@example.com", BCRYPT),)),
        "line 3": UserRecord(user_id="github|77", methods=(provider("github", "77", None),)),
        "line 4": "blocked: is true: this person may not sign in there",
        "line 5": "identities: has sms, which is no way to sign in here",
        "line 6": "user_id: is missing; export it under this name",
    }
    assert expected == await all_of(auth0.read_users(file, hashes_file))
    (first, *_) = (await all_of(auth0.read_users(file))).values()
    assert isinstance(first, UserRecord)
    assert first.methods[0].password_hash is None


async def test_firebase(tmp_path: Path) -> None:
    """Hash and salt become a hash that verifies with the project's key; base64 of either alphabet."""
    tag, salt = FIREBASE_HASH.split("$")[2:4]
    users = [
        {"localId": "a1", "email": "ada@example.com", "emailVerified": True, "createdAt": str(JOINED_MS),
         "passwordHash": tag.replace("+", "-").replace("/", "_"), "salt": salt,
         "providerUserInfo": [{"providerId": "password"}, {"providerId": "google.com", "rawId": "1093",
                                                          "email": "ada@gmail.com"}]},
        {"localId": "b2", "disabled": True},
        {"localId": "c3", "phoneNumber": "+1"},
        {"localId": "d4", "providerUserInfo": 7},
        [],
    ]  # fmt: skip
    file = tmp_path / "users.json"
    file.write_text(json.dumps({"users": users}))
    found = await all_of(firebase.read_users(file, firebase.HashParameters()))
    ada = (
        password("ada@example.com", FIREBASE_HASH, verified=True, joined_ms=JOINED_MS),
        provider("google", "1093", "ada@gmail.com", joined_ms=JOINED_MS),  # the proof is for the other address (TK-8)
    )
    expected = {
        "users[0]": UserRecord(user_id="a1", methods=ada),
        "users[1]": "disabled: is true: this person may not sign in there",
        "users[2]": "providerUserInfo: has neither a password nor a provider: no way to sign in here",
        "users[3]": "the user: is not of the form that this system writes",
        "users[4]": "the user: is not a JSON object",
    }
    assert expected == found
    PasswordHasher(firebase_signer_key=FIREBASE_SIGNER_KEY).check_importable(FIREBASE_HASH)


async def test_cognito(tmp_path: Path) -> None:
    """People with a password choose a new one; federated people keep their provider."""
    identities = json.dumps([{"userId": "1093", "providerName": "Google", "providerType": "Google"}])
    users = [
        {"Username": "ada", "Enabled": True, "UserStatus": "CONFIRMED", "UserCreateDate": "2020-01-02T03:04:05+00:00",
         "Attributes": [{"Name": "sub", "Value": "s-1"}, {"Name": "email", "Value": "ada@example.com"},
                        {"Name": "email_verified", "Value": "true"}]},
        {"Username": "Google_1093", "Enabled": True, "UserStatus": "EXTERNAL_PROVIDER",
         "Attributes": [{"Name": "sub", "Value": "s-2"}, {"Name": "identities", "Value": identities}]},
        {"Username": "off", "Enabled": False},
        {"Username": "odd", "Attributes": [{"Name": "sub", "Value": "s-3"}, {"Name": "identities", "Value": "{"}]},
    ]  # fmt: skip
    file = tmp_path / "users.json"
    file.write_text(json.dumps({"Users": users}))
    ada = password("ada@example.com", None, verified=True, joined_ms=JOINED_MS)
    expected = {
        "Users[0]": UserRecord(user_id="s-1", methods=(ada,)),
        "Users[1]": UserRecord(user_id="s-2", methods=(provider("google", "1093", None),)),
        "Users[2]": "Enabled: is false: this person may not sign in there",
        "Users[3]": "identities: is not the list of providers that Cognito writes",
    }
    assert expected == await all_of(cognito.read_users(file))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = [
    "user_id", "identities", "email", "localId", "passwordHash", "providerUserInfo", "Attributes", "createdAt", "salt",
]  # fmt: skip
objects = st.dictionaries(st.sampled_from(MEMBERS), json_values) | json_values


@given(st.lists(objects, min_size=1, max_size=4))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_line_of_a_file_ends_an_import(tmp_path: Path, values: list[Any]) -> None:
    """Whatever stands there: one user or one refusal for each."""
    file = tmp_path / "users"
    file.write_text("\n".join(json.dumps(value) for value in values))
    assert len(values) == len(await all_of(auth0.read_users(file)))
    assert len(values) == len(await all_of(jsonlines.read_users(file)))
    file.write_text(json.dumps({"users": values, "Users": values}))
    assert len(values) == len(await all_of(firebase.read_users(file, firebase.HashParameters())))
    assert len(values) == len(await all_of(cognito.read_users(file)))


@pytest.mark.parametrize("text", ["", "[]", '{"users": {}}', '{"Users": []}', "not json"])
async def test_a_file_of_another_form(tmp_path: Path, text: str) -> None:
    """It is named, and nothing is imported."""
    file = tmp_path / "users.json"
    file.write_text(text)
    with pytest.raises(SourceUnreadable, match=r"users\.json"):
        await all_of(firebase.read_users(file, firebase.HashParameters()))


async def test_the_other_database_is_only_read(database_url: str) -> None:
    """Attack on ourselves: a query that writes is refused by the database, and a database that is away is named."""
    db = await make(database_url, "create table auth_user (id integer primary key)")
    with pytest.raises(ForeignUnreadable):
        _ = [row async for row in db.rows("delete from auth_user returning id")]
    missing = ForeignDatabase("sqlite:////nowhere/at/all.db")
    with pytest.raises(ForeignUnreadable, match="nowhere"):
        await missing.count("auth_user")
    with pytest.raises(ForeignUnreadable, match="cannot be reached"):
        await ForeignDatabase("postgresql://ada:secret@127.0.0.1:1/app").count("auth_user")
    with pytest.raises(ConfigurationError, match="from"):
        ForeignDatabase("mysql://localhost/app")
