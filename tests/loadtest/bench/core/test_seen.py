import math

import pytest

from loadtest.bench.core.seen import percentile


@pytest.mark.parametrize(
    ("ratio", "expected"), [(0.0, 1), (0.5, 50), (0.501, 51), (0.99, 99), (1.0, 100)]
)
def test_percentile_of_one_to_a_hundred(ratio: float, expected: float) -> None:
    assert percentile(range(1, 101), ratio) == expected


def test_percentile_of_one_value_is_that_value() -> None:
    assert percentile([7.0], 0.5) == percentile([7.0], 0.99) == 7.0


def test_percentile_of_nothing_is_not_a_number() -> None:
    assert math.isnan(percentile([], 0.5))
