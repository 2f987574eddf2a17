"""Settings from the environment."""

import pytest

from activator.config import Config
from servingkit.config import ConfigError


def test_only_the_name_is_required() -> None:
    config = Config.from_env({"POD_NAME": "activator-1"})
    assert config == Config(
        name="activator-1",
        listen_host="0.0.0.0",  # noqa: S104 -- the default, and a pod's own address
        autoscaler_url="ws://autoscaler:8080",
    )


def test_every_bad_value_is_named() -> None:
    bad = {
        "AUTOSCALER_URL": "http://autoscaler",
        "PORT": "http",
        "LOG_LEVEL": "loud",
        "TRUSTED_NETWORKS": "everyone",
        "QUEUE_LIMIT": "0",
        "QUEUE_LIMIT_BYTES": "lots",
        "HOLD_TIMEOUT_SECONDS": "-1",
        "POD_ANSWER_TIMEOUT_SECONDS": "soon",
        "HELD_LIMIT": "0",
        "HELD_LIMIT_BYTES": "0",
        "TENANT_HEADER": "X Tenant",
        "GRACE_PERIOD_SECONDS": "-1",
        "REFUSE_BEFORE_END_SECONDS": "ten",
        "DRAIN_QUIET_SECONDS": "-1",
        "MAX_BODY_BYTES": "all",
    }
    with pytest.raises(ConfigError) as caught:
        Config.from_env(bad)
    keys = {problem.key for problem in caught.value.problems}
    assert keys == {"POD_NAME", *bad}


@pytest.mark.parametrize(
    "url",
    [
        pytest.param("autoscaler:8080", id="no scheme"),
        pytest.param("ws://", id="no host"),
        pytest.param("ws://autoscaler:http", id="a port that is no number"),
        pytest.param("ws://autoscaler:99999", id="a port that is none"),
        pytest.param("ws://[::1:8080", id="a bracket that is not closed"),
        pytest.param(f"ws://{'a' * 64}:8080", id="a name that cannot be looked up"),
    ],
)
def test_an_address_that_could_not_be_used_later_is_refused_at_once(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Config.from_env({"POD_NAME": "a", "AUTOSCALER_URL": url})
    expected = f"AUTOSCALER_URL: {url!r}; expected an address as ws://HOST:PORT"
    assert [str(problem) for problem in caught.value.problems] == [expected]


@pytest.mark.parametrize("url", ["ws://autoscaler", "wss://a.b.svc:443/x", "ws://[::1]:8080"])
def test_an_address_may_have_a_path_and_no_port(url: str) -> None:
    assert Config.from_env({"POD_NAME": "a", "AUTOSCALER_URL": url}).autoscaler_url == url


def test_what_a_client_may_do_can_be_set() -> None:
    config = Config.from_env({"POD_NAME": "a", "MAX_BODY_BYTES": "7", "KEEP_ALIVE_SECONDS": "9"})
    assert (config.client_limits.request.body_bytes, config.client_limits.idle_s) == (7, 9.0)
