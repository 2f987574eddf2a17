import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest

from servingkit.cluster.kubernetes.api import ApiClient
from servingkit.cluster.kubernetes.core.objects import PodObject
from servingkit.cluster.kubernetes.core.resource import PODS
from servingkit.cluster.kubernetes.reflector import BackOff, Key, Reflector
from tests.fakes.kube_api import KubeApi, Object
from tests.polling import until

pytestmark = [pytest.mark.integration, pytest.mark.asyncio]

QUICK = BackOff(first_s=0.01, longest_s=0.05)


def pod(name: str, namespace: str = "shop", **labels: str) -> Object:
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}}


def reflector_of(api: ApiClient, namespace: str = "", selector: str = "") -> Reflector[PodObject]:
    return Reflector(api, PodObject, PODS, namespace=namespace, selector=selector, back_off=QUICK)


@contextlib.asynccontextmanager
async def running(reflector: Reflector[PodObject]) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(reflector.run())
    try:
        await asyncio.wait_for(reflector.synced.wait(), 30)
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def names(reflector: Reflector[PodObject]) -> list[str]:
    return sorted(key.name for key in reflector.objects)


async def test_shows_what_was_there_and_what_comes(server: KubeApi, api: ApiClient) -> None:
    server.put("pods", pod("first"))
    reflector = reflector_of(api)
    async with running(reflector):
        assert names(reflector) == ["first"]
        server.put("pods", pod("second"))
        await until(lambda: names(reflector) == ["first", "second"])
        server.remove("pods", "shop", "first")
        await until(lambda: names(reflector) == ["second"])


async def test_tells_of_each_change_after_the_cache_shows_it(
    server: KubeApi, api: ApiClient
) -> None:
    reflector = reflector_of(api)
    told: list[tuple[str, bool]] = []
    reflector.on_change(lambda key: told.append((key.name, key in reflector.objects)))
    server.put("pods", pod("one"))
    async with running(reflector):
        server.remove("pods", "shop", "one")
        await until(lambda: len(told) == 2)
    assert told == [("one", True), ("one", False)]


async def test_a_list_of_many_pages_is_read_whole(server: KubeApi, api: ApiClient) -> None:
    for number in range(1201):
        server.put("pods", pod(f"pod-{number:04d}"))
    reflector = reflector_of(api)
    async with running(reflector):
        assert len(reflector.objects) == 1201
    assert server.called("list", "pods") == 3


async def test_only_one_namespace_and_one_label(server: KubeApi, api: ApiClient) -> None:
    server.put("pods", pod("mine", app="iris"))
    server.put("pods", pod("other-app", app="bert"))
    server.put("pods", pod("elsewhere", "bank", app="iris"))
    reflector = reflector_of(api, "shop", "app=iris")
    async with running(reflector):
        assert list(reflector.objects) == [Key("shop", "mine")]
        server.edit("pods", "shop", "mine", {"metadata": {"labels": {"app": "bert"}}})
        await until(lambda: not reflector.objects)


async def test_goes_on_where_a_watch_was_cut_in_the_middle_of_a_line(
    server: KubeApi, api: ApiClient
) -> None:
    reflector = reflector_of(api)
    async with running(reflector):
        await until(lambda: server.watches == ["pods"])
        server.cut_watches()
        server.put("pods", pod("late"))
        await until(lambda: names(reflector) == ["late"])
    assert server.called("list", "pods") == 1


async def test_lists_anew_when_its_version_is_too_old(server: KubeApi, api: ApiClient) -> None:
    server.put("pods", pod("gone-meanwhile"))
    reflector = reflector_of(api)
    told: list[Key] = []
    async with running(reflector):
        await until(lambda: server.watches == ["pods"])
        reflector.on_change(told.append)
        server.faults.away = True
        server.cut_watches()
        server.remove("pods", "shop", "gone-meanwhile")
        server.put("pods", pod("new"))
        server.forget_history()
        server.faults.away = False
        await until(lambda: names(reflector) == ["new"])
    assert sorted(key.name for key in told) == ["gone-meanwhile", "new"]
    assert server.called("list", "pods") == 2


async def test_a_bookmark_spares_the_list(server: KubeApi, api: ApiClient) -> None:
    reflector = reflector_of(api)
    async with running(reflector):
        await until(lambda: server.watches == ["pods"])
        server.put("services", pod("something-else"))
        server.send_bookmarks()
        await until(lambda: f"'{server.objects_version}'" in repr(reflector))
        server.forget_history()
        server.cut_watches()
        await until(lambda: server.called("watch", "pods") >= 2)
        server.put("pods", pod("late"))
        await until(lambda: names(reflector) == ["late"])
    assert server.called("list", "pods") == 1


async def test_while_the_server_is_away_the_cache_stays(
    server: KubeApi, api: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.put("pods", pod("kept"))
    reflector = reflector_of(api)
    async with running(reflector):
        server.faults.away = True
        server.cut_watches()
        await until(lambda: "watch lost" in caplog.messages)
        assert names(reflector) == ["kept"]
        server.faults.away = False
        server.put("pods", pod("new"))
        await until(lambda: names(reflector) == ["kept", "new"])
    # However many tries it took.
    assert caplog.messages.count("watch lost") == 1
    assert caplog.messages.count("watch restored") == 1


async def test_a_refusal_by_rbac_names_verb_and_resource(
    server: KubeApi, api: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults.forbidden = {("list", "pods")}
    reflector = reflector_of(api)
    task = asyncio.get_running_loop().create_task(reflector.run())
    await until(lambda: "watch lost" in caplog.messages)
    server.faults.forbidden.clear()
    await asyncio.wait_for(reflector.synced.wait(), 30)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    (record,) = (one for one in caplog.records if one.message == "watch lost")
    assert record.levelno == logging.ERROR
    assert "list pods in all namespaces: 403" in vars(record)["reason"]


async def test_watches_that_end_at_once_do_not_spin(server: KubeApi, api: ApiClient) -> None:
    reflector = Reflector(api, PodObject, PODS, back_off=BackOff(first_s=60, longest_s=60))
    async with running(reflector):
        await until(lambda: server.watches == ["pods"])
        server.end_watches()
        await until(lambda: not server.watches)
        await asyncio.sleep(0.1)
        assert server.called("watch", "pods") == 1


async def test_an_error_of_a_callback_is_logged_and_the_cache_goes_on(
    server: KubeApi, api: ApiClient, caplog: pytest.LogCaptureFixture
) -> None:
    reflector = reflector_of(api)

    def fail_once(key: Key) -> None:
        if key.name == "odd" and "watch failed" not in caplog.messages:
            raise KeyError(key)

    reflector.on_change(fail_once)
    async with running(reflector):
        server.put("pods", pod("odd"))
        await until(lambda: "watch failed" in caplog.messages)
        server.put("pods", pod("next"))
        await until(lambda: names(reflector) == ["next", "odd"])
