import pytest

from autoscaler.core.bounds import BoundsState, Observed, Phase
from autoscaler.core.scaler import initial_state
from autoscaler.state_keeper import StateKeeper
from autoscaler.tracked_revision import TrackedRevision
from servingkit.clock import wall_clock
from servingkit.core.revision import RevisionId
from servingkit.core.revision_state import RevisionState
from tests.autoscaler.test_tracked_revision import plan_with
from tests.autoscaler.tracked import IRIS, OBSERVED, tracked_revision
from tests.fakes.cluster import FakeCluster

pytestmark = pytest.mark.asyncio


def decided(phase: Phase, since: float, *, initialised: bool = True) -> TrackedRevision:
    """Return a revision that was planned for, and stands in `phase`."""
    tracked = tracked_revision()
    state = initial_state(tracked.settings, tracked.spec, Observed(1, 1, None), since)
    tracked.state = state._replace(bounds=BoundsState(phase, since, initialised=initialised))
    tracked.settle(plan_with(phase=phase), OBSERVED, 0.0)
    return tracked


async def test_a_revision_that_was_never_saved_is_new() -> None:
    assert StateKeeper(FakeCluster()).recall(tracked_revision(), 5.0) is None


async def test_another_process_knows_since_when_a_revision_is_inactive() -> None:
    cluster = FakeCluster()
    await StateKeeper(cluster).keep(decided(Phase.INACTIVE, 1000.0), 1040.0)
    # The other process' monotonic clock has nothing to do with the first one's.
    remembered = StateKeeper(cluster).recall(tracked_revision(), 70.0)
    assert remembered is not None
    assert remembered.initialised
    assert remembered.inactive_since is not None
    assert remembered.inactive_since <= 30.0
    assert cluster.states[IRIS].reason == "1 pod: nothing is known about the load"


async def test_an_active_revision_is_remembered_as_wanted() -> None:
    cluster = FakeCluster()
    await StateKeeper(cluster).keep(decided(Phase.ACTIVE, 1000.0, initialised=False), 1040.0)
    remembered = StateKeeper(cluster).recall(tracked_revision(), 70.0)
    assert remembered is not None
    assert not remembered.initialised
    assert remembered.inactive_since is None


async def test_a_wall_clock_that_was_set_back_makes_nobody_inactive_in_the_future() -> None:
    cluster = FakeCluster()
    cluster.states[IRIS] = RevisionState(
        initialised=True,
        inactive_since_s=wall_clock() + 3600,
        desired_pods=1,
        decided_at_s=0.0,
        reason="",
    )
    remembered = StateKeeper(cluster).recall(tracked_revision(), 70.0)
    assert remembered is not None
    assert remembered.inactive_since == 70.0


class CountingCluster(FakeCluster):
    """Counts how often a state was saved."""

    saves = 0

    async def save_state(self, revision: RevisionId, state: RevisionState) -> None:
        self.saves += 1
        await super().save_state(revision, state)


async def test_only_transitions_are_written() -> None:
    cluster = CountingCluster()
    keeper, tracked = StateKeeper(cluster), decided(Phase.ACTIVE, 0.0)
    for now in (0.0, 2.0):
        await keeper.keep(tracked, now)
    assert cluster.saves == 1
    assert tracked.state is not None
    tracked.state = tracked.state._replace(
        bounds=BoundsState(Phase.INACTIVE, 4.0, initialised=True)
    )
    for now in (4.0, 6.0):
        await keeper.keep(tracked, now)
    assert cluster.saves == 2


async def test_nothing_is_saved_before_the_first_decision() -> None:
    cluster = FakeCluster()
    await StateKeeper(cluster).keep(tracked_revision(), 0.0)
    assert cluster.states == {}
