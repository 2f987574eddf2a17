from loadtest.bench.core.metric import Metric, combined


def test_rounds_become_their_median() -> None:
    rounds = [{Metric.P50_MS: 3.0}, {Metric.P50_MS: 100.0}, {Metric.P50_MS: 4.0}]
    assert combined(rounds) == {Metric.P50_MS: 4.0}


def test_spread_of_the_cpu_is_told_in_percent_of_its_median() -> None:
    rounds = [{Metric.CPU_US: 9.0}, {Metric.CPU_US: 12.0}, {Metric.CPU_US: 10.0}]
    assert combined(rounds) == {Metric.CPU_US: 10.0, Metric.CPU_SPREAD_PERCENT: 30.0}


def test_proxy_that_used_no_measurable_cpu_has_no_spread() -> None:
    assert combined([{Metric.CPU_US: 0.0}]) == {Metric.CPU_US: 0.0}


def test_failures_of_one_round_are_not_hidden_by_the_others() -> None:
    rounds = [{Metric.FAILED: 0.0}, {Metric.FAILED: 7.0}, {Metric.FAILED: 0.0}]
    assert combined(rounds) == {Metric.FAILED: 7.0}
