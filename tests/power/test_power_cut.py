"""The power goes while people sign up, refresh and leave: what they were told is there when somebody starts again."""

from dataclasses import replace

import pytest

from tests.chaos.record import Violation
from tests.power.cut import cut_power
from tests.power.disk import Record
from tests.power.recorder import Recording, record_worker

MOMENTS = 40


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """All that one process wrote in its life."""
    return record_worker(tmp_path_factory.mktemp("power"))


async def test_what_was_acknowledged_survives_a_power_cut(recording: Recording) -> None:
    """F-12: at any moment, in the first start too, with any part of what was not synced, torn sectors and lost names.

    Every acknowledged sign-up, change, refresh and sign-out is there, no half of anything, the file is whole.
    """
    book = await cut_power(recording, moments=MOMENTS, seed=1)
    assert [] == book.broken
    assert MOMENTS == book.injected


def test_the_recording_holds_what_a_power_cut_can_hurt(recording: Recording) -> None:
    """The log is copied into the database while people write, and everybody did everything."""
    first, last = (recording.told[at]["at"] for at in (0, -1))
    copied = [r for r in recording.records if r.kind == "W" and r.file == 1 and first < r.end < last]
    assert 10 < len(copied)
    assert {"session", "refresh", "data", "sign-out"} == {line["done"] for line in recording.told if "done" in line}


@pytest.mark.parametrize(("kind", "found"), [("S", Violation.STUCK), ("D", Violation.LOST)])
async def test_a_database_that_does_not_sync_is_found_out(recording: Recording, kind: str, found: Violation) -> None:
    """The test would notice: without syncs of files it is a ruin, without those of the folder's names it is gone."""
    records: list[Record] = [record for record in recording.records if record.kind != kind]
    book = await cut_power(replace(recording, records=records), moments=10, seed=1)
    assert found in {broken.what for broken in book.broken}
