"""The command against the real API on a loopback port."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from rich.console import Console

from autoscaler.api import api_application
from autoscaler.event_stream import EventStream
from autoscaler.journal import Journal
from autoscaler.status import RevisionDetail
from inflight.status.app import Screen, run
from inflight.status.settings import StatusSettings
from servingkit.core.revision import RevisionId
from tests.autoscaler.test_metrics import STATUS
from tests.autoscaler.tracked import IRIS
from tests.fakes.web_server import web_server
from tests.inflight.status.details import detail
from tests.polling import until

pytestmark = pytest.mark.asyncio

ROSE = RevisionId("default", "rose")


def known(revision: RevisionId) -> RevisionDetail | None:
    return detail(1.0, 2.0) if revision == IRIS else None


class Api:
    """An API that can be stopped, and started again on its port."""

    def __init__(self) -> None:
        self.port = 0
        self.journal = Journal()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.journal = Journal()
        events = EventStream(self.journal, lambda match, _: ([STATUS], 1) if match else ([], 0))
        application = api_application(lambda: [STATUS], known, events, dict)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        self.journal.close()
        if self._runner is not None:
            await self._runner.cleanup()


@asynccontextmanager
async def api() -> AsyncIterator[Api]:
    made = Api()
    await made.start()
    yield made
    await made.stop()


class Terminal:
    """What a person sees."""

    def __init__(self, *, live: bool = False) -> None:
        self._out, self._errors = io.StringIO(), io.StringIO()
        console = Console(file=self._out, width=140, color_system=None, force_terminal=live)
        self.screen = Screen(console, self._errors)

    @property
    def out(self) -> str:
        return self._out.getvalue()

    @property
    def errors(self) -> str:
        return self._errors.getvalue()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


def settings(
    url: str, revision: RevisionId | None = None, *, watch: bool = False, as_json: bool = False
) -> StatusSettings:
    return StatusSettings(api=url, revision=revision, watch=watch, json=as_json)


@asynccontextmanager
async def watching(wanted: StatusSettings, terminal: Terminal) -> AsyncIterator[None]:
    async with asyncio.TaskGroup() as group:
        task = group.create_task(run(wanted, terminal.screen))
        yield
        task.cancel()


async def test_all_revisions_are_listed() -> None:
    terminal = Terminal()
    async with api() as it:
        assert await run(settings(it.url), terminal.screen) == 0
    assert "default/iris: 3 pods: because" in terminal.out


async def test_one_revision_is_shown_in_full() -> None:
    terminal = Terminal()
    async with api() as it:
        assert await run(settings(it.url, IRIS), terminal.screen) == 0
    assert "decisions" in terminal.out


@pytest.mark.parametrize(("revision", "key"), [(None, "revisions"), (IRIS, "decisions")])
async def test_json_is_what_the_api_says(revision: RevisionId | None, key: str) -> None:
    terminal = Terminal()
    async with api() as it:
        assert await run(settings(it.url, revision, as_json=True), terminal.screen) == 0
    assert key in json.loads(terminal.out)


async def test_a_revision_that_does_not_exist_has_an_exit_code_of_its_own() -> None:
    terminal = Terminal()
    async with api() as it:
        assert await run(settings(it.url, ROSE), terminal.screen) == 3
    assert terminal.errors == "no revision default/rose is being scaled\n"


async def test_without_an_autoscaler_the_error_says_where_it_was_sought() -> None:
    async with api() as it:
        url = it.url
    terminal = Terminal()
    assert await run(settings(url, watch=True), terminal.screen) == 1
    assert terminal.errors.startswith(f"no autoscaler at {url}: ")
    assert terminal.out == ""


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (500, "", "is no autoscaler's API: it answers with status 500"),
        (404, "", "is no autoscaler's API: it answers with status 404"),
        (200, "<html>", "does not answer as an autoscaler of this version"),
        (200, '{"revisions": [{"name": "x"}]}', "missing required field"),
    ],
)
async def test_another_server_is_no_autoscaler(status: int, body: str, expected: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body)

    application = web.Application()
    application.router.add_get("/{path:.*}", answer)
    terminal = Terminal()
    async with web_server(application) as address:
        assert await run(settings(f"http://{address}"), terminal.screen) == 1
    assert expected in terminal.errors


async def test_watching_writes_a_line_for_each_event_and_survives_a_restart() -> None:
    terminal = Terminal()
    async with api() as it, watching(settings(it.url, watch=True), terminal):
        await until(lambda: "default/iris" in terminal.out)
        await note_until_shown(it, "scale changed", lambda: terminal.out)
        await it.stop()
        await until(lambda: "trying again" in terminal.errors)
        await it.start()
        it.journal.note("panic started", IRIS, "because")
        # What happened before the reader came back is not lost.
        await until(lambda: "default/iris panic started: because" in terminal.out)
    assert "unknown many events were missed" in terminal.out


async def note_until_shown(it: Api, name: str, shown: Any) -> None:  # noqa: ANN401
    """The reader may not be there yet, and is told only of what happens from then on."""
    async with asyncio.timeout(60):
        while name not in shown():
            it.journal.note(name, IRIS, "because", to_pods=3)
            await asyncio.sleep(0.05)


async def test_watching_one_revision_as_json_writes_an_object_for_each_message() -> None:
    terminal = Terminal()
    async with (
        api() as it,
        watching(settings(it.url, IRIS, watch=True, as_json=True), terminal),
    ):
        await note_until_shown(it, "scale changed", lambda: terminal.out)
        await until(lambda: any(line["event"] == "statuses" for line in terminal.lines()))
        await it.stop()
        await until(lambda: terminal.lines()[-1]["event"] == "lost")
    told = next(line for line in terminal.lines() if line["event"] == "event")
    assert (told["name"], told["facts"]) == ("scale changed", {"to_pods": 3})
    statuses = next(line for line in terminal.lines() if line["event"] == "statuses")
    assert [one["name"] for one in statuses["revisions"]] == ["iris"]


@pytest.mark.parametrize(
    ("revision", "expected"), [(None, "no revision is being scaled"), (IRIS, "decisions")]
)
async def test_in_a_terminal_watching_redraws(revision: RevisionId | None, expected: str) -> None:
    terminal = Terminal(live=True)
    async with api() as it, watching(settings(it.url, revision, watch=True), terminal):
        await until(lambda: expected in terminal.out)
        await note_until_shown(it, "scale changed", lambda: terminal.out)
        await it.stop()
        await until(lambda: "trying again" in terminal.out)
