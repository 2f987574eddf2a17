import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from loadtest.child import ChildError
from loadtest.load import run_load
from tests.fakes.web_server import web_server

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

SHORT = {
    "LOADTEST_PEAK_USERS": "4",
    "LOADTEST_UP_S": "1",
    "LOADTEST_HOLD_S": "1",
    "LOADTEST_DOWN_S": "0",
    "LOADTEST_SLEEP_MS": "50",
}


@asynccontextmanager
async def oracle(predictions: list[int]) -> AsyncIterator[str]:
    """Serve a model that answers these species to whatever it is asked."""

    async def predict(_: web.Request) -> web.Response:
        await asyncio.sleep(0.05)
        return web.json_response({"predictions": predictions})

    application = web.Application()
    application.router.add_post("/v1/models/iris:predict", predict)
    async with web_server(application) as address:
        yield f"http://{address}"


async def test_ramp_keeps_as_many_sleeps_in_flight_as_it_has_users(
    serve: Callable[..., str], tmp_path: Path
) -> None:
    url = serve("loadtest.sleeper", ready_path="/stats")
    sent = await run_load("sleeper", "ramp", url, tmp_path, SHORT)
    async with aiohttp.ClientSession() as session, session.get(f"{url}/stats") as answer:
        seen = await answer.json()
    assert (seen["peak_concurrency"], seen["requests"]) == (4, len(sent))
    assert not [request.failure for request in sent if request.failure]
    assert min(request.ended_at - request.began_at for request in sent) >= 0.05


async def test_wrong_species_are_failures_that_show_the_answer(tmp_path: Path) -> None:
    async with oracle([0] * 10) as url:
        sent = await run_load("iris", "ramp", url, tmp_path, SHORT)
    assert sent
    for request in sent:
        assert request.failure.endswith('{"predictions": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0]}')


async def test_nobody_listening_is_a_failure_of_requests_not_of_the_run(tmp_path: Path) -> None:
    sent = await run_load("iris", "ramp", "http://127.0.0.1:1", tmp_path, SHORT)
    assert sent
    assert all(request.failure.startswith("status 0") for request in sent)


async def test_locust_that_cannot_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match="LOADTEST_STEPS: 'none'") as caught:
        await run_load(
            "sleeper", "step", "http://127.0.0.1:1", tmp_path, {"LOADTEST_STEPS": "none"}
        )
    assert caught.value.program == "locust"
