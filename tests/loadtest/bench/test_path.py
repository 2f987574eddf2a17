import pytest

from loadtest.bench.path import Path, calls


@pytest.mark.parametrize("each_differs", [False, True])
@pytest.mark.parametrize("limit", [0, 10])
def test_every_request_is_answered(limit: int, each_differs: bool) -> None:
    path = Path(limit, each_differs=each_differs)
    path.serve(100)
    assert path.answers == 100


def test_calls_are_the_same_each_time() -> None:
    path = Path(0, each_differs=False)
    assert calls(path) == calls(path)
    assert path.answers == 400
