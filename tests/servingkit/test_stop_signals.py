import os
import signal

import pytest

from servingkit.stop_signals import stop_at_signals
from tests.polling import until


@pytest.mark.asyncio
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_the_first_signal_asks_and_the_next_one_is_the_systems(number: int) -> None:
    before = signal.getsignal(signal.SIGTERM)
    stopping = stop_at_signals()
    assert not stopping.is_set()
    os.kill(os.getpid(), number)
    await until(stopping.is_set)
    assert signal.getsignal(signal.SIGTERM) is before
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
