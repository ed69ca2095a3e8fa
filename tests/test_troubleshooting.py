"""The page for when it does not work: every answer and error that it quotes is one that people get. Mission V041."""

import asyncio
import re
import shlex
from collections.abc import Awaitable, Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import Depends, FastAPI

from tests.site import Browser, Site, running_site
from tests.test_refused_settings import app_info, made, watchword
from watchword import HookLimits, SessionContainer, Watchword
from watchword.database.open import open_database
from watchword.errors import WatchwordError
from watchword.fdi.bodies import MAX_BODY_BYTES
from watchword.frameworks.fastapi import verify_session
from watchword.protection.settings import Limit, Protection
from watchword.recipes import (
    EmailPassword,
    EmailVerification,
    Session,
    SessionFeature,
    SessionSettings,
    ThirdPartyEmailPassword,
)
from watchword.recipes.emailpassword.operations import MAX_PASSWORD_BYTES
from watchword.sessions.payloads import MAX_COOKIE_BYTES

PAGE = (Path(__file__).parents[1] / "docs" / "troubleshooting.md").read_text()
Provoke = Callable[[Site, Browser], Awaitable[httpx2.Response]]


def table(title: str) -> list[str]:
    """The first column of the table of a section."""
    section = PAGE.split(f"## {title}\n")[1].partition("\n## ")[0]
    return [line.strip("| ").split(" | ")[0] for line in section.splitlines() if re.match(r"\| [4,5`]", line)]


async def set_jwt_payload(user: Any, context: Any, action: str) -> Any:
    """Fails for one person, and never ends for another."""
    if user.email == "broken@example.com":
        raise RuntimeError("a mistake")
    if user.email == "slow@example.com":
        await asyncio.Event().wait()


async def expire(site: Site, ada: Browser) -> httpx2.Response:
    """An hour later."""
    site.clock.advance(3_600_001)
    return await ada.get("/me")


async def reuse(site: Site, ada: Browser) -> httpx2.Response:
    """A refresh token that was replaced hours ago."""
    old = ada.client.cookies.get("sRefreshToken")
    for _ in range(3):
        site.clock.advance(3_600_000)
        await ada.refresh()
    site.clock.advance(3_600_000)
    ada.client.cookies.clear()
    return await ada.refresh(headers={"cookie": f"sRefreshToken={old}"})


async def ask_twice(site: Site, ada: Browser) -> httpx2.Response:
    """Where one question is all that is allowed."""
    path = "/auth/emailpassword/email/exists?email=ada@example.com"
    await ada.get(path)
    return await ada.get(path)


def body_of(size: int) -> dict[str, Any]:
    """Somebody sends a picture."""
    return {"formFields": [{"id": "email", "value": "x" * size}]}


