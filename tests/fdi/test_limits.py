"""The limits as clients meet them: over HTTP, in browsers, behind proxies, on every spelling of a path."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import pytest

from tests.site import PASSWORD, SECRET, FakeClock, Site, example_app, running_site
from watchword import AppInfo, Limit, Protection, Watchword
from watchword.http.messages import HttpRequest
from watchword.recipes import EmailPassword, EmailVerification, ThirdPartyEmailPassword

ORIGIN = "http://localhost:8000"
WRONG = "wrong horse 2"
TOO_MANY = b'{"message":"too many tries; please wait a little and try again","code":"too_many_requests"}'


def form(email: str = "ada@example.com", password: str = PASSWORD) -> dict[str, object]:
    """The body of a sign-up or sign-in."""
    return {"formFields": [{"id": "email", "value": email}, {"id": "password", "value": password}]}


class Visitors:
    """Clients at addresses of the test's choice, in front of one node."""

    def __init__(self, auth: Watchword) -> None:
        self._app = example_app(auth)

    async def call(self, method: str, path: str, address: str = "203.0.113.1", **options: object) -> httpx2.Response:
        """One request from an address."""
        transport = httpx2.ASGITransport(self._app, client=(address, 50_000))
        async with httpx2.AsyncClient(transport=transport, base_url=ORIGIN) as client:
            return await client.request(method, path, **options)  # type: ignore[arg-type] - passed on as they are


@asynccontextmanager
async def node(database_url: str, clock: FakeClock, **settings: object) -> AsyncIterator[Visitors]:
    """A started node; several may have one database."""
    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain=ORIGIN, website_domain=ORIGIN),
        database=database_url,
        secret=SECRET,
        clock=clock,
        **{"recipe_list": [EmailPassword()], **settings},  # type: ignore[arg-type] - as above
    )
    await auth.start()
    try:
        yield Visitors(auth)
    finally:
        await auth.stop()


@pytest.fixture
async def visitors(database_url: str) -> AsyncIterator[Visitors]:
    """One node with the limits as they are without a setting."""
    async with node(database_url, FakeClock()) as made:
        yield made


@pytest.fixture
async def site(database_url: str) -> AsyncIterator[Site]:
    """A real server for real browsers."""
    async with running_site(database_url) as running:
        yield running


async def test_a_locked_account_answers_as_one_that_nobody_has(visitors: Visitors) -> None:
    """Attack: learn who has an account from when guessing is stopped; bodies and headers are equal (EN-1)."""
    assert 200 == (await visitors.call("POST", "/auth/signup", json=form())).status_code
    seen = []
    for email in ("ada@example.com", "nobody@example.com"):
        answers = [
            await visitors.call("POST", "/auth/signin", f"203.0.113.{n}", json=form(email, WRONG)) for n in range(12)
        ]
        for answer in answers:
            del answer.headers["x-request-id"]  # another one for each request
        seen.append([(answer.status_code, sorted(answer.headers.items()), answer.content) for answer in answers])
    assert seen[0] == seen[1]
    assert [200] * 10 + [429] * 2 == [status for status, _, _ in seen[0]]
    assert TOO_MANY == seen[0][-1][2]
    assert ("retry-after", "60") in seen[0][-1][1]


async def test_the_right_password_does_not_pass_a_lock(visitors: Visitors) -> None:
    """Attack: go on guessing while the account is locked; the password is not even looked at."""
    await visitors.call("POST", "/auth/signup", json=form())
    for n in range(10):
        await visitors.call("POST", "/auth/signin", f"203.0.113.{n}", json=form(password=WRONG))
    answers = [
        await visitors.call("POST", "/auth/signin", "203.0.113.99", json=form(password=p)) for p in (PASSWORD, WRONG)
    ]
    assert [(429, TOO_MANY)] * 2 == [(answer.status_code, answer.content) for answer in answers]


async def test_every_spelling_of_an_address_is_one_account(visitors: Visitors) -> None:
    """Attack: ten guesses for each way to write one e-mail address."""
    spellings = ["ada@example.com", " ADA@example.com", "Ada@EXAMPLE.com ", "ada@EXAMPLE。com"]
    statuses = [
        (await visitors.call("POST", "/auth/signin", f"203.0.113.{n}", json=form(spellings[n % 4], WRONG))).status_code
        for n in range(12)
    ]
    assert [200] * 10 + [429] * 2 == statuses


async def test_the_owners_browser_signs_in_while_strangers_flood(site: Site) -> None:
    """Attack: keep the owner out by guessing all day; the browser that has signed in before passes (RL-2)."""
    owner, stranger = site.browser(), site.browser()
    await owner.sign_up()
    await owner.call("POST", "/auth/signout")
    flood = [(await stranger.sign_in(password=WRONG)).status_code for _ in range(15)]
    assert [200] * 10 + [429] * 5 == flood
    assert 429 == (await site.browser().sign_in()).status_code, "a new browser has to wait"
    assert "OK" == (await owner.sign_in()).json()["status"]
    assert 429 == (await stranger.sign_in(password=WRONG)).status_code


