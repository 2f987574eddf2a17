import csv
from pathlib import Path

from inflight.simulate.table import write_table
from tests.inflight.simulate.scenarios import fixed_pods, run, scenario, users


def test_every_second_of_every_run_is_a_line(tmp_path: Path) -> None:
    case = scenario(container_concurrency=5, scaling=fixed_pods(1), pod_start_s=1, service_s=1.5)
    outcomes = {name: run(case, users((1, 1), (4, 0))) for name in ("a", "b")}
    path = tmp_path / "table.csv"
    write_table(outcomes, path)
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["run"], row["t_s"]) for row in rows] == [
        (name, str(second)) for name in ("a", "b") for second in range(5)
    ]
    first, third = rows[0], rows[2]
    assert (first["in_flight"], first["waiting"], first["p50_ms"]) == ("1.000", "1.000", "")
    assert (third["p50_ms"], third["requests"]) == ("2500.000", "1")
    assert (third["ready_pods"], third["refused"], third["panicking"]) == ("1", "0", "False")
    assert third["reason"].startswith("1 pod: ")
