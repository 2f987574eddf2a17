import pytest

from inflight.simulate.core.load import LoadKind, Shape, ShapedLoad


@pytest.mark.parametrize(
    ("shape", "values"),
    [
        (Shape.RAMP, [4, 8, 10, 10, 10, 10, 8, 4]),
        (Shape.STEP, [4, 4, 6, 6, 8, 8, 10, 10]),
        (Shape.POISSON, [10] * 8),
        (Shape.DIURNAL, [2.3, 4.47, 7.53, 9.7, 9.7, 7.53, 4.47, 2.3]),
    ],
)
def test_shape_lies_between_low_and_peak(shape: Shape, values: list[float]) -> None:
    load = ShapedLoad(shape=shape, kind=LoadKind.ARRIVALS, low=2, peak=10, duration_s=8).load()
    assert load.duration_s == 8
    got = [level.value for level in load.levels]
    assert got == pytest.approx(values, abs=0.01)


def test_burst_is_a_tenth_in_the_middle() -> None:
    load = ShapedLoad(
        shape=Shape.BURST, kind=LoadKind.CONCURRENCY, low=1, peak=9, duration_s=100
    ).load()
    assert [level.begin_s for level in load.levels if level.value == 9] == list(range(45, 55))
    assert load.levels[0].value == load.levels[-1].value == 1
