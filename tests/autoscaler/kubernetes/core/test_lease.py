from autoscaler.kubernetes.core.lease import (
    LEASE_DURATION_S,
    RENEW_DEADLINE_S,
    leads,
    may_take,
    observe,
)


def test_the_worked_example() -> None:
    # A renews at 0 and is then cut off; B last saw a change at 0.1.
    assert leads(0.0, 9.9)
    assert not leads(0.0, 10.0)
    seen = observe(None, "A", "t0", 0.1)
    assert not may_take(seen, "B", 15.0)
    assert may_take(seen, "B", 15.2)


def test_a_write_begun_at_the_last_moment_ends_before_the_next_leader() -> None:
    assert LEASE_DURATION_S - RENEW_DEADLINE_S >= 5.0


def test_who_never_renewed_does_not_lead() -> None:
    assert not leads(None, 0.0)


def test_only_a_change_starts_the_time_anew() -> None:
    seen = observe(None, "A", "t0", 1.0)
    assert observe(seen, "A", "t0", 9.0).changed_at == 1.0
    assert observe(seen, "A", "t1", 9.0).changed_at == 9.0
    assert observe(seen, "B", "t0", 9.0).changed_at == 9.0


def test_a_free_lease_and_ones_own_may_be_taken_at_once() -> None:
    assert may_take(observe(None, "", "", 0.0), "B", 0.0)
    assert may_take(observe(None, "B", "t0", 0.0), "B", 0.0)
