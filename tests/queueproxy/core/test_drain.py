"""When a pod that goes away is done."""

from queueproxy.core.drain import Drain, DrainPhase


def test_drain_is_over_after_the_quiet_time() -> None:
    drain = Drain(quiet_s=30)
    drain.begin(100, pod_deleted=True)
    assert drain.look(129.9, 0, 0) is DrainPhase.DRAINING
    assert drain.look(130, 0, 0) is DrainPhase.DRAINED


def test_each_request_starts_the_quiet_time_anew() -> None:
    drain = Drain(quiet_s=30)
    drain.begin(100, pod_deleted=True)
    drain.request_arrived(120)
    assert drain.look(149, 0, 0) is DrainPhase.DRAINING
    assert drain.look(150, 0, 0) is DrainPhase.DRAINED


def test_a_request_under_way_holds_the_end_back() -> None:
    drain = Drain(quiet_s=1)
    drain.begin(100, pod_deleted=True)
    assert drain.look(200, 1, 0) is DrainPhase.DRAINING
    assert drain.look(200, 0, 0) is DrainPhase.DRAINED


def test_a_container_restart_calls_the_drain_off() -> None:
    drain = Drain(quiet_s=30)
    drain.begin(100, pod_deleted=False)
    assert drain.look(100.9, 0, 0) is DrainPhase.DRAINING
    assert drain.look(101, 0, 0) is DrainPhase.SERVING


def test_a_short_quiet_time_does_not_end_an_unconfirmed_drain() -> None:
    drain = Drain(quiet_s=0.1)
    drain.begin(100, pod_deleted=False)
    assert drain.look(100.5, 0, 0) is DrainPhase.DRAINING
    assert drain.look(101, 0, 0) is DrainPhase.SERVING


def test_a_sign_of_deletion_within_a_second_confirms_the_drain() -> None:
    drain = Drain(quiet_s=2)
    drain.begin(100, pod_deleted=False)
    drain.begin(100.5, pod_deleted=True)
    assert drain.look(101.5, 0, 0) is DrainPhase.DRAINING
    assert drain.look(102, 0, 0) is DrainPhase.DRAINED


def test_nothing_ends_what_was_never_begun() -> None:
    drain = Drain(quiet_s=0)
    assert drain.look(1e9, 0, 0) is DrainPhase.SERVING


def test_a_connection_that_has_asked_nothing_yet_starts_the_quiet_time_anew() -> None:
    drain = Drain(quiet_s=30)
    drain.begin(100, pod_deleted=True)
    assert drain.look(149, 0, 120) is DrainPhase.DRAINING
    assert drain.look(150, 0, 120) is DrainPhase.DRAINED


def test_removal_from_all_routes_needs_no_quiet_time() -> None:
    drain = Drain(quiet_s=30)
    drain.begin(100, pod_deleted=True)
    drain.removed_from_routes(100.1)
    assert drain.look(100.1, 1, 0) is DrainPhase.DRAINING
    assert drain.look(100.2, 0, 0) is DrainPhase.DRAINED


def test_who_chose_a_removed_pod_just_before_has_a_second_to_ask() -> None:
    drain = Drain(quiet_s=30)
    drain.removed_from_routes(100)
    assert drain.look(100.9, 0, 100) is DrainPhase.DRAINING
    assert drain.look(101, 0, 100) is DrainPhase.DRAINED


def test_removal_from_all_routes_begins_the_drain_of_a_pod_that_serves() -> None:
    drain = Drain(quiet_s=30)
    drain.removed_from_routes(100)
    assert drain.phase is DrainPhase.DRAINING
    assert drain.look(100, 0, 0) is DrainPhase.DRAINED