async def test_the_device_cookie_is_for_us_alone(site: Site) -> None:
    """`HttpOnly`, our path, the attributes of all our cookies; nothing of it in header mode, where there is none."""
    cookies = (await site.browser().sign_up()).headers.get_list("set-cookie")
    device = next(cookie for cookie in cookies if cookie.startswith("sKnownDevice="))
    assert {" Path=/auth", " HttpOnly", " SameSite=Lax"} <= set(device.split(";"))
    assert "set-cookie" not in (await site.browser("headers").sign_in()).headers


async def test_failed_sign_ins_leave_the_device_as_it_is(site: Site) -> None:
    """Only the right password makes a browser a known one."""
    browser = site.browser()
    await site.browser().sign_up()
    assert "set-cookie" not in (await browser.sign_in(password=WRONG)).headers


async def test_a_website_can_read_a_429(site: Site) -> None:
    """With cross-origin headers, or the page would see a network error; `Retry-After` is readable too."""
    browser = site.browser(Origin=site.url)
    for _ in range(10):
        await browser.sign_in(password=WRONG)
    answer = await browser.sign_in(password=WRONG)
    assert (429, "application/json; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
    assert site.url == answer.headers["access-control-allow-origin"]
    assert "true" == answer.headers["access-control-allow-credentials"]
    assert "retry-after" in answer.headers["access-control-expose-headers"]
    assert "no-store" == answer.headers["cache-control"]


async def test_the_21st_question_in_a_minute_is_refused(database_url: str) -> None:
    """Attack: ask for a list of addresses which have accounts (EN-4); a minute later twenty more are answered."""
    clock, ask = FakeClock(), "/auth/emailpassword/email/exists?email=a@example.com"
    async with node(database_url, clock) as visitors:
        assert [200] * 20 + [429] * 2 == [(await visitors.call("GET", ask)).status_code for _ in range(22)]
        assert 200 == (await visitors.call("GET", ask, "203.0.113.2")).status_code
        clock.advance(60_000)
        assert [200] * 20 + [429] == [(await visitors.call("GET", ask)).status_code for _ in range(21)]


async def test_no_spelling_of_a_path_has_a_budget_of_its_own(visitors: Visitors) -> None:
    """Attack: dodge the limit with another spelling of the path (GHSA-x732-6j76-qmhm; RL-6).

    What is the same API shares its budget, with a tenant in front and in its old spelling too.
    """
    ask = "emailpassword/email/exists"
    ours = [f"/auth/{ask}", f"/auth/{ask}/", f"/auth/public/{ask}", "/auth/signup/email/exists", f"/auth/%65{ask[1:]}"]
    ours.append("/auth/emailpassword%2femail/exists")
    statuses = [(await visitors.call("GET", ours[n % 6] + "?email=a@example.com")).status_code for n in range(25)]
    assert [200] * 20 + [429] * 5 == statuses
    assert 200 == (await visitors.call("GET", ours[0] + "?email=a@example.com", "203.0.113.2")).status_code


@pytest.mark.parametrize(
    "path",
    [
        "//auth/emailpassword/email/exists",
        "/auth//emailpassword/email/exists",
        "/auth/./emailpassword/email/exists",
        "/auth/x/../emailpassword/email/exists",
        "/auth/emailpassword/email/exists//",
        "/auth/EMAILPASSWORD/email/exists",
        "/AUTH/emailpassword/email/exists",
        "/auth/emailpassword/email/exists;a=b",
        "/auth/emailpassword/email/exists\x00",
        "/auth/emailpassword%2femail/exists",
    ],
)
async def test_what_is_no_spelling_of_a_path_reaches_nothing(site: Site, path: str) -> None:
    """A path, decoded once by the server, is ours to the letter or the application's: none is a way around (RL-6)."""
    assert site.auth.fdi.find_route(HttpRequest(method="GET", path=path)) is None


async def test_sign_ups_of_one_network_are_limited(database_url: str) -> None:
    """Attack: fill the database with accounts."""
    async with node(database_url, FakeClock(), protection=Protection(sign_up=Limit(3, seconds=600))) as visitors:
        statuses = [
            (await visitors.call("POST", "/auth/signup", json=form(f"user{n}@example.com"))).status_code
            for n in range(4)
        ]
    assert [200, 200, 200, 429] == statuses


async def test_a_refused_refresh_keeps_the_session(database_url: str) -> None:
    """A flood from the network of an honest user: the answer clears nothing, and later the session goes on."""
    clock = FakeClock()
    async with running_site(database_url, clock=clock, protection=Protection(refresh=Limit(1, seconds=60))) as site:
        browser = site.browser()
        await browser.sign_up()
        assert 200 == (await browser.refresh()).status_code
        refused = await browser.refresh()
        assert (429, TOO_MANY) == (refused.status_code, refused.content)
        assert not {"set-cookie", "st-access-token", "st-refresh-token"} & set(refused.headers)
        assert "remove" != refused.headers.get("front-token")
        clock.advance(60_000)
        assert 200 == (await browser.refresh()).status_code
        assert 200 == (await browser.get("/me")).status_code


async def test_two_nodes_count_together_over_http(database_url: str) -> None:
    """Attack: spread 200 parallel guesses over the nodes; ten are compared, all in all (RL-3, RL-4)."""
    clock = FakeClock()
    async with AsyncExitStack() as stack:
        nodes = [await stack.enter_async_context(node(database_url, clock)) for _ in range(2)]
        answers = await asyncio.gather(
            *(
                nodes[n % 2].call("POST", "/auth/signin", f"203.0.113.{n}", json=form(password=WRONG))
                for n in range(200)
            )
        )
    statuses = [answer.status_code for answer in answers]
    assert (10, 190) == (statuses.count(200), statuses.count(429))


@pytest.mark.parametrize(
    ("settings", "budgets"),
    [
        ({}, 1),
        ({"trusted_proxies": ["198.51.100.0/24"]}, 1),
        ({"trusted_proxies": ["203.0.113.1"]}, 2),
        ({"trusted_proxies": ["203.0.113.1"], "forwarded_header": "forwarded"}, 1),
    ],
)
async def test_who_may_name_another_address(database_url: str, settings: dict[str, object], budgets: int) -> None:
    """Attack: a new `X-Forwarded-For` for each request; only a configured proxy's counts (HP-1)."""
    async with node(database_url, FakeClock(), **settings) as visitors:
        statuses = [
            (
                await visitors.call(
                    "GET",
                    "/auth/emailpassword/email/exists?email=a@example.com",
                    headers={"x-forwarded-for": f"192.0.2.{n % 2}"},
                )
            ).status_code
            for n in range(50)
        ]
    assert 20 * budgets == statuses.count(200)


async def test_the_application_sees_the_clients_canonical_address(database_url: str) -> None:
    """`HttpRequest.client_address`, for overrides and handlers, behind proxies and in one spelling."""
    seen: list[str | None] = []

    class Watching(EmailPassword):
        async def email_exists_get(self, email, api):  # type: ignore[no-untyped-def] - as an application writes it
            seen.append(api.http.client_address)
            return await super().email_exists_get(email, api)

    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain=ORIGIN, website_domain=ORIGIN),
        database=database_url,
        secret=SECRET,
        recipe_list=[Watching()],
        trusted_proxies=["10.0.0.5"],
    )
    visitors = Visitors(auth)
    for headers in ({"x-forwarded-for": "::ffff:192.0.2.1"}, {}):
        await visitors.call("GET", "/auth/emailpassword/email/exists?email=a", "::ffff:10.0.0.5", headers=headers)
    await auth.stop()
    assert ["192.0.2.1", "10.0.0.5"] == seen


