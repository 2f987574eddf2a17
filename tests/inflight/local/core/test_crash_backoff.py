from inflight.local.core.crash_backoff import CrashBackoff


def test_first_lost_pod_is_replaced_at_once() -> None:
    backoff = CrashBackoff()
    backoff.pod_lost(100.0, ready_s=0.0)
    assert backoff.wait_s(100.0) == 0


def test_delays_double_up_to_thirty_seconds() -> None:
    backoff = CrashBackoff()
    delays = []
    for now in range(0, 800, 100):
        backoff.pod_lost(float(now), ready_s=0.0)
        delays.append(backoff.wait_s(float(now)))
    assert delays == [0, 1, 2, 4, 8, 16, 30, 30]


def test_waiting_ends_when_the_delay_has_passed() -> None:
    backoff = CrashBackoff()
    backoff.pod_lost(0.0, ready_s=0.0)
    backoff.pod_lost(0.0, ready_s=0.0)
    assert backoff.wait_s(0.25) == 0.75
    assert backoff.wait_s(5.0) == 0


def test_pod_that_was_ready_for_ten_seconds_starts_over() -> None:
    backoff = CrashBackoff()
    for _ in range(5):
        backoff.pod_lost(0.0, ready_s=9.9)
    assert backoff.wait_s(0.0) == 8
    backoff.pod_lost(0.0, ready_s=10.0)
    assert backoff.wait_s(0.0) == 0
    backoff.pod_lost(0.0, ready_s=0.0)
    assert backoff.wait_s(0.0) == 1
