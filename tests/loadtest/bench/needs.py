"""What a benchmark needs of the machine; a test that runs one is skipped without."""

import pytest

from loadtest.bench.machine import Cores, TooFewCoresError
from loadtest.bench.tool import MissingError, find


def needs_cores() -> None:
    try:
        Cores.divide()
    except TooFewCoresError as error:
        pytest.skip(str(error))


def needs_tools() -> None:
    needs_cores()
    try:
        for tool in ("wrk", "nginx", "taskset"):
            find(tool, "apt-get install wrk nginx util-linux")
    except MissingError as error:
        pytest.skip(str(error))