ANSWERS: dict[str, Provoke] = {
    "401 `unauthorised`": lambda site, _: site.browser().get("/me"),
    "401 `try refresh token`": expire,
    "401 `token theft detected`": reuse,
    "403 `may not call this API`": lambda _, ada: ada.call(
        "POST", "/auth/signin", json={}, headers={"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    ),
    "403 `invalid claim`": lambda _, ada: ada.get("/verified"),
    "400 `Are you sending too many formFields?`": lambda site, _: site.browser().sign_up("new@example.com", nick="x"),
    "400 `the provider corp could not be found in the configuration`": lambda site, _: site.browser().get(
        "/auth/authorisationurl",
        params={"thirdPartyId": "corp", "redirectURIOnProviderDashboard": f"{site.url}/auth/callback/corp"},
    ),
    "400 `unknown tenant`": lambda site, _: site.browser().post_form("/auth/acme/signin", {}),
    "404 `Not Found`": lambda site, _: site.browser().get("/api/auth/session/refresh"),
    "413 `the body may have at most 65536 bytes`": lambda site, _: site.browser().call(
        "POST", "/auth/signin", json=body_of(70_000)
    ),
    "415 `application/json`": lambda site, _: site.browser().call("POST", "/auth/signin", data={"a": "b"}),
    "429": ask_twice,
    "500 `hook_failed`": lambda site, _: site.browser().sign_up("broken@example.com"),
    "503 `the service is busy or its storage does not answer`": lambda site, _: site.browser().sign_up(
        "slow@example.com"
    ),
}


async def test_the_answers_of_the_page_are_given(sqlite_url: str) -> None:
    """Each line of the table is provoked: status and words are as the page has them."""
    hooks = SessionFeature(set_jwt_payload=set_jwt_payload)
    verification = EmailVerification(mode="OPTIONAL")

    def add_routes(app: FastAPI, auth: Watchword) -> None:
        proved = Depends(verify_session(auth, require=[verification.claim.is_verified()]))

        @app.get("/verified")
        async def verified(session: SessionContainer = proved) -> None: ...

    async with running_site(
        sqlite_url,
        recipes=[ThirdPartyEmailPassword(session_feature=hooks), verification],
        session=Session(soft_window_ms=0),
        protection=Protection(email_exists=Limit(1, seconds=600)),
        hook_limits=HookLimits(timeout_seconds=1),
        add_routes=add_routes,
    ) as site:
        assert "OK" == (await site.browser().sign_up()).json()["status"]
        for quoted in table("Answers"):
            ada = site.browser()
            await ada.sign_in()
            answer = await ANSWERS[quoted](site, ada)
            status, _, words = quoted.partition(" ")
            assert status == str(answer.status_code), (quoted, answer.text)
            assert words.strip("`") in answer.text


ERRORS: list[Callable[[], Any]] = [
    lambda: watchword(secret=None),
    lambda: app_info(api_domain="http://api.example.com"),
    lambda: watchword(
        app_info=app_info(api_domain="https://api.example.com"),
        recipe_list=[EmailPassword(), EmailVerification(mode="REQUIRED")],
    ),
    lambda: watchword(recipe_list=[made(lambda: EmailPassword)]),
    lambda: watchword(recipe_list=[EmailPassword(disabled_apis=["signUpPOST"])]),
]


async def test_the_errors_of_the_page_are_raised(sqlite_url: str) -> None:
    """Each is provoked by the mistake that the page is about."""
    said: list[str] = []
    for mistake in ERRORS:
        with pytest.raises(WatchwordError) as caught:
            mistake()
        said.append(str(caught.value))
    auth = watchword(database=open_database(sqlite_url), migrate=False)
    with pytest.raises(WatchwordError) as caught:
        await auth.start()
    said.append(str(caught.value))
    auth = watchword(database=sqlite_url)
    await auth.start()
    await auth.stop()
    with pytest.raises(WatchwordError) as caught:
        await watchword(database=sqlite_url, secret="another secret, which has at least 32 bytes").start()
    said.append(str(caught.value))
    quoted = [cell.strip("`") for cell in table("At the start")]
    assert len(said) == len(quoted)
    assert [] == [quote for quote in quoted if not any(one.startswith(quote) for one in said)]


async def test_the_walk_by_hand(sqlite_url: str) -> None:
    """The commands for curl, with their methods, headers and bodies, and one jar."""
    (block,) = re.findall(r"^```sh\n(curl.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    commands = [shlex.split(line) for line in block.replace("\\\n", " ").splitlines()]
    statuses: list[int] = []
    async with running_site(sqlite_url) as site, httpx2.AsyncClient(base_url=site.url, trust_env=False) as jar:
        for command in commands:
            url = next(word for word in command if word.startswith("http://localhost:8000"))
            given = {flag: word for flag, word in pairwise(command) if flag in ("-X", "-d")}
            headers = [word.split(": ") for flag, word in pairwise(command) if flag == "-H"]
            method = given.get("-X", "POST" if "-d" in given else "GET")
            answer = await jar.request(
                method, url.removeprefix("http://localhost:8000"), headers=dict(headers), content=given.get("-d")
            )
            statuses.append(answer.status_code)
    assert [200, 200, 200, 200, 401] == statuses


def test_the_sizes_of_the_page_are_those_of_the_program() -> None:
    """A number that changes is changed there as well."""
    known = {
        "MAX_BODY_BYTES": MAX_BODY_BYTES,
        "MAX_COOKIE_BYTES": MAX_COOKIE_BYTES,
        "MAX_PASSWORD_BYTES": MAX_PASSWORD_BYTES,
    }
    for name, number in re.findall(r"\| `(\w+)` = (\d+)", PAGE):
        value = known.get(name, getattr(SessionSettings(), name, getattr(Protection(), name, None)))
        assert int(number) == value, name
