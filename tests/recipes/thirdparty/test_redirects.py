"""Where a browser may be sent (security OA-6, OA-12, RD-1; FDI 14 line 24)."""

import base64
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.recipes.engine import call
from tests.recipes.thirdparty.conftest import APP, corp, visitor_of
from tests.recipes.thirdparty.double import ProviderDouble
from watchword.errors import BadInput, ConfigurationError
from watchword.recipes.api import Answer
from watchword.recipes.engine import Engine
from watchword.recipes.thirdparty.providers import ProviderClient
from watchword.recipes.thirdparty.recipe import ThirdParty
from watchword.recipes.thirdparty.redirects import RedirectUris, apple_redirect_target
from watchword.settings import AppInfo

WEB = ProviderClient(client_id="web", client_secret="s")
NATIVE = ProviderClient(client_id="app", native=True)
SITE = AppInfo(
    app_name="Test",
    api_domain="https://api.example.com",
    website_domain="https://example.com",
    origins=["https://admin.example.com:8443"],
    website_base_path="/sign-in",
    api_base_path="/v1/auth",
    api_gateway_path="/gw",
)
CONFIGURED = ["com.example.app:/callback", "http://127.0.0.1/callback?a=b", "http://[::1]:8000/callback"]
URIS = RedirectUris(SITE, "corp", CONFIGURED)

ALLOWED = [
    "https://example.com/sign-in/callback/corp",
    "https://admin.example.com:8443/sign-in/callback/corp",
    "https://api.example.com/sign-in/callback/corp",
    "https://api.example.com/gw/v1/auth/callback/corp",
    *CONFIGURED,
]
REFUSED = [
    "",
    "/sign-in/callback/corp",
    "//example.com/sign-in/callback/corp",
    "http://example.com/sign-in/callback/corp",
    "https://example.com:443/sign-in/callback/corp",
    "https://example.com:8443/sign-in/callback/corp",
    "https://EXAMPLE.com/sign-in/callback/corp",
    "https://example.com./sign-in/callback/corp",
    "https://www.example.com/sign-in/callback/corp",
    "https://example.com.evil.example/sign-in/callback/corp",
    "https://evilexample.com/sign-in/callback/corp",
    "https://example.com@evil.example/sign-in/callback/corp",
    "https://evil.example\\@example.com/sign-in/callback/corp",
    "https://evil.example/#https://example.com/sign-in/callback/corp",
    "https://еxample.com/sign-in/callback/corp",
    "https://xn--xample-2of.com/sign-in/callback/corp",
    "https://example.com/sign-in/callback/corp/",
    "https://example.com/sign-in/callback/corp?x=1",
    "https://example.com/sign-in/callback/corp#x",
    "https://example.com/sign-in/callback/corp%20",
    "https://example.com/sign-in/callback/corp ",
    " https://example.com/sign-in/callback/corp",
    "https://example.com/sign-in/callback/corp\n",
    "https://example.com/sign-in/../sign-in/callback/corp",
    "https://example.com/sign-in/%2e%2e/sign-in/callback/corp",
    "https://example.com/sign-in/callback/google",
    "https://example.com/auth/callback/corp",
    "javascript:alert(1)",
    "com.example.app:/callback/other",
    "com.example.app://callback",
    "COM.EXAMPLE.APP:/callback",
    "http://127.0.0.1/callback",
    "http://127.0.0.1.evil.example/callback?a=b",
]
LOOPBACK = ["http://127.0.0.1:49152/callback?a=b", "http://[::1]/callback", "http://[::1]:1/callback"]
NOT_LOOPBACK = [
    "http://127.0.0.1:1/other?a=b",
    "http://127.0.0.1:1/callback",
    "http://127.0.0.1:1/callback?a=b&c=d",
    "http://127.0.0.2:1/callback?a=b",
    "http://localhost:1/callback?a=b",
    "https://127.0.0.1:1/callback?a=b",
    "http://127.0.0.1:1@evil.example/callback?a=b",
    "http://user@127.0.0.1:1/callback?a=b",
    "http://127.0.0.1:99999/callback?a=b",
    "http://127.0.0.1:x/callback?a=b",
    "http://127.0.0.1:1\\@evil.example/callback?a=b",
]


