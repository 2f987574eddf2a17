import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from autoscaler.cluster import Cluster
from autoscaler.core.bounds import BoundsState, Phase
from autoscaler.core.defaults import Defaults
from autoscaler.core.path_proof import TOLD_AFTER_FAILURES, UNASKED
from autoscaler.multiscaler import Multiscaler
from autoscaler.tracked_revision import TrackedRevision
from servingkit.clock import monotonic
from servingkit.cluster.protocols import ClusterError
from servingkit.core.revision import Mode, RevisionId
from servingkit.core.stat import Stat
from tests.autoscaler.tracked import IRIS, revision
from tests.fakes.cluster import FakeCluster, pod
from tests.polling import until

pytestmark = pytest.mark.asyncio

ZERO = Defaults(allow_zero_initial_scale=True, initial_scale=0, scale_to_zero_grace_period_s=0.001)
OTHER = RevisionId("default", "other")


async def no_turns(_: Multiscaler) -> None:
    """Stand in for what gives each revision its turns."""


@pytest.fixture
def no_second_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have only a poke bring another decision."""
    monkeypatch.setattr(Multiscaler, "_give_turns", no_turns)


class Path:
    """Answers for public addresses with what a test says, and keeps who was warned of what."""

    def __init__(self, problem: str | None) -> None:
        self.problem = problem
        self.asked = 0
        self.warnings: list[tuple[RevisionId, str, str]] = []

    async def ask(self, revision: RevisionId) -> str | None:  # noqa: ARG002 -- there is one
        self.asked += 1
        return self.problem

    async def warn(self, revision: RevisionId, reason: str, message: str) -> None:
        self.warnings.append((revision, reason, message))


@asynccontextmanager
async def scaling(
    cluster: FakeCluster, leads: Callable[[], bool] = lambda: True, path: Path | None = None
) -> AsyncIterator[Multiscaler]:
    path = path or Path(None)
    seams = Cluster(
        revisions=cluster,
        pods=cluster,
        scale=cluster,
        public_endpoints=cluster,
        activators=cluster,
        states=cluster,
        leads=leads,
        warn=path.warn,
    )
    multiscaler = Multiscaler(seams, ZERO, {}, path.ask)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(multiscaler.run())
        yield multiscaler
        task.cancel()


def report(multiscaler: Multiscaler, concurrency: float, revision_id: RevisionId = IRIS) -> None:
    """Let an activator report now."""
    stat = Stat(pod_name="a", average_concurrent_requests=concurrency, request_count=1)
    multiscaler.receive(revision_id, stat, math.floor(monotonic()))


async def decided(multiscaler: Multiscaler, revision_id: RevisionId = IRIS) -> None:
    """Return once a revision has had its first tick."""
    await until(lambda: getattr(multiscaler.tracked.get(revision_id), "plan", None))


@pytest.mark.usefixtures("no_second_tick")
async def test_load_for_a_revision_at_zero_is_decided_at_once() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision())
    async with scaling(cluster) as multiscaler:
        await decided(multiscaler)
        report(multiscaler, 20)
        await until(lambda: cluster.scale_writes)
    assert cluster.written_pods() == [3]


async def test_who_does_not_lead_decides_and_writes_nothing_until_it_leads() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision())
    leads = False
    async with scaling(cluster, lambda: leads) as multiscaler:
        await decided(multiscaler)
        report(multiscaler, 20)
        tracked = multiscaler.tracked[IRIS]
        await until(lambda: tracked.plan is not None and tracked.plan.desired_pods == 3)
        # Another autoscaler writes meanwhile.
        cluster.replicas[IRIS] = 2
        await until(lambda: tracked.asked_pods == 2)
        assert not cluster.scale_writes
        assert not cluster.mode_writes
        leads = True
        await until(lambda: cluster.scale_writes)
    assert cluster.written_pods() == [3]
    assert [mode for _, mode in cluster.mode_writes] == [Mode.PROXY]


async def test_load_for_a_revision_with_pods_waits_for_the_tick() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision({"initial-scale": "1"}), replicas=1)
    async with scaling(cluster) as multiscaler:
        await decided(multiscaler)
        report(multiscaler, 20)
        assert cluster.scale_writes == []
        await until(lambda: cluster.written_pods() == [3])


@pytest.mark.usefixtures("no_second_tick")
async def test_load_for_a_revision_with_pods_is_no_poke() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision({"initial-scale": "1"}), replicas=1)
    async with scaling(cluster) as multiscaler:
        await decided(multiscaler)
        report(multiscaler, 20)
        assert not multiscaler.tracked[IRIS].turn.is_set()


async def test_a_report_without_load_is_no_poke() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision())
    async with scaling(cluster) as multiscaler:
        await decided(multiscaler)
        report(multiscaler, 0)
        report(multiscaler, 5, RevisionId("default", "unknown"))
        assert not multiscaler.tracked[IRIS].turn.is_set()


class SlowToZero(FakeCluster):
    """Writing zero takes until `let_go` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.writing_zero = asyncio.Event()
        self.let_go = asyncio.Event()

    async def set_scale(self, revision: RevisionId, replicas: int) -> None:
        if replicas == 0:
            self.writing_zero.set()
            await self.let_go.wait()
        await super().set_scale(revision, replicas)


