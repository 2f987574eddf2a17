from collections.abc import Sequence

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servingkit.http1.core.known_heads import KnownHeads
from servingkit.http1.core.message import MessageError, RequestHead
from servingkit.http1.request_reader import RequestLimits, RequestReader
from tests.servingkit.http1.peers import cut


class Sink:
    """Notes what was read."""

    def __init__(self) -> None:
        self.heads: list[RequestHead] = []
        self.bodies: list[bytes] = []
        self.ends = 0

    def request_head(self, head: RequestHead) -> None:
        self.heads.append(head)
        self.bodies.append(b"")

    def whole_request(self, head: RequestHead, body: bytes) -> None:
        self.request_head(head)
        self.request_body(body)
        self.request_end()

    def request_body(self, data: bytes) -> None:
        self.bodies[-1] += data

    def request_end(self) -> None:
        self.ends += 1
        assert self.ends == len(self.heads)


def read(
    pieces: Sequence[bytes],
    limits: RequestLimits | None = None,
    known: KnownHeads[RequestHead] | None = None,
) -> Sink:
    sink = Sink()
    reader = RequestReader(sink, limits or RequestLimits(), known or KnownHeads())
    for piece in pieces:
        data = memoryview(piece)
        while data:
            data = reader.feed(data)
    return sink


TOKENS = st.text("abcdefgXYZ-09", max_size=12).map(lambda text: b"X-" + text.encode())
VALUES = st.text("abc ,;=09\t\x80", max_size=20).map(lambda text: text.strip().encode("latin-1"))
OFFERS = st.sampled_from(
    (
        (),
        ((b"Connection", b"Upgrade"), (b"Upgrade", b"h2c")),
        ((b"Connection", b"upgrade"), (b"Upgrade", b"websocket")),
    )
)


