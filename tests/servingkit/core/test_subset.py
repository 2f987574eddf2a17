import pytest
from hypothesis import given
from hypothesis import strategies as st

from servingkit.core.subset import choose_subset

ACTIVATORS = [f"activator-{index}" for index in range(10)]
NAMES = st.sets(st.text(min_size=1, max_size=5), max_size=12)


@pytest.mark.parametrize("count", [3, 4])
def test_all_of_a_group_that_is_small_enough(count: int) -> None:
    assert choose_subset(["c", "a", "b"], count, "default/iris") == ("a", "b", "c")


def test_everybody_who_asks_gets_the_same() -> None:
    assert choose_subset(ACTIVATORS, 3, "default/iris") == choose_subset(
        ACTIVATORS[::-1], 3, "default/iris"
    )


def test_keys_spread_over_the_group() -> None:
    served = [name for key in range(1000) for name in choose_subset(ACTIVATORS, 2, f"key-{key}")]
    assert all(150 < served.count(name) < 250 for name in ACTIVATORS)


@given(NAMES, st.integers(0, 6), st.text())
def test_one_that_goes_moves_only_its_own_keys(names: set[str], count: int, key: str) -> None:
    chosen = set(choose_subset(names, count, key))
    assert len(chosen) == min(count, len(names))
    for gone in names - chosen:
        assert set(choose_subset(names - {gone}, count, key)) == chosen