def have_been_idle(tracked: TrackedRevision) -> None:
    """Have the last pod waited for its end for long."""
    assert tracked.state is not None
    long_idle = BoundsState(Phase.INACTIVE, monotonic() - 1000, initialised=True)
    tracked.state = tracked.state._replace(bounds=long_idle)
    tracked.published_at -= 1000
    tracked.turn.set()


@pytest.mark.usefixtures("no_second_tick")
async def test_a_poke_while_zero_is_written_wins() -> None:
    cluster = SlowToZero()
    cluster.put_revision(revision(), replicas=1)
    async with scaling(cluster) as multiscaler:
        await decided(multiscaler)
        have_been_idle(multiscaler.tracked[IRIS])
        await cluster.writing_zero.wait()
        report(multiscaler, 1)
        cluster.let_go.set()
        await until(lambda: cluster.written_pods() == [0, 1])


@pytest.mark.usefixtures("no_second_tick")
async def test_the_last_pod_stays_until_activators_really_receive_the_traffic() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision(), replicas=1)
    cluster.bypassing.add(IRIS)
    async with scaling(cluster) as multiscaler:
        await decided(multiscaler)
        tracked = multiscaler.tracked[IRIS]
        assert cluster.mode_writes == [(IRIS, Mode.PROXY)], "it was asked for"
        have_been_idle(tracked)
        await until(lambda: tracked.plan.limits == ("scale-to-zero-grace-period",))  # type: ignore[union-attr]
        assert cluster.replicas[IRIS] == 1
        cluster.bypassing.clear()
        tracked.published_at -= 1
        tracked.turn.set()
        await until(lambda: cluster.replicas[IRIS] == 0)


