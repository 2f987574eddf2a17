from hypothesis import given
from hypothesis import strategies as st

from servingkit.core.revision import RevisionId
from servingkit.core.stat import Stat, encode_stat
from servingkit.stat_wire import WireStat, decode_stat, decode_wire_stats, encode_wire_stats

# Adding 0.0 turns -0.0 into 0.0: only protobuf itself writes the sign of a zero.
# Larger ones are refused by those who read them (servingkit/stat_wire.py).
NUMBERS = st.floats(min_value=-1e11, max_value=1e11).map(lambda number: number + 0.0)


def test_a_stat_with_only_a_name_is_the_name_alone() -> None:
    assert encode_stat(Stat(pod_name="pod")) == b"\x0a\x03pod"


def test_zero_values_are_left_out() -> None:
    assert encode_stat(Stat(pod_name="")) == b""


def test_the_timestamp_is_the_seventh_field() -> None:
    assert encode_stat(Stat(pod_name="", timestamp_s=300)) == b"\x38\xac\x02"


@given(
    st.builds(
        Stat,
        pod_name=st.text(max_size=300),
        average_concurrent_requests=NUMBERS,
        average_proxied_concurrent_requests=NUMBERS,
        request_count=NUMBERS,
        proxied_request_count=NUMBERS,
        process_uptime_s=NUMBERS,
        timestamp_s=st.integers(-(2**63), 2**63 - 1),
    )
)
def test_protobuf_reads_what_is_written_by_hand(stat: Stat) -> None:
    assert decode_stat(encode_stat(stat)) == stat


@given(NUMBERS, st.integers(0, 2**63 - 1))
def test_the_bytes_are_those_that_protobuf_writes(number: float, timestamp_s: int) -> None:
    stat = Stat(pod_name="pod", request_count=number, timestamp_s=timestamp_s)
    frame = encode_wire_stats([WireStat(RevisionId("", ""), stat)])
    assert frame.endswith(encode_stat(stat))
    assert decode_wire_stats(frame)[0].stat == stat
