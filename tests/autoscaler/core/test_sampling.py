import pytest

from autoscaler.core.sampling import by_silence, sample_size
from tests.fakes.cluster import pod


@pytest.mark.parametrize(
    ("pods", "size"),
    [(0, 0), (1, 1), (3, 3), (4, 4), (5, 4), (10, 7), (100, 14), (1000, 16), (10**9, 16)],
)
def test_the_sample_grows_slowly_with_the_pods(pods: int, size: int) -> None:
    assert sample_size(pods) == size


def test_pods_that_were_not_heard_for_longest_go_first() -> None:
    pods = [pod("a"), pod("b"), pod("c")]
    ordered = by_silence(pods, {"a": 5.0, "b": 3.0})
    assert [each.name for each in ordered] == ["c", "b", "a"]
