from loadtest.bench_autoscaler.core.results import Metric, Results, combined
from tests.loadtest.bench_autoscaler.measured import results, values


def test_rounds_become_medians_and_losses_are_added_up() -> None:
    rounds = [values(cores, lost=1) for cores in (0.1, 0.5, 0.2)]
    together = combined(rounds)
    assert together[Metric.CORES] == 0.2
    assert together[Metric.LOST] == 3


def test_a_number_that_one_round_lacks_is_the_others_median() -> None:
    assert combined([{Metric.P50_MS: 2.0, Metric.LOST: 0}, {Metric.LOST: 5}]) == {
        Metric.P50_MS: 2.0,
        Metric.LOST: 5,
    }


def test_results_survive_being_written_and_read() -> None:
    read = Results.from_json(results().to_json())
    assert read.measured == results().measured
    assert read.value("poke", Metric.P99_MS) == 12.5
    assert read.value("poke", Metric.CORES) is None
    assert read.value("nothing", Metric.CORES) is None
