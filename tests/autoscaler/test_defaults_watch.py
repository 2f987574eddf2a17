import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from autoscaler.core.defaults import Defaults
from autoscaler.defaults_source import DefaultsSource
from autoscaler.defaults_watch import DefaultsWatch
from tests.autoscaler.config_map import ConfigMapMount
from tests.polling import until

pytestmark = pytest.mark.asyncio


class Watched:
    """A mounted ConfigMap that is followed."""

    def __init__(self, directory: Path) -> None:
        self.mount = ConfigMapMount(directory)
        self.mount.put({"stable-window": "30s"})
        source = DefaultsSource(key="CONFIG_PATH", path=self.mount.path)
        self.changes: list[Defaults] = []
        self.watch = DefaultsWatch(source.read(), source)
        self.watch.on_change(self.changes.append)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.watch.run())
            yield
            task.cancel()

    def gauge(self) -> float:
        (family,) = self.watch.collect()
        return family.samples[0].value


async def test_a_change_is_taken_over_while_the_program_runs(tmp_path: Path) -> None:
    watched = Watched(tmp_path)
    async with watched.running():
        watched.mount.put({"stable-window": "40s", "max-scale": "3"})
        await until(lambda: watched.changes)
    assert [(it.stable_window_s, it.max_scale) for it in watched.changes] == [(40, 3)]
    assert watched.gauge() == 1
    assert watched.watch.as_json() == {
        "valid": True,
        "path": str(watched.mount.path),
        "problems": [],
    }


async def test_a_bad_change_keeps_the_last_good_one_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    watched = Watched(tmp_path)
    async with watched.running():
        watched.mount.put({"stable-window": "1s", "max-sale": "3"})
        await until(lambda: watched.gauge() == 0)
        assert watched.watch.defaults.stable_window_s == 30
        assert [problem.key for problem in watched.watch.problems] == [
            f"{watched.mount.path}: stable-window",
            f"{watched.mount.path}: max-sale",
        ]
        assert caplog.messages == ["config refused"]
        assert caplog.records[0].levelno == logging.ERROR
        problems = caplog.records[0].__dict__["problems"]
        assert "stable-window: '1s'; expected" in problems
        assert "max-sale: '3'; expected one of" in problems
        watched.mount.put({"stable-window": "30s"})
        await until(lambda: watched.gauge() == 1)
    assert watched.changes == []
    assert caplog.messages == ["config refused", "config read"]


async def test_a_file_that_went_away_is_a_bad_change(tmp_path: Path) -> None:
    path = tmp_path / "autoscaler.yaml"
    path.write_text("stable-window: 30s\n")
    source = DefaultsSource(key="CONFIG_PATH", path=path)
    watch = DefaultsWatch(source.read(), source)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(watch.run())
        path.unlink()
        await until(lambda: watch.problems)
        task.cancel()
    assert watch.defaults.stable_window_s == 30


async def test_without_a_file_there_is_nothing_to_look_at() -> None:
    watch = DefaultsWatch(Defaults(), None)
    await watch.run()
    assert watch.as_json() == {"valid": True, "path": None, "problems": []}