@pytest.mark.parametrize("client", [WEB, NATIVE])
@pytest.mark.parametrize("uri", ALLOWED)
def test_the_list_is_what_the_configuration_says(uri: str, client: ProviderClient) -> None:
    """Every allowed origin's callback page, the API's callback, and what the application adds."""
    assert uri == URIS.verify(uri, client)


@pytest.mark.parametrize("client", [WEB, NATIVE])
@pytest.mark.parametrize("uri", [*REFUSED, *NOT_LOOPBACK])
def test_anything_else_is_refused_to_the_letter(uri: str, client: ProviderClient) -> None:
    """No prefix, no wildcard, no second spelling: the code would go to whoever is there."""
    with pytest.raises(BadInput) as refused:
        URIS.verify(uri, client)
    assert "redirectURIOnProviderDashboard" == refused.value.field
    assert "redirect_uris" in refused.value.message


@pytest.mark.parametrize("uri", LOOPBACK)
def test_only_a_native_apps_loopback_port_may_vary(uri: str) -> None:
    """A desktop app listens where it can (RFC 8252 7.3); a website does not."""
    assert uri == URIS.verify(uri, NATIVE)
    with pytest.raises(BadInput):
        URIS.verify(uri, WEB)


@pytest.mark.parametrize(
    "uris",
    [
        "https://example.com/a",
        [""],
        ["/callback"],
        ["//example.com/"],
        ["https://"],
        ["https:///x"],
        ["https://*.example.com/"],
        ["https://example.com/a#b"],
        ["https://user@example.com/"],
        ["https://example.com/a b"],
        ["https://example.com\\@evil.example/"],
        ["https://[::1/"],
        ["http://example.com:99999/"],
        ["javascript:alert(1)"],
        ["data:text/html,x"],
        ["https://example.com/ü"],
    ],
)
def test_what_cannot_be_an_exact_redirect_uri_stops_the_start(uris: Any) -> None:
    """The error names the setting."""
    with pytest.raises(ConfigurationError) as refused:
        ThirdParty(redirect_uris=uris)
    assert "redirect_uris" == refused.value.setting


async def test_both_calls_check_it(memory_engine: Engine, double: ProviderDouble) -> None:
    """When the browser leaves, and when its code comes back; with a further one from the setting."""
    visitor = visitor_of(memory_engine, corp(double), redirect_uris=["https://partner.example/back"])
    visitor.redirect_uri = "https://partner.example/back"
    assert {"status": "OK"} == (await visitor.sign_in_up()).body

    attempt = await visitor.attempt()
    for wrong in ("https://partner.example/back/", "https://evil.example/auth/callback/corp"):
        attempt["redirectURIInfo"]["redirectURIOnProviderDashboard"] = wrong
        with pytest.raises(BadInput):
            await visitor.post(attempt)
        visitor.redirect_uri = wrong
        with pytest.raises(BadInput):
            await visitor.start()
    assert 1 == double.count("/token")


def encoded(state: Any) -> str:
    """A state as the official client encodes it."""
    return base64.b64encode(json.dumps(state).encode()).decode()


async def posted(engine: Engine, form: dict[str, Any]) -> Answer:
    """`POST /callback/apple`."""
    return await call(visitor_of(engine).recipe, "apple_redirect_handler_post", form)


