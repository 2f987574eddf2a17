"""Generated messages through two engines in a row, as through activator and sidecar."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.servingkit.http1.peers import Answered, Wire, cut
from tests.servingkit.http1.strict_upstream import StrictUpstream, proxies_before

pytestmark = pytest.mark.asyncio

HOPS = 2
SETTINGS = settings(max_examples=60, deadline=None)
QUIET_S = 0.015
"""Without a byte for so long, what is to come has come; on a busy machine less may be seen."""

METHODS = st.sampled_from((b"GET", b"POST", b"PUT", b"DELETE", b"PATCH", b"OPTIONS", b"HEAD"))
TARGETS = st.text("abc/%20?=&;:@!~.", max_size=30).map(lambda text: b"/" + text.encode())
NAMES = st.text("abcxyzABC09-_!", max_size=12).map(lambda text: b"X-" + text.encode())
VALUES = st.text('abc ,;=09\t"\x80\xff', max_size=20).map(
    lambda text: text.strip().encode("latin-1")
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
PLACES = st.lists(st.integers(0), max_size=12)
BODIES = st.lists(st.binary(min_size=1, max_size=4_000), max_size=4)

Header = tuple[bytes, bytes]

VIA: Header = (b"via", b"1.1 inflight")


async def send_in_pieces(wire: Wire, raw: bytes, places: Sequence[int]) -> None:
    for piece in cut(raw, places):
        await wire.send(piece)
        await asyncio.sleep(0)


def framing(pieces: Sequence[bytes], *, chunked: bool) -> Header:
    if chunked:
        return (b"Transfer-Encoding", b"chunked")
    return (b"Content-Length", b"%d" % sum(map(len, pieces)))


def written(judge: h11.Connection, head: h11.Event, pieces: Sequence[bytes]) -> bytes:
    events = (head, *map(h11.Data, pieces), h11.EndOfMessage())
    return b"".join(judge.send(event) or b"" for event in events)


def lowered(headers: Sequence[Header]) -> list[Header]:
    return [(name.lower(), value) for name, value in headers]


class Question:
    """A valid request, written by h11."""

    def __init__(
        self,
        method: bytes,
        target: bytes,
        headers: list[Header],
        pieces: list[bytes],
        *,
        chunked: bool,
    ) -> None:
        self.method = method
        self.target = target
        self.headers = headers
        self.body = b"".join(pieces)
        framed = [(b"Host", b"a"), *headers, framing(pieces, chunked=chunked)]
        head = h11.Request(method=method, target=target, headers=framed)
        self.raw = written(h11.Connection(h11.CLIENT), head, pieces)

    def __repr__(self) -> str:
        return repr(self.raw)


QUESTIONS = st.builds(Question, METHODS, TARGETS, FIELDS, BODIES, chunked=st.booleans())


@given(st.lists(QUESTIONS, min_size=1, max_size=4), PLACES)
@SETTINGS
async def test_valid_requests_arrive_as_they_were_wherever_they_are_cut(
    questions: list[Question], places: list[int]
) -> None:
    strict = StrictUpstream()
    async with proxies_before(strict.serve, HOPS) as place:
        client = await place.client()
        await send_in_pieces(client, b"".join(asked.raw for asked in questions), places)
        for asked in questions:
            answer = await client.answer(to=asked.method.decode())
            assert (answer.status, answer.body) == (
                200,
                b"" if asked.method == b"HEAD" else asked.body,
            )
    assert strict.complaints == []
    assert len(strict.requests) == len(questions)
    for asked, seen in zip(questions, strict.requests, strict=True):
        assert (seen.method, seen.target, seen.body) == (asked.method, asked.target, asked.body)
        assert [pair for pair in seen.headers if pair != VIA][1:-1] == lowered(asked.headers)


class Reply:
    """A valid answer, written by h11."""

    def __init__(
        self,
        status: int,
        headers: list[Header],
        pieces: list[bytes],
        informational: list[int],
        *,
        chunked: bool,
    ) -> None:
        self.status = status
        self.headers = headers
        self.informational = informational
        self.pieces = [] if status in {204, 304} else pieces
        self.chunked = chunked

    def __repr__(self) -> str:
        return f"{self.status} {self.headers} {self.pieces} {self.informational} {self.chunked}"

    def to(self, method: bytes) -> bytes:
        judge = h11.Connection(h11.SERVER)
        judge.receive_data(b"%b / HTTP/1.1\r\nHost: a\r\n\r\n" % method)
        assert isinstance(judge.next_event(), h11.Request)
        assert isinstance(judge.next_event(), h11.EndOfMessage)
        raw = b""
        for status in self.informational:
            raw += judge.send(h11.InformationalResponse(status_code=status, headers=[])) or b""
        headers = [*self.headers, framing(self.pieces, chunked=self.chunked)]
        head = h11.Response(status_code=self.status, headers=headers)
        return raw + written(judge, head, () if method == b"HEAD" else self.pieces)

    def fits(self, got: Answered, method: bytes) -> bool:
        body = b"" if method == b"HEAD" else b"".join(self.pieces)
        passed = [pair for pair in got.headers if pair[0].startswith(b"x-")]
        return (got.status, got.body, got.informational, passed) == (
            self.status,
            body,
            self.informational,
            lowered(self.headers),
        )


STATUSES = st.sampled_from((200, 201, 204, 206, 299, 301, 304, 404, 429, 500, 503, 599))
EARLY = st.lists(st.sampled_from((100, 102, 103)), max_size=2)
REPLIES = st.builds(Reply, STATUSES, FIELDS, BODIES, EARLY, chunked=st.booleans())


@given(
    st.lists(st.tuples(st.sampled_from((b"GET", b"HEAD")), REPLIES), min_size=1, max_size=4), PLACES
)
@SETTINGS
async def test_valid_answers_arrive_as_they_were_wherever_they_are_cut(
    exchanges: list[tuple[bytes, Reply]], places: list[int]
) -> None:
    replies = iter(exchanges)

    async def serve(wire: Wire) -> None:
        while True:
            await wire.until(b"\r\n\r\n")
            method, reply = next(replies)
            await send_in_pieces(wire, reply.to(method), places)

    async with proxies_before(serve, HOPS) as place:
        client = await place.client()
        for method, reply in exchanges:
            await client.send(b"%b / HTTP/1.1\r\nHost: a\r\n\r\n" % method)
            got = await client.answer(to=method.decode())
            assert reply.fits(got, method), got


FLIPS = st.lists(st.tuples(st.integers(0), st.integers(0, 255)), min_size=1, max_size=4)


def flipped(raw: bytes, flips: Sequence[tuple[int, int]]) -> bytes:
    changed = bytearray(raw)
    for place, value in flips:
        changed[place % len(changed)] = value
    return bytes(changed)


async def hear_out(wire: Wire) -> None:
    with suppress(TimeoutError, ConnectionError):
        while await asyncio.wait_for(wire.reader.read(65_536), QUIET_S):
            pass


@given(QUESTIONS, FLIPS, PLACES)
@settings(max_examples=300, deadline=None)
async def test_damaged_request_never_becomes_two_or_something_unclean(
    question: Question, flips: list[tuple[int, int]], places: list[int]
) -> None:
    strict = StrictUpstream()
    raw = flipped(question.raw, flips)
    async with proxies_before(strict.serve, HOPS) as place:
        client = await place.client()
        await send_in_pieces(client, raw, places)
        await hear_out(client)
    assert strict.complaints == []
    assert len(strict.requests) <= 1


NEXT = b"HTTP/1.1 200 OK\r\nX-Next: 1\r\nContent-Length: 4\r\n\r\nnext"


@given(REPLIES, FLIPS, st.booleans())
@settings(max_examples=200, deadline=None)
async def test_damaged_answer_never_spoils_the_next_one(
    reply: Reply, flips: list[tuple[int, int]], closes: bool
) -> None:
    async def serve(wire: Wire) -> None:
        spoilt = False
        while not (spoilt and closes):
            asked = await wire.request()
            spoilt = asked.target == b"/first"
            await wire.send(flipped(reply.to(b"GET"), flips) if spoilt else NEXT)

    async with proxies_before(serve, HOPS) as place:
        client = await place.client()
        await client.send(b"GET /first HTTP/1.1\r\nHost: a\r\n\r\n")
        try:
            first = await asyncio.wait_for(client.answer(), QUIET_S)
        except (TimeoutError, ConnectionError):
            return  # it lacks its end, or was broken off: either way this client gets no other
        if closes or first.header(b"connection") == b"close":
            return
        await client.send(b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = await client.answer()
        assert (answer.status, answer.body, answer.header(b"x-next")) == (200, b"next", b"1")
