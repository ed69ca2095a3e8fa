"""The providers that come with Watchword, each in what it does differently from the standard."""

import hmac
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import jwt as pyjwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.recipes.thirdparty.conftest import REDIRECT_URI, Bench
from tests.recipes.thirdparty.double import CLIENT_ID, CLIENT_SECRET, ProviderDouble, query_of, quickly_serving
from tests.services.programs import free_port
from tests.site import FakeClock
from watchword.errors import BadInput, ConfigurationError
from watchword.recipes.thirdparty.attempt import RedirectUriInfo, new_verifier, nonce_of
from watchword.recipes.thirdparty.errors import ProviderFailed
from watchword.recipes.thirdparty.providers import (
    Apple,
    Discord,
    Facebook,
    GitHub,
    GitLab,
    Google,
    LinkedIn,
    MicrosoftEntraId,
    OAuth2,
    Provider,
    ProviderClient,
    ProviderUserInfo,
    UserInfoFields,
    UserInfoMap,
)

CLIENT: Any = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
DIRECTORY = "11111111-2222-3333-4444-555555555555"
OTHER_DIRECTORY = "66666666-2222-3333-4444-555555555555"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"


def make_private_key(curve: ec.EllipticCurve | None = None) -> str:
    """What Apple hands out as a `.p8` file."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode()


async def look(provider: Provider, tokens: dict[str, Any], callback: RedirectUriInfo | None) -> ProviderUserInfo:
    """Who the tokens are about."""
    return await provider.get_user_info(provider.clients[0], tokens, callback=callback, user_context={})


def callback(code: str = "c", verifier: str | None = None, **query: Any) -> RedirectUriInfo:
    """A browser that came back."""
    return RedirectUriInfo(REDIRECT_URI, {"code": code, **query}, verifier or new_verifier())


@dataclass
class Api:
    """Endpoints of a provider without OpenID Connect, on a real socket, with the requests it got."""

    url: str
    answers: dict[str, Any] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        """What the test has put at this path: JSON, or a function of the request."""
        self.requests.append(request)
        self.bodies.append(await request.body())
        found = self.answers.get(request.url.path)
        if callable(found):
            found = found(request)
        if isinstance(found, Response):
            return found
        return JSONResponse({"message": "Not Found"}, 404) if found is None else JSONResponse(found)

    def header(self, name: str) -> str | None:
        """A header of the last request."""
        return self.requests[-1].headers.get(name)


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """See `Api`."""
    port = free_port()
    running = Api(f"http://127.0.0.1:{port}")
    app = Starlette(routes=[Route("/{rest:path}", running.answer, methods=["GET", "POST"])])
    async with quickly_serving(app, port):
        yield running


# OpenID Connect


@pytest.mark.parametrize(
    ("make", "pkce", "nonce"),
    [(Google, True, True), (GitLab, True, True), (LinkedIn, False, False)],
)
async def test_what_each_provider_supports_is_used(
    bench: Bench, double: ProviderDouble, make: type[Provider], pkce: bool, nonce: bool
) -> None:
    """PKCE where it is supported although not announced; no nonce where the id_token leaves it out."""
    double.announced = {"code_challenge_methods_supported": None}
    provider = bench.wire(make(**CLIENT, issuer=double.issuer))
    where = await provider.get_authorisation_url(provider.clients[0], REDIRECT_URI, user_context={})
    asked = query_of(where.url)
    assert (pkce, nonce) == ("code_challenge" in asked, "nonce" in asked)
    assert (pkce or nonce) == (where.pkce_code_verifier is not None)
    tokens = double.tokens_for(double.person, CLIENT_ID, asked.get("nonce"))
    found = await look(provider, tokens, callback(verifier=where.pkce_code_verifier))
    assert ("ada@example.com", True) == (found.email, found.is_verified)


async def test_a_gitlab_of_ones_own_is_trusted_only_when_told(bench: Bench, double: ProviderDouble) -> None:
    """Its administrators can declare any address verified."""
    tokens = double.tokens_for(double.person, CLIENT_ID)
    provider = bench.wire(GitLab(**CLIENT, base_url=double.issuer + "/"))
    assert not (await look(provider, tokens, None)).is_verified
    trusting = bench.wire(GitLab(**CLIENT, base_url=double.issuer, trust_email=True))
    assert (await look(trusting, tokens, None)).is_verified


class TestApple:
    """A client secret signed from a key, a form post, and a `user` field at the first sign-in."""

    def make(self, double: ProviderDouble, private_key: str, **settings: Any) -> Apple:
        """Apple, at the double."""
        return Apple(
            team_id="TEAM123456", key_id="KEY1234567", private_key=private_key, issuer=double.issuer, **settings
        )

    async def test_the_secret_is_what_apple_documents(
        self, bench: Bench, double: ProviderDouble, clock: FakeClock
    ) -> None:
        """Checked by another library: ES256, the key's id, team, audience, client, and an end within six months."""
        private_key = make_private_key()
        public_key = serialization.load_pem_private_key(private_key.encode(), None).public_key()
        apple = bench.wire(self.make(double, private_key, client_id="com.example.web"))
        secret = await apple.get_client_secret(apple.clients[0])
        assert secret is not None
        claims = pyjwt.decode(
            secret,
            public_key,  # type: ignore[arg-type] - an elliptic one
            algorithms=["ES256"],
            audience="https://appleid.apple.com",
            options={"verify_exp": False, "verify_iat": False},
        )
        now_seconds = clock.now_ms() // 1000
        assert {"alg": "ES256", "kid": "KEY1234567"} == {
            name: value for name, value in pyjwt.get_unverified_header(secret).items() if name != "typ"
        }
        assert ("TEAM123456", "com.example.web") == (claims["iss"], claims["sub"])
        assert now_seconds == claims["iat"]
        assert 600 < claims["exp"] - now_seconds < 15_777_000

    async def test_the_secret_is_kept_per_client_and_renewed_before_its_end(
        self, bench: Bench, double: ProviderDouble, clock: FakeClock
    ) -> None:
        """Signing on every sign-in would be waste, an expired secret an outage."""
        clients = [ProviderClient(client_id=f"com.example.{kind}", client_type=kind) for kind in ("web", "ios")]
        apple = bench.wire(self.make(double, make_private_key(), clients=clients))
        first, other = [await apple.get_client_secret(client) for client in clients]
        assert first != other
        clock.advance(2_999_000)
        assert first == await apple.get_client_secret(clients[0])
        clock.advance(1_000)
        renewed = await apple.get_client_secret(clients[0])
        assert first != renewed
        clock.advance(-3_600_000)
        assert renewed != await apple.get_client_secret(clients[0])

    @pytest.mark.parametrize("spoil", [str.strip, lambda pem: pem.replace("\n", "\\n"), lambda pem: f"\n{pem}\n"])
    def test_the_key_may_come_from_an_environment_variable(
        self, double: ProviderDouble, spoil: Callable[[str], str]
    ) -> None:
        """Where line ends often become two characters."""
        assert self.make(double, spoil(make_private_key()), client_id="x")

    def test_a_key_of_another_curve_stops_the_start(self, double: ProviderDouble) -> None:
        """It could never sign what Apple accepts."""
        with pytest.raises(ConfigurationError) as refused:
            self.make(double, make_private_key(ec.SECP384R1()), client_id="x")
        assert "Apple.private_key" == refused.value.setting
        assert "PRIVATE KEY" not in str(refused.value)

    async def test_a_sign_in_with_apple(self, bench: Bench, double: ProviderDouble) -> None:
        """`response_mode=form_post`, a nonce without PKCE, the signed secret at the token endpoint."""
        double.announced = {"code_challenge_methods_supported": None, "userinfo_endpoint": None}
        double.person["email_verified"] = "true"
        apple = bench.wire(self.make(double, make_private_key(), client_id=CLIENT_ID))
        client = apple.clients[0]
        where = await apple.get_authorisation_url(client, REDIRECT_URI, user_context={})
        asked = query_of(where.url)
        assert ("form_post", "openid email name") == (asked["response_mode"], asked["scope"])
        assert "code_challenge" not in asked
        back = callback(double.new_code(asked), where.pkce_code_verifier, user='{"name":{"firstName":"Ada"}}')
        await apple.verify_callback(client, back)
        tokens = await apple.exchange_auth_code_for_oauth_tokens(client, back, user_context={})
        found = await look(apple, tokens, back)
        assert ("ada@example.com", True) == (found.email, found.is_verified)
        assert {"name": {"firstName": "Ada"}} == found.raw_user_info["from_id_token_payload"]["user"]
        assert 3 == len(double.forms[0]["client_secret"].split("."))
        assert "code_verifier" not in double.forms[0]

    @pytest.mark.parametrize(
        ("user", "kept"),
        [
            ({"name": "Ada"}, True),
            ('{"email": "victim@example.com"}', True),
            (None, False),
            ("", False),
            ("{", False),
            ("[]", False),
            ("1", False),
            ('{"a":' * 9 + "1" + "}" * 9, False),
            ('{"a":"' + "x" * 5000 + '"}', False),
            ("\ud800", False),
            (1, False),
        ],
    )
    async def test_the_user_field_is_data_and_proves_nothing(
        self, bench: Bench, double: ProviderDouble, user: Any, kept: bool
    ) -> None:
        """The browser carries it: anything may be in it, and the address is Apple's own all the same."""
        apple = bench.wire(self.make(double, make_private_key(), client_id=CLIENT_ID))
        back = callback(user=user)
        assert back.pkce_code_verifier is not None
        tokens = double.tokens_for(double.person, CLIENT_ID, nonce_of(back.pkce_code_verifier))
        found = await look(apple, tokens, back)
        assert kept == ("user" in found.raw_user_info["from_id_token_payload"])
        assert "ada@example.com" == found.email


