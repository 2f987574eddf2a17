"""The model server as a process; one start serves all tests here, since a start takes 2 s."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
import requests

from loadtest.iris.flowers import read_flowers

pytestmark = pytest.mark.integration


def test_iris_knows_every_flower_and_refuses_what_is_none(serve: Callable[..., str]) -> None:
    url = serve("loadtest.iris", ready_path="/v1/models/iris") + "/v1/models/iris:predict"
    flowers = read_flowers()
    payload: dict[str, object] = {"instances": [flower.measures_cm for flower in flowers]}
    answer = requests.post(url, json=payload, timeout=60)
    assert answer.json() == {"predictions": [flower.species for flower in flowers]}
    for instances in [None, [], 1, "flower", [[1, 2, 3]], [[1, 2, 3, "x"]], [[1, 2, 3, 4], [1]]]:
        refusal = requests.post(url, json={"instances": instances}, timeout=60)
        assert (refusal.status_code, "instances" in refusal.text) == (400, True), instances


def test_iris_without_a_port_says_so_and_exits_with_78() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "loadtest.iris"],
        env={**os.environ, "PORT": "high"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (
        78,
        "PORT: 'high'; expected a whole number from 1 to 65535\n",
    )
