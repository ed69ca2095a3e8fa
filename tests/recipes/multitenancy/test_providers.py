"""Providers of one tenant alone: who may sign in with them, what is stored of them, and how soon others know."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from tests.recipes.engine import running_engine
from tests.recipes.thirdparty.double import CLIENT_ID, CLIENT_SECRET, ProviderDouble, query_of, running_provider
from tests.site import FakeClock, Site, running_site
from watchword import AppInfo, Watchword
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import BadInput, SignInUpNotAllowed, StorageUnavailable
from watchword.recipes import EmailPassword, ThirdParty
from watchword.recipes.thirdparty.functions import SignInUpResult
from watchword.recipes.thirdparty.providers import GitHub, Google, OpenIdConnect
from watchword.recipes.thirdparty.tenant_providers import STALE_MS, TenantProviders

READ_SEALED = Statement("select sealed_config from {tenant_providers} where app_id = :app_id")


@pytest.fixture
def clock() -> FakeClock:
    """The time, for sites and providers alike."""
    return FakeClock()


@pytest.fixture
async def corp(clock: FakeClock) -> AsyncIterator[ProviderDouble]:
    """A provider."""
    async with running_provider(clock) as running:
        yield running


@pytest.fixture
async def other(clock: FakeClock) -> AsyncIterator[ProviderDouble]:
    """Another provider."""
    async with running_provider(clock) as running:
        yield running


@pytest.fixture
async def site(sqlite_url: str, clock: FakeClock) -> AsyncIterator[Site]:
    """A site that lists two providers, with two tenants; on one database, for what no database decides."""
    async with site_on(sqlite_url, clock) as running:
        yield await with_tenants(running)


@pytest.fixture
async def stored_site(database_url: str, clock: FakeClock) -> AsyncIterator[Site]:
    """The same on both."""
    async with site_on(database_url, clock) as running:
        yield await with_tenants(running)


async def with_tenants(site: Site) -> Site:
    """Make the two."""
    for tenant_id in ("acme", "beta"):
        await site.auth.tenants.create_or_update(tenant_id)
    return site


def site_on(database_url: str, clock: FakeClock, **more: Any) -> Any:
    """One node of the site."""
    listed = [
        Google(client_id="ours", client_secret="our secret"),
        GitHub(client_id="hub", client_secret="hub secret", scope=["read:user"]),
    ]
    return running_site(database_url, recipes=[EmailPassword(), ThirdParty(providers=listed)], clock=clock, **more)


SIMPLE = {"third_party_id": "corp", "issuer": "https://corp.example", "client_id": "a", "client_secret": "secret of b"}


@pytest.fixture
async def providers(sqlite_url: str, clock: FakeClock) -> AsyncIterator[TenantProviders]:
    """The providers of tenants without a site around them, at an address elsewhere; one tenant, one provider listed."""
    db = open_database(sqlite_url)
    await db.start()
    try:
        async with running_engine(db) as engine:
            made = TenantProviders([Google(client_id="ours", client_secret="our secret")], ())
            made.bind(replace(engine, clock=clock))
            await db.write(lambda tx: engine.tenants.insert(tx, "acme", None))
            yield made
    finally:
        await db.stop()


def config_of(double: ProviderDouble, **more: Any) -> dict[str, Any]:
    """A double as a tenant has it."""
    return {
        "third_party_id": "corp",
        "issuer": double.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        **more,
    }


def plain_oauth_of(double: ProviderDouble) -> dict[str, Any]:
    """The same without OpenID Connect: nobody signs for who somebody is."""
    return {
        "third_party_id": "corp",
        "provider": "OAuth2",
        "authorization_endpoint": double.issuer + "/authorize",
        "token_endpoint": double.issuer + "/token",
        "user_info_endpoint": double.issuer + "/userinfo",
        "user_info_map": {"from_user_info_api": {"user_id": "sub"}},
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
    }


async def offered_in(site: Site, tenant_id: str) -> list[str]:
    """The providers on a tenant's sign-in page."""
    answer = await site.browser().get(f"/auth/{tenant_id}/loginmethods")
    return [provider["id"] for provider in answer.json()["thirdParty"]["providers"]]


