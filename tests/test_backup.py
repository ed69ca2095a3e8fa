"""Yesterday's backup is restored while clients hold today's tokens. Source: security 5, F-27."""

from pathlib import Path

from tests.services.backup import restore_backup, take_backup
from tests.site import Browser, FakeClock, Site, running_site

OF_AGE_MS = 140_000
DAY_MS = 86_400_000


async def grow_old(site: Site, *browsers: Browser, generations: int) -> None:
    """Let time pass and refresh, so often that the row knows none of the tokens from before."""
    for _ in range(generations):
        site.clock.advance(OF_AGE_MS)
        for browser in browsers:
            assert 200 == (await browser.refresh()).status_code


async def refreshes(site: Site, browser: Browser) -> int:
    """The status of a refresh by somebody who was known to an earlier process."""
    other = site.browser("headers")
    other.tokens = dict(browser.tokens)
    status = (await other.refresh()).status_code
    browser.tokens = other.tokens
    return status


async def test_yesterdays_backup_signs_nobody_out_that_it_knows(database_url: str, tmp_path: Path) -> None:
    """Whoever was signed in yesterday still is, with tokens far ahead of the row, and whoever was not signs in again.

    A session that was ended today comes back with its row, as everything of yesterday does: its client holds no token
    any more, but a thief might. What was ended yesterday stays ended.
    """
    clock, backup = FakeClock(), tmp_path / "backup"
    async with running_site(database_url, clock=clock) as site:
        ada, eve, gone = (site.browser("headers") for _ in range(3))
        for browser, name in ((ada, "ada"), (eve, "eve"), (gone, "gone")):
            await browser.sign_up(f"{name}@example.com")
        ended_yesterday = dict(gone.tokens)
        await gone.call("POST", "/auth/signout")
        await grow_old(site, ada, eve, generations=3)
        take_backup(database_url, backup)
        clock.advance(DAY_MS)
        await grow_old(site, ada, eve, generations=4)
        grace = site.browser("headers")
        await grace.sign_up("grace@example.com")
        ended_today = dict(eve.tokens)
        await eve.call("POST", "/auth/signout")

    restore_backup(database_url, backup)

    async with running_site(database_url, clock=clock) as site:
        for generation in range(4):
            assert 200 == await refreshes(site, ada), generation
            clock.advance(OF_AGE_MS)
        assert 401 == await refreshes(site, grace)
        assert "OK" == (await site.browser().sign_up("grace@example.com")).json()["status"], "the account is not there"
        gone.tokens, eve.tokens = ended_yesterday, ended_today
        assert 401 == await refreshes(site, gone)
        assert 200 == await refreshes(site, eve), (
            "the backup brings her session back; docs/operations.md says what to do"
        )
