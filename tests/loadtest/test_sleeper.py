import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from loadtest.sleeper import parse_sleep_s

pytestmark = pytest.mark.integration

Serve = Callable[..., str]


@pytest.mark.parametrize(("text", "seconds"), [("0", 0.0), ("100", 0.1), ("2.5", 0.0025)])
def test_sleep_is_given_in_milliseconds(text: str, seconds: float) -> None:
    assert parse_sleep_s(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "nan", "inf", "soon"])
def test_sleep_that_never_ends_or_is_no_number_is_refused(serve: Serve, text: str) -> None:
    url = serve("loadtest.sleeper", ready_path="/stats")
    answer = requests.get(url, params={"sleep": text}, timeout=60)
    assert (answer.status_code, text in answer.text) == (400, True)


def test_sleeper_counts_how_many_requests_it_ran_at_once(serve: Serve) -> None:
    url = serve("loadtest.sleeper", ready_path="/stats")
    with ThreadPoolExecutor(7) as clients:
        answers = list(
            clients.map(lambda _: requests.get(f"{url}/?sleep=300", timeout=60), "x" * 7)
        )
    assert [answer.status_code for answer in answers] == [200] * 7
    stats = requests.get(f"{url}/stats", timeout=60).json()
    assert (stats["peak_concurrency"], stats["requests"], stats["concurrency"]) == (7, 7, 0)
    assert max(answer.json()["peak_concurrency"] for answer in answers) == 7


def test_sleep_of_a_client_that_left_is_no_longer_counted(serve: Serve) -> None:
    url = serve("loadtest.sleeper", ready_path="/stats")
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{url}/?sleep=60000", timeout=0.5)
    deadline = time.monotonic() + 60
    while requests.get(f"{url}/stats", timeout=60).json()["concurrency"] > 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_sleeper_does_not_answer_before_its_startup_has_passed(serve: Serve) -> None:
    began_at = time.monotonic()
    serve("loadtest.sleeper", "--startup-s", "1")
    assert time.monotonic() - began_at >= 1


def test_sleeper_without_a_port_says_so_and_exits_with_78() -> None:
    environ = {key: value for key, value in os.environ.items() if key != "PORT"}
    ended = subprocess.run(
        [sys.executable, "-m", "loadtest.sleeper"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (ended.returncode, ended.stderr) == (
        78,
        "PORT: not set; expected a whole number from 1 to 65535\n",
    )
