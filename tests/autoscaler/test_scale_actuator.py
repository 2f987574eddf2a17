import asyncio

import pytest

from autoscaler.core.bounds import Phase
from autoscaler.core.coverage import Coverage
from autoscaler.core.scaler import Plan
from autoscaler.scale_actuator import ScaleActuator
from autoscaler.tracked_revision import TrackedRevision
from servingkit.cluster.protocols import ClusterError
from servingkit.core.revision import Address, Mode, RevisionId
from tests.autoscaler.tracked import tracked_revision


def plan_for(pods: int, mode: Mode = Mode.PROXY) -> Plan:
    return Plan(
        desired_pods=pods,
        mode=mode,
        activators=2,
        phase=Phase.ACTIVE,
        excess_burst_capacity=-1,
        decision=None,
        panic_at=None,
        coverage=Coverage(decrease=True, zero=True, silent=(), overdue=False),
        limits=(),
    )


class Journal:
    """The two seams that are written to; keeps the order of what was written."""

    def __init__(self) -> None:
        self.entries: list[int | Mode] = []
        self.activator_counts: list[int] = []
        self.broken: set[type] = set()

    async def get_scale(self, revision: RevisionId) -> int:
        raise NotImplementedError(revision)

    async def set_scale(self, revision: RevisionId, replicas: int) -> None:
        self._write(revision, replicas)

    async def publish(self, revision: RevisionId, mode: Mode, activators: int) -> None:
        self._write(revision, mode)
        self.activator_counts.append(activators)

    def activators_receive(self, revision: RevisionId) -> bool:
        raise NotImplementedError(revision)

    def public_address(self, revision: RevisionId) -> Address | None:
        raise NotImplementedError(revision)

    def _write(self, revision: RevisionId, entry: int | Mode) -> None:
        if type(entry) in self.broken:
            raise ClusterError(revision)
        self.entries.append(entry)


def act(journal: Journal, tracked: TrackedRevision, plan: Plan, replicas: int) -> list[int | Mode]:
    """Return what this one act wrote."""
    before = len(journal.entries)
    asyncio.run(ScaleActuator(journal, journal).act(tracked, plan, replicas))
    return journal.entries[before:]


def settled(pods: int) -> tuple[Journal, TrackedRevision]:
    """Return a revision whose endpoints are published and which was asked for `pods`."""
    journal, tracked = Journal(), tracked_revision()
    tracked.asked_pods = pods
    act(journal, tracked, plan_for(pods), pods)
    return journal, tracked


def test_what_agrees_is_not_written() -> None:
    journal, tracked = settled(2)
    assert act(journal, tracked, plan_for(2), 2) == []


def test_more_pods_are_asked_for_first_and_fewer_last() -> None:
    journal, tracked = settled(2)
    assert act(journal, tracked, plan_for(3, Mode.SERVE), 2) == [3, Mode.SERVE]
    assert act(journal, tracked, plan_for(1, Mode.PROXY), 3) == [Mode.PROXY, 1]


def test_a_scale_that_somebody_else_changed_is_put_back() -> None:
    journal, tracked = settled(2)
    assert act(journal, tracked, plan_for(2), 5) == [2]


def test_a_stale_read_does_not_hide_the_zero_that_was_just_written() -> None:
    journal, tracked = settled(1)
    assert act(journal, tracked, plan_for(0), 1) == [0]
    assert act(journal, tracked, plan_for(1), 1) == [1]


def test_a_failed_write_is_repeated() -> None:
    journal, tracked = settled(1)
    journal.broken = {int}
    with pytest.raises(ClusterError):
        act(journal, tracked, plan_for(2), 1)
    assert tracked.is_at_zero, "nothing is known about the pods, so load must not wait"
    journal.broken = set()
    assert act(journal, tracked, plan_for(2), 2) == [2]


def test_pods_are_asked_for_even_if_endpoints_cannot_be_written_and_none_is_taken() -> None:
    journal, tracked = settled(1)
    journal.broken = {Mode}
    with pytest.raises(ClusterError):
        act(journal, tracked, plan_for(2, Mode.SERVE), 1)
    with pytest.raises(ClusterError):
        act(journal, tracked, plan_for(0, Mode.SERVE), 2)
    assert journal.entries[-1] == 2


def test_the_time_of_the_move_to_activators_is_kept() -> None:
    journal, tracked = settled(1)
    assert tracked.proxied_since is not None
    act(journal, tracked, plan_for(1, Mode.SERVE), 1)
    assert tracked.proxied_since is None


def test_another_number_of_activators_is_published_while_they_are_in_the_path() -> None:
    journal, tracked = settled(2)
    wider = plan_for(2)._replace(activators=5)
    assert act(journal, tracked, wider, 2) == [Mode.PROXY]
    assert act(journal, tracked, wider, 2) == []
    assert act(journal, tracked, plan_for(2, Mode.SERVE), 2) == [Mode.SERVE]
    assert act(journal, tracked, plan_for(2, Mode.SERVE)._replace(activators=9), 2) == []
    assert journal.activator_counts == [2, 5, 2]


def test_a_new_number_of_activators_does_not_start_the_grace_period_anew() -> None:
    journal, tracked = settled(2)
    since = tracked.proxied_since
    act(journal, tracked, plan_for(2)._replace(activators=5), 2)
    assert tracked.proxied_since == since
