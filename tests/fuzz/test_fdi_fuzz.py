"""Every endpoint, on several protocol versions, with data that fits our description and data that does not.

What must hold of every answer: no 5xx, a status, body and headers that `docs/fdi.openapi.yaml` describes, and the
headers that let a page of the website read it and no cache keep it. Source: security 6, item 1.
"""

import base64
import json
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fdi.openapi import operations, read_description
from tests.fuzz.conftest import FuzzSite
from tests.site import PASSWORD

DESCRIPTION = read_description()
OPERATIONS = operations(DESCRIPTION)
SCHEMA = schemathesis.openapi.from_dict(DESCRIPTION)
#: Per endpoint; the paths with a tenant, which lead to the same code, get half of it.
EXAMPLES = 48

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
#: What clients send as `fdi-version`, and which shape of a user they then expect.
SHAPES = {"1.16,1.17": 1, "1.18": 2, "1.17,1.19": 2, "2.0": 1, "3.0": 2, "3.1,4.0,4.1": 2, "4.2": 2, "9.9, 10.0": 2}
EVIL = "https://evil.example"
PUBLIC = ("/jwt/jwks.json", "/.well-known/openid-configuration")
#: What each endpoint must have answered at least once, or the run has only looked at refusals.
WANTED = {
    "/session/refresh": 200,
    "/signout": 200,
    "/callback/apple": 303,
}


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{method} {path}" for method, path in OPERATIONS])
def test_every_answer_is_as_described(fuzz_site: FuzzSite, method: str, path: str) -> None:
    """No request makes a 5xx, an undescribed answer, or one without its cross-origin and cache headers."""
    operation = SCHEMA[path][method]
    readable = bool(OPERATIONS[method, path].get("parameters") or OPERATIONS[method, path].get("requestBody"))
    modes = [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if readable or "{" in path else [])]
    cases = st.one_of([operation.as_strategy(mode) for mode in modes])
    seen: set[int] = set()
    session = requests.Session()
    session.trust_env = False

    @settings(
        max_examples=EXAMPLES // 2 if "{" in path else EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases, st.data())
    def fuzz(case: Case, data: st.DataObject) -> None:
        version, origin = prepare(case, data, fuzz_site)
        session.cookies.clear()
        response = case.call(base_url=fuzz_site.url + "/auth", session=session)
        seen.add(response.status_code)
        if response.status_code == 404 and "tenantId" in (case.path_parameters or {}):
            return check_headers(response, path, origin, fuzz_site.url)  # no name of a tenant: the application's path
        case.validate_response(response, checks=CHECKS)
        check_headers(response, path, origin, fuzz_site.url)
        check_shape(response, version)
        return None

    with session:
        fuzz()
    assert WANTED.get(path.removeprefix("/{tenantId}"), 200) in seen


def prepare(case: Case, data: st.DataObject, fuzz_site: FuzzSite) -> tuple[str | None, str | None]:
    """Put what random data never hits into some cases; answers the version and the origin that are sent."""
    friendly = data.draw(st.booleans())  # all that matters is as it should be, so that the endpoint does its work
    version = data.draw(st.sampled_from([None, *SHAPES]))
    if version is not None:
        case.headers["fdi-version"] = version
    origin = data.draw(st.sampled_from([None, fuzz_site.url] if friendly else [None, fuzz_site.url, EVIL]))
    if origin is not None:
        case.headers["origin"] = origin
    if case.path_parameters and (friendly or data.draw(st.booleans())):
        case.path_parameters["tenantId"] = "public"
    if friendly or data.draw(st.booleans()):
        put_in_tokens(case, data, fuzz_site, whole=friendly)
    if friendly or data.draw(st.booleans()):
        put_in_what_works(case, data, fuzz_site)
    elif case.media_type:
        media_type = data.draw(
            st.sampled_from([*[case.media_type] * 9, "application/json;charset=latin-1", "text/a", "/"])
        )
        case.headers["content-type"] = media_type
    return version, origin


def put_in_tokens(case: Case, data: st.DataObject, fuzz_site: FuzzSite, *, whole: bool) -> None:
    """Send a live session along, in either transport or both, whole or cut off."""
    tokens = fuzz_site.start_session()
    if not whole:
        tokens = {name: token[: data.draw(st.integers(0, len(token)))] for name, token in tokens.items()}
    refreshing = case.path.endswith("/session/refresh")
    where = data.draw(st.sampled_from(["cookies", "headers", "both"]))
    if where != "headers":
        case.cookies["sAccessToken"] = tokens["st-access-token"]
        case.cookies["sRefreshToken"] = tokens["st-refresh-token"]
    if where != "cookies":
        case.headers["authorization"] = "Bearer " + tokens["st-refresh-token" if refreshing else "st-access-token"]


def put_in_what_works(case: Case, data: st.DataObject, fuzz_site: FuzzSite) -> None:
    """Replace the input by what the endpoint is there for."""
    form_fields: list[dict[str, Any]] = [
        {"id": "email", "value": data.draw(st.sampled_from([fuzz_site.email, f"{data.draw(st.uuids())}@example.com"]))},
        {"id": "password", "value": PASSWORD},
    ]
    callback = {
        "redirectURIOnProviderDashboard": fuzz_site.redirect_uri,
        "redirectURIQueryParams": {"code": "c0de", "state": "st4te"},
        "pkceCodeVerifier": "v" * 64,
    }
    tokens = {"access_token": "t0ken", "id_token": data.draw(st.sampled_from(["a.b.c", "e30.e30.e30", "", None]))}
    match case.path.removeprefix("/{tenantId}"):
        case "/signup" | "/signin":
            case.body, case.media_type = {"formFields": form_fields}, "application/json"
        case "/user/password/reset/token":
            case.body, case.media_type = {"formFields": form_fields[:1]}, "application/json"
        case "/user/password/reset":
            case.body, case.media_type = {"token": "t0ken", "formFields": form_fields[1:]}, "application/json"
        case "/user/email/verify/token":
            case.body, case.media_type = {}, "application/json"
        case "/user/email/verify" if case.method.upper() == "POST":
            case.body, case.media_type = {"token": "t0ken"}, "application/json"
        case "/signinup":
            part = data.draw(st.sampled_from([{"redirectURIInfo": callback}, {"oAuthTokens": tokens}]))
            case.body, case.media_type = {"thirdPartyId": "corp", **part}, "application/json"
        case "/authorisationurl":
            case.query = {"thirdPartyId": "corp", "redirectURIOnProviderDashboard": fuzz_site.redirect_uri}
        case "/emailpassword/email/exists" | "/signup/email/exists":
            case.query = {"email": fuzz_site.email}
        case "/callback/apple":
            target = data.draw(st.sampled_from([fuzz_site.url, fuzz_site.url + "/a?b=c#d", EVIL, 1]))
            state = json.dumps({"state": "x", "frontendRedirectURI": target}).encode()
            case.body = {"state": base64.b64encode(state).decode(), "code": data.draw(st.text(max_size=20))}
        case _:
            pass


def check_headers(response: Response, path: str, origin: str | None, url: str) -> None:
    """The page may read it if it is the website's, nobody else's, and no cache keeps it."""
    headers = {name.lower(): values for name, values in response.headers.items()}
    if path.endswith(PUBLIC) and response.status_code != 404:
        assert ["*"] == headers["access-control-allow-origin"]
        assert "access-control-allow-credentials" not in headers
        assert "set-cookie" not in headers
        return
    assert "Origin" in headers["vary"][0].split(", ")
    assert 1 == len(headers["vary"])
    assert ([origin] if origin == url else None) == headers.get("access-control-allow-origin")
    assert (["true"] if origin == url else None) == headers.get("access-control-allow-credentials")
    if response.status_code != 404:
        assert ["no-store"] == headers["cache-control"]
    tokens = [name for name in ("front-token", "st-access-token", "st-refresh-token") if name in headers]
    assert ([", ".join(tokens)] if tokens else None) == headers.get("access-control-expose-headers")
    names = [cookie.split("=")[0] for cookie in headers.get("set-cookie", [])]
    assert len(set(names)) == len(names)


def check_shape(response: Response, version: str | None) -> None:
    """The user and the new-user flag are those of the client's version."""
    user = response.json().get("user") if response.content else None
    if user is None or version is None:
        return
    assert SHAPES[version] == (2 if "loginMethods" in user else 1)
