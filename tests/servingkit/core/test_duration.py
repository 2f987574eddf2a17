import pytest
from hypothesis import given
from hypothesis import strategies as st

from servingkit.core.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("60s", 60),
        ("1m30s", 90),
        ("1.5h", 5400),
        ("500ms", 0.5),
        (".5s", 0.5),
        ("+2m", 120),
        ("1h2m3s", 3723),
        ("10us", 1e-5),
        ("10µs", 1e-5),
        ("10\N{GREEK SMALL LETTER MU}s", 1e-5),
    ],
)
def test_a_duration_is_read_as_go_reads_it(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "60", "s", "-1s", "1 s", "1d", "1m 30s", "٣s", "nan", "1s\n"])
def test_what_go_would_refuse_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@given(st.integers(0, 100_000))
def test_a_written_duration_is_read_back(seconds: int) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
