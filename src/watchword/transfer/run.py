"""A whole import: batch after batch, with what is told meanwhile and at the end."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from watchword.transfer.errors import RecordRefused
from watchword.transfer.importing import Importer
from watchword.transfer.records import UserRecord

BATCH = 500  # users a transaction; sign-ups beside it wait for no longer than one


@dataclass(frozen=True, slots=True)
class Brought:
    """One user of a source.

    Attributes:
        place: Where in the source, for the report: `line 7`, `auth_user.id 7`.
        record: The user, or why what stands there is none.
    """

    place: str
    record: UserRecord | RecordRefused


@dataclass(slots=True)
class Report:
    """What became of all.

    Attributes:
        imported: Stored now; in a dry run: could be.
        already_there: Left as they are.
        refused: How many were not taken.
        reasons: How often each member was the reason.
    """

    imported: int = 0
    already_there: int = 0
    refused: int = 0
    reasons: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def read(self) -> int:
        """How many there were."""
        return self.imported + self.already_there + self.refused


async def import_users(
    source: AsyncIterator[Brought],
    importer: Importer,
    *,
    refused: Callable[[str, RecordRefused], None],
    progress: Callable[[int], None],
) -> Report:
    """Store all users of a source; may be run again after it was interrupted, at any point.

    Args:
        source: The users.
        importer: Where they go.
        refused: Told the place and the reason of each who is not taken.
        progress: Told after each batch how many users it had.

    Raises:
        SourceUnreadable: The source is no source; the batches before are stored.
        StorageUnavailable: The database did not answer; the batches before are stored.
    """
    report = Report()
    batch: list[Brought] = []
    async for brought in source:
        batch.append(brought)
        if len(batch) == BATCH:
            await _store(batch, importer, report, refused)
            progress(len(batch))
            batch = []
    if batch:
        await _store(batch, importer, report, refused)
        progress(len(batch))
    return report


async def _store(
    batch: list[Brought], importer: Importer, report: Report, refused: Callable[[str, RecordRefused], None]
) -> None:
    records = [brought.record for brought in batch if isinstance(brought.record, UserRecord)]
    outcomes = iter(await importer.store(records))
    for brought in batch:
        outcome = brought.record if isinstance(brought.record, RecordRefused) else next(outcomes)
        if isinstance(outcome, RecordRefused):
            report.refused += 1
            report.reasons[outcome.member] = report.reasons.get(outcome.member, 0) + 1
            refused(brought.place, outcome)
        elif outcome == "imported":
            report.imported += 1
        else:
            report.already_there += 1
