"""What a request says about where it came to and from decides nothing. Source: security HP-1, HP-2, HP-3, JW-11."""

import base64
import json
from typing import Any

import pytest

from tests.site import Browser, Site

CLAIMS: list[dict[str, str]] = [
    {"host": "evil.example"},
    {"host": "localhost:1"},
    {"host": "localhost@evil.example"},
    {"host": "[::1]"},
    {"x-forwarded-host": "evil.example"},
    {"x-forwarded-proto": "https"},
    {"x-forwarded-proto": "http, https", "x-forwarded-host": "a, b", "x-forwarded-port": "1"},
    {"x-forwarded-for": "192.0.2.1"},
    {"x-forwarded-prefix": "/evil", "x-script-name": "/evil"},
    {"forwarded": "for=192.0.2.1;host=evil.example;proto=https"},
    {"x-real-ip": "192.0.2.1", "cf-connecting-ip": "192.0.2.1", "true-client-ip": "192.0.2.1"},
    {"x-original-url": "/auth/signout", "x-rewrite-url": "/auth/signout"},
    {"x-http-method-override": "DELETE"},
    {"front-end-https": "on"},
]


def attributes(set_cookie: str) -> list[str]:
    """A cookie's name and attributes without its value and expiry."""
    name, *rest = set_cookie.split("; ")
    return [name.split("=")[0], *(part for part in rest if not part.startswith("Expires="))]


async def seen(browser: Browser) -> Any:
    """Everything in our answers that names a place or an attribute."""
    entered = await browser.sign_in()
    token = browser.client.cookies["sAccessToken"].split(".")[1]
    payload = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    document = await browser.get("/auth/.well-known/openid-configuration")
    stranger = await browser.get("/nowhere")
    return (
        [attributes(line) for line in entered.headers.get_list("set-cookie")],
        payload["iss"],
        document.json(),
        stranger.status_code,
    )


@pytest.mark.parametrize("headers", CLAIMS, ids=lambda headers: next(iter(headers)))
async def test_host_and_forwarded_headers_change_no_answer(site: Site, headers: dict[str, str]) -> None:
    """Attack: claim to have come by another host, scheme, path or address.

    Issuer, documents and cookies are those of the configuration, whatever a request claims and whoever sends it.
    """
    await site.browser().sign_up()
    plain = await seen(site.browser())
    assert plain == await seen(site.browser(**headers))
    assert site.url + "/auth" == plain[1]
