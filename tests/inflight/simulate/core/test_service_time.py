from statistics import fmean, stdev

import pytest

from inflight.simulate.core.service_time import Distribution, ServiceTime
from tests.inflight.simulate.scenarios import uniform


@pytest.mark.parametrize(
    ("distribution", "deviation_s"),
    [(Distribution.FIXED, 0.0), (Distribution.EXPONENTIAL, 0.2), (Distribution.LOGNORMAL, 0.1)],
)
def test_times_have_the_mean_and_the_deviation_that_were_asked_for(
    distribution: Distribution, deviation_s: float
) -> None:
    service_time = ServiceTime(mean_s=0.2, distribution=distribution, variation_ratio=0.5)
    draw = service_time.draws(uniform(7))
    times_s = [draw() for _ in range(50_000)]
    assert fmean(times_s) == pytest.approx(0.2, rel=0.02)
    assert stdev(times_s) == pytest.approx(deviation_s, rel=0.05)


def test_every_chance_gives_a_time() -> None:
    service_time = ServiceTime(mean_s=0.2, distribution=Distribution.LOGNORMAL)
    assert service_time.draws(lambda: 0.0)() >= 0
