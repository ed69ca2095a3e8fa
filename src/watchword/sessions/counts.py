"""What this process has done with sessions since it started, in plain integers; read by whoever measures."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class SessionCounts:
    """Counts that only grow.

    Attributes:
        created: Sessions that began.
        swept: Rows that the sweeper removed.
        refreshes: How refreshes were decided, by the name of the decision; `INVALID` was no token of ours.
    """

    created: int = 0
    swept: int = 0
    refreshes: dict[str, int] = field(default_factory=dict[str, int])

    def count_refresh(self, decision: str) -> None:
        """One more."""
        self.refreshes[decision] = self.refreshes.get(decision, 0) + 1
