"""Bodies that nobody should send. Source: FDI 3.3, section 14 line 12; security CS-3, PW-7; the issue's bad input."""

import asyncio
import json
from typing import Any, Literal

import pytest

from tests.site import PASSWORD, Site, running_site
from watchword.errors import BadInput
from watchword.fdi.bodies import read_body
from watchword.http.messages import HttpRequest
from watchword.recipes import EmailVerification, ThirdPartyEmailPassword


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough: nothing here depends on which."""
    return sqlite_url


FIELDS = [{"id": "email", "value": "ada@example.com"}, {"id": "password", "value": PASSWORD}]


async def post(
    site: Site, content: Any, content_type: str | None = "application/json", path: str = "/auth/signup"
) -> tuple[int, Any]:
    """POST raw bytes; answers status and JSON."""
    headers = {} if content_type is None else {"content-type": content_type}
    answer = await site.browser().client.post(path, content=content, headers=headers)
    return answer.status_code, answer.json()


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "", None],
)
async def test_only_json_is_read(site: Site, content_type: str | None) -> None:
    """A form or plain text could come from a page of another site without asking; 415 names the header."""
    status, body = await post(site, json.dumps({"formFields": FIELDS}).encode(), content_type)
    assert 415 == status
    assert "Content-Type" in body["message"]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
async def test_no_endpoint_reads_what_a_form_can_send(database_url: str, content_type: str | None) -> None:
    """Attack: find the endpoint that takes a form, which any page may send; Apple's callback is the only one (CS-3).

    The routes are those that the recipes say, so that a later one is looked at as well.
    """
    recipes = [ThirdPartyEmailPassword(), EmailVerification(mode="OPTIONAL")]
    async with running_site(database_url, recipes=recipes) as site:
        routes = [route for recipe in site.auth.recipe_list for route in recipe.routes() if route.method == "POST"]
        assert {"/callback/apple"} == {route.path for route in routes if route.body == "form"}
        paths = {f"/auth{route.path}" for route in routes if route.body == "json"}
        assert {"/auth/signup", "/auth/signinup", "/auth/user/password/reset", "/auth/user/email/verify"} <= paths
        assert dict.fromkeys(paths, 415) == {
            path: (await post(site, b'formFields={"a":1}', content_type, path))[0] for path in paths
        }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "API input error: Please make sure to pass a valid JSON input in the request body"),
        (b"[]", "API input error: Please make sure to pass a valid JSON input in the request body"),
        (b"\xff\xfe", "API input error: Please make sure to pass a valid JSON input in the request body"),
        (
            b'{"a":' * 500 + b"1" + b"}" * 500,
            "API input error: Please make sure to pass a valid JSON input in the request body",
        ),
        (b"", "Missing input param: formFields"),
        (b"{}", "Missing input param: formFields"),
        (b'{"formFields":1}', "formFields must be an array"),
        (b'{"formFields":[1]}', "All elements of formFields must be an object"),
        (b'{"formFields":[{"id":1,"value":1}]}', "All elements of formFields must contain an 'id' and 'value' field"),
        (b'{"formFields":[{"id":"email"}]}', "All elements of formFields must contain an 'id' and 'value' field"),
        (b'{"formFields":[{"id":"email","value":1}]}', "email value must be a string"),
        (b'{"formFields":[{"id":"password","value":{}}]}', "password value must be a string"),
    ],
)
async def test_malformed_bodies_are_named(site: Site, content: bytes, message: str) -> None:
    """400 with the contract's sentence."""
    assert (400, {"message": message}) == await post(site, content)


async def test_a_huge_body_is_refused_unread(site: Site) -> None:
    """More than 64 KiB: 413, whether the length is declared or the body just keeps coming."""
    status, body = await post(site, b'{"formFields":"' + b"x" * 70_000 + b'"}')
    assert (413, True) == (status, "65536" in body["message"])

    async def endless() -> Any:
        for _ in range(70):
            yield b" " * 1_000

    assert 413 == (await post(site, endless()))[0]


@pytest.mark.parametrize(
    "email", ["a\u0000b@example.com", "a@exa\u0000mple.com", "a,b@example.com", "a@b", "<a@b.co>", "a@b.co\r\nx: y"]
)
async def test_odd_addresses_are_field_errors(site: Site, email: str) -> None:
    """NUL, lists, brackets, line breaks: a field error, never a 500."""
    body = json.dumps({"formFields": [{"id": "email", "value": email}, FIELDS[1]]})
    status, answer = await post(site, body.encode())
    assert (200, "FIELD_ERROR") == (status, answer["status"])
    assert ["email"] == [field["id"] for field in answer["formFields"]]


@pytest.mark.parametrize("path", ["/auth/signup", "/auth/signin"])
async def test_lone_surrogates_are_refused(site: Site, path: str) -> None:
    """Text that UTF-8 cannot hold is a 400 or a field error, in any field."""
    for index in (0, 1):
        text = json.dumps({"formFields": FIELDS}).replace(("ada", "correct")[index], "\\ud800")
        status, answer = await post(site, text.encode(), path=path)
        assert (status, answer.get("status")) in ((400, None), (200, "FIELD_ERROR"), (200, "WRONG_CREDENTIALS_ERROR"))


@pytest.mark.parametrize("path", ["/auth/signup", "/auth/signin"])
async def test_a_huge_password_is_refused_without_hashing(site: Site, path: str) -> None:
    """10 kB of password: a field error or wrong credentials."""
    body = json.dumps({"formFields": [FIELDS[0], {"id": "password", "value": "a1" * 5_000}]})
    status, answer = await post(site, body.encode(), path=path)
    assert 200 == status
    assert answer["status"] in ("FIELD_ERROR", "WRONG_CREDENTIALS_ERROR")


@pytest.mark.parametrize("kind", ["json", "form"])
async def test_a_body_that_never_ends_is_given_up(kind: Literal["json", "form"]) -> None:
    """Attack: announce a body, send a byte of it, and leave the request hanging, ten thousand times.

    Servers bound the time of headers only; each such request was kept for as long as its sender liked.
    """
    sent = [{"type": "http.request", "body": b"{", "more_body": True}]

    async def receive() -> Any:
        if sent:
            return sent.pop()
        return await asyncio.get_running_loop().create_future()  # nothing more comes

    with pytest.raises(BadInput, match="did not arrive within"):
        await read_body(HttpRequest("POST", "/auth/signin"), receive, kind, max_seconds=0.01)
