"""Takes the cluster's API server away for a while, with what the tester says does that."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from typing import Final

import pytest
import urllib3
from kubernetes.client.exceptions import ApiException

from tests.cluster.cluster import Cluster, eventually

_STOP: Final = "INFLIGHT_TEST_API_STOP"
_START: Final = "INFLIGHT_TEST_API_START"


class ApiServer:
    """The API server of a cluster, by two shell commands."""

    def __init__(self, cluster: Cluster) -> None:
        """Skips the test where the commands are not given."""
        missing = [name for name in (_STOP, _START) if not os.environ.get(name)]
        if missing:
            pytest.skip(f"{' and '.join(missing)} must name what stops and starts the API server")
        self._cluster = cluster

    @contextlib.contextmanager
    def away(self) -> Iterator[None]:
        """Have no API server in the `with` block; it answers again afterwards."""
        _run(_STOP)
        try:
            yield
        finally:
            _run(_START)
            eventually(self._answers, "the API server answers again")

    def _answers(self) -> bool:
        try:
            return self._cluster.find("v1", "Namespace", "default") is not None
        except (ApiException, urllib3.exceptions.HTTPError):
            return False


def _run(variable: str) -> None:
    subprocess.run(os.environ[variable], shell=True, check=True, timeout=120)  # noqa: S602 -- theirs
