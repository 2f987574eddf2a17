import os
from collections.abc import Set as AbstractSet

import pytest

from loadtest.bench.machine import Cores, TooFewCoresError, describe_machine


def allow(cores: AbstractSet[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(cores))


def test_last_core_is_the_proxys_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    allow({0, 2, 5}, monkeypatch)
    assert Cores.divide() == Cores(proxy=5, others=frozenset({0, 2}))


def test_one_core_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    allow({0}, monkeypatch)
    with pytest.raises(TooFewCoresError, match="2 cores"):
        Cores.divide()


def test_machine_is_described() -> None:
    assert {"Processor", "Cores", "Kernel"} < describe_machine().keys()