class TestMicrosoft:
    """One directory, or several behind one template."""

    def make(self, double: ProviderDouble, directory_id: str, **settings: Any) -> MicrosoftEntraId:
        """Microsoft, at the double."""
        several = directory_id in ("common", "organizations")
        issuer = f"{double.issuer}/{'{tenantid}' if several else directory_id}/v2.0"
        double.announced = {"issuer": issuer, "code_challenge_methods_supported": None}
        double.change_claims = lambda claims: claims.update(iss=f"{double.issuer}/{claims.get('tid')}/v2.0")
        return MicrosoftEntraId(
            **CLIENT,
            directory_id=directory_id,
            issuer=issuer,
            oidc_discovery_endpoint=double.issuer + "/.well-known/openid-configuration",
            **settings,
        )

    def test_it_is_where_microsoft_says(self) -> None:
        """The real addresses."""
        one, several = (MicrosoftEntraId(**CLIENT, directory_id=id) for id in (DIRECTORY.upper(), "common"))
        people = MicrosoftEntraId(**CLIENT, directory_id="consumers")
        assert f"https://login.microsoftonline.com/{DIRECTORY}/v2.0" == one.issuer
        assert "https://login.microsoftonline.com/{tenantid}/v2.0" == several.issuer
        assert f"https://login.microsoftonline.com/{PERSONAL}/v2.0" == people.issuer
        assert (
            "https://login.microsoftonline.com/common/v2.0/.well-known/openid-configuration"
            == several.oidc_discovery_endpoint
        )

    async def test_people_of_several_directories_cannot_be_confused(self, bench: Bench, double: ProviderDouble) -> None:
        """The directory is part of the identity: another directory can give anybody the same `sub` (OA-7)."""
        provider = bench.wire(self.make(double, "common"))
        found: list[ProviderUserInfo] = []
        for directory in (DIRECTORY, OTHER_DIRECTORY):
            double.person |= {"tid": directory}
            found.append(await look(provider, double.tokens_for(double.person, CLIENT_ID), None))
        assert [f"{DIRECTORY}.248289761001", f"{OTHER_DIRECTORY}.248289761001"] == [
            one.third_party_user_id for one in found
        ]
        assert f"{double.issuer}/{DIRECTORY}/v2.0" == found[0].issuer

    async def test_an_administrators_word_does_not_verify_an_address(
        self, bench: Bench, double: ProviderDouble
    ) -> None:
        """Any administrator anywhere can write the victim's address into their own directory."""
        double.person |= {"tid": DIRECTORY, "email_verified": True}
        provider = bench.wire(self.make(double, "common"))
        assert not (await look(provider, double.tokens_for(double.person, CLIENT_ID), None)).is_verified

    async def test_one_directory_is_one_issuer(self, bench: Bench, double: ProviderDouble) -> None:
        """Its people are known by `sub` alone; those of others do not sign in."""
        provider = bench.wire(self.make(double, DIRECTORY))
        double.person |= {"tid": DIRECTORY}
        found = await look(provider, double.tokens_for(double.person, CLIENT_ID), None)
        assert "248289761001" == found.third_party_user_id
        double.person |= {"tid": OTHER_DIRECTORY}
        with pytest.raises(BadInput):
            await look(provider, double.tokens_for(double.person, CLIENT_ID), None)

    @pytest.mark.parametrize(
        "tid", [..., None, "", "common", "{tenantid}", DIRECTORY + "/x", DIRECTORY.upper()[:-1], 1]
    )
    async def test_a_directory_that_is_none_is_refused(self, bench: Bench, double: ProviderDouble, tid: Any) -> None:
        """The template is filled with a GUID or not at all."""
        if tid is not ...:
            double.person["tid"] = tid
        provider = bench.wire(self.make(double, "common"))
        with pytest.raises(BadInput):
            await look(provider, double.tokens_for(double.person, CLIENT_ID), None)

    async def test_an_issuer_that_is_not_of_the_directory_is_refused(
        self, bench: Bench, double: ProviderDouble
    ) -> None:
        """`iss` and `tid` must agree."""
        provider = bench.wire(self.make(double, "common"))
        double.person |= {"tid": DIRECTORY}
        double.change_claims = lambda claims: claims.update(iss=f"{double.issuer}/{OTHER_DIRECTORY}/v2.0")
        with pytest.raises(BadInput):
            await look(provider, double.tokens_for(double.person, CLIENT_ID), None)

    @pytest.mark.parametrize(
        ("key_issuer", "accepted"),
        [("/{tenantid}/v2.0", True), (f"/{DIRECTORY}/v2.0", True), (f"/{OTHER_DIRECTORY}/v2.0", False), (1, False)],
    )
    async def test_a_directorys_own_key_signs_for_no_other(
        self, bench: Bench, double: ProviderDouble, key_issuer: Any, accepted: bool
    ) -> None:
        """Keys say for which issuer they are; the key of one directory must not make people of another."""
        provider = bench.wire(self.make(double, "common"))
        double.person |= {"tid": DIRECTORY}
        of_key = key_issuer if isinstance(key_issuer, int) else double.issuer + key_issuer
        double.published = [{**double.key.public_jwk, "issuer": of_key}]
        tokens = double.tokens_for(double.person, CLIENT_ID)
        if accepted:
            assert (await look(provider, tokens, None)).third_party_user_id
        else:
            with pytest.raises(BadInput):
                await look(provider, tokens, None)

    async def test_organizations_leave_personal_accounts_out(self, bench: Bench, double: ProviderDouble) -> None:
        """`common` takes both."""
        double.person |= {"tid": PERSONAL}
        organisations = bench.wire(self.make(double, "organizations"))
        with pytest.raises(BadInput):
            await look(organisations, double.tokens_for(double.person, CLIENT_ID), None)
        everybody = bench.wire(self.make(double, "common"))
        assert await look(everybody, double.tokens_for(double.person, CLIENT_ID), None)

    def test_iss_in_the_callback_is_any_of_them(self) -> None:
        """As the template says, and nothing that only looks like it."""
        common = MicrosoftEntraId(**CLIENT, directory_id="common")
        assert common.is_issuer(f"https://login.microsoftonline.com/{DIRECTORY}/v2.0")
        for wrong in (
            "https://login.microsoftonline.com/common/v2.0",
            f"https://login.microsoftonline.com/{DIRECTORY}/v2.0/",
            f"https://loginXmicrosoftonline.com/{DIRECTORY}/v2.0",
            None,
        ):
            assert not common.is_issuer(wrong)


