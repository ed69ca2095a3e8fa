"""Who is counted where: accounts, networks, known devices; and what happens while the database is away."""

import asyncio
import logging
from pathlib import Path
from typing import get_args

import pytest

from tests.protection.conftest import MakeLimits
from tests.site import SECRET, FakeClock
from watchword.crypto.sealing import SecretRing
from watchword.database.database import Database
from watchword.database.open import open_database
from watchword.database.statements import Statement
from watchword.errors import Overloaded, StorageUnavailable
from watchword.protection.counting import ASK_AGAIN_MS
from watchword.protection.devices import account_tag, device_cookie
from watchword.protection.errors import SignInStopped, TooManyRequests
from watchword.protection.limits import Caller, Limits
from watchword.protection.settings import Limit, LimitName, MailLimitName, Protection
from watchword.recipes.emailpassword.errors import WrongCredentials

ADA = "ada@example.com"
MINUTE = 60_000


async def fail(limits: Limits, email: str = ADA, caller: Caller = Caller(), tenant_id: str = "public") -> int:  # noqa: B008 - frozen
    """A wrong password; 0 when it was compared, else how many seconds to wait."""
    try:
        async with limits.sign_in_attempt(tenant_id, email, caller):
            raise WrongCredentials  # noqa: TRY301 - stands for the comparison
    except WrongCredentials:
        return 0
    except TooManyRequests as error:
        return error.retry_after_seconds


async def succeed(limits: Limits, email: str = ADA, caller: Caller = Caller()) -> None:  # noqa: B008 - as above
    """The right password."""
    async with limits.sign_in_attempt("public", email, caller):
        pass


def owner_of(email: str = ADA, address: str = "198.51.100.1") -> Caller:
    """A browser that has signed in to the account before."""
    return Caller(address, [device_cookie(SecretRing(SECRET), None, account_tag("public", email))])


async def test_many_addresses_guess_at_one_account(make_limits: MakeLimits, clock: FakeClock) -> None:
    """Attack: a thousand machines guess one person's password; together they get ten guesses, then ever fewer."""
    limits = make_limits()
    assert [0] * 10 + [60] * 990 == [await fail(limits, caller=Caller(f"203.0.113.{n % 250}")) for n in range(1_000)]
    clock.advance(MINUTE)
    assert [0, 120] == [await fail(limits, caller=Caller(f"192.0.2.{n}")) for n in range(2)]


async def test_one_address_guesses_at_many_accounts(make_limits: MakeLimits, clock: FakeClock) -> None:
    """Attack: one common password, one guess per account; the network's budget ends it."""
    limits = make_limits()
    waits = [await fail(limits, f"user{n}@example.com", Caller("203.0.113.9")) for n in range(203)]
    assert [0] * 200 + [5] * 3 == waits
    assert 0 == await fail(limits, "another@example.com", Caller("203.0.113.10"))
    clock.advance(15 * MINUTE)
    assert 0 == await fail(limits, "user@example.com", Caller("203.0.113.9"))


async def test_one_network_has_one_budget_in_all_spellings(make_limits: MakeLimits) -> None:
    """Attack: 2^64 addresses of one /64, and six spellings of one (RL-5)."""
    limits = make_limits(Protection(email_exists=Limit(20, seconds=60)))
    spellings = [
        "192.0.2.1",
        "::ffff:192.0.2.1",
        "::ffff:c000:201",
        "::FFFF:C000:0201",
        "0::ffff:192.0.2.1",
        " 192.0.2.1",
    ]
    for addresses in (spellings, [f"2001:db8::{n:x}" for n in range(300)]):
        outcomes = [await asked(limits, addresses[n % len(addresses)]) for n in range(300)]
        assert [True] * 20 + [False] * 280 == outcomes
    assert await asked(limits, "2001:db8:0:1::1")


async def asked(limits: Limits, address: str | None) -> bool:
    """Whether one more question about an address was let through."""
    try:
        await limits.check("email_exists", address)
    except TooManyRequests:
        return False
    return True


async def test_a_stranger_does_not_lock_the_owner_out(make_limits: MakeLimits) -> None:
    """Attack: keep somebody's account locked; the browser they always use has its own count (RL-2)."""
    limits = make_limits()
    flood = [await fail(limits, caller=Caller(f"203.0.113.{n}")) for n in range(50)]
    assert 40 == flood.count(60)
    await succeed(limits, caller=owner_of())
    assert 60 == await fail(limits, caller=Caller("203.0.113.99")), "the owner's success did not help the strangers"


