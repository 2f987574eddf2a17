import pytest

from servingkit.http1.core.forwarding import (
    encode_answer,
    encode_chunk,
    encode_last_chunk,
    encode_own_answer,
    encode_request,
    forwarded_for,
)
from servingkit.http1.core.message import AnswerHead, Header, RequestHead

HOST = (b"Host", b"a")


def request(*headers: Header, method: bytes = b"GET") -> RequestHead:
    return RequestHead(method, b"/x", 1, (HOST, *headers))


VIA = b"Via: 1.1 inflight"


def lines(head: bytes) -> list[bytes]:
    """Return the lines of a head without what each request gets."""
    assert head.endswith(b"\r\n\r\n")
    return [line for line in head[:-4].split(b"\r\n") if line != VIA]


@pytest.mark.parametrize(
    "header",
    [
        (b"Keep-Alive", b"timeout=5"),
        (b"Proxy-Connection", b"keep-alive"),
        (b"TE", b"trailers"),
        (b"Upgrade", b"h2c"),
        (b"HTTP2-Settings", b"AAA"),
        (b"Connection", b"close"),
        (b"Connection", b"keep-alive"),
    ],
    ids=str,
)
def test_fields_of_one_hop_end_here(header: Header) -> None:
    assert lines(encode_request(request(header, (b"X", b"1")))) == [
        b"GET /x HTTP/1.1",
        b"Host: a",
        b"X: 1",
    ]
    answer = encode_answer(
        AnswerHead(200, b"OK", (header, (b"Content-Length", b"0"))),
        minor_version=1,
        keep_alive=True,
        asked_by_head=False,
    )
    assert lines(answer) == [b"HTTP/1.1 200 OK", b"Content-Length: 0"]


def test_trailers_are_announced_where_they_pass() -> None:
    announced = (b"Trailer", b"X")
    assert lines(encode_request(request(announced)))[2:] == []
    answer = encode_answer(
        AnswerHead(200, b"OK", (announced, (b"Transfer-Encoding", b"chunked"))),
        minor_version=1,
        keep_alive=True,
        asked_by_head=False,
    )
    assert lines(answer)[1:] == [b"Trailer: X", b"Transfer-Encoding: chunked"]


def test_fields_that_connection_names_end_here() -> None:
    head = request((b"Connection", b"close, X-Hop"), (b"x-hop", b"1"), (b"X-End", b"2"))
    assert lines(encode_request(head))[2:] == [b"X-End: 2"]


@pytest.mark.parametrize(
    "name",
    [b"Host", b"Authorization", b"K-Proxy-Request", b"K-Network-Probe", b"Inflight-Queue"],
)
def test_connection_cannot_remove_what_changes_the_meaning(name: bytes) -> None:
    other = () if name == b"Host" else ((name, b"v"),)
    encoded = encode_request(request((b"Connection", name.lower()), *other))
    assert b"\r\n" + name + b": " in encoded


@pytest.mark.parametrize("name", [b"Content-Length", b"Transfer-Encoding"])
def test_connection_cannot_remove_framing(name: bytes) -> None:
    value = b"3" if name == b"Content-Length" else b"chunked"
    head = request((name, value), (b"Connection", name), method=b"POST")
    assert lines(encode_request(head))[2:] == [name + b": " + value]


def test_names_and_order_of_other_fields_stay_as_they_came() -> None:
    head = request((b"B", b"1"), (b"a", b"2"), (b"B", b"3"))
    assert lines(encode_request(head))[2:] == [b"B: 1", b"a: 2", b"B: 3"]


def test_edits_drop_add_and_set_the_host() -> None:
    head = request((b"A", b"1"), (b"B", b"2"))
    encoded = encode_request(head, frozenset((b"a",)), ((b"C", b"3"),), b"h")
    assert lines(encoded)[1:] == [b"Host: h", b"B: 2", b"C: 3"]


def test_request_tells_who_passed_it_on_after_those_before() -> None:
    head = request((b"Via", b"1.0 fred, 1.1 p.example"), (b"X", b"1"))
    earlier = b"Via: 1.0 fred, 1.1 p.example"
    assert encode_request(head).split(b"\r\n")[2:-2] == [earlier, b"X: 1", VIA]
    old = RequestHead(b"GET", b"/x", 0, (HOST,))
    assert encode_request(old).split(b"\r\n")[2:-2] == [b"Via: 1.0 inflight"]


def test_answer_says_nothing_of_us() -> None:
    answer = encode_answer(
        AnswerHead(200, b"OK", ((b"Via", b"1.1 model"), (b"Content-Length", b"0"))),
        minor_version=1,
        keep_alive=True,
        asked_by_head=False,
    )
    assert answer.count(b"Via: ") == 1


def test_websocket_offer_passes() -> None:
    head = request((b"Connection", b"upgrade"), (b"Upgrade", b"websocket"))
    assert lines(encode_request(head))[2:] == [b"Connection: Upgrade", b"Upgrade: websocket"]


