"""`watchword audit` and `watchword why`, as people call them, on a log that a real application has written."""

import json

import pytest

from tests.audit.logs import tamper
from tests.cli.test_main import call
from tests.site import SECRET, running_site
from watchword import AppInfo, RandomIds, Watchword
from watchword.audit.chain import ChainWriter, read_chain_key
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database
from watchword.database.open import open_database
from watchword.recipes import Session


@pytest.fixture
async def handle(database_url: str) -> str:
    """Somebody signed up, failed to sign in, and was signed out by an operator; the handle of the session."""
    async with running_site(database_url) as site:
        user_id = (await site.browser().sign_up()).json()["user"]["id"]
        await site.browser().sign_in(password="wrong password 1")
        (handle,) = await site.auth.sessions.list_handles(user_id)
        await site.auth.sessions.revoke(handle, reason="stolen\nlaptop é")
    return handle


async def chain_all(db: Database) -> None:
    """Give all events their places, as the application would in a moment."""
    key = await read_chain_key(db, "public", SecretRing(SECRET))
    await tamper(db, "update {audit_chains} set until_ms = 0")
    await ChainWriter(db, "public", key, lambda _: None).chain_all()


async def test_a_handle_may_begin_with_a_dash(database_url: str) -> None:
    """They are random texts, so one in 64 does: it is no option, also where two dashes stand in front."""

    class Dashed(RandomIds):
        def session_handle(self) -> str:
            return f"--{super().session_handle()}"

    auth = Watchword(
        app_info=AppInfo(app_name="Test", api_domain="http://localhost:8000", website_domain="http://localhost:8000"),
        database=database_url,
        secret=SECRET,
        recipe_list=[Session()],
        ids=Dashed(),
    )
    await auth.start()
    handle = (await auth.sessions.create("ada")).handle
    await auth.stop()
    for written in (handle, handle[1:]):
        story = call("why", written, DATABASE_URL=database_url)
        assert (0, "") == (story.returncode, story.stderr)
        assert ("Nothing is known of it" in story.stdout) is (written != handle)


async def test_events_are_lines_or_json_and_the_end_of_a_session_is_a_sentence(database_url: str, handle: str) -> None:
    """One event a line, whatever stands in it (LG-3), filtered as asked; or all as JSON, the oldest first."""
    kinds = ["signing_key_made", "sign_up", "session_created", "sign_in_failed", "session_revoked"]
    listed = call("audit", "list", DATABASE_URL=database_url)
    assert (0, "") == (listed.returncode, listed.stderr)
    lines = listed.stdout.splitlines()
    assert kinds[::-1] == [line.split()[1] for line in lines]
    assert r"reason='stolen\nlaptop \xe9'" in lines[0]
    assert f"session={handle}" in lines[0]
    found = call("audit", "list", "--handle", handle, "--kind", "session_revoked", "--since", "2020-01-01",
                 DATABASE_URL=database_url)  # fmt: skip
    assert lines[:1] == found.stdout.splitlines()

    exported = call("audit", "export", DATABASE_URL=database_url)
    events = [json.loads(line) for line in exported.stdout.splitlines()]
    assert kinds == [event["kind"] for event in events]
    assert ("stolen\nlaptop é", handle) == (events[-1]["reason"], events[-1]["handle"])

    story = call("why", handle, DATABASE_URL=database_url)
    assert (0, "") == (story.returncode, story.stderr)
    assert story.stdout.startswith("The application ended it by its handle")
    assert "The reason given: " in story.stdout


async def test_a_whole_log_is_proved_and_a_changed_one_is_named(database_url: str, handle: str) -> None:
    """Exit code 0 and how many; 1 and which. An anchor shows an end that was cut off; a wrong secret shows nothing."""
    secrets = {"DATABASE_URL": database_url, "WATCHWORD_SECRET": SECRET}
    db = open_database(database_url)
    await db.start()
    await chain_all(db)
    anchor = call("audit", "anchor", DATABASE_URL=database_url).stdout.strip()
    whole = call("audit", "verify", "--anchor", anchor, **secrets)
    assert 0 == whole.returncode
    assert "The audit log is whole: 5 events" in whole.stdout
    assert f"the one of now is\n  {anchor}\n" in whole.stdout

    later = f"{anchor.split(':')[0]}:9:{'00' * 32}"
    cut = call("audit", "verify", "--anchor", later, **secrets)
    assert (1, True) == (cut.returncode, "its end was cut off" in cut.stderr)
    wrong = call("audit", "verify", **{**secrets, "WATCHWORD_SECRET": "another secret of at least 32 bytes"})
    assert (1, True) == (wrong.returncode, "secret: does not open the key of the audit log" in wrong.stderr)

    await tamper(db, "update {audit_events} set user_id = 'mallory' where kind = 'sign_in_failed'")
    await db.stop()
    changed = call("audit", "verify", **secrets)
    assert (1, "") == (changed.returncode, changed.stdout)
    assert "its user id, address or reason was changed" in changed.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["why", "h"], 1, "there is no database at"),
        (["audit", "list", "--since", "yesterday"], 1, "there is no database at"),
        (["audit", "verify", "--anchor", "nonsense", "--secret", SECRET], 1, "is no anchor"),
    ],
)
def test_what_cannot_be_asked_is_a_sentence(arguments: list[str], code: int, words: str) -> None:
    """No file is made by looking."""
    answer = call(*arguments, DATABASE_URL="sqlite:////nowhere/watchword.db")
    assert (code, True) == (answer.returncode, words in answer.stderr)
