"""The browser of the tests: Debian's headless Chromium, which reaches this machine only."""

from pathlib import Path
from types import TracebackType
from typing import Self

from playwright.async_api import Browser, BrowserContext, BrowserType

from tests.clients.certificates import DOMAINS, Certificate
from tests.clients.programs import find_chromium


class Chromium:
    """One running browser, or a second one where a test needs a profile of its own; `async with` closes it."""

    def __init__(self, browser_type: BrowserType, certificate: Certificate) -> None:
        self._type = browser_type
        self._path = find_chromium()
        names = ", ".join(f"MAP *.{domain} 127.0.0.1" for domain in DOMAINS)
        self._args = [
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            f"--host-resolver-rules={names}, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
            f"--ignore-certificate-errors-spki-list={certificate.key_pin}",
        ]
        self._browser: Browser | None = None

    async def __aenter__(self) -> Self:
        self._browser = await self._type.launch(executable_path=self._path, args=self._args)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        assert self._browser is not None
        await self._browser.close()

    async def new_context(self) -> BrowserContext:
        """A private window: cookies of its own, and none of third parties."""
        assert self._browser is not None
        return await self._browser.new_context()

    async def new_profile(self, folder: Path) -> BrowserContext:
        """A browser whose person takes cookies of third parties; private windows and Debian's default refuse them."""
        preferences = folder / "Default" / "Preferences"
        preferences.parent.mkdir(parents=True)
        preferences.write_text('{"profile": {"cookie_controls_mode": 0, "block_third_party_cookies": false}}')
        return await self._type.launch_persistent_context(folder, executable_path=self._path, args=self._args)
