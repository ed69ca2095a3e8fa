"""Attacks on a log by somebody who has the whole database, reads the code, and lacks only the secret."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audit.logs import chain, problems, record, rows, tamper, verify
from watchword.audit.events import SecurityEvent
from watchword.audit.log import AuditLog
from watchword.audit.marks import ChainKey, new_salt, personal_hash
from watchword.audit.rows import mark_of
from watchword.database.database import Database, Row
from watchword.database.statements import Statement

COLUMNS = (
    "event_id", "kind", "at_ms", "tenant_id", "handle", "facts", "user_id", "address", "reason", "salt",
    "personal_hash", "mac", "erased_mac", "seq", "chained_at_ms", "link",
)  # fmt: skip


@pytest.fixture
async def ten(db: Database, audit: AuditLog) -> list[Row]:
    """Ten chained events, by place; the first is Ada's, from her own address."""
    for number in range(1, 11):
        event = SecurityEvent(
            "sign_in", user_id="ada", handle=f"h{number}", address=f"198.51.100.{number}", facts={"number": number}
        )
        await record(db, audit, event)
        await chain(db, audit)
    assert [] == await problems(db)
    return sorted(await rows(db), key=lambda row: row["seq"])


def values_of(row: Row) -> dict[str, Any]:
    """A row as it could be written again."""
    return {name: bytes(row[name]) if isinstance(row[name], memoryview) else row[name] for name in COLUMNS}


async def insert(db: Database, values: dict[str, Any]) -> None:
    """Write a row past us."""
    names = ", ".join(values)
    places = ", ".join(f":{name}" for name in values)
    await tamper(db, f"insert into {{audit_events}} (app_id, {names}) values ('public', {places})", **values)  # noqa: S608


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("kind = 'sign_up'", "changed"),
        ("at_ms = at_ms + 1", "changed"),
        ("tenant_id = 'other'", "changed"),
        ("handle = null", "changed"),
        ("facts = '{}'", "changed"),
        ("user_id = 'bob'", "user id"),
        ("address = '203.0.113.9'", "address"),
        ("reason = 'a better one'", "reason"),
        ("address = null", "address"),
        ("chained_at_ms = chained_at_ms - 86400000", "not in its place"),
    ],
)
async def test_a_changed_event_is_named(db: Database, ten: list[Row], change: str, word: str) -> None:
    """Attack: make a break-in look like somebody else's, or like another day's."""
    assert 1 == await tamper(db, f"update {{audit_events}} set {change} where seq = 4")  # noqa: S608
    first, *others = await problems(db)
    assert first.startswith(f"event 4 (id {ten[3]['event_id']})")
    assert word in first
    assert [] == others


async def test_a_deleted_event_is_named(db: Database, ten: list[Row]) -> None:
    """Attack: delete the sign-in that gives one away."""
    await tamper(db, "delete from {audit_events} where seq in (4, 7, 8)")
    assert ["event 4: missing: 4", "event 7: missing: 7 to 8"] == await problems(db)


async def test_a_gap_cannot_be_closed_by_moving_the_rest_up(db: Database, ten: list[Row]) -> None:
    """Attack: delete an event and number those behind it anew, so that no place is empty."""
    await tamper(db, "delete from {audit_events} where seq = 4")
    for seq in range(5, 11):
        await tamper(db, "update {audit_events} set seq = :to where seq = :from", **{"to": seq - 1, "from": seq})
    await tamper(db, "update {audit_chains} set seq = 9")
    found = await problems(db)
    assert found[0].startswith("event 4 ")
    assert "not in its place" in found[0]


