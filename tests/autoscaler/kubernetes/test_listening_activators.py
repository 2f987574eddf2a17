import asyncio

import pytest

from autoscaler.kubernetes import listening_activators
from autoscaler.kubernetes.listening_activators import ListeningActivators
from servingkit.cluster.protocols import Activator
from tests.ports import free_port

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

FIRST = Activator("activator-1", "127.0.0.1")
GONE = Activator("activator-2", "127.0.0.1")


async def test_an_activator_is_used_once_its_port_listens() -> None:
    listening = ListeningActivators()
    port = free_port()
    assert await listening.among([FIRST], port) == []
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", port)
    assert await listening.among([FIRST], port) == [FIRST]
    server.close()
    await server.wait_closed()
    # It was seen; whether it still is there is what its readiness tells.
    assert await listening.among([FIRST], port) == [FIRST]
    listening.forget_all_but([GONE])
    assert await listening.among([FIRST], port) == []


async def test_a_port_that_we_cannot_reach_is_used_after_a_while(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listening_activators, "_USE_ANYHOW_AFTER_S", 0.0)
    assert await ListeningActivators().among([FIRST], free_port()) == [FIRST]
    assert caplog.messages == ["activator port unconfirmed"]
