"""Requests that are hostile, malformed or merely odd, and what becomes of each.

Drawn from RFC 9112 and from published smuggling techniques: CL.TE, TE.CL and TE.TE ("HTTP Desync
Attacks", Kettle 2019), TE.0 and chunk extensions (2024, 2025), h2c smuggling (2020), Expect (2025),
hop-by-hop fields (2019), Host attacks (2020). Where the RFC leaves a choice, a comment tells ours.
"""

from typing import NamedTuple


class Case(NamedTuple):
    """What a client sends, and what then must happen."""

    raw: bytes

    passes: tuple[bytes, ...] = ()
    """The requests that the upstream gets whole, byte for byte; each is answered."""

    begins: bytes = b""
    """What the upstream gets of a request whose body is then refused; its connection is cut."""

    refused: int = 0
    """The status that the client gets then, and no further answer. 0: none."""

    closes: bool = False
    """Whether the connection closes after the last answer; always after a refusal."""


def get(*fields: bytes, line: bytes = b"GET / HTTP/1.1", host: bytes = b"Host: a") -> bytes:
    """A request without a body."""
    return b"\r\n".join((line, *((host,) if host else ()), *fields, b"", b""))


def post(*fields: bytes, body: bytes = b"abc", line: bytes = b"POST / HTTP/1.1") -> bytes:
    """A request with whatever framing `fields` give it."""
    return get(*fields, line=line) + body


CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: 3"
LAST = b"0\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
WEBSOCKET = (b"Connection: Upgrade", b"Upgrade: websocket")

PLAIN = get()
ABC = post(LENGTH)
ABC_CHUNKED = post(CHUNKED, body=b"3\r\nabc\r\n" + LAST)
EMPTY_CHUNKED = post(CHUNKED, body=LAST)
BEGUN = get(CHUNKED, line=b"POST / HTTP/1.1")
BEGUN_ABC = BEGUN + b"3\r\nabc\r\n"


def refused(status: int, raw: bytes) -> Case:
    """Refused by its head: the upstream hears nothing of it."""
    return Case(raw, refused=status)


def awaited(body: bytes) -> Case:
    """A chunked body whose end does not come; the upstream may have seen all of it but that."""
    return Case(in_chunks(body), begins=in_chunks(body), refused=408)


def passed(raw: bytes, *seen: bytes, closes: bool = False) -> Case:
    """Passed on as `seen`."""
    return Case(raw, passes=seen, closes=closes)


def coded(value: bytes) -> bytes:
    """A request that smuggles another to whoever does not see that it is chunked."""
    return post(b"Transfer-Encoding:" + value, body=LAST + SMUGGLED)


def long(value: bytes) -> bytes:
    """A request with this length."""
    return post(b"Content-Length:" + value)


def in_chunks(body: bytes) -> bytes:
    """A chunked request with this body."""
    return post(CHUNKED, body=body)


def cut(body: bytes, begins: bytes = BEGUN) -> Case:
    """A chunked body that is refused when its fault shows."""
    return Case(in_chunks(body), begins=begins, refused=400)