async def test_an_inserted_event_is_named(db: Database, ten: list[Row]) -> None:
    """Attack: put in a sign-in that never was, with every mark made by a key of one's own."""
    values = {**values_of(ten[3]), "event_id": "f" * 32, "kind": "sign_in", "salt": new_salt()}
    values["personal_hash"] = personal_hash(values["salt"], "ada", values["address"], values["reason"])
    own = ChainKey("mine", b"k" * 32)
    values["mac"] = mark_of(own, "public", values)
    await insert(db, {**values, "seq": 11, "link": own.link(bytes(ten[9]["link"]), 11, 0, values["mac"])})
    assert "behind the end" in (await problems(db))[0]

    await tamper(db, "update {audit_chains} set seq = 11, link = (select link from {audit_events} where seq = 11)")
    found = await problems(db)
    assert found[0].startswith("event 11 (id ffff")
    assert "inserted by somebody else" in found[0]
    assert "the mark at the end of the chain is not ours" in found[-1]


async def test_an_event_cannot_be_put_in_before_it_has_a_place(db: Database, audit: AuditLog, ten: list[Row]) -> None:
    """Attack: insert an event without a place, and let us chain it. It gets one, and is found by its mark."""
    values = {**values_of(ten[3]), "event_id": "f" * 32, "seq": None, "link": None, "chained_at_ms": None}
    await insert(db, values)
    assert (await problems(db))[0].startswith("an event without a place (id ffff")
    await chain(db, audit)
    assert (await problems(db))[0].startswith("event 11 (id ffff")


async def test_an_event_that_waits_for_its_place_cannot_be_changed(db: Database, audit: AuditLog) -> None:
    """Attack: be quicker than the chain, which is made in batches."""
    await record(db, audit, SecurityEvent("sign_in", user_id="ada"))
    await tamper(db, "update {audit_events} set kind = 'sign_up'")
    assert ["changed, or inserted by somebody else"] == [problem.what for problem in (await verify(db)).problems]
    await chain(db, audit)
    assert [1] == [problem.seq for problem in (await verify(db)).problems]


async def test_two_events_that_changed_places_are_named(db: Database, ten: list[Row]) -> None:
    """Attack: let the theft come before the sign-in."""
    third, seventh = values_of(ten[2]), values_of(ten[6])
    await tamper(db, "delete from {audit_events} where seq in (3, 7)")
    kept = ("seq", "link", "chained_at_ms")
    await insert(db, {**third, **{name: seventh[name] for name in kept}})
    await insert(db, {**seventh, **{name: third[name] for name in kept}})
    found = await problems(db)
    assert ["event 3 ", "event 7 "] == [problem[:8] for problem in found]
    assert all("not in its place" in problem for problem in found)


async def test_the_same_event_twice_is_named(db: Database, ten: list[Row]) -> None:
    """Attack: write a true event once more, at a place that is taken."""
    await insert(db, {**values_of(ten[3]), "event_id": "f" * 32})
    assert any("event 4 (id ffff" in problem and "second event" in problem for problem in await problems(db))


async def test_a_person_cannot_be_taken_out_by_somebody_else(db: Database, ten: list[Row]) -> None:
    """Attack: make an event nameless, as if its person had been erased by us."""
    await tamper(
        db, "update {audit_events} set user_id = null, address = null, reason = null, salt = null where seq = 4"
    )
    assert ["not we took the person out of it"] == [problem.what for problem in (await verify(db)).problems]


async def test_an_erased_person_cannot_be_exchanged_for_another(db: Database, audit: AuditLog, ten: list[Row]) -> None:
    """Attack: give the events of an erased person a name again."""
    await db.write(lambda tx: audit.erase_user(tx, "ada"))
    await tamper(db, "update {audit_events} set user_id = 'bob' where seq = 4")
    assert [4] == [problem.seq for problem in (await verify(db)).problems]


async def test_a_cut_off_end_is_found(db: Database, ten: list[Row]) -> None:
    """Attack: delete the last events, which tell of the break-in, and set the end of the chain back to before them."""
    await tamper(db, "delete from {audit_events} where seq > 7")
    assert ["event 8: missing: 8 to 10, the end of the log"] == await problems(db)

    await tamper(db, "update {audit_chains} set seq = 7, link = :link", link=bytes(ten[6]["link"]))
    assert ["event 7: the mark at the end of the chain is not ours: the end was set back or changed"] == await problems(
        db
    )