# OAuth 2.0 without OpenID Connect


class TestGitHub:
    """User and addresses apart; only verified addresses count."""

    def make(self, bench: Bench, api: Api, **settings: Any) -> GitHub:
        """GitHub, at our API; Ada has an id and two addresses."""
        api.answers |= {
            "/user": {"id": 583231, "login": "ada", "email": "public@example.com"},
            "/user/emails": [
                {"email": "old@example.com", "verified": True, "primary": False},
                {"email": "Ada@example.com", "verified": True, "primary": True},
            ],
        }
        provider = GitHub(**CLIENT, user_info_endpoint=api.url + "/user", **settings)
        provider.check_token_endpoint = api.url + "/applications/{client_id}/token"
        bench.wire(provider)
        return provider

    async def test_id_and_primary_address(self, bench: Bench, api: Api) -> None:
        """The number is the identity, the login can be renamed; the primary address counts as verified."""
        found = await look(self.make(bench, api), {"access_token": "t"}, callback())
        assert ("583231", "ada@example.com", True) == (found.third_party_user_id, found.email, found.is_verified)
        assert {"user", "emails"} == set(found.raw_user_info["from_user_info_api"])
        assert ("Bearer t", "watchword") == (api.header("authorization"), api.header("user-agent"))

    @pytest.mark.parametrize(
        ("emails", "email"),
        [
            ([{"email": "a@x.example", "verified": False, "primary": True}], None),
            ([{"email": "a@x.example", "verified": "true", "primary": True}], None),
            ([{"email": "a@x.example", "primary": True}], None),
            (
                [
                    {"email": "a@x.example", "verified": False, "primary": True},
                    {"email": "b@x.example", "verified": True, "primary": False},
                ],
                "b@x.example",
            ),
            ([{"email": "a@x.example", "verified": True}], "a@x.example"),
            ([], None),
            ([None, 1, "a@x.example"], None),
        ],
    )
    async def test_only_verified_entries_count(
        self, bench: Bench, api: Api, emails: list[Any], email: str | None
    ) -> None:
        """The public address of the profile is never looked at (OA-8)."""
        provider = self.make(bench, api)
        api.answers["/user/emails"] = emails
        found = await look(provider, {"access_token": "t"}, callback())
        assert (email, email is not None) == (found.email, found.is_verified)

    @pytest.mark.parametrize("emails", [JSONResponse({}, 403), JSONResponse({}, 404)])
    async def test_without_the_scope_there_is_no_address(self, bench: Bench, api: Api, emails: Response) -> None:
        """That is a person without an address, not a failure."""
        provider = self.make(bench, api)
        api.answers["/user/emails"] = lambda _: emails
        assert (await look(provider, {"access_token": "t"}, callback())).email is None

    @pytest.mark.parametrize(
        ("path", "answer"), [("/user", []), ("/user/emails", {"a": 1}), ("/user", {"login": "ada"})]
    )
    async def test_another_shape_is_the_providers_failure(self, bench: Bench, api: Api, path: str, answer: Any) -> None:
        """Never half a user."""
        provider = self.make(bench, api)
        api.answers[path] = answer
        with pytest.raises(ProviderFailed):
            await look(provider, {"access_token": "t"}, callback())

    async def test_a_brought_token_must_be_ours(self, bench: Bench, api: Api) -> None:
        """Any application that Ada uses has a token of hers; GitHub is asked whose it is."""
        provider = self.make(bench, api)
        with pytest.raises(BadInput) as refused:
            await look(provider, {"access_token": "of another application"}, None)
        assert "oAuthTokens" == refused.value.field
        assert ["/applications/the-client/token"] == [request.url.path for request in api.requests]
        assert b'{"access_token":"of another application"}' == api.bodies[0]
        assert str(api.header("authorization")).startswith("Basic ")

        api.answers["/applications/the-client/token"] = {"app": {"client_id": "the-client"}}
        assert "583231" == (await look(provider, {"access_token": "t"}, None)).third_party_user_id

        api.answers["/applications/the-client/token"] = lambda _: JSONResponse({}, 401)
        with pytest.raises(ProviderFailed):
            await look(provider, {"access_token": "t"}, None)


