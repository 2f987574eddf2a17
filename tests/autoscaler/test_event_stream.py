"""The event stream over real sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession, web

from autoscaler.event_stream import MOST_STATUSES, EventStream
from autoscaler.journal import Journal
from autoscaler.status import RevisionStatus
from servingkit.core.revision import RevisionId
from tests.autoscaler.test_metrics import STATUS
from tests.autoscaler.tracked import IRIS
from tests.fakes.web_server import web_server
from tests.polling import until

pytestmark = pytest.mark.asyncio

ROSE = RevisionId("default", "rose")


class Served:
    """A stream on a loopback port."""

    def __init__(self, session: ClientSession, journal: Journal) -> None:
        self.journal = journal
        self.port = 0
        self.asked: list[tuple[str, int]] = []
        self._session = session

    def statuses(self, match: str, most: int) -> tuple[list[RevisionStatus], int]:
        self.asked.append((match, most))
        return [STATUS], 7

    def get(self, query: str = "", last_id: str | None = None) -> Any:  # noqa: ANN401 -- aiohttp does not name this type
        headers = {} if last_id is None else {"Last-Event-ID": last_id}
        return self._session.get(f"http://127.0.0.1:{self.port}/{query}", headers=headers)

    def note(self, *names: str, revision: RevisionId = IRIS) -> None:
        for name in names:
            self.journal.note(name, revision, "because", to_pods=3)


@asynccontextmanager
async def serving(
    *,
    most_events: int = 100,
    most_readers: int = 100,
    slow_after_s: float = 60.0,
    heartbeat_s: float = 60.0,
) -> AsyncIterator[Served]:
    journal = Journal(most_events)
    async with ClientSession() as session:
        it = Served(session, journal)
        stream = EventStream(
            journal,
            it.statuses,
            most_readers=most_readers,
            slow_after_s=slow_after_s,
            heartbeat_s=heartbeat_s,
        )
        application = web.Application()
        application.router.add_get("/", stream.serve)
        async with web_server(application) as address:
            it.port = address.port
            yield it
            journal.close()
            await until(lambda: stream.readers == 0)


async def message(answer: ClientResponse) -> dict[str, Any]:
    """Return the fields of the next message, its data read as JSON."""
    async with asyncio.timeout(60):
        fields: dict[str, Any] = {}
        while line := (await answer.content.readline()).decode().rstrip("\n"):
            name, _, value = line.partition(":")
            fields[name] = value.removeprefix(" ")
    if "data" in fields:
        fields["data"] = json.loads(fields["data"])
    return fields


async def names(answer: ClientResponse, count: int) -> list[str]:
    return [(await message(answer))["data"]["name"] for _ in range(count)]


async def test_a_reader_is_told_of_what_happens_from_then_on() -> None:
    async with serving() as it:
        it.note("before")
        async with it.get() as answer:
            assert answer.content_type == "text/event-stream"
            assert await message(answer) == {"retry": "2000"}
            it.note("scale changed")
            told = await message(answer)
            at_s = told["data"].pop("at_s")
            assert at_s == it.journal.after(1).events[0].at_s
            assert told == {
                "id": f"{it.journal.process}-2",
                "event": "event",
                "data": {
                    "name": "scale changed",
                    "namespace": "default",
                    "revision": "iris",
                    "reason": "because",
                    "facts": {"to_pods": 3},
                },
            }


async def test_a_reader_that_comes_again_is_told_what_it_missed() -> None:
    async with serving() as it:
        it.note("one", "two", "three")
        async with it.get(last_id=f"{it.journal.process}-1") as answer:
            await message(answer)
            assert await names(answer, 2) == ["two", "three"]


async def test_a_reader_that_was_away_for_too_long_is_told_how_much_is_lost() -> None:
    async with serving(most_events=2) as it:
        it.note("one", "two", "three", "four")
        async with it.get(last_id=f"{it.journal.process}-1") as answer:
            await message(answer)
            assert await message(answer) == {"event": "gap", "data": {"missed": 1}}
            assert await names(answer, 2) == ["three", "four"]


@pytest.mark.parametrize("last_id", ["0badcafe-7", "nonsense", "-"])
async def test_after_a_restart_a_reader_gets_all_that_is_known(last_id: str) -> None:
    async with serving() as it:
        it.note("one")
        async with it.get(last_id=last_id) as answer:
            await message(answer)
            assert await message(answer) == {"event": "gap", "data": {"missed": None}}
            assert await names(answer, 1) == ["one"]


async def test_a_number_that_no_event_can_have_is_not_read() -> None:
    async with serving() as it:
        it.note("one")
        async with it.get(last_id=f"{it.journal.process}-{'9' * 5_000}") as answer:
            assert answer.status == 200
            await message(answer)
            assert await message(answer) == {"event": "gap", "data": {"missed": None}}


async def test_a_reader_of_one_revision_is_not_told_of_others() -> None:
    async with serving() as it, it.get("?revision=default/rose") as answer:
        await message(answer)
        it.note("one")
        it.note("two", revision=ROSE)
        assert await names(answer, 1) == ["two"]


async def test_who_asks_for_statuses_gets_them_each_second() -> None:
    async with serving() as it, it.get("?statuses=true&match=iri") as answer:
        await message(answer)
        for _ in range(2):
            told = await message(answer)
            assert told["event"] == "statuses"
            assert told["data"]["total"] == 7
            assert told["data"]["revisions"][0]["desired_pods"] == STATUS.desired_pods
        assert it.asked[0] == ("iri", MOST_STATUSES)


async def test_a_quiet_stream_shows_that_it_is_alive() -> None:
    async with serving(heartbeat_s=0.01) as it, it.get() as answer:
        await message(answer)
        assert await message(answer) == {"": "still here"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?revision=iris", "revision=iris: expected NAMESPACE/NAME"),
        ("?revision=/iris", "NAMESPACE/NAME"),
        ("?statuses=maybe", "true or false"),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(query: str, expected: str) -> None:
    async with serving() as it, it.get(query) as answer:
        assert answer.status == 400
        assert expected.rsplit(": ", maxsplit=1)[-1] in (await answer.json())["error"]


async def test_beyond_the_limit_readers_are_sent_away() -> None:
    async with serving(most_readers=1) as it, it.get() as answer:
        await message(answer)
        async with it.get() as other:
            assert other.status == 503
            assert other.headers["Retry-After"] == "10"


async def test_a_reader_that_takes_nothing_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(slow_after_s=0.2) as it:
        with socket.create_connection(("127.0.0.1", it.port)) as slow:
            slow.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            while "event reader dropped" not in caplog.messages:
                it.note("x" * 100_000)
                await asyncio.sleep(0.01)
        # Others are served as ever.
        async with it.get() as answer:
            await message(answer)
            it.note("after")
            assert await names(answer, 1) == ["after"]
