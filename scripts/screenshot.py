"""Make the pictures of the README from the real example: `.venv/bin/python -m scripts.screenshot`."""

import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from tests.clients.programs import find_chromium
from tests.examples.demo import running_demo

IMAGES = Path(__file__).parents[1] / "docs" / "images"


def main() -> None:
    """Start the example on an empty database and take the pictures: signed in on a desk, signing in on a phone."""
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder)) as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium())
        page = browser.new_page(base_url=demo.origin, viewport={"width": 1180, "height": 872}, locale="en-GB")
        walk(page)
        page.screenshot(path=IMAGES / "demo.png")
        page = browser.new_page(
            base_url=demo.origin, viewport={"width": 390, "height": 780}, color_scheme="dark", device_scale_factor=2
        )
        page.goto("/")
        page.screenshot(path=IMAGES / "demo-phone.png")
        browser.close()


def walk(page: Page) -> None:
    """Sign up, change both kinds of data, refresh; then the top of the page again."""
    page.goto("/")
    page.get_by_role("button", name="Create an account").click()
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Password").fill("correct horse 1")
    page.get_by_role("button", name="Sign up").click()
    for path in ("payload", "data"):
        page.locator(f'form[data-path="/api/session/{path}"]').get_by_role("button", name="Merge").click()
        expect(page.get_by_role("status")).to_have_text("Merged.")
    page.get_by_role("button", name="Refresh the session").click()
    expect(page.get_by_role("status")).to_contain_text("Refreshed")
    page.evaluate("scrollTo(0, 0)")


if __name__ == "__main__":
    main()
