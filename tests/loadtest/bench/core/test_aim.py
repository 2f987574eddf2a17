import pytest

from loadtest.bench.core.aim import AIMS, Aim
from loadtest.bench.core.metric import Metric
from loadtest.bench.core.names import IDLE, OURS, OURS_LIMITED
from loadtest.bench.core.results import Results


@pytest.mark.parametrize(
    ("place", "verdict", "verdict_when_limited"),
    [
        pytest.param(0, "0.44 x Go: met", "0.56 x Go: **not met**", id="cpu-go"),
        pytest.param(1, "2.00 x nginx: met", "2.50 x nginx: **not met**", id="cpu-nginx"),
        pytest.param(2, "0.90 x Go: met", "0.95 x Go: **not met**", id="p50"),
        pytest.param(3, "1.55 x nginx: **not met**", "1.25 x nginx: met", id="answer"),
        pytest.param(4, "30.50 MiB: met", "35.10 MiB: **not met**", id="idle"),
        pytest.param(5, "2.50 KiB: met", "4.00 KiB: met", id="connection"),
    ],
)
def test_aims_are_judged(
    results: Results, place: int, verdict: str, verdict_when_limited: str
) -> None:
    aim = AIMS[place]
    assert aim.verdict(results, OURS) == verdict
    assert aim.verdict(results, OURS_LIMITED) == verdict_when_limited


def test_aim_without_a_measurement_is_not_judged(results: Results) -> None:
    aim = Aim("memory", IDLE, Metric.IDLE_MIB, 35.0, "MiB")
    assert aim.verdict(results, "haproxy") == "not measured"