class TestDiscord:
    """Tells to whom a token was issued."""

    def make(self, bench: Bench, api: Api) -> Discord:
        """Discord, at our API."""
        api.answers["/users/@me"] = {"id": "80351110224678912", "email": "ada@example.com", "verified": True}
        provider = Discord(**CLIENT, user_info_endpoint=api.url + "/users/@me")
        provider.authorization_info_endpoint = api.url + "/oauth2/@me"
        bench.wire(provider)
        return provider

    async def test_id_address_and_flag(self, bench: Bench, api: Api) -> None:
        """By its own names."""
        found = await look(self.make(bench, api), {"access_token": "t"}, callback())
        assert ("80351110224678912", "ada@example.com", True) == (
            found.third_party_user_id,
            found.email,
            found.is_verified,
        )

    @pytest.mark.parametrize(
        "info", [None, [], {}, {"application": {"id": "another"}}, {"application": None}, {"application": "the-client"}]
    )
    async def test_a_brought_token_must_be_ours(self, bench: Bench, api: Api, info: Any) -> None:
        """Anything but our own application's id is refused."""
        provider = self.make(bench, api)
        if info is not None:
            api.answers["/oauth2/@me"] = info
        with pytest.raises(BadInput):
            await look(provider, {"access_token": "t"}, None)
        api.answers["/oauth2/@me"] = {"application": {"id": CLIENT_ID}}
        assert (await look(provider, {"access_token": "t"}, None)).email


