"""The statistics of the benchmarks: medians, ratios round by round, nothing measured is an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.spread import Spread, quantile, ratio

costs = st.lists(st.floats(0.001, 1e6), min_size=1, max_size=40)


@given(costs)
def test_the_median_lies_between_its_quartiles_and_these_within_what_was_measured(values: list[float]) -> None:
    """A spread never shows what no round has shown."""
    spread = Spread.of(values)
    assert min(values) <= spread.low <= spread.median <= spread.high <= max(values)
    assert len(values) == spread.rounds


@given(costs, st.floats(0.5, 2))
def test_what_slows_a_whole_round_down_does_not_change_a_ratio(values: list[float], slower: float) -> None:
    """Ratios are taken round by round."""
    disturbed = [value * slower for value in values]
    assert ratio(disturbed, disturbed).median == pytest.approx(1)
    assert ratio(disturbed, values).median == pytest.approx(slower)


def test_what_did_not_happen_has_no_median() -> None:
    """A measurement without rounds is refused, and so are two of different length."""
    with pytest.raises(ValueError, match="nothing was measured"):
        Spread.of([])
    with pytest.raises(ValueError, match="zip"):
        ratio([1.0], [1.0, 2.0])


def test_a_quantile_is_a_value_that_was_seen() -> None:
    """The p99 of a hundred is the last but none."""
    values = [float(number) for number in range(100)]
    assert (50.0, 99.0, 0.0) == (quantile(values, 0.5), quantile(values, 0.99), quantile(values, 0))
