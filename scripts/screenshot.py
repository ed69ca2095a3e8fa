"""Make the pictures of the README from the real example: `.venv/bin/python -m scripts.screenshot`."""

import tempfile
from pathlib import Path

from playwright.sync_api import Browser, ColorScheme, expect, sync_playwright

from tests.clients.programs import find_chromium
from tests.examples.demo import running_demo

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def main() -> None:
    """Start the example on an empty database, sign up, change things, take the pictures."""
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder)) as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium())
        picture(browser, demo.origin, "demo.png", width=1180, height=1000, scheme="light")
        picture(browser, demo.origin, "demo-phone.png", width=390, height=844, scheme="dark")
        browser.close()


def picture(browser: Browser, origin: str, name: str, *, width: int, height: int, scheme: ColorScheme) -> None:
    """What a person sees after a sign-up, a change of each kind of data and a refresh."""
    page = browser.new_page(
        base_url=origin, viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-GB"
    )
    page.goto("/")
    page.get_by_role("button", name="Create an account").click()
    page.get_by_label("E-mail").fill(f"ada+{scheme}@example.com")
    page.get_by_label("Password").fill("correct horse 1")
    page.get_by_role("button", name="Sign up").click()
    for path in ("payload", "data"):
        page.locator(f'form[data-path="/api/session/{path}"]').get_by_role("button", name="Merge").click()
        expect(page.get_by_role("status")).to_have_text("Merged.")
    page.get_by_role("button", name="Refresh the session").click()
    expect(page.get_by_role("status")).to_contain_text("Refreshed")
    page.mouse.wheel(0, -5000)
    page.screenshot(path=IMAGES / name)
    page.close()


if __name__ == "__main__":
    main()