async def test_the_last_pod_stays_until_an_activator_answers_at_the_public_address(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster, path = FakeCluster(), Path("a pod answered")
    cluster.put_revision(revision(), replicas=1)
    async with scaling(cluster, path=path) as multiscaler:
        await decided(multiscaler)
        tracked = multiscaler.tracked[IRIS]
        assert path.asked == 0, "the last pod is wanted"
        have_been_idle(tracked)
        await until(lambda: tracked.path_proof.failures)
        await until(lambda: tracked.reason.endswith("held by activator-probe (a pod answered)"))
        assert path.warnings == []
        while tracked.path_proof.failures < TOLD_AFTER_FAILURES + 2:
            tracked.path_proof = replace(tracked.path_proof, ask_at=0.0)
            tracked.turn.set()
            await asyncio.sleep(0.01)
        assert cluster.replicas[IRIS] == 1
        sentence = "The last pod stays, for no activator answers where clients go: a pod answered"
        assert set(path.warnings) == {(IRIS, "LastPodHeld", sentence)}
        assert caplog.messages.count("last pod held") == 1
        path.problem = None
        tracked.path_proof = replace(tracked.path_proof, ask_at=0.0)
        tracked.turn.set()
        await until(lambda: cluster.replicas[IRIS] == 0)


@pytest.mark.usefixtures("no_second_tick")
async def test_the_answer_of_an_activator_is_acted_on_without_another_tick() -> None:
    cluster, path = FakeCluster(), Path(None)
    cluster.put_revision(revision(), replicas=1)
    async with scaling(cluster, path=path) as multiscaler:
        await decided(multiscaler)
        have_been_idle(multiscaler.tracked[IRIS])
        await until(lambda: cluster.replicas[IRIS] == 0)
    assert path.asked == 1


class LoadComes(Path):
    """A request comes while the public address is asked."""

    report: Callable[[], None]

    async def ask(self, revision: RevisionId) -> str | None:
        self.report()
        return await super().ask(revision)


@pytest.mark.usefixtures("no_second_tick")
async def test_load_that_comes_while_the_public_address_is_asked_keeps_the_pod() -> None:
    cluster, path = FakeCluster(), LoadComes(None)
    cluster.put_revision(revision(), replicas=1)
    async with scaling(cluster, path=path) as multiscaler:
        await decided(multiscaler)
        tracked = multiscaler.tracked[IRIS]
        path.report = lambda: report(multiscaler, 1)
        have_been_idle(tracked)
        await until(lambda: path.asked)
        await until(lambda: tracked.state and tracked.state.bounds.phase is not Phase.INACTIVE)
        assert tracked.path_proof == UNASKED, "it is asked anew when the load has gone"
    assert cluster.scale_writes == []


@pytest.mark.usefixtures("no_second_tick")
async def test_who_does_not_lead_asks_nobody() -> None:
    cluster, path = FakeCluster(), Path(None)
    cluster.put_revision(revision(), replicas=1)
    async with scaling(cluster, lambda: False, path) as multiscaler:
        await decided(multiscaler)
        tracked = multiscaler.tracked[IRIS]
        have_been_idle(tracked)
        tracked.published, tracked.published_at = Mode.PROXY, monotonic() - 1000
        await until(lambda: tracked.plan and tracked.plan.limits == ("activator-probe",))
        await asyncio.sleep(0)
    assert path.asked == 0


class Failing(FakeCluster):
    """Reading the scale of one revision fails in a way nobody expects."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def get_scale(self, revision: RevisionId) -> int:
        if revision == IRIS:
            raise self._error
        return await super().get_scale(revision)


@pytest.mark.parametrize(
    ("error", "event"),
    [(ClusterError("away"), "cluster refused"), (RuntimeError("a bug"), "tick failed")],
)
async def test_an_error_of_one_revision_is_logged_and_leaves_the_others_alone(
    error: Exception, event: str, caplog: pytest.LogCaptureFixture
) -> None:
    cluster = Failing(error)
    cluster.put_revision(revision())
    cluster.put_revision(replace(revision({"min-scale": "2"}), id=OTHER))
    async with scaling(cluster):
        await until(lambda: cluster.scale_writes == [(OTHER, 2)])
    assert event in caplog.messages


async def test_changed_settings_hold_from_the_next_tick() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision())
    async with scaling(cluster) as multiscaler:
        await decided(multiscaler)
        before = multiscaler.tracked[IRIS]
        cluster.put_revision(revision({"min-scale": "2"}))
        await until(lambda: cluster.written_pods() == [2])
        assert multiscaler.tracked[IRIS] is before


async def test_settings_that_cannot_be_used_change_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision({"min-scale": "1"}))
    cluster.put_revision(replace(revision({"target": "0"}), id=OTHER))
    async with scaling(cluster) as multiscaler:
        await decided(multiscaler)
        cluster.put_revision(revision({"min-scale": "many"}))
        await until(lambda: caplog.messages.count("scaling settings refused") == 2)
        assert set(multiscaler.tracked) == {IRIS}
        assert multiscaler.tracked[IRIS].settings.min_scale == 1
        cluster.put_revision(replace(revision({"target": "1"}), id=OTHER))
        await decided(multiscaler, OTHER)


async def test_a_removed_revision_is_left_alone_and_a_remade_one_starts_anew() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision({"initial-scale": "2"}))
    async with scaling(cluster) as multiscaler:
        await until(lambda: cluster.written_pods() == [2])
        cluster.remove_revision(IRIS)
        await until(lambda: not multiscaler.tracked)
        cluster.replicas[IRIS] = 0
        cluster.put_revision(revision({"initial-scale": "3"}, uid="2"))
        await until(lambda: cluster.written_pods() == [2, 3])
        first = multiscaler.tracked[IRIS]
        cluster.put_revision(revision({"initial-scale": "3"}, uid="3"))
        await until(lambda: multiscaler.tracked[IRIS] is not first)


async def test_the_initial_scale_applies_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    cluster = FakeCluster()
    cluster.put_revision(revision({"initial-scale": "2"}))
    async with scaling(cluster) as multiscaler:
        await until(lambda: cluster.written_pods() == [2])
        cluster.put_pods(IRIS, pod("a"), pod("b"))
        await until(lambda: multiscaler.tracked[IRIS].plan.phase is Phase.ACTIVE)  # type: ignore[union-attr]
    assert "phase changed" in caplog.messages
    assert cluster.mode_writes == [(IRIS, Mode.PROXY)]


async def test_a_revision_of_another_class_is_left_to_others() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision({"class": "hpa.autoscaling.knative.dev", "min-scale": "2"}))
    cluster.put_revision(replace(revision({"min-scale": "2"}), id=OTHER))
    async with scaling(cluster) as multiscaler:
        await until(lambda: cluster.scale_writes == [(OTHER, 2)])
        assert IRIS not in multiscaler.tracked
        cluster.put_revision(revision({"min-scale": "3"}))
        await until(lambda: (IRIS, 3) in cluster.scale_writes)
        cluster.put_revision(revision({"class": "keda.sh", "min-scale": "4"}))
        await until(lambda: IRIS not in multiscaler.tracked)


async def test_changed_defaults_hold_for_revisions_that_are_there() -> None:
    cluster = FakeCluster()
    cluster.put_revision(revision())
    async with scaling(cluster) as multiscaler:
        await decided(multiscaler)
        multiscaler.set_defaults(replace(ZERO, min_scale=2))
        await until(lambda: cluster.written_pods() == [2])


async def test_a_poke_does_not_wait_for_the_ticks_of_all_others() -> None:
    cluster = ReadingOrder()
    cluster.put_revision(revision())
    others = [RevisionId("default", f"busy-{number}") for number in range(300)]
    for other in others:
        cluster.put_revision(replace(revision({"min-scale": "1"}), id=other))
    async with scaling(cluster) as multiscaler:
        await until(lambda: len(multiscaler.tracked) == 301)
        await until(
            lambda: all(tracked.plan for tracked in multiscaler.tracked.values()), within_s=60
        )
        # The machine stands still for a round: all ticks are due at once when it goes on.
        time.sleep(2.1)  # noqa: ASYNC251 -- the loop must not turn
        cluster.read.clear()
        async with asyncio.timeout(60):
            while not cluster.read:  # noqa: ASYNC110 -- at the first of them, not some time later
                await asyncio.sleep(0)
        report(multiscaler, 20)
        await until(lambda: (IRIS, 3) in cluster.scale_writes)
        assert cluster.read.index(IRIS) < 100
        await until(lambda: set(others) <= set(cluster.read))


class ReadingOrder(FakeCluster):
    """Knows in what order the revisions were decided."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[RevisionId] = []

    async def get_scale(self, revision: RevisionId) -> int:
        self.read.append(revision)
        return await super().get_scale(revision)
