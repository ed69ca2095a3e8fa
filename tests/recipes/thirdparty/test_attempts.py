"""A code, verifier, nonce or `iss` of another attempt or another provider signs nobody in (security OA-1 to OA-4)."""

from typing import Any

import pytest

from tests.recipes.engine import count
from tests.recipes.thirdparty.conftest import REDIRECT_URI, Visitor, corp, visitor_of
from tests.recipes.thirdparty.double import ProviderDouble, query_of
from watchword.crypto.base64url import encode_base64url
from watchword.crypto.hashes import sha256
from watchword.errors import BadInput, GeneralError
from watchword.recipes.engine import Engine
from watchword.recipes.thirdparty.attempt import new_verifier
from watchword.recipes.thirdparty.providers import ProviderClient

Body = dict[str, Any]


@pytest.fixture
def visitor(memory_engine: Engine, double: ProviderDouble) -> Visitor:
    """No database decides anything here."""
    return visitor_of(memory_engine, corp(double))


async def refused_field(visitor: Visitor, body: Body) -> str:
    """The field that the refusal of a sign-in names."""
    with pytest.raises(BadInput) as refused:
        await visitor.post(body)
    assert 0 == await count(visitor.recipe.engine.db, "users")
    return refused.value.field


def info(body: Body) -> Body:
    """The part of the body that an attacker changes."""
    return body["redirectURIInfo"]


async def test_the_url_carries_challenge_and_nonce_of_a_fresh_verifier(
    visitor: Visitor, double: ProviderDouble
) -> None:
    """S256, never plain; the nonce gives nothing of the verifier away; each attempt has its own."""
    first, second = await visitor.start(), await visitor.start()
    asked = query_of(first["urlWithQueryParams"])
    verifier = first["pkceCodeVerifier"]
    assert {
        "client_id": "the-client",
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "scope": "openid email profile",
        "code_challenge": encode_base64url(sha256(verifier)),
        "code_challenge_method": "S256",
        "nonce": asked["nonce"],
    } == asked
    assert first["urlWithQueryParams"].startswith(double.issuer + "/authorize?")
    assert 64 == len(verifier)
    assert asked["nonce"] not in (verifier, asked["code_challenge"])
    assert verifier != second["pkceCodeVerifier"]


async def test_the_code_is_exchanged_with_everything_that_binds_it(visitor: Visitor, double: ProviderDouble) -> None:
    """Redirect URI, client, secret and verifier go along with the code, in the body."""
    body = await visitor.attempt()
    await visitor.post(body)
    assert [
        {
            "grant_type": "authorization_code",
            "client_id": "the-client",
            "client_secret": "the secret of the client",
            "redirect_uri": REDIRECT_URI,
            "code": info(body)["redirectURIQueryParams"]["code"],
            "code_verifier": info(body)["pkceCodeVerifier"],
        }
    ] == double.forms


async def test_a_provider_that_takes_basic_only_gets_basic(visitor: Visitor, double: ProviderDouble) -> None:
    """The secret then stands in the header, form-encoded first (RFC 6749 2.3.1), and not in the body."""
    double.announced = {"token_endpoint_auth_methods_supported": ["client_secret_basic", "private_key_jwt"]}
    await visitor.sign_in_up()
    assert ["Basic dGhlLWNsaWVudDp0aGUrc2VjcmV0K29mK3RoZStjbGllbnQ="] == double.basic
    assert "client_secret" not in double.forms[0]


async def test_a_code_works_once(visitor: Visitor) -> None:
    """A second use, by whoever saw the callback's URL, is 400."""
    body = await visitor.attempt()
    await visitor.post(body)
    with pytest.raises(BadInput) as refused:
        await visitor.post(body)
    assert "code" == refused.value.field
    assert "<b>" not in str(refused.value)  # the provider's text is not passed on


@pytest.mark.parametrize("checks_pkce", [True, False])
async def test_an_injected_code_is_refused(visitor: Visitor, double: ProviderDouble, checks_pkce: bool) -> None:
    """An attacker puts the code of their own attempt into the victim's, so that the victim uses the attacker's account.

    The provider refuses the verifier; where it does not check it, the nonce of the id_token is another.
    """
    double.checks_pkce = checks_pkce
    attackers, victims = await visitor.attempt(), await visitor.attempt()
    info(victims)["redirectURIQueryParams"]["code"] = info(attackers)["redirectURIQueryParams"]["code"]
    assert ("code" if checks_pkce else "nonce") == await refused_field(visitor, victims)


@pytest.mark.parametrize("checks_pkce", [True, False])
async def test_pkce_cannot_be_left_out(visitor: Visitor, double: ProviderDouble, checks_pkce: bool) -> None:
    """An attacker has a code and no verifier: it is refused here, before the provider is asked (OA-2)."""
    double.checks_pkce = checks_pkce
    body = await visitor.attempt()
    for verifier in (None, "", "too short", "x" * 129, "ü" * 64, new_verifier() + " "):
        info(body)["pkceCodeVerifier"] = verifier
        assert "pkceCodeVerifier" == await refused_field(visitor, body)
    assert 0 == double.count("/token")


async def test_a_downgraded_authorization_request_is_refused(visitor: Visitor, double: ProviderDouble) -> None:
    """An attacker strips challenge and nonce from the victim's URL: the code that comes back is of no use (OA-2)."""
    started = await visitor.start()
    url = started["urlWithQueryParams"].split("&code_challenge=")[0]
    for double.checks_pkce in (True, False):
        body = visitor.body(await visitor.visit(url), started["pkceCodeVerifier"])
        assert await refused_field(visitor, body) in ("code", "nonce")


