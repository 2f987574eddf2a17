"""Work on keys: each is worked on by one worker at a time, and again when it failed."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator

from servingkit.cluster.kubernetes.reflector import BackOff
from servingkit.cluster.protocols import ClusterError
from servingkit.core.revision import RevisionId

_log = logging.getLogger(__name__)

_WORKERS = 8
_LATER_S = 1.0
_BACK_OFF = BackOff(first_s=0.5, longest_s=30.0)


class WorkQueue:
    """Revisions that need a look; what is added many times before its turn is looked at once."""

    def __init__(self, name: str, work: Callable[[RevisionId], Awaitable[None]]) -> None:
        """Have `work` look at revisions; it is tried again, later and later, on a ClusterError."""
        self._name = name
        self._work = work
        self._waiting: dict[RevisionId, None] = {}
        self._at_work: set[RevisionId] = set()
        self._pauses_s: dict[RevisionId, Iterator[float]] = {}
        self._wake = asyncio.Event()

    def __repr__(self) -> str:
        return f"<WorkQueue {self._name}: {len(self._waiting)} wait, {len(self._at_work)} at work>"

    def add(self, revision: RevisionId) -> None:
        """Have a revision looked at soon."""
        self._waiting[revision] = None
        self._wake.set()

    def add_later(self, revision: RevisionId) -> None:
        """Have a revision looked at in about a second."""
        asyncio.get_running_loop().call_later(_LATER_S, self.add, revision)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_WORKERS):
                tasks.create_task(self._run_worker())

    async def _run_worker(self) -> None:
        while True:
            revision = self._next()
            if revision is None:
                self._wake.clear()
                await self._wake.wait()
                continue
            self._at_work.add(revision)
            try:
                await self._work(revision)
                self._pauses_s.pop(revision, None)
            except ClusterError as error:
                self._try_again(revision, str(error))
            except Exception:  # noqa: BLE001 -- the supervisor; one revision must not stop all
                _log.exception("work failed", extra={"work": self._name, "revision": str(revision)})
            finally:
                self._at_work.discard(revision)
                self._wake.set()

    def _next(self) -> RevisionId | None:
        revision = next((one for one in self._waiting if one not in self._at_work), None)
        if revision is not None:
            del self._waiting[revision]
        return revision

    def _try_again(self, revision: RevisionId, reason: str) -> None:
        pause_s = next(self._pauses_s.setdefault(revision, _BACK_OFF.pauses_s()))
        facts = {"work": self._name, "revision": str(revision), "reason": reason}
        _log.warning("cluster refused", extra={**facts, "again_in_s": round(pause_s, 2)})
        asyncio.get_running_loop().call_later(pause_s, self.add, revision)
