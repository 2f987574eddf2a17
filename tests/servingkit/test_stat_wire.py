import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servingkit.core.revision import RevisionId
from servingkit.core.stat import Stat
from servingkit.stat_wire import (
    StatDecodeError,
    WireStat,
    decode_stat,
    decode_wire_stats,
    encode_wire_stats,
)

NUMBERS = st.floats(min_value=-1e9, max_value=1e9)
STATS = st.builds(
    Stat,
    pod_name=st.text(max_size=50),
    average_concurrent_requests=NUMBERS,
    average_proxied_concurrent_requests=NUMBERS,
    request_count=NUMBERS,
    proxied_request_count=NUMBERS,
    process_uptime_s=NUMBERS,
    timestamp_s=st.integers(-(2**63), 2**63 - 1),
)
WIRE_STATS = st.builds(WireStat, st.builds(RevisionId, st.text(), st.text()), STATS)


def test_a_frame_has_the_bytes_of_knatives_schema() -> None:
    stat = Stat(pod_name="a", average_concurrent_requests=1.0)
    inner = b"\x0a\x01a" + b"\x11" + b"\x00\x00\x00\x00\x00\x00\xf0\x3f"
    message = b"\x0a\x02ns" + b"\x12\x04iris" + b"\x1a" + bytes([len(inner)]) + inner
    frame = b"\x0a" + bytes([len(message)]) + message
    wire_stat = WireStat(RevisionId("ns", "iris"), stat)
    assert encode_wire_stats([wire_stat]) == frame
    assert decode_wire_stats(frame) == [wire_stat]


def test_an_empty_frame_says_nothing() -> None:
    assert encode_wire_stats([]) == b""
    assert decode_wire_stats(b"") == []


@given(st.lists(WIRE_STATS, max_size=5))
def test_what_is_encoded_is_decoded(stats: list[WireStat]) -> None:
    assert decode_wire_stats(encode_wire_stats(stats)) == stats


@pytest.mark.parametrize("data", [b"\xff", b"\x0a\x05ab", b"\x0a\x01\xff"])
def test_bytes_that_are_no_stat_are_refused(data: bytes) -> None:
    with pytest.raises(StatDecodeError):
        decode_stat(data)


@pytest.mark.parametrize(
    "stat",
    [
        Stat(pod_name="a", average_concurrent_requests=math.nan),
        Stat(pod_name="a", average_proxied_concurrent_requests=math.inf),
        Stat(pod_name="a", request_count=-math.inf),
        Stat(pod_name="a", request_count=math.inf, proxied_request_count=-math.inf),
        Stat(pod_name="a", average_concurrent_requests=1e303),
        Stat(pod_name="a", request_count=1e303, proxied_request_count=-1e303),
    ],
)
def test_a_number_that_cannot_be_is_refused(stat: Stat) -> None:
    frame = encode_wire_stats([WireStat(RevisionId("ns", "iris"), stat)])
    with pytest.raises(StatDecodeError, match="of 'a' is not finite"):
        decode_wire_stats(frame)


def test_fields_that_a_newer_knative_may_add_are_ignored() -> None:
    assert decode_stat(b"\x0a\x01a" + b"\x98\x06\x01") == Stat(pod_name="a")
