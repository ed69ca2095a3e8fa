"""What can be wrong with what is brought."""

from watchword.errors import WatchwordError


class RecordRefused(WatchwordError):
    """One user cannot be taken as they stand; the message says which member and why, and is for the report."""

    code = "record_refused"

    def __init__(self, member: str, problem: str) -> None:
        super().__init__(f"{member}: {problem}")
        self.member = member


class SourceUnreadable(WatchwordError):
    """Not one record but the source itself cannot be read: a file of another form, a table that is not there."""

    code = "source_unreadable"
