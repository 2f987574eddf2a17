import pytest

from autoscaler.core.defaults import Defaults, parse_defaults
from servingkit.config import ConfigError


def test_nothing_said_means_the_built_in_defaults() -> None:
    assert parse_defaults({}) == Defaults()


def test_every_key_of_the_config_map_is_read() -> None:
    data = {
        "container-concurrency-target-percentage": "0.5",
        "container-concurrency-target-default": "50",
        "requests-per-second-target-default": "300",
        "target-burst-capacity": "211",
        "stable-window": "2m",
        "panic-window-percentage": "20",
        "panic-threshold-percentage": "150",
        "max-scale-up-rate": "10",
        "max-scale-down-rate": "1.5",
        "enable-scale-to-zero": "false",
        "scale-to-zero-grace-period": "5s",
        "scale-to-zero-pod-retention-period": "10s",
        "initial-scale": "0",
        "allow-zero-initial-scale": "true",
        "min-scale": "1",
        "max-scale": "9",
        "max-scale-limit": "10",
        "scale-down-delay": "15s",
    }
    assert parse_defaults(data) == Defaults(
        container_concurrency_target_percentage=50,
        container_concurrency_target_default=50,
        requests_per_second_target_default=300,
        target_burst_capacity=211,
        stable_window_s=120,
        panic_window_percentage=20,
        panic_threshold_percentage=150,
        max_scale_up_rate=10,
        max_scale_down_rate=1.5,
        enable_scale_to_zero=False,
        scale_to_zero_grace_period_s=5,
        scale_to_zero_pod_retention_period_s=10,
        initial_scale=0,
        allow_zero_initial_scale=True,
        min_scale=1,
        max_scale=9,
        max_scale_limit=10,
        scale_down_delay_s=15,
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max-scale-up-rate", "1"),
        ("max-scale-down-rate", "1"),
        ("panic-threshold-percentage", "100"),
        ("scale-to-zero-grace-period", "0s"),
        ("container-concurrency-target-percentage", "0"),
        ("enable-scale-to-zero", "yes"),
        ("initial-scale", "0"),
        ("stable-windw", "60s"),
    ],
)
def test_a_bad_key_is_refused(key: str, value: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_defaults({key: value})
    assert [(problem.key, problem.value) for problem in refused.value.problems] == [(key, value)]


def test_least_pods_must_not_exceed_most_pods() -> None:
    with pytest.raises(ConfigError, match="max-scale: '2'; expected 0 or at least min-scale, 3"):
        parse_defaults({"min-scale": "3", "max-scale": "2"})