FRAMING = {
    "CL.TE": refused(400, post(b"Content-Length: 40", CHUNKED, body=LAST + SMUGGLED)),
    "TE.CL": refused(400, post(CHUNKED, LENGTH, body=b"25\r\n" + SMUGGLED + b"\r\n" + LAST)),
    "CL.TE with a length of 0": refused(400, post(b"Content-Length: 0", CHUNKED, body=LAST)),
    "CL.TE with an unknown coding": refused(400, post(LENGTH, b"Transfer-Encoding: xchunked")),
    "TE.CL with an empty coding": refused(400, post(b"Transfer-Encoding:", LENGTH)),
    "TE on 1.0": refused(400, post(CHUNKED, body=LAST, line=b"POST / HTTP/1.0")),
    "TE xchunked": refused(501, coded(b" xchunked")),
    "TE quoted": refused(501, coded(b' "chunked"')),
    "TE with a parameter": refused(501, coded(b" chunked;q=1")),
    "TE with a Kelvin sign": refused(501, coded(" chun\u212aed".encode())),
    "TE gzip, chunked": refused(501, coded(b" gzip, chunked")),
    "TE identity, chunked": refused(501, coded(b" identity, chunked")),
    "TE identity": refused(501, post(b"Transfer-Encoding: identity")),
    "TE after a comma": refused(501, coded(b" ,chunked")),
    "TE before a comma": refused(400, coded(b" chunked,")),
    "TE chunked, chunked": refused(400, coded(b" chunked, chunked")),
    "TE chunked, gzip": refused(400, coded(b" chunked, gzip")),
    "TE chunked, identity": refused(400, coded(b" chunked, identity")),
    "TE twice": refused(400, post(CHUNKED, CHUNKED, body=LAST)),
    "TE, then another": refused(400, post(CHUNKED, b"Transfer-Encoding: x", body=LAST)),
    "TE empty": refused(400, coded(b"")),
    "TE after VT": refused(400, coded(b" \x0bchunked")),
    "TE before VT": refused(400, coded(b" chunked\x0b")),
    "TE before NUL": refused(400, coded(b" chunked\x00")),
    "TE folded": refused(400, coded(b"\r\n chunked")),
    "TE folded with a tab": refused(400, coded(b"\r\n\tchunked")),
    "TE after a bare CR": refused(400, post(b"X: y\rTransfer-Encoding: chunked", body=LAST)),
    "TE after a bare LF": refused(400, post(b"X: y\nTransfer-Encoding: chunked", body=LAST)),
    "TE, space before the colon": refused(400, post(b"Transfer-Encoding : chunked", body=LAST)),
    "TE, tab before the colon": refused(400, post(b"Transfer-Encoding\t: chunked", body=LAST)),
    "TE, VT before the colon": refused(400, post(b"Transfer-Encoding\x0b: chunked", body=LAST)),
    "TE, space before the name": refused(400, get(host=b" " + CHUNKED) + LAST),
    # A space after a value is no part of it, but llhttp takes this for another coding: so do we.
    "TE before a space": refused(501, coded(b" chunked ")),
    "TE before a tab": refused(501, coded(b" chunked\t")),
    "TE after a tab": passed(coded(b"\tchunked"), EMPTY_CHUNKED, SMUGGLED),
    "TE in other letters": passed(coded(b" cHuNkEd"), EMPTY_CHUNKED, SMUGGLED),
    # An underscore makes another name; whoever takes it for the same errs behind us.
    "TE with an underscore": passed(
        post(b"Transfer_Encoding: chunked", LENGTH), post(b"Transfer_Encoding: chunked", LENGTH)
    ),
    "CL twice": refused(400, post(LENGTH, LENGTH)),
    "CL twice, different": refused(400, post(LENGTH, b"Content-Length: 0", body=SMUGGLED)),
    "CL twice in other letters": refused(400, post(LENGTH, b"content-length: 4")),
    "CL list": refused(400, long(b" 3, 3")),
    "CL list, different": refused(400, long(b" 3, 4")),
    "CL empty": refused(400, long(b"")),
    "CL plus": refused(400, long(b" +3")),
    "CL minus": refused(400, long(b" -3")),
    "CL hexadecimal": refused(400, long(b" 0x3")),
    "CL with an underscore": refused(400, long(b" 0_3")),
    "CL with a space inside": refused(400, long(b" 0 3")),
    "CL with a point": refused(400, long(b" 3.0")),
    "CL with an exponent": refused(400, long(b" 3e0")),
    "CL in Arabic": refused(400, long(" \u0663".encode())),
    "CL after VT": refused(400, long(b" \x0b3")),
    "CL folded": refused(400, long(b" 0\r\n 3")),
    "CL of 2**64": refused(400, long(b" 18446744073709551616")),
    "CL of 2**64 + 3": refused(400, long(b" 18446744073709551619")),
    "CL of 5000 nines": refused(400, long(b" " + b"9" * 5000)),
    "CL of 5000 noughts": refused(400, long(b" " + b"0" * 5000 + b"3")),
    "CL, space before the colon": refused(400, post(b"Content-Length : 3")),
    "CL with noughts before": passed(long(b" 003"), ABC),
    "CL after a tab": passed(long(b"\t3"), ABC),
    "CL before spaces": passed(long(b" 3 \t"), ABC),
    "CL too long": Case(long(b" 9"), begins=post(b"Content-Length: 9"), refused=408),
    "CL too short": Case(long(b" 3") + b"d\r\n\r\n", passes=(ABC,), refused=400),
    "CL, then another request": passed(ABC + SMUGGLED, ABC, SMUGGLED),
    "CL on GET": passed(
        post(b"Content-Length: 35", body=SMUGGLED, line=b"GET / HTTP/1.1"),
        post(b"Content-Length: 35", body=SMUGGLED, line=b"GET / HTTP/1.1"),
    ),
    "CL named by Connection": passed(post(b"Connection: content-length", LENGTH), ABC),
    "TE named by Connection": passed(
        post(b"Connection: transfer-encoding", CHUNKED, body=LAST), EMPTY_CHUNKED
    ),
}

