import weakref

import pytest

from servingkit.http1.core.message import (
    CHUNKED,
    UNTIL_CLOSE,
    AnswerHead,
    Header,
    MessageError,
    RequestHead,
    connection_options,
)

HOST = (b"Host", b"a")
CHUNKED_CODING = (b"Transfer-Encoding", b"Chunked")


def request(
    *headers: Header, method: bytes = b"GET", target: bytes = b"/", minor_version: int = 1
) -> RequestHead:
    return RequestHead(method, target, minor_version, headers)


@pytest.mark.parametrize(
    ("target", "host", "path"),
    [
        (b"/a?b", b"a", b"/a?b"),
        (b"http://b/a?b", b"b", b"/a?b"),
        (b"HTTPS://b:1/", b"b:1", b"/"),
        (b"http://b", b"b", b"/"),
        (b"http://b?c/d", b"b", b"/?c/d"),
        (b"http://[::1]:8/x", b"[::1]:8", b"/x"),
    ],
)
def test_host_and_path_come_from_an_absolute_target(
    target: bytes, host: bytes, path: bytes
) -> None:
    head = request(HOST, target=target)
    assert (head.host, head.target) == (host, path)


def test_asterisk_is_for_options() -> None:
    assert request(HOST, method=b"OPTIONS", target=b"*").target == b"*"


def test_options_of_a_whole_server_keeps_its_meaning() -> None:
    head = request(HOST, method=b"OPTIONS", target=b"http://b:1")
    assert (head.host, head.target) == (b"b:1", b"*")


@pytest.mark.parametrize(
    "host",
    [b"", b"a.b-c_d:80", b"a:", b"[::1]", b"[fe80::1%25eth0]:80", b"%C3%A9.example", b"a \t"],
)
def test_host_may_be_any_authority_without_a_user(host: bytes) -> None:
    assert request((b"Host", host)).host == host.rstrip()


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ({"headers": ()}, 400),
        ({"headers": (HOST, HOST)}, 400),
        ({"headers": (HOST, (b"HOST", b"a"))}, 400),
        ({"headers": (HOST,), "target": b"*"}, 400),
        ({"headers": (HOST,), "target": b"/#"}, 400),
        ({"headers": (HOST,), "target": b"a:80"}, 400),
        ({"headers": (HOST,), "target": b"http:///a"}, 400),
        ({"headers": (HOST,), "target": b"http://u:p@h/"}, 400),
        ({"headers": (HOST,), "method": b"CONNECT", "target": b"a:80"}, 405),
        ({"headers": (HOST, (b"Content-Length", b"1"), CHUNKED_CODING)}, 400),
        ({"headers": (HOST, (b"Content-Length", b"1"), (b"Content-Length", b"1"))}, 400),
        ({"headers": (HOST, (b"Content-Length", b"+1"))}, 400),
        ({"headers": (HOST, (b"Content-Length", b"1_0"))}, 400),
        ({"headers": (HOST, (b"Content-Length", b""))}, 400),
        ({"headers": (HOST, (b"Content-Length", b"0" * 5000 + b"3"))}, 400),
        ({"headers": ((b"Host", b"a, b"),)}, 400),
        ({"headers": ((b"Host", b"a b"),)}, 400),
        ({"headers": ((b"Host", b"u@a"),)}, 400),
        ({"headers": ((b"Host", b"a/b"),)}, 400),
        ({"headers": ((b"Host", b"a:x"),)}, 400),
        ({"headers": ((b"Host", b"[::1"),)}, 400),
        ({"headers": ((b"Host", b"\xe9"),)}, 400),
        ({"headers": (HOST,), "target": b"http://:80/"}, 400),
        ({"headers": (HOST,), "target": b"http://a:x/"}, 400),
        ({"headers": (HOST, (b"Transfer-Encoding", b"gzip, chunked"))}, 501),
        ({"headers": (HOST, CHUNKED_CODING), "minor_version": 0}, 400),
    ],
    ids=str,
)
def test_request_that_may_mean_two_things_is_refused(head: dict[str, object], status: int) -> None:
    whole = {"method": b"GET", "target": b"/", "minor_version": 1} | head
    with pytest.raises(MessageError) as caught:
        RequestHead(**whole)  # type: ignore[arg-type]
    assert caught.value.status == status


def test_client_of_1_0_needs_no_host() -> None:
    assert request(minor_version=0).host == b""


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ((), 0),
        (((b"content-length", b"007"),), 7),
        (((b"Content-Length", b"7 \t"),), 7),
        ((CHUNKED_CODING,), CHUNKED),
    ],
)
def test_body_length_of_a_request(headers: tuple[Header, ...], length: int) -> None:
    assert request(HOST, *headers, method=b"POST").body_length == length