async def begin(site: Site, tenant_id: str, third_party_id: str = "corp") -> httpx2.Response:
    """`GET /authorisationurl`."""
    back = f"{site.url}/auth/callback/{third_party_id}"
    query = f"thirdPartyId={third_party_id}&redirectURIOnProviderDashboard={back}"
    return await site.browser().get(f"/auth/{tenant_id}/authorisationurl?{query}")


async def attempt(site: Site, tenant_id: str) -> dict[str, Any]:
    """Go to the provider and come back; the body of `POST /signinup`."""
    started = (await begin(site, tenant_id)).json()
    async with httpx2.AsyncClient(trust_env=False) as browser:
        there = await browser.get(started["urlWithQueryParams"] + "&state=made-by-the-client")
    info: dict[str, Any] = {
        "redirectURIOnProviderDashboard": f"{site.url}/auth/callback/corp",
        "redirectURIQueryParams": query_of(there.headers["location"]),
        "pkceCodeVerifier": started.get("pkceCodeVerifier"),
    }
    return {"thirdPartyId": "corp", "redirectURIInfo": info}


async def finish(site: Site, tenant_id: str, body: dict[str, Any]) -> httpx2.Response:
    """`POST /signinup`."""
    return await site.browser().call("POST", f"/auth/{tenant_id}/signinup", json=body)


async def sign_in(site: Site, tenant_id: str) -> dict[str, Any]:
    """All of it."""
    return (await finish(site, tenant_id, await attempt(site, tenant_id))).json()


def third_party(auth: Watchword) -> ThirdParty:
    """The recipe of the site."""
    return next(recipe for recipe in auth.recipe_list if isinstance(recipe, ThirdParty))


async def come_in(auth: Watchword, tenant_id: str, user_id: str, issuer: str = "") -> SignInUpResult:
    """Somebody whom the provider `corp` has just named."""
    return await third_party(auth).sign_in_up(
        "corp",
        user_id,
        email="ada@example.com",
        is_verified=True,
        oauth_tokens={},
        raw_user_info={},
        issuer=issuer,
        tenant_id=tenant_id,
        user_context={},
    )


async def test_a_tenant_signs_in_with_a_provider_of_its_own(stored_site: Site, corp: ProviderDouble) -> None:
    """It has that one alone, and no other tenant knows it: neither before the provider nor after (TN-2, TN-5)."""
    site = stored_site
    tenants = site.auth.tenants
    assert ["google", "github"] == await offered_in(site, "acme")
    assert await tenants.create_or_update_third_party_config("acme", config_of(corp, name="Acme's own"))
    assert (["corp"], ["google", "github"]) == (await offered_in(site, "acme"), await offered_in(site, "beta"))

    signed_in = await sign_in(site, "acme")
    assert ("OK", ["acme"]) == (signed_in["status"], signed_in["user"]["tenantIds"])
    assert signed_in["user"]["id"] == (await sign_in(site, "acme"))["user"]["id"]
    for tenant_id in ("beta", "public"):
        assert 400 == (await begin(site, tenant_id)).status_code
        assert 400 == (await finish(site, tenant_id, await attempt(site, "acme"))).status_code
    assert 400 == (await begin(site, "acme", "google")).status_code

    assert await tenants.delete_third_party_config("acme", "corp")
    assert not await tenants.delete_third_party_config("acme", "corp")
    assert ["google", "github"] == await offered_in(site, "acme")
    assert 400 == (await begin(site, "acme")).status_code


