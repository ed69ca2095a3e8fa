"""The recipe over HTTP: what an attacker sees of it, byte for byte."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.site import PASSWORD, Site, running_site
from watchword.recipes import EmailPassword, InputFormField

TAKEN = "This email already exists. Please sign in instead."


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """A site with this recipe only, and an optional field of its own."""
    recipe = EmailPassword(form_fields=[InputFormField("name", optional=True)])
    async with running_site(database_url, recipes=[recipe]) as running:
        yield running


async def test_failed_sign_ins_are_the_same_bytes(site: Site) -> None:
    """Attack: compare the answers for a known and an unknown address (security EN-1).

    Status, body and every header but the date and the request's id are equal, whoever exists, and there are no tokens.
    """
    await site.browser().sign_up("ada@example.com")
    answers = [
        await site.browser().sign_in(email, password)
        for email, password in (
            ("ada@example.com", "wrong horse 1"),
            ("eve@example.com", "wrong horse 1"),
            ("eve@example.com", PASSWORD),
            ("ada@example.com", "x" * 10_000),
            ("1.google@stfakeemail.supertokens.com", PASSWORD),
        )
    ]
    seen = {
        (
            answer.status_code,
            answer.content,
            tuple((name, value) for name, value in answer.headers.items() if name not in ("date", "x-request-id")),
        )
        for answer in answers
    }
    assert 1 == len(seen)
    assert (200, b'{"status":"WRONG_CREDENTIALS_ERROR"}') == (answers[0].status_code, answers[0].content)
    assert not {"set-cookie", "st-access-token", "front-token"} & set(answers[0].headers)


async def test_of_20_sign_ups_at_once_one_gets_in(site: Site) -> None:
    """Attack: race to own an address twice; the losers read the contract's sentence, nobody a 500."""
    answers = await asyncio.gather(
        *(site.browser().sign_up(email) for email in ["ada@example.com", "ADA@example.com"] * 10)
    )
    bodies = [answer.json() for answer in answers]
    assert {200} == {answer.status_code for answer in answers}
    assert 1 == sum(body["status"] == "OK" for body in bodies)
    losers = [body for body in bodies if body["status"] != "OK"]
    assert [{"status": "FIELD_ERROR", "formFields": [{"id": "email", "error": TAKEN}]}] * 19 == losers


def raw_form(email: str, password: str, name: str) -> bytes:
    """A body whose values are JSON as given, so that it may hold what no encoder writes."""
    fields = {"email": email, "password": password, "name": name}
    elements = ",".join(f'{{"id":"{id}","value":{value}}}' for id, value in fields.items())
    return f'{{"formFields":[{elements}]}}'.encode()


@pytest.mark.parametrize(
    ("email", "password", "name", "named"),
    [
        (r'"ada\u0000@example.com"', f'"{PASSWORD}"', '"Ada"', "email"),
        (r'"ada\ud800@example.com"', f'"{PASSWORD}"', '"Ada"', ""),
        ('"ada@example.com,eve@example.com"', f'"{PASSWORD}"', '"Ada"', "email"),
        (r'"ada@example.com\r\nbcc: eve@example.com"', f'"{PASSWORD}"', '"Ada"', "email"),
        ('"ada@example.com"', r'"abcdefg1\u0000"', '"Ada"', "password"),
        ('"ada@example.com"', r'"abcdefg1\udfff"', '"Ada"', ""),
        ('"ada@example.com"', json.dumps("a1" * 5_000), '"Ada"', "password"),
        ('"ada@example.com"', f'"{PASSWORD}"', r'"\u0000"', "name"),
        ('"ada@example.com"', f'"{PASSWORD}"', r'{"a":["\u0000"]}', "name"),
        ("1", f'"{PASSWORD}"', '"Ada"', "email"),
        ('"ada@example.com"', "null", '"Ada"', "password"),
        ('"ada@example.com"', f'"{PASSWORD}"', "NaN", ""),
        ('"ada@example.com"', f'"{PASSWORD}"', "[" * 5_000, ""),
    ],
)
async def test_bad_input_is_refused_by_name_and_writes_nothing(
    site: Site, email: str, password: str, name: str, named: str
) -> None:
    """NUL, unpaired surrogates, huge passwords, wrong types, deep JSON: a 400 or a field error, never a 500."""
    headers = {"content-type": "application/json"}
    browser = site.browser()
    answer = await browser.call("POST", "/auth/signup", content=raw_form(email, password, name), headers=headers)

    body: dict[str, Any] = answer.json()
    if answer.status_code == 400:
        assert {"message"} == set(body)
        assert named in body["message"]
    else:
        assert (200, "FIELD_ERROR", [named]) == (
            answer.status_code,
            body["status"],
            [field["id"] for field in body["formFields"]],
        )
    exists = await browser.get("/auth/emailpassword/email/exists?email=ada@example.com")
    assert {"status": "OK", "exists": False} == exists.json()


async def test_sign_in_with_bad_input_never_fails(site: Site) -> None:
    """The same at sign-in, where no password policy speaks first."""
    headers = {"content-type": "application/json"}
    for email, password in (
        (r'"ada\u0000@example.com"', '"x"'),
        (r'"\ud800"', '"x"'),
        ('"ada@example.com"', r'"\u0000"'),
        ('"ada@example.com"', r'"\ud800"'),
        ('"ada@example.com"', json.dumps("é" * 10_000)),
    ):
        form = f'{{"formFields":[{{"id":"email","value":{email}}},{{"id":"password","value":{password}}}]}}'
        answer = await site.browser().call("POST", "/auth/signin", content=form.encode(), headers=headers)
        assert answer.status_code in (200, 400)
        assert "OK" != answer.json().get("status")


@pytest.mark.parametrize(
    "query", ["", "email=a@b.example&email=c@d.example", "email=%00", "email=%ED%A0%80", "email=" + "x" * 9_000]
)
async def test_email_exists_with_any_query(site: Site, query: str) -> None:
    """Missing or repeated: 400 with the contract's sentence; nonsense is `false`."""
    answer = await site.browser().get(f"/auth/signup/email/exists?{query}")
    if answer.status_code == 400:
        assert {"message": "Please provide the email as a GET param"} == answer.json()
    else:
        assert (200, {"status": "OK", "exists": False}) == (answer.status_code, answer.json())


async def test_a_disabled_api_belongs_to_the_application(database_url: str) -> None:
    """On both of its paths, whatever `rid` says; the other APIs stay (FDI 14, 5)."""
    recipe = EmailPassword(disabled_apis=["email_exists_get"])
    async with running_site(database_url, recipes=[recipe]) as site:
        browser = site.browser(rid="emailpassword")
        for path in (
            "/auth/emailpassword/email/exists",
            "/auth/signup/email/exists",
            "/auth/public/signup/email/exists",
        ):
            assert 404 == (await browser.get(path + "?email=ada@example.com")).status_code
        assert "OK" == (await browser.sign_up()).json()["status"]