async def test_a_neighbour_does_not_lock_the_owner_out(make_limits: MakeLimits) -> None:
    """The same from the owner's own network, whose budget a neighbour has used up."""
    limits = make_limits()
    for n in range(200):
        await fail(limits, f"user{n}@example.com", Caller("203.0.113.9"))
    assert 0 < await fail(limits, "one@example.com", Caller("203.0.113.9"))
    await succeed(limits, caller=owner_of(address="203.0.113.9"))


async def test_a_known_device_is_limited_too(make_limits: MakeLimits) -> None:
    """Attack: guess with a stolen device cookie; it gets the same ten failures, and no others are touched."""
    limits = make_limits()
    stolen = owner_of()
    assert [0] * 10 + [60] * 5 == [await fail(limits, caller=stolen) for _ in range(15)]
    await succeed(limits, caller=owner_of())
    assert 0 == await fail(limits, caller=Caller("203.0.113.1"))


async def test_a_device_of_another_account_is_a_stranger(make_limits: MakeLimits) -> None:
    """Attack: sign up yourself, and use that device's cookie for guessing at others."""
    limits = make_limits()
    eve = owner_of("eve@example.com")
    assert [0] * 10 + [60] * 5 == [await fail(limits, caller=eve) for _ in range(15)]
    assert 60 == await fail(limits)


async def test_a_success_sets_the_account_back(make_limits: MakeLimits) -> None:
    """Nine typing errors and then the right one: all is as it was (RL-1)."""
    limits = make_limits()
    for _ in range(5):
        assert [0] * 9 == [await fail(limits) for _ in range(9)]
        await succeed(limits)


async def test_a_busy_office_is_never_stopped(make_limits: MakeLimits) -> None:
    """A thousand people sign in at nine behind one address, each tenth with a typing error first."""
    limits = make_limits()
    office = Caller("203.0.113.9")
    for n in range(1_000):
        if n % 10 == 0:
            assert 0 == await fail(limits, f"user{n}@example.com", office)
        await succeed(limits, f"user{n}@example.com", office)


async def test_what_was_not_compared_does_not_count(make_limits: MakeLimits) -> None:
    """The pool was full or the database away: nobody guessed anything."""
    limits = make_limits()
    for error in (Overloaded("password hashing"), StorageUnavailable("the database went away")):
        for _ in range(20):
            with pytest.raises(type(error)):
                async with limits.sign_in_attempt("public", ADA, Caller("203.0.113.9")):
                    raise error
    assert 0 == await fail(limits)


async def test_200_parallel_guesses_on_two_nodes(make_limits: MakeLimits) -> None:
    """Attack: all guesses at once, on all nodes, before one is counted: exactly ten are compared (RL-3, RL-4)."""
    nodes = [make_limits(), make_limits()]
    waits = await asyncio.gather(*(fail(nodes[n % 2], caller=Caller(f"203.0.113.{n}")) for n in range(200)))
    assert (10, 190) == (waits.count(0), waits.count(60))


async def test_tenants_and_apps_do_not_share(make_limits: MakeLimits) -> None:
    """The same address is another account elsewhere."""
    limits, other_app = make_limits(), make_limits(app_id="other")
    assert 60 == [await fail(limits) for _ in range(11)][-1]
    assert 0 == await fail(limits, tenant_id="t1")
    assert 0 == await fail(other_app)


async def test_nothing_stored_can_be_read(make_limits: MakeLimits, db: Database) -> None:
    """No address and no e-mail at rest, nor a plain hash of one that could be tried out."""
    limits = make_limits()
    await fail(limits, caller=Caller("203.0.113.9"))
    rows = await db.list(
        Statement("select key from {rate_buckets} union all select key from {sign_in_failures}"),
    )
    assert [32, 32] == [len(row["key"]) for row in rows]
    for row in rows:
        assert not {b"203.0.113.9", b"ada", account_tag("public", ADA)} & {bytes(row["key"])[:n] for n in (3, 11, 16)}


async def test_refreshes_of_honest_networks_write_nothing(make_limits: MakeLimits, db: Database) -> None:
    """A process counts the first of each network by itself; what a flood would need goes to the database."""
    limits = make_limits(Protection(refresh=Limit(500, seconds=60)))
    for _ in range(10):
        await limits.check("refresh", "203.0.113.9")
    assert [] == await db.list(Statement("select key from {rate_buckets}"))
    for _ in range(500):
        await limits.check("refresh", "203.0.113.9")
    with pytest.raises(TooManyRequests):
        await limits.check("refresh", "203.0.113.9")


