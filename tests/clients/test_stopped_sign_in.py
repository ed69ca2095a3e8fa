"""The official client shows what to do when no password is compared any more."""

from pathlib import Path

import pytest

from tests.clients.conftest import new_sqlite_url
from tests.clients.sites import Surroundings, run_site
from tests.clients.visitors import PASSWORD, Visit
from watchword import Protection

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_sentence_is_shown_and_a_known_browser_goes_on(
    visit: Visit, surroundings: Surroundings, tmp_path: Path, email: str
) -> None:
    """RL-1, RL-2: a stranger's browser is told to set a new password; the one that has signed in before signs in."""
    protection = Protection(failures_per_account=2, failures_before_reset=2)
    with run_site("two ports", surroundings, new_sqlite_url(tmp_path), protection=protection) as site:
        owner = await (await visit(site, "web_js", "cookie")).open()
        assert "OK" == (await owner.ask("signUp", email, PASSWORD))["status"]
        await owner.ask("signOut")
        stranger = await (await visit(site, "web_js", "cookie")).open()
        for _ in range(2):
            assert "WRONG_CREDENTIALS_ERROR" == (await stranger.ask("signIn", email, "another horse 2"))["status"]
        shown = await stranger.ask("messageOfSignIn", email, PASSWORD)
        assert "Please set a new one" in shown
        assert "OK" == (await owner.ask("signIn", email, PASSWORD))["status"]
