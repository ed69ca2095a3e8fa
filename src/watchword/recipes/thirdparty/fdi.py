"""The HTTP face of the third-party recipe: its routes as data, the reading of their input, the shape of its answers."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Protocol, cast

from watchword.errors import BadInput
from watchword.http.messages import HttpRequest
from watchword.recipes.api import Answer, ApiRequest, Route
from watchword.recipes.thirdparty.attempt import AuthorisationUrl, RedirectUriInfo

_MAX_QUERY_PARAMS = 50


class ThirdPartyApis(Protocol):
    """What the routes call: the recipe with the application's overrides."""

    async def authorisation_url_get(
        self,
        third_party_id: str,
        redirect_uri_on_provider_dashboard: str,
        client_type: str | None,
        api: ApiRequest,
    ) -> Answer:
        """Answer where the browser goes."""
        ...

    async def sign_in_up_post(
        self,
        third_party_id: str,
        client_type: str | None,
        redirect_uri_info: RedirectUriInfo | None,
        oauth_tokens: dict[str, Any] | None,
        api: ApiRequest,
    ) -> Answer:
        """Answer a person who is back from a provider."""
        ...

    async def apple_redirect_handler_post(self, form: Mapping[str, Any], api: ApiRequest) -> Answer:
        """Send a browser that Apple made post to us on to the website."""
        ...


def third_party_routes(recipe: ThirdPartyApis) -> tuple[Route, ...]:
    """The routes of FDI 8.3."""
    route = partial(Route, recipe_id="thirdparty")
    return (
        route(
            name="authorisation_url_get",
            method="GET",
            path="/authorisationurl",
            handler=partial(_authorisation_url, recipe),
            limit="authorisation_url",
            changes_state=False,
        ),
        route(
            name="sign_in_up_post",
            method="POST",
            path="/signinup",
            handler=partial(_sign_in_up, recipe),
            limit="sign_in_up",
            first_factor="thirdparty",
            body="json",
            session="sign_in",
        ),
        route(
            name="apple_redirect_handler_post",
            method="POST",
            path="/callback/apple",
            handler=partial(_apple_redirect, recipe),
            body="form",
            tenant=False,
            changes_state=False,  # a browser posts it from Apple's page; it only redirects
        ),
    )


def authorisation_url_answer(where: AuthorisationUrl) -> Answer:
    """The answer of `GET /authorisationurl`; the verifier is left out when there is none (FDI 15, 22)."""
    answer = Answer(body={"status": "OK", "urlWithQueryParams": where.url})
    return answer if where.pkce_code_verifier is None else answer.with_body(pkceCodeVerifier=where.pkce_code_verifier)


def redirect_answer(target: str) -> Answer:
    """303 to a target that was checked; nothing about it is kept or told to the next page (security OA-14)."""
    headers = (
        ("location", target),
        ("content-type", "text/html; charset=utf-8"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    )
    return Answer(body=None, status=303, headers=headers)


async def _authorisation_url(recipe: ThirdPartyApis, api: ApiRequest) -> Answer:
    third_party_id = _query_value(api.http, "thirdPartyId")
    if third_party_id is None:
        raise BadInput("thirdPartyId", "Please provide the thirdPartyId as a GET param")
    redirect_uri = _query_value(api.http, "redirectURIOnProviderDashboard")
    if redirect_uri is None:
        raise BadInput(
            "redirectURIOnProviderDashboard", "Please provide the redirectURIOnProviderDashboard as a GET param"
        )
    client_type = _query_value(api.http, "clientType")
    return await recipe.authorisation_url_get(third_party_id, redirect_uri, client_type, api)


async def _sign_in_up(recipe: ThirdPartyApis, api: ApiRequest) -> Answer:
    body = api.body
    third_party_id = body.get("thirdPartyId")
    if not isinstance(third_party_id, str) or not third_party_id:
        raise BadInput("thirdPartyId", "Please provide the thirdPartyId in request body")
    redirect_uri_info, oauth_tokens = body.get("redirectURIInfo"), body.get("oAuthTokens")
    if redirect_uri_info is None and oauth_tokens is None:
        raise BadInput("redirectURIInfo", "Please provide one of redirectURIInfo or oAuthTokens in the request body")
    client_type = body.get("clientType")
    if not isinstance(client_type, str | None):
        raise BadInput("clientType", "clientType must be a string")
    if redirect_uri_info is not None:  # it wins when both are there (FDI 8.3)
        callback = _redirect_uri_info(redirect_uri_info)
        return await recipe.sign_in_up_post(third_party_id, client_type, callback, None, api)
    if not isinstance(oauth_tokens, dict):
        raise BadInput("oAuthTokens", "oAuthTokens must be an object")
    tokens = cast("dict[str, Any]", oauth_tokens)
    return await recipe.sign_in_up_post(third_party_id, client_type, None, tokens, api)


async def _apple_redirect(recipe: ThirdPartyApis, api: ApiRequest) -> Answer:
    return await recipe.apple_redirect_handler_post(api.body, api)


def _redirect_uri_info(value: Any) -> RedirectUriInfo:
    if not isinstance(value, dict):
        raise BadInput("redirectURIInfo", "redirectURIInfo must be an object")
    info = cast("dict[str, Any]", value)
    redirect_uri = info.get("redirectURIOnProviderDashboard")
    if not isinstance(redirect_uri, str) or not redirect_uri:
        raise BadInput(
            "redirectURIOnProviderDashboard", "Please provide the redirectURIOnProviderDashboard in request body"
        )
    query_params = info.get("redirectURIQueryParams")
    if not isinstance(query_params, dict) or len(cast("dict[str, Any]", query_params)) > _MAX_QUERY_PARAMS:
        raise BadInput("redirectURIQueryParams", "Please provide the redirectURIQueryParams in request body")
    verifier = info.get("pkceCodeVerifier")  # `null` counts as absent
    if not isinstance(verifier, str | None):
        raise BadInput("pkceCodeVerifier", "pkceCodeVerifier must be a string")
    return RedirectUriInfo(redirect_uri, cast("dict[str, Any]", query_params), verifier)


def _query_value(request: HttpRequest, name: str) -> str | None:
    values: Sequence[str] = request.query_values(name)
    if len(values) > 1:  # two readers could take two different ones (security OP-5)
        raise BadInput(name, f"Please provide the {name} once")
    return values[0] if values and values[0] else None
