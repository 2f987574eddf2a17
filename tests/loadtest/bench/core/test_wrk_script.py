import pytest

from loadtest.bench.core.seen import Seen
from loadtest.bench.core.wrk_script import WrkOutputError, parse_wrk_output, wrk_script

OUTPUT = """\
Running 1s test @ http://127.0.0.1:8012/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.04ms    1.22ms  14.11ms   92.31%
    Req/Sec    40.92k     4.14k   46.56k    54.55%
  44736 requests in 1.10s, 8.11MB read
Requests/sec:  40654.03
Transfer/sec:      7.37MB

summary {"requests": 44736, "duration_us": 1100406, "p50_us": 700, "p99_us": 6510, "failed": 2}
"""


def test_summary_is_found_below_the_report() -> None:
    assert parse_wrk_output(OUTPUT) == Seen(
        units=44736, duration_s=1.100406, p50_ms=0.7, p99_ms=6.51, failed=2
    )


def test_output_without_summary_is_shown() -> None:
    with pytest.raises(WrkOutputError, match="unable to connect") as raised:
        parse_wrk_output("unable to connect to 127.0.0.1:1 Connection refused\n")
    assert raised.value.output.startswith("unable")


def test_body_is_posted_as_json() -> None:
    script = wrk_script('{"a":"b"}')
    assert 'wrk.method = "POST"' in script
    assert r'wrk.body = "{\"a\":\"b\"}"' in script
    assert '"Content-Type"] = "application/json"' in script


def test_no_body_is_a_get() -> None:
    assert "wrk.method" not in wrk_script("")
    assert "done = function" in wrk_script("")


def test_each_request_may_have_an_identifier_of_its_own() -> None:
    script = wrk_script('{"a":"b"}', each_has_identifier=True)
    assert 'wrk.headers["X-Request-Id"]' in script
    assert "request = function" in script
    assert "request = function" not in wrk_script('{"a":"b"}')
