from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from loadtest.bench.core.event_reader import EventReader, event

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
INSTANTS = [0.0, 1.5, 12345.678901]


def test_event_is_one_chunk() -> None:
    assert event(1.5) == b"10\r\ndata: 1.500000\n\n\r\n"


@given(st.lists(st.integers(min_value=0, max_value=120)))
def test_events_are_found_however_the_bytes_are_cut(cuts: list[int]) -> None:
    stream = HEAD + b"".join(event(instant) for instant in INSTANTS)
    places = sorted({0, *(min(cut, len(stream)) for cut in cuts), len(stream)})
    reader = EventReader()
    found = [
        instant for start, end in pairwise(places) for instant in reader.feed(stream[start:end])
    ]
    assert found == INSTANTS


def test_events_that_a_proxy_put_in_one_chunk_are_found() -> None:
    assert EventReader().feed(b"20\r\ndata: 1.500000\n\ndata: 2.500000\n\n\r\n") == [1.5, 2.5]


def test_what_is_no_event_is_not_kept() -> None:
    reader = EventReader()
    assert reader.feed(b"x" * 10_000) == []
    assert len(repr(reader)) < 200