async def test_a_flood_of_refreshes_writes_once_for_many(make_limits: MakeLimits, db: Database) -> None:
    """Behind one address, or under attack, a process takes requests out of the shared budget by the lot."""
    limits = make_limits(Protection(refresh=Limit(500, seconds=60)))
    full_at: set[int] = set()
    for _ in range(40):
        await limits.check("refresh", "203.0.113.9")
        full_at |= {row["full_at_ms"] for row in await db.list(Statement("select full_at_ms from {rate_buckets}"))}
    assert 3 == len(full_at), "10 were counted here, 30 were taken ten at a time"


async def test_without_an_address_only_accounts_are_limited(
    make_limits: MakeLimits, caplog: pytest.LogCaptureFixture
) -> None:
    """One budget for all who are unknown would be emptied by one of them; the log says it once."""
    limits = make_limits()
    with caplog.at_level(logging.WARNING):
        assert [True] * 100 == [await asked(limits, address) for address in (None, "testclient") * 50]
    assert [True] == ["without the client's address" in record.getMessage() for record in caplog.records]
    assert 60 == [await fail(limits, caller=Caller(None)) for _ in range(11)][-1]


async def test_each_limit_can_be_switched_off(make_limits: MakeLimits, caplog: pytest.LogCaptureFixture) -> None:
    """It then stops nobody, and every start says so aloud."""
    names = ["failures_per_account", "failures_before_reset", "sign_in", *get_args(LimitName), *get_args(MailLimitName)]
    limits = make_limits(Protection(**dict.fromkeys(names)))
    with caplog.at_level(logging.WARNING):
        limits.start()
    assert names == [record.getMessage().split()[0].removeprefix("protection.") for record in caplog.records]
    assert all([await limits.may_mail("password_reset", "ada@example.com", tenant_id="public") for _ in range(100)])
    assert {0} == {await fail(limits, caller=Caller("203.0.113.9")) for _ in range(300)}
    assert all([await asked(limits, "203.0.113.9") for _ in range(100)])
    assert limits.remember_device("public", ADA, []) is None