class TestFacebook:
    """Proves that it knows the secret, and asks whose token it was given."""

    def make(self, bench: Bench, api: Api) -> Facebook:
        """Facebook, at our API."""
        api.answers["/me"] = {"id": "10", "name": "Ada", "email": "ada@example.com", "verified": True}
        provider = Facebook(**CLIENT, user_info_endpoint=api.url + "/me")
        provider.debug_token_endpoint = api.url + "/debug_token"
        bench.wire(provider)
        return provider

    async def test_the_profile_comes_with_a_proof_and_without_a_verified_address(self, bench: Bench, api: Api) -> None:
        """`appsecret_proof` is HMAC-SHA256 of the token under the secret; Facebook vouches for no address."""
        found = await look(self.make(bench, api), {"access_token": "t"}, callback())
        assert ("10", "ada@example.com", False) == (found.third_party_user_id, found.email, found.is_verified)
        asked = api.requests[0].query_params
        assert "id,name,email" == asked["fields"]
        assert hmac.digest(CLIENT_SECRET.encode(), b"t", "sha256").hex() == asked["appsecret_proof"]

    @pytest.mark.parametrize(
        "data",
        [
            None,
            {},
            {"data": {}},
            {"data": {"app_id": "another", "is_valid": True}},
            {"data": {"app_id": CLIENT_ID, "is_valid": False}},
            {"data": {"app_id": CLIENT_ID, "is_valid": "true"}},
            {"data": {"app_id": CLIENT_ID}},
        ],
    )
    async def test_a_brought_token_must_be_ours(self, bench: Bench, api: Api, data: Any) -> None:
        """The confused deputy of the first Facebook logins: a token of any app opened every other."""
        provider = self.make(bench, api)
        if data is not None:
            api.answers["/debug_token"] = data
        with pytest.raises(ProviderFailed if data is None else BadInput):
            await look(provider, {"access_token": "t"}, None)
        api.answers["/debug_token"] = {"data": {"app_id": CLIENT_ID, "is_valid": True}}
        assert (await look(provider, {"access_token": "t"}, None)).email
        debug = next(request for request in api.requests if request.url.path == "/debug_token")
        assert f"Bearer {CLIENT_ID}|{CLIENT_SECRET}" == debug.headers["authorization"]
        assert "t" == debug.query_params["input_token"]


