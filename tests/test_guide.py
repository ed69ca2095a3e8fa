"""The guide keeps its word: every piece of it runs as it stands, in an application that answers requests."""

import inspect
import json
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from fastapi import FastAPI

from tests.recipes.thirdparty.conftest import corp
from tests.recipes.thirdparty.double import query_of, running_provider
from tests.recipes.users.conftest import give_google
from tests.site import PASSWORD, SECRET, Browser, FakeClock, Letterbox, free_port, serving
from watchword import AppInfo, Protection, Watchword
from watchword.audit.rows import AuditEvent
from watchword.clock import SystemClock
from watchword.delivery.email_delivery import EmailDelivery
from watchword.errors import ConfigurationError
from watchword.frameworks.fastapi import install
from watchword.recipes import EmailPassword, ThirdPartyEmailPassword, UserRoles
from watchword.recipes.multitenancy.recipe import Multitenancy

NEW_PASSWORD = "another horse 2"
GUIDE = (Path(__file__).parents[1] / "docs" / "guide.md").read_text()


def pieces_of(title: str) -> list[str]:
    """The Python pieces under a heading; under no heading, what all others build on."""
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", GUIDE, re.DOTALL | re.MULTILINE))
    text = sections[title] if title else GUIDE.partition("\n## ")[0]
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


class Section:
    """The names that the pieces of a section make, and the application they run in."""

    def __init__(self, title: str) -> None:
        self.names: dict[str, Any] = {"__name__": "guide"}
        (basis,) = pieces_of("")
        self.run(basis)
        self.pieces = pieces_of(title)

    def run(self, piece: str) -> None:
        """Run one piece with the names of those before it."""
        exec(compile(piece, "docs/guide.md", "exec"), self.names)  # noqa: S102 - it is our own document

    @asynccontextmanager
    async def serve(
        self, database_url: str, secret: str | list[str] = SECRET, **settings: Any
    ) -> AsyncGenerator[Browser]:
        """Run all pieces, what sets `recipes` before there is an `auth`, and visit the application."""
        port = free_port()
        url = f"http://localhost:{port}"
        later = [piece for piece in self.pieces if not re.search("^recipes = ", piece, re.MULTILINE)]
        for piece in self.pieces:
            if piece not in later:
                self.run(piece)
        auth = self.names["auth"] = Watchword(
            app_info=settings.pop("app_info", AppInfo(app_name="Guide", api_domain=url, website_domain=url)),
            database=database_url,
            secret=secret,
            recipe_list=self.names.get("recipes", [EmailPassword()]),
            **settings,
        )
        app = self.names["app"] = FastAPI()
        install(app, auth)
        for piece in later:
            self.run(piece)
        async with serving(app, port), httpx2.AsyncClient(base_url=url, timeout=30, trust_env=False) as client:
            yield Browser(client, "cookies")


def told_of(name: str) -> set[str]:
    """The functions that the guide says `auth.<name>` has."""
    (told,) = re.findall(rf"`auth\.{name}` has (.*?)\.\s", GUIDE, re.DOTALL)
    return set(re.findall(r"`(\w+)`", told))


def functions_of(kind: type) -> set[str]:
    """The functions that a class has of its own, HTTP APIs left out."""
    public = {name for name, value in vars(kind).items() if name[0] != "_" and inspect.iscoroutinefunction(value)}
    return {name for name in public if not name.endswith(("_get", "_post"))}


async def user_id_of(visitor: Browser) -> str:
    """The user of the session that a browser holds."""
    return visitor.front_token["uid"]


def token_in(link: str) -> str:
    """What the page behind a link reads from its address."""
    return parse_qs(urlsplit(link).query)["token"][0]


async def come_from(visitor: Browser, third_party_id: str) -> httpx2.Response:
    """All steps of the official client for somebody who comes from a provider; the answer to the last."""
    redirect_uri = f"{str(visitor.client.base_url).rstrip('/')}/auth/callback/{third_party_id}"
    asked = {"thirdPartyId": third_party_id, "redirectURIOnProviderDashboard": redirect_uri}
    started = (await visitor.get("/auth/authorisationurl", params=asked)).json()
    async with httpx2.AsyncClient(trust_env=False) as there:
        back = await there.get(started["urlWithQueryParams"] + "&state=xyz")
    info = {
        "redirectURIOnProviderDashboard": redirect_uri,
        "redirectURIQueryParams": query_of(back.headers["location"]),
        **({"pkceCodeVerifier": started["pkceCodeVerifier"]} if "pkceCodeVerifier" in started else {}),
    }
    return await visitor.call("POST", "/auth/signinup", json={"thirdPartyId": third_party_id, "redirectURIInfo": info})


