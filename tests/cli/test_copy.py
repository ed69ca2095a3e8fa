"""`watchword db copy`: an installation moves to another database, and nobody is signed out by it."""

import asyncio
from pathlib import Path

from tests.cli.test_main import call
from tests.site import running_site
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.recipes import EmailPassword, EmailVerification, ThirdParty, UserRoles


async def test_a_session_begun_on_sqlite_goes_on_on_postgresql(sqlite_url: str, postgres_url: str) -> None:
    """Access token, refresh token, password, roles and both kinds of data are good on the other side."""
    assert 0 == (await asyncio.to_thread(call, "migrate", DATABASE_URL=sqlite_url)).returncode
    async with running_site(
        sqlite_url, recipes=[EmailPassword(), ThirdParty(), EmailVerification(mode="OPTIONAL"), UserRoles()]
    ) as site:
        browser = site.browser()
        await browser.sign_up()
        await browser.call("PUT", "/data", json={"kept": True})
        await browser.call("PUT", "/payload", json={"role": "admin"})
        handle = (await browser.get("/me")).json()["handle"]
        clock = site.clock

    answer = await asyncio.to_thread(call, "db", "copy", "--from", sqlite_url, DATABASE_URL=postgres_url)
    assert (0, True) == (answer.returncode, "1 users" in answer.stdout), answer.stderr
    assert "leave its secret as it is" in answer.stdout

    async with running_site(
        postgres_url,
        recipes=[EmailPassword(), ThirdParty(), EmailVerification(mode="OPTIONAL"), UserRoles()],
        clock=clock,
        api_domain=site.url,  # the port alone is another one here, and would make the access tokens another API's
    ) as moved:
        client = moved.browser().client
        client.cookies = browser.client.cookies
        browser.client = client
        assert handle == (await browser.get("/me")).json()["handle"]
        assert {"kept": True} == (await browser.get("/data")).json()
        clock.advance(3_700_000)
        assert 401 == (await browser.get("/me")).status_code
        assert 200 == (await browser.refresh()).status_code
        me = (await browser.get("/me")).json()
        assert (handle, "admin") == (me["handle"], me["payload"]["role"])
        assert "OK" == (await moved.browser().sign_in()).json()["status"]


async def test_an_application_without_providers_is_copied_as_it_stands(sqlite_url: str, tmp_path: Path) -> None:
    """The source is only read: nobody has to make tables there that the application does not use."""
    other = f"sqlite:///{tmp_path}/other.db"
    async with running_site(sqlite_url, recipes=[EmailPassword()]) as site:
        await site.browser().sign_up()
        clock = site.clock
    answer = await asyncio.to_thread(call, "db", "copy", "--from", sqlite_url, DATABASE_URL=other)
    assert (0, False) == (answer.returncode, "thirdparty_users" in answer.stdout), answer.stderr
    async with running_site(other, recipes=[EmailPassword(), ThirdParty()], clock=clock) as moved:
        assert "OK" == (await moved.browser().sign_in()).json()["status"]


def test_a_target_with_rows_and_an_older_source_are_refused(sqlite_url: str, tmp_path: Path) -> None:
    """Nothing is mixed; each refusal says what to do."""
    other = f"sqlite:///{tmp_path}/other.db"
    assert "there is no database" in call("db", "copy", "--from", other, DATABASE_URL=sqlite_url).stderr
    call("migrate", DATABASE_URL=sqlite_url)

    async def insert() -> None:
        db = open_database(sqlite_url)
        await db.start()
        statement = Statement("insert into {tenants} (app_id, tenant_id) values (:app_id, :tenant_id)")
        await db.write(lambda tx: tx.execute(statement, app_id="public", tenant_id="public"))
        await db.stop()

    asyncio.run(insert())
    assert 0 == call("db", "copy", "--from", sqlite_url, DATABASE_URL=other).returncode
    again = call("db", "copy", "--from", sqlite_url, DATABASE_URL=other)
    assert (1, True) == (again.returncode, "the table tenants of the target has rows" in again.stderr)