async def test_a_discovery_document_that_stops_announcing_pkce_changes_nothing_else(
    visitor: Visitor, double: ProviderDouble
) -> None:
    """Without PKCE at the provider the nonce alone still ties the code to the attempt."""
    double.announced = {"code_challenge_methods_supported": ["plain"]}
    started = await visitor.start()
    assert "code_challenge" not in query_of(started["urlWithQueryParams"])
    others = await visitor.attempt()
    assert "nonce" == await refused_field(
        visitor, visitor.body(info(others)["redirectURIQueryParams"], started["pkceCodeVerifier"])
    )
    assert {"status": "OK"} == (await visitor.sign_in_up()).body
    assert "code_verifier" not in double.forms[-1]


class TestIss:
    """RFC 9207: a provider that names itself in the callback."""

    async def test_the_right_name_signs_in(self, visitor: Visitor, double: ProviderDouble) -> None:
        """The usual case."""
        double.names_itself = True
        assert {"status": "OK"} == (await visitor.sign_in_up()).body

    @pytest.mark.parametrize("issuer", ["https://attacker.example", "", 1, None, ["x"]])
    async def test_another_name_or_none_is_refused(self, visitor: Visitor, double: ProviderDouble, issuer: Any) -> None:
        """The answer came from elsewhere; the code goes nowhere."""
        double.names_itself = True
        body = await visitor.attempt()
        info(body)["redirectURIQueryParams"]["iss"] = issuer
        assert "iss" == await refused_field(visitor, body)
        del info(body)["redirectURIQueryParams"]["iss"]
        assert "iss" == await refused_field(visitor, body)
        assert 0 == double.count("/token")

    async def test_a_wrong_name_is_refused_even_where_none_was_announced(
        self, visitor: Visitor, double: ProviderDouble
    ) -> None:
        """A name that is there must be right."""
        body = await visitor.attempt()
        info(body)["redirectURIQueryParams"]["iss"] = "https://attacker.example"
        assert "iss" == await refused_field(visitor, body)
        assert 0 == double.count("/token")


async def test_mix_up_of_two_providers(
    memory_engine: Engine, double: ProviderDouble, other_double: ProviderDouble
) -> None:
    """The victim starts at the attacker's provider, which sends the browser on to the honest one.

    The honest one sends its code to its own redirect URI. Whatever a client makes of that, the code
    never reaches the attacker's token endpoint (RFC 9700 4.4).
    """
    honest = visitor_of(memory_engine, corp(double), corp(other_double, third_party_id="attacker"))
    attackers_start = await Visitor(honest.recipe, "attacker", "https://example.com/auth/callback/attacker").start()
    at_honest = attackers_start["urlWithQueryParams"].replace(other_double.issuer, double.issuer)
    at_honest = at_honest.replace("callback%2Fattacker", "callback%2Fcorp")
    back = await honest.visit(at_honest)

    body = honest.body(back, attackers_start["pkceCodeVerifier"])
    body["thirdPartyId"] = "attacker"
    assert "redirectURIOnProviderDashboard" == await refused_field(honest, body)

    info(body)["redirectURIOnProviderDashboard"] = "https://example.com/auth/callback/attacker"
    back["iss"] = double.issuer
    info(body)["redirectURIQueryParams"] = back
    assert "iss" == await refused_field(honest, body)
    assert 0 == other_double.count("/token")


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("access_denied", " (access_denied)"),
        ("<script>alert(1)</script>", ""),
        ("x" * 61, ""),
        ("", ""),
        (["access_denied"], ""),
        ({"a": 1}, ""),
    ],
)
async def test_a_refusal_of_the_provider_is_told_in_our_words(visitor: Visitor, error: Any, shown: str) -> None:
    """The person said no. Anybody can write that URL, so nothing of it but a plain code is repeated (OA-13)."""
    body = visitor.body({"error": error, "error_description": "<b>call 555-1234</b>", "code": "c"}, new_verifier())
    with pytest.raises(GeneralError) as refused:
        await visitor.post(body)
    assert f"corp did not sign you in{shown}. Please try again." == refused.value.message


@pytest.mark.parametrize("code", [None, "", 1, ["c"], {"c": 1}, "c" * 4097, "a\r\nb", "a\0b", "\ud800", "ü"])
async def test_what_is_no_code_is_refused(visitor: Visitor, double: ProviderDouble, code: Any) -> None:
    """Without asking anybody."""
    assert "code" == await refused_field(visitor, visitor.body({"code": code}, new_verifier()))
    assert 0 == double.count("/token")


async def test_a_native_app_starts_and_checks_its_own_attempt(memory_engine: Engine, double: ProviderDouble) -> None:
    """AppAuth makes verifier and nonce itself; the provider checks the verifier, the app its nonce."""
    clients = [
        ProviderClient(client_id="web", client_secret="s", client_type="web"),
        ProviderClient(client_id="app", client_type="ios", native=True),
    ]
    provider = corp(
        double, clients=clients, client_id=..., client_secret=..., redirect_uris=["com.example.app:/callback"]
    )
    visitor = visitor_of(memory_engine, provider)
    visitor.redirect_uri = "com.example.app:/callback"
    verifier = new_verifier()
    asked = {
        "client_id": "app",
        "redirect_uri": visitor.redirect_uri,
        "code_challenge": encode_base64url(sha256(verifier)),
        "nonce": "the app's own",
    }
    body = {**visitor.body({"code": double.new_code(asked)}, verifier), "clientType": "ios"}
    assert {"status": "OK"} == (await visitor.post(body)).body
    assert "client_secret" not in double.forms[-1]

    stolen = {**visitor.body({"code": double.new_code(asked)}, None), "clientType": "ios"}
    with pytest.raises(BadInput) as refused:
        await visitor.post(stolen)
    assert "code" == refused.value.field