CHUNKS = {
    "size after a space": cut(b" 3\r\nabc\r\n" + LAST),
    "size before a space": cut(b"3 \r\nabc\r\n" + LAST),
    "size before a tab": cut(b"3\t\r\nabc\r\n" + LAST),
    "size before a space and an extension": cut(b"3 ;a\r\nabc\r\n" + LAST),
    "size with a space inside": cut(b"0 3\r\nabc\r\n" + LAST),
    "size minus": cut(b"-3\r\nabc\r\n" + LAST),
    "size plus": cut(b"+3\r\nabc\r\n" + LAST),
    "size 0x": cut(b"0x3\r\nabc\r\n" + LAST),
    "size with an underscore": cut(b"0_3\r\nabc\r\n" + LAST),
    "size with another letter": cut(b"3g\r\nabc\r\n" + LAST),
    "size in full width": cut("\uff13\r\nabc\r\n".encode() + LAST),
    "size of 2**64 + 3": cut(b"10000000000000003\r\nabc\r\n" + LAST),
    "size of other letters": cut(b"xyz\r\nabc\r\n" + LAST),
    "size missing": cut(b"\r\nabc\r\n" + LAST),
    "size missing before an extension": cut(b";a\r\nabc\r\n" + LAST),
    "size before a bare LF": cut(b"3\nabc\r\n" + LAST),
    "size before a bare CR": cut(b"3\rabc\r\n" + LAST),
    "size before two CR": cut(b"3\r\r\nabc\r\n" + LAST),
    "size too small": cut(b"2\r\nabc\r\n" + LAST, BEGUN + b"2\r\nab\r\n"),
    "size too large": cut(b"5\r\nabc\r\n" + LAST, BEGUN + b"5\r\nabc\r\n\r\n"),
    "size after noughts": passed(in_chunks(b"0" * 99 + b"3\r\nabc\r\n" + LAST), ABC_CHUNKED),
    "size of 2**64 - 1": awaited(b"ffffffffffffffff\r\nabc\r\n" + LAST),
    "extension": passed(in_chunks(b"3;a=b;c\r\nabc\r\n0;d\r\n\r\n"), ABC_CHUNKED),
    "extension in quotes": passed(in_chunks(b'3;a="b;c"\r\nabc\r\n' + LAST), ABC_CHUNKED),
    "extension with CRLF in quotes": cut(b'3;a="\r\n"\r\nabc\r\n' + LAST),
    "extension with a bare CR": cut(b"3;a\rb\r\nabc\r\n" + LAST),
    "extension with a bare LF": cut(b"3;a\nabc\r\n" + LAST),
    "extension that hides a chunk (TERM.EXT)": cut(b"3;\nabc\r\n1d\r\n" + LAST + SMUGGLED),
    "extension with NUL": cut(b"3;a\x00\r\nabc\r\n" + LAST),
    "extension of 30,000 bytes": cut(b"3;" + b"a" * 30_000 + b"\r\nabc\r\n" + LAST),
    "end of a chunk missing": cut(b"3\r\nabc0\r\n\r\n", BEGUN_ABC),
    "end of a chunk is something else": cut(b"3\r\nabcXX" + LAST, BEGUN_ABC),
    "end of a chunk half something else": cut(b"3\r\nabc\rX" + LAST, BEGUN_ABC),
    "end of a chunk is a bare LF": cut(b"3\r\nabc\n" + LAST, BEGUN_ABC),
    "end of a chunk is a bare CR": cut(b"3\r\nabc\r" + LAST, BEGUN_ABC),
    "end of the body is a bare LF": cut(b"3\r\nabc\r\n0\n\n", BEGUN_ABC),
    "end of the body half a bare LF": cut(b"3\r\nabc\r\n0\r\n\n", BEGUN_ABC),
    "end of the body missing": awaited(b"3\r\nabc\r\n0\r\n"),
    "end of the body is something else": awaited(b"3\r\nabc\r\n0\r\nXX"),
    "end of the body with two CR": cut(b"3\r\nabc\r\n0\r\r\n\r\n", BEGUN_ABC),
    "end of the body before a space": cut(b"3\r\nabc\r\n0 \r\n\r\n", BEGUN_ABC),
    "end of the body with noughts": passed(in_chunks(b"3\r\nabc\r\n00\r\n\r\n"), ABC_CHUNKED),
    "end of the body, then another request": passed(ABC_CHUNKED + SMUGGLED, ABC_CHUNKED, SMUGGLED),
    "end of the body, then garbage": Case(
        ABC_CHUNKED + b"\x00\x01\r\n\r\n", passes=(ABC_CHUNKED,), refused=400
    ),
    # Trailers of requests end here: no model reads them, and some merge them into the head.
    "trailer": passed(in_chunks(b"3\r\nabc\r\n0\r\nX: y\r\n\r\n"), ABC_CHUNKED),
    "trailer Host": passed(in_chunks(b"3\r\nabc\r\n0\r\nHost: b\r\n\r\n"), ABC_CHUNKED),
    "trailer Content-Length": cut(b"3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n", BEGUN_ABC),
    "trailer Transfer-Encoding": cut(b"3\r\nabc\r\n0\r\n" + CHUNKED + b"\r\n\r\n", BEGUN_ABC),
    "trailer with a bad name": cut(b"3\r\nabc\r\n0\r\nX(: y\r\n\r\n", BEGUN_ABC),
    "trailer with a bare LF": cut(b"3\r\nabc\r\n0\r\nX: y\n\r\n", BEGUN_ABC),
    "trailer folded": cut(b"3\r\nabc\r\n0\r\nX: y\r\n z\r\n\r\n", BEGUN_ABC),
    "trailers of 30,000 bytes": cut(b"3\r\nabc\r\n0\r\n" + b"X: y\r\n" * 5_000, BEGUN_ABC),
}

