from pathlib import Path

import pytest

from loadtest.bench.peers.inflight_peer import InflightPeer
from loadtest.bench.peers.peer import Seat
from queueproxy.config import Config

SEAT = Seat(folder=Path(), port=8012, upstream_port=8080, limit=10)


@pytest.mark.parametrize(("limited", "concurrency"), [(False, 0), (True, 10)])
def test_environment_is_one_that_the_sidecar_takes(limited: bool, concurrency: int) -> None:
    config = Config.from_env(InflightPeer(limited=limited).launch(SEAT).environ)
    assert config.container_concurrency == concurrency
    assert (config.serving_port, config.user_port) == (8012, 8080)


def test_both_kinds_differ_by_name() -> None:
    assert InflightPeer(limited=True).name != InflightPeer(limited=False).name