def test_every_section_with_code_has_a_test() -> None:
    """A new piece of the guide needs a test that runs it."""
    titles = re.findall("^## (.+)$", GUIDE, re.MULTILINE)
    tests = Path(__file__).read_text()
    assert [] == [title for title in titles if pieces_of(title) and f'"{title}"' not in tests]


def test_the_guide_begins_with_a_list_of_its_sections() -> None:
    """Each once, under the address that its heading has."""
    titles = re.findall("^## (.+)$", GUIDE, re.MULTILINE)
    listed = re.findall(r"\[([^\]]+)\]\(#([\w-]+)\)", GUIDE.partition("```python")[0])
    assert sorted((title, re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")) for title in titles) == sorted(
        listed
    )


async def test_protect_a_route(database_url: str) -> None:
    """Without a session 401, with one the answer; `revoke` ends the session of the request. A function asks itself."""
    async with Section("Protect a route").serve(database_url) as visitor:
        assert 401 == (await visitor.get("/me")).status_code
        assert {"plan": "free", "for": None} == (await visitor.get("/price")).json()
        assert 401 == (await visitor.get("/price?plan=team")).status_code
        await visitor.sign_up()
        assert {"user": await user_id_of(visitor), "payload": {}} == (await visitor.get("/me")).json()
        assert {"plan": "team", "for": await user_id_of(visitor)} == (await visitor.get("/price?plan=team")).json()
        assert 200 == (await visitor.call("POST", "/leave")).status_code
        assert 401 == (await visitor.get("/me")).status_code


async def test_a_session_that_may_be_absent(database_url: str) -> None:
    """The same route answers strangers and users."""
    async with Section("A session that may be absent").serve(database_url) as visitor:
        assert {"hello": "stranger"} == (await visitor.get("/")).json()
        await visitor.sign_up()
        assert {"hello": await user_id_of(visitor)} == (await visitor.get("/")).json()


async def test_fields_of_your_own(database_url: str) -> None:
    """What the validator returns is shown beside the field; the hook finds the values in `context.form_fields`."""
    section = Section("Fields of your own in the sign-up form")
    async with section.serve(database_url) as visitor:
        refused = await visitor.sign_up(nickname="A")
        error = {"id": "nickname", "error": "Choose a name of 3 to 20 characters."}
        assert {"status": "FIELD_ERROR", "formFields": [error]} == refused.json()
        assert "OK" == (await visitor.sign_up(nickname="Countess")).json()["status"]
        sessions = section.names["auth"].sessions
        (handle,) = await sessions.list_handles(await user_id_of(visitor))
        assert {"nickname": "Countess"} == await sessions.get_session_data(handle)


async def test_after_sign_up_and_sign_in(sqlite_url: str) -> None:
    """Both ways in are noticed once; the answer of a sign-up says more, the session of a sign-in holds more."""
    section = Section("After sign-up and sign-in")
    async with running_provider(SystemClock()) as provider, section.serve(sqlite_url) as visitor:
        assert "/tour" == (await visitor.sign_up("ada@example.com")).json()["next"]
        await visitor.sign_in("ada@example.com")
        sessions = section.names["auth"].sessions
        data = [await sessions.get_session_data(one) for one in await sessions.list_handles(await user_id_of(visitor))]
        assert {"seen_news": False} in data
        section.pieces = []
        for _ in range(2):
            section.names["recipes"] = [section.names["Welcoming"](providers=[corp(provider)])]
            async with section.serve(sqlite_url) as bo:
                assert "OK" == (await come_from(bo, "corp")).json()["status"]
        assert ["ada@example.com"] * 2 == section.names["newcomers"]  # the second is the provider's


async def test_who_may_sign_up(database_url: str) -> None:
    """Closed, by a list, once an address; an account that code made is opened by its link."""
    section = Section("Who may sign up")
    rules, by_code = section.pieces
    section.run(rules)
    section.pieces = [by_code]
    async with section.serve(database_url, sign_ups=section.names["nobody"]) as visitor:
        assert "SIGN_UP_NOT_ALLOWED" == (await visitor.sign_up("ada@example.com")).json()["status"]
        link = await section.names["add_colleague"]("ada@example.com")
        body = {"method": "token", "token": token_in(link), "formFields": [{"id": "password", "value": PASSWORD}]}
        assert "OK" == (await visitor.call("POST", "/auth/user/password/reset", json=body)).json()["status"]
        assert "OK" == (await visitor.sign_in("ada@example.com")).json()["status"]
    section.pieces = []
    section.names["recipes"] = [EmailPassword()]
    async with section.serve(database_url, sign_ups=section.names["colleagues"]) as visitor:
        emails = ["cy@example.com", "bo@example.org", "eve@example.com", "eve@elsewhere.org"]
        statuses = [(await visitor.sign_up(email)).json()["status"] for email in emails]
        assert ["OK", "OK", "SIGN_UP_NOT_ALLOWED", "SIGN_UP_NOT_ALLOWED"] == statuses
    assert section.names["once"].one_account_per_email


async def test_refuse_somebody(sqlite_url: str) -> None:
    """Both ways in are closed to others, and the reason reaches the person."""
    section = Section("Refuse somebody")
    async with running_provider(SystemClock()) as provider, section.serve(sqlite_url) as visitor:
        await section.names["auth"].users.merge_into_metadata(
            "invited", {"bo@example.com": True, "postmaster@example.com": True, "ada@example.com": True}
        )
        refused = (await visitor.sign_up("eve@example.com")).json()
        assert {"status": "SIGN_UP_NOT_ALLOWED", "reason": "Please ask a member to invite you."} == refused
        assert "FIELD_ERROR" == (await visitor.sign_up("postmaster@example.com")).json()["status"]
        assert "OK" == (await visitor.sign_up("bo@example.com")).json()["status"]
        section.pieces = []
        for verified, status in [(False, "SIGN_IN_UP_NOT_ALLOWED"), (True, "OK")]:
            section.names["recipes"] = [section.names["ByInvitation"](providers=[corp(provider)])]
            provider.person["email_verified"] = verified
            async with section.serve(sqlite_url) as ada:
                assert status == (await come_from(ada, "corp")).json()["status"]


async def test_user_names(sqlite_url: str) -> None:
    """A name signs up and in, in any spelling; a wrong one is refused beside the field."""
    async with Section("User names").serve(sqlite_url) as visitor:
        answer = (await visitor.sign_up("a b")).json()
        assert [{"id": "email", "error": "3 to 20 letters, digits or _"}] == answer["formFields"]
        assert "OK" == (await visitor.sign_up("Ada_L")).json()["status"]
        assert "FIELD_ERROR" == (await visitor.sign_up("ada_l")).json()["status"]
        assert "OK" == (await visitor.sign_in("ADA_L")).json()["status"]


async def test_user_ids_of_your_own(sqlite_url: str) -> None:
    """Each new user has an id in the format of the piece, the session too."""
    section = Section("User ids of your own")
    for piece in section.pieces:
        section.run(piece)
    async with Section("A session that may be absent").serve(sqlite_url, ids=section.names["ids"]) as visitor:
        await visitor.sign_up()
        assert re.fullmatch("user_[0-9a-f]{20}", await user_id_of(visitor))
        assert {"hello": await user_id_of(visitor)} == (await visitor.get("/")).json()


async def test_pass_values_along(sqlite_url: str) -> None:
    """What one override put there, a hook of the same request finds, and no other request."""
    section = Section("Pass values along")
    async with section.serve(sqlite_url) as visitor:
        await visitor.post_form(
            "/auth/signup", {"email": "ada@example.com", "password": PASSWORD}, headers={"x-campaign": "spring"}
        )
        visitor.client.cookies.clear()  # another browser
        await visitor.sign_in()
        sessions = section.names["auth"].sessions
        data = [await sessions.get_session_data(one) for one in await sessions.list_handles(await user_id_of(visitor))]
        assert [{"campaign": "spring"}, {"campaign": None}] == sorted(data, key=lambda one: one["campaign"] is None)


async def test_sessions_without_a_request(database_url: str) -> None:
    """The functions list, write and end sessions, and the names that the guide gives exist."""
    section = Section("Sessions without a request")
    async with section.serve(database_url) as visitor:
        await visitor.sign_up()
        user_id, sessions = await user_id_of(visitor), section.names["auth"].sessions
        (here,) = await sessions.list_handles(user_id)
        other = await sessions.create(user_id)
        await section.names["note_in_every_session"](user_id, "seen")
        assert {"note": "seen"} == await sessions.get_session_data(other.handle)
        assert 1 == await section.names["sign_out_elsewhere"](user_id, here)
        assert [here] == await sessions.list_handles(user_id)
        assert functions_of(type(sessions)) == told_of("sessions")


async def test_roles_and_permissions(database_url: str) -> None:
    """A reader is refused, an editor gets in from the next sign-in on."""
    section = Section("Roles and permissions")
    async with section.serve(database_url) as visitor:
        await visitor.sign_up()
        refused = await visitor.call("POST", "/posts")
        assert (403, "st-perm") == (refused.status_code, refused.json()["claimValidationErrors"][0]["id"])
        await section.names["make_editor"](await user_id_of(visitor))
        await visitor.sign_in()
        assert {"roles": ["editor"]} == (await visitor.call("POST", "/posts")).json()
        assert functions_of(UserRoles) == told_of("roles")


async def test_tenants(database_url: str) -> None:
    """A customer is added, and has users of its own from then on; the functions in the guide are there."""
    section = Section("Tenants")
    async with section.serve(database_url) as visitor:
        form = {"email": "ada@example.com", "password": PASSWORD}
        assert 400 == (await visitor.post_form("/auth/acme/signup", form)).status_code
        await section.names["add_customer"]("acme")
        assert ["acme"] == (await visitor.post_form("/auth/acme/signup", form)).json()["user"]["tenantIds"]
        methods = (await visitor.get("/auth/acme/loginmethods")).json()
        assert ["emailpassword"] == methods["firstFactors"]
        form = {"company": "Acme", "issuer": "https://id.acme.example", "client_id": "a", "client_secret": "b"}
        await section.names["connect_company"]("acme", form)
        methods = (await visitor.get("/auth/acme/loginmethods")).json()
        assert (["thirdparty"], [{"id": "company", "name": "Acme"}]) == (
            methods["firstFactors"],
            methods["thirdParty"]["providers"],
        )
        assert functions_of(Multitenancy) == told_of("tenants")


async def test_claims_of_your_own(database_url: str) -> None:
    """A member is refused by name, an administrator gets in once the claim was fetched anew."""
    section = Section("Claims of your own")
    async with section.serve(database_url) as visitor:
        await visitor.sign_up()
        refused = await visitor.get("/admin")
        assert (403, "role") == (refused.status_code, refused.json()["claimValidationErrors"][0]["id"])
        section.names["admins"].add(await user_id_of(visitor))
        assert 200 == (await visitor.call("POST", "/look-again")).status_code
        assert {"role": "admin"} == (await visitor.get("/admin")).json()


async def test_sign_in_by_your_own_means(database_url: str) -> None:
    """The application's own check decides, and both kinds of data are as given."""
    section = Section("Sign somebody in by your own means")
    async with section.serve(database_url) as visitor:
        assert 401 == (await visitor.call("POST", "/login/card", json={"card": "another"})).status_code
        answer = await visitor.call("POST", "/login/card", json={"card": "the card of Ada"})
        assert ("ada", "card") == (visitor.front_token["uid"], visitor.front_token["up"]["by"])
        data = await section.names["auth"].sessions.get_session_data(answer.json()["handle"])
        assert {"card": "the card of Ada"} == data


async def test_moving_from_another_system(database_url: str) -> None:
    """An old cookie becomes a session once; an old password opens an account once, and never over one that is here."""
    section = Section("Move from another system without signing anybody out")
    async with section.serve(database_url) as visitor:
        assert 401 == (await visitor.call("POST", "/swap-session")).status_code
        answer = await visitor.call("POST", "/swap-session", headers={"cookie": "sessionid=s3cr3t"})
        assert (200, "42") == (answer.status_code, visitor.front_token["uid"])
        assert 401 == (await visitor.call("POST", "/swap-session", headers={"cookie": "sessionid=s3cr3t"})).status_code

        statuses = [
            (await visitor.sign_in(email, password)).json()["status"]
            for email, password in [
                ("bob@example.com", "a wrong password 1"),
                ("bob@example.com", "his old password 1"),
                ("bob@example.com", "his old password 1"),
            ]
        ]
        assert ["WRONG_CREDENTIALS_ERROR", "OK", "OK"] == statuses
        (recipe,) = section.names["recipes"]
        user = await recipe.sign_in("bob@example.com", "his old password 1", tenant_id="public", user_context={})
        await recipe.update_email_or_password(user.id, password="his new password 1", user_context={})
        assert (
            "WRONG_CREDENTIALS_ERROR"
            == (await visitor.sign_in("bob@example.com", "his old password 1")).json()["status"]
        )


@pytest.mark.parametrize(
    ("title", "transport"),
    [("Cookies or headers", "cookie"), ("Site and API on different registrable domains", "header")],
)
async def test_cookies_or_headers(database_url: str, title: str, transport: str) -> None:
    """What is set counts, whatever the client says or does not say; unset, saying nothing means headers."""
    form = {"formFields": [{"id": "email", "value": "ada@example.com"}, {"id": "password", "value": PASSWORD}]}
    async with Section(title).serve(database_url) as visitor:
        answer = await visitor.client.post("/auth/signup", json=form)
        assert ("cookie" == transport, "header" == transport) == (
            "set-cookie" in answer.headers,
            "st-access-token" in answer.headers,
        )
    async with Section("A session that may be absent").serve(database_url) as visitor:
        answer = await visitor.client.post("/auth/signin", json=form)
        assert "st-access-token" in answer.headers
        assert "set-cookie" not in answer.headers


async def test_prefixed_cookies(database_url: str) -> None:
    """The setting is known; over plain http, as here, it is refused in words."""
    section = Section("Cookies that no other sub-domain can plant")
    with pytest.raises(ConfigurationError, match="serve the API over https"):
        async with section.serve(database_url):
            pass


async def test_providers(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both providers are offered, under the names that the page shows."""
    for name in ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "WORK_CLIENT_SECRET"):
        monkeypatch.setenv(name, "…")
    async with Section("Providers").serve(database_url) as visitor:
        methods = (await visitor.get("/auth/loginmethods")).json()
        offered = [(provider["id"], provider["name"]) for provider in methods["thirdParty"]["providers"]]
        assert [("google", "Google"), ("work", "Work account")] == offered


async def test_more_of_a_provider(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is asked for is what the piece says; each app has its client; a profile of another form is read, and the
    provider's token is the application's."""
    section = Section("More of a provider")
    first, second = section.pieces
    section.pieces = [first]
    async with section.serve(sqlite_url) as visitor:
        redirect = f"{visitor.client.base_url}/auth/callback/github".replace("//auth", "/auth")
        asked = {"thirdPartyId": "github", "redirectURIOnProviderDashboard": redirect}
        started = (await visitor.get("/auth/authorisationurl", params=asked)).json()["urlWithQueryParams"]
        query = parse_qs(urlsplit(started).query)
        assert (["read:user user:email read:org"], ["false"]) == (query["scope"], query["allow_signup"])
        for client_type, providers in [("ios", {"google"}), ("desktop", set())]:
            methods = (await visitor.get("/auth/loginmethods", params={"clientType": client_type})).json()
            assert providers == {provider["id"] for provider in methods["thirdParty"]["providers"]}
    async with running_provider(SystemClock()) as provider:
        provider.change_profile = lambda profile: {
            "member": {"number": 7, "mail": profile["email"], "checked": profile["email_verified"]}
        }
        monkeypatch.setenv("FORUM_SECRET", "secret")
        monkeypatch.setenv("FORUM_URL", provider.issuer)
        section.pieces = [second]
        async with section.serve(sqlite_url) as visitor:
            assert "OK" == (await come_from(visitor, "forum")).json()["status"]
            user = await section.names["auth"].users.get(await user_id_of(visitor))
            assert ("7", "ada@example.com", True) == (
                user.third_party.user_id,
                user.email,
                user.login_methods[0].verified,
            )
            assert {user.id: list(provider.access_tokens)[-1]} == section.names["tokens_of"]


async def test_forgotten_passwords(database_url: str) -> None:
    """The link that the help desk makes sets a new password."""
    section = Section("Forgotten passwords")
    async with section.serve(database_url) as visitor:
        await visitor.sign_up("ada@example.com")
        link = await section.names["make_reset_link"](await user_id_of(visitor), "ada@example.com")
        form = [{"id": "password", "value": "correct horse 2"}]
        body = {"method": "token", "token": token_in(link), "formFields": form}
        assert "OK" == (await visitor.call("POST", "/auth/user/password/reset", json=body)).json()["status"]
        assert "WRONG_CREDENTIALS_ERROR" == (await visitor.sign_in()).json()["status"]
        assert "OK" == (await visitor.sign_in(password="correct horse 2")).json()["status"]


async def test_password_policy(database_url: str) -> None:
    """Length and words of the piece hold; it asks nobody about passwords that these refuse."""
    async with Section("Passwords that are guessed first").serve(database_url) as visitor:
        for password, word in (("correct horse", "at least 15"), ("Acme acme acme 1", "too close")):
            answer = (await visitor.sign_up(password=password)).json()
            assert ("FIELD_ERROR", True) == (answer["status"], word in answer["formFields"][0]["error"])


async def test_challenge(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below half of the limits nobody is asked; from there on whoever brings no token is refused."""
    monkeypatch.setenv("TURNSTILE_SECRET", "secret")
    section = Section("A challenge for programs")
    for piece in section.pieces:
        section.run(piece)
    async with Section("A session that may be absent").serve(
        database_url, challenge=section.names["challenge"]
    ) as visitor:
        answers = [(await visitor.sign_in(email="eve@example.com")).json()["status"] for _ in range(6)]
        assert ["WRONG_CREDENTIALS_ERROR"] * 5 + ["GENERAL_ERROR"] == answers


async def test_verify_addresses(database_url: str) -> None:
    """The route is closed until the link was used."""
    section = Section("Verify e-mail addresses")
    async with section.serve(database_url) as visitor:
        await visitor.sign_up()
        assert 403 == (await visitor.call("POST", "/orders")).status_code
        link = await section.names["verification"].create_email_verification_link(
            await user_id_of(visitor), tenant_id="public", user_context={}
        )
        body = {"method": "token", "token": token_in(link)}
        assert {"status": "OK"} == (await visitor.call("POST", "/auth/user/email/verify", json=body)).json()
        assert 200 == (await visitor.call("POST", "/orders")).status_code


async def test_limits(database_url: str) -> None:
    """The numbers count: after five failures the right password has to wait as well."""
    limits = Section("Limits against guessing")
    for piece in limits.pieces:
        limits.run(piece)
    protection = limits.names["protection"]
    section = Section("A session that may be absent")
    async with section.serve(database_url, protection=protection, trusted_proxies=["10.0.0.0/8"]) as visitor:
        await visitor.sign_up()
        visitor.client.cookies.clear()  # a browser that nobody knows
        answers = [(await visitor.sign_in(password=f"wrong horse {number}")).status_code for number in range(5)]
        assert [200] * 5 == answers
        assert 429 == (await visitor.sign_in()).status_code


def test_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    """The piece makes a `Watchword` for a password with every odd character."""
    monkeypatch.setenv("DATABASE_PASSWORD", "p@ss/w:rd?#%")
    monkeypatch.setenv("WATCHWORD_SECRET", SECRET)
    section = Section("PostgreSQL")
    for piece in section.pieces:
        section.run(piece)
    assert isinstance(section.names["auth"], Watchword)


async def test_change_the_secret(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session of the old secret is refreshed at both steps, and one of the second step by a node of the first.

    With the new one alone a node starts once the keys were sealed anew, and refreshes nothing of the old one.
    """
    old, new = "the old secret, which has at least 32 bytes", "the new secret, which has at least 32 bytes"
    monkeypatch.setenv("WATCHWORD_SECRET", old)
    monkeypatch.setenv("NEW_SECRET", new)
    section = Section("Change the secret")
    for piece in section.pieces:
        section.run(piece)
    first, then = section.names["first"], section.names["then"]
    before = Section("A session that may be absent")
    async with before.serve(database_url, old) as visitor:
        await visitor.sign_up()
        cookies = visitor.client.cookies
    for secret in (first, then, first):
        async with Section("Protect a route").serve(database_url, secret) as node:
            node.client.cookies = cookies
            assert 200 == (await node.refresh()).status_code
            assert 200 == (await node.get("/me")).status_code
            fresh = await node.sign_in()
            assert "OK" == fresh.json()["status"]
            cookies = node.client.cookies
    async with before.serve(database_url, then):
        pass
    async with before.serve(database_url, new) as node:
        node.client.cookies = cookies
        assert 401 == (await node.refresh()).status_code


async def test_security_events(database_url: str) -> None:
    """What was recorded is listed and proved; `on_event` hears of a theft, and of nothing else here."""
    section = Section("Security events")
    before, after = section.pieces
    section.run(before)
    section.pieces = [after]
    names = section.names
    async with section.serve(database_url, audit=names["audit"], on_event=names["on_event"]) as visitor:
        await visitor.sign_up()
        user_id = await user_id_of(visitor)
        await visitor.sign_in(password="wrong password 1")
        (failed,) = await names["failed_sign_ins"](user_id)
        assert failed.endswith(" from 127.0.0.0/24")
        assert await names["is_log_whole"](str(await names["auth"].audit.get_anchor()))
        await names["on_event"](
            AuditEvent(
                id="",
                kind="theft_detected",
                at_ms=0,
                tenant_id="public",
                user_id="ada",
                handle="h",
                address="198.51.100.0/24",
                reason=None,
                facts={},
                is_erased=False,
                seq=1,
            )
        )
        assert ["session h of user ada, from 198.51.100.0/24"] == names["alarms"]


async def test_see_it_run(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The application's own line names the request; health is answered; the bounds are taken."""
    section = Section("See it run")
    before, after = section.pieces
    section.run(before)
    section.pieces = [after]
    names = section.names
    try:
        async with section.serve(database_url, hook_limits=names["hook_limits"]) as visitor:
            answer = await visitor.get("/support", headers={"X-Request-ID": "req-12345"})
            assert {"tell_us": "req-12345"} == answer.json()
            assert {"status": "OK"} == (await visitor.get("/auth/health/live")).json()
            assert {"status": "OK"} == (await visitor.get("/auth/health/ready")).json()
    finally:
        logging.getLogger().removeHandler(names["handler"])
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    (own,) = [line for line in lines if line["logger"] == "shop"]
    assert ("somebody needs help", "req-12345") == (own["message"], own["request_id"])


async def test_people(database_url: str) -> None:
    """All addresses page by page; a person who is closed out is exported and gone."""
    section = Section("People")
    async with section.serve(database_url) as visitor:
        await visitor.sign_up("ada@example.com")
        await visitor.sign_up("eve@example.com")
        assert {"ada@example.com", "eve@example.com"} == set(await section.names["every_address"]())
        user_id = await user_id_of(visitor)
        everything = await section.names["close_shop"](user_id)
        assert [{"user_id": user_id, "metadata": {"closed": True}}] == everything["data"]["user_metadata"]
        assert ["ada@example.com"] == await section.names["every_address"]()
        assert "WRONG_CREDENTIALS_ERROR" == (await visitor.sign_in("eve@example.com")).json()["status"]


async def test_a_page_with_ones_own_sessions(database_url: str) -> None:
    """SE-6. Attack: end the session of somebody else whose handle has become known. Own ones end one at a time."""
    clock = FakeClock()
    async with Section("A page with one's own sessions").serve(database_url, clock=clock) as visitor:
        visitor.headers["user-agent"] = "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0"
        await visitor.sign_up("ada@example.com")
        (first,) = (await visitor.get("/sessions")).json()
        assert ("Firefox on Linux", "127.0.0.1", True) == (
            first["device"],
            first["network_address"],
            first["is_this_one"],
        )
        assert first["last_used_ms"] == first["signed_in_ms"]
        visitor.client.cookies.clear()  # the others are other browsers
        laptop = Browser(visitor.client, "headers")
        await laptop.sign_in("ada@example.com")
        thief = Browser(visitor.client, "headers")
        await thief.sign_up("eve@example.com")
        assert 404 == (await thief.call("DELETE", f"/sessions/{first['handle']}")).status_code
        assert 2 == len((await laptop.get("/sessions")).json())
        assert 200 == (await laptop.call("DELETE", f"/sessions/{first['handle']}")).status_code
        (left,) = (await laptop.get("/sessions")).json()
        assert left["is_this_one"]
        for _ in range(2):  # what the second one proves is written down
            clock.advance(3_600_000)
            await laptop.refresh()
        (left,) = (await laptop.get("/sessions")).json()
        assert left["signed_in_ms"] + 3_600_000 <= left["last_used_ms"]
        assert 1 == len((await thief.get("/sessions")).json())


async def test_several_websites(sqlite_url: str) -> None:
    """Each website reads its answers, and gets its own links; a stranger reads nothing and changes no link (TK-4)."""
    section = Section("Several websites, one API")
    for piece in section.pieces:
        section.run(piece)
    mail = Letterbox()
    async with Section("A session that may be absent").serve(
        sqlite_url,
        app_info=section.names["app_info"],
        email_delivery=EmailDelivery(mail),
        protection=Protection(mails_per_address=None),
    ) as visitor:
        ours = ["https://example.com", "https://admin.example.com", "https://example.org"]
        await visitor.sign_up("ada@example.com")
        for origin, website in [*zip(ours, ours, strict=True), ("https://evil.example.com", None), (None, ours[0])]:
            headers = {} if origin is None else {"origin": origin}
            answer = await visitor.post_form(
                "/auth/user/password/reset/token", {"email": "ada@example.com"}, headers=headers
            )
            assert (answer.headers.get("access-control-allow-origin") == origin) == (website is not None)
            if website is not None:
                assert (await mail.take_link()).startswith(f"{website}/auth/reset-password?")
        assert mail.is_empty()


async def test_change_the_address_or_the_password(database_url: str) -> None:
    """PW-12. Attack: change either with a stolen session. Whoever knows the password does, and stays signed in here."""
    mail, section = Letterbox(), Section("Change the address or the password")
    async with section.serve(database_url, email_delivery=EmailDelivery(mail)) as visitor:
        await visitor.sign_up()
        thief = Browser(visitor.client, "headers")  # holds no cookie, as the client's are replaced
        visitor.carry = "headers"
        await visitor.sign_in()
        await thief.sign_in()
        for path, wish in (("/change-password", {"new_password": NEW_PASSWORD}), ("/change-email", {"email": "x"})):
            refused = await thief.call("POST", path, json={"password": "guessed 1", **wish})
            assert {"status": "WRONG_CREDENTIALS_ERROR"} == refused.json()

        async def wish(path: str, **values: str) -> str:
            return (await visitor.call("POST", path, json=values)).json()["status"]

        assert "FIELD_ERROR" == await wish("/change-password", password=PASSWORD, new_password="short1")
        assert "OK" == await wish("/change-password", password=PASSWORD, new_password=NEW_PASSWORD)
        assert (200, 401) == ((await visitor.refresh()).status_code, (await thief.refresh()).status_code)
        assert "password_changed" == (await mail.take()).kind

        assert "FIELD_ERROR" == await wish("/change-email", password=NEW_PASSWORD, email="no address")
        assert "OK" == await wish("/change-email", password=NEW_PASSWORD, email="ada@new.example")
        mails = {each.kind: each for each in [await mail.take(), await mail.take()]}
        (link,) = {word for word in mails["email_change"].text.split() if "token=" in word}
        answer = await visitor.call("POST", "/auth/user/email/verify", json={"token": token_in(link)})
        assert {"status": "OK"} == answer.json()
        assert 200 == (await visitor.refresh()).status_code
        assert "OK" == (await visitor.sign_in("ada@new.example", NEW_PASSWORD)).json()["status"]


async def test_several_ways_to_sign_in(database_url: str) -> None:
    """PW-12, D126. Attack: with a session that somebody left open, take the way in from them; or the last one."""
    clock, section = FakeClock(), Section("Several ways to sign in")
    section.names["recipes"] = [ThirdPartyEmailPassword()]
    async with section.serve(database_url, clock=clock) as visitor:
        await visitor.sign_up()
        clock.advance(1_000)
        auth = section.names["auth"]
        await give_google(auth, await auth.users.get(await user_id_of(visitor)), clock.now_ms())
        of_password, of_google = (await visitor.get("/login-methods")).json()
        assert (None, "google") == (of_password["provider"], of_google["provider"])

        clock.advance(300_000)
        refused = await visitor.call("DELETE", f"/login-methods/{of_google['id']}")
        (failure,) = refused.json()["claimValidationErrors"]
        assert (403, "recent-sign-in") == (refused.status_code, failure["id"])
        await visitor.sign_in()
        assert 400 == (await visitor.call("DELETE", "/login-methods/somebody-elses")).status_code
        removed = await visitor.call("DELETE", f"/login-methods/{of_google['id']}")
        assert {"status": "OK"} == removed.json()
        assert [of_password] == (await visitor.get("/login-methods")).json()
        last = (await visitor.call("DELETE", f"/login-methods/{of_password['id']}")).json()
        assert ("GENERAL_ERROR", True) == (last["status"], "only way to sign in" in last["message"])
