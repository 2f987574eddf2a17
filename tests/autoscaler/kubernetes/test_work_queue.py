import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from autoscaler.kubernetes.work_queue import WorkQueue
from servingkit.cluster.protocols import ClusterError
from servingkit.core.revision import RevisionId
from tests.polling import until

pytestmark = pytest.mark.asyncio

IRIS, BERT = RevisionId("shop", "iris"), RevisionId("shop", "bert")


@contextlib.asynccontextmanager
async def running(queue: WorkQueue) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(queue.run())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_one_revision_is_worked_on_by_one_worker_at_a_time() -> None:
    gate = asyncio.Event()
    begun: list[RevisionId] = []

    async def work(revision: RevisionId) -> None:
        begun.append(revision)
        await gate.wait()

    queue = WorkQueue("test", work)
    async with running(queue):
        queue.add(IRIS)
        await until(lambda: begun == [IRIS])
        queue.add(IRIS)
        queue.add(IRIS)
        queue.add(BERT)
        await until(lambda: BERT in begun)
        assert begun == [IRIS, BERT]
        gate.set()
        # What was added meanwhile is looked at once more, not twice.
        await until(lambda: begun == [IRIS, BERT, IRIS])
    assert repr(queue) == "<WorkQueue test: 0 wait, 0 at work>"


async def test_what_failed_is_tried_again() -> None:
    tries = 0

    async def work(_: RevisionId) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            message = "not now"
            raise ClusterError(message)

    queue = WorkQueue("test", work)
    async with running(queue):
        queue.add(IRIS)
        await until(lambda: tries == 2)


async def test_an_error_of_ours_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    done: list[RevisionId] = []

    async def work(revision: RevisionId) -> None:
        if revision == IRIS:
            raise KeyError(revision)
        done.append(revision)

    queue = WorkQueue("test", work)
    async with running(queue):
        queue.add(IRIS)
        queue.add(BERT)
        await until(lambda: done == [BERT])
        await until(lambda: "work failed" in caplog.messages)
