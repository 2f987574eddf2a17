from pathlib import Path

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


def test_a_file_of_defaults_is_read_and_beaten_by_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "autoscaler.yaml"
    path.write_text("stable-window: 30s\nmax-scale: 7\n")
    config = Config.from_env({"CONFIG_PATH": str(path), "AUTOSCALER_MAX_SCALE": "3"})
    assert (config.defaults.stable_window_s, config.defaults.max_scale) == (30, 3)
    assert config.defaults_source is not None
    assert config.defaults_source.read() == config.defaults


def test_bad_keys_of_the_file_and_of_the_environment_are_named_as_written(tmp_path: Path) -> None:
    path = tmp_path / "autoscaler.yaml"
    path.write_text("stable-window: 1s\n")
    with pytest.raises(ConfigError) as refused:
        Config.from_env({"CONFIG_PATH": str(path), "AUTOSCALER_MAX_SCALE": "-3"})
    assert {problem.key for problem in refused.value.problems} == {
        f"{path}: stable-window",
        "AUTOSCALER_MAX_SCALE",
    }