async def test_without_the_database_each_process_counts_by_itself(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Losing the store loosens to one budget a process, never to none, and is no error of its own (RL-4)."""
    away = open_database(f"sqlite:///{tmp_path / 'never-started.db'}")
    nodes = [Limits(Protection(), away, "public", clock, SecretRing(SECRET)) for _ in range(2)]
    with caplog.at_level(logging.WARNING):
        for node in nodes:
            assert [True] * 20 + [False] == [await asked(node, "203.0.113.9") for _ in range(21)]
            assert [0] * 10 + [60] * 2 == [await fail(node) for _ in range(12)]
            await succeed(node, "eve@example.com")
    assert 2 == sum("counted by this process alone" in record.getMessage() for record in caplog.records)


async def test_the_database_counts_again_later(make_limits: MakeLimits, clock: FakeClock, db: Database) -> None:
    """A second after the failure it is asked again."""
    limits = make_limits()
    await db.stop()
    assert [0] * 10 + [60] == [await fail(limits) for _ in range(11)]
    await db.start()
    clock.advance(ASK_AGAIN_MS)
    assert [0] * 10 + [60] == [await fail(limits) for _ in range(11)]
    assert 60 == await fail(make_limits())


@pytest.mark.parametrize("is_away", [False, True], ids=["counted together", "counted alone"])
async def test_a_clock_that_ran_ahead_locks_nobody_out(
    make_limits: MakeLimits, clock: FakeClock, db: Database, *, is_away: bool
) -> None:
    """F-15: one node's clock is a month ahead for a moment; neither network nor account waits a month for it.

    What `make chaos` found: whoever had signed in by that node was answered 429 by all others, for as long.
    """
    limits, caller = make_limits(), Caller("203.0.113.9")
    if is_away:
        await db.stop()
    month_ms = 30 * 86_400_000
    clock.advance(month_ms)
    for _ in range(12):
        await fail(limits, caller=caller)
        await limits.check("sign_up", caller.address)
    clock.advance(-month_ms)
    assert 0 == await fail(limits, caller=caller)
    await succeed(limits, "grace@example.com", caller)
    await limits.check("sign_up", caller.address)
    assert 120 == await fail(limits, caller=caller)  # the failures are remembered, and the wait is by the right time


async def test_a_hundred_guesses_are_the_last(
    make_limits: MakeLimits, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Attack: guess at one account from everywhere, at all nodes, and wait as long as it takes (RL-1).

    Whoever is known there gets in all the same; a name that nobody has is stopped in the same way.
    """
    nodes = [make_limits(), make_limits()]
    for node in nodes:
        node.resets_are_mailed = True
    for email in (ADA, "nobody@example.com"):
        for n in range(100):
            assert 0 == await fail(nodes[n % 2], email, Caller(f"203.0.113.{n}"))
            clock.advance(60 * MINUTE)
        for n in range(4):
            with pytest.raises(SignInStopped):
                await fail(nodes[n % 2], email, Caller(f"192.0.2.{n}"))
            clock.advance(100 * 86_400_000)
    await succeed(nodes[0], caller=owner_of())
    assert {"failures_before_reset": 4} == nodes[0].refused, "two tries of each, at each node"


async def test_without_a_reset_by_mail_nobody_is_stopped(make_limits: MakeLimits, clock: FakeClock) -> None:
    """It would be a lock without a key, for strangers to turn."""
    limits = make_limits(Protection(failures_before_reset=10))
    for n in range(40):
        assert 0 == await fail(limits, caller=Caller(f"203.0.113.{n}"))
        clock.advance(60 * MINUTE)


async def test_a_device_that_was_stopped_is_a_stranger(make_limits: MakeLimits, clock: FakeClock) -> None:
    """Attack: guess with a stolen device cookie. Its own tries end; the account's decide then, as for anybody."""
    limits = make_limits(Protection(failures_before_reset=10))
    limits.resets_are_mailed = True
    device = owner_of()
    for _ in range(10):
        assert 0 == await fail(limits, caller=device)
    await succeed(limits, caller=device)
    for _ in range(20):
        await fail(limits, caller=device)
        clock.advance(60 * MINUTE)
    with pytest.raises(SignInStopped):
        await fail(limits, caller=device)
    with pytest.raises(SignInStopped):
        await fail(limits)


async def test_a_tenant_and_an_app_have_budgets_of_mails(
    make_limits: MakeLimits, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Attack: have us mail thousands of people, from thousands of addresses of our own or theirs (RL-7).

    Two nodes have one budget; each kind of mail has another; a mailbox that had enough costs the others nothing.
    """
    settings = Protection(
        mails_per_address=Limit(2, seconds=60),
        mails_per_tenant=Limit(5, seconds=60),
        mails_per_app=Limit(7, seconds=60),
    )
    nodes = [make_limits(settings), make_limits(settings)]

    async def mail(number: int, tenant_id: str = "public", kind: str = "password_reset") -> bool:
        return await nodes[number % 2].may_mail(kind, f"p{number}@example.com", tenant_id=tenant_id)

    with caplog.at_level(logging.WARNING):
        assert [True] * 2 + [False] * 8 == [await mail(0) for _ in range(10)]
        assert [True] * 3 + [False] * 3 == [await mail(number) for number in range(1, 7)]
        assert [True] * 2 + [False] * 2 == [await mail(number, "t1") for number in range(10, 14)]
        assert await mail(0, kind="email_verification"), "of another kind"
    said = [record.getMessage() for record in caplog.records]
    assert ["to one address", "in one tenant", "in one tenant", "in all", "in all"] == [
        next(where for where in ("to one address", "in one tenant", "in all") if where in line) for line in said
    ]
    assert {"mails_per_address", "mails_per_tenant", "mails_per_app"} == {*nodes[0].refused, *nodes[1].refused}
    clock.advance(60_000)
    assert await mail(9)


async def test_a_mailbox_has_its_own_budget(
    make_limits: MakeLimits, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Attack: fill somebody's mailbox with our mails; five an hour of each kind, and one line in the log (RL-7)."""
    limits = make_limits()
    with caplog.at_level(logging.WARNING):
        flood = [await limits.may_mail("password_reset", "ada@example.com", tenant_id="public") for _ in range(8)]
    assert [True] * 5 + [False] * 3 == flood
    assert 1 == len(caplog.records)
    assert "ada@" not in caplog.text
    assert await limits.may_mail("email_verification", "ada@example.com", tenant_id="public")
    assert await limits.may_mail("password_reset", "eve@example.com", tenant_id="public")
    clock.advance(3_600_000)
    assert [True] * 5 + [False] == [
        await limits.may_mail("password_reset", "ada@example.com", tenant_id="public") for _ in range(6)
    ]