async def test_a_listed_provider_is_offered_beside_ones_own(site: Site, corp: ProviderDouble) -> None:
    """What a config leaves out is as listed; a client of one's own goes there instead of the listed one."""
    tenants = site.auth.tenants
    await tenants.create_or_update_third_party_config("acme", {"third_party_id": "github"})
    site.clock.advance(1)
    await tenants.create_or_update_third_party_config("acme", config_of(corp))
    assert ["github", "corp"] == await offered_in(site, "acme")
    as_listed = query_of((await begin(site, "acme", "github")).json()["urlWithQueryParams"])
    assert ("hub", "read:user") == (as_listed["client_id"], as_listed["scope"])

    own = {"third_party_id": "github", "client_id": "theirs", "client_secret": "x"}
    assert not await tenants.create_or_update_third_party_config("acme", own)
    with_own = query_of((await begin(site, "acme", "github")).json()["urlWithQueryParams"])
    assert ("theirs", "read:user") == (with_own["client_id"], with_own["scope"])


@pytest.mark.parametrize(
    "more",
    [
        {"token_endpoint": "https://evil.example/token"},
        {"issuer": "https://evil.example"},
        {"provider": "OpenIdConnect", "issuer": "https://evil.example"},
        {"user_info_endpoint_headers": {"a": "b"}},
        {"trust_email": True},
    ],
)
async def test_no_tenant_has_our_secret_sent_elsewhere(providers: TenantProviders, more: dict[str, Any]) -> None:
    """Attack: name a listed provider, say nothing of its client, and have its secret sent to an address of one's own.

    A config that says where the provider is, or what it is trusted with, takes over nothing.
    """
    with pytest.raises(BadInput, match="is missing") as refused:
        await providers.create_or_update("acme", {"third_party_id": "google", **more}, address=None)
    assert "client_id" == refused.value.field


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"issuer": "http://corp.example"}, "issuer"),
        ({"issuer": "http://127.0.0.1:1"}, "issuer"),  # only where the application itself is on this machine
        ({"issuer": 7}, "issuer"),
        ({"token_endpoint": "https://user@corp.example/token"}, "token_endpoint"),
        ({"jwks_endpoint": "/keys"}, "jwks_endpoint"),
        ({"client_id": " "}, "client_id"),
        ({"client_secret": "a secret\n"}, "client_secret"),
        ({"client_secret": None}, "client_secret"),
        ({"clients": [{"client_id": "a"}]}, "clients"),
        ({"clients": [{"client_id": "a", "secret": "hidden"}]}, "clients"),
        ({"scope": "openid"}, "scope"),
        ({"scop": ["openid"]}, "scop"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "redirect_uris"),
        ({"third_party_id": "a/b"}, "third_party_id"),
        ({"third_party_id": 5}, "third_party_id"),
        ({"provider": "Gogle"}, "provider"),
        ({"provider": "Apple"}, "config"),
        ({"user_info_map": {"from_user_info_api": {"email": 1}}}, "user_info_map"),
        ({"name": "\ud800"}, "config"),
        ({"name": "a" * 70_000}, "config"),
    ],
)
async def test_what_cannot_work_is_refused_by_name(
    providers: TenantProviders, changed: dict[str, Any], field: str
) -> None:
    """As in the list of the application: the setting is named, no value that may be secret is, nothing is stored."""
    await providers.create_or_update("acme", SIMPLE, address=None)
    with pytest.raises(BadInput) as refused:
        await providers.create_or_update("acme", SIMPLE | changed, address=None)
    assert field == refused.value.field
    assert field in f"config: {refused.value}"  # what is wrong with the whole names no setting
    assert "secret of" not in str(refused.value)
    assert "hidden" not in str(refused.value)
    (left,) = await providers.list("acme")
    assert {name: value for name, value in SIMPLE.items() if name != "client_secret"} == left.config


