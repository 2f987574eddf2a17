"""The engine's clock in its own tests."""

from collections.abc import Iterator

import pytest

from servingkit.clock import monotonic
from servingkit.http1 import wheel


class UnhurriedClock:
    """The time of day, but never more than a tick later than when it was last asked.

    Engine, clients and upstreams of these tests share one loop. When the machine does something
    else for a while, all of them stand still; with this clock the engine's time limits do, too.
    """

    def __init__(self) -> None:
        self._now = monotonic()

    def __call__(self) -> float:
        self._now = min(monotonic(), self._now + wheel.TICK_S)
        return self._now


@pytest.fixture(scope="module", autouse=True)
def _unhurried_wheel() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wheel, "monotonic", UnhurriedClock())
        yield
