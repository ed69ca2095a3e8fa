"""The wire: exact texts for what is missing or ill-typed, and the shape of the answers (FDI 8.3; 14 lines 19, 20)."""

from typing import Any

import pytest

from tests.recipes.engine import call, count
from tests.recipes.thirdparty.conftest import REDIRECT_URI, Visitor, corp, visitor_of
from tests.recipes.thirdparty.double import CLIENT_ID, ProviderDouble
from watchword.errors import BadInput
from watchword.recipes.engine import Engine
from watchword.recipes.thirdparty.attempt import new_verifier
from watchword.recipes.thirdparty.recipe import ThirdParty

CALLBACK = {"redirectURIOnProviderDashboard": REDIRECT_URI, "redirectURIQueryParams": {"code": "c"}}


@pytest.fixture
def visitor(memory_engine: Engine, double: ProviderDouble) -> Visitor:
    """No database decides anything here."""
    return visitor_of(memory_engine, corp(double))


@pytest.mark.parametrize(
    ("query", "field", "text"),
    [
        ((), "thirdPartyId", "Please provide the thirdPartyId as a GET param"),
        ((("thirdPartyId", ""),), "thirdPartyId", "Please provide the thirdPartyId as a GET param"),
        (
            (("thirdPartyId", "corp"),),
            "redirectURIOnProviderDashboard",
            "Please provide the redirectURIOnProviderDashboard as a GET param",
        ),
        (
            (("thirdPartyId", "nobody"), ("redirectURIOnProviderDashboard", REDIRECT_URI)),
            "thirdPartyId",
            "the provider nobody could not be found in the configuration",
        ),
        ((("thirdPartyId", "corp"), ("thirdPartyId", "corp")), "thirdPartyId", "Please provide the thirdPartyId once"),
        (
            (("thirdPartyId", "x" * 65), ("redirectURIOnProviderDashboard", REDIRECT_URI)),
            "thirdPartyId",
            "the provider with this id could not be found in the configuration",
        ),
        (
            (("thirdPartyId", "corp"), ("redirectURIOnProviderDashboard", REDIRECT_URI), ("clientType", "ios")),
            "clientType",
            "the provider corp has no client of this clientType",
        ),
    ],
)
async def test_what_is_missing_in_the_query_is_named(
    visitor: Visitor, query: tuple[tuple[str, str], ...], field: str, text: str
) -> None:
    """400 with the contract's sentence."""
    with pytest.raises(BadInput) as refused:
        await call(visitor.recipe, "authorisation_url_get", query=query)
    assert (field, text) == (refused.value.field, refused.value.message)


@pytest.mark.parametrize("third_party_id", ["google", "corp"])
async def test_without_providers_the_routes_are_there_and_know_none(memory_engine: Engine, third_party_id: str) -> None:
    """400, so that the front end is told, not 404 from the application."""
    visitor = visitor_of(memory_engine)
    visitor.third_party_id = third_party_id
    text = f"the provider {third_party_id} could not be found in the configuration"
    with pytest.raises(BadInput) as refused:
        await visitor.start()
    assert text == refused.value.message
    with pytest.raises(BadInput) as refused:
        await visitor.post(visitor.body({"code": "c"}, None))
    assert text == refused.value.message


async def test_the_url_answer_has_the_verifier_only_when_there_is_one(
    memory_engine: Engine, double: ProviderDouble
) -> None:
    """Left out, not `null` (FDI 15, 22)."""
    double.announced = {"code_challenge_methods_supported": None}
    with_verifier = await visitor_of(memory_engine, corp(double)).start()
    without = await visitor_of(memory_engine, corp(double, nonce_in_id_token=False)).start()
    assert {"status", "urlWithQueryParams", "pkceCodeVerifier"} == set(with_verifier)
    assert {"status", "urlWithQueryParams"} == set(without)
    assert "OK" == without["status"]


