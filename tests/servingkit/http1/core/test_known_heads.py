import pytest

from servingkit.http1.core.known_heads import KnownHeads
from servingkit.http1.core.message import Header, RequestHead

RAW = b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n"
HEADERS: tuple[Header, ...] = ((b"Host", b"a"), (b"A", b"b"))


def head(*more: Header) -> RequestHead:
    return RequestHead(b"GET", b"/", 1, (*HEADERS, *more))


def test_only_the_same_bytes_bring_a_head_back() -> None:
    known, kept = KnownHeads[RequestHead](), head()
    known.keep(RAW, kept)
    assert known.by_bytes.get(RAW) is kept
    assert known.by_bytes.get(RAW.replace(b"A: b", b"A: B")) is None
    assert known.by_bytes.get(RAW[:-2]) is None


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n" + RAW,
        RAW + b"GET / HTTP/1.1\r\n\r\n",
        RAW.replace(b"A: b", b"A: b\r\n c"),
        RAW.replace(b"\r\nA: b", b""),
    ],
    ids=["an empty line in front", "more than the head", "a folded line", "less than the head"],
)
def test_bytes_that_are_not_the_head_alone_are_not_kept(raw: bytes) -> None:
    known = KnownHeads[RequestHead]()
    known.keep(raw, head())
    assert known.by_bytes.get(raw) is None


def test_a_long_head_is_not_kept() -> None:
    known = KnownHeads[RequestHead]()
    raw = RAW.replace(b"A: b", b"A: " + b"b" * 3_000)
    known.keep(raw, head())
    assert known.by_bytes.get(raw) is None


def test_no_more_than_a_few_hundred_are_kept_and_the_last_is_among_them() -> None:
    known, kept = KnownHeads[RequestHead](), head()
    raws = [RAW.replace(b"A: b", b"A: %d" % number) for number in range(1_000)]
    for raw in raws:
        known.keep(raw, kept)
    assert known.by_bytes.get(raws[-1]) is kept
    assert sum(known.by_bytes.get(raw) is kept for raw in raws) <= 256
