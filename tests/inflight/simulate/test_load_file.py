from pathlib import Path

import pytest

from inflight.simulate.core.load import Level, LoadKind
from inflight.simulate.load_file import read_load
from servingkit.config import ConfigError


def test_row_holds_until_the_next_and_the_last_as_long_as_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("note,t_s,concurrency\na,100,3\nb,110,0\nc,115,4.5\n")
    load = read_load(path)
    assert load.kind is LoadKind.CONCURRENCY
    assert load.levels == (Level(0, 10, 3), Level(10, 15, 0), Level(15, 20, 4.5))
    assert load.duration_s == 20


def test_single_row_is_a_second(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_text("t_s,arrivals_per_s\n0,7\n")
    load = read_load(path)
    assert load.kind is LoadKind.ARRIVALS
    assert load.levels == (Level(0, 1, 7),)


def test_what_a_spreadsheet_saves_is_read(tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_bytes(b"\xef\xbb\xbft_s,arrivals_per_s\r\n0,7\r\n")
    assert read_load(path).levels == (Level(0, 1, 7),)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "at least one row"),
        (b"t_s,concurrency\n", "at least one row"),
        (b"time,concurrency\n0,1\n", "the column t_s, and one of concurrency or arrivals_per_s"),
        (b"t_s,load\n0,1\n", "the column t_s, and one of concurrency or arrivals_per_s"),
        (b"t_s,concurrency,arrivals_per_s\n0,1,1\n", "the column t_s, and one of concurrency or"),
        (b"t_s,t_s,concurrency\n0,1,1\n", "the column t_s, and one of concurrency or"),
        (b"t_s,concurrency\n0,1\n1,many\n", "a number from 0 to 1e+06 as concurrency in line 3"),
        (
            b"t_s,concurrency\n0,nan\n",
            "a number from 0 to 1e+06 as concurrency in line 2, not 'nan'",
        ),
        (b"t_s,concurrency\n0,-1\n", "a number from 0 to 1e+06 as concurrency in line 2, not '-1'"),
        (b"t_s,concurrency\n0\n", "a number from 0 to 1e+06 as concurrency in line 2, not ''"),
        (b"t_s,concurrency\n0,1e9\n", "a number from 0 to 1e+06 as concurrency in line 2"),
        (b"t_s,concurrency\n1e300,1\n", "a number from 0 to 1e+12 as t_s in line 2"),
        (b"t_s,concurrency\n0,1\n1e9,1\n", "at most 2678400 s (31 days) from the first row on"),
        (b"t_s,concurrency\n0,1\n5,1\n5,2\n", "a later t_s in line 4 than in the line before"),
        (b"\xff\xfe", "a CSV file that can be read"),
    ],
)
def test_bad_file_is_refused_with_the_line(content: bytes, expected: str, tmp_path: Path) -> None:
    path = tmp_path / "load.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        read_load(path)
    (problem,) = caught.value.problems
    assert (problem.key, problem.value) == ("FILE", str(path))
    assert problem.expected.startswith(expected)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="a CSV file that can be read"):
        read_load(tmp_path / "none.csv")
