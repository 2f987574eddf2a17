import csv
from pathlib import Path

from loadtest.core.timeline import Second
from loadtest.table import OF_PODS, OF_SECOND, write_table


def test_table_has_a_line_a_second_and_leaves_the_unknown_empty(
    seconds: tuple[Second, ...], tmp_path: Path
) -> None:
    path = tmp_path / "table.csv"
    write_table(seconds, path)
    with path.open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == OF_SECOND + OF_PODS
    assert [line["in_flight"] for line in lines] == ["1.000", "1.000", "0.250", "0.000"]
    assert [line["failures"] for line in lines] == ["0", "0", "1", "0"]
    assert [line["p50_ms"] for line in lines] == ["", "", "2000.000", ""]
    assert [line["desired_pods"] for line in lines] == ["", "2", "2", ""]
    assert [line["ready_pods"] for line in lines] == ["0", "1", "1", ""]
    assert lines[1]["target_in_flight"] == "7.000"
    assert lines[1]["reason"] == "2 pods: a reason"