@st.composite
def requests(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A request as bytes, written by h11, and its body."""
    body = draw(st.binary(max_size=6_000))
    chunk = draw(st.integers(1, 4_000))
    chunked = draw(st.booleans())
    headers: list[tuple[bytes, bytes]] = [(b"Host", b"a")]
    headers += draw(st.lists(st.tuples(TOKENS, VALUES), max_size=5))
    headers += draw(OFFERS)
    headers.append(
        (b"Transfer-Encoding", b"chunked") if chunked else (b"Content-Length", b"%d" % len(body))
    )
    writer = h11.Connection(h11.CLIENT)
    raw = writer.send(h11.Request(method="POST", target="/", headers=headers)) or b""
    for at in range(0, len(body), chunk):
        raw += writer.send(h11.Data(body[at : at + chunk])) or b""
    return raw + (writer.send(h11.EndOfMessage()) or b""), body


@given(st.lists(requests(), min_size=1, max_size=4), st.lists(st.integers(0), max_size=12))
def test_requests_are_read_alike_wherever_they_are_cut(
    messages: list[tuple[bytes, bytes]], places: list[int]
) -> None:
    raw = b"".join(message for message, _ in messages)
    bodies = [body for _, body in messages]
    whole, pieces = read([raw]), read(cut(raw, places))
    assert whole.bodies == pieces.bodies == bodies
    assert whole.ends == pieces.ends == len(messages)
    assert [head.headers for head in whole.heads] == [head.headers for head in pieces.heads]


@given(st.lists(requests(), min_size=1, max_size=4), st.lists(st.integers(0), max_size=12))
def test_requests_with_known_heads_are_read_as_they_were_the_first_time(
    messages: list[tuple[bytes, bytes]], places: list[int]
) -> None:
    known = KnownHeads[RequestHead]()
    for message, _ in messages:
        read([message], known=known)
    raw = b"".join(message for message, _ in messages)
    anew, again = read([raw]), read(cut(raw, places), known=known)
    assert again.bodies == anew.bodies == [body for _, body in messages]
    assert again.ends == len(messages)
    assert [head.headers for head in again.heads] == [head.headers for head in anew.heads]


def test_a_head_that_comes_again_is_the_same_object() -> None:
    known = KnownHeads[RequestHead]()
    raw = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n"
    sink = read([raw + b"ab" + raw, b"cd" + raw + b"e", b"f"], known=known)
    assert sink.bodies == [b"ab", b"cd", b"ef"]
    assert len(set(map(id, sink.heads))) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=["close", "1.0", "chunked", "upgrade", "an empty line in front"],
)
def test_a_head_with_consequences_is_read_each_time(raw: bytes) -> None:
    known = KnownHeads[RequestHead]()
    heads = [read([raw], known=known).heads[0] for _ in range(2)]
    assert heads[0] is not heads[1]


def test_an_empty_line_takes_nothing_from_the_head_before_it() -> None:
    known = KnownHeads[RequestHead]()
    raw = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
    sink = read([raw[:9], raw[9:], b"\r\n\r\n", b"\r\n\r\n", raw], known=known)
    assert [head.target for head in sink.heads] == [b"/a", b"/a"]


@given(st.binary(max_size=400), st.lists(st.integers(0), max_size=8))
def test_any_bytes_are_read_or_refused(noise: bytes, places: list[int]) -> None:
    for raw in (noise, b"POST / HTTP/1.1\r\nHost: a\r\n" + noise):
        try:
            read(cut(raw, places))
        except MessageError as error:
            assert error.status in {400, 405, 413, 414, 431, 501, 505}  # noqa: PT017


def test_requests_ahead_are_handed_out_a_few_at_a_time() -> None:
    sink = Sink()
    reader = RequestReader(sink, RequestLimits(), KnownHeads())
    left = reader.feed(memoryview(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2_000))
    assert left
    assert len(sink.heads) < 200


@pytest.mark.parametrize("framing", [b"Content-Length: 5000", b"Transfer-Encoding: chunked"])
def test_requests_behind_a_body_are_handed_out_a_few_at_a_time(framing: bytes) -> None:
    body = (
        b"x" * 5000
        if framing.startswith(b"Content")
        else b"1388\r\n%b\r\n0\r\n\r\n" % (b"x" * 5000)
    )
    sink = Sink()
    reader = RequestReader(sink, RequestLimits(), KnownHeads())
    head = b"POST / HTTP/1.1\r\nHost: a\r\n" + framing + b"\r\n\r\n"
    data = memoryview(head + body + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2_000)
    while sink.ends == 0:
        data = reader.feed(data)
    assert data
    assert len(sink.heads) < 200


POST = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_chunks_of_one_byte_are_no_flood() -> None:
    sink = read([POST + b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"])
    assert sink.bodies == [b"x" * 100_000]


@pytest.mark.parametrize(
    "raw",
    [
        POST + b"1;" + b"a" * 25_000,
        POST + (b"1;" + b"a" * 200 + b"\r\nx\r\n") * 2_000,
        POST + b"0\r\n" + b"A: b\r\n" * 5_000,
        POST + b"fffff\r\n" + b"x" * 0xFFFFF + b"\r\n0\r\nA: " + b"b" * 25_000,
    ],
    ids=["one extension", "many extensions", "trailers", "trailer after a large body"],
)
@pytest.mark.parametrize("size", [50, 1_000_000])
def test_flood_of_chunk_overhead_is_refused(raw: bytes, size: int) -> None:
    with pytest.raises(MessageError) as caught:
        read([raw[at : at + size] for at in range(0, len(raw), size)])
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 100), 414),
        (b"GET / HTTP/1.1\r\nHost: a\r\n%b\r\n" % (b"A: b\r\n" * 9), 431),
        (b"GET / HTTP/1.1\r\nHost: a\r\nA: " + b"b" * 400, 431),
    ],
)
def test_limits_are_kept(raw: bytes, status: int) -> None:
    limits = RequestLimits(target_bytes=99, header_count=9, head_bytes=300)
    with pytest.raises(MessageError) as caught:
        read([raw], limits)
    assert caught.value.status == status


@pytest.mark.parametrize(
    "raw",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n",
        POST + b"%x\r\nabcdefghi\r\n",
    ],
    ids=["length", "chunked"],
)
def test_body_may_be_as_long_as_its_limit_and_no_longer(raw: bytes) -> None:
    limits = RequestLimits(body_bytes=8)
    assert len(read([raw % 8][:-12], limits).heads) <= 1
    with pytest.raises(MessageError) as caught:
        read([raw % 9], limits)
    assert caught.value.status == 413


LIMITED_HEAD = b"POST /a HTTP/1.1\r\nHost: a\r\nX: %b\r\nContent-Length: 3000\r\n\r\n"


@pytest.mark.parametrize("pieces", [1, 7, 5_000])
def test_size_of_a_head_is_bounded_to_the_byte_and_its_body_does_not_count(pieces: int) -> None:
    longest = LIMITED_HEAD % (b"y" * (2_000 - len(LIMITED_HEAD % b"")))
    limits = RequestLimits(head_bytes=2_000)
    body = b"z" * 3_000
    raw = longest + body
    cuts = range(0, len(raw), max(1, len(raw) // pieces))
    assert read(cut(raw, cuts), limits).bodies == [body]
    raw = longest.replace(b"X: y", b"X: yy") + body
    with pytest.raises(MessageError) as caught:
        read(cut(raw, cuts), limits)
    assert caught.value.status == 431