LIMITED: list[tuple[str, str, str, int]] = [
    ("password_reset_token", "POST", "/auth/user/password/reset/token", 400),
    ("password_reset", "POST", "/auth/user/password/reset", 400),
    ("email_verify_token", "POST", "/auth/user/email/verify/token", 401),
    ("email_verify", "POST", "/auth/user/email/verify", 400),
    ("sign_in_up", "POST", "/auth/signinup", 400),
    ("authorisation_url", "GET", "/auth/authorisationurl", 400),
]


@pytest.mark.parametrize(("name", "method", "path", "otherwise"), LIMITED, ids=[row[0] for row in LIMITED])
async def test_what_mails_guesses_or_calls_others_is_limited_per_network(
    database_url: str, name: str, method: str, path: str, otherwise: int
) -> None:
    """Attack: have us mail, compare tokens or ask providers without end; other networks and APIs go on."""
    settings = Protection(**{name: Limit(2, seconds=60)})
    recipes = [ThirdPartyEmailPassword(), EmailVerification(mode="OPTIONAL")]
    async with node(database_url, FakeClock(), protection=settings, recipe_list=recipes) as visitors:
        statuses = [(await visitors.call(method, path, **_body(method))).status_code for _ in range(3)]
        elsewhere = await visitors.call(method, path, "203.0.113.2", **_body(method))
        others = [
            (await visitors.call(other, at, **_body(other))).status_code for _, other, at, _ in LIMITED if at != path
        ]
    assert [otherwise, otherwise, 429] == statuses
    assert otherwise == elsewhere.status_code
    assert 429 not in others


def _body(method: str) -> dict[str, object]:
    return {"json": {}} if method == "POST" else {}
