import asyncio
import json
from pathlib import Path

import pytest

from loadtest.child import ChildError
from loadtest.local import EVENTS, LOG, first_pod_start_s, inflight_local


def write_events(out: Path, *events: dict[str, object]) -> None:
    (out / EVENTS).write_text("".join(json.dumps(event) + "\n" for event in events))


def test_start_of_the_first_pod_is_read_from_the_events(tmp_path: Path) -> None:
    write_events(
        tmp_path,
        {"event": "started"},
        {"event": "tick", "at_s": 1.0},
        {"event": "pod ready", "pod": "iris-1", "after_s": 2.25},
        {"event": "pod ready", "pod": "iris-2", "after_s": 9.0},
    )
    assert first_pod_start_s(tmp_path) == 2.25


def test_event_that_is_still_being_written_is_not_read(tmp_path: Path) -> None:
    write_events(tmp_path, {"event": "started"})
    with (tmp_path / EVENTS).open("a") as file:
        file.write('{"event": "pod re')
    assert first_pod_start_s(tmp_path) is None


@pytest.mark.integration
@pytest.mark.asyncio
async def test_local_cluster_that_refuses_its_settings_is_told_with_its_words(
    tmp_path: Path,
) -> None:
    with pytest.raises(ChildError, match="--target") as caught:
        async with inflight_local(["--name", "x", "--target", "0", "--", "true"], tmp_path):
            pytest.fail("it started")
    assert caught.value.returncode == 78


@pytest.mark.integration
@pytest.mark.asyncio
async def test_local_cluster_is_there_for_the_block_and_gone_after_it(tmp_path: Path) -> None:
    arguments = ("--name", "x", "--namespace", "n", "--port", "0", "--api-port", "0")
    command = ("--initial-scale", "0", "--", "sleep", "60")
    async with inflight_local([*arguments, *command], tmp_path) as revision:
        assert revision.revision == "n/x"
        _reader, writer = await asyncio.open_connection(*revision.api[7:].split(":"))
        writer.close()
    assert revision.process.returncode == 0, (tmp_path / LOG).read_text()


@pytest.mark.integration
@pytest.mark.asyncio
async def test_end_of_the_local_cluster_is_an_error_of_those_who_need_it(tmp_path: Path) -> None:
    arguments = ("--name", "x", "--port", "0", "--api-port", "0", "--initial-scale", "0")
    async with inflight_local([*arguments, "--", "sleep", "60"], tmp_path) as revision:
        revision.process.kill()
        with pytest.raises(ChildError, match="inflight local ended with -9"):
            await revision.must_run()