async def test_a_cut_off_end_with_an_old_mark_is_found_by_an_anchor(
    db: Database, audit: AuditLog, ten: list[Row]
) -> None:
    """Attack: as before, by one who had copied the end of the chain before the break-in.

    That alone looks whole, which `docs/audit.md` says; an anchor that was kept elsewhere shows it.
    """
    chain_before = await db.find(SELECT_CHAIN)
    assert chain_before is not None
    await record(db, audit, SecurityEvent("theft_detected", user_id="ada"))
    await chain(db, audit)
    anchor = (await verify(db)).anchor

    await tamper(db, "delete from {audit_events} where seq = 11")
    await tamper(
        db,
        "update {audit_chains} set seq = 10, link = :link, head_mac = :head_mac",
        link=bytes(chain_before["link"]), head_mac=bytes(chain_before["head_mac"]),
    )  # fmt: skip
    assert [] == await problems(db)
    assert ["event 11: the chain ends at 10, before the anchor: its end was cut off"] == await problems(db, anchor)

    await record(db, audit, SecurityEvent("sign_in", user_id="ada"))
    await chain(db, audit)
    assert "not what it was when the anchor was taken" in (await problems(db, anchor))[0]


async def test_a_cut_off_beginning_is_found(db: Database, ten: list[Row]) -> None:
    """Attack: delete the oldest events, and let it look as if they had been removed by age."""
    await tamper(db, "delete from {audit_events} where seq <= 3")
    assert ["event 1: missing: 1 to 3"] == await problems(db)
    await tamper(
        db,
        "update {audit_chains} set removed_seq = 3, removed_link = :link, removed_mac = head_mac",
        link=bytes(ten[2]["link"]),
    )
    assert ["event 3: not we removed the events up to 3, or the mark of it was changed"] == await problems(db)


async def test_what_was_removed_by_age_cannot_come_back(db: Database, audit: AuditLog, ten: list[Row]) -> None:
    """Attack: keep events of a person beyond their time, in our log."""
    await (await chain(db, audit)).remove_old(-1_000_000, 2**53)
    await insert(db, values_of(ten[3]))
    assert ["was removed by age, or never was, and stands there again"] == [
        problem.what for problem in (await verify(db)).problems
    ]


async def test_a_new_log_in_the_place_of_the_old_one_is_found_by_an_anchor(
    db: Database, audit: AuditLog, ten: list[Row]
) -> None:
    """Attack: delete everything; the next start begins a log that is whole. Another chain is not the anchor's."""
    anchor = (await verify(db)).anchor
    await tamper(db, "delete from {audit_events}")
    await tamper(db, "delete from {audit_chains}")
    await audit.open()
    assert [] == await problems(db)
    assert "another" in (await problems(db, anchor))[0]


SELECT_CHAIN = Statement("select * from {audit_chains}")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seq=st.integers(1, 10),
    column=st.sampled_from([name for name in COLUMNS if name != "erased_mac"]),
    data=st.data(),
)
async def test_no_change_of_any_column_goes_unnoticed(
    ten_sqlite: tuple[Database, list[Row]], seq: int, column: str, data: st.DataObject
) -> None:
    """Whatever one value is changed to, something is found, and the first thing found is at or before it."""
    db, before = ten_sqlite
    old = values_of(before[seq - 1])[column]
    if isinstance(old, bytes):
        new: Any = data.draw(st.binary(min_size=1, max_size=40))
    elif isinstance(old, int):
        new = data.draw(st.integers(1, 2**40))
    else:
        new = data.draw(st.text("0123456789abcdef{}", min_size=1, max_size=20))
    if new == old:
        return
    event_id = before[seq - 1]["event_id"]
    set_to = f"update {{audit_events}} set {column} = :value where event_id = :event_id"  # noqa: S608
    await tamper(db, set_to, value=new, event_id=event_id)
    found = (await verify(db)).problems
    if column == "event_id":
        event_id = new
    await tamper(db, set_to, value=old, event_id=event_id)
    assert found
    assert found[0].seq is None or found[0].seq <= seq or column == "seq"
    assert [] == await problems(db)
