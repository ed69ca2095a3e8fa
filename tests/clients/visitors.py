"""People with browsers: a visitor has cookies of their own, and opens tabs of a website around an official client."""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from playwright.async_api import BrowserContext, Page

from tests.clients.sites import Site

Client = Literal["web_js", "website", "auth_react", "auth_react_custom", "auth_react_user_names"]
Transfer = Literal["cookie", "header"]

PASSWORD = "correct horse 1"


@dataclass(frozen=True)
class Tab:
    """One tab, showing a page around an official client."""

    page: Page

    async def ask(self, function: str, *values: Any) -> Any:
        """Call one of the functions that the page offers and wait for its answer."""
        return await self.page.evaluate("([name, values]) => window.client[name](...values)", [function, list(values)])

    async def events(self) -> list[str]:
        """What the client has told the page since it was loaded, oldest first."""
        return await self.page.evaluate("window.events")


@dataclass
class Visitor:
    """A person at one site, with one browser.

    Attributes:
        refreshes: How many requests to the refresh endpoint left the browser.
        faults: Errors that no page caught; the test fails if there are any.
    """

    context: BrowserContext
    site: Site
    refreshes: int = 0
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Count refreshes and note uncaught errors from now on."""
        self.context.on("request", lambda request: self._count(request.method, request.url))
        self.context.on("weberror", lambda error: self.faults.append(str(error.error)))

    async def open(self, origin: str | None = None) -> Tab:
        """Open the website (or another one that has the same page) in a new tab."""
        page = await self.context.new_page()
        await page.goto(f"{origin or self.site.website}/")
        await page.wait_for_function("window.client")
        return Tab(page)

    async def forget_access_token(self) -> None:
        """Drop the access token, as if the browser had expired its cookie; the refresh token stays."""
        await self.context.clear_cookies(name="sAccessToken")
        await self.context.clear_cookies(name="st-access-token")

    async def cookie(self, name: str) -> dict[str, Any] | None:
        """A cookie with its attributes, as the browser holds it."""
        found = [cookie for cookie in await self.context.cookies() if cookie.get("name") == name]
        assert len(found) <= 1, f"the browser holds {name} {len(found)} times"
        return dict(found[0]) if found else None

    def _count(self, method: str, url: str) -> None:
        if method == "POST" and url.endswith("/auth/session/refresh"):
            self.refreshes += 1


class Visit(Protocol):
    """Makes a visitor of a site who uses one of the clients; further settings are the client's own."""

    async def __call__(self, site: Site, client: Client, transfer: Transfer, **settings: str) -> Visitor:
        """The visitor, with an empty cookie jar."""
        ...


async def sign_in_at_provider(page: Page, name: str) -> None:
    """Fill in the provider's own two pages: who one is, and that the application may know."""
    await page.get_by_placeholder("Enter any login").fill(name)
    await page.get_by_placeholder("and password").fill("any")
    await page.get_by_role("button", name="Sign-in").click()
    await page.get_by_role("button", name="Continue").click()
