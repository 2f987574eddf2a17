from autoscaler.core.coverage import Coverage, CoverageState, Sources, judge

WINDOW_S = 60.0


class Reports:
    """Sources that report when told, judged on the way."""

    def __init__(self, pods: int = 1, activators: int = 1) -> None:
        self._pods = [f"pod-{index}" for index in range(pods)]
        self._activators = [f"activator-{index}" for index in range(activators)]
        self._pods_heard_at: dict[str, float] = {}
        self._activators_heard_at: dict[str, float] = {}
        self._state = CoverageState()

    def add_pod(self) -> None:
        """Another pod is ready from now on."""
        self._pods.append(f"pod-{len(self._pods)}")

    def report(self, now: float, *, pods: int | None = None) -> None:
        """All activators and the first `pods` pods (all of them) are heard."""
        self._pods_heard_at.update(dict.fromkeys(self._pods[:pods], now))
        self.report_activators(now)

    def report_activators(self, now: float) -> None:
        self._activators_heard_at = dict.fromkeys(self._activators, now)

    def at(self, now: float) -> Coverage:
        sources = Sources(
            self._pods, self._pods_heard_at, self._activators, self._activators_heard_at
        )
        coverage, self._state = judge(self._state, sources, WINDOW_S, now)
        return coverage


def test_the_worked_example_of_the_module() -> None:
    reports = Reports()
    reports.report(100)
    assert reports.at(105).decrease
    for now in range(106, 131):
        reports.report_activators(now)
        assert not reports.at(now).decrease
    for now in range(130, 190):
        reports.report(now)
        assert not reports.at(now).decrease
    reports.report(190)
    assert reports.at(190).decrease


def test_without_pods_and_activators_nothing_is_missing() -> None:
    coverage = Reports(pods=0, activators=0).at(0)
    assert coverage.decrease
    assert coverage.zero
    assert coverage.silent == ()


def test_a_silent_activator_forbids_a_decrease() -> None:
    reports = Reports(pods=0)
    assert not reports.at(0).decrease
    assert reports.at(0).silent == ("activator-0",)


def test_a_new_pod_is_waited_for_without_leaving_a_hole() -> None:
    reports = Reports(pods=2)
    reports.report(1, pods=1)
    assert not reports.at(1).decrease
    reports.report(3)
    assert reports.at(3).decrease


def test_pods_that_come_one_after_the_other_leave_no_hole() -> None:
    reports = Reports(pods=0)
    for number in range(1, 4):
        reports.add_pod()
        now = 4.0 * number
        reports.report(now, pods=number - 1)
        assert not reports.at(now).overdue
    reports.report(14)
    assert reports.at(14).decrease


def test_a_new_pod_that_does_not_report_is_overdue_five_seconds_after_it_was_seen() -> None:
    reports = Reports(pods=1)
    reports.report(0)
    assert reports.at(0).decrease
    reports.add_pod()
    for now in (2, 7):
        reports.report(now, pods=1)
        assert not reports.at(now).overdue
    reports.report(7.1, pods=1)
    assert reports.at(7.1).overdue
    reports.report(8)
    assert not reports.at(8).decrease
    assert reports.at(8).whole_in_s > 59


def test_a_valid_sample_of_many_pods_allows_a_decrease_but_not_zero() -> None:
    reports = Reports(pods=10)
    reports.report(1, pods=6)
    assert not reports.at(1).decrease
    reports.report(2, pods=7)
    coverage = reports.at(2)
    assert coverage.decrease
    assert not coverage.zero
    assert coverage.silent == ("pod-7", "pod-8", "pod-9")
    reports.report(3)
    assert reports.at(3).zero


def test_a_source_that_fell_silent_is_overdue_after_five_seconds() -> None:
    reports = Reports()
    reports.report(1)
    assert not reports.at(6).overdue
    assert reports.at(6.1).overdue
    reports.report(7)
    assert not reports.at(7).overdue


def test_a_source_that_was_never_heard_is_overdue_after_five_seconds() -> None:
    reports = Reports()
    assert not reports.at(0).overdue
    assert not reports.at(5).overdue
    assert reports.at(5.1).overdue
