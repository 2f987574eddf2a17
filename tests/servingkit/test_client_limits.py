"""What clients may do, from the environment."""

import pytest

from servingkit.client_limits import read_client_limits
from servingkit.config import ConfigError, EnvReader
from servingkit.http1.downstream import ServerLimits
from servingkit.http1.request_reader import RequestLimits

NAMES = (
    "MAX_HEAD_BYTES",
    "MAX_HEADER_FIELDS",
    "MAX_BODY_BYTES",
    "HEAD_TIMEOUT_SECONDS",
    "KEEP_ALIVE_SECONDS",
    "STALL_TIMEOUT_SECONDS",
)


def test_nothing_set_is_what_the_engine_has() -> None:
    assert read_client_limits(EnvReader({})) == ServerLimits()


def test_each_can_be_set() -> None:
    values = ("2048", "20", str(5 * 2**30), "1.5", "30", "0.5")
    environ = {f"X_{name}": value for name, value in zip(NAMES, values, strict=True)}
    assert read_client_limits(EnvReader(environ), "X_") == ServerLimits(
        request=RequestLimits(head_bytes=2048, header_count=20, body_bytes=5 * 2**30),
        head_s=1.5,
        idle_s=30.0,
        stalled_s=0.5,
    )


@pytest.mark.parametrize("value", ["-1", "much"])
def test_every_bad_one_is_named(value: str) -> None:
    env = EnvReader(dict.fromkeys(NAMES, value))
    read_client_limits(env)
    with pytest.raises(ConfigError) as caught:
        env.check()
    assert [problem.key for problem in caught.value.problems] == list(NAMES)