@pytest.mark.parametrize(
    ("status", "headers", "minor_version", "asked_by_head", "framing"),
    [
        (200, ((b"Content-Length", b"3"),), 1, False, [b"Content-Length: 3"]),
        (200, ((b"Transfer-Encoding", b"chunked"),), 1, False, [b"Transfer-Encoding: chunked"]),
        (200, ((b"Transfer-Encoding", b"chunked"),), 0, False, []),
        (200, (), 1, False, [b"Transfer-Encoding: chunked"]),
        (200, (), 0, False, []),
        (200, ((b"Content-Length", b"3"),), 1, True, [b"Content-Length: 3"]),
        (200, (), 1, True, []),
        (204, ((b"Content-Length", b"3"),), 1, False, []),
        (304, ((b"Content-Length", b"3"),), 1, False, [b"Content-Length: 3"]),
        (304, (), 1, False, []),
    ],
)
def test_framing_of_an_answer_is_written_anew(
    status: int,
    headers: tuple[Header, ...],
    minor_version: int,
    *,
    asked_by_head: bool,
    framing: list[bytes],
) -> None:
    head = AnswerHead(status, b"", headers, to_head=asked_by_head)
    encoded = encode_answer(
        head, minor_version=minor_version, keep_alive=True, asked_by_head=asked_by_head
    )
    connection = [] if minor_version else [b"Connection: keep-alive"]
    assert lines(encoded)[1:] == framing + connection


def test_edits_drop_fields_of_an_answer() -> None:
    head = AnswerHead(204, b"", ((b"A", b"1"), (b"Inflight-Reason", b"x")))
    dropped = frozenset((b"inflight-reason",))
    encoded = encode_answer(head, dropped, minor_version=1, keep_alive=True, asked_by_head=False)
    assert lines(encoded)[1:] == [b"A: 1"]


def test_last_answer_says_so() -> None:
    encoded = encode_own_answer(503, ((b"A", b"1"),), b"no", minor_version=1, keep_alive=False)
    assert lines(encoded) == [
        b"HTTP/1.1 503 Service Unavailable",
        b"A: 1",
        b"Content-Length: 2",
        b"Connection: close",
    ]


def test_own_answer_of_a_status_without_a_body_has_no_length() -> None:
    encoded = encode_own_answer(204, (), b"", minor_version=1, keep_alive=True)
    assert lines(encoded) == [b"HTTP/1.1 204 No Content"]


def test_chunks_carry_their_size_in_hexadecimal() -> None:
    assert encode_chunk(b"x" * 16) == b"10\r\n" + b"x" * 16 + b"\r\n"
    assert encode_last_chunk() == b"0\r\n\r\n"


def test_trailers_that_would_be_acted_on_do_not_pass() -> None:
    trailers = ((b"Grpc-Status", b"0"), (b"Host", b"b"), (b"Authorization", b"c"))
    assert encode_last_chunk(trailers) == b"0\r\nGrpc-Status: 0\r\n\r\n"


@pytest.mark.parametrize(("earlier", "value"), [(None, b"1.2.3.4"), (b"b", b"b, 1.2.3.4")])
def test_forwarded_for_ends_with_the_peer(earlier: bytes | None, value: bytes) -> None:
    assert forwarded_for(earlier, "1.2.3.4") == (b"X-Forwarded-For", value)


def test_a_head_that_is_sent_again_follows_its_edits() -> None:
    head = request((b"A", b"1"), (b"B", b"2"))
    drop_a, drop_b = frozenset((b"a",)), frozenset((b"b",))
    for _ in range(2):
        assert lines(encode_request(head, drop_a, ((b"C", b"3"),)))[2:] == [b"B: 2", b"C: 3"]
        assert lines(encode_request(head, drop_b))[2:] == [b"A: 1"]
        assert lines(encode_request(head, drop_b, (), b"h"))[1:] == [b"Host: h", b"A: 1"]


def test_an_answer_that_is_given_again_suits_its_client() -> None:
    head = AnswerHead(200, b"OK", ((b"A", b"1"), (b"Content-Length", b"0")))
    drop_a = frozenset((b"a",))

    def encoded(
        dropped: frozenset[bytes], *added: Header, minor_version: int = 1, keep_alive: bool = True
    ) -> list[bytes]:
        return lines(
            encode_answer(
                head,
                dropped,
                minor_version=minor_version,
                keep_alive=keep_alive,
                asked_by_head=False,
                added=added,
            )
        )[1:]

    length = b"Content-Length: 0"
    for _ in range(2):
        assert encoded(drop_a) == [length]
        assert encoded(frozenset()) == [b"A: 1", length]
        assert encoded(drop_a, (b"B", b"2")) == [length, b"B: 2"]
        assert encoded(drop_a, keep_alive=False) == [length, b"Connection: close"]
        assert encoded(drop_a, minor_version=0) == [length, b"Connection: keep-alive"]
