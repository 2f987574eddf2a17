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
    }
    with pytest.raises(ConfigError) as caught:
        Config.from_env(bad)
    keys = {problem.key for problem in caught.value.problems}
    assert keys == {"POD_NAME", *bad}
