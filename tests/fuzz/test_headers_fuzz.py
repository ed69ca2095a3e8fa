"""Any bytes in the headers that decide about sessions, on raw sockets: always an answer, never a 5xx.

A client library would refuse to send most of this; an attacker's does not. Source: security 6, items 3 and 6.
"""

import base64
import json
import socket
from collections.abc import Sequence
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.conftest import FuzzSite
from tests.site import PASSWORD

FIELDS = [{"id": "email", "value": FuzzSite.email}, {"id": "password", "value": PASSWORD}]
SIGN_IN = json.dumps({"formFields": FIELDS}).encode()
TARGETS = [
    ("GET", "/me", b""),
    ("GET", "/maybe", b""),
    ("POST", "/auth/session/refresh", b""),
    ("POST", "/auth/signout", b""),
    ("POST", "/auth/signin", SIGN_IN),
]
#: Stands for the live token of the kind that the header is for.
LIVE = "<live>"
Headers = list[tuple[str, str]]

# What servers let through. Other bytes than these they refuse themselves, which one value in VALUES shows.
anything = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
CLAIMS = ("sub", "iat", "exp", "tId", "rsub", "sessionHandle", "refreshTokenHash1", "antiCsrfToken", "gen", "stt")


def _segment(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


members = st.dictionaries(st.sampled_from(["alg", "kid", "typ", "version", "gen", *CLAIMS]), json_values)
jwts = st.tuples(members.map(_segment), members.map(_segment), anything).map(".".join)
cut_or_grown = st.builds(
    lambda keep, more: f"{LIVE}{keep}|{more}", st.integers(0, 400), st.text('AQgw.-_=%" \\', max_size=4)
)
tokens = st.one_of(st.just(LIVE), cut_or_grown, jwts, anything)
NAMES = ("sAccessToken", "sRefreshToken", "sIdRefreshToken", "sFrontToken", "other")
cookies = st.lists(st.tuples(st.sampled_from(NAMES), tokens.map(lambda token: quote(token, safe="<>|."))), max_size=4)
VALUES = {
    "authorization": st.one_of(tokens.map("Bearer {}".format), tokens.map("bearer {}".format), anything),
    "cookie": st.one_of(cookies.map(lambda pairs: "; ".join(f"{name}={value}" for name, value in pairs)), anything),
    "rid": st.one_of(st.sampled_from(["session", "emailpassword", "anti-csrf", "thirdpartyemailpassword"]), anything),
    "st-auth-mode": st.one_of(st.sampled_from(["cookie", "header", "Cookie"]), anything),
    "fdi-version": st.one_of(st.from_regex(r"[0-9.,]{0,20}", fullmatch=True), st.just("9" * 5_000), anything),
    "anti-csrf": anything,
    "origin": st.one_of(st.sampled_from(["http://localhost", "null", "https://evil.example", "http://["]), anything),
    "sec-fetch-site": st.one_of(st.sampled_from(["same-origin", "cross-site"]), anything),
    "content-type": st.one_of(st.just("application/json; charset=utf-8"), anything),
    "access-control-request-method": anything,
    "x-control": st.text(st.characters(max_codepoint=0xFF, exclude_characters="\r\n"), max_size=3),
}
headers = st.lists(
    st.sampled_from(list(VALUES)).flatmap(lambda name: st.tuples(st.just(name), VALUES[name])), max_size=7
)


@pytest.mark.parametrize(("method", "path", "body"), TARGETS, ids=[path for _, path, _ in TARGETS])
def test_no_header_makes_a_server_error(fuzz_site: FuzzSite, method: str, path: str, body: bytes) -> None:
    """Whatever stands in them, doubled, cut or forged: an answer below 500, and nothing in the log."""
    live = fuzz_site.start_session()
    token = live["st-refresh-token" if path.endswith("/refresh") else "st-access-token"]

    @settings(
        max_examples=80 if path == "/auth/signin" else 250,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(headers)
    @example([("cookie", f"sAccessToken={LIVE}; sAccessToken={LIVE}"), ("cookie", f"sRefreshToken={LIVE}")])
    @example([("authorization", "Bearer " + "x" * 60_000)])
    @example([("cookie", ";".join(f"sAccessToken={index}" for index in range(5_000)))])
    def fuzz(chosen: Headers) -> None:
        sent = [(name, _with_live(value, token)) for name, value in chosen]
        if body and "content-type" not in dict(sent):
            sent.append(("content-type", "application/json"))
        status = send(fuzz_site, method, path, sent, body)
        assert 200 <= status < 500

    fuzz()


def _with_live(value: str, token: str) -> str:
    """Put the live token in the place of its marks, whole or cut as the mark says."""
    start = value.find(LIVE)
    if start < 0:
        return value
    before, rest = value[:start], value[start + len(LIVE) :]
    keep, bar, more = rest.partition("|")
    return before + token[: int(keep)] + more if bar and keep.isdigit() else value.replace(LIVE, token)


def send(fuzz_site: FuzzSite, method: str, path: str, chosen: Sequence[tuple[str, str]], body: bytes) -> int:
    """One request, written by hand; answers the status."""
    port = int(fuzz_site.url.rsplit(":", 1)[1])
    lines = [
        f"{method} {path} HTTP/1.1",
        f"host: localhost:{port}",
        "connection: close",
        f"content-length: {len(body)}",
    ]
    lines += [f"{name}: {value}" for name, value in chosen]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        answer = b""
        while chunk := connection.recv(65_536):
            answer += chunk
    version, status = answer.split(b" ", 2)[:2]
    assert b"HTTP/1.1" == version
    return int(status)
