"""The race in its short form: two real processes, a bad network, thieves, a fast clock, both databases."""

from tests.race.record import Failing, Verdict
from tests.race.report import describe, is_good
from tests.race.running import Outcome, RaceSettings, race


async def run(database: str, refreshes: int, *, robbed: float = 0.5, settle_ms: int = 130_000) -> Outcome:
    """A race that shows nothing while it runs."""
    settings = RaceSettings(
        database=database, refreshes=refreshes, people=120, robbed=robbed, speed=100, settle_ms=settle_ms
    )
    return await race(settings, lambda _: None)


async def test_nobody_is_signed_out_and_no_thief_is_missed(database_url: str) -> None:
    """Tabs that race, lost, late and doubled messages and killed clients end no session; every thief does.

    The attack: somebody copies a refresh token out of the jar, out of an answer or out of a backup, and
    goes on refreshing with it beside its owner, at whichever node is the more convenient.
    """
    outcome = await run(database_url, 1_000)

    assert [] == outcome.failures, describe(outcome)
    assert 0 == outcome.logged["session_row_behind"]
    tally = outcome.tally
    assert {Verdict.YOUNG, Verdict.AGAIN, Verdict.PROMOTE, Verdict.THEFT} <= set(tally.answers), describe(outcome)
    assert tally.events["thefts"] == tally.events["thieves caught"] > 0
    assert tally.events["honest sessions followed to their end"] > 0


async def test_a_race_without_the_settle_age_signs_people_out(sqlite_url: str) -> None:
    """With the settle age off the same race signs honest clients out: it would notice if the rule were gone."""
    outcome = await run(sqlite_url, 500, robbed=0, settle_ms=0)

    both = [*outcome.failures, *outcome.excused]
    assert Failing.HONEST_LOGOUT in {failure.what for failure in both}, describe(outcome)
    assert not is_good(outcome) or outcome.excused
    assert "honest logouts" in describe(outcome)