async def test_apples_form_is_sent_on_to_the_website(memory_engine: Engine) -> None:
    """303, all fields in the query, an existing query kept, nothing of it in a referrer or a cache."""
    state = encoded(
        {"state": "random", "frontendRedirectURI": "https://example.com/auth/callback/apple?rid=x&code=old"}
    )
    user = json.dumps({"name": {"firstName": "Ada & co"}})
    answer = await posted(memory_engine, {"state": state, "code": "c/+=", "user": user})

    assert (303, None) == (answer.status, answer.body)
    headers = dict(answer.headers)
    assert "no-referrer" == headers["referrer-policy"]
    assert "no-store" == headers["cache-control"]
    target = urlsplit(headers["location"])
    assert ("https", "example.com", "/auth/callback/apple") == target[:3]
    assert [("rid", "x"), ("state", state), ("code", "c/+="), ("user", user)] == parse_qsl(target.query)


def test_without_a_uri_of_its_own_the_websites_page_is_meant() -> None:
    """The client names one only where it differs."""
    state = encoded({"state": "random"})
    target = apple_redirect_target(SITE, {"state": state.rstrip("="), "error": "user_cancelled_authorize"})
    assert target.startswith("https://example.com/sign-in/callback/apple?state=")
    assert target.endswith("&error=user_cancelled_authorize")


@pytest.mark.parametrize(
    "uri",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "https://example.com@evil.example/",
        "https://evil.example\\@example.com/",
        "https://example.com:443@evil.example/",
        "https://example.com.evil.example/",
        "https://example.com\t.evil.example/",
        "https://example.com\n/",
        "https://exam\nple.com/",
        "https://example.com /",
        "\thttps://example.com/",
        "https://еxample.com/",
        "https://example.com%2eevil.example/",
        "https://example.com%00/",
        "HTTPS://example.com/",
        "https://EXAMPLE.com/",
        "https://example.com:8443/",
        "https://example.com:99999/",
        "https://[::1/",
        "http://example.com/",
        "javascript:alert(1)//https://example.com/",
        "data:text/html,x",
        "com.example.app:/callback",
        "",
        "/auth/callback/apple",
        1,
        ["https://example.com/"],
        {"url": "https://example.com/"},
    ],
)
async def test_apples_form_is_sent_nowhere_else(memory_engine: Engine, uri: Any) -> None:
    """An attacker makes the state, lures somebody through Apple, and waits for the code at a page of theirs."""
    with pytest.raises(BadInput) as refused:
        await posted(memory_engine, {"state": encoded({"state": "x", "frontendRedirectURI": uri}), "code": "c"})
    assert "state" == refused.value.field


@pytest.mark.parametrize(
    "state",
    [None, "", "%%%", "bm90IGpzb24=", "W10=", "MQ==", "ü", "x" * 4097, "A", 1, base64.b64encode(b"[" * 3000).decode()],
)
async def test_a_state_that_is_none_is_400(memory_engine: Engine, state: Any) -> None:
    """Not base64, not JSON, not an object, too long, too deep."""
    with pytest.raises(BadInput) as refused:
        await posted(memory_engine, {"code": "c"} if state is None else {"state": state, "code": "c"})
    assert "state" == refused.value.field


@pytest.mark.parametrize("path", ["/a b", "/<script>", "/%0d%0aSet-Cookie:x=1", "//evil.example", "/é"])
def test_the_location_is_rebuilt_and_never_splits(path: str) -> None:
    """What is sent is what was checked: one line, one origin."""
    form = {"state": encoded({"frontendRedirectURI": "https://example.com" + path}), "x\r\ny": "a\r\nb"}
    try:
        target = apple_redirect_target(APP, form)
    except BadInput:
        return
    assert target.isascii()
    assert target.isprintable()
    assert "<" not in target
    assert target.startswith("https://example.com/")


def test_an_entrys_own_redirect_uris_are_checked_at_start_too(double: ProviderDouble) -> None:
    """They count for that provider alone; the error names the entry."""
    with pytest.raises(ConfigurationError) as refused:
        ThirdParty(providers=[corp(double, redirect_uris=["https://*.example.com/"])])
    assert "OpenIdConnect.redirect_uris" == refused.value.setting