LINES = {
    "no version": refused(505, b"GET /\r\n\r\n"),
    "version 0.9": refused(505, get(line=b"GET / HTTP/0.9")),
    "version 1.2": refused(505, get(line=b"GET / HTTP/1.2")),
    "version 2.0": refused(505, get(line=b"GET / HTTP/2.0")),
    "version 3.0": refused(505, get(line=b"GET / HTTP/3.0")),
    "version 1.10": refused(400, get(line=b"GET / HTTP/1.10")),
    "version 1": refused(400, get(line=b"GET / HTTP/1")),
    "version in small letters": refused(400, get(line=b"GET / http/1.1")),
    "version of nothing": refused(400, get(line=b"GET / XYZ/1.1")),
    "OPTIONS for no further hop": refused(200, get(b"Max-Forwards: 0", line=b"OPTIONS * HTTP/1.1")),
    "TRACE for no further hop": refused(405, get(b"Max-Forwards: 0", line=b"TRACE / HTTP/1.1")),
    "TRACE for so many hops": refused(400, get(b"Max-Forwards: 1, 2", line=b"TRACE / HTTP/1.1")),
    "OPTIONS for less than no hop": refused(
        400, get(b"Max-Forwards: -1", line=b"OPTIONS / HTTP/1.1")
    ),
    "GET for no further hop": passed(p := get(b"Max-Forwards: 0"), p),
    "RTSP": refused(400, get(line=b"GET / RTSP/1.0")),
    "RTSP 1.1": refused(400, get(line=b"POST /a RTSP/1.1")),
    "RTSP, OPTIONS *": refused(400, get(line=b"OPTIONS * RTSP/1.0")),
    "RTSP after two spaces": refused(400, get(line=b"GET /  RTSP/1.0")),
    "RTSP after empty lines": refused(400, b"\r\n\r\n" + get(line=b"GET / RTSP/1.0")),
    "RTSP after a request": Case(PLAIN + get(line=b"GET /b RTSP/1.0"), (PLAIN,), refused=400),
    "RTSP after a chunked request": Case(
        ABC_CHUNKED + get(line=b"GET /b RTSP/1.0"), (ABC_CHUNKED,), refused=400
    ),
    "RTSP with much after it": refused(400, get(b"X: " + b"y" * 9_000, line=b"GET / RTSP/1.0")),
    "ICE": refused(400, get(line=b"SOURCE / ICE/1.0")),
    "RTSP in a field": passed(p := get(b"X: GET / RTSP/1.0"), p),
    "RTSP in a target": passed(p := get(line=b"GET /%20RTSP/1.0 HTTP/1.1"), p),
    "RTSP in a body": passed(p := post(b"Content-Length: 18", body=b"GET /a RTSP/1.0\r\n\n"), p),
    "preface of HTTP/2": refused(505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "TLS": refused(400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "answer": refused(400, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    # RFC 9110 section 9.1 has 501 for a method that is unknown; llhttp knows garbage from it no
    # better than we do.
    "unknown method": refused(400, get(line=b"FROBNICATE / HTTP/1.1")),
    "method in small letters": refused(400, get(line=b"get / HTTP/1.1")),
    "method of 100,000 letters": refused(400, get(line=b"G" * 100_000 + b" / HTTP/1.1")),
    "CONNECT": refused(405, get(line=b"CONNECT a:80 HTTP/1.1")),
    "CONNECT with a body": refused(405, post(LENGTH, line=b"CONNECT a:80 HTTP/1.1")),
    "TRACE": passed(get(line=b"TRACE / HTTP/1.1"), get(line=b"TRACE / HTTP/1.1")),
    "asterisk": refused(400, get(line=b"GET * HTTP/1.1")),
    "asterisk and more": refused(400, get(line=b"OPTIONS *x HTTP/1.1")),
    "OPTIONS *": passed(get(line=b"OPTIONS * HTTP/1.1"), get(line=b"OPTIONS * HTTP/1.1")),
    "OPTIONS of a server": passed(  # RFC 9112 section 3.2.4
        get(line=b"OPTIONS http://b HTTP/1.1"), get(line=b"OPTIONS * HTTP/1.1", host=b"Host: b")
    ),
    "authority": refused(400, get(line=b"GET a:80 HTTP/1.1")),
    "target without a slash": refused(400, get(line=b"GET x HTTP/1.1")),
    "target with a fragment": refused(400, get(line=b"GET /#x HTTP/1.1")),
    "target with NUL": refused(400, get(line=b"GET /\x00 HTTP/1.1")),
    "target with DEL": refused(400, get(line=b"GET /\x7f HTTP/1.1")),
    "target beyond ASCII": refused(400, get(line=b"GET /\xc3\xa9 HTTP/1.1")),
    "target with a space": refused(400, get(line=b"GET /a b HTTP/1.1")),
    "target with a tab": refused(400, get(line=b"GET /a\tb HTTP/1.1")),
    "target with a bare CR": refused(400, get(line=b"GET /\rX: y HTTP/1.1")),
    "target of 20,000 bytes": refused(414, get(line=b"GET /" + b"a" * 20_000 + b" HTTP/1.1")),
    "target beyond a head": refused(431, get(line=b"GET /" + b"a" * 100_000 + b" HTTP/1.1")),
    "tabs in the line": refused(400, get(line=b"GET\t/\tHTTP/1.1")),
    "space before the line": refused(400, get(line=b" GET / HTTP/1.1")),
    "space after the line": refused(400, get(line=b"GET / HTTP/1.1 ")),
    "line before a bare LF": refused(400, b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    "line before a bare CR": refused(400, b"GET / HTTP/1.1\rHost: a\r\n\r\n"),
    "line without an end": refused(408, b"GET /"),
    # RFC 9112 sections 2.2 and 3 allow these; what is passed on is clean.
    "two spaces in the line": passed(get(line=b"GET  /  HTTP/1.1"), PLAIN),
    "empty lines before": passed(b"\r\n\r\n" + PLAIN, PLAIN),
    "50,000 empty lines": refused(431, b"\r\n" * 50_000),
    "two slashes": passed(get(line=b"GET //b HTTP/1.1"), get(line=b"GET //b HTTP/1.1")),
    "version 1.0": passed(get(line=b"GET / HTTP/1.0"), PLAIN, closes=True),
    "version 1.0 without Host": passed(
        get(line=b"GET / HTTP/1.0", host=b""), get(host=b"Host: "), closes=True
    ),
}

HOSTS = {
    "no Host": refused(400, get(host=b"")),
    "no Host beside an absolute target": refused(
        400, get(line=b"GET http://b/ HTTP/1.1", host=b"")
    ),
    "two Hosts": refused(400, get(b"Host: b")),
    "one Host twice": refused(400, get(b"Host: a")),
    "Host in other letters": refused(400, get(b"hOST: b")),
    "Host list": refused(400, get(host=b"Host: a, b")),
    "Host with a space": refused(400, get(host=b"Host: a b")),
    "Host with a user": refused(400, get(host=b"Host: u@a")),
    "Host with a path": refused(400, get(host=b"Host: a/b")),
    "Host with a query": refused(400, get(host=b"Host: a?b")),
    "Host with a bad port": refused(400, get(host=b"Host: a:80x")),
    "Host with two ports": refused(400, get(host=b"Host: a:80:81")),
    "Host beyond ASCII": refused(400, get(host=b"Host: \xc3\xa9")),
    "Host, space before the colon": refused(400, get(host=b"Host : a")),
    "Host folded": refused(400, get(host=b"Host: a\r\n b")),
    "Host named by Connection": passed(get(b"Connection: host"), PLAIN),
    "Host empty": passed(get(host=b"Host:"), get(host=b"Host: ")),
    "Host before a space": passed(get(host=b"Host: a "), PLAIN),
    "absolute target of another host": passed(
        get(line=b"GET http://b:8/x HTTP/1.1"), get(line=b"GET /x HTTP/1.1", host=b"Host: b:8")
    ),
    "absolute target with a user": refused(400, get(line=b"GET http://a@b/ HTTP/1.1")),
    "absolute target without a host": refused(400, get(line=b"GET http:///x HTTP/1.1")),
    "absolute target with a port alone": refused(400, get(line=b"GET http://:80/x HTTP/1.1")),
    "absolute target with a backslash": refused(400, get(line=b"GET http://a\\b/ HTTP/1.1")),
    "absolute target of another scheme": refused(400, get(line=b"GET ftp://a/ HTTP/1.1")),
}

FIELDS = {
    "value with NUL": refused(400, get(b"X: a\x00b")),
    "value with SOH": refused(400, get(b"X: a\x01b")),
    "value with ESC": refused(400, get(b"X: a\x1bb")),
    "value with DEL": refused(400, get(b"X: a\x7fb")),
    "value with a bare CR": refused(400, get(b"X: a\rb")),
    "value with a bare LF": refused(400, get(b"X: a\nY: b")),
    "value before two CR": refused(400, get(b"X: a\r")),
    "value folded": refused(400, get(b"X: a\r\n b")),
    "value beyond ASCII": passed(get(b"X: \xe9"), get(b"X: \xe9")),
    "name with NUL": refused(400, get(b"X\x00: a")),
    "name with a space": refused(400, get(b"X Y: a")),
    "name with a parenthesis": refused(400, get(b"X(: a")),
    "name in quotes": refused(400, get(b'"X": a')),
    "name beyond ASCII": refused(400, get(b"X\xe9: a")),
    "name empty": refused(400, get(b": a")),
    "no colon": refused(400, get(b"X")),
    "space before the first": refused(400, get(host=b" X: y\r\nHost: a")),
    "end is a bare LF": refused(400, b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
    # Not all 128: proxies add fields of their own, and the next one has the same limit.
    "120 of them": passed(get(*[b"X: a"] * 119), get(*[b"X: a"] * 119)),
    "129 of them": refused(431, get(*[b"X: a"] * 128)),
    "one of 100,000 bytes": refused(431, get(b"X: " + b"a" * 100_000)),
    "one without an end": refused(431, get(b"X: " + b"a" * 100_000)[:-4]),
    "end missing": refused(408, b"GET / HTTP/1.1\r\nHost: a\r\n"),
    "fields of one hop": passed(
        get(b"Connection: X-A, Keep-Alive", b"X-A: 1", b"Keep-Alive: 9", b"TE: trailers", b"X: y"),
        get(b"X: y"),
    ),
    "Connection names who is asked": passed(
        get(b"Connection: authorization, k-network-probe", b"Authorization: b"),
        get(b"Authorization: b"),
    ),
    "Connection: close": passed(get(b"Connection: close, te"), PLAIN, closes=True),
    # RFC 9110 section 10.1.1 allows 417 to whoever answers; the model may know this expectation.
    "Expect something else": passed(
        post(b"Expect: 200-maybe", LENGTH), post(b"Expect: 200-maybe", LENGTH)
    ),
    "Expect with more before it": passed(
        post(b"Expect: y 100-continue", LENGTH), post(b"Expect: y 100-continue", LENGTH)
    ),
    "Expect without a body": passed(get(b"Expect: 100-continue"), get(b"Expect: 100-continue")),
}

UPGRADES = {
    "h2c with a body": passed(
        post(
            b"Connection: Upgrade, HTTP2-Settings",
            b"Upgrade: h2c",
            b"HTTP2-Settings: AA",
            b"Content-Length: 35",
            body=SMUGGLED,
        ),
        post(b"Content-Length: 35", body=SMUGGLED),
    ),
    "h2c without a body": passed(
        get(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AA"), PLAIN
    ),
    "h2c that Connection does not name": passed(get(b"Upgrade: h2c"), PLAIN),
    "h2c with chunks": passed(
        post(b"Connection: Upgrade", b"Upgrade: h2c", CHUNKED, body=b"3\r\nabc\r\n" + LAST),
        ABC_CHUNKED,
    ),
    "websocket with a body": passed(post(*WEBSOCKET, LENGTH), ABC),
    "websocket with chunks": passed(
        post(*WEBSOCKET, CHUNKED, body=b"3\r\nabc\r\n" + LAST), ABC_CHUNKED
    ),
    "websocket on 1.0": passed(get(*WEBSOCKET, line=b"GET / HTTP/1.0"), PLAIN, closes=True),
    "websocket among others": passed(get(b"Connection: Upgrade", b"Upgrade: a, websocket"), PLAIN),
    # The upstream declines, and what follows is HTTP again.
    "websocket that is declined, then another request": passed(
        get(*WEBSOCKET) + SMUGGLED, get(*WEBSOCKET), SMUGGLED
    ),
    "websocket that is declined, then garbage": Case(
        get(*WEBSOCKET) + b"\x81\x03abc\r\n\r\n", passes=(get(*WEBSOCKET),), refused=400
    ),
    "websocket and CL.TE": refused(400, post(*WEBSOCKET, LENGTH, CHUNKED, body=LAST)),
}

PIPELINES = {
    "two requests": passed(PLAIN + SMUGGLED, PLAIN, SMUGGLED),
    "request, then garbage": Case(PLAIN + b"\x00\x01\r\n\r\n", passes=(PLAIN,), refused=400),
    "request, then CL.TE": Case(
        PLAIN + post(LENGTH, CHUNKED, body=LAST + SMUGGLED), passes=(PLAIN,), refused=400
    ),
    "request, then half of one": Case(PLAIN + PLAIN[:-2], passes=(PLAIN,), refused=408),
    "last request, then another": passed(get(b"Connection: close") + SMUGGLED, PLAIN, closes=True),
    "last of 1.0, then another": passed(get(line=b"GET / HTTP/1.0") + SMUGGLED, PLAIN, closes=True),
    "refused, then another": refused(400, get(b"Host: b") + SMUGGLED),
}

HOSTILE: dict[str, Case] = {
    f"{kind}: {name}": case
    for kind, cases in (
        ("framing", FRAMING),
        ("chunks", CHUNKS),
        ("line", LINES),
        ("Host", HOSTS),
        ("fields", FIELDS),
        ("upgrade", UPGRADES),
        ("pipeline", PIPELINES),
    )
    for name, case in cases.items()
}
