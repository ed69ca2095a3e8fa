"""The official client passes the token of a challenge as the guide says, and shows the sentence of a refusal."""

from pathlib import Path

import pytest

from tests.clients.conftest import new_sqlite_url
from tests.clients.sites import Surroundings, run_site
from tests.clients.visitors import PASSWORD, Visit
from tests.protection.siteverify import SECRET, running_siteverify
from watchword import Turnstile

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_guides_hook_brings_the_token(
    visit: Visit, surroundings: Surroundings, tmp_path: Path, email: str
) -> None:
    """Across two origins: the header passes the preflight, a refusal is an `STGeneralError`, a token opens once."""
    async with running_siteverify() as service:
        challenge = Turnstile(secret=SECRET, url=service.url)
        with run_site("two ports", surroundings, new_sqlite_url(tmp_path), challenge=challenge) as site:
            tab = await (await visit(site, "web_js", "cookie")).open()
            refused = "Please show that you are a human, and try again."
            assert refused == await tab.ask("messageOfSignUp", email, PASSWORD)
            await tab.ask("solveChallenge", "invented")
            assert refused == await tab.ask("messageOfSignUp", email, PASSWORD)
            await tab.ask("solveChallenge", service.solve())
            assert "OK" == (await tab.ask("signUp", email, PASSWORD))["status"]
            assert await tab.ask("doesSessionExist")
