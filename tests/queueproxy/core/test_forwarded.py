"""The standard's `Forwarded`, made from the fields that proxies invented before it."""

import pytest

from queueproxy.core.forwarded import forwarded


@pytest.mark.parametrize(
    ("nodes", "host", "protocol", "expected"),
    [
        (b"127.0.0.1, ::1", b"h", b"p", b'for=127.0.0.1;host=h;proto=p, for="[::1]"'),
        (b"127.0.0.1", b"h", b"p", b"for=127.0.0.1;host=h;proto=p"),
        (b"127.0.0.1, ::1", b"", b"", b'for=127.0.0.1, for="[::1]"'),
        (b"127.0.0.1, ::1", b"", b"p", b'for=127.0.0.1;proto=p, for="[::1]"'),
        (b"127.0.0.1, ::1", b"h", b"", b'for=127.0.0.1;host=h, for="[::1]"'),
        (b"::1,10.0.0.1", b"h", b"", b'for="[::1]";host=h, for=10.0.0.1'),
        (b"2001:db8::7", b"", b"https", b'for="[2001:db8::7]";proto=https'),
        (b"[2001:db8::7]:4711", b"", b"", b'for="[2001:db8::7]:4711"'),
        (b"10.0.0.1:80", b"", b"", b'for="10.0.0.1:80"'),
        (b"", b"h", b"", b"host=h"),
        (b"", b"", b"p", b"proto=p"),
        (b"", b"h", b"p", b"host=h;proto=p"),
        (b"", b"api.example.com:8443", b"", b'host="api.example.com:8443"'),
        (b"unknown, _hidden", b"", b"", b"for=unknown, for=_hidden"),
        (b"10.0.0.1", b'h";proto=x, for="me', b"", b'for=10.0.0.1;host="h\\";proto=x, for=\\"me"'),
    ],
)
def test_forwarded_is_made_of_what_came(
    nodes: bytes, host: bytes, protocol: bytes, expected: bytes
) -> None:
    assert forwarded(None, nodes or None, host or None, protocol or None) == expected


def test_forwarded_that_came_is_left_alone() -> None:
    assert forwarded(b"for=a, for=b", b"c", None, None) is None


def test_nothing_is_made_of_nothing() -> None:
    assert forwarded(None, None, None, None) is None