@pytest.mark.parametrize(
    ("minor_version", "connection", "kept"),
    [
        (1, None, True),
        (1, b"Close", False),
        (1, b"x , CLOSE", False),
        (0, None, False),
        (0, b"Keep-Alive", True),
        (0, b"keep-alive, close", False),
    ],
)
def test_keep_alive_of_a_request(
    minor_version: int, connection: bytes | None, *, kept: bool
) -> None:
    headers = (HOST,) if connection is None else (HOST, (b"Connection", connection))
    assert request(*headers, minor_version=minor_version).keep_alive is kept


UPGRADE = ((b"Connection", b"keep-alive, Upgrade"), (b"Upgrade", b"WebSocket"))


def test_bodyless_get_may_ask_for_a_websocket() -> None:
    assert request(HOST, *UPGRADE).wants_websocket


@pytest.mark.parametrize(
    "head",
    [
        request(HOST, UPGRADE[1]),
        request(HOST, UPGRADE[0]),
        request(HOST, UPGRADE[0], (b"Upgrade", b"h2c")),
        request(HOST, *UPGRADE, method=b"POST"),
        request(HOST, *UPGRADE, minor_version=0),
        request(HOST, *UPGRADE, (b"Content-Length", b"1")),
        request(HOST, *UPGRADE, CHUNKED_CODING),
    ],
    ids=["no Connection", "no Upgrade", "h2c", "POST", "1.0", "with a length", "chunked"],
)
def test_nothing_else_may_ask_for_a_tunnel(head: RequestHead) -> None:
    assert not head.wants_websocket


LENGTH = (b"Content-Length", b"3")


@pytest.mark.parametrize(
    ("status", "headers", "to_head", "length"),
    [
        (200, (LENGTH,), False, 3),
        (200, (CHUNKED_CODING,), False, CHUNKED),
        (200, (), False, UNTIL_CLOSE),
        (200, (LENGTH,), True, 0),
        (200, (CHUNKED_CODING,), True, 0),
        (200, (), True, 0),
        (204, (LENGTH,), False, 0),
        (304, (LENGTH,), False, 0),
        (100, (), False, 0),
    ],
)
def test_body_length_of_an_answer(
    status: int, headers: tuple[Header, ...], *, to_head: bool, length: int
) -> None:
    assert AnswerHead(status, b"", headers, to_head=to_head).body_length == length


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (99, ()),
        (600, ()),
        (200, (LENGTH, LENGTH)),
        (200, ((b"Content-Length", b"x"),)),
        (200, ((b"Transfer-Encoding", b"gzip"),)),
    ],
)
def test_answer_that_cannot_be_framed_is_refused(status: int, headers: tuple[Header, ...]) -> None:
    with pytest.raises(MessageError):
        AnswerHead(status, b"", headers)


def test_repeated_fields_are_joined() -> None:
    assert request(HOST, (b"A", b"1"), (b"a", b"2")).fields[b"a"] == b"1, 2"


@pytest.mark.parametrize("method", [b"OPTIONS", b"TRACE"])
def test_each_hop_counts_down(method: bytes) -> None:
    headers = ((b"Host", b"a"), (b"max-forwards", b"10 "), (b"X", b"1"))
    head = RequestHead(method, b"/", 1, headers)
    assert head.headers == [(b"Host", b"a"), (b"max-forwards", b"9"), (b"X", b"1")]
    assert head.fields[b"max-forwards"] == b"9"


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (b"timeout=5", 5.0),
        (b"timeout=5, max=100", 5.0),
        (b"max=100,Timeout = 7", 7.0),
        (b'timeout="5"', 5.0),
        (b"timeout=0", 0.0),
        (b"max=100", None),
        (b"timeout=soon", None),
        (b"x-timeout=5", None),
        (b"timeout=99999999999999999999", None),
    ],
)
def test_upstream_may_say_how_long_it_waits(value: bytes, seconds: float | None) -> None:
    assert AnswerHead(200, b"OK", ((b"Keep-Alive", value),)).idle_s == seconds


def test_upstream_that_says_nothing_of_its_patience() -> None:
    assert AnswerHead(200, b"OK", ()).idle_s is None


def test_what_a_hostile_client_says_at_length_does_not_stay_in_memory() -> None:
    usual = b"close, te"
    assert connection_options(usual) is connection_options(usual)
    options = weakref.ref(connection_options(b",".join(b"%d" % n for n in range(10_000))))
    assert options() is None
