"""How answers are read: alike, whether their heads are known or not, wherever they are cut."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st

from servingkit.core.revision import Address
from servingkit.http1.core.known_heads import KnownHeads
from servingkit.http1.core.message import AnswerHead, Header
from servingkit.http1.upstream import UpstreamConnection
from servingkit.http1.watcher import FailureKind
from tests.servingkit.http1.peers import cut

if TYPE_CHECKING:
    import asyncio

ADDRESS = Address("127.0.0.1", 8080)
HEAD = b"HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 3\r\n\r\n"


class Transport:
    """Says that it is open until it is closed."""

    def __init__(self) -> None:
        self.closed = False

    def get_extra_info(self, name: str) -> None:
        del name

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


class Read(NamedTuple):
    """What a connection made of the bytes."""

    heads: list[AnswerHead]
    body: bytes
    complete: bool
    lost: str
    idle: bool
    """Whether the connection serves again."""


class Reading:
    """Takes one answer, and lets the connection go when it is whole."""

    def __init__(self, connection: UpstreamConnection) -> None:
        self.connection = connection
        self.heads: list[AnswerHead] = []
        self.body = b""
        self.complete = False
        self.lost = ""

    def receive_answer_head(self, head: AnswerHead, now: float) -> None:
        assert now > 0
        self.heads.append(head)

    def receive_answer_body(self, data: bytes) -> None:
        assert data
        self.body += data

    def receive_answer_end(self, trailers: Sequence[Header]) -> None:
        assert not trailers
        self.complete = True

    def settle_answer(self, now: float) -> None:
        assert now > 0
        if self.complete:
            self.connection.release(request_sent=True)

    def upstream_lost(self, kind: FailureKind, detail: str) -> None:
        self.lost = f"{kind.value}: {detail}"

    def upstream_paused(self) -> None:
        """Nothing is sent."""

    def upstream_resumed(self) -> None:
        """Nothing is sent."""

    def tunnel_closed(self) -> None:
        """There is none."""


def read(
    pieces: Sequence[bytes], known: KnownHeads[AnswerHead] | None = None, *, to_head: bool = False
) -> Read:
    idle: list[UpstreamConnection] = []
    connection = UpstreamConnection(ADDRESS, known or KnownHeads(), idle.append, lambda _: None)
    connection.connection_made(cast("asyncio.Transport", Transport()))
    reading = Reading(connection)
    connection.begin(reading, to_head=to_head)
    for piece in pieces:
        if not reading.complete:
            connection.data_received(piece)
    found = Read(reading.heads, reading.body, reading.complete, reading.lost, bool(idle))
    connection.connection_lost(None)
    return found


def knowing(raw: bytes) -> KnownHeads[AnswerHead]:
    known = KnownHeads[AnswerHead]()
    assert read([raw], known).complete
    return known


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """An answer as bytes, written by h11."""
    body = draw(st.binary(max_size=200))
    status = draw(st.sampled_from((200, 204, 304, 404, 500)))
    chunked, keep_alive = draw(st.booleans()), draw(st.booleans())
    headers: list[tuple[bytes, bytes]] = [(b"A", draw(st.sampled_from((b"", b"b", b"c d"))))]
    if not keep_alive:
        headers.append((b"Connection", b"close"))
    if status in {204, 304}:
        body = b""
    elif chunked:
        headers.append((b"Transfer-Encoding", b"chunked"))
    else:
        headers.append((b"Content-Length", b"%d" % len(body)))
    writer = h11.Connection(h11.SERVER)
    writer.receive_data(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    writer.next_event()
    raw = b""
    if draw(st.booleans()):
        raw += writer.send(h11.InformationalResponse(status_code=103, headers=headers[:1])) or b""
    raw += writer.send(h11.Response(status_code=status, headers=headers)) or b""
    raw += (writer.send(h11.Data(body)) or b"") if body else b""
    return raw + (writer.send(h11.EndOfMessage()) or b"")


@given(answers(), st.lists(st.integers(0), max_size=5))
def test_an_answer_is_read_alike_whether_its_head_is_known_or_not(
    raw: bytes, places: list[int]
) -> None:
    anew, again = read([raw]), read(cut(raw, places), knowing(raw))
    assert anew.complete
    assert [head.headers for head in again.heads] == [head.headers for head in anew.heads]
    assert again[1:] == anew[1:]


def test_a_head_that_comes_again_is_the_same_object() -> None:
    known = knowing(HEAD + b"abc")
    first, second = read([HEAD, b"def"], known), read([HEAD + b"d", b"ef"], known)
    assert first.body == second.body == b"def"
    assert first.heads[0] is second.heads[0]


def test_an_answer_to_head_has_no_body_though_its_head_is_known() -> None:
    found = read([HEAD], knowing(HEAD + b"abc"), to_head=True)
    assert (found.complete, found.body, found.idle) == (True, b"", True)


@pytest.mark.parametrize("body", [b"abcd", b"abc" + HEAD], ids=["a byte", "a second answer"])
def test_what_follows_a_known_answer_spoils_the_connection(body: bytes) -> None:
    found = read([HEAD + body], knowing(HEAD + b"abc"))
    assert (found.complete, found.body, found.idle) == (True, b"abc", False)


@pytest.mark.parametrize("body", [b"", b"ab"])
def test_an_answer_with_a_known_head_is_broken_when_its_body_is_not_whole(body: bytes) -> None:
    idle: list[UpstreamConnection] = []
    known = knowing(HEAD + b"abc")
    connection = UpstreamConnection(ADDRESS, known, idle.append, lambda _: None)
    connection.connection_made(cast("asyncio.Transport", Transport()))
    reading = Reading(connection)
    connection.begin(reading, to_head=False)
    connection.data_received(HEAD + body)
    connection.eof_received()
    assert reading.lost == "closed: connection closed before the answer was whole"
    assert not reading.complete
    assert not idle


@pytest.mark.parametrize("line", [b"Connection: close\r\n", b"Keep-Alive: 5\r\n"])
def test_only_an_answer_after_which_the_connection_goes_on_is_known(line: bytes) -> None:
    raw = b"HTTP/1.1 200 OK\r\n" + line + b"Content-Length: 0\r\n\r\n"
    known = knowing(raw)
    first, second = read([raw], known), read([raw], known)
    assert (first.heads[0] is second.heads[0]) is (line != b"Connection: close\r\n")
