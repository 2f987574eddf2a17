import pytest

from autoscaler.config import Config
from servingkit.config import ConfigError


def test_an_empty_environment_means_the_ports_of_a_pod() -> None:
    assert Config.from_env({}) == Config(
        listen_host="0.0.0.0",  # noqa: S104 -- only compared
        stat_port=8080,
        api_port=8081,
        metrics_port=9090,
    )


def test_ports_and_defaults_are_read() -> None:
    config = Config.from_env(
        {"LISTEN_HOST": "::", "STAT_PORT": "1", "API_PORT": "2", "METRICS_PORT": "3"}
        | {"AUTOSCALER_STABLE_WINDOW": "30s", "AUTOSCALER_ENABLE_SCALE_TO_ZERO": "false"}
    )
    assert (config.listen_host, config.stat_port, config.api_port) == ("::", 1, 2)
    assert config.metrics_port == 3
    assert config.defaults.stable_window_s == 30
    assert not config.defaults.enable_scale_to_zero


def test_every_bad_variable_is_named() -> None:
    with pytest.raises(ConfigError) as refused:
        Config.from_env(
            {
                "STAT_PORT": "65536",
                "AUTOSCALER_STABLE_WINDOW": "1s",
                "AUTOSCALER_STABEL_WINDOW": "60s",
            }
        )
    assert {problem.key for problem in refused.value.problems} == {
        "STAT_PORT",
        "AUTOSCALER_STABLE_WINDOW",
        "AUTOSCALER_STABEL_WINDOW",
    }
