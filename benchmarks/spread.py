"""Medians and their spread: what several rounds of one measurement say together."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """The median of some rounds, with the quartiles around it and the count of rounds."""

    median: float
    low: float
    high: float
    rounds: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of one or more values.

        Raises:
            ValueError: There is none: a measurement that did not happen must not look like one.
        """
        if not values:
            raise ValueError("nothing was measured")
        if len(values) == 1:
            return cls(values[0], values[0], values[0], 1)
        low, median, high = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, low, high, len(values))


def ratio(above: Sequence[float], below: Sequence[float]) -> Spread:
    """The spread of the ratio round by round: what slowed one round down slowed both of its halves."""
    return Spread.of([one / other for one, other in zip(above, below, strict=True)])


def quantile(values: Sequence[float], part: float) -> float:
    """The value below which `part` of all lie, nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]