async def test_only_tenants_that_are_there_have_providers(stored_site: Site, corp: ProviderDouble) -> None:
    """`public` has those of the list, and who is deleted has none."""
    site = stored_site
    tenants = site.auth.tenants
    for tenant_id, message in (("public", "recipe_list"), ("nowhere", "unknown tenant")):
        with pytest.raises(BadInput, match=message) as refused:
            await tenants.create_or_update_third_party_config(tenant_id, config_of(corp))
        assert "tenantId" == refused.value.field
    assert not await tenants.delete_third_party_config("nul\0", "corp")
    with pytest.raises(BadInput, match="unknown tenant"):
        await tenants.list_third_party_configs("nowhere")

    await tenants.create_or_update_third_party_config("acme", config_of(corp))
    await tenants.delete("acme")
    await tenants.create_or_update("acme")
    assert ["google", "github"] == await offered_in(site, "acme")
    assert [] == await tenants.list_third_party_configs("acme")


async def test_where_no_recipe_has_providers(sqlite_url: str) -> None:
    """The application is told what to list."""
    async with running_site(sqlite_url, recipes=[EmailPassword()]) as site:
        await site.auth.tenants.create_or_update("acme")
        with pytest.raises(BadInput, match="ThirdParty"):
            await site.auth.tenants.create_or_update_third_party_config("acme", {"third_party_id": "google"})
        assert [] == await site.auth.tenants.list_third_party_configs("acme")
        assert not await site.auth.tenants.delete_third_party_config("acme", "google")


