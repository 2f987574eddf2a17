"""Stock clients through the sidecar as a process: what works without it works with it."""

import gzip
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.integration.programs import RunningSidecar, sidecar, wait_until
from tests.integration.stock_clients import STOCK_CLIENTS, Question, StockClient

pytestmark = pytest.mark.integration

TEXT = b"hello"
GZIPPED = gzip.compress(TEXT * 100)
LOCATION = "http://elsewhere.example/a?b=%20#c"
COOKIES = ["a=1; Path=/; Expires=Wed, 21 Oct 2037 07:28:00 GMT", "b=2, 3", "a=4"]
UPLOAD = bytes(range(256)) * 32_000  # 8 MB
GO_ON = threading.Event()


class Model(BaseHTTPRequestHandler):
    """The standard library's server; its names are given."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        headers = {
            "/gzip": [("Content-Encoding", "gzip")],
            "/redirect": [("Location", LOCATION)],
            "/cookies": [("Set-Cookie", cookie) for cookie in COOKIES],
        }
        if self.path == "/held":
            GO_ON.wait(20)
        body = GZIPPED if self.path == "/gzip" else TEXT
        self.send_response(302 if self.path == "/redirect" else 200)
        for name, value in headers.get(self.path, ()):
            self.send_header(name, value)
        self._send_body(body)

    do_HEAD = do_GET  # noqa: N815 -- http.server looks for this name

    def do_POST(self) -> None:
        coding = self.headers.get("Transfer-Encoding", "")
        body = b"".join(self._chunks()) if coding else self._read_length()
        self.send_response(200)
        self.send_header("X-Coding", coding)
        self._send_body(body)

    do_PUT = do_POST  # noqa: N815 -- as above

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _send_body(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _read_length(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()


@pytest.fixture(scope="module")
def model_port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Model) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        serving.start()
        yield server.server_port
        server.shutdown()
        serving.join()


@pytest.fixture(scope="module")
def proxy(model_port: int) -> Iterator[RunningSidecar]:
    with sidecar(model_port, container_concurrency=10) as running:
        yield running


@pytest.fixture(params=list(STOCK_CLIENTS.values()), ids=list(STOCK_CLIENTS))
def client(request: pytest.FixtureRequest) -> Iterator[StockClient]:
    with request.param() as found:
        yield found


def test_get_brings_the_body(client: StockClient, proxy: RunningSidecar) -> None:
    answer = client.ask(Question("GET", f"{proxy.url}/text"))
    assert (answer.status, answer.body) == (200, TEXT)


def test_head_brings_the_length_and_no_body(client: StockClient, proxy: RunningSidecar) -> None:
    answer = client.ask(Question("HEAD", f"{proxy.url}/text"))
    assert (answer.status, answer.all("content-length"), answer.body) == (
        200,
        ["5"],
        b"",
    )


def test_post_sends_the_body(client: StockClient, proxy: RunningSidecar) -> None:
    answer = client.ask(Question("POST", f"{proxy.url}/echo", body=UPLOAD))
    assert (answer.status, answer.all("x-coding")) == (200, [""])
    assert answer.body == UPLOAD


def test_upload_of_unknown_length_stays_chunked(client: StockClient, proxy: RunningSidecar) -> None:
    answer = client.ask(Question("PUT", f"{proxy.url}/echo", body=UPLOAD, chunked=True))
    assert (answer.status, answer.all("x-coding")) == (200, ["chunked"])
    assert answer.body == UPLOAD


def test_expectation_is_met(client: StockClient, proxy: RunningSidecar) -> None:
    expect = {"Expect": "100-continue"}
    answer = client.ask(Question("POST", f"{proxy.url}/echo", expect, b"abc"))
    assert (answer.status, answer.body) == (200, b"abc")


def test_connection_is_used_again(client: StockClient, proxy: RunningSidecar) -> None:
    before = client_ports(proxy.serving_port)
    assert client.get_thrice(f"{proxy.url}/text") == [TEXT] * 3
    # None is new when the kernel gave a port again that another test had within the minute.
    assert len(client_ports(proxy.serving_port) - before) <= 1


def client_ports(port: int) -> set[bytes]:
    """Return the ports of clients that were connected to `port` within the last minute."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_bytes().splitlines()[1:]]
    ends = [(row[1].partition(b":")[2], row[2].partition(b":")[2]) for row in rows]
    return {mine for mine, other in ends if int(other, 16) == port} | {
        other for mine, other in ends if int(mine, 16) == port and int(other, 16)
    }


def test_compressed_body_is_not_touched(client: StockClient, proxy: RunningSidecar) -> None:
    answer = client.ask(Question("GET", f"{proxy.url}/gzip", {"Accept-Encoding": "gzip"}))
    assert (answer.all("content-encoding"), answer.body) == (["gzip"], GZIPPED)


def test_redirect_is_not_touched(client: StockClient, proxy: RunningSidecar) -> None:
    answer = client.ask(Question("GET", f"{proxy.url}/redirect"))
    assert (answer.status, answer.all("location")) == (302, [LOCATION])


def test_cookies_stay_apart_and_in_order(client: StockClient, proxy: RunningSidecar) -> None:
    assert client.ask(Question("GET", f"{proxy.url}/cookies")).all("set-cookie") == COOKIES


@pytest.fixture(scope="module")
def full_proxy(model_port: int) -> Iterator[RunningSidecar]:
    """A sidecar with one request running and one waiting, and no room for more."""
    with (
        sidecar(model_port, container_concurrency=1, INFLIGHT_QUEUE_DEPTH="1") as running,
        ThreadPoolExecutor(2) as holders,
    ):
        GO_ON.clear()
        for _ in range(2):
            holders.submit(STOCK_CLIENTS["requests"]().ask, Question("GET", f"{running.url}/held"))
        wait_until(lambda: running.metric("inflight_requests_in_flight") == 2, "it is full")
        yield running
        GO_ON.set()


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
def test_refusal_in_mid_upload_arrives_ten_times_of_ten(
    client: StockClient, full_proxy: RunningSidecar, *, chunked: bool
) -> None:
    no_waiting = {"Expect": ""} if type(client) is STOCK_CLIENTS["curl"] else {}
    question = Question("PUT", f"{full_proxy.url}/echo", no_waiting, UPLOAD, chunked)
    for _ in range(10):
        answer = client.ask(question)
        assert (answer.status, answer.body) == (503, b"pending request queue full\n")
        assert answer.all("inflight-reason") == ["queue-full"]
