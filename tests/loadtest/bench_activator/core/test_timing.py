"""What arrivals and ends at a model say of those before it."""

import pytest

from loadtest.bench_activator.core.timing import first_delays_s, reuse_gaps_s


def test_delays_count_from_the_first_listening() -> None:
    delays = first_delays_s(10.0, [10.5, 10.25, 13.0], 2)
    assert delays == pytest.approx([0.25, 0.5])


def test_the_example_of_the_text() -> None:
    gaps = reuse_gaps_s(arrivals=[0.0, 1.1, 2.3], ends=[1.0, 2.0, 3.0], limit=1)
    assert gaps == pytest.approx([0.1, 0.3])


def test_slots_of_a_wider_pod_are_matched_in_order() -> None:
    gaps = reuse_gaps_s(arrivals=[0.0, 0.0, 1.2, 2.1], ends=[2.0, 1.0, 3.0, 3.0], limit=2)
    assert gaps == pytest.approx([0.2, 0.1])


def test_nothing_waited_so_nothing_was_reused() -> None:
    assert reuse_gaps_s([0.0, 0.5], [1.0, 1.5], limit=2) == []