async def test_its_secret_is_nowhere(
    stored_site: Site, corp: ProviderDouble, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Sealed at rest and write-only: not in the table, what is read back, an object's text, the events or the log."""
    site = stored_site
    caplog.set_level(logging.DEBUG)
    headers = {"X-Key": "also secret"}
    await site.auth.tenants.create_or_update_third_party_config(
        "acme", config_of(corp, user_info_endpoint_headers=headers)
    )
    await sign_in(site, "acme")
    (listed,) = await site.auth.tenants.list_third_party_configs("acme")
    assert {"third_party_id": "corp", "issuer": corp.issuer, "client_id": CLIENT_ID} == listed.config
    several = {
        "third_party_id": "corp",
        "issuer": corp.issuer,
        "clients": [{"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "client_type": "web"}],
    }
    await site.auth.tenants.create_or_update_third_party_config("acme", several)
    (read,) = await site.auth.tenants.list_third_party_configs("acme")
    assert "client_secret" not in read.config["clients"][0]

    database = open_database(database_url)
    await database.start()
    try:
        (row,) = await database.list(READ_SEALED, app_id="public")
    finally:
        await database.stop()
    events = await site.auth.audit.list()
    for shown in (bytes(row["sealed_config"]), repr(vars(third_party(site.auth))), caplog.text, repr(events), read):
        assert CLIENT_SECRET not in str(shown)
        assert "also secret" not in str(shown)


async def test_an_old_secret_can_be_forgotten(database_url: str, clock: FakeClock, corp: ProviderDouble) -> None:
    """A start with a new secret before the old one seals anew; then the old one is needed no more."""
    old, new = "an old secret, of at least 32 bytes", "a new secret, of at least 32 bytes!"
    sealed_with: list[str] = []
    for secret in (old, [new, old], new):
        auth = Watchword(
            app_info=AppInfo(app_name="T", api_domain="http://localhost:1", website_domain="http://localhost:1"),
            database=database_url,
            secret=secret,
            recipe_list=[ThirdParty()],
            clock=clock,
        )
        await auth.start()
        try:
            if secret == old:
                await auth.tenants.create_or_update("acme")
                await auth.tenants.create_or_update_third_party_config("acme", config_of(corp))
            (listed,) = await auth.tenants.list_third_party_configs("acme")
            resealed = [event.facts for event in await auth.audit.list(kinds=["secret_resealed"])]
        finally:
            await auth.stop()
        sealed_with.append(listed.third_party_id)
    assert (["corp"] * 3, 1) == (sealed_with, len([facts for facts in resealed if facts.get("provider") == "corp"]))


async def test_every_process_knows_within_the_bound(
    stored_site: Site, clock: FakeClock, corp: ProviderDouble, database_url: str
) -> None:
    """Added, changed and removed in one, known in the other: a second later at the latest."""
    site = stored_site
    async with site_on(database_url, clock) as there:
        tenants = site.auth.tenants
        assert ["google", "github"] == await offered_in(there, "acme")
        await tenants.create_or_update_third_party_config("acme", config_of(corp))
        clock.advance(STALE_MS)
        assert ["corp"] == await offered_in(there, "acme")
        await tenants.create_or_update_third_party_config("acme", config_of(corp, third_party_id="corp-2"))
        await tenants.delete_third_party_config("acme", "corp")
        clock.advance(STALE_MS)
        assert ["corp-2"] == await offered_in(there, "acme")
        assert 400 == (await begin(there, "acme")).status_code


async def test_who_is_cut_off_serves_no_removed_provider(
    sqlite_url: str, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A process without its database goes on for the bound and no longer; also when its clock was put back."""
    db = open_database(sqlite_url)
    await db.start()
    async with running_engine(db) as running:
        engine = replace(running, clock=clock)
        providers = TenantProviders([], ())
        providers.bind(engine)
        await db.write(lambda tx: engine.tenants.insert(tx, "acme", None))
        await providers.create_or_update("acme", SIMPLE, address=None)
        known = await providers.get_list("acme")
        await db.stop()
        clock.advance(STALE_MS - 1)
        assert known is await providers.get_list("acme")
        assert known.knows("corp")
        for step in (1, -3 * STALE_MS):
            clock.advance(step)
            with pytest.raises(StorageUnavailable):
                await providers.get_list("acme")
        await db.start()
        assert known is await providers.get_list("acme")  # the same rows: what it has read of the provider stays

        elsewhere = TenantProviders([], ())
        elsewhere.bind(replace(engine, secrets=SecretRing("another secret, of over 32 bytes....")))
        assert () == (await elsewhere.get_list("acme")).offered(None)  # and not the application's instead
        assert "provider corp of tenant acme cannot be used" in caplog.text
    await db.stop()


async def test_an_attempt_begun_in_one_tenant_is_not_finished_in_another(site: Site, corp: ProviderDouble) -> None:
    """Attack: take the answer of a provider to one tenant's attempt to another tenant.

    Both even have the same client there: what the provider vouches for is an attempt of the first.
    """
    for tenant_id in ("acme", "beta"):
        await site.auth.tenants.create_or_update_third_party_config(tenant_id, config_of(corp))
    for checks_pkce, field in ((True, "code"), (False, "nonce")):
        corp.checks_pkce = checks_pkce
        refused = await finish(site, "beta", await attempt(site, "acme"))
        assert 400 == refused.status_code
        assert field in refused.json()["message"]
    corp.checks_pkce = True
    for tenant_id in ("acme", "beta"):
        assert "OK" == (await sign_in(site, tenant_id))["status"]


@pytest.mark.parametrize("kind", [config_of, plain_oauth_of])
async def test_one_name_is_two_providers_in_two_tenants(
    site: Site, corp: ProviderDouble, other: ProviderDouble, kind: Any
) -> None:
    """Attack: run a provider for one's own tenant that names somebody as another tenant's of that name does.

    The person is somebody else there; and who may sign in to both tenants is not opened by it.
    """
    tenants = site.auth.tenants
    await tenants.create_or_update_third_party_config("acme", kind(corp))
    await tenants.create_or_update_third_party_config("beta", kind(other))
    ada, namesake = [(await sign_in(site, tenant_id))["user"] for tenant_id in ("acme", "beta")]
    assert ada["id"] != namesake["id"]

    corp.person = {**corp.person, "sub": "7"}
    seven = (await sign_in(site, "acme"))["user"]["id"]
    assert await tenants.associate_user("beta", seven)
    other.person = {**other.person, "sub": "7"}
    assert "SIGN_IN_UP_NOT_ALLOWED" == (await sign_in(site, "beta"))["status"]
    assert seven == (await sign_in(site, "acme"))["user"]["id"]


def with_former_issuer(own: ProviderDouble, real: ProviderDouble) -> dict[str, Any]:
    """Says that it went by the real one's name before."""
    return config_of(own, former_issuers=[real.issuer])


def with_own_keys(own: ProviderDouble, real: ProviderDouble) -> dict[str, Any]:
    """Signs itself in the real one's name."""
    own.change_claims = lambda claims: claims.update(iss=real.issuer)
    places = {"token_endpoint": "/token", "user_info_endpoint": "/userinfo", "jwks_endpoint": "/keys"}
    there = {name: own.issuer + path for name, path in places.items()}
    return config_of(real, authorization_endpoint=own.issuer + "/authorize", **there)


def with_own_discovery(own: ProviderDouble, real: ProviderDouble) -> dict[str, Any]:
    """Tells the world itself where the real one is."""
    own.change_claims = lambda claims: claims.update(iss=real.issuer)
    own.announced = {"issuer": real.issuer}
    return config_of(real, oidc_discovery_endpoint=own.issuer + "/.well-known/openid-configuration")


def with_another_field(_own: ProviderDouble, real: ProviderDouble) -> dict[str, Any]:
    """Asks the real one, and takes for the id what people can write there."""
    real.person = {**real.person, "sub": "8", "nickname": "7"}
    return config_of(real, user_info_map={"from_id_token_payload": {"user_id": "nickname"}})


def with_another_field_of_a_profile(_own: ProviderDouble, real: ProviderDouble) -> dict[str, Any]:
    """The same without OpenID Connect."""
    real.person = {**real.person, "sub": "8", "nickname": "7"}
    return {**plain_oauth_of(real), "user_info_map": {"from_user_info_api": {"user_id": "nickname"}}}


@pytest.mark.parametrize(
    ("true_kind", "forged"),
    [
        (config_of, with_former_issuer),
        (config_of, with_own_keys),
        (config_of, with_own_discovery),
        (config_of, with_another_field),
        (plain_oauth_of, with_another_field_of_a_profile),
    ],
)
async def test_the_settings_of_a_tenant_name_nobody_of_another(
    site: Site, corp: ProviderDouble, other: ProviderDouble, true_kind: Any, forged: Any
) -> None:
    """Attack: two tenants share a person; one of them sets its provider so that it names that person at will.

    Only the issuer's own word opens who is shared; what a tenant's settings make of it is about its own people.
    """
    tenants = site.auth.tenants
    other.person = {**other.person, "sub": "7"}
    await tenants.create_or_update_third_party_config("beta", true_kind(other))
    seven = (await sign_in(site, "beta"))["user"]["id"]
    assert await tenants.associate_user("acme", seven)

    corp.person = {**corp.person, "sub": "7"}
    await tenants.create_or_update_third_party_config("acme", forged(corp, other))
    assert "SIGN_IN_UP_NOT_ALLOWED" == (await sign_in(site, "acme"))["status"]


async def test_who_comes_from_nobody_knows_where_is_not_shared(site: Site, corp: ProviderDouble) -> None:
    """Attack: two tenants share a person of whom no issuer is known; one of them names its own to be taken for theirs.

    Somebody of one tenant alone, as after an import, comes in as usual.
    """
    await site.auth.tenants.create_or_update_third_party_config("acme", config_of(corp))
    alone, shared = await come_in(site.auth, "acme", "1"), await come_in(site.auth, "acme", "2")
    await site.auth.tenants.associate_user("beta", shared.recipe_user_id)
    assert alone.user.id == (await come_in(site.auth, "acme", "1", corp.issuer)).user.id
    with pytest.raises(SignInUpNotAllowed):
        await come_in(site.auth, "acme", "2", corp.issuer)


async def test_whom_somebody_vouched_for_needs_that_again(site: Site, other: ProviderDouble) -> None:
    """Attack: a provider that names no issuer takes the place of one that did, under its name."""
    ada = await come_in(site.auth, "beta", "1", "https://corp.example")
    await site.auth.tenants.create_or_update_third_party_config("beta", plain_oauth_of(other))
    with pytest.raises(SignInUpNotAllowed):
        await come_in(site.auth, "beta", "1")
    assert [] == await site.auth.sessions.list_handles(ada.user.id)


async def test_who_changed_what_is_recorded(stored_site: Site, corp: ProviderDouble) -> None:
    """Tenants, their providers and their people: one event for each change, none where nothing changed."""
    site = stored_site
    tenants = site.auth.tenants
    ada = await come_in(site.auth, "beta", "1")
    await tenants.create_or_update("acme")
    await tenants.create_or_update("acme", first_factors=["thirdparty"])
    await tenants.create_or_update_third_party_config("acme", config_of(corp))
    await tenants.associate_user("acme", ada.recipe_user_id)
    await tenants.associate_user("acme", ada.recipe_user_id)
    await tenants.disassociate_user("acme", ada.recipe_user_id)
    await tenants.delete_third_party_config("acme", "corp")
    for _ in range(2):
        await tenants.delete("acme")
    events = [event for event in await site.auth.audit.list() if event.tenant_id == "acme"]
    assert [
        ("tenant_created", {"first_factors": "all"}, None),
        ("tenant_changed", {"first_factors": "thirdparty"}, None),
        ("provider_changed", {"provider": "corp", "created": True}, None),
        ("tenant_joined", {}, ada.user.id),
        ("tenant_left", {}, ada.user.id),
        ("provider_deleted", {"provider": "corp"}, None),
        ("tenant_deleted", {}, None),
    ] == sorted(
        [(event.kind, dict(event.facts), event.user_id) for event in events],
        key=lambda event: ORDER.index(event[0]),
    )


ORDER = (
    "tenant_created",
    "tenant_changed",
    "provider_changed",
    "tenant_joined",
    "tenant_left",
    "provider_deleted",
    "tenant_deleted",
)


class Watched(OpenIdConnect):
    """A provider of the application's own."""

    async def get_profile(self, *_: Any, **__: Any) -> dict[str, Any]:
        """Not what the provider says."""
        return {"sub": "248289761001", "email": "changed@example.com", "email_verified": True}

    def read_user_info(self, payload: Any, profile: Any) -> Any:
        """From the profile alone."""
        return super().read_user_info({**payload, "email": profile["email"]}, profile)


async def test_a_class_of_the_applications_serves_tenants(
    sqlite_url: str, clock: FakeClock, corp: ProviderDouble
) -> None:
    """What it replaces in a listed provider counts for the tenants' of the same id."""
    listed = Watched(third_party_id="corp", issuer=corp.issuer, client_id="not used", client_secret="x")
    async with running_site(sqlite_url, recipes=[ThirdParty(providers=[listed])], clock=clock) as site:
        await site.auth.tenants.create_or_update("acme")
        own = {"third_party_id": "corp", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        await site.auth.tenants.create_or_update_third_party_config("acme", own)
        assert ["changed@example.com"] == (await sign_in(site, "acme"))["user"]["emails"]


async def test_a_provider_for_a_tenant_that_is_being_deleted(db: Database) -> None:
    """The two together leave either both or neither; never a row without its tenant, nor a database's error."""
    async with running_engine(db) as engine:
        providers = TenantProviders([], ())
        providers.bind(engine)
        for _ in range(5):
            await engine.db.write(lambda tx: engine.tenants.insert(tx, "acme", None))

            async def delete(tx: Any) -> None:
                await engine.tenants.lock(tx, "acme")
                await engine.tenants.delete(tx, "acme")

            stored, _ = await asyncio.gather(
                providers.create_or_update("acme", SIMPLE, address=None),
                engine.db.write(delete),
                return_exceptions=True,
            )
            assert stored is True or isinstance(stored, BadInput)
            assert [] == await engine.db.list(READ_SEALED, app_id="public")