@pytest.mark.parametrize(
    ("body", "field", "text"),
    [
        ({}, "thirdPartyId", "Please provide the thirdPartyId in request body"),
        ({"thirdPartyId": 1}, "thirdPartyId", "Please provide the thirdPartyId in request body"),
        ({"thirdPartyId": ""}, "thirdPartyId", "Please provide the thirdPartyId in request body"),
        (
            {"thirdPartyId": "corp"},
            "redirectURIInfo",
            "Please provide one of redirectURIInfo or oAuthTokens in the request body",
        ),
        (
            {"thirdPartyId": "corp", "redirectURIInfo": None, "oAuthTokens": None},
            "redirectURIInfo",
            "Please provide one of redirectURIInfo or oAuthTokens in the request body",
        ),
        ({"thirdPartyId": "corp", "redirectURIInfo": []}, "redirectURIInfo", "redirectURIInfo must be an object"),
        (
            {"thirdPartyId": "corp", "redirectURIInfo": {}},
            "redirectURIOnProviderDashboard",
            "Please provide the redirectURIOnProviderDashboard in request body",
        ),
        (
            {"thirdPartyId": "corp", "redirectURIInfo": {"redirectURIOnProviderDashboard": 1}},
            "redirectURIOnProviderDashboard",
            "Please provide the redirectURIOnProviderDashboard in request body",
        ),
        (
            {"thirdPartyId": "corp", "redirectURIInfo": {"redirectURIOnProviderDashboard": REDIRECT_URI}},
            "redirectURIQueryParams",
            "Please provide the redirectURIQueryParams in request body",
        ),
        (
            {
                "thirdPartyId": "corp",
                "redirectURIInfo": {**CALLBACK, "redirectURIQueryParams": {str(n): "" for n in range(51)}},
            },
            "redirectURIQueryParams",
            "Please provide the redirectURIQueryParams in request body",
        ),
        (
            {"thirdPartyId": "corp", "redirectURIInfo": {**CALLBACK, "pkceCodeVerifier": 1}},
            "pkceCodeVerifier",
            "pkceCodeVerifier must be a string",
        ),
        ({"thirdPartyId": "corp", "oAuthTokens": "t"}, "oAuthTokens", "oAuthTokens must be an object"),
        (
            {"thirdPartyId": "corp", "clientType": 1, "redirectURIInfo": CALLBACK},
            "clientType",
            "clientType must be a string",
        ),
        (
            {"thirdPartyId": "nobody", "redirectURIInfo": CALLBACK},
            "thirdPartyId",
            "the provider nobody could not be found in the configuration",
        ),
    ],
)
async def test_what_is_missing_in_the_body_is_named(
    visitor: Visitor, double: ProviderDouble, body: dict[str, Any], field: str, text: str
) -> None:
    """400 with the contract's sentence; nothing was asked or stored."""
    with pytest.raises(BadInput) as refused:
        await visitor.post(body)
    assert (field, text) == (refused.value.field, refused.value.message)
    assert 0 == double.count("/token")
    assert 0 == await count(visitor.recipe.engine.db, "users")


async def test_tokens_that_a_mobile_client_brings_sign_in(visitor: Visitor, double: ProviderDouble) -> None:
    """`oAuthTokens`, without any redirect: verified like others, but for the nonce."""
    tokens = double.tokens_for(double.person, CLIENT_ID)
    answer = await visitor.post({"thirdPartyId": "corp", "oAuthTokens": tokens})
    assert {"status": "OK"} == answer.body
    assert answer.created_new_recipe_user
    only_id_token = {"id_token": tokens["id_token"]}
    again = await visitor.post({"thirdPartyId": "corp", "oAuthTokens": only_id_token, "redirectURIInfo": None})
    assert not again.created_new_recipe_user
    assert 0 == double.count("/token")


async def test_with_both_the_redirect_counts(visitor: Visitor) -> None:
    """Tokens beside it are not looked at."""
    body = {**await visitor.attempt(), "oAuthTokens": {"id_token": "nonsense"}}
    assert {"status": "OK"} == (await visitor.post(body)).body
    broken = {**body, "redirectURIInfo": {**CALLBACK, "pkceCodeVerifier": new_verifier()}}
    with pytest.raises(BadInput):
        await visitor.post(broken)


async def test_a_null_verifier_counts_as_absent(memory_engine: Engine, double: ProviderDouble) -> None:
    """Python SDKs answer `null`, and clients send it back."""
    double.announced = {"code_challenge_methods_supported": None}
    visitor = visitor_of(memory_engine, corp(double, nonce_in_id_token=False))
    body = await visitor.attempt()
    body["redirectURIInfo"]["pkceCodeVerifier"] = None
    assert {"status": "OK"} == (await visitor.post(body)).body


def test_single_apis_have_the_contracts_names() -> None:
    """They are disabled and overridden by these (FDI 13.1)."""
    assert ["authorisation_url_get", "sign_in_up_post", "apple_redirect_handler_post"] == [
        route.name for route in ThirdParty().routes()
    ]