class TestOAuth2:
    """Any provider by its endpoints, and one that follows no standard."""

    def make(self, bench: Bench, api: Api, **settings: Any) -> Provider:
        """A provider at our API."""
        api.answers |= {
            "/token": {"access_token": "t"},
            "/me": {"id": 7, "mail": "ada@example.com", "email_verified": True},
        }
        return bench.wire(
            OAuth2(
                **CLIENT,
                third_party_id="corp",
                authorization_endpoint=api.url + "/authorize?keep=1",
                token_endpoint=api.url + "/token",
                user_info_endpoint=api.url + "/me",
                user_info_endpoint_query_params={"fields": "all"},
                user_info_endpoint_headers={"X-Api": "1"},
                user_info_map=UserInfoMap(from_user_info_api=UserInfoFields(user_id="id", email="mail")),
                **settings,
            )
        )

    async def test_everything_comes_from_the_settings(self, bench: Bench, api: Api) -> None:
        """No discovery; a query in the address is kept; no verifier where there is neither PKCE nor a nonce."""
        provider = self.make(bench, api)
        client = provider.clients[0]
        where = await provider.get_authorisation_url(client, REDIRECT_URI, user_context={})
        assert where.pkce_code_verifier is None
        assert {
            "keep": "1",
            "client_id": CLIENT_ID,
            "redirect_uri": REDIRECT_URI,
            "response_type": "code",
        } == query_of(where.url)
        back = RedirectUriInfo(REDIRECT_URI, {"code": "c"}, None)
        await provider.verify_callback(client, back)
        tokens = await provider.exchange_auth_code_for_oauth_tokens(client, back, user_context={})
        found = await look(provider, tokens, back)
        assert ("7", "ada@example.com", False, "") == (
            found.third_party_user_id,
            found.email,
            found.is_verified,
            found.issuer,
        )
        assert ("1", "all") == (api.header("x-api"), api.requests[-1].query_params["fields"])

    @pytest.mark.parametrize(
        "settings", [{"force_pkce": True}, {"clients": [ProviderClient(client_id="p", public=True)]}]
    )
    async def test_pkce_is_used_when_told_or_without_a_secret(
        self, bench: Bench, api: Api, settings: dict[str, Any]
    ) -> None:
        """And is then demanded."""
        if "clients" in settings:
            settings = {**settings, "client_id": ..., "client_secret": ...}
        chosen: dict[str, Any] = {
            **CLIENT,
            "third_party_id": "corp",
            "authorization_endpoint": api.url + "/authorize",
            "token_endpoint": api.url + "/token",
            "user_info_endpoint": api.url + "/me",
            **settings,
        }
        provider = bench.wire(OAuth2(**{name: value for name, value in chosen.items() if value is not ...}))
        client = provider.clients[0]
        where = await provider.get_authorisation_url(client, REDIRECT_URI, user_context={})
        assert "S256" == query_of(where.url)["code_challenge_method"]
        with pytest.raises(BadInput) as refused:
            await provider.verify_callback(client, RedirectUriInfo(REDIRECT_URI, {"code": "c"}, None))
        assert "pkceCodeVerifier" == refused.value.field

    async def test_a_brought_access_token_is_refused_unless_the_operator_takes_the_risk(
        self, bench: Bench, api: Api
    ) -> None:
        """Nobody can say for which application it was made."""
        provider = self.make(bench, api)
        for tokens in ({"access_token": "t"}, {}, {"access_token": 1}, {"id_token": "x"}):
            with pytest.raises(BadInput) as refused:
                await look(provider, tokens, None)
            assert "oAuthTokens" == refused.value.field
        risky = self.make(bench, api, accept_access_tokens=True)
        assert "7" == (await look(risky, {"access_token": "t"}, None)).third_party_user_id

    async def test_a_provider_of_ones_own_overrides_a_step(self, bench: Bench, api: Api) -> None:
        """What follows no standard: another exchange, another profile (D039, S051)."""

        class Odd(OAuth2):
            async def exchange_auth_code_for_oauth_tokens(
                self, client: ProviderClient, callback: RedirectUriInfo, *, user_context: dict[str, Any]
            ) -> dict[str, Any]:
                answer = await self.connection.get_json(api.url + "/odd", params={"c": callback.get_code()})
                return {"access_token": answer.body["ticket"]}

            async def get_user_info(
                self,
                client: ProviderClient,
                oauth_tokens: dict[str, Any],
                *,
                callback: RedirectUriInfo | None,
                user_context: dict[str, Any],
            ) -> ProviderUserInfo:
                return ProviderUserInfo(third_party_user_id=oauth_tokens["access_token"], email="ada@example.com")

        api.answers["/odd"] = lambda request: {"ticket": "of-" + request.query_params["c"]}
        provider = Odd(
            **CLIENT,
            third_party_id="odd",
            authorization_endpoint=api.url + "/authorize",
            token_endpoint=api.url + "/token",
            user_info_endpoint=api.url + "/me",
        )
        bench.wire(provider)
        tokens = await provider.exchange_auth_code_for_oauth_tokens(provider.clients[0], callback(), user_context={})
        assert "of-c" == (await look(provider, tokens, callback())).third_party_user_id
